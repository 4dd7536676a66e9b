#include "harness/executor/variables.h"

#include "harness/base/buffer.h"

#include <stdlib.h>
#include <string.h>

extern char **environ;

static bool is_listed(const char *variable, const char *const *names, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!strncmp(variable, names[i], strlen(names[i])))
            return true;
    return false;
}

json_t *tl_variables_digests(const char *const *names, size_t n)
{
    json_t *digests = json_object();
    for (char **one = environ; *one; one++) {
        const char *equals = strchr(*one, '=');
        if (!equals || is_listed(*one, names, n))
            continue;
        char id[TL_ID_SIZE], *name = tl_format("$%.*s", (int)(equals - *one), *one);
        tl_content_id(equals, strlen(equals), id);
        json_object_set_new(digests, name, json_pack("{s:s}", "content", id));
        free(name);
    }
    return digests;
}

void tl_variables_add(struct tl_hash *h, const char *const *names, size_t n, bool listed)
{
    size_t n_chosen = 0, total = 0;
    while (environ[total])
        total++;
    char **chosen = tl_calloc(total + 1, sizeof *chosen);
    for (size_t i = 0; i < total; i++)
        if (is_listed(environ[i], names, n) == listed)
            chosen[n_chosen++] = environ[i];
    qsort(chosen, n_chosen, sizeof *chosen, tl_by_text);
    for (size_t i = 0; i < n_chosen; i++)
        tl_hash_add_string(h, chosen[i]);
    free(chosen);
}
