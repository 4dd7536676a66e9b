/* The checks of a case file, which fill ck->c; some of them serve suites too. */
#ifndef TL_CASE_CHECK_H
#define TL_CASE_CHECK_H

#include "cases/mistakes.h"

#define TL_CHECK_WEEK_S 604800.0 /* the longest time that a file may name */

/* check.c: everything but the model, the axes and the inputs, and calls the checks of those. */
void tl_check_document(struct tl_check *ck, json_t *document);
/* "trapline", the version of the format, and the name of what is in the file, which is returned: in the
 * arena, or NULL. */
const char *tl_check_heading(struct tl_check *ck, const struct tl_json_place *version,
                             const struct tl_json_place *name);
/* "$schema", which is for editors. */
void tl_check_schema(struct tl_check *ck, const struct tl_json_place *at);
/* check_unit.c: a unit, RUNNER[@BUILD]:DEVICE[%ALIAS] or "reference"; paths in it are taken relative to directory. NULL when the
 * text is none. In the arena. */
const char *tl_check_unit(struct tl_check *ck, const char *text, const char *directory);

/* check_model.c */
void tl_check_model(struct tl_check *ck, const struct tl_json_place *at);
void tl_check_inputs(struct tl_check *ck, const struct tl_json_place *at);

/* check_commands.c: the commands of a model, and what is looked for in the output of a runner; once the axes are
 * known. */
void tl_check_commands(struct tl_check *ck, const struct tl_json_place *model, bool has_inputs);
void tl_check_runner(struct tl_check *ck, const struct tl_json_place *expect,
                     const struct tl_json_place *marker, const struct tl_json_place *count);

/* check_reference.c; once the axes are known */
void tl_check_reference(struct tl_check *ck, const struct tl_json_place *at);

/* check_environment.c: what the case sets for its programs, and the commands that tell versions. */
void tl_check_environment(struct tl_check *ck, const struct tl_json_place *at);
void tl_check_versions(struct tl_check *ck, const struct tl_json_place *at);
/* check_files.c: what is written for each trial; once the axes are known. */
void tl_check_files(struct tl_check *ck, const struct tl_json_place *at);
/* check_expected.c, check_known.c */
void tl_check_expected(struct tl_check *ck, const struct tl_json_place *at);
void tl_check_known(struct tl_check *ck, const struct tl_json_place *at);
/* check_conditions.c: "when" and "unit" of their entries. values counts those in all conditions together. */
void tl_check_conditions(struct tl_check *ck, const struct tl_json_place *when,
                         const struct tl_json_place *unit, size_t *values);
/* An entry, or a list of at most so many of them; what they are known by is their key. */
void tl_check_one_or_more(struct tl_check *ck, const struct tl_json_place *at, size_t most, const char *key,
                          void (*check)(struct tl_check *ck, const struct tl_json_place *at, size_t *values));
/* check_metrics.c */
void tl_check_metrics(struct tl_check *ck, const struct tl_json_place *at);

/* check_output.c: what is counted, in "count" and (bounded) in "expect", and the lines with which phases begin. */
void tl_check_counts(struct tl_check *ck, const struct tl_json_place *at, struct tl_expect *x);
void tl_check_bounds(struct tl_check *ck, const struct tl_json_place *at, struct tl_expect *x);
size_t tl_check_markers(struct tl_check *ck, const struct tl_json_place *at, struct tl_marker **markers);
/* A phase by its name; -1 after a mistake, where there is something. */
int tl_check_phase(struct tl_check *ck, const struct tl_json_place *at, const char *name);

/* check_axes.c. The value at a place for an axis named there, and that axis, which the case may leave to its family
 * when `beyond`. */
bool tl_check_axis_value(struct tl_check *ck, const struct tl_json_place *at, const char *name, bool beyond,
                         struct tl_value *v);
bool tl_check_axis_exists(struct tl_check *ck, const struct tl_json_place *at, const char *name, bool beyond);
/* A set that "failing" names for an axis of that kind: a list of elements, or a text. */
bool tl_check_axis_set(struct tl_check *ck, const struct tl_json_place *at, const struct tl_axis *axis,
                       uint64_t *index);
/* Notes when {AXIS} stands for a set whose list of all elements is too long for a word of a command. */
void tl_check_elements_fit(struct tl_check *ck, const struct tl_json_place *at, const char *axis);
/* Once "failing" is known: which sets stand for all of them. */
void tl_check_sets(struct tl_check *ck);

/* check_axes.c */
void tl_check_axis_list(struct tl_check *ck, const struct tl_json_place *at);
bool tl_check_value(struct tl_check *ck, const struct tl_json_place *at, struct tl_value *v);
/* {AXIS: VALUE or [VALUE, …]}, at least one axis. */
void tl_check_combination(struct tl_check *ck, const struct tl_json_place *at, bool beyond,
                          struct tl_combination *m);

#endif
