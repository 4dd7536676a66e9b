/* Loading a case file (docs/case-files.md): everything that can be checked is checked, and every mistake is
 * reported with its line, its JSON path and what was expected; nothing is run. */
#ifndef TL_CASE_LOAD_H
#define TL_CASE_LOAD_H

#include "cases/case.h"

/* Every mistake found, in the order of the file. */
struct tl_mistake {
    int line;       /* 1 is the first; 0 when the mistake has no place in the file */
    char *path;     /* JSON path: $.axes[2].range */
    char *expected; /* what was expected, and what was found */
};
struct tl_mistakes {
    size_t n;
    struct tl_mistake *list;
};
void tl_mistakes_free(struct tl_mistakes *m);

/* Loads and checks a case file of at most 4 MiB; "-" is standard input, and of a directory it is the case.json
 * in it. On mistakes in it returns -1 with e->kind
 * TL_ERROR_INPUT and all of them in *m (which the caller frees in any case). On success *c is the caller's to
 * tl_case_free. */
int tl_case_load(const char *path, struct tl_case **c, struct tl_mistakes *m, struct tl_error *e);
/* The same for a text in memory; path names it in messages and gives the directory. */
int tl_case_parse(const char *text, size_t size, const char *path, struct tl_case **c, struct tl_mistakes *m,
                  struct tl_error *e);
void tl_case_free(struct tl_case *c);

#endif
