/* What part a frame has in a failure: whether its function is the system's, and which.
 *
 * Theory of operation. A program may call a function of its own as it likes: start, assert, raise. So a name
 * says that a function is the system's only where the system's functions are. That is
 *
 *   a module   of the system: libc, the C++ library, a sanitizer's runtime. Each has a list of names.
 *   anywhere   for names that a language keeps for itself or that are qualified by a namespace which only one
 *              library has: these libraries are linked into programs and runtimes. The exact spelling counts,
 *              underscores too. Of those that are no part of a system (a logging library's, what Metal or ggml
 *              report failed checks with: harness/base/reporting.c) a fault of the hardware is a fault of
 *              theirs like that of any function; only when they ended the process themselves do they say nothing.
 *   static     a program without a libc among its modules has libc's functions in itself. There a name is
 *              libc's by its place on the stack: what starts threads is called by nothing, or by what
 *              starts threads; what ends a process is called by nothing but its like. Names that C reserves
 *              need no such place. A function whose source file is known, and is not libc's, is not libc's.
 *
 * The runtime of Go is part of every program in Go, and has names with a dot, as no function in C has. */
#include "harness/verdict/frame_role.h"

#include "harness/base/ascii.h"
#include "harness/base/buffer.h"
#include "harness/base/reporting.h"
#include "harness/verdict/function_name.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

/* Whose module it is. */
enum owner {
    OTHERS = 0,
    LIBC = 1,      /* with its threads, its loader, and the kernel's vDSO */
    CPLUSPLUS = 2, /* and the unwinder */
    SANITIZER = 4,
    FOUNDATION = 8, /* Objective-C and what Apple builds on it */
    SWIFT = 16,
    PYTHON = 32,
    DOTNET = 64,
    SUPPORT = 128, /* a library of the system's with no names of its own here */
};

struct names {
    unsigned owners;
    const char *const *names;
    size_t n;
};

/* '*' stands for anything. In modules of their owners names are compared without leading underscores. */
/* clang-format off */
static const char *const libc_abort[] = {
    /* signals */
    "raise", "gsignal", "abort", "tgkill", "pthread_kill*", "abort_msg", "abort_report_np",
    "libc_message*", "libc_fatal", "backtrace_and_maps", "restore_rt", "kernel_rt_sigreturn",
    "kernel_sigreturn", "restore_sigs", "sigtramp", "syscall_cancel*",
    /* checks */
    "assert", "assert_fail*", "assert_perror_fail*", "assert_rtn", "assert2", "stack_chk_fail*",
    "fortify_fail*", "chk_fail", "longjmp_chk",
    /* the heap: glibc's, macOS's */
    "malloc_printerr*", "int_free*", "int_malloc", "int_realloc", "int_memalign", "malloc_consolidate",
    "unlink_chunk*", "munmap_chunk", "sysmalloc", "tcache_*",
    "malloc_zone_error", "malloc_error_break", "malloc_vreport", "malloc_report", "zone_error*",
    "free_list_checksum_botch*", "small_free_list_*", "tiny_free_list_*",
    "nanov2_guard_corruption_detected", "find_zone_and_free*",
};
static const char *const libc_start[] = {
    "start", "start_c", "start_thread", "clone", "clone3", "thread_start", "libc_start_main*",
    "libc_start_call_main", "libc_init_first", "main_trampoline", "pthread_start", "start_wqthread",
    "pthread_wqthread", "dyld*start*", "BaseThreadInitThunk", "RtlUserThreadStart",
};
static const char *const cplusplus_abort[] = {
    "cxa_throw", "cxa_rethrow", "cxa_bad_cast", "cxa_bad_typeid", "cxa_pure_virtual", "cxa_deleted_virtual",
    "cxa_call_terminate", "cxa_call_unexpected", "cxa_throw_bad_array_new_length", "std::terminate",
    "std::__terminate", "std::unexpected", "std::rethrow_exception", "std::__throw_*",
    "std::__libcpp_verbose_abort", "std::__glibcxx_assert_fail", "std::__replacement_assert",
    "gnu_cxx::__verbose_terminate_handler", "cxxabiv1::*", "abort_message",
    "demangling_terminate_handler", "Unwind_*", "gxx_personality_v0",
};
static const char *const cplusplus_start[] = {
    "execute_native_thread_routine", "thread_proxy*", "std::__thread_proxy*", "std::thread::_State_impl*",
    "std::thread::_Invoker*", "std::__invoke*", "std::invoke_r*",
};
static const char *const sanitizer_abort[] = {
    "asan_*", "asan::*", "sanitizer_*", "sanitizer::*", "ubsan_*", "ubsan::*", "tsan_*", "tsan::*",
    "msan_*", "msan::*", "lsan_*", "lsan::*", "hwasan_*", "hwasan::*", "interceptor_*", "interception::*",
    "interceptor::*", "asan_report*",
};
static const char *const foundation_abort[] = {
    "objc_exception_throw", "objc_terminate", "objc_fatal*", "exceptionPreprocess",
    "CFThrowFormattedException", "-[NSAssertionHandler*", "+[NSException raise*", "-[NSException raise*",
    "MTLReportFailure*", "NSThrow*",
};
static const char *const dispatch_start[] = {
    "dispatch_worker_thread*", "dispatch_root_queue_drain*", "dispatch_client_callout*",
    "dispatch_call_block_and_release", "dispatch_workloop_*", "dispatch_lane_*",
    "dispatch_queue_override_invoke", "dispatch_sync_f*", "dispatch_mach_*",
};
static const char *const swift_abort[] = {
    "swift_runtime_on_report", "swift_stdlib_reportFatalError*",
    "swift_stdlib_reportUnimplementedInitializer*", "swift_reportError", "swift::fatalError*",
    "swift::warning*", "assertionFailure", "fatalErrorMessage", "swift_unexpectedError",
    "Swift.*ssertionFailure", "swift::swift_abort*",
};
static const char *const python_abort[] = {"faulthandler_*"};
static const char *const dotnet_abort[] = {"PROCAbort"};

static const struct names abort_names[] = {
    {LIBC, libc_abort, TL_COUNT(libc_abort)},
    {CPLUSPLUS, cplusplus_abort, TL_COUNT(cplusplus_abort)},
    {SANITIZER, sanitizer_abort, TL_COUNT(sanitizer_abort)},
    {FOUNDATION, foundation_abort, TL_COUNT(foundation_abort)},
    {SWIFT, swift_abort, TL_COUNT(swift_abort)},
    {PYTHON, python_abort, TL_COUNT(python_abort)},
    {DOTNET, dotnet_abort, TL_COUNT(dotnet_abort)},
};
static const struct names start_names[] = {
    {LIBC, libc_start, TL_COUNT(libc_start)},
    {CPLUSPLUS, cplusplus_start, TL_COUNT(cplusplus_start)},
    {LIBC | FOUNDATION, dispatch_start, TL_COUNT(dispatch_start)},
};

/* Anywhere. A '*' stands after a qualifier or a prefix that nobody else may use. */
static const char *const reserved_abort[] = {
    "__cxa_throw", "__cxa_rethrow", "__cxa_bad_cast", "__cxa_bad_typeid", "__cxa_pure_virtual",
    "__cxa_deleted_virtual", "__cxa_call_terminate", "__cxa_call_unexpected",
    "__cxa_throw_bad_array_new_length", "std::terminate", "std::__terminate", "std::unexpected",
    "std::rethrow_exception", "std::__throw_*", "std::__libcpp_verbose_abort",
    "std::__glibcxx_assert_fail", "std::__replacement_assert",
    "__gnu_cxx::__verbose_terminate_handler", "__cxxabiv1::*", "_Unwind_*", "__gxx_personality_v0",
    "__stack_chk_fail_local",
    "__asan_*", "__asan::*", "__sanitizer_*", "__sanitizer::*", "__ubsan_*", "__ubsan::*", "__tsan_*",
    "__tsan::*", "__msan_*", "__msan::*", "__lsan_*", "__lsan::*", "__hwasan_*", "__hwasan::*",
    "__interceptor_*", "___interceptor_*", "__interception::*",
    "_swift_runtime_on_report", "_swift_stdlib_reportFatalError", "_swift_stdlib_reportFatalErrorInFile",
    "_swift_stdlib_reportUnimplementedInitializer", "_swift_stdlib_reportUnimplementedInitializerInFile",
    "Swift._assertionFailure", "Swift.assertionFailure", "Swift._fatalErrorMessage",
    "Swift.preconditionFailure",
};
static const char *const reserved_start[] = {
    "std::__thread_proxy", "std::thread::_State_impl::*", "std::thread::_Invoker::*", "std::__invoke*",
    "std::invoke_r",
};
/* Of Rust's standard library, which is part of every program: no name of C++ is without parameters. */
static const char *const rust_abort[] = {
    "core::panicking::*", "std::panicking::*", "std::process::abort", "std::rt::panic*",
    "core::option::expect_failed", "core::option::unwrap_failed", "core::result::unwrap_failed",
    "alloc::alloc::handle_alloc_error", "core::str::slice_error_fail*", "core::slice::index::slice_*_fail*",
    "std::sys::*::abort_internal", "std::sys_common::backtrace::__rust_end_short_backtrace",
    "std::sys::backtrace::__rust_end_short_backtrace", "core::cell::panic_already*",
    "alloc::raw_vec::handle_error", "alloc::raw_vec::capacity_overflow",
};
static const char *const rust_start[] = {
    "std::rt::lang_start*", "std::sys::backtrace::__rust_begin_short_backtrace",
    "std::sys_common::backtrace::__rust_begin_short_backtrace", "core::ops::function::FnOnce::call_once*",
    "std::sys::*Thread::new::thread_start", "std::thread::lifecycle::spawn_unchecked*", "std::thread::Builder::spawn_unchecked*",
};
/* Without a qualifier: Rust's beside others of Rust's. */
static const char *const rust_bare[] = {
    "rust_panic", "rust_panic_with_hook", "rust_begin_unwind", "__rust_start_panic", "__rust_abort",
    "__rust_alloc_error_handler", "rust_oom",
};
static const char *const llvm_signals[] = {"llvm::sys::*"};

/* Of Go's runtime. */
static const char *const go_abort[] = {
    "runtime.raise*", "runtime.dieFromSignal", "runtime.sigfwdgo*", "runtime.sighandler",
    "runtime.sigtramp*", "runtime.sigreturn*", "runtime.sigpanic*", "runtime.panic*", "runtime.gopanic",
    "runtime.goPanic*", "runtime.fatal*", "runtime.throw*", "runtime.crash", "runtime.abort*",
    "runtime.dopanic_m", "runtime.exit*",
};
static const char *const go_start[] = {
    "runtime.goexit*", "runtime.main", "runtime.mstart*", "runtime.mcall*", "runtime.rt0_go*",
    "runtime.park_m", "_rt0_*", "runtime.asmcgocall*", "runtime.cgocallback*", "runtime.systemstack*",
};
static const char *const go_system[] = {"runtime.*", "runtime/*", "internal/*", "syscall.*"};

static const char *const libc_waits[] = {
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
    "sem_wait*", "sem_timedwait*", "new_sem_wait*", "timedwait*",
    /* macOS's */
    "mach_msg*", "psynch_*", "ulock_wait*", "semaphore_*wait*", "semwait_signal*", "workq_kernreturn",
    "dispatch_semaphore_wait*", "dispatch_group_wait*", "dispatch_sema4_*", "dispatch_sync_f_slow",
    "DISPATCH_WAIT*", "CFRunLoop*",
    /* libc's ways into the kernel */
    "syscall", "syscall_cancel*", "internal_syscall_cancel*", "restart_syscall",
    "syscall_cp*",
};
static const char *const waits_anywhere[] = {
    "std::condition_variable::*", "std::condition_variable_any::*", "std::thread::join", "std::mutex::lock",
    "std::this_thread::*", "std::__atomic_wait*", "absl::synchronization_internal::*", "absl::Mutex::*",
    "absl::CondVar::*",
};
static const char *const go_waits[] = {
    "runtime.futex*", "runtime.epollwait*", "runtime.usleep*", "runtime/internal/syscall.*",
    "internal/runtime/syscall.*", "syscall.*", "internal/poll.*",
};

/* Files of a module, without version: a name, or with '*' the beginning of one. */
static const struct {
    unsigned owner;
    const char *file;
} modules[] = {
    {LIBC, "libc"}, {LIBC, "libpthread"}, {LIBC, "libm"}, {LIBC, "libmvec"}, {LIBC, "libdl"},
    {LIBC, "librt"}, {LIBC, "ld-linux*"}, {LIBC, "ld-musl*"}, {LIBC, "ld-2*"}, {LIBC, "ld.so"},
    {LIBC, "[vdso]"}, {LIBC, "linux-vdso"}, {LIBC, "libsystem_*"}, {LIBC, "libSystem"}, {LIBC, "libdyld"},
    {LIBC, "dyld"}, {LIBC, "dyld_sim"}, {LIBC, "libdispatch"}, {LIBC, "KERNEL32"}, {LIBC, "kernel32"},
    {LIBC, "ntdll"},
    {CPLUSPLUS, "libstdc++"}, {CPLUSPLUS, "libc++"}, {CPLUSPLUS, "libc++abi"}, {CPLUSPLUS, "libgcc_s"},
    {CPLUSPLUS, "libunwind"}, {CPLUSPLUS, "libsupc++"},
    {SANITIZER, "libasan"}, {SANITIZER, "libubsan"}, {SANITIZER, "libtsan"}, {SANITIZER, "liblsan"},
    {SANITIZER, "libhwasan"}, {SANITIZER, "libmsan"}, {SANITIZER, "libclang_rt*"},
    {FOUNDATION, "libobjc"}, {FOUNDATION, "CoreFoundation"}, {FOUNDATION, "Foundation"},
    {SWIFT, "libswift*"}, {PYTHON, "python*"},
    {PYTHON, "faulthandler*"}, {PYTHON, "_faulthandler*"}, {DOTNET, "libcoreclr"},
    {SUPPORT, "libffi"},
};
/* clang-format on */

static bool listed(const char *const *names, size_t n, const char *name)
{
    for (size_t i = 0; name && i < n; i++)
        if (tl_function_fits(names[i], name))
            return true;
    return false;
}
#define LISTED(table, name) listed(table, TL_COUNT(table), name)

static bool owned(const struct names *tables, size_t n, unsigned owner, const char *name)
{
    name += strspn(name, "_");
    for (size_t i = 0; i < n; i++)
        if ((tables[i].owners & owner) && listed(tables[i].names, tables[i].n, name))
            return true;
    return false;
}

const char *tl_module_file(const char *path)
{
    const char *slash = path ? strrchr(path, '/') : NULL;
    return slash ? slash + 1 : path ? path : "";
}

const struct tl_symbol *tl_frame_function(const struct tl_thread *t, size_t i)
{
    if (!t->symbols)
        return NULL;
    const struct tl_frame_symbols *s = &t->symbols[i];
    for (size_t k = s->n; k-- > 0;)
        if (s->symbols[k].function && s->symbols[k].function[0])
            return &s->symbols[k];
    return NULL;
}

/* Whether `file` is the module `name`, of whatever version: "libc.so.6", "libc-2.31.so", "libobjc.A.dylib". */
static bool is_file_of(const char *file, const char *name)
{
    size_t n = strcspn(name, "*");
    if (strncmp(file, name, n))
        return false;
    if (name[n] == '*')
        return true;
    return !file[n] || file[n] == '.' || (file[n] == '-' && file[n + 1] >= '0' && file[n + 1] <= '9');
}

/* "libpython3.11.so.1.0", and the framework of macOS. */
static bool is_python(const char *file)
{
    return (!strncmp(file, "libpython", 9) && (file[9] == '.' || (file[9] >= '0' && file[9] <= '9'))) ||
           !strcmp(file, "Python");
}

/* A program may be called ld, or libc: it is nobody's library. */
static unsigned owner_of(const struct tl_capture *c, const char *path)
{
    const char *file = tl_module_file(path);
    if (is_python(file))
        return PYTHON;
    if (c->exe && path && !strcmp(path, c->exe) && !strstr(file, ".so") && strncmp(file, "python", 6))
        return OTHERS;
    for (size_t i = 0; i < TL_COUNT(modules); i++)
        if (is_file_of(file, modules[i].file))
            return modules[i].owner;
    return OTHERS;
}

/* What is known of a stack while its frames are looked at. */
struct stack {
    const struct tl_capture *c;
    const struct tl_thread *t;
    struct tl_frame_part *parts;
    bool hardware; /* the processor ended the process, and not a function of it */
    bool linked;   /* no libc among the modules: it is part of the program */
    bool runs;     /* of a hang: the thread was in no call of the kernel */
};

static const char *name_at(const struct stack *s, size_t i)
{
    return i < s->t->n_frames ? s->parts[i].name : NULL;
}

static const struct tl_module *module_at(const struct stack *s, size_t i)
{
    uint32_t module = s->t->frames[i].module;
    return module < s->c->n_modules ? &s->c->modules[module] : NULL;
}

/* Whether an inner or the outer neighbour of a frame is one of these. */
static bool is_beside(const struct stack *s, size_t i, const char *const *names, size_t n)
{
    return (i > 0 && listed(names, n, name_at(s, i - 1))) || listed(names, n, name_at(s, i + 1));
}

/* In other languages a dot in a name is followed by a number. */
static bool is_go(const struct stack *s, size_t i)
{
    const struct tl_symbol *symbol = tl_frame_function(s->t, i);
    const char *name = name_at(s, i), *dot = strchr(name, '.');
    return tl_is_of_go(symbol->file) || (LISTED(go_system, name) && dot && !tl_is_digit(dot[1]));
}

/* Whether a demangled name is Rust's, if it is one of C++ or Rust: those of C++ end in their parameters. */
static bool is_rust(const char *function)
{
    const char *close = strrchr(function, ')');
    return !close || strchr(close, '>');
}

/* Whether the source of a function is known, and is nobody's libc. */
static bool is_of_a_program(const struct stack *s, size_t i)
{
    static const char *const libcs[] = {"sysdeps/", "glibc",     "musl",     "nptl/",
                                        "csu/",     "../signal", "../stdlib"};
    const struct tl_symbol *symbol = tl_frame_function(s->t, i);
    if (!symbol || !symbol->file)
        return false;
    for (size_t k = 0; k < TL_COUNT(libcs); k++)
        if (strstr(symbol->file, libcs[k]))
            return false;
    return true;
}

static bool is_reserved(const char *name)
{
    return name[0] == '_';
}

/* The last of a thread: on arm64 a part of clone has a name of its own. */
static bool makes_threads(const char *name)
{
    const char *bare = name + strspn(name, "_");
    return tl_function_fits("clone*", bare) || !strcmp(bare, "thread_start");
}

/* Whether frame i, in a program that has libc in itself, is where libc starts something. */
static bool is_linked_start(const struct stack *s, size_t i)
{
    const char *name = name_at(s, i), *outer = name_at(s, i + 1);
    bool last = i + 1 >= s->t->n_frames || (s->t->frames[i + 1].flags & TL_FRAME_GUESSED);
    if (is_of_a_program(s, i) || !owned(start_names, 1, LIBC, name))
        return false;
    const char *bare = name + strspn(name, "_");
    if (makes_threads(name))
        return last;
    if (!strcmp(bare, "start_thread") || !strcmp(name, "start"))
        return last || (outer && makes_threads(outer));
    return is_reserved(name) || tl_function_fits("libc_start_main_*", name);
}

static bool is_linked_abort(const struct stack *s, size_t i)
{
    const char *name = name_at(s, i);
    if (is_of_a_program(s, i) || !owned(abort_names, 1, LIBC, name))
        return false;
    if (is_reserved(name))
        return true;
    for (int side = -1; side <= 1; side += 2) {
        const char *beside = i || side > 0 ? name_at(s, side > 0 ? i + 1 : i - 1) : NULL;
        if (beside && is_reserved(beside) && owned(abort_names, 1, LIBC, beside))
            return true;
    }
    if (s->hardware)
        return false;
    for (size_t k = 0; k < i; k++)
        if (s->parts[k].role != TL_ROLE_ABORT)
            return false;
    return true;
}

static enum tl_frame_role role_by_name(const struct stack *s, size_t i)
{
    const char *name = name_at(s, i);
    const struct tl_symbol *symbol = tl_frame_function(s->t, i);
    bool rust = is_rust(symbol->function);
    if (is_go(s, i)) {
        if (LISTED(go_abort, name))
            return TL_ROLE_ABORT;
        if (LISTED(go_start, name))
            return TL_ROLE_START;
        return LISTED(go_system, name) ? TL_ROLE_SYSTEM : TL_ROLE_RUNTIME;
    }
    bool last = i > 0 && (i + 1 >= s->t->n_frames || (s->t->frames[i + 1].flags & TL_FRAME_GUESSED));
    if (last && (!strcmp(name, "_start") || LISTED(go_start, name))) /* of the compiler, in every program */
        return TL_ROLE_START;
    if (LISTED(reserved_abort, name) || (rust && LISTED(rust_abort, name)))
        return TL_ROLE_ABORT;
    if (LISTED(rust_bare, name) && (is_beside(s, i, rust_abort, TL_COUNT(rust_abort)) ||
                                    is_beside(s, i, rust_bare, TL_COUNT(rust_bare))))
        return TL_ROLE_ABORT;
    if (LISTED(reserved_start, name) || (rust && LISTED(rust_start, name)))
        return TL_ROLE_START;
    if (!s->hardware && tl_is_reporting_function(name))
        return TL_ROLE_ABORT;
    if (!strcmp(name, "SignalHandler") && is_beside(s, i, llvm_signals, TL_COUNT(llvm_signals)))
        return TL_ROLE_ABORT;
    /* libc++abi's, where it is linked into something. */
    static const char *const terminates[] = {"std::__terminate", "std::terminate",
                                             "demangling_terminate_handler"};
    if ((!strcmp(name, "demangling_terminate_handler") || !strcmp(name, "abort_message")) &&
        is_beside(s, i, terminates, TL_COUNT(terminates)))
        return TL_ROLE_ABORT;
    if (s->linked && is_linked_abort(s, i))
        return TL_ROLE_ABORT;
    return TL_ROLE_RUNTIME;
}

static enum tl_frame_role role_of(const struct stack *s, size_t i)
{
    const char *name = name_at(s, i);
    const struct tl_module *m = module_at(s, i);
    unsigned owner = m ? owner_of(s->c, m->path) : OTHERS;
    bool runner =
        m && ((s->c->exe && m->path && !strcmp(m->path, s->c->exe)) || is_python(tl_module_file(m->path)));
    if (name && owned(abort_names, TL_COUNT(abort_names), owner, name))
        return TL_ROLE_ABORT;
    if (name && owned(start_names, TL_COUNT(start_names), owner, name))
        return TL_ROLE_START;
    enum tl_frame_role role = name ? role_by_name(s, i) : TL_ROLE_RUNTIME;
    if (role != TL_ROLE_RUNTIME)
        return role;
    if (!m) /* code made at run time is the runtime's */
        return TL_ROLE_RUNTIME;
    if (runner)
        return TL_ROLE_RUNNER;
    return owner && owner != DOTNET && owner != PYTHON ? TL_ROLE_SYSTEM : TL_ROLE_RUNTIME;
}

/* "__libc_read" and "__read" are read. */
static bool is_libc_wait(const char *name)
{
    name += strspn(name, "_");
    return LISTED(libc_waits, !strncmp(name, "libc_", 5) ? name + 5 : name);
}

static bool waits_at(const struct stack *s, size_t i)
{
    const char *name = name_at(s, i);
    const struct tl_module *m = module_at(s, i);
    unsigned owner = m ? owner_of(s->c, m->path) : OTHERS;
    if (!name)
        return false;
    if (is_go(s, i))
        return LISTED(go_waits, name);
    if (LISTED(waits_anywhere, name))
        return true;
    if (owner && is_libc_wait(name))
        return true;
    /* Linked into the program, libc's calls are the innermost frames of a thread that is in the kernel. */
    if (!s->linked || s->runs || is_of_a_program(s, i) || !is_libc_wait(name))
        return false;
    for (size_t k = 0; k < i; k++)
        if (!s->parts[k].waits)
            return false;
    return true;
}

/* Threads are started by what starts threads, so this goes from the outermost frame inwards. */
static void find_linked_starts(struct stack *s)
{
    for (size_t i = s->t->n_frames; i-- > 0;) {
        if (s->t->frames[i].flags & TL_FRAME_GUESSED)
            continue;
        if (!s->parts[i].name || !is_linked_start(s, i))
            break;
        s->parts[i].role = TL_ROLE_START;
    }
}

/* A thread of C++'s is started by a function that may be part of the program. */
static void find_thread_routines(struct stack *s)
{
    for (size_t i = 0; i + 1 < s->t->n_frames; i++)
        if (s->parts[i].name && !strcmp(s->parts[i].name, "execute_native_thread_routine") &&
            s->parts[i + 1].role == TL_ROLE_START)
            s->parts[i].role = TL_ROLE_START;
}

struct tl_frame_part *tl_frame_parts(const struct tl_capture *c, const struct tl_thread *t)
{
    struct stack s = {c, t, tl_calloc(t->n_frames, sizeof *s.parts), false, true, false};
    s.runs = c->kind == TL_CAPTURE_HANG && !t->state;
    s.hardware = c->kind == TL_CAPTURE_SIGNAL && !c->sender_pid &&
                 (c->signal == SIGSEGV || c->signal == SIGBUS || c->signal == SIGFPE);
    for (size_t i = 0; i < c->n_modules; i++)
        if (owner_of(c, c->modules[i].path) == LIBC && *tl_module_file(c->modules[i].path) != '[')
            s.linked = false;
    for (size_t i = 0; i < t->n_frames; i++) {
        const struct tl_symbol *symbol = tl_frame_function(t, i);
        s.parts[i].name = symbol ? tl_symbol_name(symbol) : NULL;
    }
    for (size_t i = 0; i < t->n_frames; i++) {
        s.parts[i].role = role_of(&s, i);
        s.parts[i].waits = waits_at(&s, i);
    }
    if (s.linked)
        find_linked_starts(&s);
    find_thread_routines(&s);
    return s.parts;
}

void tl_frame_parts_free(struct tl_frame_part *parts, size_t n)
{
    for (size_t i = 0; i < n; i++)
        free(parts[i].name);
    free(parts);
}
