/* Fuzzes databases. One with a crash in it, a pass and a finding is made at the beginning, and an input is what is changed about
 * the file: pieces, each of them a place (two bytes: in units of 64 bytes; one: within), its length (one) and its bytes. The first byte says
 * what else is done (bits): whether it is cut off behind the last piece, whether the damage is in the one that is written to, and
 * whether that is compacted.
 *
 * What can be read of it is read, and it is merged into a sound one, which stays sound, or a sound one into it. */
#include "db/compare.h"
#include "db/finding.h"
#include "db/merge.h"
#include "db/night.h"
#include "db/site.h"
#include "db/store.h"
#include "harness/base/buffer.h"
#include "harness/base/staging.h"

#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

static struct tl_staging stage;
static char *sound, *damaged;
static char *base, *base_sound; /* the two files */
static size_t base_size, base_sound_size;

static void check(int condition)
{
    if (!condition)
        abort();
}

static void must(int result, const struct tl_error *e)
{
    if (result) {
        fprintf(stderr, "%s: %s: %s\n", e->what, e->where, e->why);
        abort();
    }
}

static int failed(int result, const struct tl_error *e)
{
    check(!result || (e->kind != TL_ERROR_NONE && e->what[0] && e->why[0]));
    return result;
}

/* The file itself stays until the end, and is written anew: a writer keeps a descriptor of every file that it had (db/place.c). */
static void remove_beside(const char *path)
{
    static const char *const ends[] = {"-wal", "-shm", "-journal", "-intent"};
    for (size_t i = 0; i < TL_COUNT(ends); i++) {
        char *name = tl_format("%s%s", path, ends[i]);
        unlink(name);
        free(name);
    }
}

static void clean_up(void)
{
    remove_beside(sound);
    remove_beside(damaged);
    unlink(sound);
    unlink(damaged);
    tl_staging_end(&stage);
    free(sound);
    free(damaged);
    free(base);
    free(base_sound);
}

/* --- the database ---------------------------------------------------------------------------------------- */

static struct tl_trial_record trial(int i)
{
    struct tl_trial_record r;
    memset(&r, 0, sizeof r);
    tl_uuid7(r.id);
    r.started_us = 1800000000000000 + i;
    r.case_name = tl_strdup("a-case");
    tl_content_id("case", 4, r.case_hash);
    r.variant = tl_format("{\"n\":%d}", i);
    tl_content_id(r.variant, strlen(r.variant), r.variant_hash);
    r.unit = tl_strdup("sim@2:cpu");
    tl_content_id("environment", 11, r.environment_id);
    r.command = tl_strdup("[\"runner\"]");
    for (int p = 0; p < TL_PHASE_COUNT; p++)
        r.phase_seconds[p] = -1;
    r.phase = TL_PHASE_DONE;
    r.result = json_pack("{s:[{s:s,s:s}]}", "outputs", "name", "y", "hash", "00");
    r.out.head = tl_strdup("some words");
    r.out.head_size = r.out.total = 10;
    return r;
}

static struct tl_trial_record crash(int i)
{
    struct tl_trial_record r = trial(i);
    r.outcome = TL_OUTCOME_CRASH;
    r.phase = TL_PHASE_EXECUTE;
    r.signal = 11;
    r.exit_status = -1;
    r.message = tl_strdup("it fell");
    r.signature.title = tl_strdup("fell < down");
    tl_content_id("signature", 9, r.signature.id);
    r.n_captures = 1;
    struct tl_capture *c = r.captures = tl_calloc(1, sizeof *r.captures);
    c->pid = c->tid = 7;
    c->signal = 11;
    c->n_registers = 1;
    c->registers = tl_calloc(1, sizeof *c->registers);
    c->registers[0] = (struct tl_register){"rip", 42};
    c->n_modules = 1;
    c->modules = tl_calloc(1, sizeof *c->modules);
    c->modules[0] = (struct tl_module){tl_strdup("/bin/x"), "01ab", 0x1000, 0x1000, 0x9000};
    c->n_threads = 1;
    struct tl_thread *t = c->threads = tl_calloc(1, sizeof *c->threads);
    t->crashed = true;
    t->n_frames = 2;
    t->frames = tl_calloc(2, sizeof *t->frames);
    t->symbols = tl_calloc(2, sizeof *t->symbols);
    t->frames[1] = (struct tl_frame){0, 0, 0x20, 0x10};
    t->symbols[1].n = 1;
    t->symbols[1].symbols = tl_calloc(1, sizeof(struct tl_symbol));
    t->symbols[1].symbols[0] = (struct tl_symbol){tl_strdup("down"), NULL, 3, false};
    tl_stack_id(c->modules, t, t->stack_id);
    return r;
}

static void make_database(const char *path)
{
    struct tl_store *s;
    struct tl_error e;
    const struct tl_machine machine = {"box", "x86_64", "cpu", 2, 1 << 30, "Linux", "12", "6.1", NULL};
    char hash[TL_ID_SIZE], id[TL_UUID_SIZE];
    tl_content_id("case", 4, hash);
    must(tl_store_open(path, TL_STORE_WRITE, &s, &e), &e);
    must(tl_store_session_begin(s, &machine, "0", "run", NULL, &e), &e);
    must(tl_store_put_case(s, hash, "a-case", "{\"name\":\"a-case\"}", &e), &e);
    for (int i = 0; i < 4; i++) {
        struct tl_trial_record r = i % 2 ? crash(i) : trial(i);
        must(tl_store_trial(s, &r, &e), &e);
        tl_trial_record_free(&r);
    }
    tl_uuid7(id);
    json_t *d = json_pack("{s:s,s:s,s:s,s:s,s:s,s:I,s:b}", "finding", id, "kind", "isolation", "case",
                          "a-case", "case_hash", hash, "unit", "sim@2:cpu", "created_us",
                          (json_int_t)1800000000000000, "complete", 1);
    must(tl_finding_put(s, d, &e), &e);
    json_decref(d);
    must(tl_store_close(s, &e), &e);
}

/* Two databases with their logs take a tenth of it; a container may have little memory for files, or none left. */
static bool has_room(const char *directory)
{
    struct statvfs s;
    return !statvfs(directory, &s) && (uint64_t)s.f_bavail * s.f_frsize >= 64 << 20;
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    /* What a run that found something left there is removed. */
    if ((!has_room("/dev/shm") || tl_staging_begin(&stage, "/dev/shm", "tl-fuzz-database-")) &&
        tl_staging_begin(&stage, "/tmp", "tl-fuzz-database-")) {
        perror("a directory for databases");
        exit(1);
    }
    sound = tl_format("%s/sound.db", stage.path);
    damaged = tl_format("%s/damaged.db", stage.path);
    make_database(damaged);
    make_database(sound);
    base = tl_read_file(damaged, 16 << 20, &base_size);
    base_sound = tl_read_file(sound, 16 << 20, &base_sound_size);
    check(base && base_sound);
    remove_beside(damaged);
    remove_beside(sound);
    atexit(clean_up);
    return 0;
}

/* --- reading --------------------------------------------------------------------------------------------- */

static int see_row(void *arg, const struct tl_trial_row *t, struct tl_error *e)
{
    (void)arg;
    (void)e;
    check(t->phase < TL_PHASE_COUNT && t->outcome < TL_OUTCOME_COUNT);
    return 0;
}

static int see_comparable(void *arg, const struct tl_comparable *t, struct tl_error *e)
{
    char *text = NULL;
    if (!tl_comparable_result(arg, t, &text))
        free(text);
    failed(tl_query_referred(arg, t->n, see_row, NULL, e), e);
    return 0;
}

static void read_trials(struct tl_store *s)
{
    const struct tl_filter all = {.limit = 20};
    struct tl_trial_lines lines;
    struct tl_error e = {0};
    if (failed(tl_query_trials(s, &all, &lines, &e), &e))
        return;
    for (size_t i = 0; i < lines.n; i++) {
        struct tl_trial_record r;
        json_t *environment;
        if (!failed(tl_query_trial(s, lines.list[i].id, &r, &e), &e)) {
            if (!failed(tl_query_environment(s, r.id, &environment, &e), &e))
                json_decref(environment);
            tl_trial_record_free(&r);
        }
    }
    tl_trial_lines_free(&lines);
}

static void read_all(const char *path)
{
    struct tl_store *s;
    struct tl_error e = {0};
    const struct tl_filter all = {.limit = 20};
    const struct tl_compare_only any = {0};
    json_t *list;
    struct tl_sums sums;
    struct tl_cells cells;
    size_t wrong;
    if (failed(tl_store_open(path, TL_STORE_READ, &s, &e), &e))
        return;
    failed(tl_store_check(s, NULL, NULL, &wrong, &e), &e);
    read_trials(s);
    for (int by = TL_SUM_CASE; by <= TL_SUM_SIGNATURE; by++)
        if (!failed(tl_query_sums(s, (enum tl_sum_by)by, &all, &sums, &e), &e))
            tl_sums_free(&sums);
    if (!failed(tl_query_cells(s, NULL, &all, &cells, &e), &e))
        tl_cells_free(&cells);
    if (!failed(tl_finding_list(s, &all, &list, &e), &e))
        json_decref(list);
    if (!failed(tl_night_newest(s, 5, &list, &e), &e))
        json_decref(list);
    failed(tl_query_comparable(s, &all, &any, see_comparable, s, &e), &e);
    failed(tl_site_lines(s, see_row, NULL, &e), &e);
    tl_store_close(s, NULL);
}

/* --- writing --------------------------------------------------------------------------------------------- */

static void say(void *arg, const char *text)
{
    (void)arg;
    fprintf(stderr, "%s\n", text);
}

/* Into a sound database, or of a sound one into the damaged one. */
static void merge(const char *to, const char *from, bool stays_sound, bool compacted)
{
    struct tl_store *s;
    struct tl_error e = {0};
    struct tl_merged m;
    struct tl_compacted c;
    size_t wrong = 0;
    if (failed(tl_store_open(to, TL_STORE_WRITE, &s, &e), &e)) {
        if (stays_sound)
            must(-1, &e);
        return;
    }
    failed(tl_store_merge(s, from, NULL, &m, &e), &e);
    if (compacted)
        failed(tl_store_compact(s, NULL, &c, &e), &e);
    if (stays_sound) {
        must(tl_store_check(s, say, NULL, &wrong, &e), &e);
        check(!wrong);
    }
    failed(tl_store_close(s, &e), &e);
}

static size_t apply(const uint8_t *data, size_t size, char *file)
{
    size_t end = 0;
    while (size >= 4) {
        size_t at = ((size_t)data[0] << 8 | data[1]) * 64 + data[2] % 64, n = data[3];
        data += 4;
        size -= 4;
        n = n < size ? n : size;
        at %= base_size;
        if (n > base_size - at)
            n = base_size - at;
        memcpy(file + at, data, n);
        end = at + n;
        data += n;
        size -= n;
    }
    return end;
}

static void put(const char *path, const void *bytes, size_t size)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0 || write(fd, bytes, size) != (ssize_t)size) {
        perror(path);
        abort();
    }
    close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 5)
        return 0;
    char *file = tl_malloc(base_size);
    memcpy(file, base, base_size);
    size_t end = apply(data + 1, size - 1, file);
    put(damaged, file, data[0] & 1 && end ? end : base_size);
    free(file);
    read_all(damaged);
    put(sound, base_sound, base_sound_size);
    if (data[0] & 2)
        merge(damaged, sound, false, data[0] & 4);
    else
        merge(sound, damaged, true, data[0] & 4);
    remove_beside(sound);
    remove_beside(damaged);
    return 0;
}
