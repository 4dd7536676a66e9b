/* What it costs to record a trial: the intent before it runs, and the outcome in a group. Each is put against
 * a bare SQLite insert of the same data, in the same run on the same disk, because absolute figures move with
 * the machine.
 *
 * bench_store [DIRECTORY [TRIALS]]: with TRIALS it also fills a database with so many and times list and
 * show. */
#include "db/query.h"
#include "db/store.h"
#include "harness/base/buffer.h"
#include "harness/base/clock.h"
#include "harness/base/quantile.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define FRAMES 30
#define MODULES 25
#define ROUNDS 40 /* groups of TL_STORE_GROUP that are timed */

static struct tl_error error;

static void die(const char *what)
{
    fprintf(stderr, "bench_store: %s: %s: %s\n", what, error.what, error.why);
    exit(3);
}

struct figure {
    double least, median;
};

static struct figure show(const char *name, double *us, size_t n, const struct figure *bare, double target)
{
    tl_sort(us, n);
    struct figure f = {us[0], us[n / 2]};
    printf("%-44s %8.1f %8.1f", name, f.least, f.median);
    if (bare)
        printf("   %5.2f x bare", f.median / bare->median);
    if (target > 0)
        printf("   target %.0f: %s", target, f.median <= target ? "met" : "MISSED");
    printf("\n");
    return f;
}

/* A crash in a stack of FRAMES frames. stack: which one, of those that differ. */
static struct tl_trial_record make(unsigned serial, unsigned stack)
{
    struct tl_trial_record r;
    memset(&r, 0, sizeof r);
    tl_uuid7(r.id);
    r.started_us = tl_wall_us();
    r.case_name = tl_strdup("kv-write");
    tl_content_id("case", 4, r.case_hash);
    r.variant = tl_format(
        "{\"batch\":1,\"begin_index\":\"tensor\",\"block_size\":32,\"heads\":8,\"layers\":%u,\"seq\":128,"
        "\"shapes\":\"dynamic\",\"weights\":\"int4_block\"}",
        serial % 500);
    tl_content_id(r.variant, strlen(r.variant), r.variant_hash);
    r.unit = tl_strdup("onnxruntime@1.22.0:cpu");
    tl_content_id("environment", 11, r.environment_id);
    r.command = tl_strdup("[\"/usr/libexec/trapline/runners/onnxruntime\"]");
    r.request = tl_format(
        "{\"trial\":1,\"case\":\"kv-write\",\"variant\":%s,\"device\":\"cpu\",\"model\":\"/home/me/.cache/"
        "trapline/models/0123456789abcdef.onnx\",\"scratch\":\"/tmp/trapline-%u\"}",
        r.variant, serial);
    r.outcome = TL_OUTCOME_CRASH;
    r.phase = TL_PHASE_EXECUTE;
    r.signal = 11;
    r.exit_status = -1;
    r.wall_seconds = 0.02;
    r.peak_rss = 90 << 20;
    r.err.head =
        tl_strdup("2024-05-01 12:00:00.000 [W:onnxruntime:, graph.cc:100] a warning of some length\n");
    r.err.head_size = r.err.total = strlen(r.err.head);
    tl_content_id(&stack, sizeof stack, r.signature.id);
    tl_content_id("coarse", 6, r.signature.coarse_id);
    r.signature.title = tl_strdup("onnxruntime::Attention::Compute < onnxruntime::ExecuteKernel");
    r.signature.coarse_title = tl_strdup("libonnxruntime.so");
    r.n_captures = 1;
    r.captures = tl_calloc(1, sizeof *r.captures);
    struct tl_capture *c = r.captures;
    c->exe = tl_strdup("/usr/libexec/trapline/runners/onnxruntime");
    c->signal = 11;
    c->n_modules = MODULES;
    c->modules = tl_calloc(MODULES, sizeof *c->modules);
    for (unsigned i = 0; i < MODULES; i++) {
        struct tl_module *m = &c->modules[i];
        m->path = tl_format("/usr/lib/x86_64-linux-gnu/libsomething-%u.so.%u", i, i);
        snprintf(m->build_id, sizeof m->build_id, "%040x", i * 2654435761u);
        m->base = 0x7f0000000000u + (uint64_t)serial * 0x1000 + i * 0x1000000;
        m->start = m->base;
        m->end = m->base + 0x800000;
    }
    c->n_registers = 18;
    c->registers = tl_calloc(18, sizeof *c->registers);
    for (unsigned i = 0; i < 18; i++) {
        snprintf(c->registers[i].name, sizeof c->registers[i].name, "r%u", i);
        c->registers[i].value = 0x7f1234567000u + i;
    }
    c->n_threads = 1;
    c->threads = tl_calloc(1, sizeof *c->threads);
    struct tl_thread *t = c->threads;
    t->crashed = true;
    t->n_frames = FRAMES;
    t->frames = tl_calloc(FRAMES, sizeof *t->frames);
    t->symbols = tl_calloc(FRAMES, sizeof *t->symbols);
    for (unsigned i = 0; i < FRAMES; i++) {
        t->frames[i] = (struct tl_frame){i % MODULES, 0, 0x10000 + i * 64 + stack, 0x10000 + i * 64};
        t->symbols[i].n = 1;
        t->symbols[i].symbols = tl_calloc(1, sizeof(struct tl_symbol));
        t->symbols[i].symbols[0].function =
            tl_format("onnxruntime::SomeNamespace::Function%u(int, float*)", i);
    }
    tl_stack_id(c->modules, t, t->stack_id);
    return r;
}

static struct figure time_intents(struct tl_store *s, const struct figure *bare)
{
    static double us[ROUNDS * TL_STORE_GROUP];
    size_t n = 0;
    for (unsigned i = 0; i < ROUNDS * TL_STORE_GROUP; i++) {
        struct tl_trial_record r = make(i, 0);
        const struct tl_trial_record *list[] = {&r};
        uint64_t t = tl_monotonic_ns();
        if (tl_store_begin(s, list, 1, &error))
            die("begin");
        us[n++] = (double)(tl_monotonic_ns() - t) / 1e3;
        if (tl_store_trial(s, &r, &error))
            die("trial");
        tl_trial_record_free(&r);
    }
    return show("intent, each with its own sync", us, n, bare, 250);
}

static void time_batches(struct tl_store *s)
{
    double us[ROUNDS];
    for (int k = 0; k < ROUNDS; k++) {
        struct tl_trial_record r[8];
        const struct tl_trial_record *list[8];
        for (unsigned i = 0; i < 8; i++) {
            r[i] = make(i, 0);
            list[i] = &r[i];
        }
        uint64_t t = tl_monotonic_ns();
        if (tl_store_begin(s, list, 8, &error))
            die("begin");
        us[k] = (double)(tl_monotonic_ns() - t) / 1e3 / 8;
        for (int i = 0; i < 8; i++) {
            if (tl_store_trial(s, &r[i], &error))
                die("trial");
            tl_trial_record_free(&r[i]);
        }
    }
    show("intent, eight with one sync", us, ROUNDS, NULL, 0);
}

/* Per outcome, the commit of the group included. */
static struct figure time_outcomes(struct tl_store *s, const char *name, bool new_stacks,
                                   const struct figure *bare, double target)
{
    static unsigned serial;
    double us[ROUNDS];
    if (tl_store_flush(s, &error))
        die("flush");
    for (int k = 0; k < ROUNDS; k++) {
        struct tl_trial_record r[TL_STORE_GROUP];
        for (unsigned i = 0; i < TL_STORE_GROUP; i++, serial++)
            r[i] = make(serial, new_stacks ? serial + 1 : 0);
        uint64_t t = tl_monotonic_ns();
        for (int i = 0; i < TL_STORE_GROUP; i++)
            if (tl_store_trial(s, &r[i], &error))
                die("trial");
        us[k] = (double)(tl_monotonic_ns() - t) / 1e3 / TL_STORE_GROUP;
        for (int i = 0; i < TL_STORE_GROUP; i++)
            tl_trial_record_free(&r[i]);
    }
    return show(name, us, ROUNDS, bare, target);
}

/* The same data as one row and one row for each frame, with nothing done to it: what SQLite itself costs. */
static void bind_bare(sqlite3_stmt *row, sqlite3_stmt *frame, const struct tl_trial_record *r, int frames)
{
    const char *text[] = {r->id,           r->case_name, r->case_hash,      r->variant,
                          r->variant_hash, r->unit,      r->environment_id, r->command,
                          r->request,      r->err.head,  r->signature.id,   r->signature.title};
    for (int i = 0; i < 12; i++)
        sqlite3_bind_text(row, i + 1, text[i], -1, SQLITE_STATIC);
    if (sqlite3_step(row) != SQLITE_DONE)
        die("bare row");
    sqlite3_reset(row);
    const struct tl_thread *t = r->captures[0].threads;
    for (int i = 0; i < frames; i++) {
        sqlite3_bind_text(frame, 1, r->id, -1, SQLITE_STATIC);
        sqlite3_bind_int(frame, 2, i);
        sqlite3_bind_int64(frame, 3, (int64_t)t->frames[i].module);
        sqlite3_bind_int64(frame, 4, (int64_t)t->frames[i].offset);
        sqlite3_bind_text(frame, 5, t->symbols[i].symbols[0].function, -1, SQLITE_STATIC);
        if (sqlite3_step(frame) != SQLITE_DONE)
            die("bare frame");
        sqlite3_reset(frame);
    }
}

static void time_bare(const char *path, struct figure *single, struct figure *grouped)
{
    sqlite3 *db;
    sqlite3_stmt *row, *frame;
    if (sqlite3_open(path, &db) ||
        sqlite3_exec(db,
                     "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
                     "CREATE TABLE t(id TEXT PRIMARY KEY,b,c,d,e,f,g,h,i,j,k,l);"
                     "CREATE TABLE frame(trial,i,module,offset,function, PRIMARY KEY(trial,i)) WITHOUT ROWID",
                     NULL, NULL, NULL) ||
        sqlite3_prepare_v2(db, "INSERT INTO t VALUES(?,?,?,?,?,?,?,?,?,?,?,?)", -1, &row, NULL) ||
        sqlite3_prepare_v2(db, "INSERT INTO frame VALUES(?,?,?,?,?)", -1, &frame, NULL))
        die("bare database");
    double us[ROUNDS];
    for (unsigned k = 0; k < ROUNDS; k++) {
        struct tl_trial_record r = make(k, 0);
        uint64_t t = tl_monotonic_ns();
        bind_bare(row, frame, &r, 0);
        us[k] = (double)(tl_monotonic_ns() - t) / 1e3;
        tl_trial_record_free(&r);
    }
    *single = show("bare SQLite: a row, its own full sync", us, ROUNDS, NULL, 0);
    for (unsigned k = 0; k < ROUNDS; k++) {
        struct tl_trial_record r[TL_STORE_GROUP];
        for (unsigned i = 0; i < TL_STORE_GROUP; i++)
            r[i] = make(k * TL_STORE_GROUP + i, 0);
        uint64_t t = tl_monotonic_ns();
        sqlite3_exec(db, "BEGIN", NULL, NULL, NULL);
        for (int i = 0; i < TL_STORE_GROUP; i++)
            bind_bare(row, frame, &r[i], FRAMES);
        if (sqlite3_exec(db, "COMMIT", NULL, NULL, NULL))
            die("bare commit");
        us[k] = (double)(tl_monotonic_ns() - t) / 1e3 / TL_STORE_GROUP;
        for (int i = 0; i < TL_STORE_GROUP; i++)
            tl_trial_record_free(&r[i]);
    }
    *grouped = show("bare SQLite: a row and 30 frames, in groups", us, ROUNDS, NULL, 0);
    sqlite3_finalize(row);
    sqlite3_finalize(frame);
    sqlite3_close(db);
}

/* At most so far. macOS counts bytes, Linux KiB. */
static long resident_kb(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
#ifdef __APPLE__
    return usage.ru_maxrss >> 10;
#else
    return usage.ru_maxrss;
#endif
}

static void time_query(const char *name, struct tl_store *s, const struct tl_filter *f)
{
    double us[21];
    size_t n = 0;
    for (int i = 0; i < 21; i++) {
        struct tl_trial_lines l;
        uint64_t t = tl_monotonic_ns();
        if (tl_query_trials(s, f, &l, &error))
            die(name);
        us[i] = (double)(tl_monotonic_ns() - t) / 1e3;
        n = l.n;
        tl_trial_lines_free(&l);
    }
    char label[96];
    snprintf(label, sizeof label, "list trials %s (%zu)", name, n);
    show(label, us, 21, NULL, 50000);
}

/* A large database: outcomes of every kind, then what a person asks of it. */
static void large(const char *path, unsigned long trials)
{
    struct tl_store *s;
    if (tl_store_open(path, TL_STORE_WRITE, &s, &error))
        die("open");
    static const enum tl_outcome kinds[] = {TL_OUTCOME_PASS, TL_OUTCOME_PASS, TL_OUTCOME_CRASH,
                                            TL_OUTCOME_ERROR};
    struct tl_trial_record crash = make(0, 0), r = make(1, 0);
    struct tl_capture *captures = r.captures;
    struct tl_signature signature = r.signature;
    char some[TL_UUID_SIZE] = "";
    uint64_t start = tl_monotonic_ns();
    long before = 0;
    for (unsigned long i = 0; i < trials; i++) {
        tl_uuid7(r.id);
        r.started_us = tl_wall_us();
        free(r.variant);
        r.variant = tl_format("{\"layers\":%lu}", i % 20000);
        tl_content_id(r.variant, strlen(r.variant), r.variant_hash);
        r.outcome = i % 100003 == 50 ? TL_OUTCOME_HANG : kinds[i % 4];
        bool crashed = r.outcome == TL_OUTCOME_CRASH;
        r.signature = crashed ? signature : (struct tl_signature){0};
        r.captures = captures;
        r.n_captures = crashed;
        if (tl_store_trial(s, &r, &error))
            die("trial");
        if (i == trials / 2)
            memcpy(some, r.id, sizeof some);
        if (i == trials / 10)
            before = resident_kb();
    }
    if (tl_store_flush(s, &error))
        die("flush");
    r.captures = captures;
    r.n_captures = 1;
    r.signature = signature;
    printf("%lu trials stored in %.1f s; resident %ld KiB after a tenth, %ld KiB at the end\n", trials,
           (double)(tl_monotonic_ns() - start) / 1e9, before, resident_kb());
    time_query("newest", s, &(struct tl_filter){0});
    time_query("of a case and unit", s,
               &(struct tl_filter){.case_name = "kv-write", .unit = "onnxruntime@1.22.0:cpu"});
    time_query("of a rare outcome", s,
               &(struct tl_filter){.case_name = "kv-write", .outcomes = 1u << TL_OUTCOME_HANG});
    time_query("of a case that is not there", s, &(struct tl_filter){.case_name = "nothing"});
    time_query("of a signature", s, &(struct tl_filter){.signature_id = signature.id});
    time_query("after one in the middle", s, &(struct tl_filter){.after = some});
    double us[21];
    for (int i = 0; i < 21; i++) {
        struct tl_trial_record out;
        uint64_t t = tl_monotonic_ns();
        if (tl_query_trial(s, some, &out, &error))
            die("show");
        us[i] = (double)(tl_monotonic_ns() - t) / 1e3;
        tl_trial_record_free(&out);
    }
    show("show", us, 21, NULL, 50000);
    for (int by = 0; by < 3; by++) {
        for (int i = 0; i < 21; i++) {
            struct tl_sums sums;
            uint64_t t = tl_monotonic_ns();
            if (tl_query_sums(s, (enum tl_sum_by)by, &(struct tl_filter){0}, &sums, &error))
                die("sums");
            us[i] = (double)(tl_monotonic_ns() - t) / 1e3;
            tl_sums_free(&sums);
        }
        show(by == 0 ? "list cases" : by == 1 ? "list units" : "list signatures", us, 21, NULL, 50000);
    }
    for (int i = 0; i < 21; i++) {
        struct tl_cached *list;
        size_t n;
        uint64_t t = tl_monotonic_ns();
        if (tl_store_cached(s, r.case_hash, r.variant_hash, r.unit, r.environment_id, 16, &list, &n, &error))
            die("cached");
        us[i] = (double)(tl_monotonic_ns() - t) / 1e3;
        free(list);
    }
    show("cached outcomes of a variant", us, 21, NULL, 0);
    tl_trial_record_free(&crash);
    tl_trial_record_free(&r);
    tl_store_close(s, NULL);
}

int main(int argc, char **argv)
{
    char *directory = tl_format("%s/bench-store-XXXXXX", argc > 1 ? argv[1] : ".");
    if (!mkdtemp(directory)) {
        perror(directory);
        return 3;
    }
    char *bare = tl_format("%s/bare.db", directory), *path = tl_format("%s/trapline.db", directory);
    setvbuf(stdout, NULL, _IOLBF, 0);
    printf("%-44s %8s %8s   microseconds\n", "", "min", "median");
    struct figure single, grouped;
    time_bare(bare, &single, &grouped);
    struct tl_store *s;
    if (tl_store_open(path, TL_STORE_WRITE, &s, &error))
        die("open");
    time_intents(s, &single);
    time_batches(s);
    time_outcomes(s, "outcome, 30 frames, a stack seen before", false, &grouped, 150);
    time_outcomes(s, "outcome, 30 frames, a new stack each time", true, &grouped, 150);
    if (tl_store_close(s, &error))
        die("close");
    if (argc > 2)
        large(path, strtoul(argv[2], NULL, 10));
    free(bare);
    free(path);
    char *clean = tl_format("rm -r '%s'", directory);
    int rc = system(clean);
    free(clean);
    free(directory);
    return rc ? 3 : 0;
}
