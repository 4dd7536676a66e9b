/* What si_code says is read by the system that a process ran on, whichever this is. */
#include "reports/signal_code.h"

#include <criterion/criterion.h>
#include <signal.h>

#define LINUX "Debian GNU/Linux 12 (bookworm)"

/* The numbers of either system, held against its own headers wherever this is compiled. */
#ifdef __linux__
_Static_assert(SI_USER == 0 && SI_QUEUE == -1 && SI_TKILL == -6 && SI_KERNEL == 0x80, "of every signal");
_Static_assert(SEGV_MAPERR == 1 && SEGV_ACCERR == 2 && BUS_ADRALN == 1 && BUS_ADRERR == 2, "of memory");
_Static_assert(FPE_INTDIV == 1 && FPE_INTOVF == 2 && ILL_ILLOPC == 1 && ILL_ILLOPN == 2, "of instructions");
#elif defined(__APPLE__)
_Static_assert(SI_USER == 0x10001 && SI_QUEUE == 0x10002, "of every signal");
_Static_assert(SEGV_MAPERR == 1 && SEGV_ACCERR == 2 && BUS_ADRALN == 1 && BUS_ADRERR == 2, "of memory");
_Static_assert(FPE_INTDIV == 7 && FPE_INTOVF == 8 && ILL_ILLOPC == 1 && ILL_ILLOPN == 4, "of instructions");
#endif

Test(signal_code, is_of_the_system_of_the_process)
{
    cr_assert_str_eq(tl_signal_code_words(LINUX, SIGFPE, 1), "integer division by zero");
    cr_assert_str_eq(tl_signal_code_words("macOS 26.4", SIGFPE, 1), "");
    cr_assert_str_eq(tl_signal_code_words("macOS 26.4", SIGFPE, 7), "integer division by zero");
    cr_assert_str_eq(tl_signal_code_words(LINUX, SIGFPE, 7), "");
    cr_assert_str_eq(tl_signal_code_words(LINUX, SIGABRT, -6), "sent by raise() or tgkill()");
    cr_assert_str_eq(tl_signal_code_words("iPhone OS 26.4", SIGABRT, -6), "");
    cr_assert_str_eq(tl_signal_code_words("Darwin", SIGABRT, 0x10001), "sent by kill()");
    cr_assert_str_eq(tl_signal_code_words("macOS 26.4", SIGSEGV, 2), "access not permitted");
    cr_assert_str_eq(tl_signal_code_words("Ubuntu 24.04", SIGSEGV, 2), "access not permitted");
}

/* A crash report of macOS has no code: 0 is what nobody said, and not that somebody sent the signal. */
Test(signal_code, says_nothing_of_what_is_not_known)
{
    cr_assert_str_eq(tl_signal_code_words("macOS 26.4", SIGSEGV, 0), "");
    cr_assert_str_eq(tl_signal_code_words(LINUX, SIGSEGV, 0), "sent by kill()");
    cr_assert_str_eq(tl_signal_code_words(NULL, SIGSEGV, 1), "");
    cr_assert_str_eq(tl_signal_code_words(LINUX, SIGSEGV, 77), "");
    cr_assert_str_eq(tl_signal_code_words(LINUX, SIGUSR1, -60), "sent");
}
