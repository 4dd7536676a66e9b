/* The simulated runtime's own code, a library of its own, as a runtime is: functions in which it crashes.
 * Their names tell the failures apart, and that they are simulated. */
#ifndef TL_SIM_CRASH_H
#define TL_SIM_CRASH_H

/* Name in profiles, and what it stands for. The function is tl_simulated_NAME. */
#define TL_SIM_SITES(X)                                                                                      \
    X(load, "somewhere in loading")                                                                          \
    X(compile, "somewhere in compiling")                                                                     \
    X(execute, "somewhere in executing")                                                                     \
    X(check, "somewhere in reading outputs")                                                                 \
    X(slice_update, "the write of new rows into the KV cache")                                               \
    X(read_slice_bounds, "reading the bounds of such a write from memory")                                   \
    X(run_pass_manager, "the passes of the compiler")                                                        \
    X(ane_precompile_binary, "the Neural Engine's ahead-of-time compiler")                                   \
    X(view_op_source_buffer, "the source buffer of a view, on the scratch heap")                             \
    X(attention, "attention")                                                                                \
    X(matmul, "a product of matrices")

/* The signals that a profile may name. */
#define TL_SIM_SIGNALS(X) X(SIGSEGV) X(SIGBUS) X(SIGILL) X(SIGTRAP) X(SIGFPE) X(SIGABRT)

/* Really crashes: executes an instruction, or touches an address, for which the system sends this signal (on
 * machines whose division does not trap SIGFPE is raised instead). In a thread of that name, unless it is
 * NULL. site: index in TL_SIM_SITES. */
void tl_sim_crash(int site, int signal, const char *thread) __attribute__((noreturn));

#endif
