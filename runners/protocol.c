/* The runner's side of the protocol: requests in, messages out (docs/runners.md).
 *
 * A process gets one request: to describe itself, to do a trial, or to serve. A forked child of a server gets
 * one too, which is a trial. By hand the request is an argument and the messages go to stdout. */
#include "runners/protocol.h"
#include "runners/channel.h"
#include "runners/serve.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define STATUS_MISUSED 2 /* a request or a command line that was not understood */

void tl_run_phase(struct tl_run *run, const char *phase)
{
    tl_channel_send(json_pack("{s:o}", "phase", tl_json_text(phase, strlen(phase), 64)));
}

void tl_run_phase_within(struct tl_run *run, const char *phase, double seconds)
{
    tl_channel_send(
        json_pack("{s:o,s:f}", "phase", tl_json_text(phase, strlen(phase), 64), "timeout_s", seconds));
}

void tl_run_counts(struct tl_run *run, json_t *counts)
{
    tl_channel_send(json_pack("{s:o}", "counts", counts));
}

/* Words that say nothing are none: a message with them would not be understood. */
static bool says(const char *text)
{
    return text && *text;
}

static const char no_reason[] = "no reason was given";

void tl_run_operator(struct tl_run *run, const char *name, const char *type)
{
    json_t *in_flight = says(name) || says(type) ? json_object() : json_null();
    if (says(name))
        json_object_set_new(in_flight, "name", tl_json_text(name, strlen(name), 256));
    if (says(type))
        json_object_set_new(in_flight, "type", tl_json_text(type, strlen(type), 256));
    tl_channel_send(json_pack("{s:o}", "operator", in_flight));
}

void tl_run_error(struct tl_run *run, const char *domain, const char *code, const char *message, ...)
{
    va_list ap;
    va_start(ap, message);
    tl_channel_send_error(domain, code, message, ap);
    va_end(ap);
}

void tl_run_unsupported(struct tl_run *run, const char *why, ...)
{
    char text[4096];
    va_list ap;
    va_start(ap, why);
    int n = vsnprintf(text, sizeof text, why, ap);
    va_end(ap);
    if (n <= 0)
        snprintf(text, sizeof text, "%s", no_reason);
    tl_channel_send(json_pack("{s:o}", "unsupported", tl_json_text(text, strlen(text), sizeof text)));
}

static json_t *text_of(const char *text)
{
    return text ? tl_json_text(text, strlen(text), 4096) : NULL;
}

void tl_run_died(struct tl_run *run, const char *signal, const char *message, const char *report, int pid)
{
    json_t *died = json_pack("{s:s,s:s*}", "signal", signal, "report", report);
    if (pid > 0)
        json_object_set_new(died, "pid", json_integer(pid));
    if (message)
        json_object_set_new(died, "message", text_of(message));
    tl_channel_send(json_pack("{s:o}", "died", died));
}

void tl_run_lost(struct tl_run *run, const char *why)
{
    tl_channel_send(json_pack("{s:o}", "lost", text_of(says(why) ? why : no_reason)));
}

/* Leaves a result that is too long for a message in the scratch directory, and says so. -1 when it cannot. */
static int leave_result(const struct tl_run *run, json_t *result)
{
    static const char name[] = "result.json";
    if (!json_object_get(run->request, "scratch") ||
        json_dumpb(result, NULL, 0, JSON_COMPACT | JSON_ENSURE_ASCII) > TL_RESULT_MAX)
        return -1;
    char path[4096];
    int n = snprintf(path, sizeof path, "%s/%s", run->scratch, name);
    if (n < 0 || (size_t)n >= sizeof path)
        return -1;
    unlink(path); /* whatever the model left under that name */
    if (json_dump_file(result, path, JSON_COMPACT | JSON_ENSURE_ASCII))
        return -1;
    return tl_channel_send(json_pack("{s:{s:s}}", "result", "file", name));
}

void tl_run_result(struct tl_run *run, json_t *result)
{
    const char *observed = json_string_value(json_object_get(result, "observed"));
    if (observed && !*observed) /* the runtime does not know it */
        json_object_del(result, "observed");
    int failed = tl_channel_send(json_pack("{s:O}", "result", result)), err = errno;
    if (failed && err == EMSGSIZE && !leave_result(run, result))
        failed = 0;
    json_decref(result);
    errno = err;
    if (!failed)
        return;
    if (errno == EMSGSIZE)
        tl_channel_error(
            "protocol", "too-large",
            "the result is larger than a message (%d bytes), and could not be left in a file of the "
            "scratch directory either (at most %d bytes): leave out values, or free some space",
            TL_MESSAGE_MAX, TL_RESULT_MAX);
    else if (errno == EINVAL)
        tl_channel_error("protocol", "result", "the runner could not write its result as JSON");
}

const char *tl_run_string(const struct tl_run *run, const char *axis, const char *otherwise)
{
    const char *s = json_string_value(json_object_get(run->variant, axis));
    return s ? s : otherwise;
}

int64_t tl_run_integer(const struct tl_run *run, const char *axis, int64_t otherwise)
{
    const json_t *v = json_object_get(run->variant, axis);
    return json_is_integer(v) ? json_integer_value(v) : otherwise;
}

bool tl_run_boolean(const struct tl_run *run, const char *axis, bool otherwise)
{
    const json_t *v = json_object_get(run->variant, axis);
    return json_is_boolean(v) ? json_is_true(v) : otherwise;
}

static int misunderstood(const char *what)
{
    tl_channel_error("protocol", "request", "%s", what);
    return STATUS_MISUSED;
}

/* A member that is a string or absent. Returns -1 when it is something else. */
static int get_text(const json_t *request, const char *name, const char **text)
{
    const json_t *v = json_object_get(request, name);
    *text = json_string_value(v);
    return *text || !v || json_is_null(v) ? 0 : -1;
}

static bool is_set(const json_t *request, const char *name)
{
    const json_t *v = json_object_get(request, name);
    return json_is_true(v) || (json_is_integer(v) && json_integer_value(v) == 1);
}

static int describe(const struct tl_runner *runner, const json_t *request)
{
    json_t *devices = json_array(), *axes = json_array();
    if (!devices || !axes || runner->describe(json_object_get(request, "build"), devices, axes)) {
        json_decref(devices);
        json_decref(axes);
        tl_channel_error("runner", "describe", "%s cannot say what it has here", runner->name);
        return 1;
    }
    bool serve = tl_serve_possible && runner->can_serve && runner->load;
    json_t *answer =
        json_pack("{s:s,s:s,s:o,s:o,s:b,s:i}", "name", runner->name, "version", runner->version, "devices",
                  devices, "axes", axes, "serve", serve, "protocol", TL_PROTOCOL_VERSION);
    if (runner->no_builds)
        json_object_set_new(answer, "builds", json_false());
    if (runner->fixed && !json_object_get(request, "build"))
        json_object_set_new(answer, "depends", json_array());
    if (runner->describe_request && runner->describe_request(request, answer)) {
        json_decref(answer);
        tl_channel_error("runner", "describe", "%s cannot say what it has here", runner->name);
        return 1;
    }
    if (tl_channel_send(answer) && (errno == EMSGSIZE || errno == EINVAL))
        tl_channel_error("protocol", "too-large", "the description cannot be sent as one message");
    return 0;
}

static int do_trial(const struct tl_runner *runner, const json_t *request, void *state, bool forked)
{
    static const char *const names[] = {"case", "device", "model", "inputs", "scratch"};
    const char *text[5];
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (get_text(request, names[i], &text[i])) {
            tl_channel_error("protocol", "request", "\"%s\" of a trial must be a string", names[i]);
            return STATUS_MISUSED;
        }
    }
    const json_t *variant = json_object_get(request, "variant"), *build = json_object_get(request, "build");
    json_t *none = json_object();
    if (variant && !json_is_object(variant)) {
        json_decref(none);
        return misunderstood("\"variant\" of a trial must be an object");
    }
    struct tl_run run = {.request = request,
                         .case_name = text[0] ? text[0] : "",
                         .variant = variant ? variant : none,
                         .device = text[1] ? text[1] : "",
                         .build = json_is_object(build) ? build : NULL,
                         .model = text[2],
                         .inputs = text[3],
                         .scratch = text[4] ? text[4] : ".",
                         .forked = forked};
    if (text[4] && chdir(text[4])) {
        tl_channel_error("protocol", "scratch", "cannot enter the scratch directory %s: %s", text[4],
                         strerror(errno));
        json_decref(none);
        return STATUS_MISUSED;
    }
    if (forked && text[4]) /* a process of its own is started with it; this one has its server's */
        setenv("TMPDIR", text[4], 1);
    runner->trial(&run, state); /* a failure has been sent as an error: the runner itself did its work */
    json_decref(none);
    return 0;
}

static json_t *read_request(void)
{
    char *line = malloc(TL_MESSAGE_MAX + 1);
    if (!line)
        return NULL;
    json_t *request = NULL;
    json_error_t e;
    ssize_t n = tl_channel_read_line(TL_PROTOCOL_FD, line, TL_MESSAGE_MAX + 1, NULL, NULL);
    if (n > 0) {
        request = json_loadb(line, (size_t)n, 0, &e);
        if (!request)
            tl_channel_error("protocol", "request", "the request is not JSON: %s, at byte %d", e.text,
                             e.position);
    } else if (n < 0) {
        tl_channel_error("protocol", "request", "the request cannot be read: %s", strerror(errno));
    }
    free(line);
    return request;
}

int tl_protocol_trial(const struct tl_runner *runner, void *state)
{
    json_t *request = read_request();
    if (!request)
        return STATUS_MISUSED;
    int status = is_set(request, "trial") ? do_trial(runner, request, state, true)
                                          : misunderstood("a forked runner takes only {\"trial\":1, …}");
    json_decref(request);
    return status;
}

static int answer(const struct tl_runner *runner, const json_t *request)
{
    if (is_set(request, "describe"))
        return describe(runner, request);
    if (is_set(request, "trial"))
        return do_trial(runner, request, NULL, false);
    if (is_set(request, "serve"))
        return tl_serve(runner, request, tl_protocol_trial);
    return misunderstood("a request is an object with \"describe\", \"trial\" or \"serve\" set to 1");
}

static void usage(FILE *to, const struct tl_runner *runner)
{
    fprintf(to,
            "usage: trapline-%s [--help | --version | --describe | --trial REQUEST]\n"
            "\n"
            "A runner of trapline: it is started by trapline, with a socket on descriptor %d. By hand:\n"
            "  --describe       what this runner has here, as JSON\n"
            "  --trial REQUEST  one trial; messages go to stdout. REQUEST is what `trapline show` prints, "
            "for example\n"
            "                   '{\"trial\":1,\"case\":\"x\",\"variant\":{},\"device\":\"cpu\"}'\n",
            runner->name, TL_PROTOCOL_FD);
}

static int by_hand(int argc, char **argv, const struct tl_runner *runner)
{
    tl_channel_use(STDOUT_FILENO);
    if (argc == 2 && !strcmp(argv[1], "--help")) {
        usage(stdout, runner);
        return 0;
    }
    if (argc == 2 && !strcmp(argv[1], "--version")) {
        printf("trapline-%s %s (protocol %d)\n", runner->name, runner->version, TL_PROTOCOL_VERSION);
        return 0;
    }
    bool trial = argc == 3 && !strcmp(argv[1], "--trial");
    if (!trial && !(argc == 2 && !strcmp(argv[1], "--describe"))) {
        usage(stderr, runner);
        return STATUS_MISUSED;
    }
    json_error_t e;
    json_t *request = trial ? json_loads(argv[2], 0, &e) : json_pack("{s:i}", "describe", 1);
    if (!request) {
        fprintf(stderr, "trapline-%s: the request is not JSON: %s, at byte %d\n", runner->name, e.text,
                e.position);
        return STATUS_MISUSED;
    }
    int status = trial && !is_set(request, "trial") ? misunderstood("--trial takes {\"trial\":1, …}")
                                                    : answer(runner, request);
    json_decref(request);
    return status;
}

int tl_runner_main(int argc, char **argv, const struct tl_runner *runner)
{
    /* What was printed before a SIGKILL must not be lost in a buffer. */
    setvbuf(stdout, NULL, _IOLBF, BUFSIZ);
    if (argc > 1)
        return by_hand(argc, argv, runner);
    struct stat st;
    if (fstat(TL_PROTOCOL_FD, &st) || !S_ISSOCK(st.st_mode)) {
        fprintf(stderr,
                "trapline-%s: there is no socket on descriptor %d; this program is started by trapline\n\n",
                runner->name, TL_PROTOCOL_FD);
        usage(stderr, runner);
        return STATUS_MISUSED;
    }
    json_t *request = read_request();
    if (!request)
        return STATUS_MISUSED;
    int status = answer(runner, request);
    json_decref(request);
    return status;
}
