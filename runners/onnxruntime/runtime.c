/* Environment and log. The runtime's warnings and errors go to stderr as it would write them itself;
 * everything below that level is only read for the placement of nodes and for what optimisers did. */
#include "runners/onnxruntime/runtime.h"

#include <stdio.h>
#include <string.h>

static void log_message(void *arg, int severity, const char *category, const char *id, const char *place,
                        const char *message)
{
    struct tl_ort *ort = arg;
    (void)category;
    (void)id;
    if (severity >= TL_ORT_WARNING)
        fprintf(stderr, "[onnxruntime %s] %s: %s\n",
                severity == TL_ORT_WARNING ? "warning"
                : severity == TL_ORT_ERROR ? "error"
                                           : "fatal",
                place ? place : "", message ? message : "");
    if (message) {
        tl_placement_line(&ort->placement, message);
        tl_optimizers_line(&ort->optimizers, message);
    }
}

int tl_ort_check(const struct tl_ort *ort, tl_ort_result status, const char *what, struct tl_error *e)
{
    if (!status)
        return 0;
    const char *message = ort->api.GetErrorMessage(status);
    size_t size = message ? strlen(message) : 0;
    while (size && strchr(" \t\r\n", message[size - 1]))
        size--;
    tl_fail(e, TL_ERROR_INPUT, what, tl_ort_error_name(ort->api.GetErrorCode(status)), "%.*s",
            (int)(size > 4096 ? 4096 : size), size ? message : "");
    ort->api.ReleaseStatus(status);
    return -1;
}

int tl_ort_open(struct tl_ort *ort, const char *path, struct tl_error *e)
{
    memset(ort, 0, sizeof *ort);
    pthread_mutex_init(&ort->placement.lock, NULL);
    pthread_mutex_init(&ort->optimizers.lock, NULL);
    if (tl_ort_load(path, &ort->api, &ort->version, e) != 0)
        return -1;
    return tl_ort_check(
        ort, ort->api.CreateEnvWithCustomLogger(log_message, ort, TL_ORT_WARNING, "trapline", &ort->env),
        "cannot make the runtime's environment", e);
}

void tl_ort_close(struct tl_ort *ort)
{
    if (ort->env)
        ort->api.ReleaseEnv(ort->env);
    ort->env = NULL;
    tl_placement_free(&ort->placement);
    tl_optimizers_free(&ort->optimizers);
}
