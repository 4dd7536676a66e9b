/* Records that are larger than a message should be: they go before their record in parts, and the record says what they are.
 *
 * The parts are below the worker's own name, results.MACHINE.parts.SHA256.INDEX: nobody can put anything in their place, and no worker has to
 * be let publish files. They are kept as long as records are. */
#include "harness/base/buffer.h"
#include "harness/base/hash.h"
#include "harness/fleet/link/link_impl.h"
#include "harness/fleet/subjects.h"

#include <stdlib.h>
#include <string.h>

#define POINTER_MOST 1024 /* bytes of a record that says where it is */

static char *part_subject(const char *machine, const char *sha256, size_t index)
{
    return tl_format("results.%s.parts.%s.%zu", machine, sha256, index);
}

size_t tl_large_most(void)
{
    const char *text = getenv("TRAPLINE_FLEET_MESSAGE_BYTES");
    long n = text ? strtol(text, NULL, 10) : 0;
    return n > 0 && n < TL_FLEET_RECORD_MOST ? (size_t)n : TL_FLEET_RECORD_MOST;
}

static void hash_of(const char *data, size_t size, char hex[TL_SHA256_SIZE])
{
    struct tl_hash h;
    hex[0] = '\0';
    if (tl_hash_begin(&h))
        return;
    tl_hash_add(&h, data, size);
    tl_hash_end(&h, hex);
}

natsStatus tl_large_put(struct tl_connection *c, const char *job, const char *body, size_t size,
                        char **pointer)
{
    char sha[TL_SHA256_SIZE];
    natsStatus s = NATS_OK;
    *pointer = NULL;
    hash_of(body, size, sha);
    for (size_t i = 0; i * TL_FLEET_PART < size && !s; i++) {
        char *subject = part_subject(c->key.name, sha, i);
        size_t left = size - i * TL_FLEET_PART;
        jsErrCode code = 0;
        s = js_Publish(NULL, c->js, subject, body + i * TL_FLEET_PART,
                       (int)(left < TL_FLEET_PART ? left : TL_FLEET_PART), NULL, &code);
        free(subject);
    }
    if (!s)
        *pointer =
            tl_format("{\"trapline_record\":%d,\"job\":\"%s\",\"file\":{\"sha256\":\"%s\",\"size\":%zu}}",
                      TL_FLEET_PROTOCOL, job, sha, size);
    return s;
}

/* Where a record says that it is, if it says that. */
static bool read_pointer(const char *data, size_t size, char sha256[TL_SHA256_SIZE], size_t *whole)
{
    json_t *j = size <= POINTER_MOST ? json_loadb(data, size, JSON_REJECT_DUPLICATES, NULL) : NULL;
    const json_t *file = json_object_get(j, "file");
    const char *sha = json_string_value(json_object_get(file, "sha256"));
    json_int_t n = json_integer_value(json_object_get(file, "size"));
    bool is =
        sha && tl_is_token(sha) && strlen(sha) == TL_SHA256_SIZE - 1 && n > 0 && n <= TL_FRAME_BODY_MOST;
    if (is)
        memcpy(sha256, sha, TL_SHA256_SIZE);
    *whole = (size_t)n;
    json_decref(j);
    return is;
}

char *tl_large_get(struct tl_connection *c, const char *machine, const char *data, size_t size, size_t *whole)
{
    char sha[TL_SHA256_SIZE], is[TL_SHA256_SIZE];
    if (!read_pointer(data, size, sha, whole))
        return NULL;
    char *body = tl_malloc(*whole + 1);
    size_t done = 0;
    natsStatus s = NATS_OK;
    for (size_t i = 0; done < *whole && !s; i++) {
        char *subject = part_subject(machine, sha, i);
        natsMsg *part = NULL;
        jsDirectGetMsgOptions options;
        jsDirectGetMsgOptions_Init(&options);
        options.LastBySubject = subject;
        s = js_DirectGetMsg(&part, c->js, TL_FLEET_RESULTS, NULL, &options);
        size_t n = s ? 0 : (size_t)natsMsg_GetDataLength(part);
        if (!s && (!n || n > *whole - done))
            s = NATS_ERR;
        if (!s)
            memcpy(body + done, natsMsg_GetData(part), n);
        if (!s)
            tl_recorded_number(
                natsMsg_GetSequence(part)); /* they go with the record, which comes after them */
        done += s ? 0 : n;
        natsMsg_Destroy(part);
        free(subject);
    }
    body[done] = '\0';
    hash_of(body, done, is);
    if (!s && !strcmp(is, sha))
        return body;
    free(body);
    return NULL;
}
