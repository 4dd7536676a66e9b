/* Written from documentation (libproc.h, sys/proc_info.h); it has not been run on a Mac. */
#include "harness/supervise/darwin/process_tree.h"

#include "harness/base/buffer.h"

#include <libproc.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/proc.h>
#include <sys/proc_info.h>
#include <sys/sysctl.h>
#include <unistd.h>

#define ARGUMENTS_MOST (4u << 20)

bool tl_process_tree_find(pid_t pid, struct tl_process_entry *r)
{
    struct proc_bsdinfo info;
    /* Nothing for a process of another user, and nothing for one that is gone. */
    if (pid <= 0 || proc_pidinfo(pid, PROC_PIDTBSDINFO, 0, &info, sizeof info) != (int)sizeof info ||
        info.pbi_status == SZOMB)
        return false;
    *r = (struct tl_process_entry){
        .pid = pid,
        .parent = (pid_t)info.pbi_ppid,
        .session = getsid(pid),
        .born_us = (uint64_t)info.pbi_start_tvsec * 1000000 + info.pbi_start_tvusec,
    };
    return true;
}

int tl_process_tree_list(struct tl_process_entry **list, size_t *n)
{
    *list = NULL;
    *n = 0;
    int room = proc_listallpids(NULL, 0);
    if (room <= 0)
        return -1;
    room += 64; /* more may have been started in between; what is missed is found by the next look */
    pid_t *pids = tl_calloc((size_t)room, sizeof *pids);
    int found = proc_listallpids(pids, room * (int)sizeof *pids);
    if (found <= 0) {
        free(pids);
        return -1;
    }
    *list = tl_calloc((size_t)found, sizeof **list);
    for (int i = 0; i < found && i < room; i++)
        *n += tl_process_tree_find(pids[i], &(*list)[*n]);
    free(pids);
    return 0;
}

bool tl_process_tree_has(pid_t pid, const char *setting)
{
    /* What KERN_PROCARGS2 gives: argc, the program's path, its arguments and its environment, each ended by a
     * NUL. */
    int name[] = {CTL_KERN, KERN_PROCARGS2, (int)pid};
    size_t size = 0, length = strlen(setting) + 1;
    if (sysctl(name, 3, NULL, &size, NULL, 0) || !size || size > ARGUMENTS_MOST)
        return false;
    char *text = tl_malloc(size);
    bool found = false;
    if (!sysctl(name, 3, text, &size, NULL, 0))
        for (const char *at = text, *end = text + size;
             !found && (at = memchr(at, '\0', (size_t)(end - at)));)
            found = (size_t)(end - ++at) >= length && !memcmp(at, setting, length);
    free(text);
    return found;
}

void tl_process_tree_kill(pid_t pid, uint64_t born_us)
{
    struct tl_process_entry r;
    if (tl_process_tree_find(pid, &r) && r.born_us == born_us)
        kill(pid, SIGKILL);
}
