/* What a file is by its first bytes: who hands over something else than a model of ONNX is told what it is, and what to do
 * with it. Nothing is opened that is no file or directory: a pipe would hold everything up. */
#include "harness/campaign/reduce/read.h"

#include "cases/gguf/header.h"
#include "harness/base/buffer.h"
#include "harness/base/file_kind.h"
#include "harness/base/files.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define GGUF_MOST ((size_t)64 << 20) /* of its metadata and tensors */

static const char doing[] = "cannot reduce it",
                  expected[] = "a model of ONNX, or a case file that names one, was expected";

static const char *const kinds[TL_FILE_KINDS] = {
    [TL_FILE_EMPTY] = "empty",
    [TL_FILE_TEXT] = "a text file",
    [TL_FILE_SCRIPT] =
        "a script; as the judge it stands behind --, as in `trapline reduce MODEL -- SCRIPT {model}`",
    [TL_FILE_LFS] = "a text file, as Git LFS leaves them in the place of a model; fetch that (git lfs pull)",
    [TL_FILE_ZIP] = "a ZIP archive, as PyTorch (.pt), Keras (.keras) and Core ML (.mlpackage.zip) make them",
    [TL_FILE_PICKLE] = "a pickle of Python, as PyTorch makes them",
    [TL_FILE_TFLITE] = "a model of TensorFlow Lite",
    [TL_FILE_ORT] = "a model in ONNX Runtime's own form (.ort)",
    [TL_FILE_HDF5] = "an HDF5 file, as Keras makes them",
    [TL_FILE_NUMPY] = "an array of NumPy; with --inputs NAME=FILE.npy it is an input",
    [TL_FILE_TENSORS] = "a file of safetensors, which holds weights and no graph",
    [TL_FILE_PROGRAM] = "a program or library",
    [TL_FILE_GZIP] = "a compressed file (gzip); unpack it first",
    [TL_FILE_ZSTD] = "a compressed file (zstd); unpack it first",
    [TL_FILE_XZ] = "a compressed file (xz); unpack it first",
};

static int refuse(const char *path, const char *what, struct tl_error *e)
{
    return tl_fail(e, TL_ERROR_INPUT, doing, path, "it is %s; %s", what, expected);
}

static int refuse_gguf(const char *path, int fd, const struct stat *st, struct tl_error *e)
{
    size_t n = (uint64_t)st->st_size < GGUF_MOST ? (size_t)st->st_size : GGUF_MOST;
    struct tl_gguf_header h;
    char why[256];
    struct tl_buffer b = TL_BUFFER_INIT;
    char *bytes = tl_malloc(n + 1);
    int64_t got = tl_read_at(fd, bytes, n, 0);
    int result = got < 0 ? -1 : tl_gguf_read(bytes, (size_t)got, (uint64_t)st->st_size, &h, why, sizeof why);
    free(bytes);
    if (got < 0)
        return tl_fail_errno(e, TL_ERROR_INPUT, errno, "cannot read the model", path, NULL);
    if (result)
        return tl_fail(e, TL_ERROR_INPUT, doing, path,
                       "it begins as a GGUF file, and is none that is whole: %s; %s", why, expected);
    tl_buffer_printf(&b, "version %u%s%s%s, %" PRIu64 " tensors", h.version,
                     h.big_endian ? ", big-endian" : "", *h.architecture ? ", architecture " : "",
                     h.architecture, h.tensors);
    if (h.blocks)
        tl_buffer_printf(&b, " in %" PRIu64 " blocks", h.blocks);
    tl_buffer_printf(&b, ", %" PRIu64 " entries of metadata", h.entries);
    tl_fail(e, TL_ERROR_INPUT, doing, path,
            "it is a GGUF file (%s). It holds no graph: its operators stand in the program that runs it, so "
            "there are no "
            "nodes to take away, and smaller tensors or metadata are not made here; a case with \"steps\" "
            "can isolate the "
            "options of that program. %c%s",
            b.data, 'A', expected + 1);
    tl_buffer_free(&b);
    return -1;
}

static const char *kind_of_directory(const char *path)
{
    static const char *const signs[][2] = {
        {"Manifest.json", "a directory, of Core ML by its Manifest.json (.mlpackage)"},
        {"coremldata.bin", "a directory, of Core ML by its coremldata.bin (.mlmodelc)"},
        {"saved_model.pb", "a directory, of TensorFlow by its saved_model.pb"},
        {"config.json",
         "a directory with a config.json, as models are published; name the file of ONNX in it"}};
    const char *what = "a directory";
    for (size_t i = TL_COUNT(signs); i-- > 0;) {
        char *sign = tl_format("%s/%s", path, signs[i][0]);
        if (!access(sign, F_OK))
            what = signs[i][1];
        free(sign);
    }
    return what;
}

int tl_reduce_kind(const char *path, bool *is_case, struct tl_error *e)
{
    unsigned char head[TL_FILE_HEAD];
    struct stat st;
    *is_case = false;
    if (stat(path, &st))
        return tl_fail_errno(e, TL_ERROR_INPUT, errno, "cannot read the model", path, NULL);
    char *inside = tl_format("%s/case.json", path);
    *is_case = S_ISDIR(st.st_mode) && !access(inside, R_OK); /* as tl_case_load takes it */
    free(inside);
    if (*is_case)
        return 0;
    if (S_ISDIR(st.st_mode))
        return refuse(path, kind_of_directory(path), e);
    if (!S_ISREG(st.st_mode))
        return refuse(path,
                      S_ISFIFO(st.st_mode)   ? "a pipe, and a model is read many times"
                      : S_ISSOCK(st.st_mode) ? "a socket"
                                             : "a device",
                      e);
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    int64_t n = fd < 0 ? -1 : tl_read_at(fd, head, sizeof head, 0);
    int err = errno, result = 0;
    enum tl_file_kind kind = n < 0 ? TL_FILE_BYTES : tl_file_kind_of(head, (size_t)n, (uint64_t)st.st_size);
    *is_case = kind == TL_FILE_OBJECT;
    if (n < 0)
        result = tl_fail_errno(e, TL_ERROR_INPUT, err, "cannot read the model", path, NULL);
    else if (kind == TL_FILE_GGUF)
        result = refuse_gguf(path, fd, &st, e);
    else if (kinds[kind])
        result = refuse(path, kinds[kind], e);
    if (fd >= 0)
        close(fd);
    return result;
}
