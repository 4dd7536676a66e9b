/* What happened, as a title says it: a head that has to stand, and words that may be shortened. */
#ifndef TL_TITLE_FAILURE_H
#define TL_TITLE_FAILURE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

struct tl_title_failure {
    char *head;           /* "SIGABRT", "error in Slice", "NaN in output y" */
    char *name;           /* of a function, to be put behind " in "; NULL */
    char *words;          /* to be put behind ": "; NULL */
    char *tail;           /* to be put behind all of it, as it is; NULL */
    const char *phase[2]; /* "while running the model", and shorter, where nothing else says where; NULL */
    bool vague;           /* it tells this failure from no other one */
};

/* finding: a finding's document. Its parts are new strings, for tl_title_failure_free. */
void tl_title_failure_find(const json_t *finding, struct tl_title_failure *t);
void tl_title_failure_free(struct tl_title_failure *t);
/* The whole of it in at most so many characters: what does not fit is shortened or left out. brief: with less about the
 * phase. A new string. */
char *tl_title_failure_text(const struct tl_title_failure *t, size_t most, bool brief);
/* Whether in so much room its words would be cut so short that they say nothing. */
bool tl_title_failure_crowded(const struct tl_title_failure *t, size_t most);

/* Of a model that was reduced: names what is left, in at most so many characters with the head. After tl_title_failure_find. */
void tl_title_reduction(const json_t *finding, size_t most, struct tl_title_failure *t);

/* Of a fallback: whether a text of the program told of it, and not a runtime that was asked. */
bool tl_title_told_by_text(const json_t *finding);
/* The program that failed in a case of commands, with its subcommand, as its users write it. A new string; NULL for a model
 * that a runtime runs. */
char *tl_title_program(const json_t *finding);

/* How outputs are wrong, of what compares them (comparison.h): "output y 12 % off", "NaN in output y". A new string; NULL
 * where it does not say. */
char *tl_title_wrong(const json_t *comparison);

#endif
