/* Devices: asking for them, trying them, and seeing where nodes really went.
 *
 * Whether a device can be used is found out by making a session of one node on it. Providers crash and hang
 * where their hardware is not there, so this is done in a child of its own with an alarm; the same session
 * tells, after a model was refused, whether it was the model or the device. */
#include "runners/onnxruntime/devices.h"

#include "harness/base/buffer.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define PROBE_SECONDS 60

/* coreml-*: written from the provider's documentation; they have not been run by trapline's authors yet. */
#define COREML(suffix, units)                                                                                \
    {                                                                                                        \
        "coreml-" suffix, "CoreMLExecutionProvider", "CoreML", {"ModelFormat", "MLComputeUnits"},            \
            {"MLProgram", units}, 2                                                                          \
    }

static const struct tl_ort_device devices[] = {
    {"cpu", TL_ORT_CPU_PROVIDER, NULL, {NULL}, {NULL}, 0},
    {"webgpu", "WebGpuExecutionProvider", "WebGPU", {NULL}, {NULL}, 0},
    {"cuda", "CUDAExecutionProvider", "CUDA", {NULL}, {NULL}, 0},
    COREML("cpu", "CPUOnly"),
    COREML("gpu", "CPUAndGPU"),
    COREML("ane", "CPUAndNeuralEngine"),
    COREML("all", "ALL"),
};
#define N_DEVICES TL_COUNT(devices)

/* y = x + x with x of type float[1]: IR version 5, opset 11, which every build understands. */
static const unsigned char probe_model[] = {
    0x08, 0x05, 0x3a, 0x35, 0x0a, 0x0e, 0x0a, 0x01, 0x78, 0x0a, 0x01, 0x78, 0x12, 0x01, 0x79, 0x22,
    0x03, 0x41, 0x64, 0x64, 0x12, 0x01, 0x67, 0x5a, 0x0f, 0x0a, 0x01, 0x78, 0x12, 0x0a, 0x0a, 0x08,
    0x08, 0x01, 0x12, 0x04, 0x0a, 0x02, 0x08, 0x01, 0x62, 0x0f, 0x0a, 0x01, 0x79, 0x12, 0x0a, 0x0a,
    0x08, 0x08, 0x01, 0x12, 0x04, 0x0a, 0x02, 0x08, 0x01, 0x42, 0x02, 0x10, 0x0b,
};

const struct tl_ort_device *tl_ort_device_find(const char *name)
{
    for (size_t i = 0; i < N_DEVICES; i++) {
        if (!strcmp(devices[i].name, name))
            return &devices[i];
    }
    return NULL;
}

static int append_cuda(const struct tl_ort *ort, struct tl_ort_session_options *options, struct tl_error *e)
{
    static const char doing[] = "cannot use the device";
    struct tl_ort_cuda_options *cuda = NULL;
    if (!ort->api.SessionOptionsAppendExecutionProvider_CUDA_V2)
        return tl_fail(e, TL_ERROR_INPUT, doing, "cuda",
                       "this build is too old to be asked for CUDA: 1.11 is the first");
    if (tl_ort_check(ort, ort->api.CreateCUDAProviderOptions(&cuda), doing, e) != 0)
        return -1;
    int rc =
        tl_ort_check(ort, ort->api.SessionOptionsAppendExecutionProvider_CUDA_V2(options, cuda), doing, e);
    ort->api.ReleaseCUDAProviderOptions(cuda);
    return rc;
}

int tl_ort_device_append(const struct tl_ort *ort, const struct tl_ort_device *d,
                         struct tl_ort_session_options *options, struct tl_error *e)
{
    if (!d->append)
        return 0;
    if (!strcmp(d->append, "CUDA"))
        return append_cuda(ort, options, e);
    if (!ort->api.SessionOptionsAppendExecutionProvider)
        return tl_fail(e, TL_ERROR_INPUT, "cannot use the device", d->name,
                       "this build is too old to be asked for a provider by name: 1.12 is the first");
    return tl_ort_check(
        ort,
        ort->api.SessionOptionsAppendExecutionProvider(options, d->append, d->keys, d->values, d->n_options),
        "cannot use the device", e);
}

int tl_ort_warm_up(struct tl_ort *ort, struct tl_error *e)
{
    static const char doing[] = "cannot warm the runtime up";
    struct tl_ort_session_options *options = NULL;
    struct tl_ort_session *session = NULL;
    int rc = tl_ort_check(ort, ort->api.CreateSessionOptions(&options), doing, e);
    if (rc == 0)
        rc = tl_ort_check(ort, ort->api.SetIntraOpNumThreads(options, 1), doing, e);
    if (rc == 0)
        rc = tl_ort_check(ort, ort->api.SetInterOpNumThreads(options, 1), doing, e);
    if (rc == 0)
        rc = tl_ort_check(
            ort,
            ort->api.CreateSessionFromArray(ort->env, probe_model, sizeof probe_model, options, &session),
            doing, e);
    if (session)
        ort->api.ReleaseSession(session);
    if (options)
        ort->api.ReleaseSessionOptions(options);
    return rc;
}

int tl_ort_device_probe(struct tl_ort *ort, const struct tl_ort_device *d, struct tl_error *e)
{
    static const char doing[] = "cannot use the device";
    struct tl_ort_session_options *options = NULL;
    struct tl_ort_session *session = NULL;
    int rc = tl_ort_check(ort, ort->api.CreateSessionOptions(&options), doing, e);
    if (rc == 0)
        rc = tl_ort_check(ort, ort->api.SetIntraOpNumThreads(options, 1), doing, e);
    if (rc == 0)
        rc = tl_ort_device_append(ort, d, options, e);
    if (rc == 0)
        rc = tl_ort_check(
            ort,
            ort->api.CreateSessionFromArray(ort->env, probe_model, sizeof probe_model, options, &session),
            doing, e);
    if (options)
        ort->api.ReleaseSessionOptions(options);
    /* The session is not released: the process is about to end, and some providers crash or hang in teardown.
     */
    return rc;
}

const char *tl_ort_device_observed(const struct tl_ort *ort, const struct tl_ort_device *d, char *text,
                                   size_t size)
{
    const struct tl_placement *p = &ort->placement;
    if (!d->append)
        return "cpu"; /* no other provider was asked for, so there is no other place */
    if (!p->told)
        return NULL;
    if (!json_object_get(p->providers, d->provider))
        return "cpu";
    if (p->elsewhere == 0)
        return d->name;
    snprintf(text, size, "%s+cpu", d->name);
    return text;
}

/* What a child writes: "VERSION\n" as soon as it is known, then "+" or "-WHY". */
static void try_device(const char *path, const struct tl_ort_device *d, int out)
{
    struct tl_ort ort;
    struct tl_error e = {0};
    alarm(PROBE_SECONDS);
    int rc = tl_ort_open(&ort, path, &e);
    dprintf(out, "%s\n", ort.version && ort.env ? ort.version : "");
    if (rc == 0)
        rc = tl_ort_device_probe(&ort, d, &e);
    if (rc == 0)
        dprintf(out, "+");
    else
        dprintf(out, "-%s", e.why);
    _exit(0);
}

/* Whether the device can be used. One at which the runtime dies or hangs can: that is a failure for trials to
 * find, with its stack, and no word of the runtime that it does not have the device. why says either, or "".
 */
static bool describe_device(const char *path, const struct tl_ort_device *d, char *version,
                            size_t version_size, char *why, size_t why_size)
{
    int fd[2], status = 0;
    char text[2048];
    size_t size = 0;
    *version = '\0';
    if (pipe(fd) != 0) {
        snprintf(why, why_size, "no pipe: %s", strerror(errno));
        return false;
    }
    fflush(stdout);
    fflush(stderr);
    pid_t pid = fork();
    if (pid == 0) {
        close(fd[0]);
        try_device(path, d, fd[1]);
    }
    close(fd[1]);
    while (pid > 0 && size < sizeof text - 1) {
        ssize_t n = read(fd[0], text + size, sizeof text - 1 - size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break;
        size += (size_t)n;
    }
    close(fd[0]);
    text[size] = '\0';
    while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    char *end = strchr(text, '\n');
    const char *verdict = end ? end + 1 : "";
    if (end)
        snprintf(version, version_size, "%.*s", (int)(end - text), text);
    if (pid < 0)
        snprintf(why, why_size, "cannot fork: %s", strerror(errno));
    else if (verdict[0] == '+')
        *why = '\0';
    else if (verdict[0] == '-')
        snprintf(why, why_size, "%s", verdict[1] ? verdict + 1 : "it does not say why");
    else if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM)
        snprintf(why, why_size, "a session of one node did not come to be within %d s", PROBE_SECONDS);
    else if (WIFSIGNALED(status))
        snprintf(why, why_size, "the runtime died of signal %d (%s) when a session of one node was made",
                 WTERMSIG(status), strsignal(WTERMSIG(status)));
    else
        snprintf(why, why_size, "the runtime ended the process when a session of one node was made");
    return pid > 0 && verdict[0] != '-';
}

/* Core ML is Apple's: elsewhere no build has it, and four lines for each build would say so. */
static bool is_of_this_system(const struct tl_ort_device *d)
{
#ifdef __APPLE__
    return d != NULL;
#else
    return strcmp(d->provider, "CoreMLExecutionProvider") != 0;
#endif
}

void tl_ort_devices_describe(const char *path, json_t *list)
{
    for (size_t i = 0; i < N_DEVICES; i++) {
        if (!is_of_this_system(&devices[i]))
            continue;
        char version[128] = "", why[1200] = "a unit of it names a build, as in onnxruntime@1.22.0:cpu: "
                                            "`trapline builds list` shows those that "
                                            "are here, `trapline builds fetch onnxruntime@latest` brings one";
        bool usable = path && describe_device(path, &devices[i], version, sizeof version, why, sizeof why);
        json_t *device = json_pack("{s:s, s:b}", "name", devices[i].name, "usable", usable);
        if (*why)
            json_object_set_new(device, "why", json_stringn_nocheck(why, strlen(why)));
        if (*version)
            json_object_set_new(device, "runtime", json_string(version));
        json_array_append_new(list, device);
    }
}
