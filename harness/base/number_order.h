/* An order of texts that people expect: numbers in them by their size. */
#ifndef TL_NUMBER_ORDER_H
#define TL_NUMBER_ORDER_H

/* Like strcmp, but "layers":9 comes before "layers":10, and 0.25 before 0.5. */
int tl_number_order(const char *a, const char *b);

#endif
