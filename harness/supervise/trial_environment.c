#include "harness/supervise/trial_environment.h"

#include "harness/base/buffer.h"
#include "harness/base/program.h"
#include "harness/supervise/sanitizer_options.h"

#include <stdlib.h>
#include <string.h>

char *tl_scratch_replace(const char *text, const char *scratch)
{
    static const char mark[] = "{scratch}";
    struct tl_buffer b = TL_BUFFER_INIT;
    const char *at;
    while ((at = strstr(text, mark))) {
        tl_buffer_add(&b, text, (size_t)(at - text));
        tl_buffer_add_string(&b, scratch);
        text = at + sizeof mark - 1;
    }
    tl_buffer_add_string(&b, text);
    return tl_buffer_take(&b);
}

char **tl_trial_environment(char *const *added, const char *scratch)
{
    size_t n = 0, used = 1 + TL_SANITIZERS;
    /* Python then says where in its own code it was when a signal ended it. It is the user's choice where it is one. */
    bool python = !tl_environment_value((const char *const *)added, "PYTHONFAULTHANDLER");
    while (added && added[n])
        n++;
    char **settings = tl_calloc(n + used + 2, sizeof *settings);
    settings[0] = tl_format("TMPDIR=%s", scratch);
    tl_sanitizer_options(added, settings + 1);
    for (size_t i = 0; i < n; i++)
        if (!tl_is_sanitizer_setting(added[i]))
            settings[used++] = tl_scratch_replace(added[i], scratch);
    if (python)
        settings[used++] = tl_strdup("PYTHONFAULTHANDLER=1");
    char **list = tl_environment((const char *const *)settings);
    for (char **at = list; *at; at++)
        *at = tl_strdup(*at);
    tl_strings_free(settings);
    return list;
}
