/* Reproducers are run where they were written: that one was run is worth more than that it looks right.
 *
 * They are run as somebody else would: compiled by cc, from another directory, with another home, and with nothing of
 * trapline in PATH. The limits of the case are not set for them, for what needs a limit has to set it; only twice its memory is
 * what they may take, so that a machine is not taken down. */
#include "reports/bundle/ort.h"

#include "harness/base/files.h"
#include "harness/base/program.h"
#include "reports/members.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define COMPILE_SECONDS 120
#define ASK_SECONDS 60
#define LONGER_MOST 200 /* times two bytes, of a path */
#define WORD_LEAST 12   /* bytes of a message that tell it from others */

#define ENV "/usr/bin/env"
#define SYSTEM_PATH "PATH=/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin"

/* The longest run of words of a message that is of no one file or number, which another path or value would change. */
char *tl_bundle_lasting_words(const char *message)
{
    const char *best = "", *start = message;
    size_t best_size = 0;
    while (message && *start) {
        const char *end = start;
        for (;;) { /* word by word */
            const char *word = end + strspn(end, " ");
            size_t n = strcspn(word, " \n");
            bool lasts = n > 0;
            for (size_t i = 0; i < n; i++)
                lasts = lasts && word[i] != '/' && !isdigit((unsigned char)word[i]);
            if (!lasts)
                break;
            end = word + n;
        }
        start += strspn(start, " \n");
        if (end > start && (size_t)(end - start) > best_size) {
            best = start;
            best_size = (size_t)(end - start);
        }
        start = end > start ? end : start + strcspn(start, " \n");
    }
    return best_size >= WORD_LEAST ? tl_format("%.*s", (int)best_size, best) : NULL;
}

/* What a side has to come to. words has room for one and the end. */
static void expect(const struct tl_bundle_ort *o, bool must_pass, const char **words,
                   struct tl_proof_expected *x)
{
    const struct tl_trial_record *r = o->b->source->failing;
    *x = (struct tl_proof_expected){.outcome = TL_OUTCOME_PASS};
    if (must_pass)
        return;
    *x = (struct tl_proof_expected){.outcome = r->outcome, .signal = r->signal, .exit_status = -1};
    if (r->outcome == TL_OUTCOME_WRONG)
        x->exit_status = 3;
    else if (r->outcome == TL_OUTCOME_ERROR)
        x->exit_status = 1;
    if (r->outcome == TL_OUTCOME_OOM) /* a limit that it sets itself may be met elsewhere */
        x->signal = 0;
    if (r->outcome == TL_OUTCOME_ERROR && !r->signal && words[0])
        x->words = words;
    x->as = r;
    x->titles = o->titles;
    x->tells_phase = true;
}

static double timeout_of(const struct tl_bundle *b)
{
    double own =
        json_number_value(json_object_get(json_object_get(b->o->case_document, "limits"), "timeout_s"));
    return own > 0 ? own : tl_limits_default.timeout_s;
}

uint64_t tl_bundle_memory_mb(const struct tl_bundle *b)
{
    json_int_t own = tl_member_integer(json_object_get(b->o->case_document, "limits"), "memory_mb");
    return own > 0 ? (uint64_t)own : tl_limits_default.memory_mb;
}

static void clean(const struct tl_bundle *b, const char *real, char **text)
{
    char *at;
    while (*text && real && (at = strstr(*text, real))) {
        const char *end = at + strlen(real);
        end += *end == '/';
        memmove(at, end, strlen(end) + 1);
    }
    if (!*text || b->source->keep_paths)
        return;
    char *redacted = tl_redact(&b->redaction, *text);
    free(*text);
    *text = redacted;
}

/* Files of a bundle are told by their names in it, wherever it is. */
void tl_bundle_clean_line(const struct tl_bundle *b, struct tl_proof *p)
{
    char *real = realpath(b->stage, NULL);
    clean(b, real, &p->line);
    clean(b, real, &p->title);
    free(real);
}

static int run_so(struct tl_bundle_ort *o, const char *const *argv, const char *const *environment,
                  const struct tl_bundle_run *run, unsigned runs, struct tl_proof *p, struct tl_error *e)
{
    const struct tl_trial_record *r = o->b->source->failing;
    char *lasting = tl_bundle_lasting_words(r->message);
    const char *words[] = {lasting, NULL};
    struct tl_proof_request q = {.argv = argv,
                                 .environment = environment,
                                 .limits = tl_limits_default,
                                 .runs = runs,
                                 .until_other = run->until_other};
    q.limits.timeout_s = timeout_of(o->b);
    q.limits.memory_mb = o->repro.memory_mb ? 0 : 2 * tl_bundle_memory_mb(o->b);
    expect(o, run->must_pass, words, &q.expected);
    int rc = o->b->o->prove(&q, p, e);
    tl_bundle_clean_line(o->b, p);
    free(lasting);
    return rc;
}

/* What is seen first of what is not as it is to be is what is shown. */
static void join(struct tl_proof *p, struct tl_proof *more)
{
    struct tl_proof sum = *p, other = *more;
    bool shown = !p->runs || (p->as_expected == p->runs && more->as_expected < more->runs);
    if (shown) {
        sum = *more;
        other = *p;
    }
    sum.runs = p->runs + more->runs;
    sum.as_expected = p->as_expected + more->as_expected;
    if (p->as_expected && more->as_expected)
        sum.by = p->by < more->by ? p->by : more->by;
    else
        sum.by = p->as_expected ? p->by : more->by;
    tl_proof_free(&other);
    *p = sum;
    *more = (struct tl_proof){0};
}

/* The path of a library in other words, as long as somebody else's may be: "/a/b.so" as "/././a/b.so". */
static char *as_elsewhere(const char *library, unsigned run)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    for (unsigned i = 0; i < run * run && i < LONGER_MOST && *library == '/'; i++)
        tl_buffer_add_string(&b, "/.");
    tl_buffer_add_string(&b, library);
    return tl_buffer_take(&b);
}

/* Every run is in another place: with a longer path to the library, and every other one without all variables of this shell. What
 * a memory error meets is a matter of where things lie, and a reproducer that does as it should in one place alone is none. */
static int prove(struct tl_bundle_ort *o, const char *const *argv, const char *const *environment,
                 const struct tl_bundle_run *run, const char *library, struct tl_proof *p, struct tl_error *e)
{
    enum { WORDS = 12 };
    const char *words[WORDS] = {ENV, "-i"};
    /* Drivers of a GPU are found by variables. */
    bool keeps =
        run->keeps_environment || tl_member_text(o->failing.options, "append") || access(ENV, X_OK) != 0;
    int rc = 0;
    for (unsigned i = 0; rc == 0 && i < run->runs; i++) {
        char *longer = library ? as_elsewhere(library, i) : NULL;
        bool bare = i % 2 && !keeps;
        size_t n = bare ? 2 : 0;
        struct tl_proof one = {.exit_status = -1};
        for (const char *const *setting = environment; bare && *setting; setting++)
            words[n++] = *setting;
        for (const char *const *word = argv; *word && n + 1 < WORDS; word++)
            words[n++] = library && *word == library ? longer : *word;
        words[n] = NULL;
        rc = run_so(o, words, environment, run, 1, &one, e);
        join(p, &one);
        free(longer);
        words[0] = ENV;
        words[1] = "-i";
        if (run->until_other && p->as_expected < p->runs)
            break;
    }
    return rc;
}

/* What a proof came to: 1, 0 with *why, or -1 where somebody stopped it. */
static int conclude(int rc, struct tl_proof *p, char **why, const struct tl_error *e)
{
    if (rc == 0)
        return 1;
    if (e->kind == TL_ERROR_INTERRUPTED)
        return -1;
    tl_proof_free(p);
    *why = tl_format("%s: %s: %s", e->what, e->where, e->why);
    return 0;
}

static const char *why_impossible(const struct tl_bundle_ort *o)
{
    const struct tl_trial_record *r = o->b->source->failing;
    if (!o->b->o->prove)
        return "nothing was asked to be run";
    if (r->outcome == TL_OUTCOME_FALLBACK)
        return "it does not see on which device nodes ran";
    if (!tl_outcome_is_failure(r->outcome) || r->outcome == TL_OUTCOME_LOST)
        return "the report is about no failure";
    return NULL;
}

/* A file of the bundle, from the root: it is run elsewhere. */
static char *path_of(const char *directory, const char *name)
{
    char *real = realpath(directory, NULL), *path = tl_format("%s/%s", real ? real : directory, name);
    free(real);
    return path;
}

static int compile(const struct tl_bundle_ort *o, const char *directory, char **why)
{
    char *source = tl_format("%s/repro.c", directory), *to = tl_format("%s/a.out", directory);
    const char *argv[] = {o->compiler, "-o", to, source, "-ldl", "-lpthread", NULL};
    struct tl_buffer said = TL_BUFFER_INIT, out = TL_BUFFER_INIT;
    struct tl_program p = {
        .argv = argv, .out = &out, .err = &said, .timeout_s = COMPILE_SECONDS, .status = -1};
    struct tl_error gone;
    int rc = tl_program_run(&p, &gone) || !WIFEXITED(p.status) || WEXITSTATUS(p.status) ? -1 : 0;
    if (rc)
        *why = tl_format("%s did not compile it%s%.*s", tl_base_name(o->compiler), said.size ? ": " : "",
                         (int)strcspn(said.data ? said.data : "", "\n"), said.data ? said.data : "");
    tl_buffer_free(&said);
    tl_buffer_free(&out);
    free(source);
    free(to);
    return rc;
}

int tl_bundle_prove_c(struct tl_bundle_ort *o, const char *directory, const struct tl_bundle_run *run,
                      struct tl_proof *p, char **why, struct tl_error *e)
{
    static const char *const environment[] = {"HOME={scratch}", SYSTEM_PATH, NULL};
    const char *impossible = why_impossible(o);
    *p = (struct tl_proof){.exit_status = -1};
    *why = NULL;
    if (!impossible && !o->compiler)
        impossible = "no C compiler (cc) was found here";
    const char *library = run->good_build ? o->good_library : o->library;
    if (!impossible && !library)
        impossible = "the library is not here";
    if (impossible) {
        *why = tl_strdup(impossible);
        return 0;
    }
    if (compile(o, directory, why))
        return 0;
    char *program = path_of(directory, "a.out");
    const char *argv[] = {program, library, run->control ? "--control" : NULL, NULL};
    int rc = prove(o, argv, environment, run, library, p, e);
    unlink(program);
    free(program);
    return conclude(rc, p, why, e);
}

/* Whether python3 has the onnxruntime of the finding's build: its path. NULL with *why. */
static char *find_python(const struct tl_bundle_ort *o, char **why)
{
    static const char script[] = "import onnxruntime; print(onnxruntime.__version__)";
    struct tl_error none;
    char *python = tl_program_find(".", "python3", &none);
    const char *argv[] = {python, "-c", script, NULL};
    struct tl_buffer out = TL_BUFFER_INIT, err = TL_BUFFER_INIT;
    struct tl_program p = {.argv = argv, .out = &out, .err = &err, .timeout_s = ASK_SECONDS, .status = -1};
    if (!python) {
        *why = tl_strdup("python3 is not here");
        return NULL;
    }
    bool has = !tl_program_run(&p, &none) && WIFEXITED(p.status) && !WEXITSTATUS(p.status) && out.size;
    size_t n = has ? strcspn(out.data, "\r\n") : 0;
    const char *wanted = o->repro.version;
    if (!has)
        *why = tl_strdup("python3 has no onnxruntime here");
    else if (wanted && *wanted && (strlen(wanted) != n || strncmp(wanted, out.data, n) != 0))
        *why = tl_format("python3 has onnxruntime %.*s here", (int)(n < 40 ? n : 40), out.data);
    tl_buffer_free(&out);
    tl_buffer_free(&err);
    if (!*why)
        return python;
    free(python);
    return NULL;
}

int tl_bundle_prove_python(struct tl_bundle_ort *o, const char *directory, bool control, struct tl_proof *p,
                           char **why, struct tl_error *e)
{
    /* Its home stays: what pip installs for a user is there. */
    static const char *const environment[] = {SYSTEM_PATH, "PYTHONDONTWRITEBYTECODE=1", NULL};
    const char *impossible = why_impossible(o);
    *p = (struct tl_proof){.exit_status = -1};
    *why = impossible ? tl_strdup(impossible) : NULL;
    char *python = impossible ? NULL : find_python(o, why);
    if (!python)
        return 0;
    char *program = path_of(directory, "repro.py");
    const struct tl_bundle_run run = {
        .control = control, .must_pass = control, .runs = TL_BUNDLE_RUNS, .keeps_environment = true};
    const char *argv[] = {python, program, control ? "--control" : NULL, NULL};
    int rc = prove(o, argv, environment, &run, NULL, p, e);
    free(program);
    free(python);
    return conclude(rc, p, why, e);
}
