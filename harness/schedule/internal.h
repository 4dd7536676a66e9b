/* What the files of this folder share.
 *
 *   schedule.c         what is the same everywhere: checks, what is installed, the calendar
 *   files.c            the files of a schedule: the mark in them, reading and writing them
 *   unit_file.c        what systemd reads and says; pure
 *   plist.c            what launchd reads and says; pure
 *   schedule_linux.c   the files and calls of systemd
 *   schedule_darwin.c  the files and calls of launchd: only POSIX, so that tests run it on every system
 */
#ifndef TL_SCHEDULE_INTERNAL_H
#define TL_SCHEDULE_INTERNAL_H

#include "harness/base/buffer.h"
#include "harness/schedule/schedule.h"

#include <stdbool.h>
#include <stdint.h>

#define TL_SCHEDULE_FILE_MOST (1u << 20)

/* --- schedule.c --- */
int tl_schedule_check(const struct tl_schedule *s, struct tl_error *e); /* everything that was given */
/* The suites of which the directory holds a file PREFIX SUITE SUFFIX that trapline wrote, in order. */
char **tl_schedule_list(const char *directory, const char *prefix, const char *const *suffixes);
void tl_schedule_list_free(char **suites);
int tl_schedule_absent(const char *suite, char *const *installed, struct tl_error *e); /* the error; -1 */

/* The next time the local clock shows hour:minute after now_us. Microseconds since 1970. */
int64_t tl_schedule_next_us(int hour, int minute, int64_t now_us);

/* Runs one of the system's programs. 0 when it exits with 0; else -1, and *said is why not in one line, the
 * caller's. `out` may be NULL. */
int tl_schedule_ask(const char *const *argv, struct tl_buffer *out, char **said);

/* --- files.c --- */
/* The arguments of the scheduled command, the program first; NULL-terminated, only the array is the caller's.
 */
const char **tl_schedule_command(const struct tl_schedule *s);

/* The mark is a line of JSON in a comment of each file: it says that trapline wrote it, and for what. */
char *tl_schedule_mark(const struct tl_schedule *s);
json_t *tl_schedule_read_mark(const char *text); /* new; NULL: trapline did not write this text */

/* A file of the schedule. */
struct tl_schedule_file {
    char *path;
    char *text;   /* to write */
    char *before; /* what is there; NULL: nothing */
};
/* Reads what is there into before. Refuses a file that trapline did not write for this suite. */
int tl_schedule_examine(struct tl_schedule_file *f, const char *suite, struct tl_error *e);
/* Writes the files in one directory, which is made if need be: all of them, or none. */
int tl_schedule_write(struct tl_schedule_file *files, size_t n, struct tl_error *e);
void tl_schedule_files_free(struct tl_schedule_file *files, size_t n);

/* --- unit_file.c --- */
/* Adds a text in the quotes of unit files. `dollar`: where a $ would be a variable. */
void tl_unit_quote(struct tl_buffer *b, const char *text, bool dollar);
char *tl_unit_service(const struct tl_schedule *s); /* new strings */
char *tl_unit_timer(const struct tl_schedule *s);
/* The last value that a unit file, or a part of what `systemctl show` says, gives to a name; new, NULL: none.
 */
char *tl_unit_value(const char *text, const char *name);
/* What `systemctl show` says of the unit `id` when it was asked about several; new, NULL: nothing. */
char *tl_unit_part(const char *shown, const char *id);
int64_t tl_unit_time_us(const char *text); /* "Fri 2026-11-27 02:00:00 UTC"; -1: none */
/* HH:MM when the calendar expression is one that trapline writes, else the expression. New. */
char *tl_unit_at(const char *calendar);
/* The last run by what is said of the service and the timer: as in tl_schedule_status; null: none yet. */
json_t *tl_unit_last(const char *service, const char *timer);

/* --- plist.c --- */
char *tl_plist(const struct tl_schedule *s, const char *label, const char *log); /* a new string */
/* What `launchctl print` says of the last run; "running" is put into *running. */
json_t *tl_launchctl_last(const char *printed, bool *running);

#endif
