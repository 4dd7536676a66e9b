/* The parts of a bundle, each in a file of its own. They share the bundle that is put together. */
#ifndef TL_REPORTS_BUNDLE_PARTS_H
#define TL_REPORTS_BUNDLE_PARTS_H

#include "reports/bundle/bundle.h"
#include "reports/bundle/layout.h"
#include "reports/redact/redact.h"

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
    struct tl_bundle_layout layout; /* of the files of the case */
    int64_t copied;                 /* bytes of files that were copied */
    size_t named_by_path;           /* files that name others by their places here */
    unsigned has_here;              /* what repro.sh was seen to need of this machine (elsewhere.h), */
    json_t *without_here;           /* … and variables that it does not; NULL: not looked for */
    const char *runner_elsewhere;   /* the runner that repro.sh looks for: its path here; NULL */
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
/* repro.sh, and which programs it needs, which are keys. */
int tl_bundle_write_script(struct tl_bundle *b, const char *text, const json_t *needs, const char *about,
                           struct tl_error *e);
int tl_bundle_write_json(struct tl_bundle *b, const char *name, const json_t *document, const char *about,
                         struct tl_error *e);
/* Says of every file that is there how large it is. */
void tl_bundle_measure(struct tl_bundle *b);
/* NULL when there is none, or it is no JSON. The caller's. */
json_t *tl_bundle_read_json(const char *directory, const char *name);

/* onnxruntime.c: model, inputs and options of both sides, and programs that run them. Whether there are any is in
 * *written; everything that is missing is said. */
int tl_bundle_write_onnxruntime(struct tl_bundle *b, bool *written, struct tl_error *e);
/* case.c: lets the files that a case names be those of the bundle. */
void tl_bundle_case_files(struct tl_bundle *b, json_t *c);

/* files.c: a file, or all of a directory, as it is. One that cannot be read is left out. */
#define TL_BUNDLE_TELLS "; it holds names of this machine or its user, and was left as it is"
int tl_bundle_copy_file(struct tl_bundle *b, const char *from, const char *name, const char *about,
                        struct tl_error *e);
int tl_bundle_copy_tree(struct tl_bundle *b, const char *from, const char *name, const char *about,
                        struct tl_error *e);
/* changed.c: what is said of a file of the case that is another one than when the failure was found, "" of any other; and what
 * the report says of those and of tools that are. */
#define TL_BUNDLE_CHANGED "; it was changed after the failure was found"
const char *tl_bundle_changed_words(const struct tl_bundle *b, const char *path);
void tl_bundle_say_changed(struct tl_bundle *b);
/* packages.c: what a virtual environment holds that tools of the case are of. */
int tl_bundle_write_packages(struct tl_bundle *b, struct tl_error *e);
/* The links that are in the bundle, as entries of its files. A new array. */
json_t *tl_bundle_links(const struct tl_bundle *b);
/* What the case names, and the layout that says where it is. */
int tl_bundle_write_files(struct tl_bundle *b, struct tl_error *e);

/* Removes what its programs left in it when they were run. */
void tl_bundle_sweep(const struct tl_bundle *b);

/* minimal.c: lets the commands, programs and units of a case be those of the bundle. */
void tl_bundle_place_case(const struct tl_bundle *b, json_t *c);
/* A unit whose runner is a file of the case, as it is named from the bundle; NULL for any other. The caller's. */
char *tl_unit_in_bundle(const struct tl_bundle *b, const char *unit);

/* runs.c: how often its program is run to see the failure, where a run takes so long; and whether it shows every time. */
unsigned tl_bundle_runs(const struct tl_bundle *b, double seconds);
bool tl_bundle_is_flaky(const struct tl_bundle *b);
/* The band of an ordered axis of the trigger, in which it shows in a part of the runs, and the axis; NULL: none has one. */
const json_t *tl_bundle_band(const struct tl_bundle *b, const char **axis);
/* prove.c: takes out of the line to compare where the bundle was put together, and whose machine that is. */
void tl_bundle_clean_line(const struct tl_bundle *b, struct tl_proof *p);
/* Where a system has its programs, and those that people add. */
#define TL_BUNDLE_SYSTEM_PATH "/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin"

/* prove.c: the words of a message that another path or number would not change; NULL: they are too few. */
char *tl_bundle_lasting_words(const char *message);

/* commands.c: repro.sh, or what comes near to it. */
int tl_bundle_write_commands(struct tl_bundle *b, bool ort, struct tl_error *e);
/* script_proof.c: runs repro.sh, and adds what it came to to what was proved. */
int tl_bundle_prove_script(struct tl_bundle *b, struct tl_error *e);
/* structural.c: of a reduction the model that needs no recorded values, where there is one. */
int tl_bundle_write_structural(struct tl_bundle *b, struct tl_error *e);
/* runner.c: repro.sh of a runner alone. */
int tl_bundle_write_runner(struct tl_bundle *b, struct tl_error *e);

#define TL_BUNDLE_MARGIN_SECONDS 60 /* that a run of a proof may take longer than a trial */

#endif
