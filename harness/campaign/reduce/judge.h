/* A command as the judge of a reduction. Nobody but the files of the reduction includes this. */
#ifndef TL_CAMPAIGN_REDUCE_JUDGE_H
#define TL_CAMPAIGN_REDUCE_JUDGE_H

#include "harness/campaign/reduce/reduce.h"

/* The words of the command as a case has them, into the "model" of a document whose inputs and axes stand in it already: the
 * program is looked for, paths from the working directory on become absolute. directory and variant: of the inputs, which become
 * files where a word names one. */
int tl_reduce_judge_add(const struct tl_reduce_wanted *w, json_t *document, const char *directory,
                        const json_t *variant, struct tl_error *e);
/* Mistakes in the words as an error that names the word; 0 where none is in them. */
int tl_reduce_judge_mistakes(const struct tl_reduce_judge *judge, struct tl_mistakes *m, struct tl_error *e);
/* Whether the command is handed inputs, as a list or as files; of a case that is judged by none, its runner is. */
bool tl_reduce_judge_wants_inputs(const struct tl_reduce_judge *judge);
bool tl_reduce_takes_inputs(const struct tl_case *c);
/* An input as a file. */
struct tl_input;
int tl_reduce_write_input(const struct tl_input *input, const char *path, struct tl_error *e);
/* An input that a model declares as a runner makes it: an entry of a list, the caller's. sizes: of symbolic extents, by name. */
struct tl_onnx_input;
json_t *tl_reduce_derived_input(const struct tl_onnx_input *x, size_t i, const json_t *sizes);
/* Whether it is handed files of single inputs, by their names in the original. */
bool tl_reduce_names_inputs(const struct tl_case *c);

#endif
