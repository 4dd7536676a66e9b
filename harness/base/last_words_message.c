/* What a message says of a failure: its cause, only that there was one, or nothing. */
#include "harness/base/last_words_impl.h"

#include "harness/base/buffer.h"

#include <string.h>

static bool contains_any(const char *s, const char *const *words, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (strstr(s, words[i]))
            return true;
    return false;
}
#define CONTAINS(s, words) contains_any(s, words, TL_COUNT(words))

bool tl_message_says_nothing(const char *message)
{
    static const char *const known[] = {"abort() called",
                                        "Aborted",
                                        "Aborted (core dumped)",
                                        "Abort trap: 6",
                                        "Segmentation fault",
                                        "Bus error",
                                        "Illegal instruction",
                                        "Floating point exception",
                                        "Trace/BPT trap: 5",
                                        "Trace/breakpoint trap",
                                        "Segmentation fault: 11",
                                        "Bus error: 10",
                                        "Illegal instruction: 4",
                                        "Segmentation fault (core dumped)",
                                        TL_NOT_TRACED,
                                        TL_NOT_KEPT,
                                        TL_NOT_READABLE};
    const char *s = message;
    if (starts(s, "Fatal Python error: "))
        s += 20;
    s = skip_blanks(s);
    for (size_t k = 0; k < TL_COUNT(known); k++)
        if (!strcmp(s, known[k]))
            return true;
    return !has_letter(s) && !strchr(s, '_');
}

/* Lines that announce the end and not its reason: they count only when there is nothing better. */
bool tl_message_is_epilogue(const char *s)
{
    static const char *const known[] = {
        "terminate called without an active",
        "panic in a function that cannot unwind",
        "panic in a destructor",
        "thread caused non-unwinding panic",
        "exception of type NSException",
        "terminate called recursively",
    };
    return CONTAINS(s, known) || tl_message_says_nothing(s);
}

/* An error of a compiler about itself that only names the signal it got, or the check that failed. */
bool tl_message_is_bare_internal_error(const char *s)
{
    static const char *const signals[] = {"Segmentation fault",  "Aborted",   "Illegal instruction",
                                          "Floating point exce", "Bus error", "Killed"};
    const char *p = strstr(s, "internal compiler error: ");
    for (size_t i = 0; p && i < TL_COUNT(signals); i++)
        if (starts(p + 25, signals[i]))
            return true;
    return false;
}

/* Messages that say that something failed and not what. */
bool tl_message_is_verdict(const char *s)
{
    static const char *const known[] = {
        "module failed verification",
        "pass manager failed",
        "failed to run pass pipeline",
        "Failed to infer result type",
        "failed to infer returned types",
        "failed to legalize operation",
        "ANECCompile() FAILED",
        "ANECCompileOffline() failed",
        "Error occurred when loading ANE module",
        "Error in declaring network",
        "Error in adding network",
        "exited with error status",
        "command failed due to signal",
        "frontend command failed",
        "unable to execute command",
        "linker command failed",
        "ld returned ",
        "returned non-zero exit status",
        "returned an exit status",
        "aborting due to",
        "could not compile",
        "See root cause above",
        "see above for details",
        "exited with code",
        "exited with status",
        "exit code ",
        "(exitcode",
        "exits with return code",
        "PassManager::run failed",
        "test failed, to rerun",
        "metadata-generation-failed",
        "failed to serialize executables",
        "aborted due to errors",
        "ChildFailedError",
        ": return code '",
        "Process completed with exit code",
        "subprocess-exited-with-error",
        "error: command failed",
        "Error: Command failed",
        "Lowering failed",
        "Compilation failed",
        "compilation failed",
        "ompilation aborted",
        "Failed to compile",
        "Box<dyn Any>",
        "device-side assert triggered",
        "operation failed in the TorchScript",
        "UndefinedBehaviorSanitizer: undefined-behavior",
        "internal compiler error: verify_",
        "UNREACHABLE executed",
        "dying due to",
        "subcommand failed",
        "errors occurred",
        "BEGIN failed--",
        ": *** [",
        "dditional error has been",
    };
    static const char *const whole[] = {
        "FAILED",       "Failed",       "failed",       "FAIL",    "error",    "Error",     "ERROR",
        "failure",      "Failure",      "FAILURE",      "Error!",  "Aborting", "Aborting.", "Aborting...",
        "Build failed", "build failed", "BUILD FAILED", "Failed.", "failed."};
    for (size_t i = 0; i < TL_COUNT(whole); i++)
        if (!strcmp(skip_blanks(s), whole[i]))
            return true;
    size_t n = strlen(s); /* "file.cu:70: ROCm error" */
    const char *place = n > 6 && !strcmp(s + n - 6, " error") ? strchr(s, ':') : NULL;
    return CONTAINS(s, known) || tl_message_is_bare_internal_error(s) ||
           (place && strspn(place + 1, "0123456789"));
}

/* Whether a line that names an error ends before it has said which. */
bool tl_message_is_unfinished(const char *s)
{
    size_t n = strlen(s);
    const char *code = strstr(s, "Error Domain=") ? strstr(s, " Code=") : NULL;
    if (code && !code[6 + strspn(code + 6, "-0123456789")]) /* an NSError, described on the next line */
        return true;
    return n && strchr(":{(=", s[n - 1]);
}
