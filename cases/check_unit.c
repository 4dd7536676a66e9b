/* Checks a unit as case files and suites name it, in the place of the file that names it. */
#include "cases/check.h"
#include "harness/base/buffer.h"

#include <stdlib.h>
#include <string.h>

const char *tl_check_unit(struct tl_check *ck, const char *text, const char *directory)
{
    const char *colon = strrchr(text, ':'), *at = strchr(text, '@');
    if (!strcmp(text, "reference"))
        return tl_arena_string(ck->arena, text);
    if (!colon || colon == text || !colon[1] || strchr(colon, '/') || at == text || (at && at + 1 == colon))
        return NULL;
    size_t runner = at && at < colon ? (size_t)(at - text) : (size_t)(colon - text);
    const char *build = at && at < colon ? at + 1 : colon;
    bool far_runner = memchr(text, '/', runner) && text[0] != '/',
         far_build = memchr(build, '/', (size_t)(colon - build)) && build[0] != '/';
    char *whole =
        tl_format("%s%s%.*s%s%s%s%s", far_runner ? directory : "", far_runner ? "/" : "", (int)runner, text,
                  build != colon ? "@" : "", far_build ? directory : "", far_build ? "/" : "", build);
    const char *kept = tl_arena_string(ck->arena, whole);
    free(whole);
    return kept;
}
