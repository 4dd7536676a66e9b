/* What a file is by its first bytes: its name may say anything. */
#ifndef TL_FILE_KIND_H
#define TL_FILE_KIND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum tl_file_kind {
    TL_FILE_EMPTY,
    TL_FILE_BYTES, /* none of the others; a model of ONNX is one, which has no mark of its own */
    TL_FILE_TEXT,
    TL_FILE_OBJECT,  /* a text that begins as an object of JSON: a case, or a crash report (.ips) */
    TL_FILE_SCRIPT,  /* a text that begins with #! */
    TL_FILE_LFS,     /* a text as Git LFS leaves it in the place of a file that is not fetched */
    TL_FILE_GGUF,    /* of llama.cpp */
    TL_FILE_ZIP,     /* as PyTorch, Keras and Core ML make them */
    TL_FILE_PICKLE,  /* of Python */
    TL_FILE_TFLITE,  /* of TensorFlow Lite */
    TL_FILE_ORT,     /* ONNX Runtime's own form */
    TL_FILE_HDF5,    /* as Keras makes them */
    TL_FILE_NUMPY,   /* one array */
    TL_FILE_TENSORS, /* safetensors */
    TL_FILE_PROGRAM, /* a program or library of ELF or Mach-O */
    TL_FILE_GZIP,
    TL_FILE_ZSTD,
    TL_FILE_XZ,
    TL_FILE_KINDS
};

#define TL_FILE_HEAD 512 /* bytes that are enough to tell */

/* Of a file of `size` bytes that begins with these n. */
enum tl_file_kind tl_file_kind_of(const void *head, size_t n, uint64_t size);
/* Of a regular file, which is opened and read. -1 with errno: it cannot be read, or is something else (EINVAL), of which a
 * pipe would hold everything up. */
int tl_file_kind(const char *path, enum tl_file_kind *kind);
bool tl_file_kind_is_text(enum tl_file_kind kind); /* of whatever it is a text */

#endif
