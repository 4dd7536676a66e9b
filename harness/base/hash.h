/* Content hashes and time-ordered identifiers. SHA-256 is libcrypto's. */
#ifndef TL_HASH_H
#define TL_HASH_H

#include <stddef.h>
#include <stdint.h>

#define TL_ID_SIZE 33     /* 32 hexadecimal digits (the first 128 bits of a SHA-256) and a NUL */
#define TL_SHA256_SIZE 65 /* 64 hexadecimal digits and a NUL */
#define TL_UUID_SIZE 37   /* xxxxxxxx-xxxx-7xxx-xxxx-xxxxxxxxxxxx and a NUL */

/* A running hash. tl_hash_end releases it and must be called exactly once. */
struct tl_hash {
    void *context;
};
int tl_hash_begin(struct tl_hash *h); /* 0, or -1 when libcrypto has no memory */
void tl_hash_add(struct tl_hash *h, const void *data, size_t size);
void tl_hash_add_string(struct tl_hash *h,
                        const char *s); /* with its NUL, so that parts cannot run together */
void tl_hash_end(struct tl_hash *h, char hex[TL_SHA256_SIZE]);

/* The identifier of some content: the first 128 bits of its SHA-256. */
void tl_content_id(const void *data, size_t size, char id[TL_ID_SIZE]);

/* SHA-256 of a whole file. Returns 0, or -1 with errno set. */
int tl_hash_file(const char *path, char hex[TL_SHA256_SIZE]);

/* A new UUID version 7 (RFC 9562): 48 bits of Unix milliseconds, then a counter that keeps the order of
 * calls within a millisecond, then random bits. */
void tl_uuid7(char id[TL_UUID_SIZE]);
/* The milliseconds since 1970 at which one was made; 0 when it is none. */
int64_t tl_uuid7_ms(const char *id);

#endif
