/* What the system's own report says of a failure. Pure. */
#ifndef TL_VERDICT_REPORT_H
#define TL_VERDICT_REPORT_H

#include "harness/base/record.h"

/* Of a process that trapline saw: its stack comes first, and what it says counts where nothing else was seen. Takes the
 * capture. The caller makes the signature. */
void tl_verdict_add_report(struct tl_crash_report *p, struct tl_trial_record *r);

/* Of a process that trapline did not run: fills outcome, signal, error and message from the report alone, takes its
 * capture, and makes the signature. */
void tl_verdict_of_report(struct tl_crash_report *p, struct tl_trial_record *r);

/* The same of a process that the system ended for want of memory, in these words, which are taken. */
void tl_verdict_of_want_of_memory(char *message, struct tl_trial_record *r);

/* Makes the signature anew with another phase. */
void tl_verdict_set_phase(enum tl_phase phase, struct tl_trial_record *r);

/* One line that names a crash by its signal and its stack, or what it says. A new string. */
char *tl_verdict_report_title(const struct tl_crash_report *p);

#endif
