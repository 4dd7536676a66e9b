#include "db/machine.h"
#include "db/migrate.h"
#include "db/query.h"
#include "db/store.h"
#include "db/store_impl.h"
#include "harness/base/buffer.h"
#include "harness/base/clock.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char directory[64], path[96];
static struct tl_error error;

static void setup(void)
{
    strcpy(directory, "/tmp/tl-store-XXXXXX");
    cr_assert(mkdtemp(directory));
    snprintf(path, sizeof path, "%s/t.db", directory);
}

static void teardown(void)
{
    static const char *const ends[] = {"", "-wal", "-shm", "-intent", "-journal"};
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        char name[128];
        snprintf(name, sizeof name, "%s%s", path, ends[i]);
        unlink(name);
    }
    rmdir(directory);
}

TestSuite(store, .init = setup, .fini = teardown);

#define OK(call) cr_assert_eq((call), 0, "%s (%s): %s", error.what, error.where, error.why)

static struct tl_store *open_store(enum tl_store_mode mode)
{
    struct tl_store *s = NULL;
    OK(tl_store_open(path, mode, &s, &error));
    return s;
}

static void close_store(struct tl_store *s)
{
    OK(tl_store_close(s, &error));
}

static void say(void *arg, const char *text)
{
    fprintf(stderr, "check: %s\n", text);
}

static void check(struct tl_store *s)
{
    size_t wrong;
    OK(tl_store_check(s, say, NULL, &wrong, &error));
    cr_assert_eq(wrong, 0, "%zu things are wrong", wrong);
}

static int64_t count(struct tl_store *s, const char *sql)
{
    sqlite3_stmt *st;
    cr_assert_eq(sqlite3_prepare_v2(s->db, sql, -1, &st, NULL), SQLITE_OK, "%s", sqlite3_errmsg(s->db));
    cr_assert_eq(sqlite3_step(st), SQLITE_ROW);
    int64_t n = sqlite3_column_int64(st, 0);
    sqlite3_finalize(st);
    return n;
}

/* A record as the supervisor fills it before the child runs. */
static struct tl_trial_record asked(int variant)
{
    struct tl_trial_record r;
    memset(&r, 0, sizeof r);
    tl_uuid7(r.id);
    r.started_us = tl_wall_us();
    r.case_name = tl_strdup("kv-write");
    tl_content_id("case", 4, r.case_hash);
    r.variant = tl_format("{\"layers\":%d}", variant);
    tl_content_id(r.variant, strlen(r.variant), r.variant_hash);
    r.unit = tl_strdup("sim@2:cpu");
    tl_content_id("environment", 11, r.environment_id);
    for (int p = 0; p < TL_PHASE_COUNT; p++)
        r.phase_seconds[p] = -1;
    r.exit_status = -1;
    return r;
}

static struct tl_thread make_thread(const struct tl_module *modules, int tid, size_t n, uint64_t first)
{
    struct tl_thread t;
    memset(&t, 0, sizeof t);
    t.pid = 100;
    t.tid = tid;
    snprintf(t.name, sizeof t.name, "worker %d", tid);
    t.n_frames = n;
    t.frames = tl_calloc(n, sizeof *t.frames);
    t.symbols = tl_calloc(n, sizeof *t.symbols);
    for (size_t i = 0; i < n; i++) {
        t.frames[i] = (struct tl_frame){(uint32_t)(i % 2), i ? 0 : TL_FRAME_FIRST | TL_FRAME_SIGNAL,
                                        first + 16 * i, first + 16 * i - 3};
        t.symbols[i].n = 2;
        t.symbols[i].symbols = tl_calloc(2, sizeof(struct tl_symbol));
        t.symbols[i].symbols[0] = (struct tl_symbol){tl_format("inlined_%zu<\"T\">", i), NULL, 0, true};
        t.symbols[i].symbols[1] = (struct tl_symbol){tl_format("function_%zu", i),
                                                     tl_strdup("a dir/fil\xc3\xa9.c"), (int)i + 1, false};
    }
    tl_stack_id(modules, &t, t.stack_id);
    return t;
}

/* And one after a crash, with everything there is. Threads 1 and 2 have the same stack. */
static struct tl_trial_record crashed(int variant)
{
    struct tl_trial_record r = asked(variant);
    r.command = tl_strdup("[\"/bin/runner\",\"--x\"]");
    r.request = tl_strdup("{\"trial\":1}");
    r.fresh = true;
    r.outcome = TL_OUTCOME_CRASH;
    r.phase = TL_PHASE_EXECUTE;
    r.observed_device = tl_strdup("cpu");
    r.error_domain = tl_strdup("domain");
    r.error_code = tl_strdup("-3");
    r.message = tl_strdup("Assertion `n > 0' failed \xff.");
    r.signal = SIGSEGV;
    r.phase_seconds[TL_PHASE_START] = 0.1;
    r.phase_seconds[TL_PHASE_EXECUTE] = 1.0 / 3;
    r.wall_seconds = 0.7;
    r.user_seconds = 0.30000000000000004;
    r.system_seconds = 0.01;
    r.peak_rss = 1ull << 40;
    struct tl_buffer result = TL_BUFFER_INIT;
    tl_buffer_add_string(&result, "{\"outputs\":[");
    while (result.size < 20000)
        tl_buffer_add_string(&result, "{\"name\":\"y\",\"values\":[0.25,0.5]},");
    tl_buffer_add_string(&result, "null]}");
    r.result = tl_buffer_take(&result);
    r.out.head = tl_malloc(5001);
    r.out.head_size = 5000;
    for (int i = 0; i < 5000; i++)
        r.out.head[i] = (char)(i % 7);
    r.out.head[5000] = '\0';
    r.out.tail = tl_strdup("the end");
    r.out.tail_size = 7;
    r.out.total = 1ull << 33;
    r.err.head = tl_strdup("oops");
    r.err.head_size = 4;
    r.err.total = 4;

    r.n_captures = 2;
    r.captures = tl_calloc(2, sizeof *r.captures);
    struct tl_capture *c = &r.captures[0];
    *c = (struct tl_capture){
        .kind = TL_CAPTURE_SIGNAL, .pid = 100, .tid = 101, .is_main = true, .fatal = true};
    c->exe = tl_strdup("/bin/runner");
    c->signal = SIGSEGV;
    c->si_code = 1;
    c->has_address = true;
    c->fault_address = 0xffffffffffffff10u;
    c->capture_ns = 120000;
    c->n_registers = 2;
    c->registers = tl_calloc(2, sizeof *c->registers);
    c->registers[0] = (struct tl_register){"rip", 0xffffffff81000000u};
    c->registers[1] = (struct tl_register){"rsp", 42};
    c->n_modules = 3;
    c->modules = tl_calloc(3, sizeof *c->modules);
    c->modules[0] = (struct tl_module){tl_strdup("/bin/runner"), "0123abcd", 0x5000, 0x5000, 0x9000};
    c->modules[1] =
        (struct tl_module){tl_strdup("/lib/a \"b\" \xff.so"), "", 0x10000 + 4096 * (uint64_t)variant, 0, 0};
    c->modules[1].start = c->modules[1].base + 0x1000;
    c->modules[1].end = c->modules[1].base + 0x3000;
    c->modules[2] = (struct tl_module){tl_strdup("[vdso]"), "", 0xffffffffff600000u, 0xffffffffff600000u,
                                       0xffffffffff601000u};
    c->n_threads = 4;
    c->threads = tl_calloc(4, sizeof *c->threads);
    c->threads[0] = make_thread(c->modules, 101, 30, 0x100);
    c->threads[0].crashed = true;
    c->threads[0].frames[0].module = TL_NO_MODULE;
    c->threads[0].frames[0].offset = 0xfffffffffffffff0u;
    c->threads[0].frames[0].flags |= TL_FRAME_WILD;
    c->threads[0].omitted_at = 20;
    c->threads[0].omitted = 15900;
    c->threads[0].truncated = true;
    tl_stack_id(c->modules, &c->threads[0], c->threads[0].stack_id);
    c->threads[1] = make_thread(c->modules, 102, 12, 0x4000);
    c->threads[2] = make_thread(c->modules, 103, 12, 0x4000);
    c->threads[3] =
        (struct tl_thread){.pid = 100, .tid = 104, .on_cpu = true, .state = tl_strdup("D, wchan io")};
    r.captures[1] = (struct tl_capture){.kind = TL_CAPTURE_HANG, .pid = 7, .sender_pid = 9};
    tl_content_id("signature", 9, r.signature.id);
    tl_content_id("coarse", 6, r.signature.coarse_id);
    r.signature.title = tl_strdup("function_1 < function_2");
    r.signature.coarse_title = tl_strdup("function_1");
    return r;
}

static void same_text(const char *a, const char *b)
{
    cr_assert_eq(a == NULL, b == NULL, "%s against %s", a ? a : "NULL", b ? b : "NULL");
    if (a)
        cr_assert_str_eq(a, b);
}

static void same_thread(const struct tl_thread *a, const struct tl_thread *b)
{
    cr_assert(a->pid == b->pid && a->tid == b->tid && a->crashed == b->crashed && a->on_cpu == b->on_cpu);
    cr_assert_str_eq(a->name, b->name);
    same_text(a->state, b->state);
    cr_assert_eq(a->n_frames, b->n_frames);
    cr_assert_eq(a->omitted_at, b->omitted_at);
    cr_assert_eq(a->omitted, b->omitted);
    cr_assert_eq(a->truncated, b->truncated);
    cr_assert_str_eq(a->stack_id, b->stack_id);
    cr_assert_eq(a->symbols == NULL, b->symbols == NULL);
    for (size_t i = 0; i < a->n_frames; i++) {
        cr_assert_eq(a->frames[i].module, b->frames[i].module);
        cr_assert_eq(a->frames[i].flags, b->frames[i].flags);
        cr_assert_eq(a->frames[i].offset, b->frames[i].offset);
        cr_assert_eq(a->frames[i].start, b->frames[i].start);
        cr_assert_eq(a->symbols[i].n, b->symbols[i].n);
        for (size_t k = 0; k < a->symbols[i].n; k++) {
            same_text(a->symbols[i].symbols[k].function, b->symbols[i].symbols[k].function);
            same_text(a->symbols[i].symbols[k].file, b->symbols[i].symbols[k].file);
            cr_assert_eq(a->symbols[i].symbols[k].line, b->symbols[i].symbols[k].line);
            cr_assert_eq(a->symbols[i].symbols[k].inlined, b->symbols[i].symbols[k].inlined);
        }
    }
}

static void same_output(const struct tl_output *a, const struct tl_output *b)
{
    cr_assert(a->head_size == b->head_size && a->tail_size == b->tail_size && a->total == b->total);
    cr_assert(!a->head_size || memcmp(a->head, b->head, a->head_size + 1) == 0);
    cr_assert(!a->tail_size || memcmp(a->tail, b->tail, a->tail_size + 1) == 0);
}

static void same_record(const struct tl_trial_record *a, const struct tl_trial_record *b)
{
    cr_assert_str_eq(a->id, b->id);
    cr_assert_eq(a->started_us, b->started_us);
    same_text(a->case_name, b->case_name);
    cr_assert_str_eq(a->case_hash, b->case_hash);
    same_text(a->variant, b->variant);
    cr_assert_str_eq(a->variant_hash, b->variant_hash);
    same_text(a->unit, b->unit);
    cr_assert_str_eq(a->environment_id, b->environment_id);
    same_text(a->command, b->command);
    same_text(a->request, b->request);
    cr_assert(a->fresh == b->fresh && a->outcome == b->outcome && a->phase == b->phase &&
              a->signal == b->signal);
    same_text(a->observed_device, b->observed_device);
    same_text(a->error_domain, b->error_domain);
    same_text(a->error_code, b->error_code);
    same_text(a->message, b->message);
    cr_assert_eq(a->exit_status, b->exit_status);
    for (int p = 0; p < TL_PHASE_COUNT; p++)
        cr_assert(a->phase_seconds[p] == b->phase_seconds[p]);
    cr_assert(a->wall_seconds == b->wall_seconds && a->user_seconds == b->user_seconds &&
              a->system_seconds == b->system_seconds);
    cr_assert_eq(a->peak_rss, b->peak_rss);
    same_text(a->result, b->result);
    same_output(&a->out, &b->out);
    same_output(&a->err, &b->err);
    cr_assert_str_eq(a->signature.id, b->signature.id);
    cr_assert_str_eq(a->signature.coarse_id, b->signature.coarse_id);
    same_text(a->signature.title, b->signature.title);
    same_text(a->signature.coarse_title, b->signature.coarse_title);
    cr_assert_eq(a->n_captures, b->n_captures);
    for (size_t i = 0; i < a->n_captures; i++) {
        const struct tl_capture *c = &a->captures[i], *d = &b->captures[i];
        cr_assert(c->kind == d->kind && c->pid == d->pid && c->tid == d->tid && c->is_main == d->is_main &&
                  c->fatal == d->fatal && c->signal == d->signal && c->si_code == d->si_code &&
                  c->sender_pid == d->sender_pid && c->has_address == d->has_address &&
                  c->fault_address == d->fault_address && c->capture_ns == d->capture_ns);
        same_text(c->exe, d->exe);
        cr_assert_eq(c->n_registers, d->n_registers);
        for (size_t k = 0; k < c->n_registers; k++) {
            cr_assert_str_eq(c->registers[k].name, d->registers[k].name);
            cr_assert_eq(c->registers[k].value, d->registers[k].value);
        }
        cr_assert_eq(c->n_modules, d->n_modules);
        for (size_t k = 0; k < c->n_modules; k++) {
            same_text(c->modules[k].path, d->modules[k].path);
            cr_assert_str_eq(c->modules[k].build_id, d->modules[k].build_id);
            cr_assert(c->modules[k].base == d->modules[k].base &&
                      c->modules[k].start == d->modules[k].start && c->modules[k].end == d->modules[k].end);
        }
        cr_assert_eq(c->n_threads, d->n_threads);
        for (size_t k = 0; k < c->n_threads; k++)
            same_thread(&c->threads[k], &d->threads[k]);
    }
}

static const struct tl_machine machine = {"box", "x86_64", "a cpu", 2, 8ull << 30, "Linux", "12", "6.18"};

Test(store, a_full_record_comes_back_as_it_was)
{
    struct tl_store *s = open_store(TL_STORE_WRITE);
    char session[TL_UUID_SIZE];
    OK(tl_store_session_begin(s, &machine, "0.1", "run x", session, &error));
    struct tl_trial_record a = crashed(1), b;
    const struct tl_trial_record *list[] = {&a};
    OK(tl_store_begin(s, list, 1, &error));
    OK(tl_store_trial(s, &a, &error));
    cr_assert_neq(tl_store_due_ns(s), 0);
    OK(tl_query_trial(s, a.id, &b, &error)); /* the writer sees its open group */
    same_record(&a, &b);
    tl_trial_record_free(&b);
    close_store(s);

    s = open_store(TL_STORE_READ);
    cr_assert_eq(tl_store_recovered(s), 0);
    OK(tl_query_trial(s, a.id, &b, &error));
    same_record(&a, &b);
    cr_assert_eq(
        count(s, "SELECT count(*) FROM session WHERE ended_us >= started_us AND machine_id IS NOT NULL"), 1);
    cr_assert_eq(count(s, "SELECT count(*) FROM trial JOIN session ON session.id = session_id"), 1);
    check(s);
    close_store(s);
    tl_trial_record_free(&a);
    tl_trial_record_free(&b);
}

Test(store, what_repeats_is_stored_once)
{
    struct tl_store *s = open_store(TL_STORE_WRITE);
    for (int i = 0; i < 3; i++) {
        struct tl_trial_record a = crashed(i);
        OK(tl_store_trial(s, &a, &error));
        tl_trial_record_free(&a);
        if (i == 1) { /* also by another process, which remembers nothing */
            close_store(s);
            s = open_store(TL_STORE_WRITE);
        }
    }
    OK(tl_store_flush(s, &error));
    cr_assert_eq(count(s, "SELECT count(*) FROM thread"), 12);
    cr_assert_eq(count(s, "SELECT count(*) FROM stack"), 2);
    cr_assert_eq(count(s, "SELECT count(*) FROM module"), 3);
    cr_assert_eq(count(s, "SELECT count(*) FROM module_set"), 1);
    cr_assert_eq(count(s, "SELECT count(*) FROM signature"), 1);
    cr_assert_eq(count(s, "SELECT count(*) FROM case_file"), 1);
    cr_assert_eq(count(s, "SELECT count(*) FROM variant"), 3);
    check(s);
    close_store(s);
}

Test(store, storing_again_changes_nothing)
{
    struct tl_store *s = open_store(TL_STORE_WRITE);
    struct tl_trial_record a = crashed(1);
    for (int i = 0; i < 3; i++)
        OK(tl_store_trial(s, &a, &error));
    OK(tl_store_flush(s, &error));
    cr_assert_eq(count(s, "SELECT trials FROM summary"), 1);
    cr_assert_eq(count(s, "SELECT trials FROM tally"), 1);
    OK(tl_store_put_case(s, a.case_hash, "kv-write", "{\"name\":\"kv-write\"}", &error));
    OK(tl_store_put_case(s, a.case_hash, "kv-write", "{\"other\":1}", &error));
    OK(tl_store_put_variant(s, a.variant_hash, a.variant, &error));
    char *json;
    OK(tl_query_case_json(s, a.case_hash, &json, &error));
    cr_assert_str_eq(json, "{\"name\":\"kv-write\"}",
                     "the name alone was known, then the text, and it stays");
    free(json);
    check(s);
    close_store(s);
    tl_trial_record_free(&a);
}

Test(store, symbols_found_later_are_added)
{
    struct tl_store *s = open_store(TL_STORE_WRITE);
    struct tl_trial_record bare = asked(1), a = crashed(2), b;
    bare.n_captures = 1;
    bare.captures = tl_calloc(1, sizeof *bare.captures);
    struct tl_capture *c = &bare.captures[0];
    c->n_modules = 2;
    c->modules = tl_calloc(2, sizeof *c->modules);
    c->modules[0] = (struct tl_module){tl_strdup("/bin/runner"), "0123abcd", 0x5000, 0x5000, 0x9000};
    c->modules[1] = (struct tl_module){tl_strdup("/lib/a \"b\" \xff.so"), "", 0, 0, 0};
    c->n_threads = 1;
    c->threads = tl_calloc(1, sizeof *c->threads);
    c->threads[0] = make_thread(c->modules, 1, 12, 0x4000);
    struct tl_frame_symbols *symbols = c->threads[0].symbols;
    c->threads[0].symbols = NULL;
    OK(tl_store_trial(s, &bare, &error));
    OK(tl_query_trial(s, bare.id, &b, &error));
    cr_assert_null(b.captures[0].threads[0].symbols);
    tl_trial_record_free(&b);
    OK(tl_store_trial(s, &a, &error));
    OK(tl_query_trial(s, bare.id, &b, &error));
    cr_assert_str_eq(b.captures[0].threads[0].symbols[3].symbols[1].function, "function_3");
    tl_trial_record_free(&b);
    c->threads[0].symbols = symbols;
    close_store(s);
    tl_trial_record_free(&bare);
    tl_trial_record_free(&a);
}

Test(store, groups_and_what_a_reader_sees)
{
    struct tl_store *s = open_store(TL_STORE_WRITE);
    struct tl_store *reader = open_store(TL_STORE_READ);
    for (int i = 0; i < TL_STORE_GROUP; i++) {
        cr_assert_eq(count(reader, "SELECT count(*) FROM trial"), 0);
        struct tl_trial_record a = asked(i);
        OK(tl_store_trial(s, &a, &error));
        tl_trial_record_free(&a);
    }
    cr_assert_eq(tl_store_due_ns(s), 0, "the group was full and went out");
    cr_assert_eq(count(reader, "SELECT count(*) FROM trial"), TL_STORE_GROUP);
    struct tl_trial_record a = asked(0);
    cr_assert_eq(tl_store_trial(reader, &a, &error), -1);
    cr_assert(strstr(error.why, "opened for reading"));
    tl_trial_record_free(&a);
    close_store(reader);
    close_store(s);
}

Test(store, earlier_trials_are_found_by_what_was_asked)
{
    struct tl_store *s = open_store(TL_STORE_WRITE);
    struct tl_environment v = {
        .runner = "sim", .runner_version = "1", .runtime_sha256 = "abc", .device = "cpu"};
    char environment[TL_ID_SIZE];
    OK(tl_store_put_environment(s, &v, environment, &error));
    v.runtime_path = "/elsewhere";
    char again[TL_ID_SIZE];
    tl_environment_id(&v, again);
    cr_assert_str_eq(environment, again, "where the runtime lies does not count");
    struct tl_trial_record a = crashed(1), b = asked(1), other = asked(2);
    memcpy(a.environment_id, environment, sizeof environment);
    memcpy(b.environment_id, environment, sizeof environment);
    b.started_us = a.started_us + 10;
    OK(tl_store_trial(s, &a, &error));
    OK(tl_store_trial(s, &b, &error));
    OK(tl_store_trial(s, &other, &error));
    struct tl_cached *list;
    size_t n;
    OK(tl_store_cached(s, a.case_hash, a.variant_hash, a.unit, environment, 10, &list, &n, &error));
    cr_assert_eq(n, 2);
    cr_assert_str_eq(list[0].id, b.id);
    cr_assert_str_eq(list[1].id, a.id);
    cr_assert_eq(list[0].outcome, TL_OUTCOME_PASS);
    cr_assert_eq(list[1].outcome, TL_OUTCOME_CRASH);
    cr_assert_eq(list[1].signal, SIGSEGV);
    cr_assert_str_eq(list[1].signature_id, a.signature.id);
    cr_assert(list[1].fresh && !list[0].fresh);
    free(list);
    OK(tl_store_cached(s, a.case_hash, a.variant_hash, a.unit, "another", 10, &list, &n, &error));
    cr_assert_eq(n, 0);
    OK(tl_store_cached(s, a.case_hash, a.variant_hash, "sim@3:cpu", environment, 10, &list, &n, &error));
    cr_assert_eq(n, 0);
    check(s);
    close_store(s);
    tl_trial_record_free(&a);
    tl_trial_record_free(&b);
    tl_trial_record_free(&other);
}

Test(store, a_record_that_makes_no_sense_is_refused_and_the_group_goes_on)
{
    struct tl_store *s = open_store(TL_STORE_WRITE);
    struct tl_trial_record a = crashed(1), b = crashed(2);
    OK(tl_store_trial(s, &a, &error));
    b.captures[0].threads[1].frames[2].module = 3;
    cr_assert_eq(tl_store_trial(s, &b, &error), -1);
    b.captures[0].threads[1].frames[2].module = 0;
    b.id[3] = '\0';
    cr_assert_eq(tl_store_trial(s, &b, &error), -1);
    OK(tl_store_flush(s, &error));
    cr_assert_eq(count(s, "SELECT count(*) FROM trial"), 1);
    check(s);
    close_store(s);
    tl_trial_record_free(&a);
    tl_trial_record_free(&b);
}

/* Lists. */

Test(store, lists_filter_and_page)
{
    struct tl_store *s = open_store(TL_STORE_WRITE);
    char ids[40][TL_UUID_SIZE];
    for (int i = 0; i < 40; i++) {
        struct tl_trial_record a = i % 4 ? asked(i) : crashed(i);
        a.started_us = 1000 + i / 2; /* two of each started in the same microsecond */
        if (i % 2) {
            free(a.unit);
            a.unit = tl_strdup("onnxruntime@1.22.0:cpu");
        }
        if (i >= 30) {
            free(a.case_name);
            a.case_name = tl_strdup("other");
            tl_content_id("other", 5, a.case_hash);
        }
        memcpy(ids[i], a.id, sizeof ids[i]);
        OK(tl_store_trial(s, &a, &error));
        tl_trial_record_free(&a);
    }
    struct tl_filter f = {.limit = 7};
    struct tl_trial_lines l;
    int at = 40;
    do {
        OK(tl_query_trials(s, &f, &l, &error));
        for (size_t i = 0; i < l.n; i++)
            cr_assert_str_eq(l.list[i].id, ids[--at]);
        f.after = l.n ? ids[at] : NULL;
        size_t n = l.n;
        tl_trial_lines_free(&l);
        if (n < 7)
            break;
    } while (1);
    cr_assert_eq(at, 0);

    f = (struct tl_filter){.case_name = "kv-write", .unit = "sim@2:cpu", .outcomes = 1u << TL_OUTCOME_CRASH};
    OK(tl_query_trials(s, &f, &l, &error));
    cr_assert_eq(l.n, 8);
    cr_assert_str_eq(l.list[0].id, ids[28]);
    cr_assert_str_eq(l.list[0].title, "function_1 < function_2");
    cr_assert_str_eq(l.list[0].variant, "{\"layers\":28}");
    tl_trial_lines_free(&l);
    f = (struct tl_filter){.unit = "onnxruntime@1.22.0:cpu", .since_us = 1010};
    OK(tl_query_trials(s, &f, &l, &error));
    cr_assert_eq(l.n, 10);
    tl_trial_lines_free(&l);
    f = (struct tl_filter){.case_name = "other"};
    OK(tl_query_trials(s, &f, &l, &error));
    cr_assert_eq(l.n, 10);
    char signature[TL_ID_SIZE];
    tl_content_id("signature", 9, signature);
    tl_trial_lines_free(&l);
    f = (struct tl_filter){.signature_id = signature, .case_name = "other"};
    OK(tl_query_trials(s, &f, &l, &error));
    cr_assert_eq(l.n, 2);
    tl_trial_lines_free(&l);
    f = (struct tl_filter){.after = "00000000"};
    cr_assert_eq(tl_query_trials(s, &f, &l, &error), -1);
    cr_assert_eq(error.kind, TL_ERROR_INPUT);

    struct tl_sums sums;
    f = (struct tl_filter){0};
    OK(tl_query_sums(s, TL_SUM_CASE, &f, &sums, &error));
    cr_assert_eq(sums.n, 2);
    cr_assert_str_eq(sums.list[0].name, "other");
    cr_assert_eq(sums.list[0].trials, 10);
    cr_assert_eq(sums.list[1].trials, 30);
    cr_assert_eq(sums.list[1].by_outcome[TL_OUTCOME_CRASH], 8);
    cr_assert_eq(sums.list[1].by_outcome[TL_OUTCOME_PASS], 22);
    cr_assert_eq(sums.list[1].first_us, 1000);
    cr_assert_eq(sums.list[1].last_us, 1014);
    tl_sums_free(&sums);
    OK(tl_query_sums(s, TL_SUM_UNIT, &f, &sums, &error));
    cr_assert_eq(sums.n, 2);
    cr_assert_eq(sums.list[0].cases, 2);
    tl_sums_free(&sums);
    OK(tl_query_sums(s, TL_SUM_SIGNATURE, &f, &sums, &error));
    cr_assert_eq(sums.n, 1);
    cr_assert_eq(sums.list[0].trials, 10);
    cr_assert_str_eq(sums.list[0].title, "function_1 < function_2");
    cr_assert_eq(sums.list[0].signal, SIGSEGV);
    tl_sums_free(&sums);

    struct tl_cells cells;
    f = (struct tl_filter){.case_name = "kv-write", .outcomes = 1u << TL_OUTCOME_CRASH};
    OK(tl_query_cells(s, NULL, &f, &cells, &error));
    cr_assert_eq(cells.n, 8);
    cr_assert_eq(cells.list[0].trials, 1);
    cr_assert_str_eq(cells.list[0].signature_id, signature);
    tl_cells_free(&cells);
    check(s);
    close_store(s);
}

Test(store, an_id_may_be_shortened)
{
    struct tl_store *s = open_store(TL_STORE_WRITE);
    struct tl_trial_record a = asked(1), b = asked(2), r;
    strcpy(a.id, "01890000-aaaa-7000-8000-000000000001");
    strcpy(b.id, "01890000-bbbb-7000-8000-000000000002");
    OK(tl_store_trial(s, &a, &error));
    OK(tl_store_trial(s, &b, &error));
    OK(tl_query_trial(s, "01890000-B", &r, &error));
    cr_assert_str_eq(r.id, b.id);
    tl_trial_record_free(&r);
    cr_assert_eq(tl_query_trial(s, "0189", &r, &error), -1);
    cr_assert_eq(error.kind, TL_ERROR_INPUT);
    cr_assert(strstr(error.why, a.id) && strstr(error.why, b.id), "%s", error.why);
    cr_assert_eq(tl_query_trial(s, "02", &r, &error), -1);
    cr_assert(strstr(error.why, "no trial"), "%s", error.why);
    cr_assert_eq(tl_query_trial(s, "", &r, &error), -1);
    cr_assert_eq(tl_query_trial(s, "%' OR 1 --", &r, &error), -1);
    cr_assert_eq(tl_query_trial(s, "01890000-aaaa-7000-8000-0000000000010000", &r, &error), -1);
    close_store(s);
    tl_trial_record_free(&a);
    tl_trial_record_free(&b);
}

/* What was announced and has no outcome. */

static void announce(struct tl_store *s, struct tl_trial_record *r)
{
    const struct tl_trial_record *list[] = {r};
    OK(tl_store_begin(s, list, 1, &error));
}

Test(store, what_was_running_is_recorded_as_lost_once)
{
    struct tl_trial_record done = crashed(1), running = asked(2), r;
    pid_t pid = fork();
    if (pid == 0) {
        struct tl_store *s = open_store(TL_STORE_WRITE);
        if (tl_store_session_begin(s, &machine, "0.1", "run", NULL, NULL))
            _exit(1);
        announce(s, &done);
        announce(s, &running);
        _exit(tl_store_trial(s, &done, NULL) || tl_store_flush(s, NULL) ? 1 : 0); /* and never closes */
    }
    int status;
    waitpid(pid, &status, 0);
    cr_assert_eq(status, 0);
    struct tl_store *s = open_store(TL_STORE_WRITE);
    cr_assert_eq(tl_store_recovered(s), 1);
    OK(tl_query_trial(s, running.id, &r, &error));
    cr_assert_eq(r.outcome, TL_OUTCOME_LOST);
    cr_assert_eq(r.phase, TL_PHASE_START);
    cr_assert_eq(r.started_us, running.started_us);
    cr_assert_str_eq(r.variant, running.variant);
    cr_assert_str_eq(r.case_name, running.case_name);
    cr_assert_str_eq(r.environment_id, running.environment_id);
    cr_assert(strstr(r.message, "went down"), "%s", r.message);
    tl_trial_record_free(&r);
    OK(tl_query_trial(s, done.id, &r, &error));
    cr_assert_eq(r.outcome, TL_OUTCOME_CRASH);
    tl_trial_record_free(&r);
    cr_assert_eq(count(s, "SELECT count(DISTINCT session_id) FROM trial"), 1,
                 "it belongs to the session that ran it");
    check(s);
    close_store(s);
    s = open_store(TL_STORE_WRITE);
    cr_assert_eq(tl_store_recovered(s), 0);
    cr_assert_eq(count(s, "SELECT count(*) FROM trial"), 2);
    close_store(s);
    tl_trial_record_free(&done);
    tl_trial_record_free(&running);
}

/* A writer is killed at random moments, also while it recovers. Every trial that it said was announced must
 * be there, every one that it said was flushed with its outcome, and nothing is damaged. */
Test(store, survives_kill_at_any_moment, .timeout = 80)
{
    char told[64 * 1024];
    for (int round = 0; round < 50; round++) {
        int pipes[2];
        cr_assert_eq(pipe(pipes), 0);
        pid_t pid = fork();
        if (pid == 0) {
            struct tl_store *s;
            if (tl_store_open(path, TL_STORE_WRITE, &s, NULL) ||
                tl_store_session_begin(s, &machine, "0.1", "run", NULL, NULL))
                _exit(1);
            for (int k = 0;; k++) {
                struct tl_trial_record a = k % 3 ? asked(k) : crashed(k);
                const struct tl_trial_record *list[] = {&a};
                char line[TL_UUID_SIZE + 1] = "b";
                memcpy(line + 1, a.id, TL_UUID_SIZE - 1);
                line[TL_UUID_SIZE] = '\n';
                if (tl_store_begin(s, list, 1, NULL) || write(pipes[1], line, sizeof line) != sizeof line)
                    _exit(1);
                line[0] = 'f';
                if (k % 5 == 4)
                    continue; /* it is still running */
                if (tl_store_trial(s, &a, NULL))
                    _exit(1);
                if (k % 2 && (tl_store_flush(s, NULL) || write(pipes[1], line, sizeof line) != sizeof line))
                    _exit(1);
                tl_trial_record_free(&a);
            }
        }
        close(pipes[1]);
        usleep((unsigned)(2000 + (round * 7919) % 23000));
        kill(pid, SIGKILL);
        int status;
        waitpid(pid, &status, 0);
        cr_assert(WIFSIGNALED(status), "round %d: the writer failed by itself", round);
        size_t got = 0;
        ssize_t n;
        while ((n = read(pipes[0], told + got, sizeof told - got)) > 0)
            got += (size_t)n;
        close(pipes[0]);

        pid = fork(); /* a recovery that is killed in the middle */
        if (pid == 0) {
            struct tl_store *s;
            tl_store_open(path, TL_STORE_WRITE, &s, NULL);
            _exit(0);
        }
        usleep((unsigned)((round * 131) % 1500));
        kill(pid, SIGKILL);
        waitpid(pid, &status, 0);

        struct tl_store *s = open_store(TL_STORE_WRITE);
        for (size_t at = 0; at + TL_UUID_SIZE + 1 <= got; at += TL_UUID_SIZE + 1) {
            char id[TL_UUID_SIZE];
            memcpy(id, told + at + 1, TL_UUID_SIZE - 1);
            id[TL_UUID_SIZE - 1] = '\0';
            struct tl_trial_record r;
            OK(tl_query_trial(s, id, &r, &error));
            cr_assert(told[at] == 'b' || r.outcome != TL_OUTCOME_LOST, "%s was flushed, and then lost", id);
            tl_trial_record_free(&r);
        }
        if (round % 10 == 9)
            check(s);
        cr_assert_eq(count(s, "SELECT count(*) FROM pragma_quick_check WHERE quick_check <> 'ok'"), 0);
        close_store(s);
    }
}

Test(store, a_second_writer_is_told_who_is_first)
{
    struct tl_store *s = open_store(TL_STORE_WRITE);
    pid_t pid = fork();
    if (pid == 0) {
        struct tl_intent_log *log;
        struct tl_error e;
        char name[128];
        snprintf(name, sizeof name, "%s-intent", path);
        tl_intent_close(s->intents); /* the child's copy */
        _exit(tl_intent_open(name, 50, &log, &e) == -1 && strstr(e.why, "one writer") ? 0 : 1);
    }
    int status;
    waitpid(pid, &status, 0);
    cr_assert_eq(status, 0);
    struct tl_store *reader = open_store(TL_STORE_READ);
    close_store(reader);
    close_store(s);
}

/* Files that are not what they should be. Each must be refused in clear words and left as it is. */

static char *slurp(size_t *size)
{
    char *data = tl_read_file(path, 64 << 20, size);
    cr_assert(data);
    return data;
}

static void refused(enum tl_store_mode mode, const char *why)
{
    size_t before_size, after_size;
    char *before = slurp(&before_size);
    struct tl_store *s;
    memset(&error, 0, sizeof error);
    cr_assert_eq(tl_store_open(path, mode, &s, &error), -1);
    cr_assert_null(s);
    cr_assert(strstr(error.why, why), "expected \"%s\", got: %s", why, error.why);
    cr_assert_eq(error.kind, TL_ERROR_INPUT);
    char *after = slurp(&after_size);
    cr_assert(before_size == after_size && memcmp(before, after, before_size) == 0, "it was changed");
    char name[128];
    snprintf(name, sizeof name, "%s-intent", path);
    cr_assert(access(name, F_OK) != 0, "a log was made beside it");
    free(before);
    free(after);
}

static void sql(const char *text)
{
    sqlite3 *db;
    cr_assert_eq(sqlite3_open(path, &db), SQLITE_OK);
    cr_assert_eq(sqlite3_exec(db, text, NULL, NULL, NULL), SQLITE_OK, "%s", sqlite3_errmsg(db));
    sqlite3_close(db);
}

static void drop_log(void)
{
    char name[128];
    snprintf(name, sizeof name, "%s-intent", path);
    unlink(name);
}

Test(store, newer_foreign_garbage_and_truncated)
{
    struct tl_store *s = open_store(TL_STORE_WRITE);
    for (int i = 0; i < 20; i++) {
        struct tl_trial_record a = crashed(i);
        OK(tl_store_trial(s, &a, &error));
        tl_trial_record_free(&a);
    }
    close_store(s);
    drop_log();
    for (int mode = TL_STORE_READ; mode <= TL_STORE_WRITE; mode++) {
        sql("PRAGMA user_version = 99");
        refused((enum tl_store_mode)mode, "newer trapline");
        sql("PRAGMA user_version = 1; PRAGMA application_id = 7");
        refused((enum tl_store_mode)mode, "another program");
        sql("PRAGMA application_id = 0x54724c44");
    }
    size_t size;
    char *data = slurp(&size);
    cr_assert_eq(truncate(path, (off_t)size / 2), 0);
    refused(TL_STORE_READ, "cut short");
    refused(TL_STORE_WRITE, "cut short");
    cr_assert_eq(truncate(path, 50), 0);
    refused(TL_STORE_READ, "cut short");
    refused(TL_STORE_WRITE, "cut short");
    free(data);
    FILE *f = fopen(path, "w");
    for (int i = 0; i < 5000; i++)
        fputc(i * 31 % 251, f);
    fclose(f);
    refused(TL_STORE_READ, "not a database");
    refused(TL_STORE_WRITE, "not a database");
}

Test(store, check_finds_damage_and_lies)
{
    struct tl_store *s = open_store(TL_STORE_WRITE);
    for (int i = 0; i < 200; i++) {
        struct tl_trial_record a = crashed(i);
        OK(tl_store_trial(s, &a, &error));
        tl_trial_record_free(&a);
    }
    close_store(s);
    sql("PRAGMA foreign_keys = OFF; DELETE FROM stack WHERE n_frames = 30; UPDATE summary SET trials = 2 "
        "WHERE variant_hash = (SELECT min(variant_hash) FROM summary)");
    s = open_store(TL_STORE_READ);
    size_t wrong;
    OK(tl_store_check(s, NULL, NULL, &wrong, &error));
    cr_assert_geq(wrong, 102, "100 of the dangling threads, one sum and one row too many; found %zu", wrong);
    struct tl_trial_lines l;
    OK(tl_query_trials(s, &(struct tl_filter){.limit = 1}, &l, &error));
    struct tl_trial_record r;
    OK(tl_query_trial(s, l.list[0].id, &r, &error)); /* what is there is still shown */
    cr_assert_eq(r.captures[0].threads[0].n_frames, 0);
    cr_assert_eq(r.captures[0].threads[1].n_frames, 12);
    tl_trial_record_free(&r);
    tl_trial_lines_free(&l);
    close_store(s);

    struct stat st;
    cr_assert_eq(stat(path, &st), 0);
    int fd = open(path, O_WRONLY); /* no connection is open in this process */
    for (off_t at = st.st_size / 2 / 4096 * 4096; at < st.st_size; at += 8192)
        cr_assert_eq(pwrite(fd, "damage", 6, at), 6);
    close(fd);
    s = open_store(TL_STORE_READ);
    OK(tl_store_check(s, NULL, NULL, &wrong, &error));
    cr_assert_gt(wrong, 0);
    close_store(s);
}

Test(store, missing_directory_and_special_files)
{
    struct tl_store *s;
    cr_assert_eq(tl_store_open(path, TL_STORE_READ, &s, &error), -1);
    cr_assert(strstr(error.why, "none yet"), "%s", error.why);
    cr_assert(access(path, F_OK) != 0, "looking must not make it");
    cr_assert_eq(tl_store_open(directory, TL_STORE_WRITE, &s, &error), -1);
    cr_assert(strstr(error.why, "directory"), "%s", error.why);
    cr_assert_eq(tl_store_open("/dev/null", TL_STORE_WRITE, &s, &error), -1);
    cr_assert(strstr(error.why, "regular"), "%s", error.why);
    char name[128];
    snprintf(name, sizeof name, "%s/no/such/place.db", directory);
    cr_assert_eq(tl_store_open(name, TL_STORE_WRITE, &s, &error), -1);
    cr_assert(strstr(error.why, "No such file"), "%s", error.why);
    FILE *f = fopen(path, "w"); /* an empty file is what SQLite makes of a new name: it is taken for new */
    fclose(f);
    cr_assert_eq(tl_store_open(path, TL_STORE_READ, &s, &error), -1);
    cr_assert(strstr(error.why, "empty"), "%s", error.why);
    close_store(open_store(TL_STORE_WRITE));
    close_store(open_store(TL_STORE_READ));
}

Test(store, default_path_and_its_directories)
{
    setenv("XDG_STATE_HOME", directory, 1);
    struct tl_store *s;
    OK(tl_store_open(NULL, TL_STORE_WRITE, &s, &error));
    char *expected = tl_format("%s/trapline/trapline.db", directory);
    cr_assert_str_eq(tl_store_path(s), expected);
    close_store(s);
    char *command = tl_format("rm -r %s/trapline", directory);
    cr_assert_eq(system(command), 0);
    setenv("XDG_STATE_HOME", "relative", 1);
    setenv("HOME", "/home/me", 1);
    char *p = tl_store_default_path(&error);
    cr_assert_str_eq(p, "/home/me/.local/state/trapline/trapline.db");
    unsetenv("HOME");
    cr_assert_null(tl_store_default_path(&error));
    free(p);
    free(command);
    free(expected);
}

/* As an ordinary user when the tests run as root, whom permissions do not stop. */
static int as_nobody(int (*what)(void))
{
    pid_t pid = fork();
    if (pid == 0) {
        if (geteuid() == 0 && (setgid(65534) || setuid(65534)))
            _exit(99);
        _exit(what());
    }
    int status;
    waitpid(pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 98;
}

static int try_write(void)
{
    struct tl_store *s;
    if (tl_store_open(path, TL_STORE_WRITE, &s, &error) == 0)
        return 1;
    fprintf(stderr, "writing: %s: %s: %s\n", error.what, error.where, error.why);
    return error.kind == TL_ERROR_ENVIRONMENT && (strstr(error.why, "writ") || strstr(error.why, "read-only"))
               ? 0
               : 2;
}

static int try_read(void)
{
    struct tl_store *s;
    if (tl_store_open(path, TL_STORE_READ, &s, &error)) {
        fprintf(stderr, "reading: %s: %s: %s\n", error.what, error.where, error.why);
        return 1;
    }
    struct tl_trial_lines l;
    struct tl_filter f = {0};
    int bad = tl_query_trials(s, &f, &l, &error) || l.n != 1;
    tl_trial_lines_free(&l);
    return tl_store_close(s, &error) || bad ? 2 : 0;
}

static int try_unreadable(void)
{
    struct tl_store *s;
    if (tl_store_open(path, TL_STORE_READ, &s, &error) == 0)
        return 1;
    return strstr(error.why, "Permission denied") ? 0 : 2;
}

Test(store, read_only_file_and_directory)
{
    struct tl_store *s = open_store(TL_STORE_WRITE);
    struct tl_trial_record a = crashed(1);
    OK(tl_store_trial(s, &a, &error));
    close_store(s);
    tl_trial_record_free(&a);
    chmod(path, 0444);
    chmod(directory, 0755);
    cr_assert_eq(as_nobody(try_write), 0, "read-only file, writing");
    chmod(directory, 0555);
    cr_assert_eq(as_nobody(try_read), 0, "read-only file and directory, reading");
    chmod(path, 0666);
    cr_assert_eq(as_nobody(try_write), 0, "read-only directory, writing");
    cr_assert_eq(as_nobody(try_read), 0, "read-only directory, reading");
    chmod(path, 0);
    cr_assert_eq(as_nobody(try_unreadable), 0);
    chmod(path, 0644);
    chmod(directory, 0755);
}

/* Stores until there is no room, and checks what is said and what is left. */
static int fill_up(struct tl_store *s)
{
    int stored = 0;
    for (int i = 0; i < 20000; i++) {
        struct tl_trial_record a = crashed(i);
        const struct tl_trial_record *list[] = {&a};
        for (int k = 0; k < 5000; k++) /* incompressible */
            a.out.head[k] = (char)(rand() >> 7);
        int rc = tl_store_begin(s, list, 1, &error) || tl_store_trial(s, &a, &error);
        tl_trial_record_free(&a);
        if (rc)
            break;
        stored++;
    }
    fprintf(stderr, "after %d: %s: %s\n", stored, error.what, error.why);
    if (error.kind != TL_ERROR_ENVIRONMENT || !strstr(error.why, "What was stored before is safe"))
        return 11;
    size_t wrong;
    if (stored < TL_STORE_GROUP || tl_store_check(s, say, NULL, &wrong, &error) || wrong)
        return 12;
    tl_store_close(s, NULL);
    return 0;
}

/* A file size limit stands in for a full disk: writes fail in the middle, in the same calls. */
Test(store, no_room_is_said_and_harms_nothing, .timeout = 60)
{
    pid_t pid = fork();
    if (pid == 0) {
        struct tl_store *s;
        signal(SIGXFSZ, SIG_IGN);
        if (tl_store_open(path, TL_STORE_WRITE, &s, &error))
            _exit(10);
        struct rlimit limit = {3 << 20, 3 << 20};
        setrlimit(RLIMIT_FSIZE, &limit);
        _exit(fill_up(s));
    }
    int status;
    waitpid(pid, &status, 0);
    cr_assert_eq(status, 0, "exit status %d", WEXITSTATUS(status));
    struct tl_store *s = open_store(TL_STORE_WRITE); /* without the limit */
    cr_assert_gt(tl_store_recovered(s), 0, "what could not be stored is lost, not forgotten");
    cr_assert_leq(tl_store_recovered(s), TL_STORE_GROUP);
    check(s);
    close_store(s);
}

#ifdef __linux__
#include <sched.h>
#include <sys/mount.h>

/* A disk that is really full, where this user may mount one in a namespace of its own. */
static int full_disk(void)
{
    struct tl_store *s;
    if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
        mount("tmpfs", directory, "tmpfs", 0, "size=6m"))
        return 77;
    if (tl_store_open(path, TL_STORE_WRITE, &s, &error))
        return 10;
    int rc = fill_up(s);
    if (rc || mount(NULL, directory, NULL, MS_REMOUNT, "size=32m"))
        return rc ? rc : 13;
    size_t wrong;
    if (tl_store_open(path, TL_STORE_WRITE, &s, &error) || tl_store_recovered(s) == 0 ||
        tl_store_check(s, say, NULL, &wrong, &error) || wrong)
        return 14;
    tl_store_close(s, NULL);
    if (mount(NULL, directory, NULL, MS_REMOUNT | MS_RDONLY, NULL))
        return 15;
    if (tl_store_open(path, TL_STORE_WRITE, &s, &error) == 0 || !strstr(error.why, "Read-only file system"))
        return 16;
    struct tl_trial_lines l;
    if (tl_store_open(path, TL_STORE_READ, &s, &error) ||
        tl_query_trials(s, &(struct tl_filter){0}, &l, &error) || l.n != 50)
        return 17;
    tl_trial_lines_free(&l);
    tl_store_close(s, NULL);
    return 0;
}

Test(store, full_disk_and_read_only_file_system, .timeout = 60)
{
    pid_t pid = fork();
    if (pid == 0)
        _exit(full_disk());
    int status;
    waitpid(pid, &status, 0);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
        cr_skip("this user may not mount");
    cr_assert_eq(status, 0, "exit status %d: %s", WEXITSTATUS(status), error.why);
}
#endif

/* Migrations. */

Test(store, migrations_are_applied_once_and_together)
{
    const struct tl_migration good[] = {
        tl_migrations[0],
        tl_migrations[1],
        tl_migrations[2],
        {"CREATE TABLE extra(id TEXT PRIMARY KEY); ALTER TABLE trial ADD COLUMN x"},
        {"INSERT INTO extra VALUES('f')"}};
    const struct tl_migration bad[] = {
        good[0], good[1], good[2], good[3], good[4], {"CREATE TABLE z(a); INSERT INTO nowhere VALUES(1)"}};
    struct tl_store *s = open_store(TL_STORE_WRITE);
    struct tl_trial_record a = crashed(1), r;
    OK(tl_store_trial(s, &a, &error));
    OK(tl_store_flush(s, &error));
    OK(tl_migrate(s->db, good, 5, &error));
    cr_assert_eq(count(s, "PRAGMA user_version"), 5);
    OK(tl_migrate(s->db, good, 5, &error));
    cr_assert_eq(count(s, "SELECT count(*) FROM extra"), 1);
    cr_assert_eq(tl_migrate(s->db, bad, 6, &error), -1);
    cr_assert_eq(count(s, "PRAGMA user_version"), 5);
    cr_assert_eq(count(s, "SELECT count(*) FROM sqlite_schema WHERE name = 'z'"), 0);
    OK(tl_query_trial(s, a.id, &r, &error));
    same_record(&a, &r);
    close_store(s);
    tl_trial_record_free(&a);
    tl_trial_record_free(&r);
}

/* Two databases of different machines, merged as schema.sql says they can be. */
Test(store, two_databases_can_be_merged)
{
    char other[128];
    snprintf(other, sizeof other, "%s/u.db", directory);
    struct tl_trial_record a = crashed(1), b = crashed(2), r;
    struct tl_store *s = open_store(TL_STORE_WRITE), *t;
    OK(tl_store_open(other, TL_STORE_WRITE, &t, &error));
    OK(tl_store_trial(s, &a, &error));
    OK(tl_store_trial(t, &b, &error));
    close_store(t);
    close_store(s);
    char *text = tl_format("PRAGMA foreign_keys = ON; ATTACH '%s' AS o; BEGIN;"
                           "INSERT OR IGNORE INTO case_file SELECT * FROM o.case_file; INSERT OR IGNORE INTO "
                           "variant SELECT * FROM o.variant;"
                           "INSERT OR IGNORE INTO environment SELECT * FROM o.environment; INSERT OR IGNORE "
                           "INTO unit SELECT * FROM o.unit;"
                           "INSERT OR IGNORE INTO signature SELECT * FROM o.signature; INSERT OR IGNORE INTO "
                           "module SELECT * FROM o.module;"
                           "INSERT OR IGNORE INTO module_set SELECT * FROM o.module_set; INSERT OR IGNORE "
                           "INTO stack SELECT * FROM o.stack;"
                           "INSERT OR IGNORE INTO trial SELECT NULL, id, started_us, case_name, unit, "
                           "outcome, phase, signal, fresh, "
                           "signature_id, cell, case_hash, variant_hash, environment_id, session_id, "
                           "observed_device, exit_status, wall_s, "
                           "user_s, system_s, start_s, generate_s, load_s, compile_s, execute_s, check_s, "
                           "done_s, peak_rss, error_domain, "
                           "error_code, message, command, request, result FROM o.trial;"
                           "INSERT OR IGNORE INTO output SELECT * FROM o.output; INSERT OR IGNORE INTO "
                           "capture SELECT * FROM o.capture;"
                           "INSERT OR IGNORE INTO thread SELECT * FROM o.thread;"
                           "DELETE FROM summary; INSERT INTO summary SELECT case_hash, variant_hash, unit, "
                           "ifnull(environment_id, ''), outcome, "
                           "ifnull(signature_id, ''), count(*), sum(fresh), min(started_us), max(started_us) "
                           "FROM trial GROUP BY 1,2,3,4,5,6;"
                           "DELETE FROM tally; INSERT INTO tally SELECT case_name, case_hash, unit, outcome, "
                           "ifnull(signature_id, ''), "
                           "count(*), min(started_us), max(started_us) FROM trial GROUP BY 1,2,3,4,5; COMMIT",
                           other);
    sql(text);
    free(text);
    s = open_store(TL_STORE_READ);
    OK(tl_query_trial(s, b.id, &r, &error));
    same_record(&b, &r);
    check(s);
    close_store(s);
    tl_trial_record_free(&r);
    tl_trial_record_free(&a);
    tl_trial_record_free(&b);
    unlink(other);
    strcat(other, "-intent");
    unlink(other);
}

Test(store, the_machine_describes_itself)
{
    struct tl_machine_text m, again;
    tl_machine_read(&m);
    tl_machine_read(&again);
    cr_assert_str_eq(m.id, again.id);
    cr_assert_gt(m.machine.cores, 0);
    cr_assert_gt(m.machine.memory, 1 << 20);
    cr_assert(m.machine.arch[0] && m.machine.kernel[0] && m.machine.os[0]);
    struct tl_store *s = open_store(TL_STORE_WRITE);
    OK(tl_store_session_begin(s, &m.machine, "0.1", "run", NULL, &error));
    cr_assert_eq(count(s, "SELECT cores FROM machine"), m.machine.cores);
    close_store(s);
}
