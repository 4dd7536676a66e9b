/* Fuzzes .npy files: the header, the data, and what is written again. The first byte says how the size of the file differs from
 * the bytes that are here, as it may for whoever reads the head alone. */
#include "cases/npy.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define READ_MOST (1 << 20)

static void check(int condition)
{
    if (!condition)
        abort();
}

static void check_header(const struct tl_npy *h, uint64_t size)
{
    check(h->rank <= TL_RANK_MAX && h->offset <= size && h->bytes == size - h->offset);
    if (h->item)
        check(h->elements == h->bytes / h->item && h->bytes % h->item == 0);
    else /* texts that are all empty */
        check(h->bytes == 0 && (h->letter == 'U' || h->letter == 'S'));
    uint64_t n = 1;
    for (size_t i = 0; i < h->rank; i++) {
        check(h->dims[i] >= 0);
        n *= (uint64_t)h->dims[i];
    }
    check(n == h->elements);
    check(h->letter ? h->dtype == TL_DTYPE_NONE && strchr("USVc", h->letter) != NULL
                    : h->dtype != TL_DTYPE_NONE);
}

/* A file without a name; its path in *path. */
static int file_of(const uint8_t *data, size_t size, char path[64])
{
    int fd = memfd_create("npy", MFD_CLOEXEC);
    check(fd >= 0 && write(fd, data, size) == (ssize_t)size);
    snprintf(path, 64, "/proc/self/fd/%d", fd);
    return fd;
}

/* What was read, written and read again is the same. */
static void use_data(const char *path, const struct tl_npy *h)
{
    struct tl_error e = {0};
    struct tl_npy again;
    char copy[64];
    if (h->bytes > READ_MOST)
        return;
    uint8_t *bytes = malloc(h->bytes + 1), *back = malloc(h->bytes + 1);
    check(bytes && back && tl_npy_read(path, h, bytes, h->bytes, &e) == 0);
    int fd = file_of(NULL, 0, copy);
    check(tl_npy_write(copy, h->dtype, h->rank, h->dims, bytes, &e) == 0);
    check(tl_npy_open(copy, &again, &e) == 0 && again.dtype == h->dtype && again.bytes == h->bytes);
    check(tl_npy_read(copy, &again, back, again.bytes, &e) == 0 && !memcmp(bytes, back, h->bytes));
    close(fd);
    free(bytes);
    free(back);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tl_npy h, any;
    struct tl_error e = {0};
    char why[128], path[64];
    if (!size)
        return 0;
    uint64_t more = data[0] & 1 ? data[0] >> 1 : 0;
    data++;
    size--;
    bool plain = !tl_npy_header(data, size, size + more, &h, why, sizeof why);
    check(plain || *why);
    if (plain)
        check_header(&h, size + more);
    bool other = !tl_npy_header_any(data, size, size + more, &any, why, sizeof why);
    if (other)
        check_header(&any, size + more);
    check(other || !plain);
    int fd = file_of(data, size, path);
    if (!tl_npy_open(path, &h, &e))
        use_data(path, &h);
    else
        check(e.kind == TL_ERROR_INPUT && e.why[0]);
    close(fd);
    return 0;
}
