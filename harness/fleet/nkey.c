#include "harness/fleet/nkey.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <string.h>

#define PREFIX_SEED (18u << 3) /* "S" */
#define PREFIX_USER (20u << 3) /* "U" */
#define CHECK 2                /* bytes of the CRC */
#define PUBLIC_BYTES (1 + TL_NKEY_RAW + CHECK)
#define SEED_BYTES (2 + TL_NKEY_RAW + CHECK)

static const char what_[] = "cannot use a key";
static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/* CRC-16/XMODEM: polynomial 0x1021, from 0, nothing reflected. */
static uint16_t crc16(const uint8_t *data, size_t size)
{
    uint16_t crc = 0;
    for (size_t i = 0; i < size; i++) {
        crc = (uint16_t)(crc ^ (uint16_t)(data[i] << 8));
        for (int bit = 0; bit < 8; bit++)
            crc = (uint16_t)(crc & 0x8000 ? (unsigned)(crc << 1) ^ 0x1021u : (unsigned)(crc << 1));
    }
    return crc;
}

static void base32(const uint8_t *data, size_t size, char *text)
{
    uint32_t bits = 0;
    unsigned n = 0;
    for (size_t i = 0; i < size; i++) {
        bits = bits << 8 | data[i];
        for (n += 8; n >= 5; n -= 5)
            *text++ = letters[bits >> (n - 5) & 31];
    }
    if (n)
        *text++ = letters[bits << (5 - n) & 31];
    *text = '\0';
}

/* Exactly size bytes; false where the text is of another length or has other letters. Each key has one text: bits that are left
 * over are 0. */
static bool from_base32(const char *text, uint8_t *data, size_t size)
{
    uint32_t bits = 0;
    unsigned n = 0;
    size_t at = 0;
    if (strlen(text) != (size * 8 + 4) / 5)
        return false;
    for (; *text; text++) {
        const char *letter = strchr(letters, *text);
        if (!letter)
            return false;
        bits = bits << 5 | (uint32_t)(letter - letters);
        n += 5;
        if (n >= 8 && at < size) {
            n -= 8;
            data[at++] = (uint8_t)(bits >> n);
        }
    }
    return at == size && !(bits & ((1u << n) - 1));
}

/* The check goes behind what it is of, its low byte first. */
static void seal(uint8_t *data, size_t size)
{
    uint16_t crc = crc16(data, size - CHECK);
    data[size - 2] = (uint8_t)(crc & 0xff);
    data[size - 1] = (uint8_t)(crc >> 8);
}

static bool is_sealed(const uint8_t *data, size_t size)
{
    uint16_t crc = crc16(data, size - CHECK);
    return data[size - 2] == (crc & 0xff) && data[size - 1] == crc >> 8;
}

int tl_nkey_of_bytes(struct tl_nkey *k, const uint8_t raw[TL_NKEY_RAW], struct tl_error *e)
{
    uint8_t public_bytes[PUBLIC_BYTES] = {PREFIX_USER}, seed[SEED_BYTES];
    size_t size = TL_NKEY_RAW;
    EVP_PKEY *key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, raw, TL_NKEY_RAW);
    int result = key && EVP_PKEY_get_raw_public_key(key, public_bytes + 1, &size) == 1 ? 0 : -1;
    EVP_PKEY_free(key);
    if (result)
        return tl_fail(e, TL_ERROR_ENVIRONMENT, what_, "", "libcrypto knows no Ed25519, or has no memory");
    seal(public_bytes, sizeof public_bytes);
    base32(public_bytes, sizeof public_bytes, k->public_key);
    /* Of the two prefixes of a seed each begins at a letter: five bits of the first are followed by those of the second. */
    seed[0] = (uint8_t)(PREFIX_SEED | PREFIX_USER >> 5);
    seed[1] = (uint8_t)((PREFIX_USER & 31u) << 3);
    memcpy(seed + 2, raw, TL_NKEY_RAW);
    seal(seed, sizeof seed);
    base32(seed, sizeof seed, k->seed);
    OPENSSL_cleanse(seed, sizeof seed);
    return 0;
}

int tl_nkey_new(struct tl_nkey *k, struct tl_error *e)
{
    uint8_t raw[TL_NKEY_RAW];
    if (RAND_priv_bytes(raw, sizeof raw) != 1)
        return tl_fail(e, TL_ERROR_ENVIRONMENT, "cannot make a key", "",
                       "libcrypto has no random bytes to give; the system's random source may be missing");
    int result = tl_nkey_of_bytes(k, raw, e);
    OPENSSL_cleanse(raw, sizeof raw);
    return result;
}

/* The secret bytes of a seed. */
static int bytes_of_seed(const char *seed, uint8_t raw[TL_NKEY_RAW], struct tl_error *e)
{
    uint8_t bytes[SEED_BYTES];
    int result = 0;
    if (!from_base32(seed, bytes, sizeof bytes) || !is_sealed(bytes, sizeof bytes))
        result = tl_fail(e, TL_ERROR_INPUT, what_, "",
                         "the seed is damaged: its check does not fit. Copy the key file once more");
    else if (bytes[0] != (PREFIX_SEED | PREFIX_USER >> 5) || bytes[1] != (PREFIX_USER & 31u) << 3)
        result =
            tl_fail(e, TL_ERROR_INPUT, what_, "",
                    "it is no seed of a user; a key file that `trapline fleet invite` wrote was expected");
    else
        memcpy(raw, bytes + 2, TL_NKEY_RAW);
    OPENSSL_cleanse(bytes, sizeof bytes);
    return result;
}

int tl_nkey_of_seed(struct tl_nkey *k, const char *seed, struct tl_error *e)
{
    uint8_t raw[TL_NKEY_RAW];
    int result = bytes_of_seed(seed, raw, e) || tl_nkey_of_bytes(k, raw, e) ? -1 : 0;
    OPENSSL_cleanse(raw, sizeof raw);
    return result;
}

bool tl_nkey_is_public(const char *text)
{
    uint8_t bytes[PUBLIC_BYTES];
    return from_base32(text, bytes, sizeof bytes) && is_sealed(bytes, sizeof bytes) &&
           bytes[0] == PREFIX_USER;
}

int tl_nkey_sign(const char *seed, const void *data, size_t size, uint8_t signature[TL_NKEY_SIGNATURE],
                 struct tl_error *e)
{
    uint8_t raw[TL_NKEY_RAW];
    size_t length = TL_NKEY_SIGNATURE;
    if (bytes_of_seed(seed, raw, e))
        return -1;
    EVP_PKEY *key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, raw, sizeof raw);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    OPENSSL_cleanse(raw, sizeof raw);
    int result = key && context && EVP_DigestSignInit(context, NULL, NULL, NULL, key) == 1 &&
                         EVP_DigestSign(context, signature, &length, data, size) == 1
                     ? 0
                     : tl_fail(e, TL_ERROR_ENVIRONMENT, "cannot sign", "",
                               "libcrypto knows no Ed25519, or has no memory");
    EVP_MD_CTX_free(context);
    EVP_PKEY_free(key);
    return result;
}

void tl_nkey_forget(struct tl_nkey *k)
{
    OPENSSL_cleanse(k, sizeof *k);
}
