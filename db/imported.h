/* Trials that were made of reports of a system, and never run by trapline. They are trials like others in lists, and are
 * left out wherever trials are counted to say how something behaves: caches, comparisons, nights, pages of builds. */
#ifndef TL_IMPORTED_H
#define TL_IMPORTED_H

#define TL_IMPORTED_CASE "imported"
#define TL_IMPORTED_UNIT "imported:unknown"
/* The case_hash of all of them, and of no case file: the content id of a text that is no JSON. */
#define TL_IMPORTED_HASH_OF "trapline: imported reports"
#define TL_IMPORTED_HASH "14b5eec195a7715a99e244484ec385ab"
/* For WHERE, behind a table with a column case_hash. */
#define TL_NOT_IMPORTED(table) table "case_hash <> '" TL_IMPORTED_HASH "'"

#endif
