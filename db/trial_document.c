#include "db/trial_document.h"

#include "db/group.h"
#include "db/values.h"
#include "harness/base/buffer.h"

#include <math.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#define CAPTURES_MOST 256
#define THREADS_MOST 65536

static const char what_[] = "a record from another machine is refused";

/* --- writing -------------------------------------------------------------------------------------------- */

/* Texts of runners may be anything: what is no UTF-8 comes over as bytes. */
static json_t *text(const char *s)
{
    json_t *j = s ? json_string(s) : NULL;
    if (!s || j)
        return j;
    char *ascii = tl_strdup(s);
    for (char *c = ascii; *c; c++)
        if ((unsigned char)*c > 126)
            *c = '?';
    j = json_string(ascii);
    free(ascii);
    return j;
}

static void put(json_t *to, const char *key, json_t *value)
{
    if (value)
        json_object_set_new(to, key, value);
}

static void put_number(json_t *to, const char *key, int64_t value)
{
    if (value)
        json_object_set_new(to, key, json_integer(value));
}

static void put_packed(json_t *to, const char *key, struct tl_buffer *b)
{
    if (b->size)
        put(to, key, text(b->data));
    tl_buffer_free(b);
}

static json_t *bytes(const char *data, size_t size)
{
    unsigned char *base64 = size ? tl_malloc(size / 3 * 4 + 8) : NULL;
    int n = size ? EVP_EncodeBlock(base64, (const unsigned char *)data, (int)size) : 0;
    json_t *j = n > 0 ? json_stringn((char *)base64, (size_t)n) : NULL;
    free(base64);
    return j;
}

static json_t *output(const struct tl_output *o)
{
    json_t *j = json_object();
    put_number(j, "total", (int64_t)o->total);
    put(j, "head", bytes(o->head, o->head_size));
    put(j, "tail", bytes(o->tail, o->tail_size));
    return j;
}

static json_t *modules(const struct tl_capture *c)
{
    json_t *list = json_array();
    for (size_t i = 0; i < c->n_modules; i++) {
        const struct tl_module *m = &c->modules[i];
        json_t *path = text(m->path ? m->path : "");
        json_array_append_new(list, json_pack("[s,o,I,I,I]", m->build_id, path, (json_int_t)m->base,
                                              (json_int_t)m->start, (json_int_t)m->end));
    }
    return list;
}

static json_t *thread(const struct tl_capture *c, const struct tl_thread *t)
{
    json_t *j = json_object();
    struct tl_buffer frames = TL_BUFFER_INIT, symbols = TL_BUFFER_INIT;
    put_number(j, "pid", t->pid);
    put_number(j, "tid", t->tid);
    put(j, "name", text(t->name));
    put_number(j, "crashed", t->crashed);
    put_number(j, "on_cpu", t->on_cpu);
    put(j, "state", text(t->state));
    put_number(j, "omitted_at", (int64_t)t->omitted_at);
    put_number(j, "omitted", (int64_t)t->omitted);
    put_number(j, "truncated", t->truncated);
    if (t->n_frames)
        tl_pack_frames(&frames, c, t);
    if (t->symbols)
        tl_pack_symbols(&symbols, t);
    put_packed(j, "frames", &frames);
    put_packed(j, "symbols", &symbols);
    return j;
}

static json_t *capture(const struct tl_capture *c)
{
    json_t *j = json_object(), *threads = json_array();
    struct tl_buffer registers = TL_BUFFER_INIT;
    char *fault = tl_pack_fault(c);
    put_number(j, "hang", c->kind == TL_CAPTURE_HANG);
    put_number(j, "pid", c->pid);
    put_number(j, "tid", c->tid);
    put(j, "exe", text(c->exe));
    put_number(j, "is_main", c->is_main);
    put_number(j, "fatal", c->fatal);
    if (c->signal)
        put(j, "signal", text(tl_signal_name(c->signal)));
    put_number(j, "si_code", c->si_code);
    put_number(j, "sender_pid", c->sender_pid);
    if (c->has_address)
        json_object_set_new(j, "fault_address", json_integer((json_int_t)c->fault_address));
    if (c->n_registers)
        tl_pack_registers(&registers, c);
    put_packed(j, "registers", &registers);
    put(j, "fault", text(fault));
    put_number(j, "capture_ns", (int64_t)c->capture_ns);
    put(j, "modules", modules(c));
    for (size_t i = 0; i < c->n_threads; i++)
        json_array_append_new(threads, thread(c, &c->threads[i]));
    put(j, "threads", threads);
    free(fault);
    return j;
}

json_t *tl_trial_document(const struct tl_trial_record *r)
{
    json_t *j = json_object(), *phases = json_object(), *pids = json_array(), *captures = json_array();
    put_number(j, "started_us", r->started_us);
    put(j, "command", text(r->command));
    put(j, "request", text(r->request));
    put_number(j, "fresh", r->fresh);
    for (size_t i = 0; i < r->n_pids; i++)
        json_array_append_new(pids, json_integer(r->pids[i]));
    put(j, "pids", pids);
    put(j, "outcome", text(tl_outcome_name(r->outcome)));
    put(j, "phase", text(tl_phase_name(r->phase)));
    put(j, "observed_device", text(r->observed_device));
    put(j, "error_domain", text(r->error_domain));
    put(j, "error_code", text(r->error_code));
    put(j, "message", text(r->message));
    if (r->signal)
        put(j, "signal", text(tl_signal_name(r->signal)));
    json_object_set_new(j, "exit_status", json_integer(r->exit_status));
    for (int i = 0; i < TL_PHASE_COUNT; i++)
        if (r->phase_seconds[i] >= 0)
            put(phases, tl_phase_name((enum tl_phase)i), json_real(r->phase_seconds[i]));
    put(j, "phases", phases);
    put(j, "wall_s", json_real(r->wall_seconds));
    put(j, "user_s", json_real(r->user_seconds));
    put(j, "system_s", json_real(r->system_seconds));
    put_number(j, "peak_rss", (int64_t)r->peak_rss);
    put(j, "result", json_incref(r->result));
    put(j, "out", output(&r->out));
    put(j, "err", output(&r->err));
    for (size_t i = 0; i < r->n_captures; i++)
        json_array_append_new(captures, capture(&r->captures[i]));
    put(j, "captures", captures);
    return j;
}

/* --- reading -------------------------------------------------------------------------------------------- */

static const char *string_of(const json_t *j, const char *key)
{
    return json_string_value(json_object_get(j, key));
}

static char *copy_of(const json_t *j, const char *key)
{
    return tl_strdup(string_of(j, key));
}

static int64_t number_of(const json_t *j, const char *key)
{
    return json_integer_value(json_object_get(j, key));
}

static int int_of(const json_t *j, const char *key)
{
    int64_t n = number_of(j, key);
    return n > INT32_MAX || n < INT32_MIN ? 0 : (int)n;
}

/* Seconds: neither negative nor longer than a year. */
static double seconds_of(const json_t *j, const char *key)
{
    double s = json_number_value(json_object_get(j, key));
    return isfinite(s) && s >= 0 && s < 366.0 * 86400 ? s : 0;
}

static int signal_of(const json_t *j)
{
    const char *name = string_of(j, "signal");
    return name ? tl_signal_parse(name) : 0;
}

static void take_bytes(const json_t *j, const char *key, char **data, size_t *size)
{
    const json_t *value = json_object_get(j, key);
    size_t n = json_string_length(value);
    const char *base64 = json_string_value(value);
    if (!n || n % 4 || n > INT32_MAX)
        return;
    *data = tl_malloc(n / 4 * 3 + 1);
    int got = EVP_DecodeBlock((unsigned char *)*data, (const unsigned char *)base64, (int)n);
    /* It counts what fills up the last four letters. */
    got -= got > 0 ? (base64[n - 1] == '=') + (base64[n - 2] == '=') : 0;
    *size = got > 0 ? (size_t)got : 0;
    (*data)[*size] = '\0';
}

static void take_output(const json_t *j, struct tl_output *o)
{
    o->total = (uint64_t)number_of(j, "total");
    take_bytes(j, "head", &o->head, &o->head_size);
    take_bytes(j, "tail", &o->tail, &o->tail_size);
    if (o->total < o->head_size + o->tail_size)
        o->total = o->head_size + o->tail_size;
}

static void take_modules(const json_t *list, struct tl_capture *c)
{
    json_t *one;
    size_t i;
    c->modules = tl_calloc(json_array_size(list) + 1, sizeof *c->modules);
    json_array_foreach(list, i, one) {
        struct tl_module *m = &c->modules[c->n_modules++];
        const char *id = json_string_value(json_array_get(one, 0)),
                   *path = json_string_value(json_array_get(one, 1));
        snprintf(m->build_id, sizeof m->build_id, "%s", id ? id : "");
        m->path = tl_strdup(path ? path : "");
        m->base = (uint64_t)json_integer_value(json_array_get(one, 2));
        m->start = (uint64_t)json_integer_value(json_array_get(one, 3));
        m->end = (uint64_t)json_integer_value(json_array_get(one, 4));
    }
}

static void take_thread(const json_t *j, const struct tl_capture *c, struct tl_thread *t)
{
    const char *name = string_of(j, "name"), *frames = string_of(j, "frames");
    t->pid = int_of(j, "pid");
    t->tid = int_of(j, "tid");
    snprintf(t->name, sizeof t->name, "%s", name ? name : "");
    t->crashed = number_of(j, "crashed");
    t->on_cpu = number_of(j, "on_cpu");
    t->state = copy_of(j, "state");
    if (frames && !tl_unpack_frames(frames, c, t))
        tl_unpack_symbols(string_of(j, "symbols"), t);
    t->omitted = (uint64_t)number_of(j, "omitted");
    t->omitted_at = (size_t)number_of(j, "omitted_at");
    if (t->omitted_at > t->n_frames)
        t->omitted = t->omitted_at = 0;
    t->truncated = number_of(j, "truncated");
}

static int take_capture(const json_t *j, struct tl_capture *c, struct tl_error *e)
{
    const json_t *threads = json_object_get(j, "threads"), *address = json_object_get(j, "fault_address");
    size_t n = json_array_size(threads);
    if (n > THREADS_MOST)
        return tl_fail(e, TL_ERROR_INPUT, what_, "threads", "%zu of one process", n);
    c->kind = number_of(j, "hang") ? TL_CAPTURE_HANG : TL_CAPTURE_SIGNAL;
    c->pid = int_of(j, "pid");
    c->tid = int_of(j, "tid");
    c->exe = copy_of(j, "exe");
    c->is_main = number_of(j, "is_main");
    c->fatal = number_of(j, "fatal");
    c->signal = signal_of(j);
    c->si_code = int_of(j, "si_code");
    c->sender_pid = int_of(j, "sender_pid");
    c->has_address = json_is_integer(address);
    c->fault_address = (uint64_t)json_integer_value(address);
    c->capture_ns = (uint64_t)number_of(j, "capture_ns");
    tl_unpack_registers(string_of(j, "registers"), c);
    tl_unpack_fault(string_of(j, "fault"), c);
    take_modules(json_object_get(j, "modules"), c);
    c->threads = tl_calloc(n + 1, sizeof *c->threads);
    c->n_threads = n;
    for (size_t i = 0; i < n; i++)
        take_thread(json_array_get(threads, i), c, &c->threads[i]);
    return 0;
}

static int take_verdict(const json_t *j, struct tl_trial_record *r, struct tl_error *e)
{
    const char *outcome = string_of(j, "outcome"), *phase = string_of(j, "phase");
    int o = outcome ? tl_outcome_parse(outcome) : -1, p = phase ? tl_phase_parse(phase) : -1;
    if (o < 0 || p < 0)
        return tl_fail(e, TL_ERROR_INPUT, what_, o < 0 ? "outcome" : "phase",
                       "it says none that is known here");
    r->outcome = (enum tl_outcome)o;
    r->phase = (enum tl_phase)p;
    r->observed_device = copy_of(j, "observed_device");
    r->error_domain = copy_of(j, "error_domain");
    r->error_code = copy_of(j, "error_code");
    r->message = copy_of(j, "message");
    r->signal = signal_of(j);
    r->exit_status = int_of(j, "exit_status");
    return 0;
}

int tl_trial_document_read(const json_t *j, struct tl_trial_record *r, struct tl_error *e)
{
    json_t *pid, *captures = json_object_get(j, "captures"), *phases = json_object_get(j, "phases");
    size_t i, n = json_array_size(captures);
    if (!json_is_object(j) || n > CAPTURES_MOST)
        return tl_fail(e, TL_ERROR_INPUT, what_, "", "it is no record of a trial");
    if (take_verdict(j, r, e))
        return -1;
    r->started_us = number_of(j, "started_us");
    r->command = copy_of(j, "command");
    r->request = copy_of(j, "request");
    r->fresh = number_of(j, "fresh");
    json_array_foreach(json_object_get(j, "pids"), i, pid)
        tl_trial_record_joined(r, (int)json_integer_value(pid));
    for (int k = 0; k < TL_PHASE_COUNT; k++) {
        const char *name = tl_phase_name((enum tl_phase)k);
        r->phase_seconds[k] = json_object_get(phases, name) ? seconds_of(phases, name) : -1;
    }
    r->wall_seconds = seconds_of(j, "wall_s");
    r->user_seconds = seconds_of(j, "user_s");
    r->system_seconds = seconds_of(j, "system_s");
    r->peak_rss = (uint64_t)number_of(j, "peak_rss");
    r->result =
        json_is_object(json_object_get(j, "result")) ? json_deep_copy(json_object_get(j, "result")) : NULL;
    take_output(json_object_get(j, "out"), &r->out);
    take_output(json_object_get(j, "err"), &r->err);
    r->captures = tl_calloc(n + 1, sizeof *r->captures);
    for (i = 0; i < n; i++) {
        r->n_captures++;
        if (take_capture(json_array_get(captures, i), &r->captures[i], e))
            return -1;
    }
    return 0;
}

/* --- where it ran --------------------------------------------------------------------------------------- */

static const char *const environment_columns[] = {
    "os_build",     "driver",         "device",          "runner",         "runner_version",
    "runtime_path", "runtime_sha256", "runtime_version", "content_sha256", "versions"};

/* Of this process of trapline. */
static int add_session(struct tl_store *s, json_t *document, struct tl_error *e)
{
    sqlite3_stmt *st =
        tl_store_statement(s, TL_ST_OWN_SESSION, "SELECT trapline, started_us FROM session WHERE id = ?",
                           "cannot read a session", e);
    if (!st)
        return -1;
    TL_BIND(s, st, TL_TEXT(s->session_id));
    if (sqlite3_step(st) == SQLITE_ROW) {
        json_t *session = json_pack("{s:s}", "id", s->session_id);
        put(session, "trapline", text((const char *)sqlite3_column_text(st, 0)));
        put_number(session, "started_us", sqlite3_column_int64(st, 1));
        put(document, "session", session);
    }
    sqlite3_reset(st);
    sqlite3_clear_bindings(st);
    return 0;
}

int tl_place_document(struct tl_store *s, const struct tl_machine *m, const char *environment_id,
                      json_t **document, struct tl_error *e)
{
    static const char what[] = "cannot read the environment of a trial";
    sqlite3_stmt *st = tl_store_statement(
        s, TL_ST_PLACE,
        "SELECT os_build, driver, device, runner, runner_version, runtime_path, runtime_sha256, "
        "runtime_version, content_sha256, versions FROM environment WHERE id = ?",
        what, e);
    *document = NULL;
    if (!st)
        return -1;
    json_t *machine = json_object(), *environment = json_object();
    TL_BIND(s, st, TL_TEXT(environment_id));
    if (sqlite3_step(st) == SQLITE_ROW)
        for (size_t i = 0; i < TL_COUNT(environment_columns); i++)
            put(environment, environment_columns[i], text((const char *)sqlite3_column_text(st, (int)i)));
    sqlite3_reset(st);
    sqlite3_clear_bindings(st);
    put(machine, "name", text(m->name));
    put(machine, "arch", text(m->arch));
    put(machine, "cpu", text(m->cpu));
    put_number(machine, "cores", m->cores);
    put_number(machine, "memory", (int64_t)m->memory);
    put(machine, "os", text(m->os));
    put(machine, "os_build", text(m->os_build));
    put(machine, "kernel", text(m->kernel));
    put(machine, "processor", text(m->processor));
    *document = json_pack("{s:o,s:o}", "machine", machine, "environment", environment);
    return add_session(s, *document, e);
}

int tl_store_put_machine(struct tl_store *s, const struct tl_machine *m, char id[TL_ID_SIZE],
                         struct tl_error *e)
{
    tl_machine_id(m, id);
    if (tl_store_group(s, e))
        return -1;
    return TL_RUN(s,
                  "INSERT OR IGNORE INTO machine(id, name, arch, cpu, cores, memory, processor) "
                  "VALUES(?,?,?,?,?,?,?)",
                  "cannot store a machine", e, TL_TEXT(id), TL_TEXT(m->name), TL_TEXT(m->arch),
                  TL_TEXT(m->cpu), TL_INTEGER(m->cores), TL_INTEGER(m->memory), TL_TEXT(m->processor))
               ? tl_store_undo(s)
               : 0;
}

static int put_machine(struct tl_store *s, const json_t *j, char id[TL_ID_SIZE], struct tl_error *e)
{
    int64_t cores = number_of(j, "cores"), memory = number_of(j, "memory");
    struct tl_machine m = {.name = string_of(j, "name"),
                           .arch = string_of(j, "arch"),
                           .cpu = string_of(j, "cpu"),
                           .cores = cores > 0 && cores < 1 << 20 ? (unsigned)cores : 0,
                           .memory = memory > 0 ? (uint64_t)memory : 0,
                           .processor = string_of(j, "processor")};
    return tl_store_put_machine(s, &m, id, e);
}

/* One that is there stays as it is, whoever tells of it. */
static int put_session(struct tl_store *s, const json_t *place, const char *machine_id,
                       char session_id[TL_UUID_SIZE], struct tl_error *e)
{
    const json_t *j = json_object_get(place, "session"), *machine = json_object_get(place, "machine");
    const char *id = string_of(j, "id");
    *session_id = '\0';
    if (!id || strlen(id) != TL_UUID_SIZE - 1 || strspn(id, "0123456789abcdef-") != TL_UUID_SIZE - 1)
        return 0;
    memcpy(session_id, id, TL_UUID_SIZE);
    return TL_RUN(s,
                  "INSERT OR IGNORE INTO session(id, machine_id, os, os_build, kernel, trapline, started_us) "
                  "VALUES(?,?,?,?,?,?,?)",
                  "cannot store a session", e, TL_TEXT(session_id), TL_TEXT(machine_id),
                  TL_TEXT(string_of(machine, "os")), TL_TEXT(string_of(machine, "os_build")),
                  TL_TEXT(string_of(machine, "kernel")), TL_TEXT(string_of(j, "trapline")),
                  TL_INTEGER(number_of(j, "started_us")));
}

int tl_place_document_put(struct tl_store *s, const json_t *j, char environment_id[TL_ID_SIZE],
                          char session_id[TL_UUID_SIZE], struct tl_error *e)
{
    const json_t *machine = json_object_get(j, "machine"), *v = json_object_get(j, "environment");
    char id[TL_ID_SIZE];
    if (!json_is_object(machine) || !string_of(v, "runner"))
        return tl_fail(e, TL_ERROR_INPUT, what_, "", "it does not say where it ran");
    if (tl_store_group(s, e))
        return -1;
    if (put_machine(s, machine, id, e))
        return -1;
    if (put_session(s, j, id, session_id, e))
        return tl_store_undo(s);
    struct tl_environment environment = {
        .machine_id = id,
        .os_build = string_of(v, "os_build"),
        .driver = string_of(v, "driver"),
        .device = string_of(v, "device"),
        .runner = string_of(v, "runner"),
        .runner_version = string_of(v, "runner_version"),
        .runtime_path = string_of(v, "runtime_path"),
        .runtime_sha256 = string_of(v, "runtime_sha256"),
        .runtime_version = string_of(v, "runtime_version"),
        .content_sha256 = string_of(v, "content_sha256"),
        .versions = string_of(v, "versions"),
    };
    return tl_store_put_environment(s, &environment, environment_id, e);
}
