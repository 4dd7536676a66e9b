/* Signals that text speaks of.
 *
 * The driver of a program on another device (devicectl, adb, ssh) is traced, and the program is not: of its
 * death there is nothing but the driver's words. They count only as the last ones, since a driver that goes on
 * after a death has dealt with it. */
#include "harness/verdict/signal_words.h"

#include "harness/base/ascii.h"
#include "harness/base/buffer.h"
#include "harness/base/record.h"
#include "harness/base/utf8.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define LAST_BYTES 4096
#define LAST_LINES 4

static const struct {
    int signal;
    int apple; /* its number there */
    const char *description;
} known[] = {
    {SIGSEGV, 11, "Segmentation fault"},     {SIGBUS, 10, "Bus error"}, {SIGILL, 4, "Illegal instruction"},
    {SIGFPE, 8, "Floating point exception"}, {SIGABRT, 6, "Aborted"},   {SIGTRAP, 5, "Trace/breakpoint trap"},
    {SIGSYS, 12, "Bad system call"}};
#define KNOWN (TL_COUNT(known))

bool tl_names_signal(const char *message, int signal)
{
    if (!message)
        return false;
    for (size_t i = 0; i < KNOWN; i++)
        if (known[i].signal == signal && strcasestr(message, known[i].description))
            return true;
    char number[24];
    snprintf(number, sizeof number, "signal %d", signal);
    const char *at = strstr(message, number);
    return (at && !tl_is_digit(at[strlen(number)])) || strstr(message, tl_signal_name(signal));
}

bool tl_tells_death(const char *message)
{
    static const char *const words[] = {
        "crashed",           "died",       "killed",     "exited",     "exit code", "exit status",
        "returned non-zero", "terminated", "subprocess", "core dumped"};
    if (strcasestr(message, "command buffer")) /* of a GPU, which is no process */
        return false;
    for (size_t i = 0; i < TL_COUNT(words); i++)
        if (strcasestr(message, words[i]))
            return true;
    for (size_t i = 0; i < KNOWN; i++)
        if (tl_names_signal(message, known[i].signal))
            return true;
    return false;
}

/* The signal that a line says a program died of; 0. */
static int signal_of_line(const char *line)
{
    static const char *const verbs[] = {"terminated", "killed", "died", "crashed", "exited"};
    const char *at = strcasestr(line, "signal "), *p = at ? at + 7 : NULL;
    bool died = false;
    for (size_t i = 0; at && i < TL_COUNT(verbs); i++) {
        const char *verb = strcasestr(line, verbs[i]);
        died |= verb && verb < at;
    }
    if (!died)
        return 0;
    p += strncmp(p, "code ", 5) ? 0 : 5;
    bool apple = at - line >= 7 && !strncasecmp(at - 7, "due to ", 7);
    int number = tl_is_digit(*p) ? atoi(p) : 0;
    for (size_t i = 0; i < KNOWN; i++) {
        const char *name = tl_signal_name(known[i].signal);
        if (number ? number == (apple ? known[i].apple : known[i].signal) : !strncmp(p, name, strlen(name)))
            return known[i].signal;
    }
    return 0;
}

int tl_signal_in_last_words(const char *text, size_t size, char **line)
{
    if (size > LAST_BYTES) {
        text += size - LAST_BYTES;
        size = LAST_BYTES;
    }
    char *clean = tl_clean_text(text, size, true);
    int signal = 0;
    for (int n = 0; n < LAST_LINES && !signal && *clean; n++) {
        char *newline = strrchr(clean, '\n'), *last = newline ? newline + 1 : clean;
        signal = signal_of_line(last);
        if (signal)
            *line = tl_strdup(last);
        n -= *last == '\0'; /* an empty line is none */
        *(newline ? newline : clean) = '\0';
    }
    free(clean);
    return signal;
}
