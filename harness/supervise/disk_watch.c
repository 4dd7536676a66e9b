/* Looking takes its time where there are many files: no more than a part of all time is spent on it. */
#include "harness/supervise/disk_watch.h"

#include "harness/base/clock.h"
#include "harness/base/files.h"
#include "harness/supervise/held_files.h"
#include "harness/supervise/trial.h"

#define REST 8 /* times as long as the look took, for each trial that runs */

void tl_disk_watch(struct tl_trial *t)
{
    uint64_t limit = t->limits.disk_mb << 20, began = tl_monotonic_ns();
    if (!limit || began < t->next_disk_look_ns)
        return;
    uint64_t bytes = tl_tree_bytes(t->scratch.path, limit + 1);
    if (bytes <= limit)
        bytes += tl_held_files_bytes(t, limit + 1 - bytes);
    uint64_t ended = tl_monotonic_ns();
    t->next_disk_look_ns = ended + (ended - began) * REST * t->supervisor->n_flying;
    if (bytes > limit)
        tl_trial_kill(t, TL_KILL_DISK);
}
