/* What `trapline doctor` says of what it found on a machine. That of macOS is written from documentation; it was not
 * run there. */
#include "harness/cli/doctor_rules.h"

#include "harness/base/buffer.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define GIB (1024.0 * 1024 * 1024)
/* MPSGraph writes scratch of its own below /private/var/folders, whatever TMPDIR is, and was seen to write hundreds of
 * gigabytes of it. */
#define MACOS_FREE_GIB 50
#define LEAST_GIB 0.25 /* with less nothing useful is run */

void tl_doctor_answer_free(struct tl_doctor_answer *a)
{
    free(a->what);
    free(a->advice);
    *a = (struct tl_doctor_answer){0};
}

static struct tl_doctor_answer answer(enum tl_doctor_verdict v, char *what, const char *advice)
{
    return (struct tl_doctor_answer){v, what, advice ? tl_strdup(advice) : NULL};
}

struct tl_doctor_answer tl_doctor_dialogs(const char *type)
{
    static const char advice[] =
        "with a dialog open a report can come late or not at all, and a night has one for "
        "each crash; turn them off for this user with: defaults write "
        "com.apple.CrashReporter DialogType server (back again: defaults delete "
        "com.apple.CrashReporter DialogType)";
    size_t n = type ? strcspn(type, "\r\n") : 0;
    if (!n)
        return answer(TL_DOCTOR_NOTE,
                      tl_strdup("the problem reporter shows a dialog when an application crashes "
                                "(DialogType is not set)"),
                      advice);
    if ((n == 6 && !strncasecmp(type, "server", 6)) || (n == 4 && !strncasecmp(type, "none", 4)))
        return answer(TL_DOCTOR_GOOD,
                      tl_format("the problem reporter shows no dialogs (DialogType is %.*s)", (int)n, type),
                      NULL);
    return answer(
        TL_DOCTOR_NOTE,
        tl_format("the problem reporter shows dialogs (DialogType is %.*s)", (int)(n < 40 ? n : 40), type),
        advice);
}

struct tl_doctor_answer tl_doctor_disk_access(enum tl_doctor_access access, const char *reports_directory,
                                              const char *reports, const char *program)
{
    struct tl_doctor_answer a;
    const char *state = access == TL_ACCESS_YES  ? "this program has Full Disk Access"
                        : access == TL_ACCESS_NO ? "this program has no Full Disk Access"
                                                 : "whether this program has Full Disk Access cannot be told";
    a.verdict = reports ? TL_DOCTOR_BAD : access == TL_ACCESS_YES ? TL_DOCTOR_GOOD : TL_DOCTOR_NOTE;
    a.what =
        reports ? tl_format("%s, and crash reports cannot be read: %s: %s", state, reports_directory, reports)
                : tl_format("%s; crash reports in %s can be read", state, reports_directory);
    a.advice =
        a.verdict == TL_DOCTOR_GOOD
            ? NULL
            : tl_format(
                  "System Settings, Privacy & Security, Full Disk Access: turn it on for the terminal in "
                  "which trapline is run, and for nights add %s itself, which launchd starts without "
                  "one; then start them anew",
                  program);
    return a;
}

struct tl_doctor_answer tl_doctor_scratch(const char *directory, uint64_t free_bytes, unsigned jobs,
                                          unsigned disk_mb, bool macos)
{
    double have = (double)free_bytes / GIB, wanted = (double)jobs * disk_mb / 1024;
    if (macos && wanted < MACOS_FREE_GIB)
        wanted = MACOS_FREE_GIB;
    char *what = tl_format("%s: %.1f GiB free for the scratch of trials", directory, have);
    if (have >= wanted)
        return answer(TL_DOCTOR_GOOD, what, NULL);
    struct tl_doctor_answer a = {.verdict = have < LEAST_GIB ? TL_DOCTOR_BAD : TL_DOCTOR_NOTE, .what = what};
    a.advice =
        macos
            ? tl_format(
                  "%.0f GiB should be: graphs leave scratch of their own below /private/var/folders, "
                  "whatever TMPDIR says (com.apple.MetalPerformanceShadersGraph/mpsgraph-PID-…); remove "
                  "those of processes that are gone, or free some space",
                  wanted)
            : tl_format("%u trials at a time may take %.0f GiB (limits.disk_mb); set TMPDIR to another file "
                        "system, or run fewer at a time (-j)",
                        jobs, wanted);
    return a;
}

static bool is_below(const char *path, const char *directory)
{
    size_t n = strlen(directory);
    return !strncmp(path, directory, n) && path[n] == '/';
}

enum tl_doctor_shield tl_doctor_shield_of(const char *path)
{
    static const char *const shielded[] = {"/System", "/usr", "/bin", "/sbin"};
    static const char *const free_below[] = {"/usr/local", "/System/Volumes/Data", "/System/Cryptexes"};
    /* Those that xcode-select(1) speaks of, as far as a case may have them as a step. */
    static const char *const stubs[] = {
        "xcrun",  "xcodebuild", "swift",   "swiftc",   "clang",   "clang++", "cc",         "c++", "gcc",
        "g++",    "ld",         "make",    "git",      "python3", "pip3",    "lldb",       "nm",  "ar",
        "ranlib", "strip",      "libtool", "dsymutil", "actool",  "metal",   "instruments"};
    for (size_t i = 0; i < TL_COUNT(free_below); i++)
        if (is_below(path, free_below[i]))
            return TL_SHIELD_NONE;
    for (size_t i = 0; !strncmp(path, "/usr/bin/", 9) && i < TL_COUNT(stubs); i++)
        if (!strcmp(path + 9, stubs[i]))
            return TL_SHIELD_STUB;
    for (size_t i = 0; i < TL_COUNT(shielded); i++)
        if (is_below(path, shielded[i]))
            return TL_SHIELD_WHOLE;
    return TL_SHIELD_NONE;
}

struct tl_doctor_answer tl_doctor_program(const char *role, const char *path, const char *why, bool macos)
{
    if (!path)
        return answer(
            TL_DOCTOR_BAD, tl_format("%s: %s", role, why),
            "install it, or put its directory into PATH; for nights install the suite anew then, which "
            "writes PATH down");
    enum tl_doctor_shield shield = macos ? tl_doctor_shield_of(path) : TL_SHIELD_NONE;
    if (shield == TL_SHIELD_WHOLE)
        return answer(
            TL_DOCTOR_NOTE,
            tl_format("%s: %s is protected by macOS (SIP): it cannot be sampled when it hangs, may leave no "
                      "report when it crashes, and drops DYLD_… variables",
                      role, path),
            "name a program that is not part of the system (Homebrew's, or one of your own); as a wrapper it "
            "does no harm: what it starts is looked at by itself");
    if (shield == TL_SHIELD_STUB)
        return answer(
            TL_DOCTOR_GOOD,
            tl_format("%s: %s starts the tool of the selected Xcode, which is not protected (xcrun -f NAME "
                      "says where it is)",
                      role, path),
            NULL);
    return answer(TL_DOCTOR_GOOD, tl_format("%s: %s", role, path), NULL);
}
