/* What must come of every behaviour of the selftest runner. */
#ifndef TL_TEST_EXPECTED_H
#define TL_TEST_EXPECTED_H

#include "harness/base/record.h"

#include <signal.h>

enum { ANY_SIGNAL = -1 };

struct expected {
    const char *behaviour; /* and further assignments */
    enum tl_outcome outcome;
    enum tl_phase phase;
    int signal;
    const char *function; /* in the decisive stack; NULL: not looked at */
    const char *message;  /* part of the message or of the signature's title; NULL */
    bool slow;            /* takes a deadline or seconds: not for the soak */
    bool not_served;      /* in a fork server's child it ends otherwise */
};

#define CRASH(name, sig, function)                                                                           \
    {                                                                                                        \
        name, TL_OUTCOME_CRASH, TL_PHASE_EXECUTE, sig, function, NULL, false, false                          \
    }
#define PASS(name)                                                                                           \
    {                                                                                                        \
        name, TL_OUTCOME_PASS, TL_PHASE_DONE, 0, NULL, NULL, false, false                                    \
    }
#define HANG(name, phase, function)                                                                          \
    {                                                                                                        \
        name, TL_OUTCOME_HANG, phase, 0, function, NULL, true, false                                         \
    }
#define ERROR_IN(phase, name, message)                                                                       \
    {                                                                                                        \
        name, TL_OUTCOME_ERROR, phase, 0, NULL, message, false, false                                        \
    }

#ifdef __x86_64__
#define TRAP_SIGNAL SIGILL
#else
#define TRAP_SIGNAL SIGTRAP
#endif

static const struct expected expected[] = {
    PASS("pass"),
    ERROR_IN(TL_PHASE_EXECUTE, "error", "refused on request"),
    ERROR_IN(TL_PHASE_EXECUTE, "error_long", "abcdefghijklmno"),
    {"unsupported", TL_OUTCOME_UNSUPPORTED, TL_PHASE_EXECUTE, 0, NULL, "on request", false, false},
    ERROR_IN(TL_PHASE_EXECUTE, "exit_nonzero", "exit status 3"),
    ERROR_IN(TL_PHASE_EXECUTE, "exit_zero_silent", "without a result"),
    /* Faults. */
    CRASH("null_read", SIGSEGV, "tl_selftest_null_read"),
    CRASH("null_read thread=other", SIGSEGV, "tl_selftest_null_read"),
    CRASH("operator_crash", SIGSEGV, "tl_selftest_operator_crash"),
    CRASH("null_write", SIGSEGV, "tl_selftest_null_write"),
    CRASH("wild_read", SIGSEGV, "tl_selftest_wild_read"),
    CRASH("wild_write", SIGSEGV, "tl_selftest_wild_write"),
    CRASH("readonly_write", SIGSEGV, "tl_selftest_readonly_write"),
    {"null_jump", TL_OUTCOME_CRASH, TL_PHASE_EXECUTE, SIGSEGV, "tl_selftest_null_jump", "wild address", false,
     false},
    {"wild_jump", TL_OUTCOME_CRASH, TL_PHASE_EXECUTE, SIGSEGV, "tl_selftest_wild_jump", "wild address", false,
     false},
    {"data_jump", TL_OUTCOME_CRASH, TL_PHASE_EXECUTE, SIGSEGV, "tl_selftest_data_jump", "wild address", false,
     false},
    CRASH("bus_error", SIGBUS, "tl_selftest_bus_error"),
    CRASH("illegal_instruction", SIGILL, "tl_selftest_illegal_instruction"),
    CRASH("builtin_trap", TRAP_SIGNAL, "tl_selftest_builtin_trap"),
    CRASH("breakpoint", SIGTRAP, "tl_selftest_breakpoint"),
    CRASH("divide_by_zero", SIGFPE, "tl_selftest_divide_by_zero"),
    CRASH("abort", SIGABRT, "tl_selftest_abort"),
    CRASH("bad_syscall", SIGSYS, "tl_selftest_bad_syscall"),
    {"assert_failure", TL_OUTCOME_CRASH, TL_PHASE_EXECUTE, SIGABRT, "tl_selftest_assert_failure", "Assertion",
     false, false},
    {"terminate_message", TL_OUTCOME_CRASH, TL_PHASE_EXECUTE, SIGABRT, "tl_selftest_terminate_message",
     "terminate called", false, false},
    CRASH("raise_segv", SIGSEGV, "tl_selftest_raise_segv"),
    CRASH("raise_bus", SIGBUS, "tl_selftest_raise_bus"),
    CRASH("raise_ill", SIGILL, "tl_selftest_raise_ill"),
    CRASH("raise_trap", SIGTRAP, "tl_selftest_raise_trap"),
    CRASH("raise_fpe", SIGFPE, "tl_selftest_raise_fpe"),
    CRASH("raise_abrt", SIGABRT, "tl_selftest_raise_abrt"),
    CRASH("raise_sys", SIGSYS, "tl_selftest_raise_sys"),
    CRASH("kill_segv", SIGSEGV, "tl_selftest_kill_segv"),
    CRASH("kill_bus", SIGBUS, "tl_selftest_kill_bus"),
    CRASH("kill_ill", SIGILL, "tl_selftest_kill_ill"),
    CRASH("kill_trap", SIGTRAP, "tl_selftest_kill_trap"),
    CRASH("kill_fpe", SIGFPE, "tl_selftest_kill_fpe"),
    CRASH("kill_abrt", SIGABRT, "tl_selftest_kill_abrt"),
    CRASH("kill_sys", SIGSYS, "tl_selftest_kill_sys"),
    {"sigkill", TL_OUTCOME_ERROR, TL_PHASE_EXECUTE, SIGKILL, NULL, "SIGKILL", false, false},
    {"sigterm", TL_OUTCOME_ERROR, TL_PHASE_EXECUTE, SIGTERM, NULL, "SIGTERM", false, false},
    /* Handlers and masks. */
    PASS("handler_recovers"),
    CRASH("handler_reraises", SIGSEGV, "tl_selftest_handler_reraises"),
    ERROR_IN(TL_PHASE_EXECUTE, "handler_exits", "exit status 1"),
    {"handler_alternate_stack", TL_OUTCOME_CRASH, TL_PHASE_EXECUTE, SIGSEGV, NULL, "stack overflow", false,
     false},
    CRASH("abort_ignored", SIGABRT, "tl_selftest_abort_ignored"),
    CRASH("abort_blocked", SIGABRT, "tl_selftest_abort_blocked"),
    PASS("raise_masked"),
    CRASH("fault_while_blocked", SIGSEGV, "tl_selftest_fault_while_blocked"),
    CRASH("fault_while_ignored", SIGSEGV, "tl_selftest_fault_while_ignored"),
    /* Stacks. */
    {"stack_smash", TL_OUTCOME_CRASH, TL_PHASE_EXECUTE, SIGSEGV, NULL, "", false, false},
    {"stack_smash_detected", TL_OUTCOME_CRASH, TL_PHASE_EXECUTE, SIGABRT, NULL, "stack smashing detected",
     false, false},
    {"stack_overflow", TL_OUTCOME_CRASH, TL_PHASE_EXECUTE, SIGSEGV, "recurse", "stack overflow", false,
     false},
    CRASH("frame_loop", SIGSEGV, "tl_selftest_looping_frame"),
    CRASH("debug_frame", SIGSEGV, "tl_selftest_bare_fault"),
    {"deleted_library", TL_OUTCOME_CRASH, TL_PHASE_EXECUTE, SIGSEGV, NULL, "selftest_victim_crash", false,
     false},
    {"deleted_executable", TL_OUTCOME_CRASH, TL_PHASE_EXECUTE, SIGSEGV, NULL, "tl_selftest_null_read", false,
     false},
    {"stripped_library", TL_OUTCOME_CRASH, TL_PHASE_EXECUTE, SIGSEGV, "selftest_victim_crash",
     "selftest-victim", false, false},
    {"stripped_executable", TL_OUTCOME_CRASH, TL_PHASE_EXECUTE, SIGSEGV, NULL, "selftest-victim", false,
     false},
    CRASH("static_executable", SIGSEGV, "selftest_victim_crash"),
    /* Threads and processes. */
    CRASH("crash_in_thread", SIGSEGV, "crash"),
    CRASH("crash_among_threads", SIGSEGV, "tl_selftest_crash_among_threads"),
    CRASH("abort_other_thread", SIGABRT, "wait_at_barrier"),
    CRASH("crash_all_threads", SIGSEGV, "crash_at_barrier"),
    {"many_threads count=300", TL_OUTCOME_CRASH, TL_PHASE_EXECUTE, SIGABRT, "tl_selftest_many_threads", NULL,
     true, false},
    PASS("grandchild_crash"),
    PASS("grandchild_exec_crash"),
    PASS("daemon_crash"),
    PASS("daemon_lingers"),
    CRASH("wrapper", SIGSEGV, "tl_selftest_null_read"),
    CRASH("wrapper_exec", SIGSEGV, "tl_selftest_null_read"),
    ERROR_IN(TL_PHASE_EXECUTE, "wrapper_lies", "exit status 139"),
    CRASH("exec_crash", SIGSEGV, "tl_selftest_null_read"),
    CRASH("exec_thread_crash", SIGSEGV, "tl_selftest_null_read"),
    {"fork_bomb", TL_OUTCOME_ERROR, TL_PHASE_EXECUTE, 0, NULL, "limits.processes", true, false},
    /* Hangs. */
    HANG("hang_sleep", TL_PHASE_EXECUTE, "tl_selftest_hang_sleep"),
    HANG("hang_sleep phase=load", TL_PHASE_LOAD, "tl_selftest_hang_sleep"),
    HANG("hang_sleep phase=compile", TL_PHASE_COMPILE, "tl_selftest_hang_sleep"),
    HANG("hang_sleep phase=start", TL_PHASE_START, "tl_selftest_hang_sleep"),
    HANG("hang_sleep phase=check", TL_PHASE_CHECK, "tl_selftest_hang_sleep"),
    HANG("hang_spin", TL_PHASE_EXECUTE, "tl_selftest_hang_spin"),
    HANG("hang_spin_threads", TL_PHASE_EXECUTE, NULL),
    HANG("hang_ignoring", TL_PHASE_EXECUTE, "tl_selftest_hang_ignoring"),
    HANG("hang_blocking", TL_PHASE_EXECUTE, "tl_selftest_hang_blocking"),
    HANG("hang_join", TL_PHASE_EXECUTE, "tl_selftest_hang_join"),
    HANG("hang_stopped", TL_PHASE_EXECUTE, "tl_selftest_hang_stopped"),
    HANG("hang_deadlock", TL_PHASE_EXECUTE, "tl_selftest_hang_deadlock"),
    HANG("hang_pipe", TL_PHASE_EXECUTE, "tl_selftest_hang_pipe"),
    HANG("hang_grandchild", TL_PHASE_EXECUTE, "tl_selftest_hang_grandchild"),
    {"hang_at_exit", TL_OUTCOME_HANG, TL_PHASE_DONE, 0, NULL, "result had been sent", true, true},
    /* Floods. */
    PASS("flood_stdout"),
    PASS("flood_stderr"),
    CRASH("flood_crash", SIGSEGV, "tl_selftest_flood_crash"),
    PASS("flood_line"),
    {"partial_line_sigkill", TL_OUTCOME_ERROR, TL_PHASE_EXECUTE, SIGKILL, NULL, "SIGKILL", false, false},
    /* Resources. */
    PASS("fd_exhaustion"),
    CRASH("fd_exhaustion_crash", SIGABRT, "tl_selftest_fd_exhaustion_crash"),
    PASS("disk_many_files count=200"),
    /* Of the signal or the error, or of a look at what it has written that comes before its process has ended of that. */
    {"disk_large_file", TL_OUTCOME_ERROR, TL_PHASE_EXECUTE, ANY_SIGNAL, NULL, "limits.disk_mb", true, false},
    {"disk_large_file_error", TL_OUTCOME_ERROR, TL_PHASE_EXECUTE, 0, NULL, "limits.disk_mb", true, false},
    {"malloc_abort", TL_OUTCOME_OOM, TL_PHASE_EXECUTE, SIGABRT, "tl_selftest_malloc_abort", NULL, true,
     false},
    {"malloc_error", TL_OUTCOME_ERROR, TL_PHASE_EXECUTE, 0, NULL, NULL, true, false},
    {"malloc_null_write", TL_OUTCOME_OOM, TL_PHASE_EXECUTE, SIGSEGV, "tl_selftest_malloc_null_write", NULL,
     true, false},
    {"bad_alloc_message", TL_OUTCOME_OOM, TL_PHASE_EXECUTE, SIGABRT, NULL, "bad_alloc", true, false},
    {"mmap_shared", TL_OUTCOME_OOM, TL_PHASE_EXECUTE, ANY_SIGNAL, NULL, "memory limit", true, false},
    {"touch_until_killed", TL_OUTCOME_OOM, TL_PHASE_EXECUTE, ANY_SIGNAL, NULL, NULL, true, false},
    {"double_free", TL_OUTCOME_CRASH, TL_PHASE_EXECUTE, SIGABRT, "tl_selftest_double_free", "double free",
     false, false},
    CRASH("heap_corruption", SIGABRT, "tl_selftest_heap_corruption"),
    /* Messages. */
    ERROR_IN(TL_PHASE_DONE, "malformed_json", "JSON"),
    ERROR_IN(TL_PHASE_DONE, "not_an_object", "object"),
    ERROR_IN(TL_PHASE_DONE, "deep_json", "JSON"),
    ERROR_IN(TL_PHASE_DONE, "unknown_message", "expected"),
    ERROR_IN(TL_PHASE_DONE, "oversized_message", "65536"),
    ERROR_IN(TL_PHASE_EXECUTE, "oversized_unterminated", "65536"),
    PASS("no_newline"),
    ERROR_IN(TL_PHASE_DONE, "binary_garbage count=4096", "expected"),
    ERROR_IN(TL_PHASE_DONE, "unknown_phase", "teatime"),
    PASS("phase_backwards"),
    CRASH("phase_lies", SIGSEGV, "tl_selftest_phase_lies"),
    PASS("flood_phases count=2000"),
    ERROR_IN(TL_PHASE_EXECUTE, "message_late", "without a result"),
    ERROR_IN(TL_PHASE_EXECUTE, "close_channel", "without a result"),
    CRASH("close_channel_crash", SIGSEGV, "tl_selftest_close_channel_crash"),
    ERROR_IN(TL_PHASE_EXECUTE, "shutdown_channel", "without a result"),
    ERROR_IN(TL_PHASE_DONE, "two_results", "second answer"),
    ERROR_IN(TL_PHASE_DONE, "result_then_error", "second answer"),
    ERROR_IN(TL_PHASE_DONE, "result_then_exit_nonzero", "exit status 3"),
    {"result_then_crash", TL_OUTCOME_CRASH, TL_PHASE_DONE, SIGSEGV, "crash_at_exit", NULL, false, true},
    PASS("result_large"),
    ERROR_IN(TL_PHASE_EXECUTE, "result_too_large", "larger than a message"),
    {"not_finite", TL_OUTCOME_WRONG, TL_PHASE_DONE, 0, NULL, "not finite", false, false},
    PASS("wrong_output"),
    ERROR_IN(TL_PHASE_EXECUTE, "missing_fields", "expected"),
    ERROR_IN(TL_PHASE_EXECUTE, "wrong_types", "expected"),
    {"other_device", TL_OUTCOME_FALLBACK, TL_PHASE_DONE, 0, NULL, "not on cpu as asked", false, false},
};
#define N_EXPECTED (sizeof expected / sizeof expected[0])

#endif
