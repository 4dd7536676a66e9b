/* Every way the selftest runner can misbehave: name and what it does. The family lists the names, the runner
 * has a function for each; both are made from this one list. In each group, simplest first. */
#ifndef TL_SELFTEST_BEHAVIOURS_H
#define TL_SELFTEST_BEHAVIOURS_H

/* clang-format off */
#define TL_SELFTEST_BEHAVIOURS(X) \
    /* Clean ends. */ \
    X(pass, "does its work and passes") \
    X(error, "a clean error: domain selftest, code refused") \
    X(error_long, "a clean error whose message is count KiB (default 100) with bytes that are not UTF-8") \
    X(unsupported, "says that this variant cannot be tried here") \
    X(exit_nonzero, "exits with status count (default 3) without a result") \
    X(exit_zero_silent, "exits with status 0 without a result") \
    /* Faults. */ \
    X(null_read, "reads address 0: SIGSEGV") \
    X(null_write, "writes address 0: SIGSEGV") \
    X(wild_read, "reads an address that is not canonical or not mapped: SIGSEGV") \
    X(wild_write, "writes an address that is not mapped: SIGSEGV") \
    X(readonly_write, "writes a page that is read-only: SIGSEGV with SEGV_ACCERR") \
    X(null_jump, "calls address 0: SIGSEGV") \
    X(wild_jump, "calls an address that is not mapped: SIGSEGV") \
    X(data_jump, "calls into data that is not executable: SIGSEGV") \
    X(bus_error, "reads a mapping beyond the end of its file: SIGBUS") \
    X(illegal_instruction, "an undefined instruction: SIGILL") \
    X(builtin_trap, "__builtin_trap(): SIGILL on x86, SIGTRAP on arm64") \
    X(breakpoint, "a breakpoint instruction: SIGTRAP") \
    X(divide_by_zero, "integer division by zero: SIGFPE (raised where the processor does not trap)") \
    X(abort, "abort(): SIGABRT") \
    X(operator_crash, "runs two operators, Conv \"first\" and Softmax \"second\", and reads address 0 in the second one") \
    X(bad_syscall, "a system call that a seccomp filter traps: SIGSYS") \
    X(assert_failure, "assert() fails: SIGABRT with glibc's message") \
    X(terminate_message, "ends as an uncaught C++ exception does: message on stderr, then SIGABRT") \
    X(raise_segv, "raise(SIGSEGV)") \
    X(raise_bus, "raise(SIGBUS)") \
    X(raise_ill, "raise(SIGILL)") \
    X(raise_trap, "raise(SIGTRAP)") \
    X(raise_fpe, "raise(SIGFPE)") \
    X(raise_abrt, "raise(SIGABRT)") \
    X(raise_sys, "raise(SIGSYS)") \
    X(kill_segv, "sends itself SIGSEGV with kill()") \
    X(kill_bus, "sends itself SIGBUS with kill()") \
    X(kill_ill, "sends itself SIGILL with kill()") \
    X(kill_trap, "sends itself SIGTRAP with kill()") \
    X(kill_fpe, "sends itself SIGFPE with kill()") \
    X(kill_abrt, "sends itself SIGABRT with kill()") \
    X(kill_sys, "sends itself SIGSYS with kill()") \
    X(sigkill, "sends itself SIGKILL") \
    X(sigterm, "sends itself SIGTERM") \
    /* Signal handlers and masks. */ \
    X(handler_recovers, "its own SIGSEGV handler jumps out of a real fault (siglongjmp), then it passes") \
    X(handler_reraises, "its own SIGSEGV handler restores the default and raises the signal again") \
    X(handler_exits, "its own SIGSEGV handler leaves with _exit(1)") \
    X(handler_alternate_stack, "stack overflow with a handler on an alternate stack that raises the signal again") \
    X(abort_ignored, "SIGABRT ignored, then abort()") \
    X(abort_blocked, "SIGABRT blocked, then abort()") \
    X(raise_masked, "raises SIGABRT while it is blocked and leaves it pending: passes") \
    X(fault_while_blocked, "all signals blocked, then a real fault") \
    X(fault_while_ignored, "SIGSEGV ignored, then a real fault") \
    /* Stacks that are hard to unwind. */ \
    X(stack_smash, "returns to an overwritten return address, no canary in the way") \
    X(stack_smash_detected, "overwrites the stack protector's canary: SIGABRT") \
    X(stack_overflow, "recursion without end; with count, that many frames and then a null read") \
    X(frame_loop, "a null read below a frame pointer that points to itself, in code without unwind information") \
    X(debug_frame, "a null read in code that has .debug_frame and no .eh_frame") \
    X(deleted_library, "a null read in a shared library whose file has been deleted") \
    X(deleted_executable, "runs a copy of itself, deletes it, and the copy reads address 0") \
    X(stripped_library, "a null read in a function of a stripped shared library") \
    X(stripped_executable, "runs a stripped executable that reads address 0") \
    X(static_executable, "runs a static position-independent executable that reads address 0") \
    /* Threads. */ \
    X(crash_in_thread, "a null read in a second thread while the first waits in pthread_join") \
    X(crash_among_threads, "a null read while count other threads (default 16) wait") \
    X(abort_other_thread, "sends SIGABRT to another thread of its own with tgkill") \
    X(crash_all_threads, "count threads (default 8) read address 0 at the same moment") \
    X(many_threads, "starts threads until no more can be had (at most count, default 20000), then aborts") \
    /* Other processes. */ \
    X(grandchild_crash, "a child of the runner crashes; the runner goes on and passes") \
    X(grandchild_exec_crash, "a child of the runner execs and then crashes; the runner goes on and passes") \
    X(daemon_crash, "a descendant that was double-forked into its own session crashes; the runner passes") \
    X(daemon_lingers, "a descendant that was double-forked into its own session sleeps on; the runner passes") \
    X(wrapper, "a child dies of SIGSEGV and the runner exits with 128 + 11, as a shell does") \
    X(wrapper_exec, "the same, with a child that execs first") \
    X(wrapper_lies, "exits with 128 + 11 although no descendant died") \
    X(exec_crash, "execs itself, then crashes") \
    X(exec_thread_crash, "a thread that is not the leader execs, then the new image crashes") \
    X(fork_bomb, "every process forks as fast as it can, for at most `seconds` (default 30)") \
    /* Hangs. `seconds` (default 0: for ever) ends those that can end. */ \
    X(hang_sleep, "sleeps") \
    X(hang_spin, "spins") \
    X(hang_spin_threads, "spins in count threads (default 8)") \
    X(hang_ignoring, "sleeps with every signal ignored that can be ignored") \
    X(hang_blocking, "spins with every signal blocked that can be blocked") \
    X(hang_join, "a second thread sleeps while the first waits in pthread_join") \
    X(hang_stopped, "stops itself with SIGSTOP") \
    X(hang_deadlock, "locks two mutexes in two threads in opposite order") \
    X(hang_pipe, "reads a pipe that nobody writes") \
    X(hang_grandchild, "waits for a child that sleeps") \
    X(hang_at_exit, "sends its result and then hangs while it exits") \
    /* Resources. */ \
    X(flood_stdout, "writes count MiB (default 64) to stdout, then passes") \
    X(flood_stderr, "writes count MiB (default 64) to stderr, then passes") \
    X(flood_crash, "writes count MiB (default 16) to both, a last line to each, then crashes") \
    X(flood_line, "writes count MiB (default 16) to stdout without a newline, then passes") \
    X(partial_line_sigkill, "writes a line and the beginning of another, then SIGKILL") \
    X(fd_exhaustion, "opens descriptors until it cannot, closes them, passes") \
    X(fd_exhaustion_crash, "opens descriptors until it cannot, then aborts") \
    X(disk_many_files, "makes count files (default 20000) in the scratch directory, then passes") \
    X(disk_large_file, "writes one file of count MiB (default 1024) until it is stopped (SIGXFSZ)") \
    X(disk_large_file_error, "the same with SIGXFSZ ignored: a clean error") \
    /* Memory. */ \
    X(malloc_abort, "allocates and touches count MiB (default 8192) by malloc; aborts when there is no more") \
    X(malloc_error, "the same, with a clean error") \
    X(malloc_null_write, "the same, writing to the NULL that it gets") \
    X(bad_alloc_message, "the same, with the message of an uncaught std::bad_alloc") \
    X(mmap_shared, "touches count MiB (default 8192) of shared anonymous memory") \
    X(touch_until_killed, "touches count MiB (default 8192) of private memory, which only a cgroup stops") \
    X(double_free, "frees the same memory twice: glibc aborts") \
    X(heap_corruption, "writes beyond an allocation; glibc notices later and aborts") \
    /* Messages that break the protocol. */ \
    X(malformed_json, "a line that is not JSON, then passes") \
    X(not_an_object, "a line that is JSON but not an object, then passes") \
    X(deep_json, "a line of 20000 opening brackets, then passes") \
    X(unknown_message, "a message of an unknown kind, then passes") \
    X(oversized_message, "a line of count KiB (default 128), then passes") \
    X(oversized_unterminated, "count KiB (default 1024) without any newline") \
    X(no_newline, "its result without the newline, then exits") \
    X(binary_garbage, "count bytes (default 4096) of any value, then passes") \
    X(unknown_phase, "an unknown phase, then passes") \
    X(phase_backwards, "goes back to load after check, then passes") \
    X(phase_lies, "says that it is done, then crashes") \
    X(flood_phases, "count phase messages (default 100000), then passes") \
    X(message_late, "hands the socket to a child, exits, and the child sends a result after `seconds` (default 1)") \
    X(close_channel, "closes fd 3 and exits 0") \
    X(close_channel_crash, "closes fd 3, then crashes") \
    X(shutdown_channel, "shuts fd 3 down for writing, then sends its result all the same") \
    X(two_results, "sends two results that differ") \
    X(result_then_error, "sends a result, then an error") \
    X(result_then_exit_nonzero, "sends its result, then exits with status count (default 3)") \
    X(result_then_crash, "sends its result, then crashes while it exits") \
    X(result_large, "a result of more than 64 KiB: goes by way of a file") \
    X(result_too_large, "a result of more than 16 MiB: becomes an error of domain protocol") \
    /* Results that do not say what they should. */ \
    X(not_finite, "a result with outputs that are not finite") \
    X(wrong_output, "a result with other values than those of pass") \
    X(missing_fields, "a result without what it must have") \
    X(wrong_types, "a result whose fields have wrong types") \
    X(other_device, "a result that says it was observed on another device")
/* clang-format on */

#endif
