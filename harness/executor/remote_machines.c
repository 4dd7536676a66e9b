/* Which machines of a fleet there are, and what a unit is on them.
 *
 * Theory of operation. Each machine says what it has, every few seconds, and of each unit its kind: machines of one kind give the same outcomes.
 * A unit of a fleet is that of one kind, the one with the most places among the machines that may be asked. Where all machines of the kind
 * may be, any of them takes a job; otherwise those that may be are given their jobs by name, each to the one that has least to do. And a unit "RUNNER:DEVICE
 * on MACHINE" is that of one machine, whose trials alone are answers (--on each). */
#include "harness/executor/remote_machines.h"

#include "db/ran_on.h"
#include "harness/base/buffer.h"
#include "harness/base/clock.h"
#include "harness/base/unit_name.h"
#include "harness/base/version.h"
#include "harness/builds/builds.h"
#include "harness/executor/remote.h"
#include "harness/executor/remote_allow.h"
#include "harness/executor/remote_announced.h"
#include "harness/executor/remote_away.h"
#include "harness/executor/remote_files.h"
#include "harness/executor/remote_impl.h"
#include "harness/executor/remote_job.h"

#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define ASK_MS 40000
#define HEARD_US 35000000 /* of a machine that announces itself every ten seconds */
#define PLACES_MOST 4096

static const char *text_of(const json_t *j, const char *key)
{
    const char *text = json_string_value(json_object_get(j, key));
    return text ? text : "";
}

/* --- who is there --------------------------------------------------------------------------------------- */

/* What a machine said goes to those that can be asked for a trial, or to the others. */
static void sort_in(struct tl_executor *x, const json_t *told, json_t *can, json_t *away)
{
    struct tl_error wrong, ignored;
    json_t *said = tl_remote_machine_read(text_of(told, "machine"), text_of(told, "announcement"), &wrong);
    char *why = tl_remote_why_away(told, said);
    if (!said && json_integer_value(json_object_get(told, "silent_us")) < HEARD_US)
        tl_remote_warn(x, &wrong);
    if (!said || tl_fleet_check_name(text_of(told, "machine"), &ignored)) {
        /* who that is nobody can say */
    } else if (why) {
        json_array_append_new(
            away, json_pack("{s:s,s:O,s:s}", "machine", text_of(told, "machine"), "said", said, "why", why));
    } else {
        json_array_append_new(can, json_pack("{s:s,s:O}", "machine", text_of(told, "machine"), "said", said));
    }
    free(why);
    json_decref(said);
}

/* Asked once. */
static int ask_machines(struct tl_executor *x, struct tl_error *e)
{
    struct tl_frame_in f;
    if (x->remote->machines)
        return 0;
    if (tl_fleet_link_send(x->remote->link, json_pack("{s:i}", "machines", 1), NULL, 0, e) ||
        tl_remote_wait_for(x, "machines", ASK_MS, &f, e))
        return -1;
    json_t *list = json_array(), *one;
    size_t i;
    x->remote->away = json_array();
    json_array_foreach(json_object_get(f.head, "machines"), i, one)
        sort_in(x, one, list, x->remote->away);
    tl_frame_in_free(&f);
    x->remote->machines = list;
    if (tl_remote_catch_up(x, e))
        return -1;
    tl_remote_listen(x);
    return 0;
}

/* What a machine says of a unit; NULL: it has none of that name. */
static const json_t *unit_in(const json_t *machine, const char *text)
{
    json_t *one;
    size_t i;
    json_array_foreach(json_object_get(json_object_get(machine, "said"), "units"), i, one)
        if (!strcmp(text_of(one, "unit"), text) && strlen(text_of(one, "kind")) == TL_ID_SIZE - 1)
            return one;
    return NULL;
}

static unsigned places_of(const json_t *machine)
{
    json_int_t n = json_integer_value(json_object_get(json_object_get(machine, "said"), "places"));
    return n > 0 && n < PLACES_MOST ? (unsigned)n : 1;
}

/* --- which of them: --on -------------------------------------------------------------------------------- */

static const char *const fields[] = {"machine", "chip",  "arch",   "os",   "os_build",
                                     "host",    "model", "device", "kind", "trapline"};

/* What a machine, and a unit of it, has in a field; "": nothing. */
static const char *value_of(const json_t *machine, const json_t *unit, const char *field)
{
    const json_t *said = json_object_get(machine, "said"), *its = json_object_get(said, "machine");
    if (!strcmp(field, "machine"))
        return text_of(machine, "machine");
    if (!strcmp(field, "trapline"))
        return text_of(said, "trapline");
    if (!strcmp(field, "host"))
        return text_of(its, "name");
    if (!strcmp(field, "chip"))
        return text_of(its, "cpu");
    if (!strcmp(field, "arch"))
        return text_of(its, "arch");
    if (!strcmp(field, "os") || !strcmp(field, "os_build")) {
        const char *of_device = text_of(unit, field);
        return *of_device ? of_device : text_of(its, field);
    }
    return text_of(unit, field);
}

/* A chip is an "Apple M4 Pro", and is called M4: a pattern may begin at any word. */
static bool matches(const char *pattern, const char *value)
{
    for (const char *at = value; at; at = strchr(at, ' ')) {
        at += *at == ' ';
        if (!fnmatch(pattern, at, 0))
            return true;
    }
    return false;
}

static const char *field_named(const char *name, size_t n)
{
    if (n == 3 && !strncmp(name, "cpu", n))
        return "chip";
    for (size_t i = 0; i < TL_COUNT(fields); i++)
        if (strlen(fields[i]) == n && !strncmp(fields[i], name, n))
            return fields[i];
    return NULL;
}

/* One condition, FIELD=PATTERN or the name of a machine: where its pattern begins. field NULL: there is no such field. */
static const char *condition(const char *text, const char **field)
{
    size_t n = strcspn(text, "=,");
    *field = text[n] == '=' ? field_named(text, n) : "machine";
    return text[n] == '=' ? text + n + 1 : text;
}

static bool fits(const struct tl_executor *x, const json_t *machine, const json_t *unit)
{
    bool all = true;
    for (const char *at = x->remote->on; at && *at && all;) {
        const char *field, *pattern = condition(at, &field);
        size_t n = strcspn(pattern, ",");
        char *own = tl_format("%.*s", (int)n, pattern);
        all = matches(own, value_of(machine, unit, field));
        free(own);
        at = pattern + n;
        at += *at == ',';
    }
    return all;
}

int tl_remote_on(struct tl_executor *x, const char *on, struct tl_error *e)
{
    for (const char *at = on; at && *at;) {
        const char *field, *pattern = condition(at, &field);
        if (!field)
            return tl_fail(
                e, TL_ERROR_INPUT, "--on", on,
                "there is no field %.*s; there are machine, chip (or cpu), arch, os, os_build, host, model, "
                "device, kind and trapline, as in 'chip=M4*,os=27.0*'",
                (int)strcspn(at, "="), at);
        at = pattern + strcspn(pattern, ",");
        at += *at == ',';
    }
    x->remote->on = tl_strdup(on);
    return 0;
}

/* --- what is said where none is ------------------------------------------------------------------------- */

static void add_once(struct tl_buffer *b, json_t *seen, const char *text)
{
    if (!*text || json_object_get(seen, text) || b->size > 600)
        return;
    json_object_set_new_nocheck(seen, text, json_true());
    tl_buffer_printf(b, "%s%.64s", json_object_size(seen) > 1 ? ", " : "", text);
}

/* The values that machines with the unit have in the fields that were asked for. */
static int none_fits(const struct tl_executor *x, const char *text, struct tl_error *e)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    const char *const on = x->remote->on;
    json_t *machine;
    size_t i;
    for (const char *at = on; *at;) {
        const char *field, *pattern = condition(at, &field);
        json_t *seen = json_object();
        tl_buffer_printf(&b, "%s%s is ", b.size ? "; " : "", field);
        json_array_foreach(x->remote->machines, i, machine) {
            const json_t *unit = unit_in(machine, text);
            if (unit)
                add_once(&b, seen, value_of(machine, unit, field));
        }
        json_decref(seen);
        at = pattern + strcspn(pattern, ",");
        at += *at == ',';
    }
    int result = tl_fail(e, TL_ERROR_INPUT, "no machine of the fleet fits", on, "of those with %s %s", text,
                         b.size ? b.data : "");
    tl_buffer_free(&b);
    return result;
}

static int no_machine(const struct tl_executor *x, const char *text, struct tl_error *e)
{
    struct tl_buffer known = TL_BUFFER_INIT;
    json_t *machine, *one, *seen = json_object();
    size_t i, k;
    bool any = false;
    json_array_foreach(x->remote->machines, i, machine) {
        any = any || unit_in(machine, text);
        json_array_foreach(json_object_get(json_object_get(machine, "said"), "units"), k, one)
            add_once(&known, seen, text_of(one, "unit"));
    }
    char *away = tl_remote_away_text(x->remote->away, text);
    int result =
        any     ? none_fits(x, text, e)
        : *away ? tl_fail(e, TL_ERROR_INPUT, "no machine of the fleet that takes trials has this unit", text,
                          "%s", away)
                : tl_fail(e, TL_ERROR_INPUT, "no machine of the fleet has this unit", text,
                          known.size ? "there are: %s" : "no worker is there; `trapline worker` starts one%s",
                          known.size ? known.data : "");
    free(away);
    json_decref(seen);
    tl_buffer_free(&known);
    return result;
}

/* --- units ---------------------------------------------------------------------------------------------- */

/* "UNIT on MACHINE". NULL: any machine. */
static const char *machine_named(const char *text, size_t *n)
{
    const char *found = NULL;
    struct tl_error ignored;
    *n = strlen(text);
    for (const char *at = strstr(text, TL_REMOTE_ON); at; at = strstr(at + 1, TL_REMOTE_ON))
        found = at;
    if (!found || tl_fleet_check_name(found + strlen(TL_REMOTE_ON), &ignored))
        return NULL;
    *n = (size_t)(found - text);
    return found + strlen(TL_REMOTE_ON);
}

char *tl_remote_unit_text(const char *text)
{
    size_t n;
    machine_named(text, &n);
    return tl_format("%.*s", (int)n, text);
}

static bool may_run(const struct tl_executor *x, const json_t *machine, const char *text, const char *only)
{
    const json_t *unit = unit_in(machine, text);
    return unit && (only ? !strcmp(text_of(machine, "machine"), only) : fits(x, machine, unit));
}

/* The kind with the most places; NULL: no machine may run it. *of: one of its machines. */
static const char *best_kind(const struct tl_executor *x, const char *text, const char *only,
                             const json_t **of)
{
    const char *best = NULL;
    unsigned most = 0;
    json_t *machine, *other;
    size_t i, k;
    json_array_foreach(x->remote->machines, i, machine) {
        const char *kind = text_of(unit_in(machine, text), "kind");
        unsigned places = 0;
        if (!may_run(x, machine, text, only))
            continue;
        json_array_foreach(x->remote->machines, k, other)
            if (may_run(x, other, text, only) && !strcmp(text_of(unit_in(other, text), "kind"), kind))
                places += places_of(other);
        if (places > most) {
            most = places;
            best = kind;
            *of = machine;
        }
    }
    return best;
}

/* The machines of a kind that may be asked, where that are not all of it. */
static void restrict_to(const struct tl_executor *x, const char *text, const char *only, const char *kind,
                        struct tl_unit_place *p)
{
    bool some = false;
    json_t *machine;
    size_t i, n = json_array_size(x->remote->machines);
    p->machines = tl_calloc(n + 1, sizeof *p->machines);
    p->busy = tl_calloc(n + 1, sizeof *p->busy);
    p->width = tl_calloc(n + 1, sizeof *p->width);
    json_array_foreach(x->remote->machines, i, machine) {
        if (strcmp(text_of(unit_in(machine, text), "kind"), kind))
            continue;
        if (!may_run(x, machine, text, only)) {
            some = true;
            continue;
        }
        p->places += places_of(machine);
        p->width[p->n_machines] = places_of(machine);
        p->machines[p->n_machines++] = tl_strdup(text_of(machine, "machine"));
    }
    if (!some && !only) { /* all */
        while (p->n_machines)
            free(p->machines[--p->n_machines]);
    }
    p->pinned = only != NULL;
}

static const char *member(const json_t *j, const char *key)
{
    return json_string_value(json_object_get(j, key));
}

static struct tl_unit_place *place_on(const json_t *machine)
{
    struct tl_unit_place *p = tl_calloc(1, sizeof *p);
    json_t *said = json_object_get(json_object_get(machine, "said"), "machine");
    json_int_t cores = json_integer_value(json_object_get(said, "cores")),
               memory = json_integer_value(json_object_get(said, "memory"));
    p->said = json_incref(said);
    p->machine = (struct tl_machine){.name = member(said, "name"),
                                     .arch = member(said, "arch"),
                                     .cpu = member(said, "cpu"),
                                     .cores = cores > 0 && cores < 1 << 20 ? (unsigned)cores : 0,
                                     .memory = memory > 0 ? (uint64_t)memory : 0,
                                     .os = member(said, "os"),
                                     .os_build = member(said, "os_build"),
                                     .kernel = member(said, "kernel"),
                                     .processor = member(said, "processor")};
    return p;
}

/* What a worker says of the build, as the unit would say it there; NULL: it names none. */
static json_t *build_of(const struct tl_unit *u, const json_t *environment)
{
    static const char *const names[][2] = {
        {"path", "runtime_path"}, {"version", "runtime_version"}, {"sha256", "runtime_sha256"}};
    json_t *build = u->build ? json_object() : NULL;
    for (size_t i = 0; build && i < TL_COUNT(names); i++)
        if (member(environment, names[i][1]))
            json_object_set(build, names[i][0], json_object_get(environment, names[i][1]));
    return build;
}

static void describe(struct tl_unit *u, const json_t *said)
{
    u->kind = tl_strdup(member(said, "kind"));
    u->runner_version = tl_strdup(member(said, "runner_version"));
    u->can_serve = json_is_true(json_object_get(said, "serve"));
    u->os_build = tl_strdup(member(said, "os_build"));
    u->os = tl_strdup(member(said, "os"));
    u->model = tl_strdup(member(said, "model"));
    u->axes =
        json_is_array(json_object_get(said, "axes")) ? json_incref(json_object_get(said, "axes")) : NULL;
    u->build_object = build_of(u, json_object_get(said, "environment"));
    u->usable = true;
}

/* The environment that stands for it. */
static int stand_for(struct tl_executor *x, struct tl_unit *u, const json_t *said, struct tl_error *e)
{
    const json_t *v = json_object_get(said, "environment");
    const struct tl_environment environment = {.os_build = member(v, "os_build"),
                                               .driver = member(v, "driver"),
                                               .device = u->device,
                                               .runner = u->runner,
                                               .runner_version = u->runner_version,
                                               .runtime_path = member(v, "runtime_path"),
                                               .runtime_sha256 = member(v, "runtime_sha256"),
                                               .runtime_version = member(v, "runtime_version"),
                                               .versions = member(v, "versions")};
    memcpy(u->place->stands_for, u->kind, TL_ID_SIZE);
    return tl_kind_put(x->store, u->kind, &environment, e) ||
                   tl_remote_environment(x, NULL, u, u->environment_id, e)
               ? -1
               : 0;
}

/* Places of a machine count once, however many units of it are asked for. */
static void widen(struct tl_executor *x, const struct tl_unit *u, const char *only)
{
    json_t *machine;
    size_t i;
    json_array_foreach(x->remote->machines, i, machine) {
        const json_t *said = unit_in(machine, u->text);
        if (json_object_get(machine, "counted") || !may_run(x, machine, u->text, only) ||
            strcmp(text_of(said, "kind"), u->kind))
            continue;
        json_object_set_new(machine, "counted", json_true());
        x->places += places_of(machine);
    }
    if (!x->jobs_asked)
        x->jobs = x->places;
}

int tl_remote_unit(struct tl_executor *x, const char *text, struct tl_unit *u, struct tl_error *e)
{
    size_t n;
    const char *only = machine_named(text, &n), *kind;
    const json_t *machine = NULL;
    if (ask_machines(x, e))
        return -1;
    if (!(kind = best_kind(x, u->text, only, &machine)))
        return no_machine(x, u->text, e);
    const json_t *said = unit_in(machine, u->text);
    describe(u, said);
    u->place = place_on(machine);
    u->place->environment = json_incref(json_object_get(said, "environment"));
    restrict_to(x, u->text, only, kind, u->place);
    widen(x, u, only);
    return stand_for(x, u, said, e);
}

static int by_version(const void *a, const void *b)
{
    return tl_version_compare(((const struct tl_build *)a)->version, ((const struct tl_build *)b)->version);
}

static bool is_listed(const struct tl_builds *all, const char *version)
{
    for (size_t i = 0; i < all->n; i++)
        if (!strcmp(all->list[i].version, version))
            return true;
    return false;
}

/* The builds of a unit that machines which may be asked have. */
static int list_builds(void *arg, const struct tl_unit *u, struct tl_builds *all, struct tl_error *e)
{
    struct tl_executor *x = arg;
    json_t *machine, *one;
    size_t i, k;
    (void)e;
    *all = (struct tl_builds){0};
    json_array_foreach(x->remote->machines, i, machine)
        json_array_foreach(json_object_get(json_object_get(machine, "said"), "units"), k, one) {
            struct tl_unit its;
            struct tl_error none;
            if (!fits(x, machine, one) || tl_unit_parse(text_of(one, "unit"), &its, &none))
                continue;
            char *name = tl_unit_name_text(u->runner, its.build, u->device, u->alias);
            if (its.build && !strcmp(name, its.text) && !is_listed(all, its.build))
                *TL_GROW(all->list, all->n) =
                    (struct tl_build){.runner = tl_strdup(its.runner), .version = tl_strdup(its.build)};
            free(name);
            tl_unit_free(&its);
        }
    if (all->n)
        qsort(all->list, all->n, sizeof *all->list, by_version);
    return 0;
}

int tl_remote_expand(struct tl_executor *x, struct tl_unit_list *names, struct tl_error *e)
{
    const struct tl_unit_builds of = {list_builds, x};
    struct tl_unit_list all = {0};
    if (ask_machines(x, e))
        return -1;
    for (size_t i = 0; i < names->n; i++)
        if (tl_unit_list_add_of(&all, names->list[i], &of, e)) {
            tl_unit_list_free(&all);
            return -1;
        }
    tl_unit_list_free(names);
    *names = all;
    return 0;
}

int tl_remote_builds(struct tl_executor *x, const char *text, struct tl_unit_list *l, size_t *bad,
                     struct tl_error *e)
{
    const struct tl_unit_builds of = {list_builds, x};
    return ask_machines(x, e) ? -1 : tl_unit_list_builds_of(l, text, &of, bad, e);
}

int tl_remote_each(struct tl_executor *x, struct tl_unit_list *names, struct tl_error *e)
{
    struct tl_unit_list each = {0};
    json_t *machine;
    size_t i;
    if (ask_machines(x, e))
        return -1;
    for (size_t k = 0; k < names->n; k++) {
        size_t before = each.n;
        json_array_foreach(x->remote->machines, i, machine)
            if (may_run(x, machine, names->list[k], NULL))
                *TL_GROW(each.list, each.n) =
                    tl_format("%s" TL_REMOTE_ON "%s", names->list[k], text_of(machine, "machine"));
        if (each.n == before) {
            tl_unit_list_free(&each);
            return no_machine(x, names->list[k], e);
        }
    }
    tl_unit_list_free(names);
    *names = each;
    return 0;
}

/* --- what outcomes are valid for ------------------------------------------------------------------------ */

/* The outputs of a reference are made by the same machine. */
static char *add_of_reference(const struct tl_executor *x, const struct tl_case *c, const struct tl_unit *u)
{
    const char *unit = c ? c->reference.unit : NULL;
    json_t *machine;
    size_t i;
    if (!unit || !strcmp(unit, "same") || !strcmp(unit, u->text))
        return NULL;
    json_array_foreach(x->remote->machines, i, machine) {
        const json_t *reference = unit_in(machine, unit), *own = unit_in(machine, u->text);
        if (reference && !strcmp(text_of(own, "kind"), u->kind))
            return tl_strdup(text_of(reference, "kind"));
    }
    return tl_strdup(unit);
}

/* What a case adds to that: its reference, and what its programs read, which is all that goes with it. *more is the caller's; NULL: nothing. */
static int adds(struct tl_executor *x, const struct tl_case *c, const struct tl_unit *u, char **more,
                struct tl_error *e)
{
    *more = add_of_reference(x, c, u);
    if (!c || !(tl_remote_needs(c->document) & TL_ALLOW_PROGRAMS))
        return 0;
    if (tl_remote_send_files(x, c, e)) {
        free(*more);
        *more = NULL;
        return -1;
    }
    char *files = json_dumps(x->remote->files, JSON_COMPACT | JSON_SORT_KEYS),
         *all = tl_format("%s %s", *more ? *more : "", files);
    free(*more);
    free(files);
    *more = all;
    return 0;
}

int tl_remote_environment(struct tl_executor *x, const struct tl_case *c, const struct tl_unit *u,
                          char id[TL_ID_SIZE], struct tl_error *e)
{
    char *more, *text;
    if (adds(x, c, u, &more, e))
        return -1;
    const struct tl_environment as_kind = {
        .device = u->device, .runner = u->runner, .runner_version = u->runner_version};
    memcpy(id, u->kind, TL_ID_SIZE);
    if (more) {
        text = tl_format("kind 2 %s %s", u->kind, more);
        tl_content_id(text, strlen(text), id);
        free(text);
    }
    free(more);
    if (strcmp(id, u->place->stands_for) && tl_kind_put(x->store, id, &as_kind, e))
        return -1;
    memcpy(u->place->stands_for, id, TL_ID_SIZE);
    if (!u->place->pinned)
        return 0;
    text = tl_format("on 1 %s %s", id, u->place->machines[0]);
    tl_content_id(text, strlen(text), id);
    free(text);
    return tl_kind_put_machine(x->store, id, u->place->stands_for, u->place->machines[0], e);
}

/* --- jobs ----------------------------------------------------------------------------------------------- */

int tl_remote_check_allowed(const struct tl_job *j, unsigned needs, struct tl_error *e)
{
    json_t *machine;
    size_t i;
    json_array_foreach(j->x->remote->machines, i, machine)
        if (!strcmp(text_of(unit_in(machine, j->unit->text), "kind"), j->unit->kind) &&
            !(needs & ~tl_remote_allow_of(json_object_get(machine, "said"))))
            return 0;
    return tl_fail(
        e, TL_ERROR_INPUT, "this case cannot be run by a fleet", j->c->path,
        "it needs %s, and no machine of the fleet that has %s lets others have it run that: it runs "
        "programs, or takes models, that are not its own. `trapline worker --allow %s` there does, or run "
        "it without --fleet",
        tl_remote_allow_text(needs), j->unit->text, tl_remote_allow_text(needs | TL_ALLOW_DEFAULT));
}

void tl_remote_choose(struct tl_job *j)
{
    struct tl_unit_place *p = j->unit->place;
    size_t best = 0;
    if (!p->n_machines)
        return;
    for (size_t i = 1; i < p->n_machines; i++)
        if ((uint64_t)p->busy[i] * p->width[best] < (uint64_t)p->busy[best] * p->width[i])
            best = i;
    snprintf(j->on, sizeof j->on, "%s", p->machines[best]);
    p->busy[best]++;
}

void tl_remote_leave(struct tl_job *j)
{
    struct tl_unit_place *p = j->unit->place;
    for (size_t i = 0; *j->on && i < p->n_machines; i++)
        p->busy[i] -= p->busy[i] && !strcmp(p->machines[i], j->on);
}
