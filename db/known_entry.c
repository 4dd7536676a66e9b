/* A failure that is known as a struct and as JSON. */
#include "db/known.h"
#include "harness/base/buffer.h"

#include <stdlib.h>
#include <string.h>

const char *const tl_known_by_names[] = {
    [TL_KNOWN_NOT] = NULL,         [TL_KNOWN_ELSEWHERE] = "elsewhere",
    [TL_KNOWN_BY_KIND] = "kind",   [TL_KNOWN_BY_VARIANT] = "variant",
    [TL_KNOWN_BY_PLACE] = "place", [TL_KNOWN_BY_NAME] = NULL,
};

void tl_known_free(struct tl_known *k)
{
    free(k->case_name);
    free(k->outcome);
    free(k->phase);
    free(k->signal);
    free(k->title);
    free(k->name);
    free(k->url);
    free(k->note);
    free(k->status);
    free(k->until);
    json_t *const owned[] = {k->causes,   k->places, k->same,   k->at,
                             k->variants, k->others, k->adding, k->shown};
    for (size_t i = 0; i < TL_COUNT(owned); i++)
        json_decref(owned[i]);
    *k = (struct tl_known){0};
}

void tl_known_list_free(struct tl_known_list *l)
{
    for (size_t i = 0; i < l->n; i++)
        tl_known_free(&l->list[i]);
    free(l->list);
    json_decref(l->blind);
    *l = (struct tl_known_list){0};
}

bool tl_known_holds(const json_t *causes, const json_t *variant)
{
    json_t *cause, *baseline;
    const char *axis;
    size_t i;
    if (!json_array_size(causes) || !variant)
        return true;
    json_array_foreach(causes, i, cause) {
        bool all = true;
        json_object_foreach(cause, axis, baseline)
            all = all && !json_equal(json_object_get(variant, axis), baseline);
        if (all)
            return true;
    }
    return false;
}

static const char *or_null(const char *text)
{
    return text && *text ? text : NULL;
}

json_t *tl_known_json(const struct tl_known *k)
{
    return json_pack("{s:s,s:s,s:s,s:s,s:s,s:s?,s:s,s:s?,s:s?,s:s?,s:s,s:s?,s:I}", "id", k->id, "case",
                     k->case_name, "signature", k->coarse_id, "outcome", k->outcome, "phase", k->phase,
                     "signal", or_null(k->signal), "title", k->title, "as", or_null(k->name), "url",
                     or_null(k->url), "note", or_null(k->note), "status", k->status, "until",
                     or_null(k->until), "since_us", (json_int_t)k->since_us);
}

json_t *tl_known_json_by(const struct tl_known *k, enum tl_known_by by)
{
    json_t *j = tl_known_json(k);
    if (j && tl_known_by_names[by])
        json_object_set_new(j, "by", json_string(tl_known_by_names[by]));
    return j;
}

json_t *tl_known_places_json(const struct tl_known *k)
{
    json_t *list = json_array(), *places, *variants, *yes, *one;
    const char *build, *signature, *variant;
    size_t i;
    json_object_foreach(k->at, build, places)
        json_object_foreach(places, signature, variants)
            json_object_foreach(variants, variant, yes)
                json_array_append_new(list, json_pack("[s,s,s]", build, signature, variant));
    json_array_foreach(k->adding, i, one) {
        bool there = false;
        json_t *other;
        size_t j;
        json_array_foreach(list, j, other)
            there = there || json_equal(one, other);
        if (!there)
            json_array_append(list, one);
    }
    return list;
}
