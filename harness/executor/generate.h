/* Models that a program generates: run once for each different command line of the generator, isolated like a trial,
 * kept in the cache by what the generator depends on (identity.h). */
#ifndef TL_GENERATE_H
#define TL_GENERATE_H

#include "cases/case.h"
#include "harness/base/error.h"
#include "harness/base/hash.h"

/* Where one generated model belongs, and where it is made before it is there. Release with tl_generated_free.
 */
struct tl_generated {
    char
        *directory; /* DIR/model, with the suffix of the case, and, when the generator wrote it, DIR/inputs */
    char *making;   /* sibling in which it is made: becomes `directory` by rename */
    char *model, *inputs, *outputs; /* in directory; outputs is one itself, of expected outputs */
    char *making_model, *making_inputs, *making_outputs; /* in making */
    char **argv; /* of the generator; argv[0] absolute; {scratch} left for the supervisor */
};

/* Names the place for a variant. settings: of the environment, as the case has it. Fails when the program cannot be
 * found. */
int tl_generated_plan(const struct tl_case *c, const struct tl_variant *v, const char *identity,
                      const char *const *settings, struct tl_generated *g, struct tl_error *e);
bool tl_generated_exists(const struct tl_generated *g);                     /* the model is there */
int tl_generated_prepare(const struct tl_generated *g, struct tl_error *e); /* makes `making` */
/* After the generator ended well: checks that it wrote a model and moves it to its place. */
int tl_generated_keep(const struct tl_generated *g, struct tl_error *e);
void tl_generated_drop(const struct tl_generated *g); /* removes `making` */
void tl_generated_free(struct tl_generated *g);

#endif
