/* Draws what happens to each case, runs the product's night over an executor that draws the outcome of each trial, and
 * holds what the night's document says against what happened. */
#include "tests/unit/nights_world.h"

#include "db/store.h"
#include "harness/base/buffer.h"
#include "harness/base/clock.h"
#include "harness/campaign/nightly.h"
#include "harness/executor/identity.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CASES 8
#define LATEST 5 /* nights at the end in which nothing happens: each event has so many to be said in */

const char *const event_names[EVENT_COUNT] = {"break",       "refuse", "other way", "fix",
                                              "clean error", "flake",  "steady",    "slower",
                                              "faster",      "larger", "smaller"};

/* --- chance --------------------------------------------------------------------------------------------- */

static uint64_t random_state;

static uint64_t draw64(void)
{
    uint64_t z = (random_state += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static double draw(void)
{
    return ((double)(draw64() >> 11) + 0.5) / 9007199254740992.0;
}

static unsigned draw_from(unsigned least, unsigned most)
{
    return least + (unsigned)(draw64() % (most - least + 1));
}

static double draw_normal(void)
{
    return sqrt(-2 * log(draw())) * cos(2 * 3.14159265358979323846 * draw());
}

/* --- the world ------------------------------------------------------------------------------------------ */

enum condition { PASSES, CRASHES, REFUSED, FLAKES };

struct subject { /* a case, of which the failing variant changes and the baseline does not */
    char name[16];
    enum condition condition;
    bool slow, large, expected; /* expected: it is refused as the case expects, which is a pass */
    unsigned way;               /* which crash it is */
    double seconds, memory;
    unsigned next; /* night of its next event */
    /* The newest event, until it was said or the next one came. */
    bool pending;
    enum event event;
    unsigned since, tried; /* night, and how many were tried here before it */
    double load[2];        /* of this night: the failing variant, the baseline */
};

static struct {
    const struct plan *plan;
    const struct noise *noise;
    struct subject subjects[CASES];
    char *directory, *db, *suite;
    unsigned build, revision; /* the newest build, and how often it was made again */
    double load;              /* of the machine tonight */
    bool cannot;              /* tonight nothing can be tried */
    unsigned elsewhere;       /* it is another machine's: which */
    unsigned tried;           /* nights that were tried here, before this one */
    bool stores;              /* trials, tonight */
    long stop_after;          /* trials until it is interrupted; negative: it is not */
} world;

/* --- the executor --------------------------------------------------------------------------------------- */

struct waiting {
    struct tl_request request;
    tl_executor_done done;
    void *arg;
};

struct tl_executor {
    struct tl_store *store;
    struct tl_machine machine;
    struct tl_unit unit;
    bool interrupted;
    size_t n_waiting;
    struct waiting *waiting;
    unsigned trials;
};

struct tl_store *tl_executor_store(struct tl_executor *x)
{
    return x->store;
}

unsigned tl_executor_jobs(const struct tl_executor *x)
{
    (void)x;
    return 2;
}

const struct tl_machine *tl_executor_machine(const struct tl_executor *x)
{
    return &x->machine;
}

const struct tl_machine *tl_executor_machine_of(const struct tl_executor *x, const struct tl_unit *u)
{
    (void)u;
    return tl_executor_machine(x);
}

int tl_executor_builds(struct tl_executor *x, const char *text, struct tl_unit_list *l, size_t *bad,
                       struct tl_error *e)
{
    (void)x;
    return tl_unit_list_builds(l, text, bad, e);
}

bool tl_executor_environment_is(const struct tl_executor *x, const char *wanted, const char *id)
{
    (void)x;
    return !strcmp(wanted, id);
}

int64_t tl_executor_started_us(const struct tl_executor *x)
{
    (void)x;
    return 0;
}

size_t tl_executor_pending(const struct tl_executor *x)
{
    return x->n_waiting;
}

size_t tl_executor_in_flight(const struct tl_executor *x)
{
    return x->n_waiting;
}

bool tl_executor_interrupted(const struct tl_executor *x)
{
    return x->interrupted;
}

const struct tl_unit *tl_executor_unit(struct tl_executor *x, const char *text, struct tl_error *e)
{
    if (!x->unit.text) {
        if (tl_unit_parse(text, &x->unit, e))
            return NULL;
        x->unit.runner_version = tl_format("%u", world.revision);
        x->unit.build_object = json_pack("{s:s}", "version", x->unit.build);
        x->unit.can_serve = true;
        x->unit.usable = !world.cannot;
        x->unit.why = world.cannot ? tl_strdup("the device is not there") : NULL;
        char *environment = tl_format("%s %u %d", x->unit.build, world.revision, world.elsewhere > 0);
        tl_content_id(environment, strlen(environment), x->unit.environment_id);
        free(environment);
    }
    return &x->unit;
}

int tl_executor_units(struct tl_executor *x, const char *const *texts, size_t n, const struct tl_unit **units,
                      struct tl_error *e)
{
    for (size_t i = 0; i < n; i++)
        if (!(units[i] = tl_executor_unit(x, texts[i], e)))
            return -1;
    return 0;
}

void tl_executor_deadline(struct tl_executor *x, uint64_t at_ns)
{
    (void)x, (void)at_ns;
}

bool tl_executor_out_of_time(const struct tl_executor *x)
{
    (void)x;
    return false;
}

int tl_executor_environment(struct tl_executor *x, const struct tl_case *c, const struct tl_variant *v,
                            const struct tl_unit *u, char id[TL_ID_SIZE], struct tl_error *e)
{
    (void)x, (void)c, (void)v, (void)e;
    memcpy(id, u->environment_id, TL_ID_SIZE);
    return 0;
}

json_t *tl_executor_versions(struct tl_executor *x, const struct tl_case *c)
{
    (void)x, (void)c;
    return NULL;
}

/* The others are linked and never called: nothing is isolated here. */
json_t *tl_executor_counted(struct tl_executor *x)
{
    (void)x;
    return json_object();
}

void tl_executor_warn(struct tl_executor *x, const char *text)
{
    (void)x, (void)text;
}

struct tl_supervisor *tl_executor_supervisor(struct tl_executor *x)
{
    (void)x;
    abort();
}
int tl_executor_new(struct tl_executor **x, const struct tl_executor_options *options, struct tl_error *e)
{
    (void)x, (void)options, (void)e;
    abort();
}
int tl_executor_free(struct tl_executor *x, struct tl_error *e)
{
    (void)x, (void)e;
    abort();
}
int tl_identity_plan(struct tl_executor *x, const struct tl_case *c, const struct tl_variant *v,
                     struct tl_generated *g, struct tl_error *e)
{
    (void)x, (void)c, (void)v, (void)g, (void)e;
    abort();
}
int tl_executor_submit(struct tl_executor *x, const struct tl_request *request, tl_executor_done done,
                       void *arg, struct tl_error *e)
{
    (void)e;
    *TL_GROW(x->waiting, x->n_waiting) = (struct waiting){*request, done, arg};
    return 0;
}

static void fail(struct tl_trial_record *r, enum tl_outcome outcome, const char *title)
{
    r->outcome = outcome;
    r->phase = TL_PHASE_EXECUTE;
    r->signal = outcome == TL_OUTCOME_CRASH ? 11 : 0;
    r->signature.title = tl_strdup(title);
    r->signature.coarse_title = tl_strdup(title);
    char *all = tl_format("%d %s", outcome, title);
    tl_content_id(all, strlen(all), r->signature.id);
    tl_content_id(title, strlen(title), r->signature.coarse_id);
    free(all);
}

static void fill(struct tl_trial_record *r, const struct subject *s, bool failing, bool fresh)
{
    const struct noise *n = world.noise;
    double load = world.load + s->load[!failing] + n->trial * draw_normal();
    double grown = n->memory * draw_normal();
    if (draw() < n->busy_trial)
        load += log(n->busy_factor);
    if (draw() < n->memory_jump)
        grown += log(1.25 + 0.25 * draw());
    double seconds = s->seconds * exp(load) * (failing && s->slow ? world.plan->factor : 1);
    r->phase_seconds[TL_PHASE_LOAD] = 0.3 * seconds + (fresh ? 0.05 : 0);
    r->phase_seconds[TL_PHASE_EXECUTE] = 0.7 * seconds;
    r->peak_rss = (uint64_t)(s->memory * exp(grown) * (failing && s->large ? world.plan->factor : 1)) +
                  (fresh ? 3000000 : 0);
    char title[32];
    snprintf(title, sizeof title, "way %u", s->way);
    if (draw() < n->odd)
        fail(r, TL_OUTCOME_HANG, "hang");
    else if (failing && (s->condition == CRASHES || (s->condition == FLAKES && draw() < world.plan->flake)))
        fail(r, TL_OUTCOME_CRASH, title);
    else if (failing && s->condition == REFUSED && !s->expected)
        fail(r, TL_OUTCOME_ERROR, "refused");
}

static int run(struct tl_executor *x, const struct waiting *w, struct tl_error *e)
{
    const struct tl_case *c = w->request.c;
    const struct subject *s = &world.subjects[c->name[strlen(c->name) - 1] - '1'];
    struct tl_trial_record r = {.started_us = tl_wall_us(), .fresh = w->request.fresh, .exit_status = -1};
    bool failing = w->request.variant->index[0] != 0;
    tl_uuid7(r.id);
    r.case_name = tl_strdup(c->name);
    memcpy(r.case_hash, c->hash, sizeof r.case_hash);
    r.variant = tl_variant_json(c, w->request.variant);
    tl_variant_hash(c, w->request.variant, r.variant_hash);
    r.unit = tl_strdup(w->request.unit->text);
    memcpy(r.environment_id, w->request.unit->environment_id, sizeof r.environment_id);
    for (int p = 0; p < TL_PHASE_COUNT; p++)
        r.phase_seconds[p] = -1;
    fill(&r, s, failing, w->request.fresh);
    if (world.stop_after >= 0 && world.stop_after-- == 0) { /* Ctrl-C: what runs is lost */
        x->interrupted = true;
        r.outcome = TL_OUTCOME_LOST;
    }
    /* Only a night that is cut short is put together again from its trials. */
    int result = world.stores ? tl_store_trial(x->store, &r, e) : 0;
    if (!result)
        w->done(w->arg, &r, false, NULL);
    tl_trial_record_free(&r);
    x->trials++;
    return result;
}

int tl_executor_step(struct tl_executor *x, struct tl_error *e)
{
    if (!x->n_waiting)
        return 0;
    struct waiting w = x->waiting[0];
    memmove(x->waiting, x->waiting + 1, --x->n_waiting * sizeof w);
    return run(x, &w, e);
}

int tl_executor_finish(struct tl_executor *x, struct tl_error *e)
{
    while (x->n_waiting && !x->interrupted)
        if (tl_executor_step(x, e))
            return -1;
    x->n_waiting = 0;
    return 0;
}

/* --- a night -------------------------------------------------------------------------------------------- */

static void must(int result, const struct tl_error *e)
{
    if (!result)
        return;
    fprintf(stderr, "%s: %s: %s\n", e->what, e->where, e->why);
    abort();
}

static void write_file(const char *name, const char *text, mode_t mode)
{
    char *path = tl_format("%s/%s", world.directory, name);
    FILE *f = fopen(path, "w");
    if (!f || fputs(text, f) < 0 || fclose(f) || chmod(path, mode))
        abort();
    free(path);
}

static void write_suite(void)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    tl_buffer_add_string(&b, "{\"trapline\":1,\"suite\":\"days\",\"isolate_new\":false,\"cases\":[");
    for (size_t i = 0; i < CASES; i++)
        tl_buffer_printf(&b, "%s\"case-%zu.json\"", i ? "," : "", i + 1);
    tl_buffer_printf(&b, "],\"repeat\":%u,\"units\":[\"made@1.%u:cpu\"]}", world.plan->repeat, world.build);
    write_file("suite.json", b.data, 0600);
    tl_buffer_free(&b);
}

/* The document of a night, which is interrupted first where the world says so. */
static json_t *night(struct tl_store *store, unsigned *trials, bool *resumed)
{
    struct tl_error e;
    struct tl_nightly_mistakes mistakes;
    json_t *document = NULL;
    struct tl_executor x = {.store = store,
                            .machine = {"here", "x86_64", "a cpu", 2, 8u << 20, "Linux", "12", "6"}};
    char there[16]; /* another one each time */
    snprintf(there, sizeof there, "there %u", world.elsewhere);
    x.machine.name = world.elsewhere ? there : "here";
    struct tl_nightly n = {.x = &x, .started_ns = tl_monotonic_ns()};
    must(tl_store_session_begin(store, &x.machine, "1", "nightly", NULL, &e), &e);
    if (tl_nightly_load(&n, world.suite, &mistakes))
        abort();
    must(tl_nightly_builds(&n, &e), &e);
    must(tl_nightly_begin(&n, &document, &e), &e);
    if (document) /* an earlier one: of each night is heard at once */
        abort();
    *resumed = n.resumed;
    must(tl_nightly_finish(&n, &document, &e), &e);
    if (document)
        must(tl_night_notified(store, "days", NULL, &e), &e);
    tl_nightly_free(&n);
    must(tl_store_session_end(store, &e), &e);
    tl_unit_free(&x.unit);
    free(x.waiting);
    *trials += x.trials;
    return document;
}

/* --- events --------------------------------------------------------------------------------------------- */

/* One that can happen to it as it is. */
static enum event choose(const struct subject *s)
{
    static const enum event of_crash[] = {EVENT_FIX, EVENT_CLEAN, EVENT_OTHER},
                            of_refused[] = {EVENT_FIX, EVENT_BREAK}, of_flaky[] = {EVENT_STEADY, EVENT_BREAK};
    if (s->condition == CRASHES)
        return of_crash[draw_from(0, 2)];
    if (s->condition == REFUSED && !s->expected)
        return of_refused[draw_from(0, 1)];
    if (s->condition == FLAKES)
        return of_flaky[draw_from(0, 1)];
    switch (draw_from(0, 4)) {
    case 0:
        return EVENT_BREAK;
    case 1:
        return s->expected ? EVENT_BREAK : EVENT_REFUSE;
    case 2:
        return EVENT_FLAKE;
    case 3:
        return s->slow ? EVENT_FASTER : EVENT_SLOWER;
    default:
        return s->large ? EVENT_SMALLER : EVENT_LARGER;
    }
}

static void happen(struct subject *s, enum event what)
{
    switch (what) {
    case EVENT_BREAK:
    case EVENT_OTHER:
        s->condition = CRASHES;
        s->way++;
        break;
    case EVENT_REFUSE:
        s->condition = REFUSED;
        s->expected = false;
        break;
    case EVENT_CLEAN:
        s->condition = REFUSED;
        s->expected = world.plan->clean_is_expected;
        break;
    case EVENT_FIX:
    case EVENT_STEADY:
        s->condition = PASSES;
        break;
    case EVENT_FLAKE:
        s->condition = FLAKES;
        s->way++;
        break;
    case EVENT_SLOWER:
    case EVENT_FASTER:
        s->slow = what == EVENT_SLOWER;
        break;
    default:
        s->large = what == EVENT_LARGER;
    }
}

/* Whether that a class is said is true of an event. */
static bool tells(enum event what, const char *class)
{
    static const char *const classes[EVENT_COUNT][3] = {
        [EVENT_BREAK] = {"new-failure", "changed-signature"},
        [EVENT_REFUSE] = {"new-failure"},
        [EVENT_OTHER] = {"changed-signature"},
        [EVENT_FIX] = {"fixed"},
        [EVENT_CLEAN] = {"fixed"},
        [EVENT_FLAKE] = {"new-failure", "changed-signature", "flakier"},
        [EVENT_STEADY] = {"fixed", "steadier"},
        [EVENT_SLOWER] = {"slower"},
        [EVENT_FASTER] = {"faster"},
        [EVENT_LARGER] = {"hungrier"},
        [EVENT_SMALLER] = {"leaner"},
    };
    for (size_t i = 0; i < 3; i++)
        if (classes[what][i] && !strcmp(classes[what][i], class))
            return true;
    return false;
}

static void overlooked(struct subject *s, struct result *r, FILE *log, unsigned now)
{
    if (!s->pending)
        return;
    r->delays[s->event][0]++;
    s->pending = false;
    if (log)
        fprintf(log, "%4u %s: %s of %u was never said\n", now, s->name, event_names[s->event], s->since);
}

static void count_change(const json_t *change, unsigned now, struct result *r, FILE *log)
{
    const char *class = json_string_value(json_object_get(change, "class")),
               *name = json_string_value(json_object_get(change, "case")),
               *which = json_string_value(json_object_get(change, "which"));
    struct subject *s = &world.subjects[name[strlen(name) - 1] - '1'];
    bool failing = which && !strcmp(which, "failing");
    if (failing && s->pending && tells(s->event, class)) {
        unsigned delay = world.tried - s->tried + 1;
        r->delays[s->event][delay < DELAYS ? delay : DELAYS]++;
        s->pending = false;
        return;
    }
    r->false_alarms++;
    for (size_t i = 0; i < TL_CLASS_COUNT; i++)
        r->false_by_class[i] += !strcmp(tl_class_names[i], class);
    if (log) {
        char *text = json_dumps(json_object_get(change, "evidence"), JSON_ENCODE_ANY);
        fprintf(log, "%4u %s %s: false %s (last event %s in %u%s): %s; %g s, %g s before\n", now, name, which,
                class, event_names[s->event], s->since, s->pending ? ", not said yet" : "", text ? text : "",
                json_number_value(json_object_get(change, "seconds")),
                json_number_value(json_object_get(json_object_get(change, "before"), "seconds")));
        free(text);
    }
}

/* In a night in which nothing could be tried every cell is said to be no longer supported, and nothing else; on
 * another machine nothing is compared at first. */
static void count_cells(const json_t *d, bool first, struct result *r, unsigned now, FILE *log)
{
    const json_t *cell;
    size_t i;
    json_array_foreach(json_object_get(d, "cells"), i, cell) {
        const char *class = json_string_value(json_object_get(cell, "class"));
        if (world.cannot ? strcmp(class, "unsupported") != 0
            : first      ? strncmp(class, "first-", 6) != 0
                         : false) {
            r->wrong_cells++;
            if (log)
                fprintf(log, "%4u: a cell is %s\n", now, class);
        }
    }
}

static void draw_load(void)
{
    const struct noise *n = world.noise;
    world.load = n->night * draw_normal() + (draw() < n->busy_night ? log(n->busy_factor) : 0);
    for (size_t i = 0; i < CASES; i++)
        for (size_t v = 0; v < 2; v++)
            world.subjects[i].load[v] =
                n->cell * draw_normal() + (draw() < n->busy_cell ? log(n->busy_factor) : 0);
}

static void begin_world(const struct plan *p, const struct noise *n)
{
    static char directory[64];
    strcpy(directory, access("/dev/shm", W_OK) ? "/tmp/tl-nights-XXXXXX" : "/dev/shm/tl-nights-XXXXXX");
    memset(&world, 0, sizeof world);
    world.plan = p;
    world.noise = n;
    world.build = 1;
    random_state = p->seed;
    if (!mkdtemp(directory))
        abort();
    world.directory = directory;
    world.db = tl_format("%s/t.db", directory);
    world.suite = tl_format("%s/suite.json", directory);
    write_file("trapline-made", "#!/bin/sh\nexit 1\n", 0700);
    write_file("model.bin", "not looked at", 0600);
    setenv("TRAPLINE_RUNNERS", directory, 1);
    for (size_t i = 0; i < CASES; i++) {
        struct subject *s = &world.subjects[i];
        snprintf(s->name, sizeof s->name, "case-%zu", i + 1);
        char *file = tl_format("%s.json", s->name),
             *text = tl_format("{\"trapline\":1,\"name\":\"%s\",\"model\":{\"file\":\"model.bin\"},\"axes\":["
                               "{\"name\":\"size\",\"range\":[1,9]}],\"failing\":{\"size\":9}}",
                               s->name);
        write_file(file, text, 0600);
        free(text);
        free(file);
        s->seconds = 0.06 * exp(draw() * log(30)); /* 60 ms to 1.8 s */
        s->memory = 30e6 * exp(draw() * log(60));  /* 30 MB to 1.8 GB */
        s->next = draw_from(p->quiet_least, p->quiet_most);
    }
}

static void end_world(void)
{
    static const char *const names[] = {"trapline-made", "model.bin",   "suite.json",  "t.db",
                                        "t.db-wal",      "t.db-shm",    "t.db-intent", "case-1.json",
                                        "case-2.json",   "case-3.json", "case-4.json", "case-5.json",
                                        "case-6.json",   "case-7.json", "case-8.json"};
    for (size_t i = 0; i < TL_COUNT(names); i++) {
        char *path = tl_format("%s/%s", world.directory, names[i]);
        unlink(path);
        free(path);
    }
    rmdir(world.directory);
    free(world.db);
    free(world.suite);
}

void simulate(const struct plan *p, const struct noise *n, struct result *r, FILE *log)
{
    struct tl_store *store;
    struct tl_error e;
    begin_world(p, n);
    *r = (struct result){.case_nights = p->nights * CASES};
    must(tl_store_open(world.db, TL_STORE_WRITE, &store, &e), &e);
    for (unsigned i = 0; i < p->nights; i++) {
        /* Every third of a year a fortnight on another machine, in which nothing happens. */
        bool was_elsewhere = world.elsewhere, could_not = world.cannot, happened = false, resumed = false;
        world.elsewhere = i % 120 >= 105 ? i / 120 + 1 : 0;
        world.cannot = !world.elsewhere && i > 0 && !could_not && draw() < 0.01;
        for (size_t j = 0; j < CASES; j++) {
            struct subject *s = &world.subjects[j];
            s->next += world.elsewhere || world.cannot; /* nothing happens while nobody looks */
            if (i < s->next || i + LATEST >= p->nights)
                continue;
            overlooked(s, r, log, i);
            s->event = choose(s);
            s->since = i;
            s->tried = world.tried;
            s->pending = true;
            s->next = i + draw_from(p->quiet_least, p->quiet_most);
            happen(s, s->event);
            r->planted[s->event]++;
            happened = true;
            if (log)
                fprintf(log, "%4u %s: %s\n", i, s->name, event_names[s->event]);
        }
        if (happened || draw() < 0.3)
            world.build += draw() < 0.2 ? 2 : 1; /* now and then one is skipped */
        else if (draw() < 0.1)
            world.revision++; /* the same build, made again */
        draw_load();
        world.stop_after =
            !world.cannot && draw() < 0.02 ? (long)draw_from(0, CASES * 2 * p->repeat - 1) : -1;
        bool stopped = world.stores = world.stop_after >= 0;
        write_suite();
        json_t *d = night(store, &r->trials, &resumed);
        if (stopped) {
            if (d)
                abort();
            r->interrupted++;
            d = night(store, &r->trials, &resumed);
            if (!resumed)
                abort();
        }
        const json_t *change;
        size_t at;
        if (world.cannot)
            r->untried++;
        else
            json_array_foreach(json_object_get(d, "changes"), at, change)
                count_change(change, i, r, log);
        r->elsewhere += world.elsewhere > 0;
        count_cells(d, i == 0 || (world.elsewhere && !was_elsewhere), r, i, log);
        r->cells += (unsigned)json_array_size(json_object_get(d, "cells"));
        world.tried += !world.elsewhere && !world.cannot;
        json_decref(d);
    }
    for (size_t j = 0; j < CASES; j++)
        overlooked(&world.subjects[j], r, log, p->nights);
    must(tl_store_close(store, &e), &e);
    end_world();
}

unsigned event_late(const struct result *r, enum event what, unsigned nights)
{
    unsigned in_time = 0;
    for (unsigned i = 1; i <= nights && i <= DELAYS; i++)
        in_time += r->delays[what][i];
    return r->planted[what] - in_time;
}

void result_print(const char *name, const struct result *r, FILE *to)
{
    fprintf(to, "%s: %u false alarms in %u case-nights (%u trials;", name, r->false_alarms, r->case_nights,
            r->trials);
    for (size_t i = 0; i < TL_CLASS_COUNT; i++)
        if (r->false_by_class[i])
            fprintf(to, " %u %s", r->false_by_class[i], tl_class_names[i]);
    fprintf(to, "); %u interrupted, %u untried, %u elsewhere, %u wrong cells\n", r->interrupted, r->untried,
            r->elsewhere, r->wrong_cells);
    for (size_t i = 0; i < EVENT_COUNT; i++) {
        fprintf(to, "  %-12s %3u planted; said in night", event_names[i], r->planted[i]);
        for (unsigned d = 1; d <= DELAYS; d++)
            if (r->delays[i][d])
                fprintf(to, " %u%s: %u", d, d == DELAYS ? "+" : "", r->delays[i][d]);
        fprintf(to, "; never %u\n", r->delays[i][0]);
    }
}
