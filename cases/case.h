/* Case files: a model, its axes, limits, and what is expected (docs/case-files.md).
 *
 * Loading checks everything there is to check and reports every mistake with file, line, JSON path and what
 * was expected; nothing is run. */
#ifndef TL_CASE_H
#define TL_CASE_H

#include "cases/value.h"
#include "harness/base/error.h"
#include "harness/base/hash.h"
#include "harness/base/limits.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Index of every axis, in the order of the case. */
struct tl_variant {
    uint64_t *index;
};

/* A partial assignment, as in "forbid": a variant matches when every listed axis has one of the listed
 * values. */
struct tl_match_term {
    const char *axis;
    size_t n_values;
    struct tl_value *values;
};
struct tl_match {
    size_t n_terms;
    struct tl_match_term *terms;
};

enum tl_model_kind { TL_MODEL_FAMILY, TL_MODEL_GENERATE, TL_MODEL_FILE, TL_MODEL_STEPS };

/* What a step must leave behind to have succeeded. */
struct tl_expect {
    int exit_status;              /* -1: any that is not a wrapped signal; default 0 */
    size_t n_text, n_no_text;     /* substrings that must, must not appear in stdout or stderr */
    const char **text, **no_text; /* with placeholders */
    size_t n_files;               /* paths or glob patterns that must exist after the step */
    const char **files;           /* with placeholders */
};

struct tl_step {
    int phase; /* enum tl_phase */
    size_t n_argv;
    const char **argv; /* with placeholders */
    struct tl_expect expect;
    double timeout_s; /* 0: the case's */
};

#define TL_TOLERANCE_DEFAULT 0.001
#define TL_AXES_MAX 128 /* axes of one case */

struct tl_case {
    const char *path;                  /* as given */
    const char *directory;             /* that relative paths refer to: absolute */
    const char *name, *title, *source; /* title and source may be NULL */
    char hash[TL_ID_SIZE]; /* content id of the canonical document, of a model file and of .npy inputs:
                              neither layout nor the order of keys matters */

    enum tl_model_kind model_kind;
    const char *family;     /* TL_MODEL_FAMILY */
    size_t n_generate;      /* TL_MODEL_GENERATE */
    const char **generate;  /* argv with placeholders */
    const char *model_file; /* TL_MODEL_FILE: absolute */
    size_t n_steps;         /* TL_MODEL_STEPS */
    struct tl_step *steps;

    size_t n_axes;
    struct tl_axis *axes;
    bool has_failing;
    struct tl_variant failing; /* axes that "failing" does not name are at their baseline */
    size_t n_forbid;
    struct tl_match *forbid;

    const char *reference_unit; /* NULL: none */
    double tolerance;
    struct tl_limits limits;
    json_t *inputs;   /* the checked "inputs" list, paths in it absolute; or NULL */
    json_t *document; /* the whole file */
    void *arena;      /* owns every string and array above */
};

/* Every mistake found, in the order of the file. */
struct tl_mistake {
    int line;       /* 1 is the first; 0 when the mistake has no place in the file */
    char *path;     /* JSON path: $.axes[2].range */
    char *expected; /* what was expected, and what was found */
};
struct tl_mistakes {
    size_t n;
    struct tl_mistake *list;
};
void tl_mistakes_free(struct tl_mistakes *m);

/* Loads and checks a case file of at most 4 MiB. On mistakes in it returns -1 with e->kind TL_ERROR_INPUT and
 * all of them in *m (which the caller frees in any case). On success *c is the caller's to tl_case_free. */
int tl_case_load(const char *path, struct tl_case **c, struct tl_mistakes *m, struct tl_error *e);
/* The same for a text in memory; path names it in messages and gives the directory. */
int tl_case_parse(const char *text, size_t size, const char *path, struct tl_case **c, struct tl_mistakes *m,
                  struct tl_error *e);
void tl_case_free(struct tl_case *c);

const struct tl_axis *tl_case_axis(const struct tl_case *c, const char *name, size_t *index); /* or NULL */

struct tl_variant tl_variant_baseline(const struct tl_case *c); /* release with tl_variant_free */
struct tl_variant tl_variant_copy(const struct tl_case *c, const struct tl_variant *v);
void tl_variant_free(struct tl_variant *v);
/* Applies one "axis=value" to v. */
int tl_variant_assign(const struct tl_case *c, struct tl_variant *v, const char *assignment,
                      struct tl_error *e);
/* A variant as a JSON object, every axis of the case in its order: what a runner is sent. A new reference. */
json_t *tl_variant_object(const struct tl_case *c, const struct tl_variant *v);
/* Canonical JSON text of a variant: every axis of the case, keys sorted, compact. The caller's to free. */
char *tl_variant_json(const struct tl_case *c, const struct tl_variant *v);
/* Content id of that JSON. */
void tl_variant_hash(const struct tl_case *c, const struct tl_variant *v, char id[TL_ID_SIZE]);
/* The variant that a JSON object says (axes it does not name are at their baseline). */
int tl_variant_from_json(const struct tl_case *c, const json_t *object, struct tl_variant *v,
                         struct tl_error *e);

/* NULL when the variant may be tried, else why not (a "forbid" of the case, or a constraint of the family):
 * a new string. */
char *tl_variant_forbidden(const struct tl_case *c, const struct tl_variant *v);

/* Replaces {AXIS}, {model}, {inputs}, {scratch}, {case_dir} and {{ }} in one argv element. An unknown
 * placeholder is a mistake of the case and was reported by the loader. Returns a new string. */
char *tl_case_substitute(const struct tl_case *c, const struct tl_variant *v, const char *text,
                         const char *model, const char *inputs, const char *scratch);

#endif
