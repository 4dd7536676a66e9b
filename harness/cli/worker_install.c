/* trapline worker --install: the same command as a service, with all that was given to it. Names of files become absolute, for it is run from
 * elsewhere. */
#include "harness/cli/worker.h"

#include "harness/base/buffer.h"
#include "harness/cli/begin.h"
#include "harness/cli/service.h"

#include <stdlib.h>
#include <string.h>

#define NAME "worker"

static void add_path(struct tl_words *w, const char *name, const char *path)
{
    char *whole = path ? tl_cli_absolute(path) : NULL;
    tl_words_add_option(w, name, whole, path != NULL);
    free(whole);
}

/* [UNIT=]CASE, where a file of the whole name goes before. */
static void add_known_good(struct tl_words *w, const char *text)
{
    const char *equals = strrchr(text, '=');
    char *there = realpath(text, NULL),
         *path = equals && !there ? tl_cli_absolute(equals + 1) : tl_cli_absolute(text),
         *whole = equals && !there ? tl_format("%.*s=%s", (int)(equals - text), text, path) : tl_strdup(path);
    tl_words_add_option(w, "--known-good", whole, true);
    free(whole);
    free(path);
    free(there);
}

static void add_all(struct tl_words *w, const struct tl_options *o)
{
    char jobs[16], row[24], cache[24];
    snprintf(jobs, sizeof jobs, "%u", o->jobs);
    snprintf(row, sizeof row, "%llu", (unsigned long long)o->unhealthy_after);
    snprintf(cache, sizeof cache, "%llu", (unsigned long long)o->cache_gb);
    tl_words_add(w, "worker");
    tl_words_add(w, o->args[0]);
    add_path(w, "--key", o->key);
    add_path(w, "--db", o->db);
    for (size_t i = 0; i < o->n_units; i++)
        tl_words_add_option(w, "--unit", o->units[i], true);
    for (size_t i = 0; i < o->n_known_good; i++)
        add_known_good(w, o->known_good[i]);
    tl_words_add_option(w, "--allow", o->allow, o->allow != NULL);
    tl_words_add_option(w, "--cache-gb", cache, o->cache_gb > 0);
    tl_words_add_option(w, "--unhealthy-after", row, o->unhealthy_after > 0);
    add_path(w, "--recover", o->recover);
    tl_words_add_option(w, "--keep-scratch", NULL, o->keep_scratch);
    tl_words_add_option(w, "--no-cgroup", NULL, o->no_cgroup);
    tl_words_add_option(w, "--sandbox", NULL, o->sandbox);
    tl_words_add_option(w, "--network", NULL, o->network);
    tl_words_add_option(w, "--user", o->user, o->user != NULL);
    tl_words_add_option(w, "--jobs", jobs, o->jobs > 0);
}

/* What cannot be run is not installed: a mistake would stand in a log that nobody reads. A server that is away now may come. */
static int try_once(const struct tl_options *o, struct tl_error *e)
{
    const struct tl_fleet_link_wish wish = {o->args[0], o->key, TL_FLEET_WORKER};
    struct tl_fleet_link *link = NULL;
    if (!tl_fleet_link_open(&wish, &link, e)) {
        tl_fleet_link_close(link);
        return 0;
    }
    if (e->kind == TL_ERROR_INPUT)
        return -1;
    char *text = tl_error_text(e);
    tl_cli_note("%s; the service goes on trying", text);
    free(text);
    return 0;
}

int tl_worker_install(struct tl_options *o)
{
    struct tl_words words = {0};
    struct tl_error e;
    if (tl_cli_check_sandbox(o->sandbox, o, &e) || try_once(o, &e))
        return tl_print_error(&e);
    add_all(&words, o);
    int status = tl_cli_service_install(o, NAME, "runs what a fleet asks for", &words, NULL);
    tl_words_free(&words);
    return status;
}

int tl_worker_uninstall(struct tl_options *o)
{
    return tl_cli_service_uninstall(o, NAME);
}
