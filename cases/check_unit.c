/* Checks a unit as case files and suites name it, in the place of the file that names it. */
#include "cases/check.h"
#include "harness/base/buffer.h"
#include "harness/base/unit_name.h"

#include <stdlib.h>
#include <string.h>

/* A path is relative to the file that names it. A new string; NULL for a part that is not there. */
static char *in_place(struct tl_unit_part part, const char *directory)
{
    bool far = part.n && *part.at != '/' && memchr(part.at, '/', part.n);
    char *text = tl_unit_part_text(part);
    if (!far)
        return text;
    char *path = tl_format("%s/%s", directory, text);
    free(text);
    return path;
}

const char *tl_check_unit(struct tl_check *ck, const char *text, const char *directory)
{
    struct tl_unit_name name;
    if (!strcmp(text, "reference"))
        return tl_arena_string(ck->arena, text);
    if (tl_unit_name_parse(text, &name))
        return NULL;
    char *runner = in_place(name.runner, directory), *build = in_place(name.build, directory),
         *device = tl_unit_part_text(name.device), *alias = tl_unit_part_text(name.alias),
         *whole = tl_unit_name_text(runner, build, device, alias);
    const char *kept = tl_arena_string(ck->arena, whole);
    free(runner);
    free(build);
    free(device);
    free(alias);
    free(whole);
    return kept;
}
