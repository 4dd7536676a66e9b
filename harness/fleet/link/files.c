/* Files by their content, in parts of TL_FLEET_PART: files.SHA256.INDEX. The library has no store of objects.
 *
 * The last part is published when the server has all others, so where it is the file is; a part that is published again takes the place of the
 * one that was there. Nobody believes a hash: it is made anew as a file goes out, for the file may have changed, and as it comes in. */
#include "harness/base/files.h"
#include "harness/base/buffer.h"
#include "harness/base/clock.h"
#include "harness/base/hash.h"
#include "harness/fleet/link/link_impl.h"
#include "harness/fleet/subjects.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define LASTS_NS (INT64_C(7) * 86400 * 1000000000) /* half of what the server keeps it */

static void pause_for_server(void)
{
    const struct timespec t = {0, 500000000};
    nanosleep(&t, NULL);
}

static int64_t parts_of(int64_t size)
{
    return size ? (size + TL_FLEET_PART - 1) / TL_FLEET_PART : 1;
}

/* The part of a file; NATS_NOT_FOUND: the server does not have it. */
static natsStatus get_part(struct tl_connection *c, const char *sha256, int64_t index, natsMsg **part)
{
    char *subject = tl_format("files.%s.%lld", sha256, (long long)index);
    jsDirectGetMsgOptions options;
    jsDirectGetMsgOptions_Init(&options);
    options.LastBySubject = subject;
    natsStatus s = js_DirectGetMsg(part, c->js, TL_FLEET_FILES, NULL, &options);
    free(subject);
    return s;
}

static natsStatus put_part(struct tl_connection *c, const char *sha256, int64_t index, const char *data,
                           size_t size)
{
    char *subject = tl_format("files.%s.%lld", sha256, (long long)index);
    natsStatus s;
    jsErrCode code = 0;
    while (tl_nats_is_passing(s = js_Publish(NULL, c->js, subject, data, (int)size, NULL, &code)))
        pause_for_server();
    free(subject);
    return s;
}

static bool server_has(struct tl_connection *c, const char *sha256, int64_t size)
{
    natsMsg *last = NULL;
    natsStatus s;
    while (tl_nats_is_passing(s = get_part(c, sha256, parts_of(size) - 1, &last)))
        pause_for_server();
    bool has = !s && tl_wall_us() * 1000 - natsMsg_GetTime(last) < LASTS_NS;
    natsMsg_Destroy(last);
    /* The oldest parts go first where there is no room for all. */
    if (has && parts_of(size) > 1) {
        while (tl_nats_is_passing(s = get_part(c, sha256, 0, &last)))
            pause_for_server();
        has = !s;
        natsMsg_Destroy(last);
    }
    return has;
}

int tl_file_put(struct tl_connection *c, const char *sha256, const char *path, int64_t size,
                struct tl_error *e)
{
    static const char what[] = "cannot bring a file to the fleet";
    if (!tl_is_token(sha256) || !path)
        return tl_fail(e, TL_ERROR_INPUT, what, path, "it is none");
    if (size > TL_FLEET_FILE_MOST)
        return tl_fail(e, TL_ERROR_INPUT, what, path,
                       "it has %lld MiB, and the server keeps files of %lld MiB at most",
                       (long long)size >> 20, (long long)TL_FLEET_FILE_MOST >> 20);
    if (server_has(c, sha256, size))
        return 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC), result = 0;
    char *part = tl_malloc(TL_FLEET_PART), hex[TL_SHA256_SIZE];
    struct tl_hash h;
    if (fd < 0 || tl_hash_begin(&h)) {
        result = tl_fail_errno(e, TL_ERROR_INPUT, errno, what, path, NULL);
        free(part);
        return result;
    }
    bool ended = false;
    for (int64_t i = 0, n = parts_of(size); i < n && !result; i++) {
        int64_t got = tl_read_at(fd, part, TL_FLEET_PART, (uint64_t)(i * TL_FLEET_PART));
        tl_hash_add(&h, part, got > 0 ? (size_t)got : 0);
        if (got < 0)
            result = tl_fail_errno(e, TL_ERROR_INPUT, errno, what, path, NULL);
        if (!result && i + 1 == n) { /* the last one says that all is there: only of what it is said to be */
            tl_hash_end(&h, hex);
            ended = true;
            if (strcmp(hex, sha256))
                result = tl_fail(e, TL_ERROR_INPUT, what, path,
                                 "it has changed since it was looked at; the same command once more");
        }
        natsStatus s = result ? NATS_OK : put_part(c, sha256, i, part, (size_t)got);
        if (s)
            result = tl_nats_fail(s, what, path, e);
    }
    if (!ended)
        tl_hash_end(&h, hex);
    close(fd);
    free(part);
    return result;
}

static int write_part(int fd, const char *data, size_t size, off_t at)
{
    while (size) {
        ssize_t n = pwrite(fd, data, size, at);
        if (n < 0 && errno != EINTR)
            return -1;
        data += n > 0 ? n : 0;
        at += n > 0 ? n : 0;
        size -= n > 0 ? (size_t)n : 0;
    }
    return 0;
}

/* All parts, to a file that is open. */
static int get_parts(struct tl_connection *c, const char *sha256, int fd, int64_t size,
                     char hex[TL_SHA256_SIZE], bool *here, struct tl_error *e)
{
    static const char what[] = "cannot get a file of the fleet";
    struct tl_hash h;
    int result = 0;
    if (tl_hash_begin(&h))
        return tl_fail(e, TL_ERROR_ENVIRONMENT, what, sha256, "there is no memory");
    for (int64_t i = 0, n = parts_of(size); i < n && !result; i++) {
        natsMsg *part = NULL;
        natsStatus s;
        while (tl_nats_is_passing(s = get_part(c, sha256, i, &part))) {
            pause_for_server();
        }
        int got = s ? 0 : natsMsg_GetDataLength(part);
        if (s == NATS_NOT_FOUND)
            result = tl_fail(e, TL_ERROR_ENVIRONMENT, what, sha256,
                             "the server does not have it any more; ask again");
        else if (s)
            result = tl_nats_fail(s, what, sha256, e);
        else if (got > TL_FLEET_PART || (int64_t)got > size - i * TL_FLEET_PART)
            result = tl_fail(e, TL_ERROR_ENVIRONMENT, what, sha256, "it is longer than was said");
        else if (write_part(fd, natsMsg_GetData(part), (size_t)got, (off_t)(i * TL_FLEET_PART))) {
            *here = true;
            result = tl_fail_errno(e, TL_ERROR_ENVIRONMENT, errno, what, sha256,
                                   errno == ENOSPC || errno == EDQUOT
                                       ? "make room on the disk that holds the cache of this worker"
                                       : "it cannot be kept on this machine");
        } else
            tl_hash_add(&h, natsMsg_GetData(part), (size_t)got);
        natsMsg_Destroy(part);
    }
    tl_hash_end(&h, hex);
    return result;
}

int tl_file_get(struct tl_connection *c, const char *sha256, const char *path, int64_t size, bool *here,
                struct tl_error *e)
{
    static const char what[] = "cannot get a file of the fleet";
    char hex[TL_SHA256_SIZE];
    *here = false;
    if (!tl_is_token(sha256) || !path || size < 0)
        return tl_fail(e, TL_ERROR_INPUT, what, path, "it is none");
    if (!access(path, F_OK)) /* another job has asked for it as well */
        return 0;
    char *making = tl_format("%s.%ld", path, (long)getpid());
    int fd = tl_make_parents(path, 0700) ? -1 : open(making, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    *here = fd < 0;
    int result = fd < 0 ? tl_fail_errno(e, TL_ERROR_ENVIRONMENT, errno, what, making, NULL)
                        : get_parts(c, sha256, fd, size, hex, here, e);
    if (!result && strcmp(hex, sha256))
        result = tl_fail(e, TL_ERROR_ENVIRONMENT, what, sha256,
                         "what came is another one: it was damaged on the way");
    if (!result && (fsync(fd) || rename(making, path))) {
        *here = true;
        result = tl_fail_errno(e, TL_ERROR_ENVIRONMENT, errno, what, path, NULL);
    }
    if (fd >= 0)
        close(fd);
    if (result)
        unlink(making);
    free(making);
    return result;
}
