/* What a thread is going to do with a signal, read from /proc.
 *
 * Theory of operation. At a signal-delivery-stop the mask of caught signals (SigCgt) alone says whether a handler
 * will run. A signal that is blocked does not come so far; and of a fault in a thread that blocks or ignores its
 * signal the kernel has put the action back to the default and unblocked it before it reports the stop
 * (force_sig_info). An ignored signal that somebody sent stops here, too, and is forgotten when it is let go.
 *
 * /proc/PID/task/TID/stat tells the masks of the first 31 signals, which hold all that are fatal here, for a third
 * of what reading `status` costs. A thread that is gone has masks of 0 there, and no state that runs. */
#include "harness/supervise/action.h"

#include "harness/base/buffer.h"
#include "harness/base/files.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FLAG_DUMPCORE 0x200u /* PF_DUMPCORE of the kernel's task: its signal is what ends the process */

/* Numbers of proc(5), counted from the state, which is the third. */
enum { STAT_FLAGS = 9 - 3, STAT_IGNORED = 33 - 3, STAT_CAUGHT = 34 - 3, STAT_EXIT = 52 - 3, STAT_COUNT };

static int open_stat(pid_t pid, pid_t tid)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/task/%d/stat", (int)pid, (int)tid);
    return open(path, O_RDONLY | O_CLOEXEC);
}

/* The state is returned; 0 when it cannot be read. */
static char parse_stat(char *text, unsigned long long *fields)
{
    char *at = strrchr(text, ')'), state;
    if (!at || at[1] != ' ')
        return '\0';
    state = at[2];
    at += 3;
    for (int i = 1; i < STAT_COUNT; i++) {
        char *end;
        fields[i] = strtoull(at, &end, 10);
        if (end == at)
            return '\0';
        at = end;
    }
    return state;
}

static char read_stat(int fd, unsigned long long *fields)
{
    char text[1024];
    ssize_t n = fd >= 0 ? pread(fd, text, sizeof text - 1, 0) : -1;
    if (n <= 0)
        return '\0';
    text[n] = '\0';
    return parse_stat(text, fields);
}

void tl_action_file_close(struct tl_action_file *file)
{
    if (file->fd >= 0)
        close(file->fd);
    *file = (struct tl_action_file)TL_ACTION_FILE_INIT;
}

enum tl_signal_action tl_action_of(struct tl_action_file *file, pid_t pid, pid_t tid, int signal)
{
    unsigned long long fields[STAT_COUNT];
    char state = file->tid == tid ? read_stat(file->fd, fields) : '\0';
    if (!state) { /* another thread, or another one of that number */
        tl_action_file_close(file);
        *file = (struct tl_action_file){tid, open_stat(pid, tid)};
        state = read_stat(file->fd, fields);
    }
    if (!state || strchr("ZX", state) || signal < 1 || signal > 31)
        return TL_ACTION_UNKNOWN;
    unsigned long long bit = 1ull << (signal - 1);
    return fields[STAT_CAUGHT] & bit    ? TL_ACTION_HANDLED
           : fields[STAT_IGNORED] & bit ? TL_ACTION_IGNORED
                                        : TL_ACTION_DEFAULT;
}

bool tl_is_first_of_namespace(pid_t pid, pid_t tid)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/task/%d/status", (int)pid, (int)tid);
    char *text = tl_read_file(path, 1 << 16, NULL);
    char *line = text ? strstr(text, "\nNStgid:") : NULL;
    bool first = false;
    if (line) {
        line += strlen("\nNStgid:");
        line[strcspn(line, "\n")] = '\0';
        const char *last = strrchr(line, '\t');
        first = last && !strcmp(last, "\t1");
    }
    free(text);
    return first;
}

bool tl_exit_of_unreaped(pid_t pid, int *status)
{
    unsigned long long fields[STAT_COUNT];
    int fd = open_stat(pid, pid);
    char state = read_stat(fd, fields);
    if (fd >= 0)
        close(fd);
    if (state == 'Z')
        *status = (int)fields[STAT_EXIT];
    return state == 'Z';
}

bool tl_dies_of_its_own(pid_t pid, pid_t tid)
{
    unsigned long long fields[STAT_COUNT];
    int fd = open_stat(pid, tid);
    char state = read_stat(fd, fields);
    if (fd >= 0)
        close(fd);
    return state && (fields[STAT_FLAGS] & FLAG_DUMPCORE);
}
