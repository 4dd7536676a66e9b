/* trapline fleet status: machines, what runs on them, and what waits for one that is not there.
 *
 * All that a machine says of itself is a stranger's: a member that is missing or of another type counts as not said, and lists are cut. */
#include "harness/cli/fleet_status.h"

#include "harness/base/buffer.h"
#include "harness/base/plural.h"
#include "harness/base/style.h"
#include "harness/cli/table.h"
#include "harness/executor/remote_allow.h"
#include "harness/executor/remote_announced.h"
#include "harness/fleet/subjects.h"

#include <stdlib.h>
#include <string.h>

#define SILENT_US 35000000 /* of a machine that announces itself every ten seconds */
#define LISTED_MOST 256    /* units of a machine */
#define SKEW_S 30          /* of a clock: less is the way of the message */

static const char *text_of(const json_t *j, const char *key)
{
    const char *text = json_string_value(json_object_get(j, key));
    return text ? text : "";
}

static json_int_t number_of(const json_t *j, const char *key)
{
    return json_integer_value(json_object_get(j, key));
}

/* --- the document --------------------------------------------------------------------------------------- */

static json_t *units_of(const json_t *said)
{
    json_t *units = json_array(), *u;
    size_t i;
    json_array_foreach(json_object_get(said, "units"), i, u)
        if (i < LISTED_MOST && json_is_string(json_object_get(u, "unit")))
            json_array_append(units, json_object_get(u, "unit"));
    return units;
}

static json_t *running_of(const json_t *said)
{
    json_t *list = json_array(), *one;
    size_t i;
    json_array_foreach(json_object_get(said, "running"), i, one)
        if (i < LISTED_MOST)
            json_array_append_new(list,
                                  json_pack("{s:s,s:s,s:I}", "case", text_of(one, "case"), "unit",
                                            text_of(one, "unit"), "seconds", number_of(one, "seconds")));
    return list;
}

/* What it is to be taken for. */
static const char *state_of(const json_t *told, const json_t *said, bool here)
{
    const char *state = text_of(said, "state");
    bool ended = !strcmp(state, "ended") || !strcmp(state, "drained");
    if (!told)
        return "never seen";
    if (!said)
        return "refused";
    return !here && !ended ? "silent" : *state ? state : "well";
}

static json_t *machine_of(const char *name, const json_t *told)
{
    struct tl_error wrong;
    json_t *said = told ? tl_remote_machine_read(name, text_of(told, "announcement"), &wrong) : NULL;
    const json_t *machine = json_object_get(said, "machine");
    json_int_t silent_us = number_of(told, "silent_us"), at_us = number_of(said, "at_us");
    bool here = said && silent_us < SILENT_US && strcmp(text_of(said, "state"), "ended") &&
                strcmp(text_of(said, "state"), "drained");
    const char *state = state_of(told, said, here);
    const char *why = told && !said ? wrong.why : text_of(said, "why");
    json_t *j = json_pack(
        "{s:s,s:b,s:o,s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:I,s:o,s:o,s:I,s:I,s:o}", "machine", name, "here", here,
        "silent_s", told ? json_integer(silent_us / 1000000) : json_null(), "state", state, "why", why, "os",
        text_of(machine, "os"), "os_build", text_of(machine, "os_build"), "cpu", text_of(machine, "cpu"),
        "trapline", text_of(said, "trapline"), "boot", text_of(said, "boot"), "places",
        number_of(said, "places"), "units", units_of(said), "running", running_of(said), "done",
        number_of(said, "done"), "lost", number_of(said, "lost"), "clock_s",
        at_us ? json_integer((at_us - number_of(told, "at_us")) / 1000000) : json_null());
    json_decref(said);
    return j;
}

static const json_t *told_of(const json_t *told, const char *name)
{
    json_t *one;
    size_t i;
    json_array_foreach(json_object_get(told, "machines"), i, one)
        if (!strcmp(text_of(one, "machine"), name))
            return one;
    return NULL;
}

/* Everybody who was invited; who was revoked is of the fleet no more. */
static json_t *machines_of(const json_t *server, const json_t *told)
{
    json_t *list = json_array(), *role;
    const char *name;
    json_object_foreach(json_object_get(server, "members"), name, role)
        if (json_is_string(role) && !strcmp(json_string_value(role), "worker"))
            json_array_append_new(list, machine_of(name, told_of(told, name)));
    return list;
}

static const json_t *named(const json_t *machines, const char *name)
{
    json_t *one;
    size_t i;
    json_array_foreach(machines, i, one)
        if (!strcmp(text_of(one, "machine"), name))
            return one;
    return NULL;
}

static bool takes(const json_t *machine)
{
    return json_is_true(json_object_get(machine, "here")) &&
           (!strcmp(text_of(machine, "state"), "well") || !strcmp(text_of(machine, "state"), "checking"));
}

static void add_once(json_t *list, const json_t *text)
{
    json_t *one;
    size_t i;
    json_array_foreach(list, i, one)
        if (json_equal(one, text))
            return;
    if (json_is_string(text))
        json_array_append(list, (json_t *)text);
}

/* Whether a machine takes jobs of a class by a unit: of its kind, and such as it allows (remote_allow.h). */
static bool takes_class(const json_t *said, const json_t *unit, const char *class)
{
    json_t *classes = tl_remote_classes(text_of(unit, "kind"), tl_remote_allow_of(said)), *one;
    size_t i;
    bool takes = false;
    json_array_foreach(classes, i, one)
        takes = takes || !strcmp(json_string_value(one), class);
    json_decref(classes);
    return takes;
}

/* Which machines take from a queue, and by which units: place is a class of jobs, or the name of a machine; device "": any. */
static void add_takers(json_t *queue, const char *place, const char *device, const json_t *told,
                       const json_t *machines)
{
    json_t *one, *u, *units = json_object_get(queue, "units");
    size_t i, k;
    json_array_foreach(json_object_get(told, "machines"), i, one) {
        const char *name = text_of(one, "machine");
        const json_t *machine = named(machines, name);
        struct tl_error ignored;
        json_t *said = machine ? tl_remote_machine_read(name, text_of(one, "announcement"), &ignored) : NULL;
        bool has = false;
        json_array_foreach(json_object_get(said, "units"), k, u)
            if ((takes_class(said, u, place) || !strcmp(name, place)) &&
                (!*device || !strcmp(text_of(u, "device"), device))) {
                add_once(units, json_object_get(u, "unit"));
                has = true;
            }
        if (has)
            json_array_append(json_object_get(queue, takes(machine) ? "here" : "away"),
                              json_object_get(machine, "machine"));
        json_decref(said);
    }
}

/* Of the machines that take nothing from a queue: how many of its jobs run there all the same. */
static json_int_t still_run(const json_t *queue, const json_t *machines)
{
    json_int_t n = 0;
    json_t *name, *run, *unit;
    size_t i, k, l;
    json_array_foreach(json_object_get(queue, "away"), i, name) {
        const json_t *m = named(machines, json_string_value(name));
        json_array_foreach(json_object_get(json_is_true(json_object_get(m, "here")) ? m : NULL, "running"), k,
                           run)
            json_array_foreach(json_object_get(queue, "units"), l, unit)
                n += !strcmp(text_of(run, "unit"), json_string_value(unit));
    }
    return n;
}

/* The server counts what was given back among what somebody has. Where nobody takes it that is told apart by what machines say they run. */
static void count_given_back(json_t *queue, const json_t *machines)
{
    json_int_t all = number_of(queue, "waiting") + number_of(queue, "running"),
               run = still_run(queue, machines);
    if (json_array_size(json_object_get(queue, "here")))
        return;
    run = run < number_of(queue, "running") ? run : number_of(queue, "running");
    json_object_set_new(queue, "waiting", json_integer(all - run));
    json_object_set_new(queue, "running", json_integer(run));
}

/* jobs.WHAT.KIND.DEVICE.*, or on.MACHINE.> */
static json_t *queue_of(const json_t *told_queue, const json_t *told, const json_t *machines)
{
    char *subject = tl_strdup(text_of(told_queue, "subject")), *save = NULL, *part[4] = {NULL};
    size_t n = 0;
    for (char *at = strtok_r(subject, ".", &save); at && n < 4; at = strtok_r(NULL, ".", &save))
        part[n++] = at;
    bool on = n >= 2 && !strcmp(part[0], "on");
    const char *place = on ? part[1] : part[2], *device = on ? "" : part[3];
    json_t *queue = n < 4 && !on ? NULL
                                 : json_pack("{s:s,s:s,s:s,s:b,s:I,s:I,s:[],s:[],s:[]}", "queue",
                                             text_of(told_queue, "queue"), "of", place, "device", device,
                                             "night", n == 4 && !strcmp(part[1], TL_FLEET_LOW), "waiting",
                                             number_of(told_queue, "waiting"), "running",
                                             number_of(told_queue, "running"), "units", "here", "away");
    if (queue) {
        add_takers(queue, place, device, told, machines);
        count_given_back(queue, machines);
    }
    free(subject);
    return queue;
}

json_t *tl_cli_fleet_document(const json_t *server, const json_t *told)
{
    json_t *machines = machines_of(server, told), *queues = json_array(), *one;
    size_t i;
    json_array_foreach(json_object_get(told, "queues"), i, one) {
        json_t *queue = queue_of(one, told, machines);
        if (queue)
            json_array_append_new(queues, queue);
    }
    return json_pack("{s:s,s:b,s:I,s:o,s:o}", "url", text_of(server, "url"), "runs", told != NULL, "waiting",
                     number_of(told, "waiting"), "machines", machines, "queues", queues);
}

/* --- for a person --------------------------------------------------------------------------------------- */

static char *ago(const json_t *seconds)
{
    long long s = (long long)json_integer_value(seconds);
    return !json_is_integer(seconds) ? tl_strdup("never")
           : s < 120                 ? tl_format("%lld s", s)
           : s < 7200                ? tl_format("%lld min", s / 60)
           : s < 172800              ? tl_format("%lld h", s / 3600)
                                     : tl_format("%lld d", s / 86400);
}

static char *system_of(const json_t *m)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    const char *os = text_of(m, "os"), *build = text_of(m, "os_build"), *cpu = text_of(m, "cpu");
    tl_buffer_add_string(&b, "");
    tl_buffer_printf(&b, "%.40s%s%.24s%s", os, *build ? " (" : "", build, *build ? ")" : "");
    tl_buffer_printf(&b, "%s%.32s", *cpu ? ", " : "", cpu);
    return tl_buffer_take(&b);
}

static const char *colour_of(const char *state)
{
    return !strcmp(state, "well")                                     ? tl_style(TL_STYLE_GREEN)
           : !strcmp(state, "unhealthy") || !strcmp(state, "refused") ? tl_style(TL_STYLE_RED)
                                                                      : tl_style(TL_STYLE_YELLOW);
}

static void add_number(struct tl_table *t, json_int_t n)
{
    tl_table_add(t, tl_format("%lld", (long long)n), NULL);
}

static void print_table(const json_t *machines, size_t width)
{
    static const char *const heads[] = {"machine", "state", "seen", "runs", "done", "lost", "system"};
    struct tl_table t = {.n_columns = TL_COUNT(heads), .n_headers = 1};
    json_t *m;
    size_t i;
    for (i = 0; i < TL_COUNT(heads); i++)
        tl_table_add(&t, tl_strdup(heads[i]), NULL);
    json_array_foreach(machines, i, m) {
        const char *state = text_of(m, "state");
        tl_table_add(&t, tl_format("%.32s", text_of(m, "machine")), NULL);
        tl_table_add(&t, tl_format("%.12s", state), colour_of(state));
        tl_table_add(&t, ago(json_object_get(m, "silent_s")), NULL);
        add_number(&t, (json_int_t)json_array_size(json_object_get(m, "running")));
        add_number(&t, number_of(m, "done"));
        add_number(&t, number_of(m, "lost"));
        char *system = system_of(m);
        size_t used = 60; /* what is left for it beside columns of usual width */
        if (width && width < used + strlen(system)) {
            char *cut = tl_format("%.*s…", (int)(width > used + 8 ? width - used - 1 : 8), system);
            free(system);
            system = cut;
        }
        tl_table_add(&t, system, NULL);
    }
    tl_table_print(&t, stdout, tl_colour(stdout));
    tl_table_free(&t);
}

/* A list of texts after a heading, in lines of at most `width`. */
static void print_list(const char *heading, const json_t *list, size_t width)
{
    struct tl_buffer line = TL_BUFFER_INIT;
    json_t *one;
    size_t i;
    tl_buffer_printf(&line, "  %s", heading);
    json_array_foreach(list, i, one) {
        const char *text = json_string_value(one);
        if (width && line.size + strlen(text) + 1 > width && line.size > 4) {
            tl_cli_line("%s", line.data);
            tl_buffer_free(&line);
            line = (struct tl_buffer)TL_BUFFER_INIT;
            tl_buffer_add_string(&line, "   ");
        }
        tl_buffer_printf(&line, " %s", text);
    }
    tl_cli_line("%s", line.data);
    tl_buffer_free(&line);
}

/* What does not fit into a row. */
static void print_more(const json_t *m, size_t width)
{
    const char *name = text_of(m, "machine"), *why = text_of(m, "why");
    const json_t *clock = json_object_get(m, "clock_s");
    json_int_t off = json_integer_value(clock);
    json_t *one;
    size_t i;
    bool here = json_is_true(json_object_get(m, "here"));
    if (!*why && !here)
        return;
    tl_cli_line("%s%s%s%s%s", name, *why ? ": " : "", *why ? text_of(m, "state") : "", *why ? ": " : "", why);
    if (json_array_size(json_object_get(m, "units")))
        print_list("has", json_object_get(m, "units"), width);
    json_array_foreach(json_object_get(m, "running"), i, one)
        tl_cli_line("  runs %s on %s for %lld s", text_of(one, "case"), text_of(one, "unit"),
                    (long long)number_of(one, "seconds"));
    if (here && json_is_integer(clock) && (off > SKEW_S || off < -SKEW_S))
        tl_cli_line("  its clock is %lld s %s that of the server, by which all here goes",
                    (long long)(off < 0 ? -off : off), off < 0 ? "behind" : "ahead of");
}

static char *joined(const json_t *list, const char *between)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    json_t *one;
    size_t i;
    tl_buffer_add_string(&b, "");
    json_array_foreach(list, i, one)
        tl_buffer_printf(&b, "%s%s", i ? between : "", json_string_value(one));
    return tl_buffer_take(&b);
}

static void print_queue(const json_t *q)
{
    long long waiting = (long long)number_of(q, "waiting"), running = (long long)number_of(q, "running");
    const json_t *here = json_object_get(q, "here"), *away = json_object_get(q, "away");
    if (!waiting && !running)
        return;
    char *units = joined(json_object_get(q, "units"), " or "), *who = joined(away, ", ");
    const char *what = *units ? units : text_of(q, "device");
    if (waiting && !json_array_size(here))
        tl_cli_line("%lld job%s for %s wait%s for a machine that is not there: %s%s", waiting,
                    tl_plural((unsigned long long)waiting), what, waiting == 1 ? "s" : "",
                    *who ? who : "none that was ever seen has it", *who ? " had it" : "");
    else
        tl_cli_line("%lld job%s for %s wait%s, and %lld run%s", waiting,
                    tl_plural((unsigned long long)waiting), what, waiting == 1 ? "s" : "", running,
                    running == 1 ? "s" : "");
    free(units);
    free(who);
}

void tl_cli_fleet_print(const json_t *document, size_t width)
{
    const json_t *machines = json_object_get(document, "machines");
    bool runs = json_is_true(json_object_get(document, "runs"));
    long long waiting = (long long)number_of(document, "waiting");
    json_t *one;
    size_t i;
    if (!runs) {
        tl_cli_line("%s: the server does not run; `trapline fleet up` starts it", text_of(document, "url"));
        return;
    }
    tl_cli_line("%s: %lld job%s not done yet", text_of(document, "url"), waiting,
                tl_plural((unsigned long long)waiting));
    json_array_foreach(json_object_get(document, "queues"), i, one)
        print_queue(one);
    if (!json_array_size(machines)) {
        tl_cli_note("no machine yet; `trapline fleet invite NAME` lets one in");
        return;
    }
    putchar('\n');
    print_table(machines, width);
    putchar('\n');
    json_array_foreach(machines, i, one)
        print_more(one, width);
}
