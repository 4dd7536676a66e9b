/* The sets that an axis of kind "subset" takes: each is met once, gets a number, and keeps it as long as the case is
 * there. So a variant has one number for such an axis as for any other: 0 is the empty set, the baseline. */
#ifndef TL_AXIS_SETS_H
#define TL_AXIS_SETS_H

#include "cases/element_set.h"

struct tl_axis_sets;

/* names: as for tl_elements_init, which checks them; NULL when that fails. */
struct tl_axis_sets *tl_axis_sets_new(const char *const *names, size_t n, bool ordered, size_t *wrong,
                                      struct tl_error *e);
void tl_axis_sets_free(struct tl_axis_sets *sets); /* NULL is fine */

const struct tl_elements *tl_axis_sets_elements(const struct tl_axis_sets *sets);
/* The number of a set, a new one where it was not met before; it is taken. */
uint64_t tl_axis_sets_number(struct tl_axis_sets *sets, struct tl_element_set *set);
uint64_t tl_axis_sets_count(const struct tl_axis_sets *sets); /* that were met */
/* By number. The text is that of tl_element_set_text. Both live as long as the sets. */
const struct tl_element_set *tl_axis_sets_get(const struct tl_axis_sets *sets, uint64_t number);
const char *tl_axis_sets_text(const struct tl_axis_sets *sets, uint64_t number);

#endif
