/* A script as it is run on another machine: with another home, without the variables of this shell, and with programs of the
 * system and those that it says it needs. */
#ifndef TL_BUNDLE_ELSEWHERE_H
#define TL_BUNDLE_ELSEWHERE_H

#include "reports/bundle/parts.h"

/* What a run has of this machine, which another has not. */
enum tl_elsewhere_has {
    TL_ELSEWHERE_HOME = 1,
    TL_ELSEWHERE_VARIABLES = 2,
};

struct tl_elsewhere {
    const struct tl_bundle *b;
    const char *const *command; /* NULL-terminated */
    unsigned has;               /* of enum tl_elsewhere_has */
    const json_t *without;      /* an array of names of variables that it has not; NULL: none */
    char **argv, **environment; /* made of it: for tl_strings_free */
};
/* Fills argv and environment for a run of a program (harness/base/proof.h). */
void tl_elsewhere_begin(struct tl_elsewhere *x);
void tl_elsewhere_end(struct tl_elsewhere *x);

/* The names of this shell's variables, without those that every shell has of its own; the caller's. */
json_t *tl_elsewhere_variables(void);

#endif
