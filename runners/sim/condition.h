/* The condition language of profiles (docs/sim.md): JSON trees of "all", "any", "not" over comparisons of
 * axes and quantities. */
#ifndef TL_SIM_CONDITION_H
#define TL_SIM_CONDITION_H

#include "harness/base/buffer.h"
#include "runners/sim/model.h"

/* Mistakes, one after the other: "rules[2].when.quantity: …". */
struct tl_sim_mistakes {
    struct tl_buffer text;
    size_t n;
};
void tl_sim_mistake(struct tl_sim_mistakes *m, const char *path, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Reports every mistake in a condition, whose place is path. */
void tl_sim_condition_check(const json_t *condition, const char *path, bool has_heap,
                            struct tl_sim_mistakes *m);
/* Whether a condition without mistakes holds. NULL: always. */
bool tl_sim_condition_holds(const json_t *condition, const struct tl_sim_model *model);

#endif
