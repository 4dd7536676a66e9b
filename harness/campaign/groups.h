/* What the trials of one cell of a table came to: groups that agree in outcome and signature. */
#ifndef TL_GROUPS_H
#define TL_GROUPS_H

#include "cases/expected.h"
#include "harness/base/buffer.h"
#include "harness/campaign/labels.h"

struct tl_group {
    enum tl_outcome outcome;
    enum tl_standing standing; /* beside what the case expects */
    size_t label, n;           /* of the table's signatures, or TL_NO_LABEL; trials */
    const json_t *known;       /* what somebody has said of the failure (tl_known_json); NULL. The table's */
};
struct tl_groups {
    size_t n, trials;
    struct tl_group *list; /* release with free */
};

void tl_groups_count(struct tl_groups *g, enum tl_outcome outcome, enum tl_standing standing, size_t label);
bool tl_group_is_failure(const struct tl_group *g);
void tl_groups_sort(struct tl_groups *g); /* failures first, the most frequent first */
/* "crash A", "crash A 3 of 5, hang", "error A, as expected", "crash A, known"; "-" for no trial. A pass beside failures goes without
 * saying. */
void tl_groups_text(const struct tl_groups *g, const struct tl_labels *labels, struct tl_buffer *b);

#endif
