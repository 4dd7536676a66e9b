#include "harness/executor/remote_allow.h"

#include "harness/base/buffer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const names[] = {"family", "file", "generate", "steps"}; /* in the order of their bits */

static const char *const suffixes[] = {"", "-g", "-s", "-gs"}; /* by what of programs a case needs */

int tl_remote_allow_parse(const char *text, unsigned *allow, struct tl_error *e)
{
    *allow = 0;
    for (const char *at = text; at; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL) {
        size_t n = strcspn(at, ","), i = 0;
        while (i < TL_COUNT(names) && (strlen(names[i]) != n || strncmp(names[i], at, n) != 0))
            i++;
        if (i == TL_COUNT(names))
            return tl_fail(e, TL_ERROR_INPUT, "this cannot be allowed", text,
                           "some of family, file, generate and steps were expected, ',' between");
        *allow |= 1u << i;
    }
    return 0;
}

json_t *tl_remote_allow_list(unsigned allow)
{
    json_t *list = json_array();
    for (size_t i = 0; i < TL_COUNT(names); i++)
        if (allow & 1u << i)
            json_array_append_new(list, json_string(names[i]));
    return list;
}

unsigned tl_remote_allow_of(const json_t *machine)
{
    const json_t *list = json_object_get(machine, "allow"), *one;
    unsigned allow = 0;
    size_t k;
    if (!json_is_array(list))
        return TL_ALLOW_DEFAULT;
    json_array_foreach(list, k, one)
        for (size_t i = 0; i < TL_COUNT(names); i++)
            if (json_is_string(one) && !strcmp(json_string_value(one), names[i]))
                allow |= 1u << i;
    return allow;
}

const char *tl_remote_allow_text(unsigned allow)
{
    static char texts[1u << TL_COUNT(names)][32];
    char *text = texts[allow % TL_COUNT(texts)];
    size_t n = 0;
    for (size_t i = 0; i < TL_COUNT(names); i++)
        if (allow & 1u << i)
            n += (size_t)snprintf(text + n, sizeof texts[0] - n, "%s%s", n ? "," : "", names[i]);
    return text;
}

unsigned tl_remote_needs(const json_t *document)
{
    /* What of a case may name, or have loaded, any program or library. */
    static const char *const by_programs[] = {"versions", "environment", "files"};
    const json_t *model = json_object_get(document, "model");
    unsigned needs = 0;
    for (size_t i = 0; i < TL_COUNT(names); i++)
        if (json_object_get(model, names[i]))
            needs |= 1u << i;
    for (size_t i = 0; i < TL_COUNT(by_programs) && needs; i++)
        if (json_object_get(document, by_programs[i]) && !(needs & TL_ALLOW_PROGRAMS))
            needs |= TL_ALLOW_GENERATE;
    return needs;
}

void tl_remote_class(const char *kind, unsigned needs, char name[TL_REMOTE_CLASS_SIZE])
{
    snprintf(name, TL_REMOTE_CLASS_SIZE, "%.*s%s", TL_ID_SIZE - 1, kind,
             suffixes[(needs & TL_ALLOW_PROGRAMS) / TL_ALLOW_GENERATE]);
}

json_t *tl_remote_classes(const char *kind, unsigned allow)
{
    json_t *list = json_array();
    for (unsigned i = 0; i < TL_COUNT(suffixes); i++) {
        char name[TL_REMOTE_CLASS_SIZE];
        unsigned needs = i * TL_ALLOW_GENERATE;
        tl_remote_class(kind, needs, name);
        if (!(needs & ~allow) && (needs || (allow & TL_ALLOW_DEFAULT)))
            json_array_append_new(list, json_string(name));
    }
    return list;
}
