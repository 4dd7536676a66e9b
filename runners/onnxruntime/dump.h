/* The model and the inputs of a trial as files, for a reproducer that needs no trapline. */
#ifndef TL_ORT_DUMP_H
#define TL_ORT_DUMP_H

#include "runners/onnxruntime/devices.h"
#include "runners/onnxruntime/model.h"
#include "runners/protocol.h"

/* Writes DIRECTORY/model.onnx and DIRECTORY/options.json: the session options of this variant, as names and
 * numbers of the runtime's own API. The directory must exist. */
int tl_ort_dump_model(const char *directory, const struct tl_run *run, const struct tl_ort_device *d,
                      const struct tl_ort_model *m, struct tl_error *e);

/* Writes DIRECTORY/inputs/N.npy, and DIRECTORY/inputs.json that lists them: [{"name","dtype","shape","npy"}].
 * An element type that .npy files do not have is an error. */
int tl_ort_dump_inputs(const char *directory, const struct tl_ort *ort, const struct tl_ort_feed *feed,
                       struct tl_error *e);

#endif
