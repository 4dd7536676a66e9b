/* The sections of a report. Shared by the files that write them. */
#ifndef TL_REPORT_SECTIONS_H
#define TL_REPORT_SECTIONS_H

#include "reports/extent.h"
#include "reports/finding/words.h"

struct tl_sections {
    json_t *page;
    const json_t *finding, *failing, *control, *elsewhere, *bundle;
    enum tl_extent extent;
    size_t frames; /* of the stack, where it is short */
};

/* Every section says nothing at all where it has nothing to say. */

/* about.c: what the case file says for people, by the name that it has there; nothing where it says nothing. */
void tl_section_about(const struct tl_sections *r, const char *heading, const char *name);
/* The same without a heading. Returns whether there was anything. */
bool tl_words_about(const struct tl_sections *r, const char *name);
void tl_section_environment(const struct tl_sections *r);
void tl_section_proved(const struct tl_sections *r); /* the reproducers of a bundle alone */
void tl_section_reproduce(const struct tl_sections *r);
void tl_section_run(
    const struct tl_sections *r); /* with trapline, where that leaves it out; without a heading */
void tl_section_observed(const struct tl_sections *r);
void tl_section_decisive(const struct tl_sections *r);
void tl_section_needs(const struct tl_sections *r);
void tl_section_causes(const struct tl_sections *r);
void tl_section_places(const struct tl_sections *r);
void tl_section_independent(const struct tl_sections *r);
void tl_section_indifferent(const struct tl_sections *r); /* the same in a sentence, without a heading */
void tl_section_draws(const struct tl_sections *r);       /* the counts that justify it, without a heading */
void tl_section_also_tried(
    const struct tl_sections *r); /* what the table of a page leaves out, without a heading */
void tl_section_metrics(const struct tl_sections *r);
void tl_section_failure(const struct tl_sections *r);
void tl_section_message(const struct tl_sections *r); /* what it said, without a heading */
void tl_section_stacks(const struct tl_sections *r);
void tl_section_elements(const struct tl_sections *r); /* of sets in the trigger */
void tl_section_thresholds(const struct tl_sections *r);
void tl_section_expected(const struct tl_sections *r);
void tl_section_others(const struct tl_sections *r);
void tl_section_control(const struct tl_sections *r);
void tl_section_workarounds(const struct tl_sections *r);
void tl_section_builds(const struct tl_sections *r);
void tl_section_elsewhere(const struct tl_sections *r);
void tl_section_search(const struct tl_sections *r);
void tl_section_attached(const struct tl_sections *r);
void tl_section_newest(const struct tl_sections *r);
void tl_section_meanings(
    const struct tl_sections *r); /* of the values that it needs, in the words of the case */
/* wrong.c: nothing of a failure that is no wrong result. */
void tl_section_wrong(const struct tl_sections *r);
/* machine.c, model.c; nothing where nothing is known. */
void tl_section_machine(const struct tl_sections *r);
void tl_section_model(const struct tl_sections *r);
void tl_section_difference(
    const struct tl_sections *r); /* difference.c: likewise, where it was one that was reduced */
void tl_section_reduction(const struct tl_sections *r); /* reduction.c: nothing where no model was reduced */

#endif
