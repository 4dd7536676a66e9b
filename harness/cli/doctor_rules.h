/* What `trapline doctor` says of what it found on a machine: pure, so that what it says on a Mac is tested anywhere. */
#ifndef TL_DOCTOR_RULES_H
#define TL_DOCTOR_RULES_H

#include <stdbool.h>
#include <stdint.h>

enum tl_doctor_verdict { TL_DOCTOR_GOOD, TL_DOCTOR_NOTE, TL_DOCTOR_BAD };

struct tl_doctor_answer {
    enum tl_doctor_verdict verdict;
    char *what, *advice; /* new strings; advice NULL: nothing is to be done */
};
void tl_doctor_answer_free(struct tl_doctor_answer *a);

/* Dialogs of macOS's problem reporter. type: what `defaults read com.apple.CrashReporter DialogType` printed; NULL: it
 * was never set. */
struct tl_doctor_answer tl_doctor_dialogs(const char *type);

/* Whether files that macOS keeps from programs without Full Disk Access can be read. */
enum tl_doctor_access { TL_ACCESS_YES, TL_ACCESS_NO, TL_ACCESS_UNKNOWN };
/* reports: why the directory of crash reports could not be listed; NULL: it could be. */
struct tl_doctor_answer tl_doctor_disk_access(enum tl_doctor_access access, const char *reports_directory,
                                              const char *reports, const char *program);

/* What is free where scratch directories are made, for that many trials at a time. */
struct tl_doctor_answer tl_doctor_scratch(const char *directory, uint64_t free_bytes, unsigned jobs,
                                          unsigned disk_mb, bool macos);

/* Programs of macOS that System Integrity Protection shields, by their path without links. Of these some only start
 * the tool of the Xcode that is selected (/usr/bin/swift): what they start is not shielded. */
enum tl_doctor_shield { TL_SHIELD_NONE, TL_SHIELD_STUB, TL_SHIELD_WHOLE };
enum tl_doctor_shield tl_doctor_shield_of(const char *path);
/* A program of a case: what it is ("step 1 (compile)"), and its path without links; NULL: it was not found, and why. */
struct tl_doctor_answer tl_doctor_program(const char *role, const char *path, const char *why, bool macos);

#endif
