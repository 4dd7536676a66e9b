/* JUnit XML as Jenkins and GitLab read it (docs/reports.md): suites of tests whose names hold no build, so that a
 * test of one night is the same test in the next one, with what it ran on as properties. What is written
 * is valid by the schema of Ant and by that of Jenkins' xUnit plugin, whatever the texts hold. */
#ifndef TL_REPORTS_JUNIT_H
#define TL_REPORTS_JUNIT_H

#include "harness/base/buffer.h"

#include <jansson.h>
#include <stdint.h>

enum tl_junit_result { TL_JUNIT_PASS, TL_JUNIT_FAILURE, TL_JUNIT_ERROR, TL_JUNIT_SKIPPED };

/* One test. Texts may be anything, and NULL. */
struct tl_junit_test {
    const char *case_name, *unit; /* of the unit the build is left out */
    const json_t *variant;        /* every axis of it */
    const char *with;             /* more of it that is no axis: a build, where that is what varies */
    double seconds;               /* not above 0: unknown */
    enum tl_junit_result result;
    const char *type, *message; /* of what is no pass: its kind in a word, and a line */
    const char *body;           /* of a failure or an error: message and stack */
};

struct tl_junit {
    struct tl_buffer out, tests, properties; /* all suites that ended; of the one that is open */
    json_t *names;                           /* every name is given once */
    char *suite;                             /* NULL: none is open */
    int64_t started_us;
    double seconds, sum; /* of the suite, where it is known; of its tests */
    size_t n_suites, n, failures, errors, skipped;
};

void tl_junit_begin(struct tl_junit *j);
/* Ends the suite that is open and begins one. seconds: of all of it; not above 0: the sum of its tests. */
void tl_junit_suite(struct tl_junit *j, const char *name, int64_t started_us, double seconds);
/* Of the suite that is open; nothing for a value that is NULL, null or "". */
void tl_junit_property(struct tl_junit *j, const char *name, const char *value);
/* The members of an environment (docs/reports.md) and the versions in it, each as a property. */
void tl_junit_environment(struct tl_junit *j, const json_t *environment);
void tl_junit_test(struct tl_junit *j, const struct tl_junit_test *t);
char *tl_junit_end(struct tl_junit *j); /* the whole document, the caller's */

/* The message of a failure and the frames of a trial (tl_report_trial) that took its signal, a line each: what a body
 * holds below its first words. */
void tl_junit_add_trial(struct tl_buffer *b, const char *message, const json_t *trial);

#endif
