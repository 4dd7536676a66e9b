/* Parts of a list of elements, which are names or numbers: the values of an axis that is a set, or a sequence. They are
 * kept as ranges, so that 100,000 elements without a few of them are a few ranges. element_set.c says how they are
 * written. */
#ifndef TL_ELEMENT_SET_H
#define TL_ELEMENT_SET_H

#include "harness/base/error.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TL_ELEMENTS_MAX 100000
#define TL_ELEMENT_SET_TEXT_MAX 1024 /* bytes; a text of names that is longer becomes one of places */

/* All elements, in their order. */
struct tl_elements {
    size_t n;
    const char *const *names; /* borrowed; NULL: the numbers from 0 to n - 1 */
    uint32_t *sorted;         /* places, by name */
    size_t longest;           /* bytes of a name */
    bool ordered;             /* a sequence: its elements are given in their order */
};
/* Fails when a name is listed twice, is empty, or means something else ("all", "none", #3): *wrong is its place then. */
int tl_elements_init(struct tl_elements *all, const char *const *names, size_t n, size_t *wrong,
                     struct tl_error *e);
void tl_elements_free(struct tl_elements *all);
int tl_elements_find(const struct tl_elements *all, const char *name, uint32_t *place); /* -1: it is none */

struct tl_element_range {
    uint32_t first, last; /* places */
};
struct tl_element_set {
    size_t n_ranges;
    struct tl_element_range *ranges; /* ascending, with something between them */
};
void tl_element_set_free(struct tl_element_set *set);
void tl_element_set_add(struct tl_element_set *set, uint32_t first,
                        uint32_t last); /* behind all that it has */
size_t tl_element_set_count(const struct tl_element_set *set);
bool tl_element_set_has(const struct tl_element_set *set, uint32_t place);
bool tl_element_set_equal(const struct tl_element_set *a, const struct tl_element_set *b);

/* What is read: a list of elements in a case file, or "all"; a word of a command line; ranges of places, as stored. Each
 * fills *set, or returns -1 with *e filled. *wrong: the place in the list, SIZE_MAX for the whole value. */
int tl_element_set_of_json(const struct tl_elements *all, const json_t *value, struct tl_element_set *set,
                           size_t *wrong, struct tl_error *e);
int tl_element_set_parse(const struct tl_elements *all, const char *text, struct tl_element_set *set,
                         struct tl_error *e);
int tl_element_set_of_ranges(const struct tl_elements *all, const json_t *ranges, struct tl_element_set *set,
                             struct tl_error *e);
/* And what is written: new references, and a text that is the caller's to free. */
json_t *tl_element_set_json(const struct tl_elements *all, const struct tl_element_set *set);
json_t *tl_element_set_ranges(const struct tl_element_set *set);
char *tl_element_set_text(const struct tl_elements *all, const struct tl_element_set *set);

#endif
