/* trapline-onnxruntime: one trial of an ONNX model in one build of ONNX Runtime on one device.
 *
 *   generate  a family builds the model in memory
 *   load      the build's library is loaded and an environment made
 *   compile   a session is made; `loads` times
 *   execute   it is run; `runs` times
 *   check     outputs are described, and where their nodes ran
 *
 * What the runtime refuses is sent on in its own words, with the name of its code. The session is left to the
 * end of the process, in a forked child as in a fresh one, and the process ends with _exit: teardown is
 * another thing to test than a model, and some builds hang or crash in it. The axis `loads` is the way to
 * test it. */
#include "harness/base/buffer.h"
#include "harness/base/hash.h"
#include "runners/onnxruntime/config.h"
#include "runners/onnxruntime/devices.h"
#include "runners/onnxruntime/dump.h"
#include "runners/onnxruntime/model.h"
#include "runners/onnxruntime/stack.h"
#include "runners/protocol.h"

#include <limits.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define DOMAIN "onnxruntime"

/* The one trial of this process. */
struct trial {
    struct tl_run *run;
    struct tl_ort *ort;
    const struct tl_ort_device *device;
    struct tl_ort_model model;
    struct tl_ort_session_options *options;
    struct tl_ort_session *session;
    struct tl_ort_feed feed;
    size_t n_outputs;
    char **output_names; /* allocated by the runtime */
    struct tl_ort_value **outputs;
    int rc;
};

static const char *build_text(const json_t *build, const char *member)
{
    return json_string_value(json_object_get(build, member));
}

static int refused(struct trial *t, const struct tl_error *e)
{
    tl_run_error(t->run, DOMAIN, e->where, "%s", e->why);
    return -1;
}

static int check(struct trial *t, tl_ort_result status)
{
    struct tl_error e;
    return tl_ort_check(t->ort, status, "", &e) == 0 ? 0 : refused(t, &e);
}

static int set_config(struct trial *t)
{
    json_t *entries = tl_ort_config(t->run), *value;
    const char *key;
    int rc = 0;
    if (!entries) {
        tl_run_error(t->run, DOMAIN, TL_ORT_CONFIG, "a file with the elements of a set cannot be read");
        return -1;
    }
    json_object_foreach(entries, key, value)
        rc = rc == 0 ? check(t, t->ort->api.AddSessionConfigEntry(t->options, key, json_string_value(value)))
                     : rc;
    json_decref(entries);
    return rc;
}

static bool tells_optimizers(const struct trial *t)
{
    return tl_run_boolean(t->run, TL_ORT_TELL_OPTIMIZERS, false);
}

static int set_options(struct trial *t)
{
    const struct tl_ort_api *api = &t->ort->api;
    struct tl_error e;
    bool pattern = tl_run_boolean(t->run, "memory_pattern", true),
         arena = tl_run_boolean(t->run, "arena", true);
    if (check(t, api->CreateSessionOptions(&t->options)) != 0 ||
        check(t, api->SetSessionGraphOptimizationLevel(
                     t->options, (int)tl_run_integer(t->run, "optimization", 99))) != 0 ||
        check(t, api->SetIntraOpNumThreads(t->options, (int)tl_run_integer(t->run, "threads", 1))) != 0 ||
        check(t, api->SetInterOpNumThreads(t->options, 1)) != 0 ||
        check(t, pattern ? api->EnableMemPattern(t->options) : api->DisableMemPattern(t->options)) != 0 ||
        check(t, arena ? api->EnableCpuMemArena(t->options) : api->DisableCpuMemArena(t->options)) != 0 ||
        set_config(t) != 0)
        return -1;
    if (!t->device->append)
        return tells_optimizers(t) ? check(t, api->SetSessionLogSeverityLevel(t->options, TL_ORT_VERBOSE))
                                   : 0;
    if (tl_ort_device_append(t->ort, t->device, t->options, &e) != 0) {
        tl_run_unsupported(t->run, "%s: %s", t->device->name, e.why);
        return -1;
    }
    /* The verbose log is how the runtime tells where it placed each node. */
    return check(t, api->SetSessionLogSeverityLevel(t->options, TL_ORT_VERBOSE));
}

static int make_session(struct trial *t)
{
    struct tl_error e, probe;
    const struct tl_ort_api *api = &t->ort->api;
    if (t->device->append)
        tl_placement_start(&t->ort->placement);
    if (tells_optimizers(t))
        tl_optimizers_start(&t->ort->optimizers, t->run);
    tl_ort_result status =
        t->model.path
            ? api->CreateSession(t->ort->env, t->model.path, t->options, &t->session)
            : api->CreateSessionFromArray(t->ort->env, t->model.data, t->model.size, t->options, &t->session);
    tl_placement_stop(&t->ort->placement);
    tl_optimizers_stop(&t->ort->optimizers);
    if (tl_ort_check(t->ort, status, "", &e) == 0)
        return 0;
    /* Is it the model that was refused, or can the device take none? */
    if (t->device->append && tl_ort_device_probe(t->ort, t->device, &probe) != 0) {
        tl_run_unsupported(t->run, "%s: %s", t->device->name, probe.why);
        return -1;
    }
    return refused(t, &e);
}

static int compile(struct trial *t)
{
    int64_t loads = tl_run_integer(t->run, "loads", 1);
    tl_run_phase(t->run, "compile");
    if (set_options(t) != 0)
        return -1;
    for (int64_t i = 0; i < loads; i++) {
        if (t->session)
            t->ort->api.ReleaseSession(t->session);
        t->session = NULL;
        if (make_session(t) != 0)
            return -1;
    }
    return t->session ? 0 : -1;
}

/* What a session does not tell of an input that is no tensor, the model's file does. */
static int derive_feed(struct trial *t, enum tl_ort_fault *fault, struct tl_error *e)
{
    enum tl_ort_fault other;
    struct tl_error why;
    int rc = tl_ort_feed_derive(t->ort, &t->feed, t->session, t->run->variant, fault, e);
    if (rc == 0 || *fault != TL_ORT_FAULT_INPUTS || !t->model.path)
        return rc;
    tl_ort_feed_free(t->ort, &t->feed);
    return tl_ort_feed_declared(t->ort, &t->feed, t->model.path, t->run->variant, &other, &why);
}

static int get_feed(struct trial *t)
{
    enum tl_ort_fault fault = TL_ORT_FAULT_RUNTIME;
    struct tl_error e;
    int rc;
    if (t->run->inputs)
        rc = tl_ort_feed_file(t->ort, &t->feed, t->run->inputs, t->run->variant, &fault, &e);
    else if (t->model.inputs)
        rc = tl_ort_model_feed(t->ort, &t->model, &t->feed, &e);
    else
        rc = derive_feed(t, &fault, &e);
    if (rc != 0 && fault == TL_ORT_FAULT_INPUTS)
        tl_run_unsupported(t->run, "%s: %s: %s", e.what, e.where, e.why);
    else if (rc != 0)
        refused(t, &e);
    return rc;
}

static int prepare(struct trial *t)
{
    struct tl_ort_allocator *allocator = NULL;
    const struct tl_ort_api *api = &t->ort->api;
    if (get_feed(t) != 0)
        return -1;
    if (check(t, api->GetAllocatorWithDefaultOptions(&allocator)) != 0 ||
        check(t, api->SessionGetOutputCount(t->session, &t->n_outputs)) != 0)
        return -1;
    t->output_names = tl_calloc(t->n_outputs + 1, sizeof *t->output_names);
    t->outputs = tl_calloc(t->n_outputs + 1, sizeof *t->outputs);
    for (size_t i = 0; i < t->n_outputs; i++) {
        if (check(t, api->SessionGetOutputName(t->session, i, allocator, &t->output_names[i])) != 0)
            return -1;
    }
    return 0;
}

static int execute(struct trial *t)
{
    int64_t runs = tl_run_integer(t->run, "runs", 1);
    const struct tl_ort_api *api = &t->ort->api;
    struct tl_ort_run_options *options = NULL;
    tl_run_phase(t->run, "execute");
    if (prepare(t) != 0 || check(t, api->CreateRunOptions(&options)) != 0)
        return -1;
    if (check(t, api->RunOptionsSetRunLogSeverityLevel(options, TL_ORT_WARNING)) != 0)
        return -1;
    for (int64_t i = 0; i < runs; i++) {
        for (size_t o = 0; o < t->n_outputs; o++) {
            if (t->outputs[o])
                api->ReleaseValue(t->outputs[o]);
            t->outputs[o] = NULL;
        }
        if (check(t, api->Run(t->session, options, (const char *const *)t->feed.names,
                              (const struct tl_ort_value *const *)t->feed.values, t->feed.n,
                              (const char *const *)t->output_names, t->n_outputs, t->outputs)) != 0)
            return -1;
    }
    api->ReleaseRunOptions(options);
    return 0;
}

static int report(struct trial *t)
{
    const char *directory = json_string_value(json_object_get(t->run->request, "outputs"));
    char text[64];
    struct tl_error e;
    tl_run_phase(t->run, "check");
    json_t *outputs = json_array();
    for (size_t i = 0; i < t->n_outputs; i++) {
        json_t *output = tl_ort_output(t->ort, t->output_names[i], t->outputs[i], directory, i, &e);
        if (!output) {
            json_decref(outputs);
            if (e.kind == TL_ERROR_ENVIRONMENT)
                tl_run_error(t->run, "runner", "output", "%s: %s: %s", e.what, e.where, e.why);
            else
                refused(t, &e);
            return -1;
        }
        json_array_append_new(outputs, output);
    }
    json_t *result =
        json_pack("{s:o, s:{s:s}}", "outputs", outputs, "versions", "onnxruntime", t->ort->version);
    const char *device = tl_ort_device_observed(t->ort, t->device, text, sizeof text);
    if (device)
        json_object_set_new(result, "observed", json_string(device));
    if (t->ort->placement.told)
        json_object_set(result, "placement", t->ort->placement.providers);
    tl_run_result(t->run, result);
    return 0;
}

/* The inputs for a dump. Those that are derived come from the model's file: its session may be what fails. */
static int get_feed_for_dump(struct trial *t)
{
    enum tl_ort_fault fault;
    struct tl_error why;
    bool derived = !t->run->inputs && !t->model.inputs;
    if (derived && !tl_ort_feed_declared(t->ort, &t->feed, t->model.path, t->run->variant, &fault, &why))
        return 0;
    tl_ort_feed_free(t->ort, &t->feed);
    return (derived && compile(t) != 0) || get_feed(t) != 0 ? -1 : 0;
}

/* Instead of running the trial: its model and inputs into a directory. */
static int dump(struct trial *t, const char *directory)
{
    struct tl_error e;
    struct rlimit no_core = {0, 0};
    setrlimit(RLIMIT_CORE, &no_core);
    int rc = tl_ort_dump_model(directory, t->run, t->device, &t->model, &e);
    if (rc == 0) {
        if (get_feed_for_dump(t) != 0)
            return -1;
        rc = tl_ort_dump_inputs(directory, t->ort, &t->feed, &e);
    }
    if (rc != 0)
        tl_run_error(t->run, "runner", "dump", "%s: %s: %s", e.what, e.where, e.why);
    else
        tl_run_result(t->run, json_pack("{s:[], s:s}", "outputs", "dump", directory));
    return rc;
}

static void *body(void *arg)
{
    struct trial *t = arg;
    const char *directory = json_string_value(json_object_get(t->run->request, "dump"));
    if (directory)
        t->rc = dump(t, directory);
    else
        t->rc = compile(t) == 0 && execute(t) == 0 && report(t) == 0 ? 0 : -1;
    return NULL;
}

/* The trial on a stack of the size that the axis stack_kb names; 0: the stack that the process has. */
static void with_stack(struct trial *t)
{
    int64_t kb = tl_run_integer(t->run, "stack_kb", 0);
    pthread_attr_t attributes;
    pthread_t thread;
    if (kb <= 0) {
        tl_ort_on_even_stack(body, t);
        return;
    }
    t->rc = -1;
    if (kb > INT32_MAX || pthread_attr_init(&attributes) != 0 ||
        pthread_attr_setstacksize(&attributes, (size_t)kb * 1024) != 0 ||
        pthread_create(&thread, &attributes, body, t) != 0) {
        tl_run_unsupported(t->run, "a thread with a stack of %lld KiB cannot be made", (long long)kb);
        return;
    }
    pthread_join(thread, NULL);
}

static int get_model(struct trial *t)
{
    const char *family = json_string_value(json_object_get(t->run->request, "family"));
    struct tl_error e;
    if (!family && t->run->model) {
        t->model.path = t->run->model;
        return 0;
    }
    if (!family) {
        tl_run_error(t->run, "protocol", "request", "a trial needs \"model\" or \"family\"");
        return -1;
    }
    tl_run_phase(t->run, "generate");
    if (tl_ort_model_build(family, t->run->variant, &t->model, &e) == 0)
        return 0;
    tl_run_unsupported(t->run, "%s: %s: %s", e.what, e.where, e.why);
    return -1;
}

static int do_trial(struct tl_run *run, void *state)
{
    struct tl_ort own, *ort = state;
    struct trial t = {.run = run, .device = tl_ort_device_find(run->device)};
    struct tl_error e;
    const char *path = build_text(run->build, "path");
    if (!t.device) {
        tl_run_unsupported(run, "onnxruntime has no device \"%s\"", run->device);
        return -1;
    }
    if (!path) {
        tl_run_unsupported(run,
                           "no build of onnxruntime was named: `trapline builds fetch onnxruntime@VERSION`");
        return -1;
    }
    if (get_model(&t) != 0)
        return -1;
    tl_run_phase(run, "load");
    if (!ort) {
        ort = &own;
        if (tl_ort_open(ort, path, &e) != 0) {
            if (ort->version)
                tl_run_error(run, DOMAIN, e.where, "%s", e.why);
            else
                tl_run_unsupported(run, "%s: %s", e.what, e.why);
            return -1;
        }
    }
    t.ort = ort;
    with_stack(&t);
    return t.rc;
}

static int serve_load(const json_t *request, void **state, char *why, size_t why_size)
{
    const char *device = json_string_value(json_object_get(request, "device"));
    const char *path = build_text(json_object_get(request, "build"), "path");
    struct tl_error e;
    /* GPU drivers keep threads and mappings that a forked child does not have. */
    if (device && strcmp(device, "cpu") != 0) {
        snprintf(why, why_size, "trials on %s are not forked from a loaded runtime", device);
        return -1;
    }
    if (!path) {
        snprintf(why, why_size, "no build of onnxruntime was named");
        return -1;
    }
    /* Once here instead of once in every child: libcrypto takes longer to start than a small session to run.
     */
    char unused[TL_ID_SIZE];
    tl_content_id("", 0, unused);
    tl_ort_find_stack();
    struct tl_ort *ort = tl_calloc(1, sizeof *ort);
    if (tl_ort_open(ort, path, &e) != 0) {
        snprintf(why, why_size, "%s: %s", e.what, e.why);
        free(ort);
        return -1;
    }
    if (tl_ort_warm_up(ort, &e) != 0) {
        snprintf(why, why_size, "%s: %s", e.what, e.why);
        return -1;
    }
    *state = ort;
    return 0;
}

static int describe(const json_t *build, json_t *devices, json_t *axes)
{
    static const char *const names[] = {"optimization", "threads",         "runs",
                                        "loads",        "memory_pattern",  "arena",
                                        "stack_kb",     TL_ORT_CONFIG "*", TL_ORT_TELL_OPTIMIZERS};
    tl_ort_devices_describe(build_text(build, "path"), devices);
    for (size_t i = 0; i < TL_COUNT(names); i++)
        json_array_append_new(axes, json_string(names[i]));
    return 0;
}

static const struct tl_runner runner = {
    .name = "onnxruntime",
    .version = "1",
    .describe = describe,
    .trial = do_trial,
    .load = serve_load,
    .can_serve = true,
};

int main(int argc, char **argv)
{
    int status = tl_runner_main(argc, argv, &runner);
    fflush(stdout);
    fflush(stderr);
    _exit(status);
}
