/* What si_code of a signal says, where it says more than the signal. */
#ifndef TL_SIGNAL_CODE_H
#define TL_SIGNAL_CODE_H

/* In words; "" where there is nothing to say. `os` is the system that the process ran on, as its environment names it
 * (NULL: not known), which need not be this one. */
const char *tl_signal_code_words(const char *os, int signal, int code);

#endif
