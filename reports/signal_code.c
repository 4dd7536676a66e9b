/* The numbers are those of the system that a process ran on: a database travels, and a report of macOS is read on Linux.
 * So they stand here as each kernel documents them, and not as this system's headers have them. Signals themselves are
 * stored by name, and have the numbers of this system once they are read (db/signals.sql). */
#include "reports/signal_code.h"

#include "harness/base/buffer.h"

#include <signal.h>
#include <stdbool.h>
#include <string.h>

struct code {
    int signal, code; /* signal 0: the same for every signal */
    const char *words;
};

static const struct code of_linux[] = {
    {0, 0, "sent by kill()"},
    {0, -1, "sent by sigqueue()"},
    {0, -6, "sent by raise() or tgkill()"},
    {0, 0x80, "sent by the kernel"},
    {SIGSEGV, 1, "address not mapped"},
    {SIGSEGV, 2, "access not permitted"},
    {SIGBUS, 1, "misaligned address"},
    {SIGBUS, 2, "no such physical address"},
    {SIGFPE, 1, "integer division by zero"},
    {SIGFPE, 2, "integer overflow"},
    {SIGILL, 1, "illegal instruction"},
    {SIGILL, 2, "illegal instruction"},
};

/* raise() is kill() there, and 0 stands for a code that nobody gave. */
static const struct code of_darwin[] = {
    {0, 0x10001, "sent by kill()"},          {0, 0x10002, "sent by sigqueue()"},
    {SIGSEGV, 1, "address not mapped"},      {SIGSEGV, 2, "access not permitted"},
    {SIGBUS, 1, "misaligned address"},       {SIGBUS, 2, "no such physical address"},
    {SIGFPE, 7, "integer division by zero"}, {SIGFPE, 8, "integer overflow"},
    {SIGILL, 1, "illegal instruction"},      {SIGILL, 4, "illegal instruction"},
};

static const char *find(const struct code *codes, size_t n, int signal, int code)
{
    for (size_t i = 0; i < n; i++)
        if ((!codes[i].signal || codes[i].signal == signal) && codes[i].code == code)
            return codes[i].words;
    return NULL;
}

static bool is_of_apple(const char *os)
{
    static const char *const names[] = {"macOS", "Mac",  "Darwin",  "iOS",      "iPhone",
                                        "iPad",  "tvOS", "watchOS", "visionOS", "xrOS"};
    for (size_t i = 0; i < TL_COUNT(names); i++)
        if (!strncmp(os, names[i], strlen(names[i])))
            return true;
    return false;
}

const char *tl_signal_code_words(const char *os, int signal, int code)
{
    if (!os)
        return "";
    bool apple = is_of_apple(os);
    const char *words = apple ? find(of_darwin, TL_COUNT(of_darwin), signal, code)
                              : find(of_linux, TL_COUNT(of_linux), signal, code);
    return words ? words : !apple && code < 0 ? "sent" : "";
}
