/* The parts of a bundle, each in a file of its own. They share the bundle that is put together. */
#ifndef TL_REPORTS_BUNDLE_PARTS_H
#define TL_REPORTS_BUNDLE_PARTS_H

#include "reports/bundle.h"
#include "reports/redact.h"

struct tl_bundle {
    const struct tl_report_source *source;
    const struct tl_bundle_options *o;
    const char *stage; /* the directory it is put together in */
    json_t *report;
    json_t *files;    /* [{"name","about"}] */
    json_t *left_out; /* sentences */
    json_t
        *proved; /* what its programs came to here (tl_proof_json); stands in the report as bundle.proved */
    json_t *inputs, *expected; /* of the minimal variant, as files in the bundle (repro.h); NULL */
    struct tl_redaction redaction;
};

/* Says that something is not in the bundle; the sentence is taken over and freed. */
void tl_bundle_leave_out(struct tl_bundle *b, char *sentence);
/* Says that something is. */
void tl_bundle_have(struct tl_bundle *b, const char *name, const char *about);
/* The same for a file whose name and words are made; both are taken over and freed. */
void tl_bundle_have_made(struct tl_bundle *b, char *name, char *about);
/* A file in the bundle; about says what it is (NULL: that was said before). */
int tl_bundle_write_text(struct tl_bundle *b, const char *name, const char *text, const char *about,
                         struct tl_error *e);
int tl_bundle_write_json(struct tl_bundle *b, const char *name, const json_t *document, const char *about,
                         struct tl_error *e);
/* NULL when there is none, or it is no JSON. The caller's. */
json_t *tl_bundle_read_json(const char *directory, const char *name);

/* bundle_onnxruntime.c: model, inputs and options of both sides, and programs that run them. Whether there are any is in
 * *written; everything that is missing is said. */
int tl_bundle_write_onnxruntime(struct tl_bundle *b, bool *written, struct tl_error *e);
/* bundle_case.c: lets the files that a case names be those of the bundle. */
void tl_bundle_case_files(struct tl_bundle *b, json_t *c);

/* bundle_commands.c */
int tl_bundle_write_commands(struct tl_bundle *b, bool ort, struct tl_error *e);

#endif
