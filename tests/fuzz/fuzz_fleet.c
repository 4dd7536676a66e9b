/* Fuzzes what comes from other machines of a fleet. The first byte chooses: 'R' a record, 'A' what a machine says of itself, 'F' frames
 * between two processes, 'T' the archive of a case's directory, anything else is a job.
 *
 * A record that is read is stored, and written again, and what was written is read as the same. A job whose files are here is loaded as a
 * worker would. */
#include "db/group.h"
#include "db/machine.h"
#include "db/query.h"
#include "db/trial_document.h"
#include "harness/base/buffer.h"
#include "harness/base/files.h"
#include "harness/base/staging.h"
#include "harness/executor/remote_announced.h"
#include "harness/executor/remote_archive.h"
#include "harness/executor/remote_job.h"
#include "harness/fleet/frame.h"

#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t most);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t most, unsigned seed);

#define FILE_MOST (1 << 20)

static const char job_id[] = "0123456789abcdef0123456789abcdef";
static struct tl_staging stage;
static struct tl_store *store;
static char *below, *outside;

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

static void said(const struct tl_error *e)
{
    check(e->kind != TL_ERROR_NONE && e->what[0] && e->why[0]);
}

/* There is no executor here: only who writes a job, a record or an announcement asks one. */
struct tl_store *tl_executor_store(struct tl_executor *x)
{
    (void)x;
    return store;
}

const struct tl_machine *tl_executor_machine(const struct tl_executor *x)
{
    (void)x;
    return NULL;
}

unsigned tl_executor_jobs(const struct tl_executor *x)
{
    (void)x;
    return 1;
}

static void clean_up(void)
{
    tl_store_undo(store);
    tl_store_close(store, NULL);
    tl_staging_end(&stage);
    free(below);
    free(outside);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    struct tl_error e;
    const struct tl_machine machine = {"box", "x86_64", "cpu", 2, 1 << 30, "Linux", "12", "6.1", NULL};
    char hash[TL_ID_SIZE];
    (void)argc;
    (void)argv;
    if (tl_staging_begin(&stage, "/dev/shm", "tl-fuzz-fleet-") &&
        tl_staging_begin(&stage, "/tmp", "tl-fuzz-fleet-")) {
        perror("a directory for what comes from a fleet");
        exit(1);
    }
    setenv("XDG_CACHE_HOME", stage.path, 1);
    char *path = tl_format("%s/t.db", stage.path);
    below = tl_format("%s/below", stage.path);
    outside = tl_format("%s/outside", stage.path);
    tl_content_id("case", 4, hash);
    must(tl_store_open(path, TL_STORE_WRITE, &store, &e), &e);
    must(tl_store_session_begin(store, &machine, "0", "run", NULL, &e), &e);
    must(tl_store_put_case(store, hash, "a-case", "{\"name\":\"a-case\"}", &e), &e);
    must(tl_store_flush(store, &e), &e);
    free(path);
    atexit(clean_up);
    signal(SIGXFSZ, SIG_IGN);
    return 0;
}

/* --- records --------------------------------------------------------------------------------------------- */

static void begin_record(struct tl_trial_record *r)
{
    *r = (struct tl_trial_record){0};
    snprintf(r->id, sizeof r->id, "01a22df9-c9a4-7002-a23c-badfe07496a6");
    tl_content_id("case", 4, r->case_hash);
    tl_content_id("{}", 2, r->variant_hash);
    r->case_name = tl_strdup("a-case");
    r->variant = tl_strdup("{}");
    r->unit = tl_strdup("sim:cpu");
}

static char *written(const struct tl_trial_record *r)
{
    json_t *j = tl_trial_document(r);
    char *text = json_dumps(j, JSON_COMPACT | JSON_SORT_KEYS);
    json_decref(j);
    check(text != NULL);
    return text;
}

static void use_record(const char *data, size_t size)
{
    struct tl_trial_record r, again, stored = {0};
    struct tl_remote_came came;
    struct tl_error e = {0};
    begin_record(&r);
    int result = tl_remote_record_read(store, data, size, job_id, NULL, &r, &came, &e);
    json_decref(came.more);
    json_decref(came.outputs);
    check(!strcmp(r.id, "01a22df9-c9a4-7002-a23c-badfe07496a6") && !strcmp(r.unit, "sim:cpu"));
    if (result) {
        said(&e);
        check(e.kind == TL_ERROR_INPUT || result > 0);
    } else {
        check(r.outcome < TL_OUTCOME_COUNT && r.phase < TL_PHASE_COUNT);
        char *once = written(&r), *twice;
        json_t *j = json_loads(once, 0, NULL);
        begin_record(&again);
        must(tl_trial_document_read(j, &again, &e), &e);
        twice = written(&again);
        check(!strcmp(once, twice));
        json_decref(j);
        free(once);
        free(twice);
        tl_trial_record_free(&again);
        if (r.environment_id[0]) { /* what is lost has none of its own */
            must(tl_store_trial(store, &r, &e), &e);
            must(tl_query_trial(store, r.id, &stored, &e), &e);
            check(stored.outcome == r.outcome && !strcmp(stored.signature.id, r.signature.id));
            tl_trial_record_free(&stored);
        }
    }
    tl_trial_record_free(&r);
    tl_store_undo(store);
}

/* --- jobs, machines -------------------------------------------------------------------------------------- */

static void use_job(const char *data, size_t size)
{
    struct tl_remote_job job;
    struct tl_error e = {0};
    if (tl_remote_job_read(data, size, TL_ALLOW_DEFAULT | TL_ALLOW_PROGRAMS, &job, &e)) {
        said(&e);
    } else {
        check(strlen(job.id) == TL_ID_SIZE - 1 && strspn(job.id, "0123456789abcdef") == TL_ID_SIZE - 1);
        check(strspn(job.submitter, "0123456789abcdef-") == TL_UUID_SIZE - 1);
        check(strspn(job.trial_id, "0123456789abcdef-") == TL_UUID_SIZE - 1);
        if (tl_remote_job_load(&job, below, &e))
            said(&e);
        else
            check(job.c && !strcmp(job.c->hash, job.case_hash));
    }
    tl_remote_job_free(&job);
    tl_remove_tree(below);
}

static void no_control(const json_t *j)
{
    const char *text = json_string_value(j);
    for (; text && *text; text++)
        check((unsigned char)*text >= ' ' && *text != 127);
}

static void use_machine(const char *data, size_t size)
{
    char *text = tl_format("%.*s", (int)size, data);
    struct tl_error e = {0};
    json_t *j = tl_remote_machine_read("liar", text, &e), *u;
    size_t i;
    if (!j)
        said(&e);
    json_array_foreach(json_object_get(j, "units"), i, u) {
        char name[TL_REMOTE_CLASS_SIZE];
        no_control(json_object_get(u, "unit"));
        no_control(json_object_get(u, "model"));
        tl_remote_class(json_string_value(json_object_get(u, "kind")), tl_remote_allow_of(j), name);
        check(strlen(name) >= TL_ID_SIZE - 1);
    }
    json_decref(j);
    free(text);
}

/* --- frames, archives ------------------------------------------------------------------------------------ */

static void use_frames(const char *data, size_t size)
{
    int fd[2];
    struct tl_frame_in f;
    if (size > 65536 || socketpair(AF_UNIX, SOCK_STREAM, 0, fd))
        return;
    struct tl_frame_reader reader = {.fd = fd[0]};
    check(send(fd[1], data, size, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)size);
    shutdown(fd[1], SHUT_WR);
    while (tl_frame_next(&reader, 0, &f) > 0) {
        struct tl_error e = {0};
        check(json_is_object(f.head) && f.body && f.body[f.size] == '\0');
        tl_frame_take_error(json_object_get(f.head, "failed"), &e);
        said(&e);
        json_t *back = tl_frame_error(&e);
        json_decref(back);
        tl_frame_in_free(&f);
    }
    tl_frame_reader_free(&reader);
    close(fd[0]);
    close(fd[1]);
}

static void use_archive(const char *data, size_t size)
{
    char path[64];
    struct tl_error e = {0};
    int fd = memfd_create("archive", MFD_CLOEXEC);
    check(fd >= 0 && write(fd, data, size) == (ssize_t)size);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    /* What is sparse in an archive is as large as it says when it is written: that fails here as on a full disk. */
    struct rlimit whole, small;
    getrlimit(RLIMIT_FSIZE, &whole);
    small = (struct rlimit){FILE_MOST, whole.rlim_max};
    setrlimit(RLIMIT_FSIZE, &small);
    char *there = tl_format("%s/there", below);
    int result = tl_remote_archive_unpack(path, there, &e);
    setrlimit(RLIMIT_FSIZE, &whole);
    if (result) {
        said(&e);
        check(access(there, F_OK) != 0);
    }
    check(access(outside, F_OK) != 0); /* "../../outside" */
    tl_remove_tree(below);
    free(there);
    close(fd);
}

/* --- changes --------------------------------------------------------------------------------------------- */

/* Most changes of bytes are no JSON any more, and are refused by the first line that reads them. So a member is changed, or a text in
 * which there is JSON again; numbers are drawn from the seed alone. */

static unsigned drawn;

static unsigned draw(unsigned n)
{
    drawn = drawn * 1103515245u + 12345u;
    return (drawn >> 16) % (n ? n : 1);
}

static json_t *change(json_t *j, unsigned depth);

static json_t *some_value(void)
{
    static const json_int_t numbers[] = {0,         1,         -1,        7,         255,  65536,
                                         INT32_MAX, INT32_MIN, INT64_MAX, INT64_MIN, 4096, -5};
    static const char *const texts[] = {
        "",         "..",    "/",    "../x",    "a",
        "SIGSEGV",  "crash", "pass", "hang",    "\x1b[2J",
        "\xc3\xb6", "{}",    "[]",   "[[1,2]]", "0123456789abcdef0123456789abcdef",
        "01ab",     "AAAA",  "====", "1e999"};
    switch (draw(8)) {
    case 0:
        return json_null();
    case 1:
        return json_boolean(draw(2));
    case 2:
        return json_real(draw(2) ? 1e300 : -0.5);
    case 3:
        return json_array();
    case 4:
        return json_object();
    case 5:
        return json_string(texts[draw(TL_COUNT(texts))]);
    default:
        return json_integer(numbers[draw(TL_COUNT(numbers))]);
    }
}

static json_t *change_text(const json_t *j, unsigned depth)
{
    json_t *inside = draw(4) ? json_loads(json_string_value(j), 0, NULL) : NULL;
    char part[256];
    size_t n = json_string_length(j);
    if (inside && depth < 64) {
        inside = change(inside, depth + 1);
        char *text = json_dumps(inside, JSON_COMPACT | JSON_ENCODE_ANY);
        json_t *changed = text ? json_string(text) : some_value();
        json_decref(inside);
        free(text);
        return changed;
    }
    json_decref(inside);
    n = n < sizeof part / 2 ? n : sizeof part / 2;
    memcpy(part, json_string_value(j), n);
    n = LLVMFuzzerMutate((uint8_t *)part, n, sizeof part);
    json_t *changed = json_stringn(part, n);
    return changed ? changed : some_value();
}

static void change_array(json_t *j, unsigned depth)
{
    size_t n = json_array_size(j), at = draw((unsigned)n);
    json_t *one = json_array_get(j, at);
    if (!n || draw(8) == 0)
        json_array_append_new(j, some_value());
    else if (draw(8) == 0)
        json_array_remove(j, at);
    else if (draw(4) == 0)
        json_array_append_new(j, json_deep_copy(one));
    else
        json_array_set_new(j, at, change(json_incref(one), depth + 1));
}

static void change_object(json_t *j, unsigned depth)
{
    unsigned at = draw((unsigned)json_object_size(j));
    const char *key = NULL;
    void *i = json_object_iter(j);
    for (; i && at; at--)
        i = json_object_iter_next(j, i);
    key = i ? json_object_iter_key(i) : NULL;
    if (!key)
        json_object_set_new(j, "lost", some_value());
    else if (draw(10) == 0)
        json_object_del(j, key);
    else
        json_object_iter_set_new(j, i, change(json_incref(json_object_iter_value(i)), depth + 1));
}

/* Takes the reference, and returns one. */
static json_t *change(json_t *j, unsigned depth)
{
    json_t *changed = NULL;
    if (depth > 64 || draw(16) == 0 || !(json_is_object(j) || json_is_array(j) || json_is_string(j)))
        changed = some_value();
    else if (json_is_string(j))
        changed = change_text(j, depth);
    if (changed) {
        json_decref(j);
        return changed;
    }
    /* What has two owners, in two places of the same input, is not changed for both. */
    changed = json_copy(j);
    json_decref(j);
    if (json_is_object(changed))
        change_object(changed, depth);
    else
        change_array(changed, depth);
    return changed;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t most, unsigned seed)
{
    drawn = seed;
    size_t skip = size && (data[0] == 'R' || data[0] == 'A');
    json_t *j = size > skip && draw(8) ? json_loadb((char *)data + skip, size - skip, 0, NULL) : NULL;
    if (!j)
        return LLVMFuzzerMutate(data, size, most);
    for (unsigned n = 1 + draw(3); n; n--)
        j = change(j, 0);
    char *text = json_dumps(j, JSON_COMPACT);
    size_t n = text ? strlen(text) : 0;
    if (!n || n + skip > most)
        size = LLVMFuzzerMutate(data, size, most);
    else {
        memcpy(data + skip, text, n);
        size = n + skip;
    }
    free(text);
    json_decref(j);
    return size;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char kind = '\0';
    if (size)
        kind = (char)data[0];
    const char *rest = (const char *)data + (size > 0);
    size_t n = size - (size > 0);
    if (kind == 'R')
        use_record(rest, n);
    else if (kind == 'A')
        use_machine(rest, n);
    else if (kind == 'F')
        use_frames(rest, n);
    else if (kind == 'T')
        use_archive(rest, n);
    else if (size)
        use_job((const char *)data, size);
    return 0;
}
