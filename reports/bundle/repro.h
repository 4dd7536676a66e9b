/* Reproducers of a failure in ONNX Runtime that need no trapline, as source text. */
#ifndef TL_REPORT_REPRO_H
#define TL_REPORT_REPRO_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

/* What one variant needs, as the runner wrote it down. */
struct tl_repro_side {
    const char *directory; /* of its files, relative to the bundle: "" or "control/" */
    const char *about;     /* the variant in words */
    const json_t *options; /* options.json; NULL: there is no such variant */
    const json_t *inputs;  /* inputs.json; NULL: it fails before it takes inputs */
    const json_t *
        expected; /* [{"name","dtype","shape","npy","exact","whole","rtol","atol"}], what its outputs are compared
                               with; NULL */
};

struct tl_repro {
    const char *title;         /* one line */
    const char *summary;       /* a paragraph; NULL: none */
    const char *version;       /* of ONNX Runtime, which is pinned; "" or NULL: any */
    const char *reference;     /* whose outputs are expected, in words; NULL */
    const json_t *environment; /* variables that are set: {NAME: VALUE}; NULL */
    uint64_t memory_mb;        /* the limit of private memory that the failure needs; 0: none */
    uint64_t stack_limit_kb;   /* that of the stack; 0: none */
    const char *good_build;    /* which passes, where that is the control; NULL */
    bool judge_finite;         /* outputs that are compared with nothing have to be finite */
    struct tl_repro_side failing, control;
};

/* Whole source files; the caller's to free. */
char *tl_repro_c(const struct tl_repro *r);
char *tl_repro_python(const struct tl_repro *r);

#endif
