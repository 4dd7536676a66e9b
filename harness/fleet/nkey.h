/* Keys of NATS users: Ed25519, written as people pass them on (nkeys).
 *
 * A key is base32 without padding, in capital letters, of a prefix, 32 bytes, and a CRC-16/XMODEM of both, its low byte first.
 * The prefix makes a public key of a user begin with "U" and a seed with "SU", so that one is not taken for the other. */
#ifndef TL_NKEY_H
#define TL_NKEY_H

#include "harness/base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TL_NKEY_RAW 32
#define TL_NKEY_PUBLIC_SIZE 57 /* 56 characters and a NUL */
#define TL_NKEY_SEED_SIZE 59   /* 58 characters and a NUL */
#define TL_NKEY_SIGNATURE 64   /* bytes */

struct tl_nkey {
    char public_key[TL_NKEY_PUBLIC_SIZE];
    char seed[TL_NKEY_SEED_SIZE]; /* a secret */
};

/* A key of a user from 32 random bytes. -1: libcrypto has none to give. */
int tl_nkey_new(struct tl_nkey *k, struct tl_error *e);
/* The key of 32 given bytes, which are the secret. */
int tl_nkey_of_bytes(struct tl_nkey *k, const uint8_t raw[TL_NKEY_RAW], struct tl_error *e);
/* The key that a seed stands for. -1 where it is none: its length, letters, prefix or check do not fit. */
int tl_nkey_of_seed(struct tl_nkey *k, const char *seed, struct tl_error *e);
/* Whether a text is the public key of a user. */
bool tl_nkey_is_public(const char *text);
/* Signs bytes with the key of a seed, as a server asks a client to do with its nonce. */
int tl_nkey_sign(const char *seed, const void *data, size_t size, uint8_t signature[TL_NKEY_SIGNATURE],
                 struct tl_error *e);
/* Overwrites a key, so that it does not lie in memory that is given back. */
void tl_nkey_forget(struct tl_nkey *k);

#endif
