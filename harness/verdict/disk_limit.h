/* Whether a trial failed because it could write no more: for the limit of its case, or for a full file system. Pure. */
#ifndef TL_DISK_LIMIT_H
#define TL_DISK_LIMIT_H

#include "harness/verdict/classify.h"

/* That the limit of the scratch directory was reached. said: in words of the process; NULL. A new string. */
char *tl_disk_limit_message(const struct tl_process_facts *f, const char *said);

/* How a process could write no more, of one that says so, or that died of SIGBUS in a file for which there was no
 * room; NULL. of_others: the file system is full of what is not the trial's: it is no verdict on it. A new string. */
char *tl_disk_limit_reached(const struct tl_process_facts *f, int signal, const char *said, bool *of_others);

#endif
