/* macOS: by libproc, what the processes of a trial have open. What is mapped alone is not seen. */
#include "harness/supervise/held_files.h"

#include "harness/base/buffer.h"
#include "harness/base/tree.h"
#include "harness/supervise/trace.h"
#include "harness/supervise/trial.h"

#include <libproc.h>
#include <stdlib.h>
#include <sys/stat.h>

uint64_t tl_held_files_bytes(const struct tl_trial *t, uint64_t enough)
{
    struct stat st;
    struct tl_inode_set seen = {0};
    uint64_t bytes = 0;
    if (!t->scratch.path || stat(t->scratch.path, &st))
        return 0;
    for (const struct tl_process *p = t->processes; p && bytes < enough; p = p->next) {
        int size = p->gone ? 0 : proc_pidinfo(p->pid, PROC_PIDLISTFDS, 0, NULL, 0);
        if (size <= 0)
            continue;
        struct proc_fdinfo *list = tl_calloc(1, (size_t)size);
        int n = proc_pidinfo(p->pid, PROC_PIDLISTFDS, 0, list, size) / (int)sizeof *list;
        for (int i = 0; i < n; i++) {
            struct vnode_fdinfo v;
            if (list[i].proc_fdtype != PROX_FDTYPE_VNODE ||
                proc_pidfdinfo(p->pid, list[i].proc_fd, PROC_PIDFDVNODEINFO, &v, sizeof v) != (int)sizeof v)
                continue;
            const struct vinfo_stat *s = &v.pvi.vi_stat;
            if (S_ISREG(s->vst_mode) && !s->vst_nlink && (dev_t)s->vst_dev == st.st_dev &&
                tl_inode_set_add(&seen, (dev_t)s->vst_dev, (ino_t)s->vst_ino))
                bytes += (uint64_t)s->vst_blocks * 512;
        }
        free(list);
    }
    tl_inode_set_free(&seen);
    return bytes;
}
