#include "harness/fleet/certificate.h"

#include "harness/base/buffer.h"
#include "harness/base/files.h"

#include <errno.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DAY (24l * 60 * 60)
#define AUTHORITY_DAYS 3650
#define SERVER_DAYS 730
#define LEFT_DAYS 60
#define FILE_MOST (64u << 10)

static const char what_[] = "cannot make a certificate";

/* libcrypto has said no where only memory can be short. */
static int refused(struct tl_error *e)
{
    unsigned long code = ERR_get_error();
    const char *reason = code ? ERR_reason_error_string(code) : NULL;
    ERR_clear_error();
    return tl_fail(e, TL_ERROR_ENVIRONMENT, what_, "", "libcrypto: %s", reason ? reason : "no reason given");
}

static int add_extension(X509 *certificate, X509 *issuer, int which, const char *value)
{
    X509V3_CTX context;
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, issuer, certificate, NULL, NULL, 0);
    X509_EXTENSION *x = X509V3_EXT_conf_nid(NULL, &context, which, value);
    int added = x && X509_add_ext(certificate, x, -1) == 1 ? 0 : -1;
    X509_EXTENSION_free(x);
    return added;
}

/* 127 random bits: what one authority has signed differs. */
static int set_serial(X509 *certificate)
{
    unsigned char bytes[16];
    if (RAND_bytes(bytes, sizeof bytes) != 1)
        return -1;
    bytes[0] &= 0x7f;
    BIGNUM *number = BN_bin2bn(bytes, sizeof bytes, NULL);
    int set = number && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate)) ? 0 : -1;
    BN_free(number);
    return set;
}

/* What both kinds have. It begins to be good a day ago: clocks of a lab differ. issuer NULL: itself. */
static X509 *begin(EVP_PKEY *key, const char *name, X509 *issuer, long days)
{
    X509 *c = X509_new();
    X509_NAME *subject = c ? X509_get_subject_name(c) : NULL;
    if (c && X509_set_version(c, 2) == 1 && !set_serial(c) && X509_gmtime_adj(X509_getm_notBefore(c), -DAY) &&
        X509_gmtime_adj(X509_getm_notAfter(c), days * DAY) && X509_set_pubkey(c, key) == 1 &&
        X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, (const unsigned char *)name, -1, -1, 0) ==
            1 &&
        X509_set_issuer_name(c, issuer ? X509_get_subject_name(issuer) : subject) == 1)
        return c;
    X509_free(c);
    return NULL;
}

static int write_key(const char *path, EVP_PKEY *key, struct tl_error *e)
{
    BIO *b = BIO_new(BIO_s_secmem());
    char *text = NULL;
    int result = -1;
    if (b && PEM_write_bio_PKCS8PrivateKey(b, key, NULL, NULL, 0, NULL, NULL) == 1) {
        long size = BIO_get_mem_data(b, &text);
        result = tl_replace_file(path, text, (size_t)size, 0600, true);
        if (result)
            tl_fail_errno(e, TL_ERROR_ENVIRONMENT, errno, what_, path, NULL);
    } else {
        refused(e);
    }
    BIO_free(b);
    return result;
}

static int write_certificate(const char *path, X509 *c, struct tl_error *e)
{
    BIO *b = BIO_new(BIO_s_mem());
    char *text = NULL;
    int result = -1;
    if (b && PEM_write_bio_X509(b, c) == 1) {
        long size = BIO_get_mem_data(b, &text);
        result = tl_replace_file(path, text, (size_t)size, 0644, true);
        if (result)
            tl_fail_errno(e, TL_ERROR_ENVIRONMENT, errno, what_, path, NULL);
    } else {
        refused(e);
    }
    BIO_free(b);
    return result;
}

static BIO *read_pem(const char *path)
{
    size_t size = 0;
    char *text = tl_read_file(path, FILE_MOST, &size);
    BIO *b = text ? BIO_new(BIO_s_mem()) : NULL;
    if (b && BIO_write(b, text, (int)size) != (int)size) {
        BIO_free(b);
        b = NULL;
    }
    if (text)
        OPENSSL_cleanse(text, size);
    free(text);
    return b;
}

static X509 *read_certificate(const char *path)
{
    BIO *b = read_pem(path);
    X509 *c = b ? PEM_read_bio_X509(b, NULL, NULL, NULL) : NULL;
    BIO_free(b);
    ERR_clear_error();
    return c;
}

static EVP_PKEY *read_key(const char *path)
{
    BIO *b = read_pem(path);
    EVP_PKEY *key = b ? PEM_read_bio_PrivateKey(b, NULL, NULL, NULL) : NULL;
    BIO_free(b);
    ERR_clear_error();
    return key;
}

int tl_fleet_authority(const char *certificate_path, const char *key_path, struct tl_error *e)
{
    if (!access(certificate_path, F_OK) && !access(key_path, F_OK))
        return 0;
    if (!access(certificate_path, F_OK))
        return tl_fail(e, TL_ERROR_INPUT, what_, key_path,
                       "the key of the authority is gone. Restore it from a copy; or remove %s: then all "
                       "machines have to be invited anew",
                       certificate_path);
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *c = key ? begin(key, "trapline fleet", NULL, AUTHORITY_DAYS) : NULL;
    int result = -1;
    if (c && !add_extension(c, c, NID_basic_constraints, "critical,CA:TRUE,pathlen:0") &&
        !add_extension(c, c, NID_key_usage, "critical,keyCertSign") &&
        !add_extension(c, c, NID_subject_key_identifier, "hash") && X509_sign(c, key, EVP_sha256()))
        /* The key comes first: a certificate without one would be of no use. */
        result = write_key(key_path, key, e) || write_certificate(certificate_path, c, e) ? -1 : 0;
    else
        refused(e);
    X509_free(c);
    EVP_PKEY_free(key);
    return result;
}

static bool is_address(const char *host)
{
    ASN1_OCTET_STRING *address = a2i_IPADDRESS(host);
    ASN1_OCTET_STRING_free(address);
    ERR_clear_error();
    return address != NULL;
}

/* A name that could end one entry of the list and begin another is none. */
static int check_host(const char *host, struct tl_error *e)
{
    size_t n = strlen(host);
    if (n && n < 254 &&
        strspn(host, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.:-") == n)
        return 0;
    return tl_fail(e, TL_ERROR_INPUT, what_, host,
                   "it is neither a name nor an address of a machine; HOST:PORT was expected");
}

int tl_fleet_certify(const char *authority_path, const char *authority_key_path, const char *host,
                     const char *certificate_path, const char *key_path, struct tl_error *e)
{
    if (check_host(host, e))
        return -1;
    X509 *authority = read_certificate(authority_path);
    EVP_PKEY *signs = read_key(authority_key_path), *key = NULL;
    X509 *c = NULL;
    int result = -1;
    char *names = tl_format("DNS:%s,%s:%s", TL_FLEET_SERVER_NAME, is_address(host) ? "IP" : "DNS", host);
    if (!authority || !signs || X509_check_private_key(authority, signs) != 1) {
        ERR_clear_error();
        tl_fail(e, TL_ERROR_INPUT, what_, authority_key_path,
                "it does not hold the key of %s; restore both from a copy", authority_path);
    } else if ((key = EVP_EC_gen("P-256")) && (c = begin(key, host, authority, SERVER_DAYS)) &&
               !add_extension(c, authority, NID_basic_constraints, "critical,CA:FALSE") &&
               !add_extension(c, authority, NID_key_usage, "critical,digitalSignature") &&
               !add_extension(c, authority, NID_ext_key_usage, "serverAuth,clientAuth") &&
               !add_extension(c, authority, NID_authority_key_identifier, "keyid") &&
               !add_extension(c, authority, NID_subject_alt_name, names) &&
               X509_sign(c, signs, EVP_sha256())) {
        result = write_key(key_path, key, e) || write_certificate(certificate_path, c, e) ? -1 : 0;
    } else {
        refused(e);
    }
    free(names);
    X509_free(c);
    X509_free(authority);
    EVP_PKEY_free(key);
    EVP_PKEY_free(signs);
    return result;
}

bool tl_fleet_is_certified(const char *authority_path, const char *host, const char *certificate_path)
{
    X509 *authority = read_certificate(authority_path), *c = read_certificate(certificate_path);
    EVP_PKEY *signs = authority ? X509_get0_pubkey(authority) : NULL;
    time_t needed = time(NULL) + LEFT_DAYS * DAY;
    bool good =
        c && signs && X509_verify(c, signs) == 1 && X509_cmp_time(X509_get0_notAfter(c), &needed) > 0 &&
        X509_check_host(c, TL_FLEET_SERVER_NAME, 0, 0, NULL) == 1 &&
        (is_address(host) ? X509_check_ip_asc(c, host, 0) : X509_check_host(c, host, 0, 0, NULL)) == 1;
    ERR_clear_error();
    X509_free(c);
    X509_free(authority);
    return good;
}
