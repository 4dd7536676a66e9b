/* Which frames of a stack stand in the title of a failure: those that tell it from another one.
 *
 * Theory of operation. A stack has dozens of frames, most of which are the same whatever went wrong. Every
 * frame has a name (its function, or its place in its module) and a role:
 *
 *   runtime   what trapline is looking for
 *   system    libc, the C++ library, the loader, the thread library: the title says which of their functions
 *             a runtime called, but only as long as a frame of a runtime follows further out
 *   runner    the executable that trapline started, or an interpreter: the same in every trial
 *   abort     the path from a failed check to the signal, whoever's check it was
 *   start     what calls main and the functions of threads
 *
 * Frames of abort and start are never named. Those of a runner are named only when the stack has no frame of
 * a runtime, which is so when the runtime is linked into the executable. Of what is left the innermost
 * TL_TITLE_FRAMES_MOST make the title, and a function that called itself again and again counts once.
 *
 * Frames that were found by scanning the stack (TL_FRAME_GUESSED) may be return addresses of calls that are
 * long over. They are looked at only when the unwound frames give no name, and then give one name at most. */
#include "harness/verdict/title_frames.h"

#include "harness/base/buffer.h"
#include "harness/base/utf8.h"
#include "harness/verdict/function_name.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#define DEEP 32          /* frames from which on repetition is called recursion */
#define CYCLE_WINDOW 256 /* innermost frames that are searched for it */
#define CYCLE_NAMES 4    /* functions of a cycle that are named */

enum frame_role { RUNTIME, SYSTEM, RUNNER, ABORT, START };

/* Names of functions, leading underscores left out; a '*' stands for anything. */
/* clang-format off */
static const char *const abort_names[] = {
    /* signals and glibc */
    "raise", "gsignal", "abort", "tgkill", "pthread_kill*", "abort_msg", "abort_report_np",
    "libc_message*", "libc_fatal", "backtrace_and_maps", "restore_rt", "kernel_rt_sigreturn",
    "kernel_sigreturn", "sigtramp", "syscall_cancel*",
    /* checks of libc and the compiler */
    "assert", "assert_fail*", "assert_perror_fail*", "assert_rtn", "assert2", "stack_chk_fail*",
    "fortify_fail*", "chk_fail", "longjmp_chk",
    /* glibc's heap */
    "malloc_printerr*", "int_free*", "int_malloc", "int_realloc", "int_memalign", "malloc_consolidate",
    "unlink_chunk*", "munmap_chunk", "sysmalloc", "tcache_*",
    /* macOS's heap */
    "malloc_zone_error", "malloc_error_break", "malloc_vreport", "malloc_report", "zone_error*",
    "free_list_checksum_botch*", "small_free_list_*", "tiny_free_list_*",
    "nanov2_guard_corruption_detected", "find_zone_and_free*",
    /* C++ */
    "cxa_throw", "cxa_rethrow", "cxa_bad_cast", "cxa_bad_typeid", "cxa_pure_virtual",
    "cxa_call_terminate", "cxa_call_unexpected", "cxa_throw_bad_array_new_length", "std::terminate",
    "std::__terminate", "std::unexpected", "std::rethrow_exception", "std::__throw_*",
    "std::__libcpp_verbose_abort", "std::__glibcxx_assert_fail", "std::__replacement_assert",
    "gnu_cxx::__verbose_terminate_handler", "cxxabiv1::*", "abort_message",
    "demangling_terminate_handler", "Unwind_*", "gxx_personality_v0",
    /* Objective-C and Apple's frameworks */
    "objc_exception_throw", "objc_terminate", "objc_fatal*", "exceptionPreprocess",
    "CFThrowFormattedException", "-[NSAssertionHandler*", "+[NSException raise*", "-[NSException raise*",
    "MTLReportFailure*", "NSThrow*",
    /* Swift */
    "swift_runtime_on_report", "swift_stdlib_reportFatalError*",
    "swift_stdlib_reportUnimplementedInitializer*", "swift_reportError", "swift::fatalError*",
    "swift::warning*", "assertionFailure", "fatalErrorMessage", "swift_unexpectedError",
    "Swift.*ssertionFailure", "swift::swift_abort*",
    /* Rust */
    "rust_panic*", "rust_begin_unwind", "rust_start_panic", "rust_end_short_backtrace",
    "core::panicking::*", "std::panicking::*", "std::process::abort", "std::sys::*::abort_internal",
    "std::rt::panic*", "core::option::*failed", "core::result::unwrap_failed",
    "alloc::alloc::handle_alloc_error",
    /* glog, Abseil, Chromium, LLVM, .NET, Python */
    "google::LogMessage*", "google::logging_fail", "google::DumpStackTraceAndExit",
    "absl::log_internal::*", "absl::raw_log_internal::*", "absl::base_internal::*",
    "logging::LogMessage*", "llvm::report_fatal_error", "llvm::report_bad_alloc_error",
    "llvm::llvm_unreachable_internal", "llvm::sys::RunSignalHandlers", "llvm::sys::PrintStackTrace",
    "SignalHandler", "PROCAbort", "faulthandler_*",
    /* sanitizers */
    "asan*", "sanitizer::*", "sanitizer_*", "ubsan*", "tsan*", "msan*", "lsan*", "hwasan*",
    "interceptor_*", "interception*",
};
static const char *const start_names[] = {
    /* Linux */
    "start", "start_thread", "clone", "clone3", "thread_start", "libc_start_main*",
    "libc_start_call_main", "libc_init_first", "main_trampoline",
    /* macOS */
    "pthread_start", "start_wqthread", "pthread_wqthread", "dyld*start*", "dispatch_worker_thread*",
    "dispatch_root_queue_drain*", "dispatch_client_callout*", "dispatch_call_block_and_release",
    "dispatch_workloop_*", "dispatch_lane_*", "dispatch_queue_override_invoke", "dispatch_sync_f*",
    "dispatch_mach_*",
    /* Windows */
    "BaseThreadInitThunk", "RtlUserThreadStart",
    /* C++ and Rust */
    "execute_native_thread_routine", "thread_proxy*", "std::__thread_proxy*", "std::thread::_State_impl*",
    "std::thread::_Invoker*", "std::__invoke*", "std::invoke_r*", "std::rt::lang_start*",
    "std::sys::backtrace::__rust_begin_short_backtrace", "core::ops::function::FnOnce::call_once",
};
static const char *const wait_names[] = {
    /* for descriptors */
    "poll", "ppoll", "poll_chk", "select", "select_chk", "select_nocancel", "pselect*", "epoll_wait",
    "epoll_pwait*", "io_getevents", "read", "readv", "pread*", "write", "recv*", "send*", "accept*",
    "connect", "kevent*",
    /* for children, time and signals */
    "wait", "wait3", "wait4", "waitpid", "waitid", "nanosleep*", "clock_nanosleep*", "usleep", "sleep",
    "pause", "sigsuspend", "sigtimedwait*", "sigwait*",
    /* for other threads */
    "futex*", "lll_lock_wait*", "lll_wait*", "pthread_cond_*wait*", "pthread_mutex_*lock*",
    "pthread_join*", "pthread_clockjoin*", "pthread_timedjoin*", "pthread_rwlock_*", "pthread_barrier_*",
    "sem_wait*", "sem_timedwait*", "new_sem_wait*", "std::condition_variable*",
    "std::__1::condition_variable*", "std::thread::join", "std::mutex::lock", "std::this_thread::*",
    "std::__atomic_wait*", "absl::synchronization_internal::*", "absl::Mutex::*", "absl::CondVar::*",
    /* macOS's */
    "mach_msg*", "psynch_*", "ulock_wait*", "semaphore_*wait*", "semwait_signal*", "workq_kernreturn",
    "dispatch_semaphore_wait*", "dispatch_group_wait*", "dispatch_sema4_*", "dispatch_sync_f_slow",
    "DISPATCH_WAIT*", "CFRunLoop*",
    /* libc's ways into the kernel */
    "syscall", "syscall_cancel*", "internal_syscall_cancel*", "restart_syscall",
};
/* clang-format on */

static bool listed(const char *const *names, size_t n, const char *name)
{
    if (name[0] == '_')
        name += strspn(name, "_");
    for (size_t i = 0; i < n; i++) {
        const char *star = strchr(names[i], '*');
        size_t k = star ? (size_t)(star - names[i]) : 0;
        if (!star ? !strcmp(name, names[i])
                  : !strncmp(name, names[i], k) && (!star[1] || strstr(name + k, star + 1)))
            return true;
    }
    return false;
}
#define LISTED(table, name) listed(table, TL_COUNT(table), name)

static const struct tl_module *module_of(const struct tl_capture *c, const struct tl_frame *f)
{
    return f->module < c->n_modules ? &c->modules[f->module] : NULL;
}

static const char *base_name(const char *path)
{
    const char *slash = path ? strrchr(path, '/') : NULL;
    return slash ? slash + 1 : path ? path : "";
}

/* The file's name without the version after ".so" or before ".dylib". */
static char *module_name(const struct tl_module *m)
{
    char *name = tl_clean_text(base_name(m->path), strnlen(base_name(m->path), 120), false);
    char *so = strstr(name, ".so.");
    if (so)
        so[3] = '\0';
    size_t n = strlen(name);
    if (n > 6 && !strcmp(name + n - 6, ".dylib")) {
        size_t stem = n - 6;
        while (stem && ((name[stem - 1] >= '0' && name[stem - 1] <= '9') || name[stem - 1] == '.'))
            stem--;
        if (name[stem] == '.')
            memmove(name + stem, name + n - 6, 7);
    }
    if (!*name)
        memcpy(name = tl_realloc(name, 8, 1), "unnamed", 8);
    return name;
}

static bool is_system(const char *base)
{
    static const char *const prefixes[] = {
        "libc.so",     "libc-",      "libc++",         "libpthread",  "libstdc++", "libgcc_s", "libm.so",
        "libm-",       "libmvec",    "ld-linux",       "ld-musl",     "ld-2.",     "ld.so",    "libdl.",
        "libdl-",      "librt.",     "librt-",         "libasan",     "libubsan",  "libtsan",  "liblsan",
        "libclang_rt", "libffi",     "libsystem_",     "libdispatch", "libobjc",   "libswift", "dyld",
        "[vdso]",      "linux-vdso", "CoreFoundation", "Foundation",  "libdyld"};
    for (size_t i = 0; i < TL_COUNT(prefixes); i++)
        if (!strncmp(base, prefixes[i], strlen(prefixes[i])))
            return true;
    return false;
}

/* The function of a frame: of the code that stands there, not what was inlined into it, so that it is the
 * same with and without debug information. NULL when it is not known. */
static const char *function_of(const struct tl_thread *t, size_t i)
{
    if (!t->symbols)
        return NULL;
    const struct tl_frame_symbols *s = &t->symbols[i];
    for (size_t k = s->n; k-- > 0;)
        if (s->symbols[k].function && s->symbols[k].function[0])
            return s->symbols[k].function;
    return NULL;
}

struct named {
    char *name;
    enum frame_role role;
    bool anonymous; /* the name is a place and not a function */
};

static enum frame_role role_of(const struct tl_capture *c, const struct tl_frame *f, const char *function)
{
    if (function && LISTED(abort_names, function))
        return ABORT;
    if (function && LISTED(start_names, function))
        return START;
    const struct tl_module *m = module_of(c, f);
    if (!m)
        return RUNTIME; /* code made at run time is the runtime's */
    if (c->exe && m->path && !strcmp(m->path, c->exe))
        return RUNNER;
    const char *base = base_name(m->path);
    if (!strncmp(base, "libpython", 9) || !strcmp(base, "Python"))
        return RUNNER;
    return is_system(base) ? SYSTEM : RUNTIME;
}

static struct named name_frame(const struct tl_capture *c, const struct tl_thread *t, size_t i, bool coarse)
{
    const struct tl_frame *f = &t->frames[i];
    const char *function = function_of(t, i);
    if (function) {
        char *name = tl_function_name(function);
        return (struct named){name, role_of(c, f, name), false};
    }
    const struct tl_module *m = module_of(c, f);
    struct named n = {NULL, role_of(c, f, NULL), true};
    if (!m) {
        n.name = tl_strdup("generated code");
        return n;
    }
    char *module = module_name(m);
    if (coarse)
        n.name = tl_strdup(module);
    else if (f->start)
        n.name = tl_format("%s!+0x%llx", module, (unsigned long long)f->start);
    else
        n.name = tl_format("%s+0x%llx", module, (unsigned long long)f->offset);
    free(module);
    return n;
}

static void free_names(struct named *names, size_t n)
{
    for (size_t i = 0; i < n; i++)
        free(names[i].name);
    free(names);
}

/* Where the story begins: at the frame that a signal interrupted, when the abort came from its handler. */
static size_t first_frame(const struct tl_thread *t, int how)
{
    size_t first = 0;
    if (how & TL_TITLE_RAISED)
        for (size_t i = 1; i < t->n_frames; i++)
            if (t->frames[i].flags & TL_FRAME_SIGNAL)
                first = i;
    return first;
}

/* Whether frame i is hand-written code without unwind information, whose function nobody knows, called from
 * code of which it is known: its place in the module says which instruction it was, not which function, and
 * so differs from run to run. Its caller tells instead. */
static bool is_placeless(const struct tl_capture *c, const struct tl_thread *t, size_t i)
{
    const struct tl_frame *f = &t->frames[i];
    if (f->start || !module_of(c, f) || function_of(t, i))
        return false;
    for (size_t k = i + 1; k < t->n_frames; k++)
        if (t->frames[k].module == f->module && t->frames[k].start)
            return true;
    return false;
}

/* Names of the frames from `first` on that are guessed, or that are not. Wild ones are none of both. */
static struct named *name_frames(const struct tl_capture *c, const struct tl_thread *t, size_t first,
                                 bool guessed, int how, size_t *n)
{
    struct named *names = tl_calloc(t->n_frames, sizeof *names);
    *n = 0;
    for (size_t i = first; i < t->n_frames; i++) {
        const struct tl_frame *f = &t->frames[i];
        if ((f->flags & TL_FRAME_WILD) || !(f->flags & TL_FRAME_GUESSED) != !guessed)
            continue;
        if (is_placeless(c, t, i))
            continue;
        struct named name = name_frame(c, t, i, how & TL_TITLE_COARSE);
        bool waits = (how & TL_TITLE_WAITING) &&
                     (name.role == SYSTEM || (!name.anonymous && LISTED(wait_names, name.name)));
        if (name.role == ABORT || name.role == START || waits)
            free(name.name);
        else
            names[(*n)++] = name;
    }
    return names;
}

static void select_names(struct named *names, size_t n, int how, size_t most, struct tl_title_frames *out)
{
    bool runtime = false, inner = false;
    size_t last = 0;
    for (size_t i = 0; i < n; i++)
        runtime |= names[i].role == RUNTIME;
    for (size_t i = 0; i < n; i++) {
        if (runtime ? names[i].role == RUNTIME : names[i].role != SYSTEM) {
            last = i;
            inner = true;
        }
    }
    bool skip_system = inner && (how & TL_TITLE_RAISED);
    /* Between builds the same copy may be libc's or the runtime's own. */
    bool never_system = runtime && (how & TL_TITLE_COARSE);
    for (size_t i = 0; i < n && out->n < most; i++) {
        if (runtime && names[i].role == RUNNER)
            continue;
        if (inner && i > last)
            break; /* what called the last frame that tells is the thread library */
        if (names[i].role == SYSTEM) {
            if (skip_system || never_system)
                continue;
        } else {
            skip_system = false;
        }
        /* Recursion of any depth is one frame. */
        if (out->n && !strcmp(out->name[out->n - 1], names[i].name))
            continue;
        out->name[out->n++] = tl_strdup(names[i].name);
    }
}

void tl_title_frames_find(const struct tl_capture *c, const struct tl_thread *t, int how,
                          struct tl_title_frames *out)
{
    *out = (struct tl_title_frames){.wild = t->n_frames && (t->frames[0].flags & TL_FRAME_WILD)};
    if (!t->n_frames)
        return;
    size_t first = first_frame(t, how);
    for (int guessed = 0; guessed < 2 && !out->n; guessed++) {
        size_t n;
        struct named *names = name_frames(c, t, first, guessed, how, &n);
        /* A scan of the stack also finds old return addresses: one name is all that it is good for. */
        select_names(names, n, how, guessed ? 1 : TL_TITLE_FRAMES_MOST, out);
        free_names(names, n);
        out->guessed = guessed && out->n;
    }
    if (!out->n && first)
        tl_title_frames_find(c, t, how & ~TL_TITLE_RAISED, out);
}

void tl_title_frames_free(struct tl_title_frames *out)
{
    for (size_t i = 0; i < out->n; i++)
        free(out->name[i]);
    *out = (struct tl_title_frames){0};
}

void tl_title_frames_text(const struct tl_title_frames *out, struct tl_buffer *b)
{
    for (size_t i = 0; i < out->n; i++)
        tl_buffer_printf(b, "%s%s", i ? " ← " : "", out->name[i]);
}

const struct tl_thread *tl_title_thread(const struct tl_capture *c)
{
    for (size_t i = 0; i < c->n_threads; i++)
        if (c->threads[i].crashed)
            return &c->threads[i];
    return c->n_threads ? &c->threads[0] : NULL;
}

void tl_title_stack_find(const struct tl_trial_record *r, struct tl_title_stack *out)
{
    *out = (struct tl_title_stack){0};
    const struct tl_thread *t = r->n_captures ? tl_title_thread(&r->captures[0]) : NULL;
    if (!t || !t->n_frames)
        return;
    int how = r->signal == SIGABRT ? TL_TITLE_RAISED : 0;
    size_t n;
    struct named *names = name_frames(&r->captures[0], t, first_frame(t, how), false, how, &n);
    for (int wanted = RUNTIME; wanted <= RUNNER && !out->n; wanted += RUNNER - RUNTIME)
        for (size_t i = 0; i < n; i++)
            if (names[i].role == (enum frame_role)wanted)
                *TL_GROW(out->name, out->n) = tl_strdup(names[i].name);
    free_names(names, n);
}

void tl_title_stack_free(struct tl_title_stack *out)
{
    for (size_t i = 0; i < out->n; i++)
        free(out->name[i]);
    free(out->name);
    *out = (struct tl_title_stack){0};
}

bool tl_title_frames_thread_waits(const struct tl_capture *c, const struct tl_thread *t)
{
    if (!t->n_frames)
        return true;
    struct named top = name_frame(c, t, 0, true);
    /* The system's frames without a name are taken for waiting: libc's wrappers are often local symbols. */
    bool waits = top.anonymous ? top.role == SYSTEM : LISTED(wait_names, top.name);
    free(top.name);
    return waits;
}

/* ---- recursion ---- */

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct named *)a)->name, ((const struct named *)b)->name);
}

char *tl_title_frames_cycle(const struct tl_capture *c, const struct tl_thread *t, int how)
{
    if (t->n_frames < DEEP)
        return NULL;
    struct tl_thread window = *t;
    if (window.omitted && window.omitted_at < window.n_frames && window.omitted_at >= DEEP)
        window.n_frames = window.omitted_at;
    if (window.n_frames > CYCLE_WINDOW)
        window.n_frames = CYCLE_WINDOW;
    size_t n, runs = 0, most = 0;
    struct named *names = name_frames(c, &window, 0, false, how & TL_TITLE_COARSE, &n);
    qsort(names, n, sizeof *names, by_name);
    bool runtime = false;
    for (size_t i = 0, k; i < n; i = k) {
        for (k = i; k < n && !strcmp(names[k].name, names[i].name);)
            k++;
        most = k - i > most ? k - i : most;
    }
    struct tl_buffer b = TL_BUFFER_INIT;
    /* A function belongs to the cycle when it is there about as often as the most frequent one; what was
     * called from the cycle at its end is there once. */
    for (int pass = 0; pass < 2; pass++) {
        for (size_t i = 0, k; i < n; i = k) {
            for (k = i; k < n && !strcmp(names[k].name, names[i].name);)
                k++;
            if (k - i < 3 || (k - i) * 8 < most)
                continue;
            if (pass == 0)
                runtime |= names[i].role == RUNTIME;
            else if (!runtime || names[i].role == RUNTIME) {
                if (runs++ < CYCLE_NAMES)
                    tl_buffer_printf(&b, "%s%s", runs > 1 ? " ↔ " : "", names[i].name);
            }
        }
    }
    if (runs > CYCLE_NAMES)
        tl_buffer_add_string(&b, " ↔ …");
    free_names(names, n);
    return runs ? tl_buffer_take(&b) : NULL;
}
