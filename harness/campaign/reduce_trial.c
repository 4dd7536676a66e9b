/* One trial of a reduction: from a list of edits to a model beside its weights, and from its outcome to whether it fails in the
 * same way.
 *
 * Weights in files beside the model are shared with every variant by hard links; where that cannot be they are copied once for
 * the reduction, and that copy is linked. A variant is taken away after its trial: what is kept of it is the list of its
 * edits, in the directory of the reduction, from which it can be made again. */
#include "harness/campaign/reduce_parts.h"

#include "cases/onnx/graph_data.h"
#include "cases/onnx/graph_query.h"
#include "cases/onnx/graph_read.h"
#include "cases/onnx/model_inputs.h"
#include "db/query.h"
#include "harness/base/buffer.h"
#include "harness/base/files.h"
#include "harness/campaign/judge.h"
#include "harness/verdict/kind.h"
#include "harness/verdict/related.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FIRST_RUNS 3         /* of the original */
#define REPEATS_MOST 40      /* a failure in a tenth of the runs is then missed once in seventy times */
#define NAMED_MOST (1 << 16) /* bytes of a message in which names are looked for */

static const char no_disk[] = "free some space, or set XDG_CACHE_HOME to another place";

struct tl_reduce_candidate tl_reduce_copy(const struct tl_reduce_candidate *k)
{
    struct tl_reduce_candidate copy = {.instead = json_deep_copy(k->instead),
                                       .renamed = json_deep_copy(k->renamed)};
    tl_onnx_edits_copy(&copy.edits, &k->edits);
    return copy;
}

void tl_reduce_drop(struct tl_reduce_candidate *k)
{
    tl_onnx_edits_free(&k->edits);
    json_decref(k->instead);
    json_decref(k->renamed);
    *k = (struct tl_reduce_candidate){0};
}

void tl_reduce_take(struct tl_reduce_candidate *to, struct tl_reduce_candidate *from)
{
    tl_reduce_drop(to);
    *to = *from;
    *from = (struct tl_reduce_candidate){0};
}

/* --- the model ------------------------------------------------------------------------------------------- */

struct tl_onnx_model *tl_reduce_load(const struct tl_reduce_state *s, const struct tl_reduce_candidate *k,
                                     struct tl_error *e)
{
    const struct tl_onnx_sources sources = {.directory = s->directory};
    struct tl_onnx_model *m;
    if (tl_onnx_model_read(s->bytes, s->size, s->r->c->model_file, &m, e))
        return NULL;
    if (tl_onnx_edits_apply(&k->edits, m, &sources, e)) {
        tl_onnx_model_free(m);
        return NULL;
    }
    return m;
}

size_t tl_reduce_count(const struct tl_reduce_state *s, const struct tl_reduce_candidate *k)
{
    struct tl_error ignored;
    struct tl_onnx_model *m = tl_reduce_load(s, k, &ignored);
    struct tl_onnx_node_facts *nodes = NULL;
    size_t n = 0;
    if (m)
        tl_onnx_nodes(m, &nodes, &n);
    free(nodes);
    tl_onnx_model_free(m);
    return n;
}

/* An input of a variant as lists of inputs have it; NULL: it is not known. */
static json_t *input_of(const struct tl_reduce_state *s, const struct tl_reduce_candidate *k,
                        const char *name)
{
    const json_t *before = json_object_get(k->renamed, name);
    const char *known = before ? json_string_value(before) : name;
    const json_t *input = json_object_get(k->instead, known);
    input = input ? input : json_object_get(s->inputs, known);
    json_t *copy = input ? json_deep_copy(input) : NULL;
    if (copy)
        json_object_set_new(copy, "name", json_string(name));
    return copy;
}

static bool is_recorded(const json_t *input)
{
    return json_is_true(json_object_get(input, "recorded"));
}

/* The list for the inputs that a model declares. 1: it needs one that is not known. *list is NULL where the runner makes all. */
static int list_inputs(const struct tl_reduce_state *s, const struct tl_reduce_candidate *k,
                       const uint8_t *bytes, size_t size, json_t **list)
{
    struct tl_onnx_inputs declared;
    char why[512];
    bool missing = false, recorded = json_object_size(k->instead) > 0;
    *list = NULL;
    if (tl_onnx_inputs_read(bytes, size, &declared, why, sizeof why)) {
        tl_onnx_inputs_free(&declared);
        return 1;
    }
    *list = json_array();
    for (size_t i = 0; i < declared.n; i++) {
        json_t *input = input_of(s, k, declared.list[i].name);
        recorded = recorded || is_recorded(input);
        missing = missing || !input;
        if (input) {
            json_object_del(input, "recorded");
            json_array_append_new(*list, input);
        }
    }
    tl_onnx_inputs_free(&declared);
    if (missing) {
        json_decref(*list);
        *list = NULL;
    }
    return missing && (recorded || !s->derives) ? 1 : 0;
}

static json_t *names_of_inputs(const uint8_t *bytes, size_t size)
{
    struct tl_onnx_inputs declared;
    char why[512];
    json_t *names = json_array();
    if (!tl_onnx_inputs_read(bytes, size, &declared, why, sizeof why))
        for (size_t i = 0; i < declared.n; i++)
            json_array_append_new(names, json_string(declared.list[i].name));
    tl_onnx_inputs_free(&declared);
    return names;
}

json_t *tl_reduce_inputs(const struct tl_reduce_state *s, const struct tl_reduce_candidate *k)
{
    struct tl_error ignored;
    struct tl_onnx_model *m = tl_reduce_load(s, k, &ignored);
    uint8_t *bytes = NULL;
    size_t size = 0;
    json_t *names =
        m && !tl_onnx_model_write(m, &bytes, &size, &ignored) ? names_of_inputs(bytes, size) : json_array();
    free(bytes);
    tl_onnx_model_free(m);
    return names;
}

static int copy_file(const char *from, const char *to, struct tl_error *e)
{
    bool reading = true;
    char *making = tl_format("%s.new", to);
    int in = open(from, O_RDONLY | O_CLOEXEC);
    int out = in < 0 ? -1 : open(making, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    int failed = in < 0 || out < 0 || tl_copy_bytes(in, out, &reading) ? -1 : 0, err = errno;
    if (in >= 0)
        close(in);
    if (out >= 0 && close(out) && !failed) {
        failed = -1;
        err = errno;
    }
    if (!failed && rename(making, to)) {
        failed = -1;
        err = errno;
    }
    if (failed) {
        unlink(making);
        tl_fail_errno(e, TL_ERROR_ENVIRONMENT, err, "cannot copy the weights of the model",
                      in < 0 ? from : to, no_disk);
    }
    free(making);
    return failed;
}

/* One file of the original beside a variant. */
static int share(const struct tl_reduce_state *s, const char *location, const char *target,
                 struct tl_error *e)
{
    char *own = tl_format("%s/%s", s->directory, location), *real = realpath(own, NULL),
         *once = tl_format("%s/data/%s", s->work, location);
    const char *from = real ? real : own;
    int failed = 0;
    if (tl_make_parents(target, 0700) == 0 && link(from, target)) {
        if (access(once, R_OK))
            failed = tl_make_parents(once, 0700) ? tl_fail_errno(e, TL_ERROR_ENVIRONMENT, errno,
                                                                 "cannot make a directory", once, no_disk)
                                                 : copy_file(from, once, e);
        if (!failed && link(once, target))
            failed = copy_file(once, target, e);
    }
    free(once);
    free(real);
    free(own);
    return failed;
}

static int write_data(const struct tl_reduce_state *s, struct tl_onnx_model *m, const char *directory,
                      struct tl_error *e)
{
    struct tl_onnx_data_file *files;
    size_t n;
    int failed = 0;
    tl_onnx_data_files(m, &files, &n);
    for (size_t i = 0; i < n && !failed; i++) {
        char *target = tl_format("%s/%s", directory, files[i].location);
        if (!files[i].made) {
            failed = share(s, files[i].location, target, e);
        } else {
            int fd = tl_make_parents(target, 0700)
                         ? -1
                         : open(target, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
            failed = fd < 0 ? tl_fail_errno(e, TL_ERROR_ENVIRONMENT, errno, "cannot write", target, no_disk)
                            : tl_onnx_data_write(m, s->directory, fd, target, e);
            if (fd >= 0)
                close(fd);
        }
        free(target);
    }
    tl_onnx_data_files_free(files, n);
    return failed;
}

int tl_reduce_write(const struct tl_reduce_state *s, const struct tl_reduce_candidate *k,
                    const char *directory, json_t **inputs, struct tl_error *e)
{
    struct tl_error unfit;
    struct tl_onnx_model *m = tl_reduce_load(s, k, &unfit);
    uint8_t *bytes = NULL;
    size_t size;
    *inputs = NULL;
    if (!m)
        return 1;
    char *path = tl_format("%s/model.onnx", directory);
    int result = tl_onnx_model_write(m, &bytes, &size, &unfit) ? 1 : list_inputs(s, k, bytes, size, inputs);
    if (!result && tl_make_directories(directory, 0700))
        result = tl_fail_errno(e, TL_ERROR_ENVIRONMENT, errno, "cannot make a directory", directory, no_disk);
    if (!result && tl_replace_file(path, bytes, size, 0600, false))
        result = tl_fail_errno(e, TL_ERROR_ENVIRONMENT, errno, "cannot write a model", path, no_disk);
    if (!result)
        result = write_data(s, m, directory, e);
    free(path);
    free(bytes);
    tl_onnx_model_free(m);
    return result;
}

/* What it does not say of itself stands beside it. */
static char *description(const struct tl_reduce_state *s, const struct tl_reduce_candidate *k)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    char *edits = tl_onnx_edits_text(&k->edits);
    json_t *names = tl_reduce_inputs(s, k), *name;
    size_t i;
    tl_buffer_printf(&b, "{\"edits\": %s,\n\"inputs\": [", edits);
    json_array_foreach(names, i, name) {
        json_t *input = input_of(s, k, json_string_value(name));
        char *text = input ? json_dumps(input, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
        tl_buffer_printf(&b, "%s%s", i ? ", " : "", text ? text : "null");
        free(text);
        json_decref(input);
    }
    tl_buffer_add_string(&b, "]}\n");
    json_decref(names);
    free(edits);
    return tl_buffer_take(&b);
}

static bool is_original(const struct tl_reduce_candidate *k)
{
    return !json_array_size(k->edits.list) && !json_object_size(k->instead);
}

/* 52 bits of the description's hash: that two of some thousand variants have one number is out of the question. */
static uint64_t number_of(const char *text)
{
    char id[TL_ID_SIZE], digits[14];
    tl_content_id(text, strlen(text), id);
    memcpy(digits, id, 13);
    digits[13] = '\0';
    uint64_t number = strtoull(digits, NULL, 16);
    return number ? number : 1;
}

int tl_reduce_number(const struct tl_reduce_state *s, const struct tl_reduce_candidate *k, uint64_t *number,
                     struct tl_error *e)
{
    *number = 0;
    if (is_original(k))
        return 0;
    char *text = description(s, k), *path;
    *number = number_of(text);
    path = tl_format("%s/edits/%llu.json", s->work, (unsigned long long)*number);
    int result = 0;
    if (access(path, R_OK) &&
        (tl_make_parents(path, 0700) || tl_replace_file(path, text, strlen(text), 0600, false)))
        result = tl_fail_errno(e, TL_ERROR_ENVIRONMENT, errno, "cannot write a list of edits", path,
                               "free some space, or set XDG_STATE_HOME to another place");
    free(path);
    free(text);
    return result;
}

/* --- what came of it --------------------------------------------------------------------------------------- */

static bool is_word(char c)
{
    return c == '_' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c < 0;
}

/* A message without the names of nodes and values: the variant has others than the original, or other ones are in it. */
static char *without_names(const struct tl_reduce_state *s, const char *message)
{
    if (!message || strlen(message) > NAMED_MOST)
        return tl_strdup(message);
    char *text = tl_strdup(message);
    json_t *name;
    size_t i;
    json_array_foreach(s->names, i, name) {
        const char *word = json_string_value(name);
        size_t n = json_string_length(name);
        for (char *at = text; (at = strstr(at, word)); at++)
            if ((at == text || !is_word(at[-1]) || !is_word(*word)) &&
                (!is_word(at[n]) || !is_word(word[n - 1]))) {
                *at = '*';
                memmove(at + 1, at + n, strlen(at + n) + 1);
            }
    }
    return text;
}

static bool is_same(const struct tl_reduce_state *s, const struct tl_trial_record *r)
{
    struct tl_trial_record a = s->target, b = *r;
    enum tl_judged_by by;
    if (a.outcome != b.outcome || a.phase != b.phase || a.signal != b.signal)
        return false;
    if (!strcmp(a.signature.id, b.signature.id))
        return true;
    a.message = without_names(s, a.message);
    b.message = without_names(s, b.message);
    bool same = a.outcome == TL_OUTCOME_ERROR
                    ? tl_failure_same_kind(&a, &b)
                    : tl_failure_related(&a, &b) || tl_judge_without_builds(&a, &b, &by) == TL_RELATION_SAME;
    free(a.message);
    free(b.message);
    return same;
}

static enum tl_reduce_verdict verdict_of(struct tl_reduce_state *s, const struct tl_trial_record *r)
{
    if (r->outcome == TL_OUTCOME_PASS)
        return TL_REDUCE_PASS;
    if (r->outcome == TL_OUTCOME_UNSUPPORTED || r->outcome == TL_OUTCOME_LOST)
        return TL_REDUCE_INVALID;
    if (!*s->target.id || is_same(s, r))
        return TL_REDUCE_FAIL; /* the first failure of the original is the one that is meant */
    /* What the runtime refuses is no smaller model of the failure, and no other failure either. */
    if (r->outcome == TL_OUTCOME_ERROR && s->target.outcome != TL_OUTCOME_ERROR)
        return TL_REDUCE_INVALID;
    return TL_REDUCE_OTHER;
}

static void note_other(struct tl_reduce_state *s, const struct tl_trial_record *r)
{
    json_t *other;
    size_t i;
    json_array_foreach(s->others, i, other)
        if (!strcmp(json_string_value(json_object_get(other, "signature")), r->signature.id)) {
            json_object_set_new(other, "trials",
                                json_integer(json_integer_value(json_object_get(other, "trials")) + 1));
            return;
        }
    json_array_append_new(s->others, json_pack("{s:s,s:s,s:s,s:s,s:i}", "signature", r->signature.id,
                                               "outcome", tl_outcome_name(r->outcome), "title",
                                               r->signature.title ? r->signature.title : "", "trial", r->id,
                                               "trials", 1));
}

struct answer {
    struct tl_reduce_state *s;
    bool ended, cached, stopped, failed, untried;
    enum tl_reduce_verdict verdict;
    char id[TL_UUID_SIZE];
    struct tl_error error;
};

static void on_trial(void *arg, const struct tl_trial_record *r, bool cached, const struct tl_error *failure)
{
    struct answer *a = arg;
    a->ended = true;
    a->cached = cached;
    a->stopped = failure && failure->kind == TL_ERROR_INTERRUPTED;
    a->failed = failure && !a->stopped;
    if (failure) {
        a->error = *failure;
        return;
    }
    memcpy(a->id, r->id, sizeof a->id);
    a->stopped = r->outcome == TL_OUTCOME_LOST;
    a->verdict = verdict_of(a->s, r);
    a->untried = r->outcome == TL_OUTCOME_UNSUPPORTED;
    if (a->untried)
        tl_fail(&a->error, TL_ERROR_INPUT, "the model cannot be tried", r->unit, "%s",
                r->message ? r->message : "its runner does not say why");
    if (a->verdict == TL_REDUCE_OTHER)
        note_other(a->s, r);
}

struct one {
    const struct tl_unit *unit;
    uint64_t number;
    const char *model, *inputs, *keep;
    unsigned repeat;
    bool anew;
};

static int run(struct tl_reduce_state *s, const struct one *one, struct answer *a, struct tl_error *e)
{
    const struct tl_reduction *r = s->r;
    struct tl_variant v = tl_variant_copy(r->c, r->failing);
    size_t axis = 0;
    tl_case_axis(r->c, TL_REDUCE_AXIS, &axis);
    v.index[axis] = one->number;
    const struct tl_request request = {.c = r->c,
                                       .variant = &v,
                                       .unit = one->unit,
                                       .fresh = r->fresh,
                                       .use_cache = !r->no_cache && !one->anew,
                                       .keep_outputs = one->keep,
                                       .repeat = one->repeat,
                                       .model = one->model,
                                       .inputs = one->inputs};
    *a = (struct answer){.s = s};
    int result = tl_executor_submit(r->x, &request, on_trial, a, e);
    while (!result && !a->ended) {
        result = tl_executor_step(r->x, e);
        if (!a->ended && tl_executor_interrupted(r->x) && !tl_executor_in_flight(r->x))
            break;
    }
    tl_variant_free(&v);
    if (!result && (!a->ended || (a->stopped && tl_executor_interrupted(r->x))))
        return tl_fail(e, TL_ERROR_INTERRUPTED, "stopped", one->unit->text, "the same command goes on");
    if (!result && a->failed) {
        *e = a->error;
        return -1;
    }
    if (!result && a->ended && !a->stopped) {
        s->n_cached += a->cached;
        s->n_run += !a->cached;
        json_object_set_new(s->step, "trials",
                            json_integer(json_integer_value(json_object_get(s->step, "trials")) + 1));
    }
    return result;
}

static bool is_spent(const struct tl_reduce_state *s)
{
    return s->stopped || (s->r->max_trials && s->n_run >= s->r->max_trials) ||
           tl_executor_out_of_time(s->r->x);
}

/* The files of a variant, as long as its trials run. */
struct files {
    char *directory, *model, *inputs;
};

static void remove_files(struct files *f)
{
    if (f->directory)
        tl_remove_tree(f->directory);
    free(f->directory);
    free(f->model);
    free(f->inputs);
}

/* 1: it cannot be tried. */
static int make_files(const struct tl_reduce_state *s, const struct tl_reduce_candidate *k, uint64_t number,
                      struct files *f, struct tl_error *e)
{
    json_t *inputs = NULL;
    int result = 0;
    f->directory = tl_format("%s/%llu", s->staging.path, (unsigned long long)number);
    tl_remove_tree(f->directory);
    if (number) {
        f->model = tl_format("%s/model.onnx", f->directory);
        result = tl_reduce_write(s, k, f->directory, &inputs, e);
    } else {
        result = list_inputs(s, k, (const uint8_t *)s->bytes, s->size, &inputs);
        if (!result && tl_make_directories(f->directory, 0700))
            result = tl_fail_errno(e, TL_ERROR_ENVIRONMENT, errno, "cannot make a directory", f->directory,
                                   no_disk);
    }
    if (!result && inputs) {
        f->inputs = tl_format("%s/inputs.json", f->directory);
        if (json_dump_file(inputs, f->inputs, JSON_INDENT(1)))
            result = tl_fail_errno(e, TL_ERROR_ENVIRONMENT, errno, "cannot write", f->inputs, no_disk);
    }
    json_decref(inputs);
    return result;
}

static void count_rejected(struct tl_reduce_state *s, enum tl_reduce_verdict v)
{
    const char *name = v == TL_REDUCE_OTHER ? "rejected" : v == TL_REDUCE_INVALID ? "invalid" : NULL;
    if (name)
        json_object_set_new(s->step, name,
                            json_integer(json_integer_value(json_object_get(s->step, name)) + 1));
}

int tl_reduce_try(struct tl_reduce_state *s, const struct tl_reduce_candidate *k, enum tl_reduce_verdict *v,
                  struct tl_error *e)
{
    uint64_t number;
    struct files files = {0};
    struct answer a;
    char key[24];
    *v = TL_REDUCE_INVALID;
    if (is_spent(s)) {
        s->stopped = true;
        *v = TL_REDUCE_STOPPED;
        return 0;
    }
    if (tl_reduce_number(s, k, &number, e))
        return -1;
    snprintf(key, sizeof key, "%llu", (unsigned long long)number);
    const json_t *known = json_object_get(s->tried, key);
    if (known) {
        *v = (enum tl_reduce_verdict)json_integer_value(known);
        return 0;
    }
    int result = make_files(s, k, number, &files, e);
    for (unsigned i = 0; !result && i < s->repeats && *v != TL_REDUCE_FAIL && *v != TL_REDUCE_STOPPED; i++) {
        const struct one one = {
            .unit = s->r->unit, .number = number, .model = files.model, .inputs = files.inputs, .repeat = i};
        if (i && is_spent(s))
            a = (struct answer){.stopped = true};
        else
            result = run(s, &one, &a, e);
        if (!result && (!i || a.stopped || a.verdict == TL_REDUCE_FAIL || *v == TL_REDUCE_INVALID))
            *v = a.stopped ? TL_REDUCE_STOPPED : a.verdict;
    }
    remove_files(&files);
    if (result < 0)
        return -1;
    s->stopped = s->stopped || *v == TL_REDUCE_STOPPED;
    if (*v != TL_REDUCE_STOPPED)
        json_object_set_new(s->tried, key, json_integer(*v));
    count_rejected(s, *v);
    return 0;
}

/* So many runs that a failure of this rate is missed in one of a thousand variants. */
static unsigned repeats_of(unsigned failed, unsigned runs)
{
    double miss = 1.0, rest = 1.0 - (double)failed / runs;
    unsigned n = 0;
    for (; miss > 0.001 && n < REPEATS_MOST; n++)
        miss *= rest;
    return n ? n : 1;
}

int tl_reduce_original(struct tl_reduce_state *s, struct tl_error *e)
{
    struct files files = {0};
    int result = make_files(s, &s->now, 0, &files, e);
    if (result > 0)
        result = tl_fail(e, TL_ERROR_INPUT, "cannot reduce it", s->r->c->model_file,
                         "an input is not given, and cannot be made; name it with --inputs NAME=FILE.npy");
    /* One that does not always fail is looked at longer. */
    for (unsigned i = 0, most = FIRST_RUNS; !result && i < most; i++) {
        struct answer a;
        const struct one one = {.unit = s->r->unit, .inputs = files.inputs, .repeat = i};
        if (is_spent(s) && i) {
            s->stopped = true;
            break;
        }
        if ((result = run(s, &one, &a, e)))
            break;
        if (a.stopped) {
            s->stopped = true;
            break;
        }
        if (a.untried) {
            *e = a.error;
            result = -1;
            break;
        }
        s->runs++;
        if (a.verdict == TL_REDUCE_FAIL) {
            s->failed++;
            if (!*s->target.id)
                result = tl_query_trial(tl_executor_store(s->r->x), a.id, &s->target, e);
        }
        if (i + 1 == FIRST_RUNS && s->failed < s->runs)
            most = s->failed ? 20 : 10;
    }
    s->repeats = s->failed ? repeats_of(s->failed, s->runs) : 1;
    remove_files(&files);
    return result;
}

int tl_reduce_keep_outputs(struct tl_reduce_state *s, const struct tl_reduce_candidate *k,
                           const struct tl_unit *unit, const char *directory, bool *kept, struct tl_error *e)
{
    struct files files = {0};
    struct answer a = {0};
    uint64_t number;
    *kept = false;
    if (is_spent(s)) {
        s->stopped = true;
        return 0;
    }
    if (tl_reduce_number(s, k, &number, e))
        return -1;
    char *making = tl_format("%s.making", directory), *made = NULL;
    tl_remove_tree(making);
    int result = make_files(s, k, number, &files, e);
    if (!result) {
        const struct one one = {.unit = unit,
                                .number = number,
                                .model = files.model,
                                .inputs = files.inputs,
                                .keep = making,
                                .anew = true};
        result = run(s, &one, &a, e);
    }
    if (!result && a.ended && !a.stopped) {
        made = tl_format("%s/%s", making, a.id);
        *kept = !rename(made, directory);
    }
    s->stopped = s->stopped || a.stopped;
    tl_remove_tree(making);
    remove_files(&files);
    free(made);
    free(making);
    return result < 0 ? -1 : 0;
}
