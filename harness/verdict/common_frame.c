/* What the stacks of failures that show at several places have in common.
 *
 * A bug that shows at several places has a cause further out: what all its stacks were called from. The
 * innermost such frame is the closest that the stacks lead to it. Frames are compared by the names that a title
 * gives them, so only failures of one build are. */
#include "harness/verdict/common_frame.h"

#include "harness/base/buffer.h"
#include "harness/verdict/title_frames.h"

#include <stdlib.h>
#include <string.h>

static bool place_of(const struct tl_title_stack *stack, const char *name, size_t *place)
{
    for (size_t i = 0; i < stack->n; i++) {
        if (strcmp(stack->name[i], name) != 0)
            continue;
        *place = i;
        return true;
    }
    return false;
}

/* The frame `at` of the first stack, if all others have it. */
static bool is_common(const struct tl_title_stack *stacks, size_t n, size_t at, size_t *distance)
{
    distance[0] = at;
    for (size_t i = 1; i < n; i++)
        if (!place_of(&stacks[i], stacks[0].name[at], &distance[i]))
            return false;
    return true;
}

char *tl_failure_common_frame(const struct tl_trial_record *const *list, size_t n, size_t *distance)
{
    struct tl_title_stack *stacks = tl_calloc(n, sizeof *stacks);
    char *name = NULL;
    for (size_t i = 0; i < n; i++)
        tl_title_stack_find(list[i], &stacks[i]);
    for (size_t at = 0; n > 0 && at < stacks[0].n && !name; at++)
        if (is_common(stacks, n, at, distance))
            name = tl_strdup(stacks[0].name[at]);
    for (size_t i = 0; i < n; i++)
        tl_title_stack_free(&stacks[i]);
    free(stacks);
    return name;
}
