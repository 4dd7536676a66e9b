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
void tl_section_needs(const struct tl_sections *r);
void tl_section_causes(const struct tl_sections *r);
void tl_section_places(const struct tl_sections *r);
void tl_section_independent(const struct tl_sections *r);
void tl_section_metrics(const struct tl_sections *r);
void tl_section_failure(const struct tl_sections *r);
void tl_section_stacks(const struct tl_sections *r);

#endif
