/* What the files of this folder share.
 *
 *   schedule.c         what is the same everywhere: checks, what is installed, the calendar
 *   files.c            the files of a schedule: the mark in them, reading and writing them
 *   unit_file.c        what systemd reads and says; pure
 *   plist.c            what launchd reads and says; pure
 *   service*.c         the same for what runs all the time
 *   schedule_linux.c   the files and calls of systemd
 *   schedule_darwin.c  the files and calls of launchd: only POSIX, so that tests run it on every system
 *   systemctl_linux.c, agent_darwin.c  what both need of the two
 */
#ifndef TL_SCHEDULE_INTERNAL_H
#define TL_SCHEDULE_INTERNAL_H

#include "harness/base/buffer.h"
#include "harness/schedule/schedule.h"
#include "harness/schedule/service.h"

#include <stdbool.h>
#include <stdint.h>

#define TL_SCHEDULE_FILE_MOST (1u << 20) /* bytes that are read of a file of a schedule */

/* --- schedule.c: strings and lists that are returned are the caller's --- */

int tl_schedule_check(const struct tl_schedule *s, struct tl_error *e); /* everything that was given */
int tl_schedule_check_text(const char *text, struct tl_error *e);       /* that it can be written down */
/* The suites that have a file PREFIX SUITE SUFFIX with trapline's mark in the directory, in order. */
char **tl_schedule_list(const char *directory, const char *prefix, const char *const *suffixes);
void tl_schedule_list_free(char **suites);
/* Fails (input) because the suite is not installed, and names those that are. */
int tl_schedule_absent(const char *suite, char *const *installed, struct tl_error *e);
/* The next time after now_us at which the local clock shows hour:minute. Microseconds since 1970. */
int64_t tl_schedule_next_us(int hour, int minute, int64_t now_us);
/* Runs a program of the system. -1 unless it exits with 0; *said is then why, one line. `out` may be NULL. */
int tl_schedule_ask(const char *const *argv, struct tl_buffer *out, char **said);

/* --- files.c --- */

/* The arguments of the scheduled command, the program first. Only the array is the caller's; NULL ends it. */
const char **tl_schedule_command(const struct tl_schedule *s);
char *tl_schedule_mark(const struct tl_schedule *s); /* the line that goes into a comment; a new string */
char *tl_schedule_mark_of(const json_t *j);          /* likewise, of what it is to hold */
json_t *tl_schedule_read_mark(const char *text);     /* new; NULL: trapline did not write this text */

struct tl_schedule_file {
    char *path;
    char *text;   /* to write */
    char *before; /* what is there; NULL: nothing */
};
/* Reads what is there into before. Refuses (input) a file that trapline did not write for this suite or service. */
int tl_schedule_examine(struct tl_schedule_file *f, const char *name, struct tl_error *e);
/* Writes the files into their one directory, which is made if need be: all of them, or none. */
int tl_schedule_write(struct tl_schedule_file *files, size_t n, struct tl_error *e);
void tl_schedule_files_free(struct tl_schedule_file *files, size_t n); /* what they hold */

/* --- service.c --- */

int tl_service_check(const struct tl_service *s, struct tl_error *e); /* everything that was given */
char *tl_service_mark(const struct tl_service *s);                    /* as tl_schedule_mark */
/* Whether the user's systemd goes on when the user's last session has ended. */
bool tl_systemd_lingers(void);

/* --- unit_file.c: strings that are returned are new, the caller's --- */

/* Adds a text in the quotes of unit files. `dollar`: where a $ would be a variable. */
void tl_systemd_quote(struct tl_buffer *b, const char *text, bool dollar);
char *tl_systemd_service(const struct tl_schedule *s); /* the text of the .service file */
char *tl_systemd_timer(const struct tl_schedule *s);   /* of the .timer file */
char *tl_systemd_keeps(const struct tl_service *s);    /* of the .service file of what runs all the time */
/* The last value that a unit file, or one part of `systemctl show`, gives to a name; NULL: none. */
char *tl_systemd_value(const char *text, const char *name);
char *tl_systemd_part(const char *shown, const char *id); /* of `systemctl show`: on one unit; NULL: none */
int64_t tl_systemd_time_us(const char *text);             /* "Fri 2026-11-27 02:00:00 UTC"; -1: none */
char *tl_systemd_at(const char *calendar); /* HH:MM of what trapline writes; else the expression */
/* The last run, by the parts on the service and the timer: as in tl_schedule_status; null: none yet. */
json_t *tl_systemd_last(const char *service, const char *timer);

/* --- systemctl_linux.c --- */

/* systemctl --user VERB [OPTION] UNIT. Each of option and unit may be NULL. *said as of tl_schedule_ask. */
int tl_systemctl(const char *verb, const char *option, const char *unit, char **said);

/* --- agent_darwin.c --- */

/* The names of what belongs to an agent of the user; all new. */
struct tl_agent {
    char *label, *domain, *target; /* gui/UID, gui/UID/LABEL */
    char *logs, *log;
    struct tl_schedule_file file;
};

const char *tl_agent_home(struct tl_error *e); /* $HOME; NULL with *e */
/* Fills *a, which is empty: the label is prefix and name, the log log_prefix and name. */
void tl_agent_name(struct tl_agent *a, const char *user, const char *prefix, const char *name,
                   const char *log_prefix);
void tl_agent_free(struct tl_agent *a); /* what it holds */
/* Writes the text, which is taken, where trapline may (tl_schedule_examine). */
int tl_agent_write(struct tl_agent *a, const char *name, char *text, struct tl_error *e);
/* second may be NULL, and so may out. *said as of tl_schedule_ask. */
int tl_launchctl(const char *verb, const char *first, const char *second, struct tl_buffer *out, char **said);
bool tl_agent_is_loaded(const struct tl_agent *a);
int tl_agent_load(const struct tl_agent *a, char **said); /* in the place of one that is loaded */
json_t *tl_agent_unload(const struct tl_agent *a);        /* notes: what launchd said against it; new */

/* --- plist.c --- */

char *tl_launchd_plist(const struct tl_schedule *s, const char *label, const char *log); /* a new string */
char *tl_launchd_keeps(const struct tl_service *s, const char *label, const char *log);  /* likewise */
/* The last run, by what `launchctl print` says; *running: whether one is on. */
json_t *tl_launchd_last(const char *printed, bool *running);

#endif
