/* What outputs of the failing trial were compared with, and what came of it: the one place in a report's document that
 * says so.
 *
 *   {"unit": what it was compared with, in words; null where nothing was, and values are not finite
 *    "file": of the case, with the expected output
 *    "tolerance": of the largest magnitude, or "rtol" and "atol" of each element, as numpy.allclose has them
 *    "output", "how": which one is wrong, in which way (docs/outcomes.md)
 *    "dtype", "shape", "of": how many elements it has, "apart": how many of them are too far
 *    "elements": the worst of those, [{"index", "expected", "got", "absolute", "relative"}], "worst": the worst
 *    "max_error", "max_absolute", "outputs": [{"name", "error", "how"}], "outputs_more"} */
#ifndef TL_REPORT_COMPARISON_H
#define TL_REPORT_COMPARISON_H

#include <jansson.h>
#include <stdbool.h>

/* Borrowed; NULL where nothing is known. */
const json_t *tl_report_comparison(const json_t *finding, const json_t *failing_trial);

/* How far an element may be from what is expected. */
struct tl_comparison_bounds {
    bool known, elementwise;
    double whole;      /* not elementwise: times the largest magnitude that is expected */
    double rtol, atol; /* elementwise: |got - expected| <= atol + rtol * |expected| */
};
struct tl_comparison_bounds tl_comparison_bounds(const json_t *comparison);
/* Of the difference of a reduction that is one of forms: "shape [2,0] where [2,3] is expected"; NULL: it is none. The caller's. */
char *tl_difference_form(const json_t *difference);
/* Whether outputs are compared with those of this build in the same way: that it passes says nothing then. */
bool tl_build_is_reference(const json_t *finding, const char *build);

#endif
