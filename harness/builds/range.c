#include "harness/builds/range.h"

#include "harness/base/buffer.h"
#include "harness/base/version.h"

#include <stdlib.h>
#include <string.h>

static const char forms[] =
    "write a version (1.22.0), a range (1.16..1.30, 1.29.., ..1.30), latest, installed, "
    "or several of them with ',' between";

/* Takes the ends of a span, `dots` being where they are parted. Returns what is wrong with them, or NULL. */
static const char *parse_ends(struct tl_builds_range *r, const char *dots)
{
    const char *to = dots + 2;
    bool open = !*to || !strcmp(to, "latest");
    r->kind = TL_BUILDS_SPAN;
    r->from = dots > r->text ? tl_format("%.*s", (int)(dots - r->text), r->text) : NULL;
    r->to = open ? NULL : tl_strdup(to);
    if (!r->from && !*to)
        return "a range has an end on one side at least; `installed` names all builds that are here";
    if ((r->from && !tl_version_valid(r->from)) || (r->to && !tl_version_valid(r->to)))
        return forms;
    /* 1.40.1..1.40 is no mistake: its second end covers all of 1.40. */
    if (r->from && r->to && tl_version_compare_prefix(r->from, r->to) > 0)
        return "a range goes from the older version to the newer one";
    return NULL;
}

static const char *parse_one(struct tl_builds_range *r)
{
    const char *dots = strstr(r->text, "..");
    r->kind = !strcmp(r->text, "latest")      ? TL_BUILDS_LATEST
              : !strcmp(r->text, "installed") ? TL_BUILDS_INSTALLED
                                              : TL_BUILDS_VERSION;
    return !*r->text ? forms : dots ? parse_ends(r, dots) : NULL;
}

int tl_builds_ranges_parse(const char *text, struct tl_builds_ranges *out, struct tl_error *e)
{
    const char *wrong = NULL;
    *out = (struct tl_builds_ranges){0};
    for (const char *at = text; at && !wrong;) {
        size_t n = strcspn(at, ",");
        struct tl_builds_range *r = TL_GROW(out->list, out->n);
        *r = (struct tl_builds_range){.text = tl_format("%.*s", (int)n, at)};
        wrong = parse_one(r);
        at = at[n] ? at + n + 1 : NULL;
    }
    return wrong ? tl_fail(e, TL_ERROR_INPUT, "this names no build", text, "%s", wrong) : 0;
}

void tl_builds_ranges_free(struct tl_builds_ranges *r)
{
    for (size_t i = 0; i < r->n; i++) {
        free(r->list[i].text);
        free(r->list[i].from);
        free(r->list[i].to);
    }
    free(r->list);
    *r = (struct tl_builds_ranges){0};
}

bool tl_builds_ranges_several(const struct tl_builds_ranges *r)
{
    return r->n > 1 || (r->n && (r->list->kind == TL_BUILDS_SPAN || r->list->kind == TL_BUILDS_INSTALLED));
}

bool tl_builds_range_holds(const struct tl_builds_range *r, const char *version)
{
    if (r->kind != TL_BUILDS_SPAN)
        return r->kind == TL_BUILDS_INSTALLED || (r->kind == TL_BUILDS_VERSION && !strcmp(r->text, version));
    if (!tl_version_stable(version) && (!r->from || tl_version_stable(r->from)) &&
        (!r->to || tl_version_stable(r->to)))
        return false;
    return (!r->from || tl_version_compare_prefix(version, r->from) >= 0) &&
           (!r->to || tl_version_compare_prefix(version, r->to) <= 0);
}
