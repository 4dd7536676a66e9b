/* What a traced thread is going to do with a signal. Linux only. */
#ifndef TL_ACTION_H
#define TL_ACTION_H

#include "harness/base/record.h"

#include <sys/types.h>

/* The last file that was read, kept open: the same thread asks again and again. */
struct tl_action_file {
    pid_t tid;
    int fd;
};
#define TL_ACTION_FILE_INIT                                                                                  \
    {                                                                                                        \
        0, -1                                                                                                \
    }

/* Of a thread that is in its signal-delivery-stop. */
enum tl_signal_action tl_action_of(struct tl_action_file *file, pid_t pid, pid_t tid, int signal);
void tl_action_file_close(struct tl_action_file *file);

/* Whether a process is the first one of a pid namespace, which the kernel shields from signals. */
bool tl_is_first_of_namespace(pid_t pid, pid_t tid);

/* Whether it is this thread whose signal ends its process, at the stop at its end. */
/* Whether a process has ended and its parent has not asked for its status yet, which is this one. */
bool tl_exit_of_unreaped(pid_t pid, int *status);

bool tl_dies_of_its_own(pid_t pid, pid_t tid);

#endif
