/* What a file is by its first bytes: who hands over something else than a model of ONNX is told what it is, and what to do
 * with it. Nothing is opened that is no file or directory: a pipe would hold everything up. */
#include "harness/campaign/reduce/read.h"

#include "cases/gguf/header.h"
#include "harness/base/buffer.h"
#include "harness/base/files.h"
#include "harness/base/utf8.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define HEAD 512
#define GGUF_MOST ((size_t)64 << 20) /* of its metadata and tensors */

static const char doing[] = "cannot reduce it",
                  expected[] = "a model of ONNX, or a case file that names one, was expected";

static const struct {
    size_t at, n;
    const char *bytes, *what;
} magics[] = {
    {4, 4, "TFL3", "a model of TensorFlow Lite"},
    {0, 4, "PK\3\4",
     "a ZIP archive, as PyTorch (.pt), Keras (.keras) and Core ML (.mlpackage.zip) make them"},
    {0, 8, "\211HDF\r\n\032\n", "an HDF5 file, as Keras makes them"},
    {0, 6, "\223NUMPY", "an array of NumPy; with --inputs NAME=FILE.npy it is an input"},
    {0, 4, "\177ELF", "a program or library"},
    {0, 2, "\037\213", "a compressed file (gzip); unpack it first"},
    {0, 4, "\050\265\057\375", "a compressed file (zstd); unpack it first"},
    {0, 6, "\3757zXZ\0", "a compressed file (xz); unpack it first"},
    {0, 2, "#!",
     "a script; as the judge it stands behind --, as in `trapline reduce MODEL -- SCRIPT {model}`"},
    {0, 2, "\200\2", "a pickle of Python, as PyTorch makes them"},
    {0, 4, "ORTM", "a model in ONNX Runtime's own form (.ort)"},
    {4, 4, "ORTM", "a model in ONNX Runtime's own form (.ort)"},
    {0, 23, "version https://git-lfs",
     "a text file, as Git LFS leaves them in the place of a model; fetch that (git lfs pull)"},
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

/* Its header is a length and a text of JSON. */
static bool is_safetensors(const unsigned char *head, size_t n, uint64_t size)
{
    uint64_t length = 0;
    for (size_t i = 0; n >= 10 && i < 8; i++)
        length |= (uint64_t)head[i] << (8 * i);
    return n >= 10 && head[8] == '{' && length >= 2 && length <= size - 8;
}

static bool is_text(const unsigned char *head, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (head[i] < 32 && !strchr("\t\n\r\f", head[i]))
            return false;
    return n > 0 && *head && tl_utf8_cut((const char *)head, n) + 4 > n;
}

static const char *kind_of_file(const unsigned char *head, size_t n, uint64_t size)
{
    for (size_t i = 0; i < TL_COUNT(magics); i++)
        if (n >= magics[i].at + magics[i].n && !memcmp(head + magics[i].at, magics[i].bytes, magics[i].n))
            return magics[i].what;
    return is_safetensors(head, n, size) ? "a file of safetensors, which holds weights and no graph"
           : is_text(head, n)            ? "a text file"
                                         : NULL;
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
    unsigned char head[HEAD + 1] = {0};
    struct stat st;
    *is_case = false;
    if (stat(path, &st))
        return tl_fail_errno(e, TL_ERROR_INPUT, errno, "cannot read the model", path, NULL);
    if (S_ISDIR(st.st_mode))
        return refuse(path, kind_of_directory(path), e);
    if (!S_ISREG(st.st_mode))
        return refuse(path,
                      S_ISFIFO(st.st_mode)   ? "a pipe, and a model is read many times"
                      : S_ISSOCK(st.st_mode) ? "a socket"
                                             : "a device",
                      e);
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    int64_t n = fd < 0 ? -1 : tl_read_at(fd, head, HEAD, 0);
    int err = errno, result = 0;
    size_t at = 0;
    while (n > 0 && at < (size_t)n && isspace(head[at]))
        at++;
    *is_case = n > 0 && at < (size_t)n && head[at] == '{';
    const char *what = n > 0 && !*is_case ? kind_of_file(head, (size_t)n, (uint64_t)st.st_size) : NULL;
    if (n < 0)
        result = tl_fail_errno(e, TL_ERROR_INPUT, err, "cannot read the model", path, NULL);
    else if (!n)
        result = refuse(path, "empty", e);
    else if (n >= 4 && !memcmp(head, TL_GGUF_MAGIC, 4))
        result = refuse_gguf(path, fd, &st, e);
    else if (what)
        result = refuse(path, what, e);
    if (fd >= 0)
        close(fd);
    return result;
}
