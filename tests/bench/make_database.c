/* A database as years of use leave it, made through the store's own interface: make_database PATH TRIALS
 *
 * Cases, units over several builds, three machines, sessions that each run a part of everything; mostly
 * passes, some failures that hold from one build to another, some that come and go; stacks that repeat,
 * output, findings, one of them a frontier. The same arguments always give the same trials. */
#include "db/finding.h"
#include "db/store.h"
#include "harness/base/buffer.h"
#include "harness/base/clock.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_US 1735689600000000 /* 2025-01-01 */
#define YEARS_US 47304000000000   /* over which the trials are spread: a year and a half */
#define SESSION 400               /* trials of one session */
#define VARIANTS 96               /* of a case */
#define MODULES 9

static const char *const operators[] = {
    "kv-write",     "gqa-begin",    "int4-codebook",  "sdpa-mask",       "rope-scatter",
    "slice-axis",   "layer-norm",   "conv-transpose", "gather-nd",       "nested-call",
    "top-k",        "resize-cubic", "lstm-reverse",   "where-broadcast", "einsum",
    "quant-matmul", "scan-loop",    "concat-empty",   "pad-reflect",     "cumsum-exclusive"};
static const char *const shapes[] = {"static", "dynamic"};
static const char *const weights[] = {"fp32", "fp16", "int8", "int4_block"};
static const int layers[] = {1, 2, 4, 8, 24, 48};
static const int sequence[] = {1, 128};

static const struct {
    const char *runner, *build, *device, *os_build;
} units[] = {
    {"onnxruntime", "1.18.0", "cpu", "6.1.0-28"},
    {"onnxruntime", "1.18.0", "webgpu", "6.1.0-28"},
    {"onnxruntime", "1.20.1", "cpu", "6.1.0-28"},
    {"onnxruntime", "1.20.1", "webgpu", "6.1.0-28"},
    {"onnxruntime", "1.22.0", "cpu", "6.1.0-28"},
    {"onnxruntime", "1.22.0", "webgpu", "6.1.0-28"},
    {"onnxruntime", "1.24.0-dev.3", "cpu", "6.1.0-28"},
    {"onnxruntime", "1.30.0", "cpu", "6.1.0-31"},
    {"onnxruntime", "1.30.0", "webgpu", "6.1.0-31"},
    {"sim", "26A5336a", "ane", "26A5336a"},
    {"sim", "26A5353q", "ane", "26A5353q"},
    {"sim", "26A5368g", "ane", "26A5368g"},
    {"sim", "26A5353q", "gpu", "26A5353q"},
    {"sim", "26A5368g", "gpu", "26A5368g"},
};
static const struct tl_machine machines[] = {
    {"ci-runner-01", "x86_64", "AMD EPYC 7763", 8, 34359738368, "Debian GNU/Linux 12", "6.1.0-28",
     "6.1.0-28-amd64"},
    {"bench-mini", "arm64", "Apple M4", 10, 17179869184, "macOS 26.0", "26A5353q", "Darwin 26.0.0"},
    {"lab-desk", "x86_64", "Intel Core i7-12700", 20, 68719476736, "Ubuntu 24.04", "6.8.0-45",
     "6.8.0-45-generic"},
};
static const char *const functions[] = {
    "ComputeInternal", "ExecuteKernel", "LaunchKernelStep", "RunInParallel", "Prepare",
    "PrePack",         "BuildSubgraph", "CopyTensor",       "AllocateRaw",   "Evaluate"};
static const char *const classes[] = {"GroupQueryAttention", "MatMulNBits", "SliceOpBase", "ScatterND",
                                      "TransposeOptimizer",  "GraphViewer", "ANECompiler", "SessionState"};

static struct tl_error error;

static void die(const char *what)
{
    fprintf(stderr, "make_database: %s: %s: %s\n", what, error.what, error.why);
    exit(3);
}

/* Mixes numbers into one that looks drawn at random. */
static uint64_t mix(uint64_t a, uint64_t b)
{
    uint64_t x = a * 0x9e3779b97f4a7c15u + b * 0xc2b2ae3d27d4eb4fu + 0x165667b19e3779f9u;
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
    x = (x ^ x >> 27) * 0x94d049bb133111ebu;
    return x ^ x >> 31;
}

static struct {
    char *name, hash[TL_ID_SIZE], *json;
    char *variant[VARIANTS], variant_hash[VARIANTS][TL_ID_SIZE];
} cases[2 * TL_COUNT(operators)];
static char *unit_name[TL_COUNT(units)];
static char environment[TL_COUNT(units)][TL_COUNT(machines)][TL_ID_SIZE];

static void make_cases(struct tl_store *s)
{
    for (size_t i = 0; i < TL_COUNT(cases); i++) {
        cases[i].name =
            tl_format("%s%s", operators[i % TL_COUNT(operators)], i < TL_COUNT(operators) ? "" : "-decode");
        json_t *j = json_pack("{s:i,s:s,s:s,s:{s:s},s:[{s:s,s:[i,i,i,i,i,i]},{s:s,s:[i,i]},{s:s,s:[s,s]},"
                              "{s:s,s:[s,s,s,s]}]}",
                              "trapline", 1, "name", cases[i].name, "title",
                              i % 3 ? "A block of a decoder, as exported" : "An operator on its own", "model",
                              "family", "decoder", "axes", "name", "layers", "ordered", 1, 2, 4, 8, 24, 48,
                              "name", "seq", "ordered", 1, 128, "name", "shapes", "choices", "static",
                              "dynamic", "name", "weights", "choices", "fp32", "fp16", "int8", "int4_block");
        cases[i].json = json_dumps(j, JSON_COMPACT);
        json_decref(j);
        tl_content_id(cases[i].json, strlen(cases[i].json), cases[i].hash);
        if (tl_store_put_case(s, cases[i].hash, cases[i].name, cases[i].json, &error))
            die("case");
        for (size_t v = 0; v < VARIANTS; v++) {
            cases[i].variant[v] =
                tl_format("{\"layers\":%d,\"seq\":%d,\"shapes\":\"%s\",\"weights\":\"%s\"}", layers[v % 6],
                          sequence[v / 6 % 2], shapes[v / 12 % 2], weights[v / 24 % 4]);
            tl_content_id(cases[i].variant[v], strlen(cases[i].variant[v]), cases[i].variant_hash[v]);
        }
    }
}

static void make_units(struct tl_store *s)
{
    for (size_t i = 0; i < TL_COUNT(units); i++) {
        unit_name[i] = tl_format("%s@%s:%s", units[i].runner, units[i].build, units[i].device);
        for (size_t m = 0; m < TL_COUNT(machines); m++) {
            char id[TL_ID_SIZE], sha[TL_SHA256_SIZE] = "";
            tl_machine_id(&machines[m], id);
            snprintf(sha, sizeof sha, "%016llx%016llx", (unsigned long long)mix(i, 1),
                     (unsigned long long)mix(i, 2));
            char *path = tl_format("/home/tester/.cache/trapline/builds/%s/%s/lib%s.so", units[i].runner,
                                   units[i].build, units[i].runner);
            struct tl_environment v = {
                id,  units[i].os_build, NULL, units[i].device, units[i].runner, "0.1.0", path,
                sha, units[i].build};
            if (tl_store_put_environment(s, &v, environment[i][m], &error))
                die("environment");
            free(path);
        }
    }
}

/* What a variant of a case does on a unit: the same every time, but for what is flaky. */
static enum tl_outcome outcome_of(size_t c, size_t v, size_t u, uint64_t draw)
{
    uint64_t cause = mix(c, 77) % 5, x = mix(mix(c, v), u);
    int layer = layers[v % 6];
    bool dynamic = v / 12 % 2, accelerated = strcmp(units[u].device, "cpu") != 0;
    if (accelerated && x % 29 == 0)
        return TL_OUTCOME_UNSUPPORTED;
    if (cause == 0 && dynamic && layer >= 8 && u >= 2 && u <= 6) /* from one build to another */
        return TL_OUTCOME_CRASH;
    if (cause == 1 && v / 24 % 4 == 3 && accelerated)
        return mix(c, 5) % 2 ? TL_OUTCOME_ERROR : TL_OUTCOME_CRASH;
    if (cause == 2 && layer == 48 && v / 6 % 2 && units[u].runner[0] == 's')
        return draw % 100 < 40 ? TL_OUTCOME_CRASH : TL_OUTCOME_PASS; /* flaky */
    switch (x % 97) {
    case 0:
    case 1:
        return TL_OUTCOME_ERROR;
    case 2:
        return TL_OUTCOME_CRASH;
    case 3:
        return draw % 10 < 7 ? TL_OUTCOME_WRONG : TL_OUTCOME_PASS;
    case 4:
        return v % 3 ? TL_OUTCOME_HANG : TL_OUTCOME_OOM;
    case 5:
        return accelerated ? TL_OUTCOME_FALLBACK : TL_OUTCOME_PASS;
    default:
        return draw % 20011 == 0 ? TL_OUTCOME_LOST : TL_OUTCOME_PASS;
    }
}

static void add_capture(struct tl_trial_record *r, size_t u, uint64_t cause, int signal)
{
    struct tl_capture *c = r->captures = tl_calloc(1, sizeof *c);
    r->n_captures = 1;
    bool hang = signal == 0;
    c->kind = hang ? TL_CAPTURE_HANG : TL_CAPTURE_SIGNAL;
    c->exe = tl_format("/usr/libexec/trapline/runners/%s", units[u].runner);
    c->pid = c->tid = 1000 + (int)(cause % 30000);
    c->is_main = true;
    c->fatal = !hang;
    c->signal = signal;
    c->si_code = signal == 11 ? 1 : signal ? -6 : 0;
    c->has_address = signal == 11;
    c->fault_address = cause % 4096;
    c->n_modules = MODULES;
    c->modules = tl_calloc(MODULES, sizeof *c->modules);
    for (unsigned i = 0; i < MODULES; i++) {
        struct tl_module *m = &c->modules[i];
        m->path = i ? tl_format("/usr/lib/x86_64-linux-gnu/libpart-%u.so.1", i)
                    : tl_format("/home/tester/.cache/trapline/builds/%s/%s/lib%s.so", units[u].runner,
                                units[u].build, units[u].runner);
        snprintf(m->build_id, sizeof m->build_id, "%016llx%016llx",
                 (unsigned long long)mix(i ? i : 100 + u, 3), (unsigned long long)mix(i ? i : 100 + u, 4));
        m->base = m->start = 0x7f0000000000u + i * 0x1000000u;
        m->end = m->base + 0x800000;
    }
    c->n_threads = 3;
    c->threads = tl_calloc(c->n_threads, sizeof *c->threads);
    for (unsigned k = 0; k < c->n_threads; k++) {
        struct tl_thread *t = &c->threads[k];
        t->pid = c->pid;
        t->tid = c->tid + (int)k;
        t->crashed = k == 0 && !hang;
        snprintf(t->name, sizeof t->name, "%s", k == 0 ? "main" : k == 1 ? "worker-1" : "worker-2");
        t->n_frames = k ? 9 : 26;
        t->frames = tl_calloc(t->n_frames, sizeof *t->frames);
        t->symbols = tl_calloc(t->n_frames, sizeof *t->symbols);
        for (unsigned i = 0; i < t->n_frames; i++) {
            uint64_t f = mix(k ? 9 + k : cause % 40, i);
            t->frames[i] = (struct tl_frame){i < 12 ? 0 : 1 + f % (MODULES - 1), i ? 0 : TL_FRAME_FIRST,
                                             0x10000 + (f % 5000) * 16 + (i ? 0 : cause / 40 % 24),
                                             0x10000 + (f % 5000) * 16};
            t->symbols[i].n = 1;
            t->symbols[i].symbols = tl_calloc(1, sizeof(struct tl_symbol));
            t->symbols[i].symbols[0].function =
                tl_format("%s::%s::%s(%s*, unsigned long)", i < 12 ? units[u].runner : "std",
                          classes[f % TL_COUNT(classes)], functions[f / 16 % TL_COUNT(functions)],
                          f % 3 ? "float" : "void const");
        }
        tl_stack_id(c->modules, t, t->stack_id);
    }
}

static void add_failure(struct tl_trial_record *r, size_t c, size_t u, uint64_t x, uint64_t draw)
{
    uint64_t cause = mix(c % TL_COUNT(operators), units[u].runner[0]) % 64;
    const char *class_name = classes[cause % TL_COUNT(classes)],
               *function = functions[cause / 8 % TL_COUNT(functions)];
    r->phase = cause % 4 == 3 ? TL_PHASE_COMPILE : cause % 4 == 2 ? TL_PHASE_LOAD : TL_PHASE_EXECUTE;
    r->exit_status =
        r->outcome == TL_OUTCOME_CRASH || r->outcome == TL_OUTCOME_HANG || r->outcome == TL_OUTCOME_OOM ? -1
                                                                                                        : 0;
    switch (r->outcome) {
    case TL_OUTCOME_CRASH:
        r->signal = cause % 5 ? 11 : 6;
        r->signature.title = tl_format("%s::%s < %s::Run", class_name, function, units[u].runner);
        if (r->signal == 6)
            r->message = tl_format("%s.cc:%llu: %s: Assertion `index < size()' failed.", class_name,
                                   (unsigned long long)(100 + x % 900), function);
        add_capture(r, u, cause + 40 * (draw % 24), r->signal);
        break;
    case TL_OUTCOME_HANG:
        r->signature.title = tl_format("waits in %s::%s", class_name, function);
        r->message = tl_strdup("the phase did not end within 60 s");
        add_capture(r, u, cause, 0);
        break;
    case TL_OUTCOME_OOM:
        r->signal = 9;
        r->signature.title = tl_strdup("memory limit");
        r->message = tl_strdup("the memory limit of 4096 MiB was reached");
        break;
    case TL_OUTCOME_WRONG:
        r->phase = TL_PHASE_CHECK;
        r->signature.title = tl_strdup("output differs from the reference");
        r->message = tl_format("output 0 differs from the reference by %.4f, tolerance 0.02",
                               0.03 + (double)(draw % 1000) / 999.0);
        break;
    case TL_OUTCOME_FALLBACK:
        r->phase = TL_PHASE_DONE;
        r->observed_device = tl_strdup("cpu");
        r->signature.title = tl_format("ran on cpu, not on %s", units[u].device);
        break;
    default:
        r->error_domain = tl_strdup(units[u].runner);
        r->error_code = tl_format("%d", (int)(1 + cause % 9));
        r->message =
            tl_format("Non-zero status code returned while running %s node. Name:'/model/layers.%llu/%s' "
                      "Status Message: %s::%s: shape mismatch",
                      class_name, (unsigned long long)(x % 48), function, class_name, function);
        r->signature.title =
            tl_format("%s %s: %s shape mismatch", units[u].runner, r->error_code, class_name);
    }
    char *key = tl_format("%d %d %d %s", r->outcome, r->phase, r->signal, r->signature.title);
    tl_content_id(key, strlen(key), r->signature.id);
    r->signature.coarse_title = tl_strdup(r->signature.title);
    tl_content_id(r->signature.title, strlen(r->signature.title), r->signature.coarse_id);
    free(key);
}

/* The n-th trial. */
static void make(struct tl_trial_record *r, size_t n, size_t trials, size_t machine)
{
    size_t session = n / SESSION, c = mix(session, n % SESSION / 20) % TL_COUNT(cases),
           u = n % TL_COUNT(units), v = mix(n, 11) % VARIANTS;
    uint64_t draw = mix(n, 12), x = mix(mix(c, v), u);
    memset(r, 0, sizeof *r);
    r->started_us = FIRST_US + (int64_t)((double)n / (double)trials * (double)YEARS_US);
    tl_uuid7(r->id);
    char head[16];
    snprintf(head, sizeof head, "%012llx", (unsigned long long)(r->started_us / 1000));
    memcpy(r->id, head, 8); /* the time of the trial, not of now */
    memcpy(r->id + 9, head + 8, 4);
    r->case_name = tl_strdup(cases[c].name);
    memcpy(r->case_hash, cases[c].hash, sizeof r->case_hash);
    r->variant = tl_strdup(cases[c].variant[v]);
    memcpy(r->variant_hash, cases[c].variant_hash[v], sizeof r->variant_hash);
    r->unit = tl_strdup(unit_name[u]);
    memcpy(r->environment_id, environment[u][machine], sizeof r->environment_id);
    r->command = tl_format("[\"/usr/libexec/trapline/runners/%s\"]", units[u].runner);
    r->request = tl_format(
        "{\"trial\":1,\"case\":\"%s\",\"variant\":%s,\"device\":\"%s\",\"model\":\"/home/tester/.cache/"
        "trapline/models/%016llx.onnx\",\"scratch\":\"/tmp/trapline-%zu\"}",
        r->case_name, r->variant, units[u].device, (unsigned long long)x, n);
    r->fresh = draw % 4 != 0;
    r->outcome = outcome_of(c, v, u, draw);
    r->phase = TL_PHASE_DONE;
    double scale = (1 + (double)layers[v % 6] / 12) * (1 + (double)(draw % 100) / 400);
    for (int p = 0; p < TL_PHASE_COUNT; p++)
        r->phase_seconds[p] = -1;
    if (r->outcome == TL_OUTCOME_UNSUPPORTED) {
        r->phase = TL_PHASE_START;
        r->exit_status = -1;
        r->message = tl_format("the device %s is not usable here", units[u].device);
        return;
    }
    if (r->outcome == TL_OUTCOME_LOST) {
        r->exit_status = -1;
        r->message = tl_strdup("trapline or the machine went down while it ran");
    } else if (r->outcome != TL_OUTCOME_PASS) {
        add_failure(r, c, u, x, draw);
    } else {
        char *result =
            tl_format("{\"outputs\":[{\"name\":\"logits\",\"dtype\":\"float32\",\"shape\":[1,%d,512],"
                      "\"hash\":\"%016llx\","
                      "\"finite\":true,\"min\":-4.1,\"max\":3.9,\"mean\":0.01}],\"observed\":\"%s\"}",
                      sequence[v / 6 % 2], (unsigned long long)x, units[u].device);
        r->result = json_loads(result, 0, NULL);
        free(result);
        r->observed_device = tl_strdup(units[u].device);
    }
    static const double share[TL_PHASE_COUNT] = {.004, .02, .03, .05, .02, .001, .001};
    for (int p = 0; p <= (int)r->phase; p++) {
        r->phase_seconds[p] = share[p] * scale;
        r->wall_seconds += r->phase_seconds[p];
    }
    r->user_seconds = r->wall_seconds * .8;
    r->system_seconds = r->wall_seconds * .1;
    r->peak_rss = (uint64_t)(60 + layers[v % 6] * 9) << 20;
    if (draw % 3 == 0 || r->outcome == TL_OUTCOME_CRASH) {
        r->err.head =
            tl_format("2025-05-01 12:%02d:%02d.%06d [W:%s:, graph.cc:%d RemoveUnusedInitializers] Removing "
                      "initializer '/model/layers.0/weight_%d'. It is not used by any node.\n",
                      (int)(draw / 7 % 60), (int)(draw / 11 % 60), (int)(draw % 1000000), units[u].runner,
                      (int)(x % 4000), (int)(x % 97));
        r->err.head_size = r->err.total = strlen(r->err.head);
    }
}

static json_t *variant_json(int layer, int seq, const char *shape, const char *weight)
{
    return json_pack("{s:i,s:i,s:s,s:s}", "layers", layer, "seq", seq, "shapes", shape, "weights", weight);
}

static json_t *axes_json(void)
{
    return json_pack("[{s:s,s:s,s:[i,i,i,i,i,i]},{s:s,s:s,s:[i,i]},{s:s,s:s,s:[s,s]},{s:s,s:s,s:[s,s,s,s]}]",
                     "name", "layers", "kind", "ordered", "values", 1, 2, 4, 8, 24, 48, "name", "seq", "kind",
                     "ordered", "values", 1, 128, "name", "shapes", "kind", "choice", "values", "static",
                     "dynamic", "name", "weights", "kind", "choice", "values", "fp32", "fp16", "int8",
                     "int4_block");
}

static json_t *step(const char *outcome, const char *purpose, json_t *variant)
{
    return json_pack("{s:s,s:s,s:b,s:o}", "outcome", outcome, "purpose", purpose, "fresh", 1, "variant",
                     variant);
}

/* A finding about a crash that was stored. */
static void put_finding(struct tl_store *s, const struct tl_trial_record *crash, bool frontier)
{
    char id[TL_UUID_SIZE];
    tl_uuid7(id);
    json_t *d = json_pack(
        "{s:s,s:s,s:s,s:s,s:s,s:I,s:b,s:b,s:s,s:s,s:s,s:{s:s,s:s}}", "finding", id, "kind",
        frontier ? "frontier" : "isolation", "case", crash->case_name, "case_hash", crash->case_hash, "unit",
        crash->unit, "created_us", (json_int_t)(crash->started_us + 60000000), "reproduced", 1, "complete", 1,
        "outcome", tl_outcome_name(crash->outcome), "signal", tl_signal_name(crash->signal), "phase",
        tl_phase_name(crash->phase), "signature", "id", crash->signature.id, "title", crash->signature.title);
    json_object_set_new(d, "failing", variant_json(48, 128, "dynamic", "int4_block"));
    json_object_set_new(d, "baseline", variant_json(1, 1, "static", "fp32"));
    json_object_set_new(d, "minimal", variant_json(8, 1, "dynamic", "fp32"));
    json_object_set_new(d, "axes", axes_json());
    json_object_set_new(d, "evidence", json_pack("{s:s,s:n}", "trial", crash->id, "control"));
    json_object_set_new(d, "rate", json_pack("[i,i]", 5, 5));
    json_object_set_new(d, "trials", json_integer(31));
    json_object_set_new(d, "search_trials", json_integer(14));
    json_object_set_new(d, "elapsed_s", json_real(4.2));
    json_object_set_new(d, "trigger",
                        json_pack("[{s:s,s:i,s:i,s:[i]},{s:s,s:s,s:[s],s:[s]}]", "axis", "layers", "value", 8,
                                  "threshold", 8, "passes_with", 4, "axis", "shapes", "value", "dynamic",
                                  "fails_with", "dynamic", "passes_with", "static"));
    json_object_set_new(d, "decisive",
                        json_pack("[{s:s,s:o,s:o,s:i,s:i}]", "axis", "shapes", "fails",
                                  variant_json(8, 1, "dynamic", "fp32"), "passes",
                                  variant_json(8, 1, "static", "fp32"), "n_fails", 5, "n_passes", 3));
    json_t *path = json_array();
    json_array_append_new(path, step("match", "failing", variant_json(48, 128, "dynamic", "int4_block")));
    json_array_append_new(path, step("pass", "baseline", variant_json(1, 1, "static", "fp32")));
    for (size_t i = 0; i < 6; i++)
        json_array_append_new(path, step(layers[i] >= 8 ? "match" : "pass", "threshold",
                                         variant_json(layers[i], 1, "dynamic", "fp32")));
    json_array_append_new(path, step("pass", "confirm", variant_json(8, 1, "static", "fp32")));
    if (frontier) {
        static const int corner[][2] = {{4, 128}, {8, 48}, {24, 12}, {48, 1}};
        json_t *corners = json_array();
        for (size_t i = 0; i < TL_COUNT(corner); i++) {
            json_array_append_new(corners,
                                  json_pack("{s:i,s:i,s:b}", "a", corner[i][0], "b", corner[i][1], "gap", 0));
            for (int k = 0; k < 4; k++) {
                int a = corner[i][0] - k % 2, b = corner[i][1] - k / 2;
                if (a >= 1 && b >= 1)
                    json_array_append_new(
                        path, step(k ? "pass" : "match", "frontier", variant_json(a, b, "dynamic", "fp32")));
            }
        }
        json_object_set_new(d, "frontier",
                            json_pack("{s:s,s:s,s:o}", "a", "layers", "b", "seq", "corners", corners));
    }
    json_object_set_new(d, "path", path);
    if (tl_finding_put(s, d, &error))
        die("finding");
    json_decref(d);
}

int main(int argc, char **argv)
{
    char *end;
    size_t trials = argc == 3 ? strtoul(argv[2], &end, 10) : 0, findings = 0;
    if (!trials || *end) {
        fprintf(stderr, "usage: make_database PATH TRIALS\n");
        return 2;
    }
    struct tl_store *s;
    if (tl_store_open(argv[1], TL_STORE_WRITE, &s, &error))
        die("open");
    uint64_t start = tl_monotonic_ns();
    for (size_t n = 0; n < trials; n++) {
        size_t machine = mix(n / SESSION, 21) % TL_COUNT(machines);
        if (n % SESSION == 0) {
            if (n && tl_store_session_end(s, &error))
                die("session");
            if (tl_store_session_begin(s, &machines[machine], "0.1.0", "trapline matrix nightly/*.json", NULL,
                                       &error))
                die("session");
            if (n == 0) {
                make_cases(s);
                make_units(s);
            }
        }
        struct tl_trial_record r;
        make(&r, n, trials, machine);
        if (tl_store_trial(s, &r, &error))
            die("trial");
        if (r.outcome == TL_OUTCOME_CRASH && findings < 12 && n >= findings * (trials / 12)) {
            put_finding(s, &r, findings % 5 == 1);
            findings++;
        }
        tl_trial_record_free(&r);
    }
    if (tl_store_close(s, &error))
        die("close");
    for (size_t i = 0; i < TL_COUNT(cases); i++) {
        free(cases[i].name);
        free(cases[i].json);
        for (size_t v = 0; v < VARIANTS; v++)
            free(cases[i].variant[v]);
    }
    for (size_t i = 0; i < TL_COUNT(units); i++)
        free(unit_name[i]);
    printf("%zu trials, %zu findings in %.1f s\n", trials, findings,
           (double)(tl_monotonic_ns() - start) / 1e9);
    return 0;
}
