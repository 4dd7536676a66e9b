/* Loads cases and suites, takes variants from -s, and opens the executor: what commands that run trials begin
 * with. */
#include "harness/cli/begin.h"

#include "harness/base/buffer.h"
#include "harness/base/file_kind.h"
#include "harness/base/files.h"
#include "harness/base/plural.h"
#include "harness/base/program.h"
#include "harness/cli/fleet.h"
#include "harness/executor/beside.h"
#include "harness/executor/identity.h"
#include "harness/executor/remote_machines.h"
#include "harness/executor/unit_known.h"
#include "harness/supervise/sanitized.h"
#include "reports/commands.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

void tl_cli_print_each_mistake(const char *path, const struct tl_mistakes *m, bool lines)
{
    for (size_t i = 0; i < m->n; i++) {
        char line[16] = "";
        if (lines)
            snprintf(line, sizeof line, ":%d", m->list[i].line);
        tl_cli_error_line("%s%s: %s: %s", path, line, m->list[i].path, m->list[i].expected);
    }
}

int tl_cli_print_mistakes(const char *path, const struct tl_mistakes *m, const struct tl_error *e)
{
    tl_cli_print_each_mistake(path, m, true);
    if (!m->n)
        return tl_print_error(e);
    tl_cli_error_line("trapline: %zu mistake%s in %s; nothing was run", m->n, tl_plural(m->n), path);
    return TL_EXIT_INPUT;
}

static void warn(const char *text)
{
    tl_cli_note("%s", text);
}

/* A step's program that would look for leaks when it ends, which it cannot in a process that is traced. */
static void warn_of_leaks(const struct tl_case *c)
{
    struct tl_variant baseline = tl_variant_baseline(c);
    char **settings = tl_case_environment(c, &baseline);
    const char *path = tl_environment_value((const char *const *)settings, "PATH");
    for (size_t i = 0; i < c->n_steps; i++) {
        const char *name = c->steps[i].argv.n ? c->steps[i].argv.words[0].text : "";
        struct tl_error ignored;
        char *program =
            !*name || strchr(name, '{') ? NULL : tl_program_find_in(path, c->directory, name, &ignored);
        if (program && tl_looks_for_leaks(program))
            tl_cli_note("warning: %s: %s was built to look for leaks when it ends, which does not work in a "
                        "process that is traced: it is told not to (docs/tracing.md)",
                        c->path, name);
        free(program);
    }
    for (size_t i = 0; settings && settings[i]; i++)
        free(settings[i]);
    free(settings);
    tl_variant_free(&baseline);
}

/* What cannot be seen of a case, before anything is answered from what was stored, and what is expected of no unit. */
static void print_warnings(const struct tl_case *c)
{
    json_t *const lists[] = {tl_identity_warnings(c), tl_units_misspelt(c), tl_beside_warnings(c)};
    for (size_t k = 0; k < TL_COUNT(lists); k++) {
        json_t *text;
        size_t i;
        json_array_foreach(lists[k], i, text)
            warn(json_string_value(text));
        json_decref(lists[k]);
    }
    warn_of_leaks(c);
}

/* Somebody handed over the model itself, mostly. */
static void suggest_init(const char *path)
{
    struct stat st;
    enum tl_file_kind kind = TL_FILE_EMPTY;
    size_t n = strlen(path);
    if (!strcmp(path, "-") || stat(path, &st) || (n > 5 && !strcmp(path + n - 5, ".json")))
        return; /* of that name it was to be a case */
    bool model = S_ISDIR(st.st_mode)
                     ? strstr(tl_base_name(path), ".ml") != NULL /* a package of Core ML */
                     : !tl_file_kind(path, &kind) && kind != TL_FILE_EMPTY && kind != TL_FILE_OBJECT;
    if (model) {
        struct tl_buffer word = TL_BUFFER_INIT;
        tl_shell_word(&word, path, false);
        tl_cli_note(
            "%s is no case file; `trapline init %s` makes a case of a model, of a crash report, or of "
            "a log",
            path, word.data);
        tl_buffer_free(&word);
    }
}

struct tl_case *tl_load_case(const char *path, int *status)
{
    struct tl_case *c = NULL;
    struct tl_mistakes m = {0};
    struct tl_error e;
    if (tl_case_load(path, &c, &m, &e)) {
        *status = tl_cli_print_mistakes(path, &m, &e);
        suggest_init(path);
    } else {
        print_warnings(c);
    }
    tl_mistakes_free(&m);
    return c;
}

int tl_cli_load_suite(struct tl_nightly *n, const char *path)
{
    struct tl_nightly_mistakes m;
    int status = TL_EXIT_OK;
    tl_nightly_load(n, path, &m);
    for (size_t i = 0; i < m.n; i++) {
        int one = tl_cli_print_mistakes(m.list[i].path, &m.list[i].mistakes, &m.list[i].why);
        status = one > status ? one : status;
    }
    tl_nightly_mistakes_free(&m);
    for (size_t i = 0; status == TL_EXIT_OK && i < n->n_cases; i++)
        print_warnings(n->cases[i]);
    return status;
}

void tl_cli_print_set_aside(size_t n, const char *because)
{
    if (n)
        tl_cli_note("%zu stored trial%s set aside: trial %.18s contradicts what was known, so something "
                    "has changed that is not part of a trial's identity. What follows is of new trials",
                    n, tl_one_or_many(n, " is", "s are"), because);
}

int tl_cli_variant(const struct tl_options *o, const struct tl_case *c, struct tl_variant *v)
{
    struct tl_error e;
    *v = c->has_failing && !o->n_sets ? tl_variant_copy(c, &c->failing) : tl_variant_baseline(c);
    for (size_t i = 0; i < o->n_sets; i++)
        if (tl_variant_assign(c, v, o->sets[i], &e))
            return tl_print_error(&e);
    return TL_EXIT_OK;
}

/* Is told as long as another process that writes is waited for, which may be at any time; so it stays. */
static const struct tl_watch *while_waiting(const struct tl_options *o)
{
    static struct tl_cli_progress waiting;
    tl_cli_progress_begin(&waiting, o);
    waiting.quiet = o->quiet;
    waiting.started_ns = 0; /* it is told after two seconds, and its first line is said at once */
    return &waiting.watch;
}

/* Is told as long as a trial is waited for and there is nothing else to tell. */
static const struct tl_watch *while_running(const struct tl_options *o)
{
    static struct tl_cli_progress running;
    tl_cli_progress_begin(&running, o);
    return &running.watch;
}

int tl_cli_store(const struct tl_options *o, struct tl_store **s, struct tl_error *e)
{
    return tl_store_open_watched(o->db, TL_STORE_WRITE, while_waiting(o), s, e);
}

int tl_cli_check_sandbox(bool sandbox, const struct tl_options *o, struct tl_error *e)
{
    if (sandbox || (!o->network && !o->user))
        return 0;
    return tl_fail(e, TL_ERROR_INPUT, "there is no sandbox", o->network ? "--network" : "--user",
                   "it says what trials in one have: add --sandbox");
}

/* Which machines are meant besides, or instead of, "each". A new string; NULL: all. */
static char *which(const char *on, bool *each)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    *each = false;
    for (const char *at = on; at && *at;) {
        size_t n = strcspn(at, ",");
        bool is_each = n == 4 && !strncmp(at, "each", n);
        *each = *each || is_each;
        if (n && !is_each)
            tl_buffer_printf(&b, "%s%.*s", b.size ? "," : "", (int)n, at);
        at += n;
        at += *at == ',';
    }
    char *text = b.size ? tl_strdup(b.data) : NULL;
    tl_buffer_free(&b);
    return text;
}

int tl_cli_unit_add(const struct tl_options *o, struct tl_unit_list *names, const char *text,
                    struct tl_error *e)
{
    if (!tl_cli_in_fleet(o))
        return tl_unit_list_add(names, text, e);
    tl_unit_list_put(names, text);
    return 0;
}

int tl_cli_machines(const struct tl_options *o, struct tl_executor *x, struct tl_unit_list *names,
                    struct tl_error *e)
{
    bool each;
    free(which(o->on, &each));
    if (!tl_cli_in_fleet(o))
        return 0;
    return tl_remote_expand(x, names, e) || (each && tl_remote_each(x, names, e)) ? -1 : 0;
}

/* The link first: what asks runners becomes the parent of all that is left alone. */
static int open_fleet(const struct tl_command *c, const struct tl_options *o,
                      struct tl_executor_options *options, struct tl_error *e)
{
    bool each;
    char *on = which(o->on, &each);
    free(on);
    if (!c->in_fleet)
        return 0;
    if (each && c->unattended)
        return tl_fail(e, TL_ERROR_INPUT, "--on", o->on,
                       "a night has no column for each machine; name one, as in machine=NAME");
    return tl_cli_fleet_open(o, &options->fleet, e);
}

static int choose_machines(const struct tl_options *o, struct tl_executor *x, struct tl_error *e)
{
    bool each;
    char *on = which(o->on, &each);
    int result = on ? tl_remote_on(x, on, e) : 0;
    free(on);
    return result;
}

int tl_cli_executor(const struct tl_command *c, const struct tl_options *o, struct tl_executor **x,
                    struct tl_error *e)
{
    if (tl_cli_check_sandbox(o->sandbox, o, e))
        return -1;
    struct tl_buffer command = TL_BUFFER_INIT;
    tl_buffer_add_string(&command, c->name);
    for (int i = 0; i < o->n_args; i++)
        tl_buffer_printf(&command, " %s", o->args[i]);
    struct tl_executor_options options = {
        .db_path = o->db,
        .command = command.data,
        .started = c->unattended ? NULL : c->name,
        .jobs = o->jobs,
        .keep_scratch = o->keep_scratch,
        .no_cgroup = o->no_cgroup,
        .sandbox = {.wanted = o->sandbox, .network = o->network, .user = o->user},
        .anew = o->no_cache,
        .warn = warn,
        .watch = while_waiting(o),
        .waits = while_running(o),
        .own_each = c->own_each,
        .yields = c->unattended,
        .drains = c->drains,
        .goes_on = c->goes_on,
    };
    int result = open_fleet(c, o, &options, e) ? -1 : tl_executor_new(x, &options, e);
    tl_buffer_free(&command);
    if (result) {
        tl_fleet_link_close(options.fleet);
        return -1;
    }
    if (!options.fleet || !choose_machines(o, *x, e))
        return 0;
    tl_executor_free(*x, NULL);
    *x = NULL;
    return -1;
}

char *tl_cli_absolute(const char *path)
{
    char *there = realpath(path, NULL), *here;
    if (there || path[0] == '/')
        return there ? there : tl_strdup(path);
    here = realpath(".", NULL);
    char *whole = tl_format("%s/%s", here ? here : "", path);
    free(here);
    return whole;
}
