/* The sections of a report. Shared by the files that write them. */
#ifndef TL_REPORT_SECTIONS_H
#define TL_REPORT_SECTIONS_H

#include "reports/finding_words.h"

struct tl_sections {
    json_t *page;
    const json_t *finding, *failing, *control, *elsewhere, *bundle;
};

void tl_section_environment(const struct tl_sections *r);
void tl_section_reproduce(const struct tl_sections *r);
void tl_section_observed(const struct tl_sections *r);
void tl_section_decisive(const struct tl_sections *r);
void tl_section_failure(const struct tl_sections *r);
void tl_section_stacks(const struct tl_sections *r);

/* The command that starts the runner alone for a trial, as a shell takes it; NULL when it is not known. The
 * caller's. */
char *tl_runner_command(const json_t *trial);
/* The commands of a chain of steps, a line each, to be run in an empty directory; NULL when the trial was of
 * something else. The caller's. */
char *tl_steps_commands(const json_t *trial);

#endif
