/* The ways of misbehaving that test_random_misbehaviour draws from: a plan has one value of each of these, and a place.
 * Names are those of the plan's text, BEHAVIOUR/PROCESS/THREADS/MOMENT/HANDLER/STACK/LIMIT/PLACE. */
#ifndef TL_MISBEHAVE_H
#define TL_MISBEHAVE_H

#include <stdbool.h>

/* What it does at its fatal place. */
#define BEHAVIOURS(X)                                                                                        \
    X(null_write)                                                                                            \
    X(null_call)                                                                                             \
    X(wild_read)                                                                                             \
    X(stack_overflow)                                                                                        \
    X(undefined_instruction)                                                                                 \
    X(breakpoint)                                                                                            \
    X(divide_by_zero)                                                                                        \
    X(bus_error)                                                                                             \
    X(abort)                                                                                                 \
    X(assertion)                                                                                             \
    X(double_free)                                                                                           \
    X(smashed_stack)                                                                                         \
    X(raise_segv)                                                                                            \
    X(raise_bus)                                                                                             \
    X(raise_ill)                                                                                             \
    X(raise_fpe)                                                                                             \
    X(raise_trap)                                                                                            \
    X(raise_abrt)                                                                                            \
    X(raise_sys)                                                                                             \
    X(send_to_thread)                                                                                        \
    X(raise_term)                                                                                            \
    X(raise_pipe)                                                                                            \
    X(raise_realtime)                                                                                        \
    X(raise_kill)                                                                                            \
    X(send_to_process)                                                                                       \
    X(queue_to_process)                                                                                      \
    X(send_by_timer)                                                                                         \
    X(send_to_main_thread)                                                                                   \
    X(send_segv_to_group)                                                                                    \
    X(send_abrt_to_group)                                                                                    \
    X(seccomp_kill_process)                                                                                  \
    X(seccomp_kill_thread)                                                                                   \
    X(seccomp_trap)                                                                                          \
    X(exit_0)                                                                                                \
    X(exit_3)                                                                                                \
    X(exit_at_once)                                                                                          \
    X(end_with_words)                                                                                        \
    X(memory_then_abort)                                                                                     \
    X(memory_then_write)                                                                                     \
    X(memory_then_exit)                                                                                      \
    X(memory_then_words)                                                                                     \
    X(descriptors_then_abort)                                                                                \
    X(descriptors_then_words)                                                                                \
    X(file_too_large)                                                                                        \
    X(flood_then_abort)                                                                                      \
    X(death_signal)                                                                                          \
    X(orphan_left)                                                                                           \
    X(hang_pause)                                                                                            \
    X(hang_spin)                                                                                             \
    X(hang_lock)                                                                                             \
    X(hang_stopped)                                                                                          \
    X(hang_vfork)

/* Which process does it, and what those above it make of that. */
#define PROCESSES(X)                                                                                         \
    X(self)                                                                                                  \
    X(child_ignored)                                                                                         \
    X(child_128)      /* exits with 128 + its signal, as a shell does */                                     \
    X(child_fails)    /* exits with STATUS_OF_SIGNAL + its signal, as drivers have statuses of their own */  \
    X(child_again)    /* raises its signal */                                                                \
    X(grandchild_128) /* both above it do as child_128 */                                                    \
    X(session_128)    /* in a session of its own */                                                          \
    X(init_128)       /* the first process of a pid namespace */                                             \
    X(executed)       /* by the program again, after a fault that it handled */                              \
    X(executed_by_thread)                                                                                    \
    X(after_children) /* many children have aborted before */

#define THREADS(X)                                                                                           \
    X(alone)                                                                                                 \
    X(beside_idle)                                                                                           \
    X(worker)                                                                                                \
    X(worker_beside_busy)                                                                                    \
    X(main_gone)                                                                                             \
    X(two_at_once)                                                                                           \
    X(beside_churn)                                                                                          \
    X(second_generation)

/* When it does it. */
#define MOMENTS(X)                                                                                           \
    X(at_once)                                                                                               \
    X(after_output)                                                                                          \
    X(after_1_fault) /* handled ones */                                                                      \
    X(after_4_faults)                                                                                        \
    X(after_30_faults)                                                                                       \
    X(after_3000_faults)                                                                                     \
    X(among_faults) /* of another kind: no call is made between them and it */                               \
    X(after_sleep)                                                                                           \
    X(in_constructor)                                                                                        \
    X(in_atexit)                                                                                             \
    X(in_callback)                                                                                           \
    X(in_handler)       /* of another signal */                                                              \
    X(exit_beside)      /* while another thread exits with status 0: then */                                 \
    X(exit_after_100us) /* or so much later */                                                               \
    X(exit_after_1ms)

/* What is done with the signals of crashes. */
#define HANDLERS(X)                                                                                          \
    X(none)                                                                                                  \
    X(ignored)                                                                                               \
    X(blocked)                                                                                               \
    X(blocked_and_ignored)                                                                                   \
    X(default_and_return)                                                                                    \
    X(once)                                                                                                  \
    X(gives_up) /* returns three times, then puts the default action back */                                 \
    X(raise_again)                                                                                           \
    X(kill_again)                                                                                            \
    X(jump_out)                                                                                              \
    X(exit_from_handler)                                                                                     \
    X(exit_well)                                                                                             \
    X(fault_again)                                                                                           \
    X(abort_in_handler)

#define STACKS(X) X(plain) X(alternate)

#define LIMITS(X) X(unlimited) X(memory) X(descriptors) X(small_stack) X(file_size) X(address_space)

#define PLACES 8

#define STATUS_OF_SIGNAL 40 /* above exit statuses of its own */

#define AS_VALUE(name) TL_##name,
#define AS_NAME(name) #name,
enum tl_behaviour { BEHAVIOURS(AS_VALUE) };
enum tl_process_kind { PROCESSES(AS_VALUE) };
enum tl_threads { THREADS(AS_VALUE) };
enum tl_moment { MOMENTS(AS_VALUE) };
enum tl_handler { HANDLERS(AS_VALUE) };
enum tl_stack { STACKS(AS_VALUE) };
enum tl_limit { LIMITS(AS_VALUE) };

struct plan {
    enum tl_behaviour behaviour;
    enum tl_process_kind process;
    enum tl_threads threads;
    enum tl_moment moment;
    enum tl_handler handler;
    enum tl_stack stack;
    enum tl_limit limit;
    int place;
    bool step; /* run as the step of a case, not as the trial's own process; the program does not know */
};

#endif
