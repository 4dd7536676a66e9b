#include "harness/base/file_kind.h"

#include "harness/base/buffer.h"
#include "harness/base/files.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct {
    size_t at, n;
    const char *bytes;
    enum tl_file_kind kind;
} magics[] = {
    {0, 4, "GGUF", TL_FILE_GGUF},
    {4, 4, "TFL3", TL_FILE_TFLITE},
    {0, 4, "PK\3\4", TL_FILE_ZIP},
    {0, 8, "\211HDF\r\n\032\n", TL_FILE_HDF5},
    {0, 6, "\223NUMPY", TL_FILE_NUMPY},
    {0, 4, "\177ELF", TL_FILE_PROGRAM},
    /* Mach-O in both orders, and of several architectures */
    {0, 4, "\376\355\372\316", TL_FILE_PROGRAM},
    {0, 4, "\316\372\355\376", TL_FILE_PROGRAM},
    {0, 4, "\376\355\372\317", TL_FILE_PROGRAM},
    {0, 4, "\317\372\355\376", TL_FILE_PROGRAM},
    {0, 4, "\312\376\272\276", TL_FILE_PROGRAM},
    {0, 2, "\037\213", TL_FILE_GZIP},
    {0, 4, "\050\265\057\375", TL_FILE_ZSTD},
    {0, 6, "\3757zXZ\0", TL_FILE_XZ},
    {0, 2, "#!", TL_FILE_SCRIPT},
    {0, 2, "\200\2",
     TL_FILE_PICKLE}, /* protocol 2 and later begin with their number; 3 to 5 are Python's own since 3.0 */
    {0, 2, "\200\3", TL_FILE_PICKLE},
    {0, 2, "\200\4", TL_FILE_PICKLE},
    {0, 2, "\200\5", TL_FILE_PICKLE},
    {0, 4, "ORTM", TL_FILE_ORT},
    {4, 4, "ORTM", TL_FILE_ORT},
    {0, 23, "version https://git-lfs", TL_FILE_LFS},
};

static bool begins_object(const unsigned char *head, size_t n)
{
    size_t at = n >= 3 && !memcmp(head, "\357\273\277", 3) ? 3 : 0; /* behind a byte order mark */
    while (at < n && isspace(head[at]))
        at++;
    return at < n && head[at] == '{';
}

/* Its header is a length and a text of JSON. */
static bool is_tensors(const unsigned char *head, size_t n, uint64_t size)
{
    uint64_t length = 0;
    for (size_t i = 0; n >= 10 && i < 8; i++)
        length |= (uint64_t)head[i] << (8 * i);
    return n >= 10 && head[8] == '{' && length >= 2 && size >= 8 && length <= size - 8;
}

/* Escapes of a terminal stand in logs, and a log may be of any encoding. */
static bool is_text(const unsigned char *head, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (head[i] < ' ' && !isspace(head[i]) && head[i] != '\033')
            return false;
    return true;
}

enum tl_file_kind tl_file_kind_of(const void *bytes, size_t n, uint64_t size)
{
    const unsigned char *head = bytes;
    if (!n)
        return TL_FILE_EMPTY;
    if (begins_object(head, n))
        return TL_FILE_OBJECT;
    for (size_t i = 0; i < TL_COUNT(magics); i++)
        if (n >= magics[i].at + magics[i].n && !memcmp(head + magics[i].at, magics[i].bytes, magics[i].n))
            return magics[i].kind;
    return is_tensors(head, n, size) ? TL_FILE_TENSORS : is_text(head, n) ? TL_FILE_TEXT : TL_FILE_BYTES;
}

int tl_file_kind(const char *path, enum tl_file_kind *kind)
{
    unsigned char head[TL_FILE_HEAD];
    struct stat st;
    if (stat(path, &st))
        return -1;
    if (!S_ISREG(st.st_mode)) {
        errno = EINVAL;
        return -1;
    }
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return -1;
    int64_t n = tl_read_at(fd, head, sizeof head, 0);
    int err = errno;
    close(fd);
    if (n >= 0)
        *kind = tl_file_kind_of(head, (size_t)n, (uint64_t)st.st_size);
    errno = err;
    return n < 0 ? -1 : 0;
}

bool tl_file_kind_is_text(enum tl_file_kind kind)
{
    return kind == TL_FILE_TEXT || kind == TL_FILE_OBJECT || kind == TL_FILE_SCRIPT || kind == TL_FILE_LFS;
}
