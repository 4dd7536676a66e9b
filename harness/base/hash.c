#include "harness/base/hash.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static void to_hex(const unsigned char *bytes, size_t n, char *out)
{
    static const char digit[] = "0123456789abcdef";
    for (size_t i = 0; i < n; i++) {
        out[2 * i] = digit[bytes[i] >> 4];
        out[2 * i + 1] = digit[bytes[i] & 15];
    }
    out[2 * n] = '\0';
}

int tl_hash_begin(struct tl_hash *h)
{
    EVP_MD_CTX *c = EVP_MD_CTX_new();
    if (c && EVP_DigestInit_ex(c, EVP_sha256(), NULL) != 1) {
        EVP_MD_CTX_free(c);
        c = NULL;
    }
    h->context = c;
    return c ? 0 : -1;
}

void tl_hash_add(struct tl_hash *h, const void *data, size_t size)
{
    if (size)
        EVP_DigestUpdate(h->context, data, size);
}

void tl_hash_add_string(struct tl_hash *h, const char *s)
{
    tl_hash_add(h, s, strlen(s) + 1);
}

void tl_hash_end(struct tl_hash *h, char hex[TL_SHA256_SIZE])
{
    unsigned char md[EVP_MAX_MD_SIZE];
    EVP_DigestFinal_ex(h->context, md, NULL);
    EVP_MD_CTX_free(h->context);
    h->context = NULL;
    to_hex(md, 32, hex);
}

void tl_content_id(const void *data, size_t size, char id[TL_ID_SIZE])
{
    unsigned char md[EVP_MAX_MD_SIZE];
    if (EVP_Digest(data, size, md, NULL, EVP_sha256(), NULL) != 1)
        abort(); /* SHA-256 in memory does not fail on a working libcrypto */
    to_hex(md, 16, id);
}

int tl_hash_file(const char *path, char hex[TL_SHA256_SIZE])
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY); /* a FIFO must not block */
    if (fd < 0)
        return -1;
    struct stat st;
    int failed = fstat(fd, &st) ? errno : S_ISDIR(st.st_mode) ? EISDIR : S_ISREG(st.st_mode) ? 0 : EINVAL;
    if (failed) { /* a device may have no end */
        close(fd);
        errno = failed;
        return -1;
    }
    struct tl_hash h;
    if (tl_hash_begin(&h)) {
        close(fd);
        errno = ENOMEM;
        return -1;
    }
    static _Thread_local unsigned char block[1 << 16];
    /* As far as it went when it was opened: a log of this process's own calls would grow with each read. Files of the kernel's
     * tell no size. */
    off_t left = st.st_size ? st.st_size : INT64_MAX;
    ssize_t n;
    int err = 0;
    while (left && (n = read(fd, block, left < (off_t)sizeof block ? (size_t)left : sizeof block)) != 0) {
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            err = errno;
            break;
        }
        tl_hash_add(&h, block, (size_t)n);
        left -= n;
    }
    tl_hash_end(&h, hex);
    close(fd);
    errno = err;
    return err ? -1 : 0;
}

void tl_uuid7(char id[TL_UUID_SIZE])
{
    static _Thread_local uint64_t last_ms;
    static _Thread_local unsigned counter;
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    uint64_t ms = (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
    if (ms <= last_ms) { /* same millisecond, or the clock went back: keep the order of calls */
        if (++counter > 0xfff) {
            counter = 0;
            last_ms++;
        }
        ms = last_ms;
    } else {
        last_ms = ms;
        counter = 0;
    }
    unsigned char b[16];
    if (RAND_bytes(b, sizeof b) != 1)
        abort();
    for (int i = 0; i < 6; i++)
        b[i] = (unsigned char)(ms >> (40 - 8 * i));
    b[6] = (unsigned char)(0x70 | (counter >> 8));
    b[7] = (unsigned char)counter;
    b[8] = (unsigned char)((b[8] & 0x3f) | 0x80);
    char hex[33];
    to_hex(b, 16, hex);
    snprintf(id, TL_UUID_SIZE, "%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8, hex + 12, hex + 16, hex + 20);
}

int64_t tl_uuid7_ms(const char *id)
{
    static const char digits[] = "0123456789abcdef";
    int64_t ms = 0;
    if (!id || strlen(id) != TL_UUID_SIZE - 1 || id[8] != '-' || id[14] != '7')
        return 0;
    for (size_t i = 0; i < 13; i++) {
        const char *at = i == 8 ? digits : strchr(digits, id[i]);
        if (!at)
            return 0;
        ms = i == 8 ? ms : ms * 16 + (at - digits);
    }
    return ms;
}
