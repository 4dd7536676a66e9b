#include "harness/executor/unit.h"

#include "harness/base/buffer.h"
#include "harness/base/devices.h"
#include "harness/base/known_hash.h"
#include "harness/base/names.h"
#include "harness/base/paths.h"
#include "harness/base/unit_name.h"
#include "harness/builds/builds.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char prefix[] = "trapline-";

int tl_unit_parse(const char *text, struct tl_unit *u, struct tl_error *e)
{
    *u = (struct tl_unit){.text = tl_strdup(text)};
    json_t *is_utf8 = json_string(text);
    json_decref(is_utf8);
    if (!is_utf8)
        return tl_fail(e, TL_ERROR_INPUT, "not a unit", text, "it is not UTF-8");
    struct tl_unit_name name;
    const char *lacks = tl_unit_name_parse(text, &name);
    if (lacks)
        return tl_fail(
            e, TL_ERROR_INPUT, "not a unit", text,
            "%s; expected %s, for example selftest:cpu, onnxruntime@1.22.0:cpu or coreai:gpu%%phone; "
            "`trapline list units` shows what is here",
            lacks, TL_UNIT_FORM);
    u->runner = tl_unit_part_text(name.runner);
    u->build = tl_unit_part_text(name.build);
    u->device = tl_unit_part_text(name.device);
    u->alias = tl_unit_part_text(name.alias);
    return 0;
}

static char *in_directory(const char *dir, const char *name)
{
    char *path = tl_format("%s/%s%s", dir, prefix, name);
    struct stat st;
    if (!access(path, X_OK) && !stat(path, &st) && S_ISREG(st.st_mode))
        return path;
    free(path);
    return NULL;
}

static bool each_in_list(const char *list, bool (*each)(void *arg, const char *dir), void *arg)
{
    bool found = false;
    for (char *dir; !found && (dir = tl_next_directory(&list)); free(dir))
        found = *dir && each(arg, dir);
    return found;
}

/* Calls each with every directory in which runners are looked for, in order, until it returns true. *err: errno where those that
 * come with trapline could not be found, or 0. */
static bool each_directory(bool (*each)(void *arg, const char *dir), void *arg, int *err)
{
    *err = 0;
    if (each_in_list(getenv("TRAPLINE_RUNNERS"), each, arg))
        return true;
    char *lists[] = {tl_data_home("runners"), tl_runner_directories()};
    if (!lists[1])
        *err = errno;
    bool found = false;
    for (size_t i = 0; i < 2; i++) {
        found = found || each_in_list(lists[i], each, arg);
        free(lists[i]);
    }
    return found;
}

struct wanted {
    const char *name;
    char *path;
};

static bool look(void *arg, const char *dir)
{
    struct wanted *w = arg;
    return (w->path = in_directory(dir, w->name)) != NULL;
}

static bool collect(void *arg, const char *dir)
{
    json_t *list = arg;
    struct tl_names names;
    (void)tl_names_read(dir, &names); /* one that is not there, or not for us, has none for us */
    for (size_t k = 0; k < names.n; k++) {
        const char *name = names.list[k] + sizeof prefix - 1;
        if (strncmp(names.list[k], prefix, sizeof prefix - 1) || strchr(names.list[k], '.'))
            continue;
        char *file = in_directory(dir, name);
        bool known = false;
        size_t i;
        json_t *v;
        json_array_foreach(list, i, v)
            known |= !strcmp(json_string_value(json_object_get(v, "name")), name);
        if (file && !known)
            json_array_append_new(list, json_pack("{s:s,s:s}", "name", name, "path", file));
        free(file);
    }
    tl_names_free(&names);
    return false;
}

static int by_name(const void *a, const void *b)
{
    json_t *const *x = a, *const *y = b;
    return strcmp(json_string_value(json_object_get(*x, "name")),
                  json_string_value(json_object_get(*y, "name")));
}

json_t *tl_runner_list(void)
{
    json_t *list = json_array(), *sorted = json_array();
    int err;
    each_directory(collect, list, &err);
    size_t n = json_array_size(list);
    json_t **items = tl_calloc(n, sizeof(json_t *));
    for (size_t i = 0; i < n; i++)
        items[i] = json_array_get(list, i);
    qsort(items, n, sizeof(json_t *), by_name);
    for (size_t i = 0; i < n; i++)
        json_array_append(sorted, items[i]);
    free(items);
    json_decref(list);
    return sorted;
}

static char *known_runners(void)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    json_t *list = tl_runner_list(), *v;
    size_t i;
    json_array_foreach(list, i, v)
        tl_buffer_printf(&b, "%s%s", i ? ", " : "", json_string_value(json_object_get(v, "name")));
    json_decref(list);
    if (!b.size)
        tl_buffer_add_string(&b, "none: set TRAPLINE_RUNNERS to their directory");
    return tl_buffer_take(&b);
}

char *tl_runner_find(const char *name, struct tl_error *e)
{
    if (strchr(name, '/')) {
        char *real = realpath(name, NULL);
        struct stat st;
        int err = errno;
        errno = 0;
        if (!real) {
            errno = err;
            tl_fail_errno(e, TL_ERROR_INPUT, errno, "no such runner", name,
                          "an executable file was expected");
        } else if (stat(real, &st) || !S_ISREG(st.st_mode) || access(real, X_OK)) {
            /* A directory may be executed: no call fails for it. */
            tl_fail_errno(e, TL_ERROR_INPUT, errno ? errno : EACCES, "not a runner", name,
                          "an executable file was expected (chmod +x?)");
            free(real);
            real = NULL;
        }
        return real;
    }
    struct wanted w = {name, NULL};
    int err;
    if (each_directory(look, &w, &err)) {
        char *real = realpath(w.path, NULL);
        if (!real)
            tl_fail_errno(e, TL_ERROR_ENVIRONMENT, errno, "cannot use a runner", w.path,
                          "it is there, but its path cannot be followed");
        free(w.path);
        return real;
    }
    if (err) {
        tl_fail_errno(e, TL_ERROR_ENVIRONMENT, err, "cannot find the runners that come with trapline", name,
                      "they are looked for where the program is");
        return NULL;
    }
    char *known = known_runners();
    tl_fail(e, TL_ERROR_INPUT, "no such runner", name, "runners that are here: %s", known);
    free(known);
    return NULL;
}

/* A device that hangs on this machine has a runner of this machine, which has the program on the device do the trials.
 * Whatever its units are called, one device takes one trial at a time. */
static int find_device(struct tl_unit *u, struct tl_error *e)
{
    struct tl_devices all;
    if (tl_devices_load(&all, e))
        return -1;
    const struct tl_device *d = tl_devices_find(&all, u->alias, e);
    int result = d && tl_device_app(d, u->runner, e) ? 0 : -1;
    if (!result) {
        u->slots_of = tl_device_slots(d);
        u->path = tl_runner_find(TL_DEVICE_RUNNER, e);
    }
    tl_devices_free(&all);
    return !result && u->path ? 0 : -1;
}

int tl_unit_find(struct tl_unit *u, struct tl_error *e)
{
    if (u->alias && u->build)
        return tl_fail(
            e, TL_ERROR_INPUT, "no such build", u->text,
            "the runtime of a device is that of its system, and has no builds; %s:%s%%%s was expected",
            u->runner, u->device, u->alias);
    if (u->alias)
        return find_device(u, e);
    u->path = tl_runner_find(u->runner, e);
    return u->path ? 0 : -1;
}

int tl_unit_resolve(struct tl_unit *u, struct tl_error *e)
{
    if (tl_unit_find(u, e))
        return -1;
    if (!u->build)
        return 0;
    struct tl_build b;
    struct tl_error why;
    if (strchr(u->build, '/')) {
        char *real = realpath(u->build, NULL);
        char sha[TL_SHA256_SIZE];
        if (!real || tl_known_hash(real, sha)) {
            tl_fail_errno(e, TL_ERROR_INPUT, errno, "no such build", u->build,
                          "a readable library was expected");
            free(real);
            return -1;
        }
        u->build_object = json_pack("{s:s,s:s}", "path", real, "sha256", sha);
        free(real);
    } else if (!tl_builds_find(u->runner, u->build, &b, &why)) {
        u->build_object = tl_build_json(&b);
        tl_build_free(&b);
    } else if (!strcmp(u->runner,
                       "onnxruntime")) { /* its builds are fetched or added, and this one is not here */
        u->build_missing = tl_strdup(why.why);
    } else {
        u->build_object = json_pack("{s:s}", "version", u->build);
    }
    return 0;
}

int tl_units_check_builds(const struct tl_unit *const *units, size_t n, struct tl_error *e)
{
    for (size_t i = 0; i < n; i++)
        if (units[i]->build_missing)
            return tl_fail(e, TL_ERROR_INPUT, "no such build here", units[i]->text, "%s",
                           units[i]->build_missing);
    return 0;
}

const char *tl_unit_runtime(const struct tl_unit *u)
{
    const char *path = json_string_value(json_object_get(u->build_object, "path"));
    return path       ? path
           : u->place ? json_string_value(json_object_get(u->place->environment, "runtime_path"))
                      : u->path;
}

static void free_place(struct tl_unit_place *p)
{
    if (!p)
        return;
    for (size_t i = 0; i < p->n_machines; i++)
        free(p->machines[i]);
    free(p->machines);
    free(p->busy);
    free(p->width);
    json_decref(p->said);
    json_decref(p->environment);
    free(p);
}

void tl_unit_free(struct tl_unit *u)
{
    free(u->text);
    free(u->runner);
    free(u->build);
    free(u->device);
    free(u->alias);
    free(u->slots_of);
    free(u->os_build);
    free(u->os);
    free(u->model);
    free(u->kind);
    free_place(u->place);
    free(u->path);
    json_decref(u->build_object);
    json_decref(u->axes);
    free(u->build_missing);
    free(u->runner_version);
    free(u->why);
    *u = (struct tl_unit){0};
}
