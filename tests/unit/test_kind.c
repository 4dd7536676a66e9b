/* What failures at different places have in common, and when their stacks share one. */
#include "harness/verdict/kind.h"

#include "harness/base/buffer.h"
#include "harness/verdict/common_frame.h"

#include <criterion/criterion.h>
#include <jansson.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

static struct tl_trial_record failed(enum tl_outcome outcome, int signal, const char *message)
{
    return (struct tl_trial_record){
        .outcome = outcome, .phase = TL_PHASE_EXECUTE, .signal = signal, .message = (char *)message};
}

/* As the search compares them, by text, and as pairs: both ways round. */
static bool same(struct tl_trial_record a, struct tl_trial_record b)
{
    bool forth = tl_failure_same_kind(&a, &b);
    cr_expect_eq(forth, tl_failure_same_kind(&b, &a));
    char *x = tl_failure_kind(&a), *y = tl_failure_kind(&b);
    if (a.message && *a.message && b.message && *b.message)
        cr_expect_eq(forth, x && y && !strcmp(x, y), "%s and %s", x, y);
    free(x);
    free(y);
    return forth;
}

Test(kind, crashes)
{
    struct tl_trial_record later = failed(TL_OUTCOME_CRASH, SIGSEGV, NULL);
    later.phase = TL_PHASE_DONE;
    cr_expect(same(failed(TL_OUTCOME_CRASH, SIGABRT, "Check failed: a > 0"),
                   failed(TL_OUTCOME_CRASH, SIGABRT, "index out of range")),
              "the wording changes between builds");
    cr_expect(same(failed(TL_OUTCOME_CRASH, SIGABRT, "Check failed: a > 0"),
                   failed(TL_OUTCOME_CRASH, SIGABRT, NULL)));
    cr_expect_not(same(failed(TL_OUTCOME_CRASH, SIGFPE, NULL), failed(TL_OUTCOME_CRASH, SIGSEGV, NULL)));
    cr_expect_not(same(failed(TL_OUTCOME_CRASH, SIGSEGV, NULL), later));
    cr_expect_not(same(failed(TL_OUTCOME_CRASH, 0, NULL), failed(TL_OUTCOME_HANG, 0, NULL)));
}

Test(kind, errors)
{
    struct tl_trial_record a = failed(TL_OUTCOME_ERROR, 0, "node 17 has no kernel"), b = a;
    a.error_code = (char *)"9";
    b.error_domain = (char *)"onnxruntime";
    b.error_code = (char *)"1";
    b.message = (char *)"node 4 has no kernel";
    cr_expect(same(a, b), "the same text with another code and number");
    cr_expect_not(same(a, failed(TL_OUTCOME_ERROR, 0, "type mismatch")));
    cr_expect(same(a, failed(TL_OUTCOME_ERROR, 0, NULL)), "what is missing is unknown");
    cr_expect(same(a, failed(TL_OUTCOME_ERROR, 0, "")), "an empty text is missing");
}

/* Where in a runtime's source an error is said moves from build to build. */
#define WHILE_CONCAT(name)                                                                                   \
    "Non-zero status code returned while running Concat node. Name:'" name "' Status Message: "
#define NOT_ALIKE "Non concat axis dimensions must match: Axis 0 has mismatched dimensions of "

Test(kind, places_in_sources)
{
    static const char *const said[] = {
        WHILE_CONCAT("n1") "concat.cc:154 PrepareForCompute " NOT_ALIKE "1 and 2",
        WHILE_CONCAT("v") "/src/core/concatbase.h:133 PrepareForComputeImpl " NOT_ALIKE "3 and 2",
        WHILE_CONCAT("n1") "concat.cc:154 Compute " NOT_ALIKE "1 and 2"};
    for (size_t i = 1; i < TL_COUNT(said); i++)
        cr_expect(same(failed(TL_OUTCOME_ERROR, 0, said[0]), failed(TL_OUTCOME_ERROR, 0, said[i])), "%s",
                  said[i]);
    static const char *const others[] = {"a.cc:1 Get tensor is missing",
                                         "a.cc:1 Put tensor is missing",
                                         "a.cc:1 PutIt Axis is missing",
                                         "model.py:12",
                                         "b.py",
                                         "c.py"};
    for (size_t i = 0; i < TL_COUNT(others); i++)
        for (size_t k = 0; k < i; k++)
            cr_expect_not(
                same(failed(TL_OUTCOME_ERROR, 0, others[i]), failed(TL_OUTCOME_ERROR, 0, others[k])),
                "%s and %s", others[i], others[k]);
}

/* The number of a layer is part of a name, and no other kind of failure. */
Test(kind, digits_within_words)
{
    cr_expect(same(failed(TL_OUTCOME_ERROR, 0, "no input l1_cast_twofor node: l0_Mul/Fusion"),
                   failed(TL_OUTCOME_ERROR, 0, "no input l12_cast_twofor node: l3_Mul/Fusion")));
    cr_expect_not(same(failed(TL_OUTCOME_ERROR, 0, "no input l1_cast"),
                       failed(TL_OUTCOME_ERROR, 0, "no output l1_cast")));
}

/* The function that wrote an error is a place, and is spelled otherwise by another compiler or after a move. */
Test(kind, functions_in_errors)
{
    static const char *const same_text[] = {
        "nlp::Locale::Locale(const string&)::<lambda()> cannot make the locale xx",
        "onnx::nlp::Strings::Locale(const std::string&) cannot make the locale xx",
        "T onnx::Make(T) [with T = std::pair<int (*)(), long int>] cannot make the locale xx",
        "ns::Class::call(const f::Map<a, b(c)>&) const cannot make the locale xx",
    };
    char *first = NULL;
    for (size_t i = 0; i < TL_COUNT(same_text); i++) {
        struct tl_trial_record r = failed(TL_OUTCOME_ERROR, 0, same_text[i]);
        char *kind = tl_failure_kind(&r);
        cr_expect_not_null(strstr(kind, "cannot make the locale xx"), "%s", kind);
        cr_expect_null(strstr(kind, "ocale("), "%s", kind);
        free(i == 0 ? NULL : first);
        first = kind;
    }
    free(first);
    cr_expect(same(failed(TL_OUTCOME_ERROR, 0, same_text[0]), failed(TL_OUTCOME_ERROR, 0, same_text[1])));
    cr_expect_not(same(failed(TL_OUTCOME_ERROR, 0, "a::f(int) no room"),
                       failed(TL_OUTCOME_ERROR, 0, "a::f(int) no time")));
    cr_expect_not(same(failed(TL_OUTCOME_ERROR, 0, "a::f(int)"), failed(TL_OUTCOME_ERROR, 0, "a::g(int)")),
                  "there is nothing else to tell them by");
    cr_expect_not(same(failed(TL_OUTCOME_ERROR, 0, "bad call a::f(int no end"),
                       failed(TL_OUTCOME_ERROR, 0, "bad call")));
}

static struct tl_trial_record wrong(const char *output, const char *how)
{
    struct tl_trial_record r = failed(TL_OUTCOME_WRONG, 0, "not what the reference says");
    r.result = how ? json_pack("{s:{s:s,s:s}}", "reference", "output", output, "how", how)
                   : json_pack("{s:[{s:s,s:b}]}", "outputs", "name", output, "finite", 0);
    return r;
}

Test(kind, wrong_results)
{
    static const struct {
        const char *output, *how, *kind;
    } rows[] = {{"y", "missing", "missing output"},   {"zero_point", "unexpected", "missing output"},
                {"missing", "type", "type or shape"}, {"y", "shape", "type or shape"},
                {"y", "not finite", "not finite"},    {"z", NULL, "not finite"},
                {"y", "all zero", "all zero"},        {"zero_shape", "differs", "differs"}};
    for (size_t i = 0; i < TL_COUNT(rows); i++)
        for (size_t k = 0; k < TL_COUNT(rows); k++) {
            struct tl_trial_record a = wrong(rows[i].output, rows[i].how),
                                   b = wrong(rows[k].output, rows[k].how);
            cr_expect_eq(same(a, b), !strcmp(rows[i].kind, rows[k].kind), "%zu and %zu", i, k);
            json_decref(a.result);
            json_decref(b.result);
        }
}

Test(kind, what_is_no_failure_has_none)
{
    struct tl_trial_record r = failed(TL_OUTCOME_PASS, 0, NULL);
    cr_expect_null(tl_failure_kind(&r));
    cr_expect_not(tl_failure_same_kind(&r, &r));
}

#define FRAMES 4

struct crash {
    struct tl_module module;
    struct tl_frame frames[FRAMES];
    struct tl_thread thread;
    struct tl_capture capture;
    struct tl_trial_record record;
};

/* A crash whose functions start at these places, innermost first. */
static void make(struct crash *c, const uint64_t starts[FRAMES])
{
    memset(c, 0, sizeof *c);
    c->module = (struct tl_module){.path = (char *)"/lib/libruntime.so", .build_id = "aa"};
    for (size_t i = 0; i < FRAMES && starts[i]; i++)
        c->frames[c->thread.n_frames++] = (struct tl_frame){.start = starts[i], .offset = starts[i] + 1};
    c->thread.frames = c->frames;
    c->thread.crashed = true;
    c->capture = (struct tl_capture){.signal = SIGFPE, .n_modules = 1, .n_threads = 1};
    c->capture.modules = &c->module;
    c->capture.threads = &c->thread;
    c->record = failed(TL_OUTCOME_CRASH, SIGFPE, NULL);
    c->record.n_captures = 1;
    c->record.captures = &c->capture;
}

static bool shares(const uint64_t x[FRAMES], const uint64_t y[FRAMES])
{
    struct crash a, b;
    make(&a, x);
    make(&b, y);
    bool forth = tl_failure_shares_place(&a.record, &b.record);
    cr_expect_eq(forth, tl_failure_shares_place(&b.record, &a.record));
    return forth;
}

Test(kind, shares_place)
{
    static const uint64_t a[FRAMES] = {0x1000, 0x9000, 0x9100}, sibling[FRAMES] = {0x2000, 0x9000, 0x9100},
                          deeper[FRAMES] = {0x3000, 0x1000, 0x9000}, one[FRAMES] = {0x1000, 0x9000},
                          two[FRAMES] = {0x2000, 0x9000}, far[FRAMES] = {0x4000, 0x5000, 0x9000},
                          none[FRAMES] = {0};
    cr_expect(shares(a, a));
    cr_expect(shares(a, sibling), "two kernels that one function called");
    cr_expect(shares(a, deeper), "something that the function called");
    cr_expect_not(shares(one, two), "what the outermost function called: everything is called from there");
    cr_expect(shares(one, one));
    cr_expect_not(shares(a, far), "only what is further out is the same");
    cr_expect_not(shares(a, none), "a missing stack shows nothing");
    cr_expect_not(shares(none, none));
}

/* What is common to all stacks, and how far from each fault. */
Test(kind, common_frame)
{
    static const uint64_t stacks[][FRAMES] = {{0x1000, 0x9000, 0x9100},
                                              {0x2000, 0x9000, 0x9100},
                                              {0x3000, 0x3100, 0x9000, 0x9100},
                                              {0x5000, 0x9100}};
    struct crash crashes[4];
    const struct tl_trial_record *records[4];
    size_t distance[4];
    for (size_t i = 0; i < 4; i++) {
        make(&crashes[i], stacks[i]);
        records[i] = &crashes[i].record;
    }
    char *frame = tl_failure_common_frame(records, 3, distance);
    cr_assert_str_eq(frame, "libruntime.so!+0x9000");
    cr_expect(distance[0] == 1 && distance[1] == 1 && distance[2] == 2);
    free(frame);
    frame = tl_failure_common_frame(records, 4, distance);
    cr_assert_str_eq(frame, "libruntime.so!+0x9100");
    cr_expect(distance[0] == 2 && distance[2] == 3 && distance[3] == 1);
    free(frame);
    /* Nothing in common, a stack that is missing, and no failure at all. */
    static const uint64_t apart[FRAMES] = {0x7000}, none[FRAMES] = {0};
    make(&crashes[1], apart);
    cr_expect_null(tl_failure_common_frame(records, 3, distance));
    make(&crashes[1], none);
    cr_expect_null(tl_failure_common_frame(records, 3, distance));
    cr_expect_null(tl_failure_common_frame(records, 0, distance));
}
