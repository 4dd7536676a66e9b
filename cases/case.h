/* A case: a model, its axes, limits, and what is expected (docs/case-files.md). It comes from load.h. */
#ifndef TL_CASE_H
#define TL_CASE_H

#include "cases/tolerance.h"
#include "cases/value.h"
#include "cases/variant.h"
#include "harness/base/error.h"
#include "harness/base/hash.h"
#include "harness/base/limits.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A partial assignment, as in "forbid": a variant matches when every listed axis has one of the listed
 * values. */
struct tl_combination_term {
    const char *axis;
    size_t n_values;
    struct tl_value *values;
};
struct tl_combination {
    size_t n_terms;
    struct tl_combination_term *terms;
};

enum tl_model_kind { TL_MODEL_FAMILY, TL_MODEL_GENERATE, TL_MODEL_FILE, TL_MODEL_STEPS };

/* A word of a command. It is there when all conditions hold, from its own to the outermost one. */
struct tl_word_condition {
    struct tl_combination that;
    const struct tl_word_condition *outer; /* NULL: there is none */
};
struct tl_word {
    const char *text;                     /* with placeholders */
    const struct tl_word_condition *when; /* NULL: it is always there, as the program is */
};
struct tl_argv {
    size_t n;
    struct tl_word *words;
};

enum tl_count_kind {
    TL_COUNT_GLOB,   /* how many files a pattern names, with placeholders */
    TL_COUNT_REGEX,  /* how many matches of a regular expression are written */
    TL_COUNT_NUMBER, /* the number that is written where its first group matches, the last one */
};
struct tl_count {
    const char *name; /* what is counted, for people */
    enum tl_count_kind kind;
    const char *pattern; /* of an expression: as it is, for its braces are its own */
    const char *axis;    /* whose values count the same thing; NULL */
    bool finished;       /* it tells what is done already: what fails is the next one */
    bool bounded;        /* else it is only told */
    int64_t min, max;
};
/* A line of the output with which a phase begins. */
struct tl_marker {
    int phase;           /* enum tl_phase */
    const char *pattern; /* a text, or a regular expression */
};
/* What a step, or a runner, must leave behind to have succeeded. */
struct tl_expect {
    int exit_status;              /* -1: any that is not a wrapped signal; default 0 */
    size_t n_text, n_no_text;     /* substrings that must, must not appear in stdout or stderr */
    const char **text, **no_text; /* with placeholders */
    size_t n_files;               /* paths or glob patterns that must exist after the step */
    const char **files;           /* with placeholders */
    /* Outside of these it has succeeded in another way than the one that was asked for. */
    size_t n_fallback;     /* substrings that say so */
    const char **fallback; /* with placeholders */
    size_t n_count;
    struct tl_count *count;
};

struct tl_step {
    int phase; /* enum tl_phase */
    struct tl_argv argv;
    struct tl_expect expect;
    size_t n_markers;
    struct tl_marker *markers;
    const char *platform, *architecture; /* that it works for, for people; with placeholders; NULL */
    double timeout_s;                    /* 0: the case's */
    bool untraced; /* it is run as if nobody watched: signals from its status, no stacks */
};

/* An output that "reference" names: where its expected values are, or how close it has to be, or both. */
struct tl_reference_output {
    const char *name;
    const char *path; /* of a file, with placeholders; NULL: the reference's unit has the values */
    bool pb;          /* ONNX's TensorProto, else .npy */
    bool has_tolerance;
    struct tl_tolerance tolerance;
};

/* What outputs are compared with. */
struct tl_reference {
    const char
        *text; /* in words: "onnxruntime@1.30.0:cpu with optimization=0"; NULL: there is no reference */
    const char *unit;   /* "same": that of the trial; NULL: files have the values */
    struct tl_case *as; /* what the unit runs where axes are set by "with": this case with those at their one
                           value; NULL: this case */
    size_t n_with;      /* axes of `as` that "with" sets */
    struct tl_axis *with; /* each has one value */
    size_t n_outputs;
    struct tl_reference_output *outputs;
    struct tl_tolerance tolerance; /* of outputs that have none of their own */
};

/* A variable of the environment, set for generator, steps and runner. */
struct tl_setting {
    const char *name, *value; /* value with placeholders {AXIS} and {case_dir} */
};

/* A file that is written into the scratch directory of each trial (written_files.h). */
struct tl_written_file {
    const char *name; /* from that directory on; it stays below it */
    const char *path; /* of its template: absolute */
    const char *text; /* of its template, with markers of axes that there are */
};

/* A command that says which version of something is here. */
struct tl_version_command {
    const char *name;
    size_t n_argv;
    const char **argv; /* with the placeholder {case_dir} */
};

/* A number that trials tell: speed, a size, an offset (metrics.h). */
struct tl_metric {
    const char *name;
    const char *regex; /* of what is written, the first group being the number; NULL: of the result alone */
    const char *unit;  /* for people; NULL */
};

#define TL_AXES_MAX 128 /* axes of one case */

struct tl_case {
    const char *path;                  /* as given */
    const char *directory;             /* that relative paths refer to: absolute */
    const char *name, *title, *source; /* title and source may be NULL */
    char hash
        [TL_ID_SIZE]; /* content id of the canonical document without what changes nothing about a trial (load.c), of
                              a model file with its external data, of .npy inputs, of templates and of files with
                              expected outputs: neither layout nor the order of keys matters */

    enum tl_model_kind model_kind;
    const char *family; /* TL_MODEL_FAMILY */
    struct tl_argv
        generate;           /* TL_MODEL_GENERATE; of TL_MODEL_STEPS what makes their model, if it has words */
    const char *suffix;     /* of the name of the generated model; "" */
    const char *model_file; /* TL_MODEL_FILE: absolute */
    size_t n_steps;         /* TL_MODEL_STEPS */
    struct tl_step *steps;
    struct tl_expect expect; /* of the runner, but for TL_MODEL_STEPS */
    size_t n_markers;        /* in what it writes */
    struct tl_marker *markers;

    size_t n_axes;
    struct tl_axis *axes;
    bool has_failing;
    struct tl_variant failing; /* axes that "failing" does not name are at their baseline */
    size_t n_forbid;
    struct tl_combination *forbid;

    size_t n_environment;
    struct tl_setting *environment;
    size_t n_files;
    struct tl_written_file *files;
    size_t n_versions;
    struct tl_version_command *versions;
    size_t n_metrics;
    struct tl_metric *metrics;

    struct tl_reference reference;
    struct tl_limits limits;
    const json_t *expected; /* what is right (expected.h); of the document; NULL */
    const json_t *known;    /* failures that somebody has judged (known.h); likewise */
    json_t *inputs;         /* the checked "inputs" list, paths in it absolute; or NULL */
    json_t *document;       /* the whole file */
    void *arena;            /* owns every string and array above */
};

const struct tl_axis *tl_case_axis(const struct tl_case *c, const char *name, size_t *index); /* or NULL */

/* The axis of kind "subset" whose file of elements a placeholder AXIS@ names; NULL. */
const struct tl_axis *tl_case_axis_of_file(const struct tl_case *c, const char *placeholder);

/* Paths that placeholders stand for; NULL: nothing. */
struct tl_placeholder_paths {
    const char *model, *inputs, *outputs, *scratch;
    const char
        *elements; /* the directory with files of elements ({AXIS@}); NULL: the list stands for its file */
    const json_t *list; /* of inputs, whose files {NAME.npy} are; NULL: that of the case */
};
/* The file of the input that a placeholder NAME.npy names; NULL: it names none in the list. */
const char *tl_case_input_file(const json_t *list, const char *placeholder, size_t size);
/* Replaces {AXIS}, {AXIS@}, {model}, {inputs}, {NAME.npy}, {outputs}, {scratch}, {case_dir} and {{ }} in one argv element. An unknown
 * placeholder is a mistake of the case and was reported by the loader. Returns a new string. */
char *tl_case_fill(const struct tl_case *c, const struct tl_variant *v, const char *text,
                   const struct tl_placeholder_paths *paths);
char *tl_case_substitute(const struct tl_case *c, const struct tl_variant *v, const char *text,
                         const char *model, const char *inputs, const char *scratch);

/* The value that a variant has on an axis, as commands have it: a set as a JSON list. "" where there is no such axis. A new string. */
char *tl_case_axis_text(const struct tl_case *c, const struct tl_variant *v, const char *axis);

#define TL_CASE_ELEMENTS "elements" /* where files of elements are kept, below the cache */
/* The elements that a variant has on an axis of kind "subset", as a JSON list; and the path of the file that holds it, which
 * is named by what is in it. New strings. */
char *tl_case_elements(const struct tl_case *c, const struct tl_variant *v, size_t axis);
char *tl_case_elements_file(const struct tl_case *c, const struct tl_variant *v, size_t axis,
                            const char *directory);

bool tl_case_has_elements_file(const struct tl_case *c,
                               size_t axis); /* whether a text of the case has {AXIS@} */

/* The environment that the case sets for a variant, as NAME=VALUE: for tl_strings_free. NULL when it sets none. Files of
 * elements are in the cache, or in another directory. */
char **tl_case_environment(const struct tl_case *c, const struct tl_variant *v);
char **tl_case_environment_in(const struct tl_case *c, const struct tl_variant *v, const char *elements);

/* Calls found for every {NAME} of a text, with bad set for what is no placeholder at all ("{" alone). */
typedef void (*tl_placeholder_found)(void *arg, const char *name, size_t size, bool bad);
void tl_placeholders(const char *text, tl_placeholder_found found, void *arg);

#endif
