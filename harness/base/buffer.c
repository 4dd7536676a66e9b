#include "harness/base/buffer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void *tl_malloc(size_t size)
{
    void *p = malloc(size ? size : 1);
    if (!p)
        abort();
    return p;
}

void *tl_calloc(size_t n, size_t size)
{
    void *p = calloc(n ? n : 1, size ? size : 1);
    if (!p)
        abort();
    return p;
}

void *tl_realloc(void *old, size_t n, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(n, size, &bytes))
        abort();
    void *p = realloc(old, bytes ? bytes : 1);
    if (!p)
        abort();
    return p;
}

char *tl_strdup(const char *s)
{
    if (!s)
        return NULL;
    size_t n = strlen(s) + 1;
    return memcpy(tl_malloc(n), s, n);
}

static void reserve(struct tl_buffer *b, size_t more)
{
    size_t need;
    if (__builtin_add_overflow(b->size, more, &need) || __builtin_add_overflow(need, (size_t)1, &need))
        abort();
    if (need <= b->capacity)
        return;
    size_t cap = b->capacity ? b->capacity : 64;
    while (cap < need)
        cap = cap > (size_t)-1 / 2 ? need : cap * 2;
    b->data = tl_realloc(b->data, cap, 1);
    b->capacity = cap;
}

void tl_buffer_add(struct tl_buffer *b, const void *data, size_t size)
{
    reserve(b, size);
    if (size)
        memcpy(b->data + b->size, data, size);
    b->size += size;
    b->data[b->size] = '\0';
}

void tl_buffer_add_string(struct tl_buffer *b, const char *s)
{
    tl_buffer_add(b, s, strlen(s));
}

static void add_format(struct tl_buffer *b, const char *format, va_list ap)
    __attribute__((format(printf, 2, 0)));
static void add_format(struct tl_buffer *b, const char *format, va_list ap)
{
    va_list again;
    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, format, ap);
    if (n > 0) {
        reserve(b, (size_t)n);
        vsnprintf(b->data + b->size, (size_t)n + 1, format, again);
        b->size += (size_t)n;
    } else {
        reserve(b, 0);
        b->data[b->size] = '\0';
    }
    va_end(again);
}

void tl_buffer_printf(struct tl_buffer *b, const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    add_format(b, format, ap);
    va_end(ap);
}

void tl_buffer_drop_front(struct tl_buffer *b, size_t n)
{
    if (n > b->size)
        n = b->size;
    if (!n)
        return;
    memmove(b->data, b->data + n, b->size - n + 1);
    b->size -= n;
}

void tl_buffer_clear(struct tl_buffer *b)
{
    b->size = 0;
    if (b->data)
        b->data[0] = '\0';
}

char *tl_buffer_take(struct tl_buffer *b)
{
    reserve(b, 0);
    b->data[b->size] = '\0';
    char *s = b->data;
    *b = (struct tl_buffer)TL_BUFFER_INIT;
    return s;
}

void tl_buffer_free(struct tl_buffer *b)
{
    free(b->data);
    *b = (struct tl_buffer)TL_BUFFER_INIT;
}

char *tl_format(const char *format, ...)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    va_list ap;
    va_start(ap, format);
    add_format(&b, format, ap);
    va_end(ap);
    return tl_buffer_take(&b);
}

void tl_strings_free(char **list)
{
    for (size_t i = 0; list && list[i]; i++)
        free(list[i]);
    free(list);
}

bool tl_is_one_of(const char *text, const char *const *list, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!strcmp(text, list[i]))
            return true;
    return false;
}

int tl_by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* To its end, which may come after several pieces: it may be a pipe. */
static char *read_all(int fd, size_t most, size_t *size)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    char block[1 << 14];
    int err = 0;
    for (;;) {
        ssize_t n = read(fd, block, sizeof block);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            err = errno;
        if (n <= 0)
            break;
        if (b.size + (size_t)n > most) {
            err = EFBIG;
            break;
        }
        tl_buffer_add(&b, block, (size_t)n);
    }
    if (err) {
        tl_buffer_free(&b);
        errno = err;
        return NULL;
    }
    if (size)
        *size = b.size;
    return tl_buffer_take(&b);
}

char *tl_read_file(const char *path, size_t most, size_t *size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0)
        return NULL;
    char *text = read_all(fd, most, size);
    int why = errno;
    close(fd);
    errno = why;
    return text;
}

char *tl_read_input(size_t most, size_t *size)
{
    static bool taken;
    if (taken) {
        errno = EALREADY;
        return NULL;
    }
    taken = true;
    return read_all(STDIN_FILENO, most, size);
}
