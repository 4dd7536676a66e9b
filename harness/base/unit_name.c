/* RUNNER[@BUILD]:DEVICE[%ALIAS].
 *
 * RUNNER and BUILD may be paths, in which a ':' or '%' may stand, so the device is what follows the last ':'. A build
 * begins at the first '@', for a device and an alias have none. "reference" alone is the engine of the built-in family,
 * on its only device. */
#include "harness/base/unit_name.h"

#include "harness/base/ascii.h"
#include "harness/base/buffer.h"

#include <string.h>

bool tl_alias_valid(const char *text, size_t n)
{
    if (!n || n > TL_ALIAS_MOST || *text == '-' || *text == '.')
        return false;
    for (size_t i = 0; i < n; i++)
        if (!tl_is_word(text[i]) && !strchr(".-", text[i]))
            return false;
    return true;
}

static struct tl_unit_part part(const char *from, const char *to)
{
    return (struct tl_unit_part){from, (size_t)(to - from)};
}

const char *tl_unit_name_parse(const char *text, struct tl_unit_name *name)
{
    *name = (struct tl_unit_name){0};
    const char *end = text + strlen(text);
    if (!strcmp(text, "reference")) {
        static const char cpu[] = "cpu";
        name->runner = part(text, end);
        name->device = part(cpu, cpu + 3);
        return NULL;
    }
    const char *colon = strrchr(text, ':'), *at = strchr(text, '@');
    if (!colon || strchr(colon, '/'))
        return "it names no device";
    const char *percent = strchr(colon, '%');
    if (at && at > colon)
        at = NULL;
    name->runner = part(text, at ? at : colon);
    if (at)
        name->build = part(at + 1, colon);
    name->device = part(colon + 1, percent ? percent : end);
    if (percent)
        name->alias = part(percent + 1, end);
    if (!name->runner.n)
        return "the runner is empty";
    if (at && !name->build.n)
        return "the build is empty";
    if (!name->device.n)
        return "the device is empty";
    if (percent && !tl_alias_valid(name->alias.at, name->alias.n))
        return "what follows the '%' is no alias of a device: " TL_ALIAS_EXPECTED;
    return NULL;
}

struct tl_unit_name tl_unit_name_of(const char *text)
{
    struct tl_unit_name name;
    if (tl_unit_name_parse(text, &name))
        name = (struct tl_unit_name){.runner = {text, strlen(text)}};
    return name;
}

bool tl_unit_part_is(struct tl_unit_part a, struct tl_unit_part b)
{
    return a.n == b.n && (!a.n || !memcmp(a.at, b.at, a.n));
}

char *tl_unit_part_text(struct tl_unit_part p)
{
    return p.at ? tl_format("%.*s", (int)p.n, p.at) : NULL;
}

char *tl_unit_without_build(const struct tl_unit_name *name)
{
    return tl_format("%.*s%s%.*s%s%.*s", (int)name->runner.n, name->runner.at, name->device.at ? ":" : "",
                     (int)name->device.n, name->device.at ? name->device.at : "", name->alias.at ? "%" : "",
                     (int)name->alias.n, name->alias.at ? name->alias.at : "");
}

char *tl_unit_name_text(const char *runner, const char *build, const char *device, const char *alias)
{
    return tl_format("%s%s%s:%s%s%s", runner, build ? "@" : "", build ? build : "", device, alias ? "%" : "",
                     alias ? alias : "");
}
