/* Signals that text speaks of. Pure. */
#ifndef TL_SIGNAL_WORDS_H
#define TL_SIGNAL_WORDS_H

#include <stdbool.h>
#include <stddef.h>

/* Whether a message names a signal, by its number, its name or as a shell does. */
bool tl_names_signal(const char *message, int signal);

/* Whether a message tells that some process has ended badly: the words of a driver, not of what failed. */
bool tl_tells_death(const char *message);

/* The signal of which a program died by what its driver wrote last ("App terminated due to signal 5."), and
 * the line that says so (a new string); 0 when it says nothing of the kind. Numbers are those of the system
 * that the words come from: "due to signal" is Apple's. */
int tl_signal_in_last_words(const char *text, size_t size, char **line);

#endif
