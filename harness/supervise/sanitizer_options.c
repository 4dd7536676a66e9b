#include "harness/supervise/sanitizer_options.h"

#include "harness/base/buffer.h"
#include "harness/base/program.h"

#include <string.h>

#define FAULTS "abort_on_error=1:handle_segv=0:handle_sigbus=0:handle_sigill=0:handle_sigfpe=0:handle_abort=0"

/* Two of them go on after a report when they are not told otherwise, and a process of the others ends with an exit status of its own
 * choice. What is read last counts. */
static const struct {
    const char *name, *options, *last;
} sanitizers[TL_SANITIZERS] = {
    {"ASAN_OPTIONS", FAULTS, "detect_leaks=0"},        {"HWASAN_OPTIONS", FAULTS, "detect_leaks=0"},
    {"LSAN_OPTIONS", FAULTS, "detect_leaks=0"},        {"MSAN_OPTIONS", FAULTS, NULL},
    {"TSAN_OPTIONS", "halt_on_error=1:" FAULTS, NULL}, {"UBSAN_OPTIONS", "halt_on_error=1:" FAULTS, NULL},
};

void tl_sanitizer_options(char *const *added, char *settings[TL_SANITIZERS])
{
    for (size_t i = 0; i < TL_SANITIZERS; i++) {
        const char *own = tl_environment_value((const char *const *)added, sanitizers[i].name),
                   *last = sanitizers[i].last;
        settings[i] = tl_format("%s=%s%s%s%s%s", sanitizers[i].name, sanitizers[i].options,
                                own && *own ? ":" : "", own ? own : "", last ? ":" : "", last ? last : "");
    }
}

bool tl_is_sanitizer_setting(const char *setting)
{
    for (size_t i = 0; i < TL_SANITIZERS; i++) {
        size_t n = strlen(sanitizers[i].name);
        if (!strncmp(setting, sanitizers[i].name, n) && setting[n] == '=')
            return true;
    }
    return false;
}
