/* The text that /usr/bin/sample prints. The fixture has the shape of published ones and invented content. */
#include "harness/crash_report/sample.h"

#include "harness/base/buffer.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static char *fixture(size_t *size)
{
    char *text = tl_read_file(FIXTURES "/sample.txt", TL_SAMPLE_MOST, size);
    cr_assert_not_null(text);
    return text;
}

static const char *function_of(const struct tl_thread *t, size_t frame)
{
    cr_assert_lt(frame, t->n_frames);
    return t->symbols[frame].n ? t->symbols[frame].symbols[0].function : "";
}

Test(sample, stacks)
{
    size_t size;
    char *text = fixture(&size);
    struct tl_capture c;
    struct tl_error e = {0};
    cr_assert_eq(tl_sample_parse(text, size, &c, &e), 0, "%s", e.why);
    free(text);
    cr_assert_eq(c.kind, TL_CAPTURE_HANG);
    cr_assert_str_eq(c.exe, "/opt/invented/bin/graphtool");
    cr_assert_eq(c.n_threads, 3);

    const struct tl_thread *t = &c.threads[0];
    cr_assert_eq(t->tid, 331472);
    cr_assert_eq(strncmp(t->name, "com.apple.main-thread", sizeof t->name - 1), 0, "%s", t->name);
    cr_assert_eq(t->n_frames, 4, "only the path that most samples took: %zu", t->n_frames);
    cr_assert_str_eq(function_of(t, 0), "__psynch_cvwait");
    cr_assert_str_eq(function_of(t, 1), "inv::Graph::wait(unsigned int)");
    cr_assert_str_eq(function_of(t, 2), "main");
    cr_assert_str_eq(function_of(t, 3), "start");
    cr_assert_str_eq(t->symbols[2].symbols[0].file, "main.c");
    cr_assert_eq(t->symbols[2].symbols[0].line, 31);
    cr_assert(t->frames[0].flags & TL_FRAME_FIRST);
    cr_assert_str_eq(c.modules[t->frames[1].module].path, "/opt/invented/lib/libinv 1.dylib");
    cr_assert_str_eq(c.modules[t->frames[1].module].build_id, "aaaaaaaacf4f3f8786897c673e90e595");
    cr_assert_eq(t->frames[1].offset, 0x18);
    cr_assert(*t->stack_id);

    t = &c.threads[1];
    cr_assert_str_eq(t->name, "Main Thread");
    cr_assert_eq(t->n_frames, 1);
    cr_assert_eq(t->symbols[0].n, 0, "a function without a name");
    cr_assert_eq(t->frames[0].offset, 0x740);

    t = &c.threads[2];
    cr_assert_str_eq(t->name, "loader");
    cr_assert_eq(t->n_frames, 2, "what comes after the graph is no part of it: %zu", t->n_frames);
    cr_assert_eq(t->frames[0].module, TL_NO_MODULE);
    cr_assert_eq(t->frames[0].offset, 0x7000);
    tl_capture_free(&c);
}

/* The same program loaded elsewhere has the same stack. */
Test(sample, stack_does_not_depend_on_where_it_was_loaded)
{
    static const char shape[] = "Call graph:\n 9 Thread_1\n   9 f  (in p) + 4  [0x%x004]\n\nBinary Images:\n"
                                " 0x%x000 - 0x%xfff p (0) <ABCDEF01-0000-0000-0000-000000000000> /p\n";
    char ids[2][TL_ID_SIZE];
    for (unsigned i = 0; i < 2; i++) {
        struct tl_capture c;
        unsigned at = 0x10 + i;
        char *text = tl_format(shape, at, at, at);
        cr_assert_eq(tl_sample_parse(text, strlen(text), &c, NULL), 0);
        memcpy(ids[i], c.threads[0].stack_id, sizeof ids[i]);
        tl_capture_free(&c);
        free(text);
    }
    cr_assert_str_eq(ids[0], ids[1]);
}

Test(sample, deep_stacks_keep_both_ends)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    struct tl_capture c;
    tl_buffer_add_string(&b, "Call graph:\n1 Thread_7\n");
    for (int i = 0; i < 2000; i++)
        tl_buffer_printf(&b, "%*s1 f%d  (in p) + 4  [0x%x]\n", i + 1, "", i, 0x1000 + i);
    cr_assert_eq(tl_sample_parse(b.data, b.size, &c, NULL), 0);
    const struct tl_thread *t = &c.threads[0];
    cr_assert_str_eq(function_of(t, 0), "f1999");
    cr_assert_str_eq(function_of(t, t->n_frames - 1), "f0");
    cr_assert_eq(t->n_frames + t->omitted, 2000);
    cr_assert_gt(t->omitted, 0);
    char *before = tl_format("f%zu", t->n_frames - t->omitted_at - 1);
    cr_assert_str_eq(function_of(t, t->omitted_at), before);
    free(before);
    tl_capture_free(&c);
    tl_buffer_free(&b);
}

Test(sample, not_a_sample)
{
    static const char *const texts[] = {
        "",
        "\n",
        "Call graph:",
        "Call graph:\n",
        "Call graph:\n    + ! : |",
        "Call graph:\n 12",
        "Call graph:\n 12 start (in dyld)\n",
        "Binary Images:\n 0x1 - 0x2 p <> /p\n",
        "sample cannot examine process 4242 because you do not have privileges"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct tl_capture c;
        struct tl_error e = {0};
        cr_assert_eq(tl_sample_parse(texts[i], strlen(texts[i]), &c, &e), -1, "%s", texts[i]);
        cr_assert_eq(e.kind, TL_ERROR_INPUT);
        cr_assert_null(c.threads);
    }
}

/* Every prefix, and every byte changed: nothing is read beyond the text (it ends where its allocation ends).
 */
Test(sample, damaged, .timeout = 20)
{
    size_t size;
    char *text = fixture(&size);
    for (size_t n = 0; n <= size; n++) {
        struct tl_capture c;
        char *cut = malloc(n ? n : 1);
        cr_assert_not_null(cut);
        memcpy(cut, text, n);
        if (!tl_sample_parse(cut, n, &c, NULL))
            tl_capture_free(&c);
        free(cut);
    }
    for (size_t i = 0; i < size; i++) {
        struct tl_capture c;
        char kept = text[i];
        text[i] = (char)("\n +0[]<9x-"[i % 10]);
        if (!tl_sample_parse(text, size, &c, NULL))
            tl_capture_free(&c);
        text[i] = kept;
    }
    free(text);
}
