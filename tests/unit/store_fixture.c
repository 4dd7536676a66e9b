#include "tests/unit/store_fixture.h"

#include "db/store_impl.h"
#include "harness/base/buffer.h"
#include "harness/base/clock.h"
#include "harness/base/hash.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

char directory[64], path[96];
struct tl_error error;
const struct tl_machine machine = {"box", "x86_64", "a cpu", 2, 8ull << 30, "Linux", "12", "6.18"};

void store_setup(void)
{
    strcpy(directory, "/tmp/tl-store-XXXXXX");
    cr_assert(mkdtemp(directory));
    snprintf(path, sizeof path, "%s/t.db", directory);
}

void store_teardown(void)
{
    static const char *const ends[] = {"", "-wal", "-shm", "-intent", "-journal"};
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        char name[128];
        snprintf(name, sizeof name, "%s%s", path, ends[i]);
        unlink(name);
    }
    rmdir(directory);
}

struct tl_store *open_store(enum tl_store_mode mode)
{
    struct tl_store *s = NULL;
    OK(tl_store_open(path, mode, &s, &error));
    return s;
}

void close_store(struct tl_store *s)
{
    OK(tl_store_close(s, &error));
}

void say_wrong(void *arg, const char *text)
{
    fprintf(stderr, "check: %s\n", text);
}

void check(struct tl_store *s)
{
    size_t wrong;
    OK(tl_store_check(s, say_wrong, NULL, &wrong, &error));
    cr_assert_eq(wrong, 0, "%zu things are wrong", wrong);
}

int64_t count(struct tl_store *s, const char *sql)
{
    sqlite3_stmt *st;
    cr_assert_eq(sqlite3_prepare_v2(s->db, sql, -1, &st, NULL), SQLITE_OK, "%s", sqlite3_errmsg(s->db));
    cr_assert_eq(sqlite3_step(st), SQLITE_ROW);
    int64_t n = sqlite3_column_int64(st, 0);
    sqlite3_finalize(st);
    return n;
}

void sql(const char *text)
{
    sqlite3 *db;
    cr_assert_eq(sqlite3_open(path, &db), SQLITE_OK);
    cr_assert_eq(sqlite3_exec(db, text, NULL, NULL, NULL), SQLITE_OK, "%s", sqlite3_errmsg(db));
    sqlite3_close(db);
}

/* A record as the supervisor fills it before the child runs. */
struct tl_trial_record asked(int variant)
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

struct tl_thread make_thread(const struct tl_module *modules, int tid, size_t n, uint64_t first)
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
struct tl_trial_record crashed(int variant)
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
    r.result = json_loadb(result.data, result.size, 0, NULL);
    tl_buffer_free(&result);
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
    c->fault = tl_calloc(1, sizeof *c->fault);
    *c->fault =
        (struct tl_fault){.arch = "x86_64", .pc = 0xffffffff81000000u, .n_code = 3, .code = {0x8b, 0, 0xff}};
    c->fault->instruction = tl_strdup("mov eax, \"x\"");
    c->fault->did = tl_strdup("read of 4 bytes");
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

void same_record(const struct tl_trial_record *a, const struct tl_trial_record *b)
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
    cr_assert(a->result == b->result || json_equal(a->result, b->result));
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
        cr_assert_eq(!c->fault, !d->fault);
        if (c->fault) {
            cr_assert_str_eq(c->fault->arch, d->fault->arch);
            cr_assert(c->fault->pc == d->fault->pc && c->fault->n_code == d->fault->n_code &&
                      !memcmp(c->fault->code, d->fault->code, c->fault->n_code));
            same_text(c->fault->instruction, d->fault->instruction);
            same_text(c->fault->did, d->fault->did);
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

int64_t saved_beside(char *saved, size_t size, int64_t lost)
{
    const char *from = strstr(error.why, path);
    cr_assert_not_null(from, "%s", error.why);
    snprintf(saved, size, "%.*s", (int)strcspn(from, ":"), from);
    struct tl_store *s;
    OK(tl_store_open(saved, TL_STORE_READ, &s, &error));
    int64_t n = count(s, "SELECT count(*) FROM trial");
    cr_expect_eq(count(s, "SELECT count(*) FROM trial WHERE outcome = 'lost'"), lost, "what was under way");
    check(s);
    close_store(s);
    return n;
}
