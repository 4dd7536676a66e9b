/* The bytes of a model before they are unpacked: whether they may be, and where in them something stands. */
#ifndef TL_ONNX_GRAPH_WIRE_H
#define TL_ONNX_GRAPH_WIRE_H

#include "harness/base/error.h"

#include <protobuf-c/protobuf-c.h>
#include <stddef.h>
#include <stdint.h>

/* Messages within messages. Protobuf's own readers, and so the runtimes, end at 100; a body within a body is three. */
#define TL_ONNX_DEPTH_MAX 300
#define TL_ONNX_MODEL_BYTES_MAX ((size_t)INT32_MAX)

/* Whether protobuf-c can unpack these bytes as a message of this kind, without overflowing the stack, memory of more than
 * twice their size and 512 MiB, or a text that has a NUL in it. -1 with the place. */
int tl_onnx_wire_check(const void *bytes, size_t size, const ProtobufCMessageDescriptor *kind,
                       const char *file, struct tl_error *e);

/* Where the field of a path ("graph.node[17].attribute[2].name") begins; the place of the last part that is there. */
size_t tl_onnx_wire_offset(const void *bytes, size_t size, const ProtobufCMessageDescriptor *kind,
                           const char *path);

#endif
