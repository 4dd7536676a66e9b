/* repro.sh: the commands of a case, held to what the case expects of them, without trapline. */
#ifndef TL_BUNDLE_SCRIPT_H
#define TL_BUNDLE_SCRIPT_H

#include "cases/case.h"
#include "harness/base/buffer.h"
#include "reports/bundle/layout.h"

/* One of the two variants that the script can run. */
struct tl_script_side {
    const struct tl_variant *variant; /* NULL: it is not known */
    const char *about;                /* in words */
    const char *model, *inputs;       /* places in the bundle; NULL: none */
    bool model_here;                  /* else it has to be made */
};
struct tl_script {
    const struct tl_case *c;
    const struct tl_bundle_layout *layout;
    const json_t *files; /* of the case, as bundle.h has them; NULL */
    const json_t *links; /* of the bundle: [{"name","link"}]; NULL */
    const char *title, *summary;
    struct tl_script_side failing, control;
    bool lends;          /* a command may write to the model: it is handed a copy */
    bool generator_only; /* it is what failed, or there are no steps */
    bool deadlines;      /* the failure is that a step does not end */
    bool apart;          /* a program sends a signal to others, maybe to all of its group */
    bool sanitized;      /* a program was built with a sanitizer, whose reports are to be signals */
    bool memory;         /* it needs the limit of memory */
    const char *
        runner; /* what is run instead of the case's commands: its place in the bundle, or its name where it is
                            not in there; NULL */
    bool runner_here;
};
/* The whole script; the caller's. *needs: an object with the programs in its keys that are to be in PATH, or where they were
 * here. */
char *tl_script_text(const struct tl_script *s, json_t **needs);

/* Adds a word as a POSIX shell takes it, in which "\001" and a letter is a variable of the script: b here, f the files, m
 * model, i inputs, o outputs, s scratch, h HOME. glob: what is a pattern stays one. */
void tl_script_word(struct tl_buffer *b, const char *word, bool glob);

#endif
