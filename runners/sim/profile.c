/* Where profiles are found, how one is read, and which of its rules fires. */
#include "runners/sim/profile.h"

#include "harness/base/buffer.h"
#include "harness/base/hash.h"
#include "runners/sim/check.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define NAME_MOST 64
#define FILE_MOST (1u << 20)

/* --- where profiles are --------------------------------------------------------------------------------- */

/* The directories in which profiles are looked for, ':' between: those of $TRAPLINE_PROFILES, the one beside
 * an executable that was not installed, and where they are installed: seen from the executable, since a prefix can be
 * moved, and as it was configured. */
static char *directories(void)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    char own[4096];
    const char *set = getenv("TRAPLINE_PROFILES");
    if (set && *set)
        tl_buffer_printf(&b, "%s:", set);
    if (!tl_sim_own_directory(own, sizeof own))
        tl_buffer_printf(&b, "%s/profiles:%s/" SIM_PROFILES_FROM_RUNNER ":", own, own);
    tl_buffer_add_string(&b, SIM_PROFILES);
    return tl_buffer_take(&b);
}

static bool is_name(const char *s)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
    size_t n = strlen(s);
    return n > 0 && n <= NAME_MOST && *s != '.' && strspn(s, letters) == n;
}

/* The content of the first file of that name. The path is the caller's to free. NULL with *failed 0 when
 * there is none, else errno. */
static char *find(const char *name, char **path, size_t *size, int *failed)
{
    char *list = directories(), *text = NULL, *rest = list, *dir;
    *path = NULL;
    *failed = 0;
    while (!text && !*failed && (dir = strsep(&rest, ":"))) {
        if (!*dir)
            continue;
        free(*path);
        *path = tl_format("%s/%s.json", dir, name);
        text = tl_read_file(*path, FILE_MOST, size);
        if (!text && errno != ENOENT && errno != ENOTDIR)
            *failed = errno;
    }
    free(list);
    return text;
}

char *tl_sim_profile_names(void)
{
    char *list = directories(), *rest = list, *dir, **names = NULL;
    size_t n = 0;
    while ((dir = strsep(&rest, ":"))) {
        DIR *d = opendir(dir);
        for (struct dirent *x; d && (x = readdir(d));) {
            size_t size = strlen(x->d_name);
            if (size < 6 || strcmp(x->d_name + size - 5, ".json"))
                continue;
            char *name = tl_format("%.*s", (int)(size - 5), x->d_name);
            names = tl_realloc(names, n + 1, sizeof *names);
            if (is_name(name))
                names[n++] = name;
            else
                free(name);
        }
        if (d)
            closedir(d);
    }
    struct tl_buffer b = TL_BUFFER_INIT;
    if (n)
        qsort(names, n, sizeof *names, tl_by_text);
    for (size_t i = 0; i < n; i++)
        if (!i || strcmp(names[i], names[i - 1]))
            tl_buffer_printf(&b, "%s%s", i ? ", " : "", names[i]);
    for (size_t i = 0; i < n; i++)
        free(names[i]);
    free(names);
    free(list);
    if (!b.size)
        tl_buffer_add_string(&b, "none: set TRAPLINE_PROFILES to their directory");
    return tl_buffer_take(&b);
}

/* --- reading -------------------------------------------------------------------------------------------- */

static void parse(struct tl_sim_profile *p, const char *text, size_t size)
{
    char id[TL_ID_SIZE];
    json_error_t e;
    struct tl_sim_mistakes m = {0};
    tl_content_id(text, size, id);
    memcpy(p->id, id, sizeof p->id - 1);
    p->document = json_loadb(text, size, JSON_REJECT_DUPLICATES, &e);
    if (!p->document) {
        p->status = TL_SIM_BROKEN;
        p->why = tl_format("%s:%d:%d: %s", p->path, e.line, e.column, e.text);
        return;
    }
    tl_sim_document_check(p->document, &p->scratch, &m);
    const char *name = json_string_value(json_object_get(p->document, "name"));
    if (p->name && name && strcmp(name, p->name))
        tl_sim_mistake(&m, "$.name", "expected %s, the name of the file", p->name);
    p->status = m.n ? TL_SIM_BROKEN : TL_SIM_READY;
    if (m.n)
        p->why = tl_format("%s: %s", p->path, m.text.data);
    tl_buffer_free(&m.text);
}

void tl_sim_profile_read(const char *path, struct tl_sim_profile *p)
{
    size_t size = 0;
    *p = (struct tl_sim_profile){.path = tl_strdup(path)};
    char *text = tl_read_file(path, FILE_MOST, &size);
    if (text) {
        parse(p, text, size);
    } else {
        p->status = TL_SIM_BROKEN;
        p->why = tl_format("%s: %s", path, strerror(errno));
    }
    free(text);
}

void tl_sim_profile_load(const json_t *build, struct tl_sim_profile *p)
{
    const char *name = json_string_value(json_object_get(build, "version"));
    size_t size = 0;
    int failed = 0;
    *p = (struct tl_sim_profile){.status = TL_SIM_NONE};
    if (!json_is_object(build))
        return;
    p->name = tl_strdup(name ? name : "");
    char *text = is_name(p->name) ? find(p->name, &p->path, &size, &failed) : NULL;
    if (text) {
        parse(p, text, size);
    } else if (failed) {
        p->status = TL_SIM_BROKEN;
        p->why = tl_format("%s: %s", p->path, strerror(failed));
    } else {
        char *known = tl_sim_profile_names();
        p->status = TL_SIM_UNKNOWN;
        p->why = tl_format("there is no profile \"%s\"; profiles that are here: %s", p->name, known);
        free(known);
    }
    free(text);
}

void tl_sim_profile_free(struct tl_sim_profile *p)
{
    free(p->name);
    free(p->path);
    free(p->why);
    json_decref(p->document);
    *p = (struct tl_sim_profile){0};
}

/* --- rules ---------------------------------------------------------------------------------------------- */

static bool is_for(const json_t *devices, const char *device)
{
    size_t i;
    json_t *v;
    json_array_foreach((json_t *)devices, i, v)
        if (!strcmp(json_string_value(v), device))
            return true;
    return !devices;
}

/* True in `rate` of all calls. */
static bool drawn(double rate)
{
    uint64_t bits = 0;
    if (rate >= 1 || getentropy(&bits, sizeof bits))
        return rate > 0;
    return (double)(bits >> 11) * 0x1p-53 < rate;
}

const json_t *tl_sim_profile_rule(const struct tl_sim_profile *p, const char *phase, const char *device,
                                  const struct tl_sim_model *model)
{
    size_t i;
    json_t *rule;
    json_array_foreach(json_object_get(p->document, "rules"), i, rule) {
        const json_t *rate = json_object_get(rule, "rate");
        if (!strcmp(json_string_value(json_object_get(rule, "phase")), phase) &&
            is_for(json_object_get(rule, "devices"), device) &&
            tl_sim_condition_holds(json_object_get(rule, "when"), model) &&
            drawn(rate ? json_number_value(rate) : 1))
            return rule;
    }
    return NULL;
}
