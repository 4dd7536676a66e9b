#include "harness/base/visible_stream.h"

#include "harness/base/buffer.h"
#include "harness/base/style.h"
#include "harness/base/utf8.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

struct visible {
    int fd, failed; /* the errno of the first write that failed */
    const FILE *stream;
    struct visible *next;
    char held[TL_STYLE_MARK +
              4]; /* the beginning of a character or a mark, of which the rest was not written yet */
    size_t n_held;
};

static struct visible *all_visible; /* a stream does not tell what it was made of */

/* How much of a text that was cut is to wait for what comes: less than a character. */
static size_t begun(const char *p, size_t left)
{
    const unsigned char first = (unsigned char)*p;
    size_t n = first >= 0xF0 && first < 0xF5 ? 4 : first >= 0xE0 ? 3 : first >= 0xC2 ? 2 : 1;
    if (first >= 0xF5 || left >= n)
        return 0;
    for (size_t i = 1; i < left; i++)
        if (((unsigned char)p[i] & 0xC0) != 0x80)
            return 0;
    return left;
}

static bool write_whole(struct visible *v, const char *data, size_t size)
{
    while (size) {
        ssize_t n = write(v->fd, data, size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            if (!v->failed)
                v->failed = n < 0 ? errno : EIO;
            return false;
        }
        data += n;
        size -= (size_t)n;
    }
    return true;
}

/* How many bytes are letters of ASCII and the like: of most texts all of a line, which need not be looked at one by one. */
static size_t plain(const char *p, size_t left)
{
    size_t n = 0;
    while (n < left && p[n] >= ' ' && p[n] <= '~')
        n++;
    return n;
}

static ssize_t write_visible(void *cookie, const char *data, size_t size)
{
    struct visible *v = cookie;
    struct tl_buffer in = TL_BUFFER_INIT, out = TL_BUFFER_INIT;
    size_t at = 0, wait = 0;
    tl_buffer_add(&in, v->held, v->n_held);
    tl_buffer_add(&in, data, size);
    while (at < in.size && !wait) {
        const char *p = in.data + at;
        const size_t left = in.size - at;
        enum tl_style style;
        unsigned code;
        size_t n = plain(p, left);
        if (n) {
            tl_buffer_add(&out, p, n);
            at += n;
            continue;
        }
        n = tl_utf8_decode(p, left, &code);
        int mark = *p == '\033' ? tl_style_marked(p, left, &style) : 0;
        if (mark > 0) {
            tl_buffer_add_string(&out, tl_style_sequence(style));
            n = (size_t)mark;
        } else if (mark < 0) {
            wait = left;
        } else if (n) {
            tl_add_visible_character(&out, p, n, code);
        } else if (!(wait = begun(p, left))) {
            tl_buffer_printf(&out, "\\x%02x", (unsigned char)*p);
            n = 1;
        }
        at += n;
    }
    v->n_held = wait;
    if (wait)
        memcpy(v->held, in.data + in.size - wait, wait);
    bool written = write_whole(v, out.data, out.size);
    tl_buffer_free(&in);
    tl_buffer_free(&out);
    return written ? (ssize_t)size : 0;
}

static int close_visible(void *cookie)
{
    struct visible *v = cookie;
    bool written = true;
    for (size_t i = 0; i < v->n_held && written; i++) {
        char spelled[8];
        int n = snprintf(spelled, sizeof spelled, "\\x%02x", (unsigned char)v->held[i]);
        written = write_whole(v, spelled, (size_t)n);
    }
    struct visible **at = &all_visible;
    while (*at != v)
        at = &(*at)->next;
    *at = v->next;
    free(v);
    return written ? 0 : -1;
}

#ifdef __APPLE__
static int write_some(void *cookie, const char *data, int size)
{
    return write_visible(cookie, data, (size_t)size) > 0 ? size : -1;
}
#endif

FILE *tl_visible_stream(int fd)
{
    struct visible *v = tl_calloc(1, sizeof *v);
    v->fd = fd;
#ifdef __APPLE__
    FILE *f = funopen(v, NULL, write_some, NULL, close_visible);
#else
    FILE *f = fopencookie(v, "w", (cookie_io_functions_t){.write = write_visible, .close = close_visible});
#endif
    if (!f) {
        free(v);
        return NULL;
    }
    v->stream = f;
    v->next = all_visible;
    all_visible = v;
    return f;
}

int tl_visible_error(const FILE *f)
{
    const struct visible *v = all_visible;
    while (v && v->stream != f)
        v = v->next;
    return v ? v->failed : 0;
}
