/* What `trapline doctor` asks a system for. Each calls say() with the name of a check and what is said of it. */
#ifndef TL_DOCTOR_SYSTEM_H
#define TL_DOCTOR_SYSTEM_H

#include "harness/cli/doctor_rules.h"

/* Whether this is macOS, by whose rules programs and disks are looked at. */
bool tl_doctor_is_macos(void);
/* Whether the selftest runner is here, whose trials misbehave for real. */
bool tl_doctor_has_selftest(void);
/* What only this system has. The answer is the callee's to release. */
void tl_doctor_system(void (*say)(void *arg, const char *check, struct tl_doctor_answer *answer), void *arg);

#endif
