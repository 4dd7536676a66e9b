#include "harness/supervise/sanitizer_options.h"

#include "harness/base/buffer.h"
#include "harness/base/program.h"

#include <string.h>

/* Two of them go on after a report when they are not told otherwise. What is read last counts. */
static const struct {
    const char *name, *first, *last;
} sanitizers[TL_SANITIZERS] = {
    {"ASAN_OPTIONS", NULL, "detect_leaks=0"},   {"HWASAN_OPTIONS", NULL, "detect_leaks=0"},
    {"LSAN_OPTIONS", NULL, "detect_leaks=0"},   {"MSAN_OPTIONS", NULL, NULL},
    {"TSAN_OPTIONS", "halt_on_error=1:", NULL}, {"UBSAN_OPTIONS", "halt_on_error=1:", NULL},
};

/* All have these. A runtime of one reads the options of others after its own, so what the user says of one of these in any
 * of the variables is left to the user in all of them. */
static const char *const common[] = {"abort_on_error=1", "handle_segv=0", "handle_sigbus=0",
                                     "handle_sigill=0", "handle_sigfpe=0"};

/* Whether options set the flag that `flag` ("name=value") sets. They are separated by colons, commas or blanks. */
static bool sets(const char *options, const char *flag)
{
    size_t n = strcspn(flag, "=") + 1;
    for (const char *p = options; *p; p += strspn(p, ":, \t\n")) {
        if (!strncmp(p, flag, n))
            return true;
        p += strcspn(p, ":, \t\n");
    }
    return false;
}

void tl_sanitizer_options(char *const *added, char *settings[TL_SANITIZERS])
{
    const char *own[TL_SANITIZERS];
    struct tl_buffer rest = TL_BUFFER_INIT;
    tl_buffer_add(&rest, "", 0);
    for (size_t i = 0; i < TL_SANITIZERS; i++)
        own[i] = tl_environment_value((const char *const *)added, sanitizers[i].name);
    for (size_t k = 0; k < TL_COUNT(common); k++) {
        bool said = false;
        for (size_t i = 0; i < TL_SANITIZERS; i++)
            said |= own[i] && sets(own[i], common[k]);
        if (!said)
            tl_buffer_printf(&rest, "%s:", common[k]);
    }
    for (size_t i = 0; i < TL_SANITIZERS; i++) {
        const char *first = sanitizers[i].first, *last = sanitizers[i].last;
        settings[i] = tl_format("%s=%s%s%s%s%s", sanitizers[i].name, first ? first : "", rest.data,
                                own[i] ? own[i] : "", own[i] && *own[i] ? ":" : "", last ? last : "");
    }
    tl_buffer_free(&rest);
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
