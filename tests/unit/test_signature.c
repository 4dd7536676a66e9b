/* Titles and identities of failures: what must make them equal, and what must tell them apart. */

#include "harness/base/buffer.h"
#include "harness/verdict/signature.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RUNNER "/opt/trapline/runner"
#define RUNTIME "/opt/rt/libruntime.so.1.22.0"
#define LIBC "/lib/libc.so.6"

/* A stack as text, innermost first, one frame a line: MODULE FUNCTION, where MODULE is r(untime), c (libc),
 * x (runner), - (none) and FUNCTION is a name or +OFFSET of the function's start (no symbol). A '?' before
 * the module marks a guessed frame, '!' a wild one, '*' the frame that a signal interrupted. */
static void add_thread(struct tl_capture *c, int tid, bool crashed, const char *stack, uint64_t shift)
{
    c->threads = tl_realloc(c->threads, c->n_threads + 1, sizeof *c->threads);
    struct tl_thread *t = &c->threads[c->n_threads++];
    *t = (struct tl_thread){.pid = 100, .tid = tid, .crashed = crashed};
    while (*stack) {
        t->frames = tl_realloc(t->frames, t->n_frames + 1, sizeof *t->frames);
        t->symbols = tl_realloc(t->symbols, t->n_frames + 1, sizeof *t->symbols);
        struct tl_frame *f = &t->frames[t->n_frames];
        struct tl_frame_symbols *s = &t->symbols[t->n_frames++];
        *f = (struct tl_frame){0};
        *s = (struct tl_frame_symbols){0};
        for (;; stack++) {
            if (*stack == '?')
                f->flags |= TL_FRAME_GUESSED;
            else if (*stack == '!')
                f->flags |= TL_FRAME_WILD;
            else if (*stack == '*')
                f->flags |= TL_FRAME_SIGNAL;
            else
                break;
        }
        const char *at = strchr("xrc", *stack);
        f->module = at ? (uint32_t)(at - "xrc") : TL_NO_MODULE;
        stack += 2;
        size_t n = strcspn(stack, "\n");
        f->offset = 0x5000 + shift;
        if (*stack == '+') {
            f->start = strtoull(stack + 1, NULL, 16);
            f->offset = f->start + 0x10 + shift % 16;
        } else {
            s->symbols = tl_calloc(1, sizeof *s->symbols);
            s->symbols[0].function = tl_format("%.*s", (int)n, stack);
            s->symbols[0].line = (int)shift;
            s->n = 1;
        }
        stack += n;
        stack += *stack == '\n';
    }
}

static struct tl_capture *add_capture(struct tl_trial_record *r, int signal, uint64_t shift)
{
    r->captures = tl_realloc(r->captures, r->n_captures + 1, sizeof *r->captures);
    struct tl_capture *c = &r->captures[r->n_captures++];
    *c = (struct tl_capture){
        .pid = 100, .tid = 100, .signal = signal, .is_main = true, .fatal = true, .si_code = 1};
    c->exe = tl_strdup(RUNNER);
    c->n_modules = 3;
    c->modules = tl_calloc(3, sizeof *c->modules);
    static const char *const paths[] = {RUNNER, RUNTIME, LIBC};
    for (size_t i = 0; i < 3; i++) {
        c->modules[i].path = tl_strdup(paths[i]);
        c->modules[i].base = 0x7f0000000000u + i * 0x100000000u + shift * 0x1000;
    }
    return c;
}

/* A crash at `execute` with one stack. shift moves addresses and line numbers. */
static struct tl_trial_record crash(int signal, const char *message, const char *stack, uint64_t shift)
{
    struct tl_trial_record r = {.outcome = TL_OUTCOME_CRASH, .phase = TL_PHASE_EXECUTE, .signal = signal};
    r.exit_status = -1;
    r.message = tl_strdup(message);
    if (stack)
        add_thread(add_capture(&r, signal, shift), 100, true, stack, shift);
    tl_signature_make(&r);
    return r;
}

static void title_is(struct tl_trial_record r, const char *title)
{
    cr_assert_str_eq(r.signature.title, title, "got: %s\nnot: %s", r.signature.title, title);
    cr_assert_eq(strlen(r.signature.id), 32);
    tl_trial_record_free(&r);
}

static void coarse_is(struct tl_trial_record r, const char *title)
{
    cr_assert_str_eq(r.signature.coarse_title, title, "got: %s\nnot: %s", r.signature.coarse_title, title);
    tl_trial_record_free(&r);
}

/* Bit 1: the ids agree; bit 2: the coarse ids agree. */
static int agreement(struct tl_trial_record a, struct tl_trial_record b)
{
    int same = (strcmp(a.signature.id, b.signature.id) ? 0 : 1) |
               (strcmp(a.signature.coarse_id, b.signature.coarse_id) ? 0 : 2);
    tl_trial_record_free(&a);
    tl_trial_record_free(&b);
    return same;
}

/* ---- titles of crashes ---- */

/* names: innermost first, of what was inlined into the first frame; '+' before those of another unit than their caller. */
static struct tl_trial_record with_inlined(const char *const *names, size_t n)
{
    struct tl_trial_record r = crash(SIGSEGV, NULL, "r outer\nr Run\nx main", 0);
    struct tl_frame_symbols *s = &r.captures[0].threads[0].symbols[0];
    s->symbols = tl_realloc(s->symbols, n + 1, sizeof *s->symbols);
    s->symbols[n] = s->symbols[0];
    for (size_t i = 0; i < n; i++)
        s->symbols[i] = (struct tl_symbol){.function = tl_strdup(names[i] + (names[i][0] == '+')),
                                           .inlined = true,
                                           .apart = names[i][0] == '+'};
    s->n = n + 1;
    tl_signature_make(&r);
    return r;
}

Test(title, functions_that_only_link_time_optimisation_inlines)
{
    static const char *const near[] = {"store", "helper"}, *const apart[] = {"store", "+helper"},
                             *const wraps[] = {"+std::vector<int>::at(int)", "+core::ptr::write", "+helper"},
                             *const many[] = {"+a", "+b", "+c", "+d", "+e"};
    title_is(with_inlined(near, 2), "outer ← Run");
    title_is(with_inlined(apart, 2), "helper ← outer ← Run");
    title_is(with_inlined(wraps, 3), "helper ← outer ← Run");
    title_is(with_inlined(many, 5), "a ← b ← c");
    coarse_is(with_inlined(apart, 2), "outer ← Run");
}

Test(title, frames_of_the_runtime)
{
    title_is(
        crash(SIGSEGV, NULL,
              "r ns::kernel<float>(int)\nr ns::run(void*)\nr OrtRun\nr Outer\nx main\nc __libc_start_main",
              0),
        "ns::kernel ← ns::run ← OrtRun");
    title_is(crash(SIGSEGV, NULL,
                   "c __memmove_avx_unaligned_erms\nr copy\nx trial\nx main\nc __libc_start_call_main", 0),
             "memmove ← copy");
    title_is(crash(SIGSEGV, NULL, "x callback\nr apply\nx main", 0), "apply");
    title_is(crash(SIGTRAP, NULL, "r trap_here\nr f\nc start_thread\nc clone3", 0), "trap_here ← f");
}

Test(title, stripped_modules_by_start_of_function)
{
    title_is(crash(SIGSEGV, NULL, "r +1a2b0\nr +2000\nx main", 7),
             "libruntime.so!+0x1a2b0 ← libruntime.so!+0x2000");
    coarse_is(crash(SIGSEGV, NULL, "r +1a2b0\nr +2000\nr OrtRun\nx main", 7), "libruntime.so ← OrtRun");
}

Test(title, abort_path_is_skipped)
{
    title_is(
        crash(
            SIGABRT, NULL,
            "c __pthread_kill_implementation\nc raise\nc abort\nr ns::fail(char const*)\nr ns::check\nx main",
            0),
        "ns::fail ← ns::check");
    title_is(crash(SIGABRT, NULL,
                   "c gsignal\nc abort\nc __gnu_cxx::__verbose_terminate_handler()\nc std::terminate()\nc "
                   "__cxa_throw\nr parse\nx main",
                   0),
             "parse");
    title_is(crash(SIGABRT, NULL, "c +100\nc +200\nr parse\nx main", 0), "parse");
    title_is(crash(SIGABRT, NULL,
                   "r core::panicking::panic_fmt::h0123456789abcdef\nr app::f::h0123456789abcdef\nx main", 0),
             "app::f");
}

Test(title, a_runtime_linked_into_the_runner)
{
    title_is(crash(SIGSEGV, NULL,
                   "x kernel\nx execute\nx main\nc __libc_start_call_main\nc __libc_start_main\nx _start", 0),
             "kernel ← execute ← main");
    title_is(crash(SIGABRT, NULL, "c raise\nc abort\nx check\nx main", 0), "check ← main");
    title_is(crash(SIGSEGV, NULL, "c strlen\nx f\nx main\nc __libc_start_main", 0), "strlen ← f ← main");
}

Test(title, handler_of_the_runtime_is_left_out)
{
    title_is(
        crash(SIGABRT, NULL, "c raise\nc abort\nr handler\nc __restore_rt\n*r broken\nr caller\nx main", 0),
        "broken ← caller");
    title_is(crash(SIGSEGV, NULL, "r handler\nc __restore_rt\n*r interrupted\nx main", 0),
             "handler ← interrupted");
}

Test(title, wild_and_smashed)
{
    title_is(crash(SIGSEGV, NULL, "!- +0\nr dispatch\nr run\nx main", 0),
             "jump to a wild address from dispatch ← run");
    title_is(crash(SIGSEGV, NULL, "!- +4141414141\n?r victim\n?r old\n?x main", 0),
             "jump to a wild address from victim");
    title_is(crash(SIGSEGV, NULL, "!- +41", 3), "jump to a wild address");
    title_is(crash(SIGSEGV, NULL, "r top\n?r stale\n?r older", 0), "top");
    title_is(crash(SIGSEGV, NULL, "- +7f00\n- +7f80\nr jit_entry\nx main", 0), "generated code ← jit_entry");
}

Test(title, recursion_of_any_depth_is_one_frame)
{
    title_is(crash(SIGSEGV, NULL, "r leaf\nr visit\nr visit\nr visit\nr top\nx main", 0),
             "leaf ← visit ← top");
}

Test(title, no_stack)
{
    title_is(crash(SIGSEGV, NULL, NULL, 0), "SIGSEGV without a stack");
    title_is(crash(SIGABRT, "abort() called", NULL, 0), "SIGABRT without a stack");
}

Test(title, messages)
{
    title_is(crash(SIGABRT, "graph.c:112: build: Assertion `n > 0' failed.", "c abort\nr build\nx main", 0),
             "graph.c: build: Assertion `n > <n>' failed.");
    title_is(crash(SIGABRT, "Aborted", "c abort\nr build\nx main", 0), "build");
    title_is(crash(SIGTRAP, "a.swift:3: Fatal error: Index out of range", "r f", 0),
             "a.swift: Fatal error: Index out of range");
    title_is(crash(SIGABRT, "*** stack smashing detected ***: terminated",
                   "c abort\nc __stack_chk_fail\nr copy_in\nx main", 0),
             "*** stack smashing detected ***: terminated in copy_in");
    title_is(crash(SIGSEGV, "ValueError: caught long before", "r f\nx main", 0), "f");
    title_is(crash(SIGSEGV, "LLVM ERROR: no", NULL, 0), "LLVM ERROR: no");
}

Test(title, one_clean_bounded_line)
{
    char *message =
        tl_format("Assertion failed: %0300d \xff\n\xe2\x80\xae %s", 0,
                  "éééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééé"
                  "éééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééé");
    struct tl_trial_record r = crash(SIGABRT, message, NULL, 0);
    free(message);
    cr_assert_leq(strlen(r.signature.title), 400);
    cr_assert_null(strpbrk(r.signature.title, "\n\xff"));
    tl_trial_record_free(&r);
    r = crash(SIGSEGV, NULL, "r evil\x01\xff\033[31mname\xc0\x80\nx main", 0);
    cr_assert_null(strpbrk(r.signature.title, "\x01\xff\033\xc0\x80"), "%s", r.signature.title);
    tl_trial_record_free(&r);
}

/* Of a long title the words of its assertion are kept, wherever they stand. */
Test(title, words_of_an_assertion_stay)
{
    static const char words[] = "Error occurred when loading ANE module", *const marks[] = {
                                                                              "failed assertion `",
                                                                              "Assertion `",
                                                                              "Assertion failed: (",
                                                                              "Fatal error: "};
    for (size_t i = 0; i < TL_COUNT(marks); i++)
        for (size_t before = 0; before < 900; before += 60)
            for (size_t behind = 0; behind < 900; behind += 300) {
                struct tl_buffer b = TL_BUFFER_INIT;
                tl_buffer_add_string(&b, "cause");
                while (b.size < before)
                    tl_buffer_add_string(&b, " wörd");
                tl_buffer_printf(&b, " (M.mm: %s%s", marks[i], words);
                for (size_t n = b.size; b.size < n + behind;)
                    tl_buffer_add_string(&b, " möre");
                struct tl_trial_record r = crash(SIGABRT, b.data, NULL, 0);
                const char *title = r.signature.title;
                cr_expect(strstr(title, words) && !strncmp(title, "cause", 5), "%s", title);
                cr_expect_leq(strlen(title), 400);
                tl_trial_record_free(&r);
                tl_buffer_free(&b);
            }
}

/* ---- names belong to modules ---- */

/* The title of a fault in a function of that name, which the program has itself. */
static void is_named(char module, const char *name, bool linked)
{
    char *stack = tl_format("%c %s\n%c stage\n%c main\n%s", module, name, module, module,
                            linked ? "x __libc_start_call_main\nx __libc_start_main\nx _start"
                                   : "c __libc_start_call_main\nc __libc_start_main\nx _start");
    struct tl_trial_record r = crash(SIGSEGV, NULL, NULL, 0);
    struct tl_capture *c = add_capture(&r, SIGSEGV, 0);
    if (linked)
        c->n_modules = 2; /* no libc: it is part of the program */
    add_thread(c, 100, true, stack, 0);
    free(stack);
    tl_signature_make(&r);
    c->n_modules = 3;
    char *title = tl_format("%s ← stage ← main", name);
    title_is(r, title);
    free(title);
}

Test(owners, a_name_of_the_system_is_anybodys_elsewhere)
{
    static const char *const names[] = {"start_thread",
                                        "assert",
                                        "asanyarray",
                                        "start",
                                        "int_free_all",
                                        "raise",
                                        "abort",
                                        "clone",
                                        "gsignal",
                                        "tcache_lookup",
                                        "malloc_consolidate",
                                        "sysmalloc",
                                        "sanitizer_run",
                                        "interceptor_loop",
                                        "tsan_queue",
                                        "Unwind_stack",
                                        "cxa_throw",
                                        "rust_panics",
                                        "rust_panic",
                                        "SignalHandler",
                                        "faulthandler_run",
                                        "objc_terminate",
                                        "swift_reportError",
                                        "assertionFailure",
                                        "dispatch_sync_fast",
                                        "pthread_start",
                                        "dyld_restart",
                                        "thread_proxy_run",
                                        "execute_native_thread_routine",
                                        "my::raise",
                                        "logging::LogMessage::Flush",
                                        "libc_start_main_loop",
                                        "abort_message",
                                        "PROCAbort",
                                        "main_trampoline"};
    for (size_t i = 0; i < TL_COUNT(names); i++)
        for (int linked = 0; linked < 2; linked++) {
            is_named('x', names[i], linked);
            if (!linked)
                is_named('r', names[i], linked);
        }
}

Test(owners, a_libc_that_is_part_of_the_program)
{
    struct tl_trial_record r = crash(SIGABRT, NULL,
                                     "x __pthread_kill_implementation\nx raise\nx abort\nx check\nx main\n"
                                     "x __libc_start_call_main\nx __libc_start_main\nx _start",
                                     0);
    r.captures[0].n_modules = 2;
    tl_signature_make(&r);
    r.captures[0].n_modules = 3;
    title_is(r, "check ← main");
    static const struct {
        const char *stack, *title;
    } rows[] = {
        {"x f\nx routine\nx start_thread\nx clone3", "f ← routine"},
        {"x f\nx routine\nx start_thread\nx thread_start", "f ← routine"},
        {"x f\nx start_thread\nx start_thread\nx clone3", "f ← start_thread"}, /* the first is its routine */
        {"x f\nx clone\nx start\nx __clone", "f ← clone"},                     /* as musl calls it */
        {"x unlink_chunk\nx _int_free\nx f\nx main", "f ← main"},
        {"x abort_message\nx demangling_terminate_handler()\nx std::__terminate(void (*)())\nx f", "f"},
        {"x rust_panic\nx std::panicking::rust_panic_with_hook\nx core::panicking::panic\nx app::f",
         "app::f"},
        {"x core::panicking::begin(int*)\nx f",
         "core::panicking::begin ← f"}, /* of C++, which has parameters */
        {"x runtime.memmove\nx main.copy\nx runtime.main\nx runtime.goexit", "runtime.memmove ← main.copy"},
        {"x main.resume\nx main.cleanup.func1\nx main.main\nx runtime.main",
         "main.resume ← main.cleanup.func1 ← main.main"},
    };
    for (size_t i = 0; i < TL_COUNT(rows); i++) {
        r = crash(SIGSEGV, NULL, rows[i].stack, 0);
        r.captures[0].n_modules = 2;
        tl_signature_make(&r);
        r.captures[0].n_modules = 3;
        title_is(r, rows[i].title);
    }
}

Test(owners, a_logger_that_faults_is_named_and_one_that_aborts_is_not)
{
    title_is(crash(SIGSEGV, NULL, "r google::LogMessage::Flush()\nr f\nx main", 0),
             "google::LogMessage::Flush ← f");
    title_is(crash(SIGABRT, NULL, "c raise\nc abort\nr google::LogMessage::Fail()\nr f\nx main", 0), "f");
    title_is(crash(SIGABRT, NULL, "c abort\nr MTLReportFailure\nr -[MPSGraph load]\nx main", 0),
             "-[MPSGraph load]");
    title_is(crash(SIGABRT, NULL, "c abort\nr ggml_abort\nr ggml_mul_mat\nx main", 0), "ggml_mul_mat");
    title_is(crash(SIGSEGV, NULL, "r ggml_abort\nr ggml_mul_mat\nx main", 0), "ggml_abort ← ggml_mul_mat");
}

/* ---- stack overflow ---- */

/* `depth` frames that go round a cycle of functions, beginning `start` calls into it, below `leaf` (or NULL).
 */
static struct tl_trial_record overflow(const char *const *cycle, size_t n, size_t start, size_t depth,
                                       const char *leaf)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    if (leaf)
        tl_buffer_printf(&b, "%s\n", leaf);
    for (size_t i = 0; i < depth; i++)
        tl_buffer_printf(&b, "r %s\n", cycle[(start + i) % n]);
    tl_buffer_add_string(&b, "x main");
    struct tl_trial_record r = {.outcome = TL_OUTCOME_CRASH, .phase = TL_PHASE_EXECUTE, .signal = SIGSEGV};
    struct tl_capture *c = add_capture(&r, SIGSEGV, start);
    add_thread(c, 100, true, b.data, start);
    tl_buffer_free(&b);
    c->has_address = true;
    c->fault_address = 0x7ffc00000ff8;
    c->n_registers = 1;
    c->registers = tl_calloc(1, sizeof *c->registers);
    snprintf(c->registers[0].name, sizeof c->registers[0].name, "rsp");
    c->registers[0].value = 0x7ffc00001000;
    if (depth > 200) {
        c->threads[0].omitted_at = 256;
        c->threads[0].omitted = 15000;
    }
    tl_signature_make(&r);
    return r;
}

Test(stack_overflow, does_not_depend_on_where_in_the_cycle)
{
    static const char *const cycle[] = {"walk", "visit", "descend"};
    title_is(overflow(cycle, 3, 0, 320, NULL), "stack overflow in descend ↔ visit ↔ walk");
    for (size_t start = 1; start < 3; start++) {
        cr_assert_eq(agreement(overflow(cycle, 3, 0, 320, NULL), overflow(cycle, 3, start, 320, NULL)), 3);
        cr_assert_eq(agreement(overflow(cycle, 3, 0, 320, NULL), overflow(cycle, 3, start, 300, "c memset")),
                     3);
        cr_assert_eq(agreement(overflow(cycle, 3, 0, 320, NULL), overflow(cycle, 3, start, 290, "r helper")),
                     3);
    }
    static const char *const other[] = {"walk", "visit", "fold"};
    cr_assert_eq(agreement(overflow(cycle, 3, 0, 320, NULL), overflow(other, 3, 0, 320, NULL)), 0);
    static const char *const itself[] = {"f"};
    title_is(overflow(itself, 1, 0, 64, NULL), "stack overflow in f");
}

Test(stack_overflow, without_recursion)
{
    static const char *const few[] = {"huge_frame", "caller"};
    title_is(overflow(few, 2, 0, 2, NULL), "stack overflow in huge_frame");
}

Test(stack_overflow, a_deep_stack_that_fails_elsewhere_is_not_one)
{
    static const char *const cycle[] = {"walk", "visit"};
    struct tl_trial_record r = overflow(cycle, 2, 0, 320, "r deref");
    r.captures[0].fault_address = 0;
    tl_signature_make(&r);
    title_is(r, "deref ← walk ← visit");
}

/* ---- identity ---- */

#define STACK "r ns::kernel(int)\nr ns::run\nx main"

Test(identity, addresses_and_lines_do_not_matter)
{
    cr_assert_eq(agreement(crash(SIGSEGV, NULL, STACK, 0), crash(SIGSEGV, NULL, STACK, 991)), 3);
    cr_assert_eq(
        agreement(crash(SIGSEGV, NULL, "r +100\nr +200", 0), crash(SIGSEGV, NULL, "r +100\nr +200", 5)), 3);
    cr_assert_eq(agreement(crash(SIGABRT, "/a/x.c:10: Check failed: p (0x1)", STACK, 0),
                           crash(SIGABRT, "/b/x.c:12: Check failed: p (0x2)", "c abort\nr other", 0)),
                 3);
    cr_assert_eq(agreement(crash(SIGABRT, NULL, "c __GI_raise\nc __GI_abort\nr f", 0),
                           crash(SIGABRT, NULL, "c __pthread_kill_internal\nc raise\nc abort\nr f", 0)),
                 3);
    cr_assert_eq(agreement(crash(SIGSEGV, NULL, "c __memcpy_avx512_unaligned_erms\nr f", 0),
                           crash(SIGSEGV, NULL, "c __memcpy_sse2_unaligned\nr f", 0)),
                 3);
    cr_assert_eq(
        agreement(crash(SIGSEGV, NULL, "!- +0\nr f", 0), crash(SIGSEGV, NULL, "!- +deadbeef\nr f", 9)), 3);
}

Test(identity, another_function_signal_phase_or_message_is_another_failure)
{
    cr_assert_eq(
        agreement(crash(SIGSEGV, NULL, STACK, 0), crash(SIGSEGV, NULL, "r ns::other\nr ns::run\nx main", 0)),
        0);
    cr_assert_eq(agreement(crash(SIGSEGV, NULL, STACK, 0), crash(SIGBUS, NULL, STACK, 0)), 0);
    cr_assert_eq(
        agreement(crash(SIGABRT, "Check failed: a", STACK, 0), crash(SIGABRT, "Check failed: b", STACK, 0)),
        0);
    struct tl_trial_record load = crash(SIGSEGV, NULL, STACK, 0);
    load.phase = TL_PHASE_LOAD;
    tl_signature_make(&load);
    cr_assert_eq(agreement(crash(SIGSEGV, NULL, STACK, 0), load), 0);
}

Test(identity, a_stripped_function_that_moved_agrees_coarsely)
{
    cr_assert_eq(
        agreement(crash(SIGSEGV, NULL, "r +100\nr OrtRun", 0), crash(SIGSEGV, NULL, "r +180\nr OrtRun", 0)),
        2);
}

/* ---- hangs ---- */

static struct tl_trial_record hang(const char *main_stack, const char *second, const char *third)
{
    struct tl_trial_record r = {.outcome = TL_OUTCOME_HANG, .phase = TL_PHASE_COMPILE};
    struct tl_capture *c = add_capture(&r, 0, 0);
    c->kind = TL_CAPTURE_HANG;
    add_thread(c, 100, false, main_stack, 0);
    if (second)
        add_thread(c, 101, false, second, 0);
    if (third)
        add_thread(c, 102, false, third, 0);
    tl_signature_make(&r);
    return r;
}

#define WAITS "c __futex_abstimed_wait_common\nc pthread_cond_wait\n"

Test(title, hangs)
{
    title_is(hang("r spin\nr compile\nx main", WAITS "r worker", NULL), "running in spin ← compile");
    title_is(hang(WAITS "r wait_all\nr run\nx main", WAITS "r worker", NULL), "waiting in wait_all ← run");
    title_is(hang(WAITS "r wait_all\nr run\nx main", "r loop\nr worker", "r loop\nr worker"),
             "running in loop ← worker");
    title_is(hang("c clock_nanosleep\nc nanosleep\nc sleep\nx trial\nx main", NULL, NULL),
             "waiting in trial ← main");
    title_is(hang("", NULL, NULL), "hang without a stack");
    title_is(hang("c __libc_pause\nr run\nx main", NULL, NULL), "waiting in run");
    title_is(hang("r poll\nr run\nx main", NULL, NULL), "running in poll ← run"); /* a function of its own */
    /* The order in which threads are listed does not matter. */
    cr_assert_eq(agreement(hang(WAITS "r run", "r a", "r b"), hang(WAITS "r run", "r b", "r a")), 3);
}

/* ---- the other outcomes ---- */

static struct tl_trial_record other(enum tl_outcome outcome, const char *domain, const char *code,
                                    const char *message)
{
    struct tl_trial_record r = {.outcome = outcome, .phase = TL_PHASE_LOAD, .exit_status = 3};
    r.error_domain = tl_strdup(domain);
    r.error_code = tl_strdup(code);
    r.message = tl_strdup(message);
    r.unit = tl_strdup("onnxruntime@1.22.0:webgpu");
    tl_signature_make(&r);
    return r;
}

/* A result that was compared, or not. The title names the output and the way, and no number. */
Test(title, wrong_results)
{
    static const struct {
        const char *result, *title;
    } rows[] = {
        {"{\"reference\":{\"output\":\"y\",\"how\":\"differs\",\"max_error\":0.25}}", "output y differs"},
        {"{\"reference\":{\"output\":\"y\",\"how\":\"missing\"}}", "output y is missing"},
        {"{\"reference\":{\"output\":\"y\",\"how\":\"unexpected\"}}", "output y is none that is expected"},
        {"{\"reference\":{\"output\":\"y2\",\"how\":\"type\"}}", "output y2 has another type"},
        {"{\"reference\":{\"output\":\"output_0\",\"how\":\"shape\"}}", "output output_0 has another shape"},
        {"{\"reference\":{\"output\":\"present.47.key\",\"how\":\"all zero\"}}",
         "output present.<n>.key is all zero"},
        {"{\"reference\":{\"output\":\"/layers.3/Add_output_0\",\"how\":\"not finite\"}}",
         "output /layers.<n>/Add_output_0 is not finite"},
        {"{\"outputs\":[{\"name\":\"a\",\"finite\":true},{\"name\":\"b\",\"finite\":false}]}",
         "output b is not finite"},
    };
    for (size_t i = 0; i < TL_COUNT(rows); i++) {
        struct tl_trial_record r = other(TL_OUTCOME_WRONG, NULL, NULL, "it says 1.5 where 2 is expected");
        r.result = json_loads(rows[i].result, 0, NULL);
        tl_signature_make(&r);
        title_is(r, rows[i].title);
    }
}

Test(title, other_outcomes)
{
    title_is(other(TL_OUTCOME_ERROR, "AIModelError", "3", "cannot load /a/b (17)"),
             "AIModelError 3: cannot load <path> (<n>)");
    title_is(other(TL_OUTCOME_ERROR, NULL, NULL, "RuntimeError: no"), "RuntimeError: no");
    title_is(other(TL_OUTCOME_ERROR, NULL, NULL, NULL), "exit status 3");
    title_is(other(TL_OUTCOME_OOM, NULL, NULL, "std::bad_alloc"), "out of memory");
    title_is(other(TL_OUTCOME_WRONG, NULL, NULL, "output y[3] is 1.5, not 2"),
             "output y[<n>] is <n>, not <n>");
    title_is(other(TL_OUTCOME_LOST, NULL, NULL, "whatever"), "lost while it ran");
    struct tl_trial_record r = other(TL_OUTCOME_FALLBACK, NULL, NULL, NULL);
    r.observed_device = tl_strdup("cpu");
    tl_signature_make(&r);
    title_is(r, "ran on cpu, not on webgpu");
    cr_assert_eq(agreement(other(TL_OUTCOME_ERROR, "d", "3", "m"), other(TL_OUTCOME_ERROR, "d", "4", "m")),
                 0);
}

Test(title, no_failure_has_none)
{
    struct tl_trial_record r = other(TL_OUTCOME_PASS, NULL, NULL, NULL);
    cr_assert_null(r.signature.title);
    cr_assert_str_eq(r.signature.id, "");
    r.outcome = TL_OUTCOME_ERROR;
    tl_signature_make(&r);
    cr_assert_not_null(r.signature.title);
    r.outcome = TL_OUTCOME_UNSUPPORTED;
    tl_signature_make(&r);
    cr_assert_null(r.signature.title);
    tl_trial_record_free(&r);
}

Test(title, indexes_out_of_range_are_survived)
{
    struct tl_trial_record r = crash(SIGSEGV, NULL, STACK, 0);
    r.captures[0].threads[0].frames[0].module = 4000000;
    r.captures[0].threads[0].omitted = 5;
    r.captures[0].threads[0].omitted_at = (size_t)-1;
    tl_signature_make(&r);
    cr_assert_not_null(r.signature.title);
    tl_trial_record_free(&r);
}

/* Over builds an error is known by its words: where in the sources it is said moves. */
Test(signature, places_of_an_error_are_left_out_of_the_coarse_one)
{
    struct tl_trial_record
        a = {.outcome = TL_OUTCOME_ERROR,
             .phase = TL_PHASE_EXECUTE,
             .message = (char *)"Status Message: concat.cc:154 PrepareForCompute Axis 1 is wrong"},
        b = a;
    b.message = (char *)"Status Message: concatbase.h:133 PrepareForComputeImpl Axis 1 is wrong";
    tl_signature_make(&a);
    tl_signature_make(&b);
    cr_expect_str_neq(a.signature.id, b.signature.id);
    cr_expect_str_eq(a.signature.coarse_id, b.signature.coarse_id);
    cr_expect_str_eq(a.signature.coarse_title, "Status Message: Axis <n> is wrong");
    free(a.signature.title);
    free(a.signature.coarse_title);
    free(b.signature.title);
    free(b.signature.coarse_title);
}
