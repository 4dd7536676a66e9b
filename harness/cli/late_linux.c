/* Libraries that few commands need, loaded when the first function of them is called.
 *
 * libarchive brings libxml2 and with it ICU, and libcrypto is large: resolving them took most of the time of a command
 * that answers at once, such as `trapline --version` or one that a completion asks. The functions that are called here
 * are defined here under their names, and hand on to the library's own. The linker then finds no use for the libraries
 * themselves and leaves them out of what the program needs from its start (--as-needed, which is meson's default).
 * Nothing else knows of it; runners and tests, which need them anyway, are linked with the libraries as usual.
 *
 * What a program loads so is in no list that the linker writes. So it is in a note, in the form that package managers
 * read: https://uapi-group.org/specifications/specs/elf_dlopen_metadata/. scripts/late_libraries.py prints it. */
#include "harness/cli/cli.h"

#include <archive.h>
#include <archive_entry.h>
#include <dlfcn.h>
#include <openssl/evp.h>
#include <openssl/opensslv.h>
#include <openssl/rand.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>
#ifdef TL_CAPSTONE
#include <capstone/capstone.h>
#endif

#define TEXT_OF(x) #x
#define TEXT(x) TEXT_OF(x)

/* --- which libraries ------------------------------------------------------------------------------------ */

_Static_assert(ARCHIVE_VERSION_NUMBER / 1000000 == 3,
               "the shared library of libarchive 3 is libarchive.so.13, and of another "
               "one it is not known here");
#define ARCHIVE_LIBRARY "libarchive.so.13"
#define CRYPTO_LIBRARY "libcrypto.so." TEXT(OPENSSL_SHLIB_VERSION)

/* One note for each library, of a name, a type and a text of a length that is a multiple of four. */
#define NOTE_TEXT(soname, feature, why, priority)                                                            \
    "[{\"soname\":[\"" soname "\"],\"feature\":\"" feature "\",\"description\":\"" why                       \
    "\",\"priority\":\"" priority "\"}]"
#define NOTE(name, json)                                                                                     \
    static const struct {                                                                                    \
        uint32_t owner_size, text_size, type;                                                                \
        char owner[4];                                                                                       \
        _Alignas(4) char text[sizeof json];                                                                  \
    } name __attribute__((used, section(".note.dlopen"), aligned(4))) = {4, sizeof json, 0x407c0c0aU, "FDO", \
                                                                         json}

NOTE(archive_note, NOTE_TEXT(ARCHIVE_LIBRARY, "archives",
                             "bundles, builds out of packages, and what goes to other machines", "required"));
NOTE(crypto_note, NOTE_TEXT(CRYPTO_LIBRARY, "hashes", "the identity of all that is stored", "required"));

static void *archive_handle, *crypto_handle;

/* NULL where the library or the function is not there. */
static void *find(void **handle, const char *library, const char *function)
{
    if (!*handle)
        *handle = dlopen(library, RTLD_NOW | RTLD_LOCAL);
    return *handle ? dlsym(*handle, function) : NULL;
}

/* The same of what somebody asked for; why it is not there is said. */
static void *find_needed(void **handle, const char *library, const char *function)
{
    void *found = find(handle, library, function);
    if (!found)
        fprintf(stderr, "trapline: %s is needed: %s\n", library, dlerror());
    return found;
}

/* A library that lacks a function is too old. Going on without it, or without the library, would store wrong identities. */
static void *find_crypto(const char *function)
{
    void *found = find_needed(&crypto_handle, CRYPTO_LIBRARY, function);
    if (!found)
        _exit(TL_EXIT_ENVIRONMENT);
    return found;
}

bool tl_cli_late_libraries(void)
{
    return find_needed(&crypto_handle, CRYPTO_LIBRARY, "EVP_sha256") != NULL;
}

static void *find_archive(const char *function)
{
    return find_needed(&archive_handle, ARCHIVE_LIBRARY, function);
}

/* --- their functions ------------------------------------------------------------------------------------ */

/* A function of a library that answers `otherwise` where the library is not there. */
#define LATE(library, type, name, parameters, arguments, otherwise)                                          \
    type name parameters                                                                                     \
    {                                                                                                        \
        static type(*real) parameters;                                                                       \
        if (!real)                                                                                           \
            *(void **)&real = find_##library(#name);                                                         \
        return real ? real arguments : otherwise;                                                            \
    }
#define LATE_VOID(library, name, parameters, arguments)                                                      \
    void name parameters                                                                                     \
    {                                                                                                        \
        static void(*real) parameters;                                                                       \
        if (!real)                                                                                           \
            *(void **)&real = find_##library(#name);                                                         \
        if (real)                                                                                            \
            real arguments;                                                                                  \
    }

LATE(crypto, EVP_MD_CTX *, EVP_MD_CTX_new, (void), (), NULL)
LATE(crypto, const EVP_MD *, EVP_sha256, (void), (), NULL)
LATE(crypto, int, EVP_DigestInit_ex, (EVP_MD_CTX * c, const EVP_MD *kind, ENGINE *e), (c, kind, e), 0)
LATE(crypto, int, EVP_DigestUpdate, (EVP_MD_CTX * c, const void *data, size_t n), (c, data, n), 0)
LATE(crypto, int, EVP_DigestFinal_ex, (EVP_MD_CTX * c, unsigned char *to, unsigned *n), (c, to, n), 0)
LATE_VOID(crypto, EVP_MD_CTX_free, (EVP_MD_CTX * c), (c))
LATE(crypto, int, EVP_Digest,
     (const void *data, size_t n, unsigned char *to, unsigned *size, const EVP_MD *kind, ENGINE *e),
     (data, n, to, size, kind, e), 0)
LATE(crypto, int, EVP_EncodeBlock, (unsigned char *to, const unsigned char *from, int n), (to, from, n), -1)
LATE(crypto, int, EVP_DecodeBlock, (unsigned char *to, const unsigned char *from, int n), (to, from, n), -1)
LATE(crypto, int, RAND_bytes, (unsigned char *to, int n), (to, n), 0)

/* Whoever makes an archive or begins to read one is told that there is none, and calls nothing else then. */
LATE(archive, struct archive *, archive_read_new, (void), (), NULL)
LATE(archive, int, archive_read_support_filter_gzip, (struct archive * a), (a), ARCHIVE_FATAL)
LATE(archive, int, archive_read_support_filter_all, (struct archive * a), (a), ARCHIVE_FATAL)
LATE(archive, int, archive_read_support_format_zip, (struct archive * a), (a), ARCHIVE_FATAL)
LATE(archive, int, archive_read_support_format_tar, (struct archive * a), (a), ARCHIVE_FATAL)
LATE(archive, int, archive_read_open_filename, (struct archive * a, const char *path, size_t block),
     (a, path, block), ARCHIVE_FATAL)
LATE(archive, int, archive_read_next_header, (struct archive * a, struct archive_entry **entry), (a, entry),
     ARCHIVE_FATAL)
LATE(archive, la_ssize_t, archive_read_data, (struct archive * a, void *to, size_t n), (a, to, n),
     ARCHIVE_FATAL)
LATE(archive, int, archive_read_free, (struct archive * a), (a), ARCHIVE_FATAL)
LATE(archive, struct archive *, archive_write_new, (void), (), NULL)
LATE(archive, int, archive_write_add_filter_gzip, (struct archive * a), (a), ARCHIVE_FATAL)
LATE(archive, int, archive_write_add_filter_none, (struct archive * a), (a), ARCHIVE_FATAL)
LATE(archive, int, archive_write_add_filter_xz, (struct archive * a), (a), ARCHIVE_FATAL)
LATE(archive, int, archive_write_add_filter_zstd, (struct archive * a), (a), ARCHIVE_FATAL)
LATE(archive, int, archive_write_set_format_pax_restricted, (struct archive * a), (a), ARCHIVE_FATAL)
LATE(archive, int, archive_write_set_format_zip, (struct archive * a), (a), ARCHIVE_FATAL)
LATE(archive, int, archive_write_open_filename, (struct archive * a, const char *path), (a, path),
     ARCHIVE_FATAL)
LATE(archive, int, archive_write_header, (struct archive * a, struct archive_entry *entry), (a, entry),
     ARCHIVE_FATAL)
LATE(archive, la_ssize_t, archive_write_data, (struct archive * a, const void *from, size_t n), (a, from, n),
     ARCHIVE_FATAL)
LATE(archive, int, archive_write_close, (struct archive * a), (a), ARCHIVE_FATAL)
LATE(archive, int, archive_write_free, (struct archive * a), (a), ARCHIVE_FATAL)
LATE(archive, const char *, archive_error_string, (struct archive * a), (a), NULL)
LATE(archive, struct archive_entry *, archive_entry_new, (void), (), NULL)
LATE_VOID(archive, archive_entry_free, (struct archive_entry * x), (x))
LATE(archive, const char *, archive_entry_pathname, (struct archive_entry * x), (x), NULL)
LATE(archive, const char *, archive_entry_hardlink, (struct archive_entry * x), (x), NULL)
LATE(archive, __LA_MODE_T, archive_entry_perm, (struct archive_entry * x), (x), 0)
LATE(archive, __LA_MODE_T, archive_entry_filetype, (struct archive_entry * x), (x), 0)
LATE_VOID(archive, archive_entry_set_pathname, (struct archive_entry * x, const char *path), (x, path))
LATE_VOID(archive, archive_entry_set_filetype, (struct archive_entry * x, unsigned type), (x, type))
LATE_VOID(archive, archive_entry_set_perm, (struct archive_entry * x, __LA_MODE_T mode), (x, mode))
LATE_VOID(archive, archive_entry_set_size, (struct archive_entry * x, la_int64_t n), (x, n))
LATE_VOID(archive, archive_entry_set_mtime, (struct archive_entry * x, time_t s, long ns), (x, s, ns))
LATE_VOID(archive, archive_entry_set_symlink, (struct archive_entry * x, const char *to), (x, to))

#ifdef TL_CAPSTONE
#define CAPSTONE_LIBRARY "libcapstone.so." TEXT(CS_API_MAJOR)
NOTE(capstone_note,
     NOTE_TEXT(CAPSTONE_LIBRARY, "instructions", "what the instruction of a fault did", "recommended"));

static void *capstone_handle;

static void *find_capstone(const char *function)
{
    return find(&capstone_handle, CAPSTONE_LIBRARY, function);
}

/* Without it the instruction of a fault stays bytes, as in a build that has none. */
LATE(capstone, cs_err, cs_open, (cs_arch arch, cs_mode mode, csh *handle), (arch, mode, handle), CS_ERR_ARCH)
LATE(capstone, cs_err, cs_option, (csh handle, cs_opt_type type, size_t value), (handle, type, value),
     CS_ERR_ARCH)
LATE(capstone, size_t, cs_disasm,
     (csh handle, const uint8_t *code, size_t size, uint64_t address, size_t n, cs_insn **out),
     (handle, code, size, address, n, out), 0)
LATE_VOID(capstone, cs_free, (cs_insn * list, size_t n), (list, n))
LATE(capstone, cs_err, cs_close, (csh * handle), (handle), CS_ERR_ARCH)
LATE(capstone, const char *, cs_reg_name, (csh handle, unsigned id), (handle, id), NULL)
#endif
