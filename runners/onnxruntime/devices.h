/* The devices of ONNX Runtime: execution providers and how they are asked for. */
#ifndef TL_ORT_DEVICES_H
#define TL_ORT_DEVICES_H

#include "runners/onnxruntime/runtime.h"

struct tl_ort_device {
    const char *name;     /* as a unit names it */
    const char *provider; /* as the runtime's log names it */
    const char
        *append; /* as SessionOptionsAppendExecutionProvider takes it; NULL: nothing is to be appended */
    const char *keys[4], *values[4];
    size_t n_options;
};

const struct tl_ort_device *tl_ort_device_find(const char *name); /* NULL when there is none of that name */

/* Asks for a device in session options. -1: this build or machine does not have it, in the runtime's own
 * words. */
int tl_ort_device_append(const struct tl_ort *ort, const struct tl_ort_device *d,
                         struct tl_ort_session_options *options, struct tl_error *e);

/* Whether a session can be made on the device at all, with a model of one node. -1 with the runtime's words.
 */
/* Makes and releases a session of one node, on this thread alone: what a runtime sets up once for all
 * sessions (tables of kernels and optimisers) is then there, and neither a session nor a thread of one. */
int tl_ort_warm_up(struct tl_ort *ort, struct tl_error *e);
int tl_ort_device_probe(struct tl_ort *ort, const struct tl_ort_device *d, struct tl_error *e);

/* The device that the session was placed on: "cpu", the one asked for, or "NAME+cpu" when operators that
 * compute more than shapes and indices were left to the CPU. NULL when the runtime did not tell. text: where
 * it may be written. */
const char *tl_ort_device_observed(const struct tl_ort *ort, const struct tl_ort_device *d, char *text,
                                   size_t size);

/* Fills the devices of a describe answer for the build at `path`, each tried in a child of its own. */
void tl_ort_devices_describe(const char *path, json_t *devices);

#endif
