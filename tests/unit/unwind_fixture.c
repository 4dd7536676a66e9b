#include "tests/unit/unwind_fixture.h"

#include "harness/base/buffer.h"
#include "harness/base/frame_text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct tl_unwinder *u;
struct tl_symboliser *s;

void unwind_setup(void)
{
    u = tl_unwinder_new();
    s = tl_symboliser_new();
}

void unwind_teardown(void)
{
    tl_unwinder_free(u);
    tl_symboliser_free(s);
}

void capture_path(const char *path, const char *mode, struct tl_capture *c)
{
    struct traced t;
    struct tl_error e;
    const char *argv[] = {path, mode, NULL};
    cr_assert_eq(traced_start(&t, argv, TRACED_CRASH), 0, "%s %s", path, mode);
    cr_assert_eq(traced_capture(&t, u, c, &e), 0, "%s: %s: %s", e.what, e.where, e.why);
    traced_end(&t);
    tl_symbolise(s, c);
}

void capture(const char *form, const char *mode, struct tl_capture *c)
{
    char path[512];
    snprintf(path, sizeof path, "%s/crash_%s", TARGETS, form);
    capture_path(path, mode, c);
}

const char *name_of(const struct tl_thread *t, size_t i)
{
    const struct tl_frame_symbols *y = &t->symbols[i];
    return y->n && y->symbols[y->n - 1].function ? y->symbols[y->n - 1].function : "?";
}

char *listing(const struct tl_capture *c, const struct tl_thread *t)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    for (size_t i = 0; i < t->n_frames && i < 60; i++) {
        char *text = tl_frame_text(c, t, i);
        tl_buffer_printf(&b, "\n  #%zu flags %u %s", i, t->frames[i].flags, text);
        free(text);
    }
    tl_buffer_printf(&b, "\n  truncated %d omitted %llu", t->truncated, (unsigned long long)t->omitted);
    return tl_buffer_take(&b);
}

size_t expect(const struct tl_capture *c, size_t thread, const char *const *names)
{
    const struct tl_thread *t = &c->threads[thread];
    size_t first = SIZE_MAX, at = 0;
    bool gap = false;
    char *text = listing(c, t);
    for (; *names; names++) {
        if (!strcmp(*names, "...")) {
            gap = true;
            continue;
        }
        while (gap && at < t->n_frames && strcmp(name_of(t, at), *names))
            at++;
        gap = false;
        cr_assert(at < t->n_frames && !strcmp(name_of(t, at), *names), "expected %s at %zu:%s", *names, at,
                  text);
        if (first == SIZE_MAX)
            first = at;
        at++;
    }
    cr_assert(!t->truncated, "truncated:%s", text);
    free(text);
    return first;
}
#define EXPECT(c, thread, ...) expect(c, thread, (const char *const[]){__VA_ARGS__, NULL})
