/* The call in which a thread sleeps, from what /proc says, and its name from a table that is made when trapline is built. */
#include "harness/supervise/call.h"

#include "harness/base/buffer.h"
#include "harness/base/files.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>

static const char *const names[] = {
#include "harness/supervise/call_names.h"
};

void tl_call_read(pid_t pid, pid_t tid, char line[TL_CALL_LINE])
{
    char path[80];
    snprintf(path, sizeof path, "/proc/%d/task/%d/syscall", (int)pid, (int)tid);
    char *text = tl_read_file(path, TL_CALL_LINE - 1, NULL);
    snprintf(line, TL_CALL_LINE, "%s", text ? text : "");
    line[strcspn(line, "\n")] = '\0';
    free(text);
}

long tl_call_number(const char *line)
{
    char *end;
    long number = strtol(line, &end, 10);
    return end == line || (*end && *end != ' ') || number < 0 ? -1 : number;
}

const char *tl_call_name(const char *line)
{
    long number = tl_call_number(line);
    return number >= 0 && (size_t)number < TL_COUNT(names) ? names[number] : NULL;
}

static bool is_one_of(const long *calls, size_t n, const char *line)
{
    long number = tl_call_number(line);
    for (size_t i = 0; i < n; i++)
        if (number == calls[i])
            return true;
    return false;
}

bool tl_call_makes_process(const char *line)
{
    static const long calls[] = {
        SYS_clone,
#ifdef SYS_clone3
        SYS_clone3,
#endif
#ifdef SYS_vfork /* older architectures have it besides */
        SYS_vfork,
#endif
    };
    return is_one_of(calls, TL_COUNT(calls), line);
}

bool tl_call_awaits_child(const char *line)
{
    static const long calls[] = {
        SYS_wait4,        SYS_waitid,        SYS_epoll_pwait,     SYS_ppoll,
        SYS_pselect6,     SYS_rt_sigsuspend, SYS_rt_sigtimedwait,
#ifdef SYS_epoll_pwait2
        SYS_epoll_pwait2,
#endif
#ifdef SYS_poll /* so have they these */
        SYS_epoll_wait,   SYS_poll,          SYS_select,          SYS_pause,
#endif
    };
    return is_one_of(calls, TL_COUNT(calls), line);
}
