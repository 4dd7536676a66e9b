#include "tests/integration/trials.h"

#include "cases/family.h"
#include "cases/load.h"
#include "db/query.h"
#include "harness/base/buffer.h"
#include "harness/base/files.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char *case_text(double timeout_s)
{
    const struct tl_family_axis *a = tl_family_axis_find(tl_family_find("selftest"), "behaviour");
    struct tl_buffer b = TL_BUFFER_INIT;
    tl_buffer_add_string(&b,
                         "{\"trapline\":1,\"name\":\"traps\",\"model\":{\"family\":\"selftest\"},\"axes\":["
                         "{\"name\":\"behaviour\",\"choices\":[");
    for (size_t i = 0; a->values[i]; i++)
        tl_buffer_printf(&b, "%s\"%s\"", i ? "," : "", a->values[i]);
    tl_buffer_printf(
        &b,
        "]},{\"name\":\"phase\",\"choices\":[\"execute\",\"load\",\"compile\",\"start\",\"check\",\"done\"]},"
        "{\"name\":\"thread\",\"choices\":[\"main\",\"other\"]},"
        "{\"name\":\"count\",\"range\":[0,1000000]},{\"name\":\"seconds\",\"range\":[0,100]},"
        "{\"name\":\"chance\",\"range\":[100,0]}],"
        "\"limits\":{\"timeout_s\":%g,\"memory_mb\":256,\"processes\":48,\"disk_mb\":64}}",
        timeout_s);
    return tl_buffer_take(&b);
}

void trials_begin(struct trials *t, unsigned jobs, double timeout_s, bool no_cgroup)
{
    struct tl_error e = {0};
    struct tl_mistakes m = {0};
    strcpy(t->directory, "/tmp/trapline-test-XXXXXX");
    cr_assert(mkdtemp(t->directory));
    t->db = tl_format("%s/test.db", t->directory);
    setenv("XDG_CACHE_HOME", t->directory, 1);
    char *text = case_text(timeout_s);
    int result = tl_case_parse(text, strlen(text), "traps.json", &t->c, &m, &e);
    cr_assert_eq(result, 0, "%s", m.n ? m.list[0].expected : e.why);
    free(text);
    tl_mistakes_free(&m);
    struct tl_executor_options o = {
        .db_path = t->db, .command = "test", .jobs = jobs, .no_cgroup = no_cgroup};
    cr_assert_eq(tl_executor_new(&t->x, &o, &e), 0, "%s: %s: %s", e.what, e.where, e.why);
    t->unit = tl_executor_unit(t->x, "selftest:cpu", &e);
    cr_assert(t->unit, "%s: %s: %s", e.what, e.where, e.why);
}

void trials_end(struct trials *t)
{
    struct tl_error e = {0};
    cr_assert_eq(tl_executor_free(t->x, &e), 0, "%s: %s", e.what, e.why);
    tl_case_free(t->c);
    free(t->db);
    cr_assert_eq(tl_remove_tree(t->directory), 0);
}

void trials_submit(struct trials *t, const char *assignments, bool fresh, tl_executor_done done, void *arg)
{
    struct tl_error e = {0};
    struct tl_variant v = tl_variant_baseline(t->c);
    char *words = tl_strdup(assignments), *save;
    for (char *word = strtok_r(words, " ", &save); word; word = strtok_r(NULL, " ", &save))
        cr_assert_eq(tl_variant_assign(t->c, &v, word, &e), 0, "%s: %s", word, e.why);
    struct tl_request q = {.c = t->c, .variant = &v, .unit = t->unit, .fresh = fresh};
    cr_assert_eq(tl_executor_submit(t->x, &q, done, arg, &e), 0, "%s: %s: %s", e.what, e.where, e.why);
    free(words);
    tl_variant_free(&v);
}

void trials_finish(struct trials *t)
{
    struct tl_error e = {0};
    cr_assert_eq(tl_executor_finish(t->x, &e), 0, "%s: %s: %s", e.what, e.where, e.why);
}

static void remember_id(void *arg, const struct tl_trial_record *r, bool cached,
                        const struct tl_error *failure)
{
    (void)cached;
    cr_assert(!failure, "%s", failure ? failure->why : "");
    memcpy(arg, r->id, TL_UUID_SIZE);
}

void trials_run(struct trials *t, const char *assignments, bool fresh, struct tl_trial_record *r)
{
    struct tl_error e = {0};
    char id[TL_UUID_SIZE] = "";
    trials_submit(t, assignments, fresh, remember_id, id);
    trials_finish(t);
    cr_assert(*id, "%s: no answer", assignments);
    cr_assert_eq(tl_store_flush(tl_executor_store(t->x), &e), 0, "%s", e.why);
    cr_assert_eq(tl_query_trial(tl_executor_store(t->x), id, r, &e), 0, "%s: %s", e.what, e.why);
}

static bool thread_has(const struct tl_thread *t, const char *function)
{
    for (size_t i = 0; t->symbols && i < t->n_frames; i++)
        for (size_t k = 0; k < t->symbols[i].n; k++)
            if (t->symbols[i].symbols[k].function && !strcmp(t->symbols[i].symbols[k].function, function))
                return true;
    return false;
}

bool trials_stack_has(const struct tl_capture *c, const char *function)
{
    return c->n_threads && thread_has(&c->threads[0], function);
}

bool trials_any_stack_has(const struct tl_capture *c, const char *function)
{
    for (size_t i = 0; i < c->n_threads; i++)
        if (thread_has(&c->threads[i], function))
            return true;
    return false;
}

static bool is_selftest(const char *pid)
{
    char *path = tl_format("/proc/%s/comm", pid), *text = tl_read_file(path, 64, NULL);
    bool found = text && (!strncmp(text, "trapline-selfte", 15) || !strncmp(text, "selftest-", 9));
    free(text);
    free(path);
    return found;
}

/* Ours are told from those of tests that run at the same time by their parent, or by having us as tracer. */
size_t trials_processes_left(void)
{
    size_t n = 0;
    DIR *d = opendir("/proc");
    for (struct dirent *e; d && (e = readdir(d));) {
        if (e->d_name[0] < '0' || e->d_name[0] > '9' || !is_selftest(e->d_name))
            continue;
        char *path = tl_format("/proc/%s/status", e->d_name), *text = tl_read_file(path, 1 << 16, NULL);
        const char *parent = text ? strstr(text, "\nPPid:") : NULL,
                   *tracer = text ? strstr(text, "\nTracerPid:") : NULL;
        long by = parent ? strtol(parent + 6, NULL, 10) : 0,
             traced = tracer ? strtol(tracer + 11, NULL, 10) : 0;
        n += by == getpid() || traced == getpid();
        free(text);
        free(path);
    }
    if (d)
        closedir(d);
    return n;
}

size_t trials_open_fds(void)
{
    size_t n = 0;
    DIR *d = opendir("/proc/self/fd");
    while (d && readdir(d))
        n++;
    if (d)
        closedir(d);
    return n;
}

size_t trials_own_memory(void)
{
    char *text = tl_read_file("/proc/self/status", 1 << 16, NULL);
    const char *line = text ? strstr(text, "\nRssAnon:") : NULL;
    cr_assert(line);
    size_t bytes = strtoull(line + 9, NULL, 10) << 10;
    free(text);
    return bytes;
}
