#include "harness/fleet/frame.h"

#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define LENGTHS 8

static void put32(unsigned char *to, uint32_t n)
{
    for (int i = 0; i < 4; i++)
        to[i] = (unsigned char)(n >> 8 * i);
}

static uint32_t get32(const unsigned char *from)
{
    uint32_t n = 0;
    for (int i = 0; i < 4; i++)
        n |= (uint32_t)from[i] << 8 * i;
    return n;
}

void tl_frame_in_free(struct tl_frame_in *f)
{
    json_decref(f->head);
    free(f->body);
    *f = (struct tl_frame_in){0};
}

static int send_all(int fd, const char *data, size_t size)
{
    while (size) {
        ssize_t n = send(fd, data, size, MSG_NOSIGNAL);
        struct pollfd p = {.fd = fd, .events = POLLOUT};
        if (n < 0 && errno == EAGAIN)
            poll(&p, 1, -1);
        else if (n < 0 && errno != EINTR)
            return -1;
        else if (n > 0) {
            data += n;
            size -= (size_t)n;
        }
    }
    return 0;
}

int tl_frame_add(struct tl_buffer *b, json_t *head, const void *body, size_t size)
{
    unsigned char lengths[LENGTHS];
    char *text = head ? json_dumps(head, JSON_COMPACT) : NULL;
    json_decref(head);
    size_t n = text ? strlen(text) : 0;
    if (!text || n > TL_FRAME_HEAD_MOST || size > TL_FRAME_BODY_MOST) {
        free(text);
        errno = EMSGSIZE;
        return -1;
    }
    put32(lengths, (uint32_t)n);
    put32(lengths + 4, (uint32_t)size);
    tl_buffer_add(b, lengths, sizeof lengths);
    tl_buffer_add(b, text, n);
    if (size)
        tl_buffer_add(b, body, size);
    free(text);
    return 0;
}

int tl_frame_flush(int fd, struct tl_buffer *out)
{
    while (out->size) {
        ssize_t n = send(fd, out->data, out->size, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0 && errno == EAGAIN)
            return 0;
        if (n < 0 && errno != EINTR)
            return -1;
        if (n > 0)
            tl_buffer_drop_front(out, (size_t)n);
    }
    return 0;
}

int tl_frame_send(int fd, json_t *head, const void *body, size_t size)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    int result = tl_frame_add(&b, head, body, size) || send_all(fd, b.data, b.size) ? -1 : 0;
    int err = errno;
    tl_buffer_free(&b);
    errno = err;
    return result;
}

/* 1: a whole one was there. */
static int take(struct tl_frame_reader *r, struct tl_frame_in *f)
{
    if (r->b.size < LENGTHS)
        return 0;
    const unsigned char *lengths = (const unsigned char *)r->b.data;
    size_t head = get32(lengths), body = get32(lengths + 4);
    if (head > TL_FRAME_HEAD_MOST || body > TL_FRAME_BODY_MOST) {
        errno = EMSGSIZE;
        return -1;
    }
    if (r->b.size < LENGTHS + head + body)
        return 0;
    f->head = json_loadb(r->b.data + LENGTHS, head, 0, NULL);
    if (!json_is_object(f->head)) {
        json_decref(f->head);
        errno = EBADMSG;
        return -1;
    }
    f->body = tl_malloc(body + 1);
    memcpy(f->body, r->b.data + LENGTHS + head, body);
    f->body[body] = '\0';
    f->size = body;
    tl_buffer_drop_front(&r->b, LENGTHS + head + body);
    return 1;
}

int tl_frame_next(struct tl_frame_reader *r, int wait_ms, struct tl_frame_in *f)
{
    char part[64 << 10];
    *f = (struct tl_frame_in){0};
    for (;;) {
        int result = take(r, f);
        if (result)
            return result;
        struct pollfd p = {.fd = r->fd, .events = POLLIN};
        int ready = poll(&p, 1, wait_ms);
        if (ready < 0 && errno == EINTR && wait_ms >= 0)
            return 0;
        if (ready < 0 && errno != EINTR)
            return -1;
        if (!ready)
            return 0;
        if (ready < 0)
            continue;
        ssize_t n = recv(r->fd, part, sizeof part, 0);
        if (n > 0) {
            tl_buffer_add(&r->b, part, (size_t)n);
        } else if (n == 0 || (errno != EINTR && errno != EAGAIN)) {
            errno = n == 0 ? 0 : errno;
            return -1;
        }
    }
}

void tl_frame_reader_free(struct tl_frame_reader *r)
{
    tl_buffer_free(&r->b);
}

json_t *tl_frame_error(const struct tl_error *e)
{
    /* Texts of a server are part of it, and may be anything. */
    return json_pack("{s:i,s:s%,s:s%,s:s%}", "kind", (int)e->kind, "what", e->what, strlen(e->what), "where",
                     e->where, strlen(e->where), "why", e->why, strlen(e->why));
}

void tl_frame_take_error(const json_t *j, struct tl_error *e)
{
    const char *what = json_string_value(json_object_get(j, "what")),
               *where = json_string_value(json_object_get(j, "where")),
               *why = json_string_value(json_object_get(j, "why"));
    json_int_t kind = json_integer_value(json_object_get(j, "kind"));
    tl_fail(e,
            kind >= TL_ERROR_INPUT && kind <= TL_ERROR_INTERRUPTED ? (enum tl_error_kind)kind
                                                                   : TL_ERROR_ENVIRONMENT,
            what && *what ? what : "the connection to the fleet failed", where, "%s",
            why && *why ? why : "no reason was given");
}
