#include "harness/fleet/key_file.h"

#include "harness/base/buffer.h"
#include "harness/base/files.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FILE_MOST (64u << 10)

static const char what_[] = "cannot use a key file";

static int take(const json_t *document, const char *path, struct tl_fleet_key *k, struct tl_error *e)
{
    const char *name = json_string_value(json_object_get(document, "name")),
               *role = json_string_value(json_object_get(document, "role")),
               *seed = json_string_value(json_object_get(document, "seed")),
               *authority = json_string_value(json_object_get(document, "authority"));
    int is = role ? tl_fleet_role_parse(role) : -1;
    if (json_integer_value(json_object_get(document, "trapline_key")) != 1 || !name || !role || is < 0 ||
        !seed || !authority)
        return tl_fail(e, TL_ERROR_INPUT, what_, path,
                       "it is none of this version; a file that `trapline fleet` wrote was expected");
    if (tl_fleet_check_name(name, e) || tl_nkey_of_seed(&k->key, seed, e))
        return -1;
    snprintf(k->name, sizeof k->name, "%s", name);
    k->role = (enum tl_fleet_role)is;
    k->authority = tl_strdup(authority);
    return 0;
}

int tl_fleet_key_read(const char *path, struct tl_fleet_key *k, struct tl_error *e)
{
    *k = (struct tl_fleet_key){0};
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat st;
    if (fd < 0 || fstat(fd, &st)) {
        tl_fail_errno(e, TL_ERROR_INPUT, errno, what_, path,
                      "name the file that `trapline fleet invite` wrote, with --key");
        if (fd >= 0)
            close(fd);
        return -1;
    }
    char *text = NULL;
    int64_t size = -1;
    if (!S_ISREG(st.st_mode) || st.st_size > FILE_MOST) {
        tl_fail(e, TL_ERROR_INPUT, what_, path, "it is no file of a few lines");
    } else if (st.st_mode & 077) {
        tl_fail(
            e, TL_ERROR_INPUT, what_, path,
            "others may read it, so it is no secret: `chmod 600 %s`; where somebody may have, revoke the key "
            "and invite the machine anew",
            path);
    } else {
        text = tl_calloc(FILE_MOST + 1, 1);
        if ((size = tl_read_at(fd, text, FILE_MOST, 0)) < 0)
            tl_fail_errno(e, TL_ERROR_INPUT, errno, what_, path, NULL);
    }
    close(fd);
    json_t *document = size >= 0 ? json_loadb(text, (size_t)size, JSON_REJECT_DUPLICATES, NULL) : NULL;
    int result = size < 0 ? -1 : take(document, path, k, e);
    json_decref(document);
    if (text)
        OPENSSL_cleanse(text, FILE_MOST);
    free(text);
    return result;
}

int tl_fleet_key_write(const char *path, const struct tl_fleet_key *k, struct tl_error *e)
{
    json_t *document = json_pack("{s:i,s:s,s:s,s:s,s:s}", "trapline_key", 1, "name", k->name, "role",
                                 tl_fleet_role_name(k->role), "seed", k->key.seed, "authority", k->authority);
    char *text = document ? json_dumps(document, JSON_INDENT(2)) : NULL;
    json_decref(document);
    if (!text)
        return tl_fail(e, TL_ERROR_ENVIRONMENT, "cannot write a key file", path,
                       "the certificate is no text");
    int result = tl_write_new_file(path, text, strlen(text), 0600, true);
    if (result)
        tl_fail_errno(e, TL_ERROR_ENVIRONMENT, errno, "cannot write a key file", path, NULL);
    OPENSSL_cleanse(text, strlen(text));
    free(text);
    return result;
}

void tl_fleet_key_free(struct tl_fleet_key *k)
{
    tl_nkey_forget(&k->key);
    free(k->authority);
    k->authority = NULL;
}
