/* Reproducers of a failure in ONNX Runtime that need no trapline, as source text. */
#ifndef TL_REPORT_REPRO_H
#define TL_REPORT_REPRO_H

#include <jansson.h>

/* What one variant needs, as the runner wrote it down. */
struct tl_repro_side {
    const char *directory; /* of its files, relative to the bundle: "" or "control/" */
    const char *about;     /* the variant in words */
    const json_t *options; /* options.json; NULL: there is no such variant */
    const json_t *inputs;  /* inputs.json; NULL: it fails before it takes inputs */
};

/* Whole source files; the caller's to free. title is one line, summary a paragraph (NULL: none); version pins
 * onnxruntime ("" or NULL: any). */
char *tl_repro_c(const char *title, const char *summary, const struct tl_repro_side *failing,
                 const struct tl_repro_side *control);
char *tl_repro_python(const char *title, const char *summary, const char *version,
                      const struct tl_repro_side *failing, const struct tl_repro_side *control);

#endif
