/* trapline-devicectl: has an iPhone that hangs on this Mac do trials.
 *
 * Written from what is publicly known of devicectl, and tried with programs that behave as that says. It was never run
 * with a device.
 *
 * Theory of operation. A unit such as coreai:gpu%phone names a device by an alias. The app on it
 * (runners/iphone) speaks the protocol of runners as any runner does; this program is its way to and from trapline:
 *
 *   trapline --(fd 3)-- this program --(pipes)-- xcrun devicectl … launch --console ~~~ app on the device
 *
 *   1. list      is the device there, paired, and reachable? Else the trial is unsupported.
 *   2. copy      model and inputs into the app's container.
 *   3. launch    the request is an argument of the app; its messages are marked lines of the console.
 *   4. end       a signal in devicectl's last words is the death of the app: "died", and the report of the device is
 *                waited for. An app that never began (a locked device) is unsupported; a device that is not there any
 *                more is lost. Everything else that ends without an answer is an error.
 *
 * trapline asks for the end with SIGTERM, at a deadline or when the user stops it: devicectl passes the signal on to the
 * app. Where that does not help, the app is launched once more with the request to exit, which terminates the one that
 * runs: the next trial is not to find it there. */
#include "runners/devicectl/app.h"
#include "runners/devicectl/stage.h"
#include "runners/devicectl/tool.h"

#include "harness/base/buffer.h"
#include "harness/base/clock.h"
#include "harness/base/devices.h"
#include "harness/base/files.h"
#include "harness/base/hash.h"
#include "harness/base/record.h"
#include "runners/channel.h"
#include "runners/protocol.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TAKE_S 300.0
#define LIST_S 20.0
/* A description has a minute. */
#define TAKE_DESCRIBE_S 10.0
#define LIST_DESCRIBE_S 10.0
#define LIST_AGAIN_S 6.0 /* when trapline waits for the end */
#define DESCRIBE_S 30.0
#define END_S 8.0
#define BEFORE_S 840.0 /* waiting for others, list, copy and launch together */
#define REPORT_S 30.0  /* a report comes within seconds, if it comes */
#define REPORT_NAME "crash.ips"
#define PLACE "Documents/trapline" /* in the app's container */

/* Devices of Core AI; an app that can be asked says itself which it has. */
static const char *const usual_devices[] = {"default", "cpu", "gpu", "ane"};

struct target {
    struct tl_devices all;
    const char *alias, *udid, *bundle;
    struct tl_tool tool;
};

static void target_close(struct target *g)
{
    tl_tool_close(&g->tool);
    tl_devices_free(&g->all);
}

/* The device and the app that a request means. -1 with *e. */
static int target_open(struct target *g, const json_t *request, const char *directory, struct tl_error *e)
{
    const char *runner = json_string_value(json_object_get(request, "runner"));
    *g = (struct target){.alias = json_string_value(json_object_get(request, "on"))};
    if (!g->alias || !runner)
        return tl_fail(e, TL_ERROR_INPUT, "no device is named", "",
                       "a request to trapline-devicectl has \"on\", the alias of a device, and \"runner\"");
    const struct tl_device *d = tl_devices_load(&g->all, e) ? NULL : tl_devices_find(&g->all, g->alias, e);
    g->udid = d ? d->udid : NULL;
    g->bundle = d ? tl_device_app(d, runner, e) : NULL;
    if (!g->bundle)
        return -1;
    return tl_tool_open(&g->tool, d, g->bundle, directory, e);
}

/* --- describe ------------------------------------------------------------------------------------------- */

static void take_description(struct tl_app *app, const json_t *message)
{
    json_t **kept = app->arg;
    if (!*kept && json_is_array(json_object_get(message, "devices")))
        *kept = json_incref((json_t *)message);
}

/* What the app says of itself; NULL with *why (a new string). */
static json_t *ask_app(const struct target *g, char **why)
{
    static const char *const arguments[] = {"--describe", NULL};
    json_t *told = NULL;
    struct tl_error e;
    struct tl_app app = {
        .tool = &g->tool, .most_s = DESCRIBE_S, .on_message = take_description, .arg = &told};
    if (tl_app_run(&app, arguments, &e))
        *why = tl_strdup(e.why);
    else if (!told && app.signal)
        *why = tl_format("the app %s died of %s when it was asked what it can do", g->bundle,
                         tl_app_signal_name(app.signal));
    else if (!told)
        *why = tl_format("the app %s %s%s%s; is it installed, and is %s unlocked? (docs/iphone.md)",
                         g->bundle, app.launched ? "does not say what it can do" : "could not be launched",
                         app.complaint ? ": " : "", app.complaint ? app.complaint : "", g->alias);
    tl_app_free(&app);
    return told;
}

/* why: it cannot be used; NULL: it can, as far as is known. */
static void set_devices(json_t *answer, const char *why)
{
    json_t *devices = json_array();
    for (size_t i = 0; i < TL_COUNT(usual_devices); i++)
        json_array_append_new(devices, json_pack("{s:s,s:b,s:s}", "name", usual_devices[i], "usable", !why,
                                                 "why", why ? why : "its app is asked when it is used"));
    json_object_set_new(answer, "devices", devices);
}

static void set_versions(const struct target *g, const json_t *told, json_t *answer)
{
    const struct tl_phone *p = &g->tool.phone;
    const char *version = json_string_value(json_object_get(told, "version"));
    char *text = tl_format("%s on %s, %s%s%s%s", version ? version : "unknown",
                           p->model ? p->model : "a device", p->os ? p->os : "an unknown system",
                           p->os_build ? " (" : "", p->os_build ? p->os_build : "", p->os_build ? ")" : "");
    json_object_set_new(answer, "version", json_string(text));
    if (p->os_build)
        json_object_set_new(answer, "os_build", json_string(p->os_build));
    if (p->os)
        json_object_set_new(answer, "os", json_string(p->os));
    if (p->model)
        json_object_set_new(answer, "model", json_string(p->model));
    free(text);
}

static int describe_for(const json_t *request, json_t *answer)
{
    struct target g;
    struct tl_error e;
    if (!json_object_get(request, "on")) /* itself it has no device */
        return 0;
    char *why = NULL;
    json_t *told = NULL;
    if (target_open(&g, request, ".", &e))
        why = tl_format("%s: %s: %s", e.what, e.where, e.why);
    else if (!json_string_value(json_object_get(request, "device"))) /* a list: nothing is started for it */
        why = tl_tool_look(&g.tool, LIST_DESCRIBE_S);
    else if (!(why = tl_tool_take(&g.tool, TAKE_DESCRIBE_S)) &&
             !(why = tl_tool_look(&g.tool, LIST_DESCRIBE_S)))
        told = ask_app(&g, &why);
    json_object_set(answer, "name", json_object_get(request, "runner"));
    if (told) {
        json_object_set(answer, "devices", json_object_get(told, "devices"));
        if (json_object_get(told, "axes"))
            json_object_set(answer, "axes", json_object_get(told, "axes"));
        else
            json_object_del(answer, "axes"); /* it takes any */
    } else {
        set_devices(answer, why);
    }
    set_versions(&g, told, answer);
    json_decref(told);
    free(why);
    target_close(&g);
    return 0;
}

static int describe(const json_t *build, json_t *devices, json_t *axes)
{
    (void)build;
    (void)devices;
    (void)axes;
    return 0;
}

/* --- trial ---------------------------------------------------------------------------------------------- */

struct trial {
    struct tl_run *run;
    struct target g;
    const char *outputs; /* the directory for files of outputs; NULL: they are not wanted */
    json_t *held;        /* the result, until these files are there */
    bool answered;
};

/* Where a file of this machine is in the container: one place for each content, as far as its state tells, so that a
 * large model is copied once. */
static char *place_of(const char *path)
{
    struct stat st;
    char id[TL_ID_SIZE];
    char *state = stat(path, &st) ? tl_strdup("none") : tl_file_state(&st),
         *text = tl_format("%s\n%s", path, state);
    tl_content_id(text, strlen(text), id);
    free(state);
    free(text);
    return tl_format(PLACE "/%.16s/%s", id, tl_base_name(path));
}

/* Copies the model, and what it is to be called with, and names their places in the request. */
static int send_model(struct trial *t, json_t *request, struct tl_error *e)
{
    const struct tl_run *run = t->run;
    char *place = place_of(run->model), *calls = tl_format("%s/calls", run->scratch);
    int result = tl_stage_calls(run->model, run->inputs, run->variant, calls, e) ||
                         tl_tool_copy_to(&t->g.tool, run->model, place, e) ||
                         tl_tool_copy_to(&t->g.tool, calls, PLACE "/calls", e)
                     ? -1
                     : 0;
    json_object_set_new(request, "model", json_string(place));
    json_object_set_new(request, "calls", json_string(PLACE "/calls"));
    free(calls);
    free(place);
    return result;
}

/* The request as the app gets it. NULL with *e. */
static json_t *request_of(struct trial *t, struct tl_error *e)
{
    static const char *const here[] = {"on", "runner", "environment", "scratch", "inputs"};
    json_t *request = json_copy((json_t *)t->run->request);
    for (size_t i = 0; i < TL_COUNT(here); i++)
        json_object_del(request, here[i]);
    if (t->outputs)
        json_object_set_new(request, "outputs", json_string(PLACE "/outputs"));
    if (!send_model(t, request, e))
        return request;
    json_decref(request);
    return NULL;
}

static void answer(struct trial *t, json_t *message)
{
    t->answered = true;
    tl_channel_send(message);
}

static void on_message(struct tl_app *app, const json_t *message)
{
    struct trial *t = app->arg;
    const json_t *result = json_object_get(message, "result");
    if (json_object_get(message, "phase")) {
        if (!t->answered && !t->held)
            tl_channel_send(json_copy((json_t *)message));
    } else if (t->answered || t->held) {
        ; /* it has one answer */
    } else if (json_is_object(result) && t->outputs) {
        t->held = json_copy((json_t *)message);
    } else if (result || json_object_get(message, "error") || json_object_get(message, "unsupported")) {
        answer(t, json_copy((json_t *)message));
    } else {
        t->answered = true;
        tl_run_error(t->run, "protocol", "message",
                     "the app on the device sent a message that is none of the protocol");
    }
}

/* Sends the result that was held. Files that cannot be had are said to be missing by who looks for them. */
static void send_held(struct trial *t)
{
    struct tl_error e;
    if (!t->held)
        return;
    if (tl_tool_copy_from(&t->g.tool, PLACE "/outputs", t->outputs, &e))
        fprintf(stderr, "trapline-devicectl: the outputs cannot be copied from the device: %s\n", e.why);
    answer(t, t->held);
    t->held = NULL;
}

static double report_patience(void)
{
    const char *text = getenv("TRAPLINE_DEVICE_REPORT_S");
    char *end;
    double s = text ? strtod(text, &end) : REPORT_S;
    return s >= 0 && s < 100 ? s : REPORT_S;
}

static void died(struct trial *t, const struct tl_app *app)
{
    const char *name = tl_app_signal_name(app->signal);
    int number = tl_signal_parse(name);
    bool crash = tl_signal_is_crash(number);
    if (!crash) { /* its system ended it, or its cable did */
        char *gone = tl_tool_look(&t->g.tool, LIST_S);
        if (gone) {
            tl_run_lost(t->run, gone);
            free(gone);
            return;
        }
    }
    tl_run_died(t->run, name, NULL, crash ? REPORT_NAME : NULL, app->pid);
    if (!crash || !app->pid)
        return;
    int64_t spent_us = (int64_t)((tl_monotonic_ns() - app->told_ns) / 1000);
    if (!tl_tool_report(&t->g.tool, app->process, app->pid, app->its_time_us, app->its_time_us + spent_us,
                        report_patience(), REPORT_NAME))
        fprintf(stderr, "trapline-devicectl: the device wrote no report of the crash of %s (%d) in time\n",
                app->process, app->pid);
}

/* It was to end before it did: whether the device is there decides what that was. */
static void stopped(struct trial *t, const struct tl_app *app)
{
    char *gone = tl_tool_look(&t->g.tool, LIST_AGAIN_S);
    if (gone)
        tl_run_lost(t->run, gone);
    else if (app->console.had_to_be_killed) {
        static const char *const arguments[] = {"device", "process", "launch", "--terminate-existing",
                                                "--device"};
        const char *argv[TL_COUNT(arguments) + 5];
        struct tl_error e;
        memcpy(argv, arguments, sizeof arguments);
        size_t n = TL_COUNT(arguments);
        argv[n++] = t->g.udid;
        argv[n++] = t->g.bundle;
        argv[n++] = "--";
        argv[n++] = "--end";
        argv[n] = NULL;
        if (tl_tool_run(&t->g.tool, argv, END_S, NULL, NULL, &e))
            fprintf(stderr, "trapline-devicectl: the app may still run on the device: %s\n", e.why);
    }
    free(gone);
}

static void conclude(struct trial *t, const struct tl_app *app)
{
    const char *said = app->complaint ? app->complaint : "devicectl does not say why";
    if (tl_console_stop_asked()) {
        stopped(t, app);
        return;
    }
    if (app->console.too_slow || (!app->launched && !app->signal && !t->answered && !t->held)) {
        tl_run_unsupported(t->run,
                           "the app %s could not be launched on %s%s: %s; unlock it, and see docs/iphone.md",
                           t->g.bundle, t->g.alias, app->console.too_slow ? " in time" : "", said);
        return;
    }
    send_held(t);
    if (app->signal) {
        died(t, app);
        return;
    }
    if (t->answered)
        return;
    char *gone = tl_tool_look(&t->g.tool, LIST_S);
    if (gone)
        tl_run_lost(t->run, gone);
    else
        tl_run_error(t->run, TL_DEVICE_RUNNER, "ended", "the app on the device ended without an answer: %s",
                     said);
    free(gone);
}

/* What may take long before is over: from now on the limits of the case hold. */
static void on_launched(struct tl_app *app)
{
    struct trial *t = app->arg;
    tl_run_phase(t->run, "load");
}

static void run_app(struct trial *t, const json_t *request)
{
    struct tl_error e;
    char *text = json_dumps(request, JSON_COMPACT);
    const char *arguments[] = {"--trial", text, NULL};
    struct tl_app app = {.tool = &t->g.tool,
                         .environment = json_object_get(t->run->request, "environment"),
                         .on_message = on_message,
                         .on_launched = on_launched,
                         .arg = t};
    if (tl_app_run(&app, arguments, &e))
        tl_run_unsupported(t->run, "%s", e.why);
    else
        conclude(t, &app);
    tl_app_free(&app);
    free(text);
}

static void prepare(struct trial *t)
{
    struct tl_error e;
    char *why = tl_tool_take(&t->g.tool, TAKE_S);
    why = why ? why : tl_tool_look(&t->g.tool, LIST_S);
    json_t *request = why ? NULL : request_of(t, &e);
    if (why)
        tl_run_unsupported(t->run, "%s", why);
    else if (tl_console_stop_asked())
        ; /* nothing runs there yet */
    else if (!request)
        tl_run_unsupported(
            t->run, "the model could not be brought to %s: %s; is the app installed, and is it unlocked?",
            t->g.alias, e.why);
    else
        run_app(t, request);
    json_decref(request);
    free(why);
}

static int trial(struct tl_run *run, void *state)
{
    struct trial t = {.run = run, .outputs = json_string_value(json_object_get(run->request, "outputs"))};
    struct tl_error e;
    (void)state;
    tl_console_catch_stop();
    if (!run->model) {
        tl_run_unsupported(
            run, "a device runs models that are files or directories, of a case with a file or a generator");
        return -1;
    }
    tl_run_phase_within(run, "start", BEFORE_S);
    if (target_open(&t.g, run->request, run->scratch, &e))
        tl_run_unsupported(run, "%s: %s: %s", e.what, e.where, e.why);
    else
        prepare(&t);
    json_decref(t.held);
    target_close(&t.g);
    return 0;
}

int main(int argc, char **argv)
{
    static const struct tl_runner runner = {.name = TL_DEVICE_RUNNER,
                                            .version = "1.0",
                                            .describe = describe,
                                            .describe_request = describe_for,
                                            .trial = trial,
                                            .no_builds = true};
    struct stat st;
    /* What is started from here has no business with trapline. */
    if (!fstat(TL_PROTOCOL_FD, &st) && S_ISSOCK(st.st_mode))
        fcntl(TL_PROTOCOL_FD, F_SETFD, FD_CLOEXEC);
    return tl_runner_main(argc, argv, &runner);
}
