#include "reports/trial.h"

#include "reports/internal.h"

#include <stdlib.h>
#include <string.h>

/* Text from a child may hold any bytes; JSON holds UTF-8 only. */
json_t *tl_text_json(const char *text, size_t size)
{
    json_t *j = json_stringn(text, size);
    if (j)
        return j;
    struct tl_buffer b = TL_BUFFER_INIT;
    for (size_t i = 0; i < size;) {
        size_t n = 1;
        unsigned char c = (unsigned char)text[i];
        if (c >= 0xc2 && c < 0xf5) {
            size_t want = c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
            json_t *probe = i + want <= size ? json_stringn(text + i, want) : NULL;
            n = probe ? want : 1;
            json_decref(probe);
            if (n > 1)
                tl_buffer_add(&b, text + i, n);
        }
        if (n == 1 && c < 0x80)
            tl_buffer_add(&b, text + i, 1);
        else if (n == 1)
            tl_buffer_add_string(&b, "\xef\xbf\xbd");
        i += n;
    }
    j = json_stringn(b.data ? b.data : "", b.size);
    tl_buffer_free(&b);
    return j;
}

static json_t *string_or_null(const char *s)
{
    return s ? tl_text_json(s, strlen(s)) : json_null();
}

/* Stored JSON, or null when it is none. */
static json_t *parsed_or_null(const char *text)
{
    json_t *j = text ? json_loads(text, JSON_DECODE_ANY, NULL) : NULL;
    return j ? j : json_null();
}

static json_t *hex(uint64_t v)
{
    char text[24];
    snprintf(text, sizeof text, "0x%llx", (unsigned long long)v);
    return json_string(text);
}

json_t *tl_trial_json_short(const struct tl_trial_record *r, bool cached)
{
    json_t *phases = json_object();
    for (int i = 0; i < TL_PHASE_COUNT; i++)
        if (r->phase_seconds[i] >= 0)
            json_object_set_new(phases, tl_phase_name((enum tl_phase)i), json_real(r->phase_seconds[i]));
    json_t *j = json_object();
    json_object_set_new(j, "id", json_string(r->id));
    json_object_set_new(j, "unit", string_or_null(r->unit));
    json_object_set_new(j, "variant", parsed_or_null(r->variant));
    json_object_set_new(j, "outcome", json_string(tl_outcome_name(r->outcome)));
    json_object_set_new(j, "phase", json_string(tl_phase_name(r->phase)));
    json_object_set_new(j, "signal", r->signal ? json_string(tl_signal_name(r->signal)) : json_null());
    json_object_set_new(j, "signature",
                        *r->signature.id ? json_pack("{s:s,s:o}", "id", r->signature.id, "title",
                                                     string_or_null(r->signature.title))
                                         : json_null());
    json_object_set_new(j, "message", string_or_null(r->message));
    json_object_set_new(j, "exit_status", r->exit_status >= 0 ? json_integer(r->exit_status) : json_null());
    json_object_set_new(j, "phases", phases);
    json_object_set_new(j, "peak_rss", json_integer((json_int_t)r->peak_rss));
    json_object_set_new(j, "cached", json_boolean(cached));
    return j;
}

static json_t *output_json(const struct tl_output *o)
{
    return json_pack("{s:o,s:o,s:I}", "head", tl_text_json(o->head ? o->head : "", o->head_size), "tail",
                     tl_text_json(o->tail ? o->tail : "", o->tail_size), "bytes", (json_int_t)o->total);
}

static json_t *frame_json(const struct tl_capture *c, const struct tl_thread *t, size_t i)
{
    const struct tl_frame *f = &t->frames[i];
    json_t *j = json_object();
    json_object_set_new(j, "offset", hex(f->offset));
    if (f->module < c->n_modules) {
        json_object_set_new(j, "module", string_or_null(c->modules[f->module].path));
        json_object_set_new(j, "build_id", string_or_null(c->modules[f->module].build_id));
    }
    if (f->start)
        json_object_set_new(j, "function_start", hex(f->start));
    if (f->flags & TL_FRAME_GUESSED)
        json_object_set_new(j, "guessed", json_true());
    if (f->flags & TL_FRAME_WILD)
        json_object_set_new(j, "wild", json_true());
    if (f->flags & TL_FRAME_SIGNAL)
        json_object_set_new(j, "signal_frame", json_true());
    json_t *symbols = json_array();
    for (size_t k = 0; t->symbols && k < t->symbols[i].n; k++) {
        const struct tl_symbol *s = &t->symbols[i].symbols[k];
        json_array_append_new(symbols,
                              json_pack("{s:o,s:o,s:i,s:b}", "function", string_or_null(s->function), "file",
                                        string_or_null(s->file), "line", s->line, "inlined", s->inlined));
    }
    json_object_set_new(j, "symbols", symbols);
    return j;
}

static json_t *thread_json(const struct tl_capture *c, const struct tl_thread *t)
{
    json_t *frames = json_array();
    for (size_t i = 0; i < t->n_frames; i++)
        json_array_append_new(frames, frame_json(c, t, i));
    json_t *j =
        json_pack("{s:i,s:o,s:b,s:s,s:o}", "tid", t->tid, "name", tl_text_json(t->name, strlen(t->name)),
                  "crashed", t->crashed, "stack", t->stack_id, "frames", frames);
    if (t->omitted) {
        json_object_set_new(j, "omitted", json_integer((json_int_t)t->omitted));
        json_object_set_new(j, "omitted_at", json_integer((json_int_t)t->omitted_at));
    }
    if (t->truncated)
        json_object_set_new(j, "truncated", json_true());
    if (t->state)
        json_object_set_new(j, "state", string_or_null(t->state));
    return j;
}

static json_t *capture_json(const struct tl_capture *c)
{
    json_t *registers = json_object(), *modules = json_array(), *threads = json_array();
    for (size_t i = 0; i < c->n_registers; i++)
        json_object_set_new(registers, c->registers[i].name, hex(c->registers[i].value));
    for (size_t i = 0; i < c->n_modules; i++)
        json_array_append_new(modules,
                              json_pack("{s:o,s:s,s:o,s:o,s:o}", "path", string_or_null(c->modules[i].path),
                                        "build_id", c->modules[i].build_id, "base", hex(c->modules[i].base),
                                        "start", hex(c->modules[i].start), "end", hex(c->modules[i].end)));
    for (size_t i = 0; i < c->n_threads; i++)
        json_array_append_new(threads, thread_json(c, &c->threads[i]));
    json_t *j = json_object();
    json_object_set_new(j, "kind", json_string(c->kind == TL_CAPTURE_HANG ? "hang" : "signal"));
    json_object_set_new(j, "pid", json_integer(c->pid));
    json_object_set_new(j, "exe", string_or_null(c->exe));
    json_object_set_new(j, "main", json_boolean(c->is_main));
    json_object_set_new(j, "fatal", json_boolean(c->fatal));
    json_object_set_new(j, "signal", c->signal ? json_string(tl_signal_name(c->signal)) : json_null());
    json_object_set_new(j, "si_code", json_integer(c->si_code));
    json_object_set_new(j, "address", c->has_address ? hex(c->fault_address) : json_null());
    json_object_set_new(j, "registers", registers);
    json_object_set_new(j, "modules", modules);
    json_object_set_new(j, "threads", threads);
    json_object_set_new(j, "capture_us", json_integer((json_int_t)(c->capture_ns / 1000)));
    return j;
}

json_t *tl_trial_json(const struct tl_trial_record *r, const json_t *environment)
{
    json_t *j = tl_trial_json_short(r, false), *captures = json_array();
    json_object_del(j, "cached");
    for (size_t i = 0; i < r->n_captures; i++)
        json_array_append_new(captures, capture_json(&r->captures[i]));
    json_object_set_new(j, "case", string_or_null(r->case_name));
    json_object_set_new(j, "case_hash", json_string(r->case_hash));
    json_object_set_new(j, "variant_hash", json_string(r->variant_hash));
    json_object_set_new(j, "environment_id", json_string(r->environment_id));
    json_object_set(j, "environment", environment ? (json_t *)environment : json_null());
    json_object_set_new(j, "started_us", json_integer(r->started_us));
    json_object_set_new(j, "command", parsed_or_null(r->command));
    json_object_set_new(j, "request", parsed_or_null(r->request));
    json_object_set_new(j, "fresh", json_boolean(r->fresh));
    json_object_set_new(j, "observed_device", string_or_null(r->observed_device));
    json_object_set_new(j, "error",
                        r->error_domain ? json_pack("{s:o,s:o}", "domain", string_or_null(r->error_domain),
                                                    "code", string_or_null(r->error_code))
                                        : json_null());
    json_object_set_new(j, "wall_s", json_real(r->wall_seconds));
    json_object_set_new(j, "user_s", json_real(r->user_seconds));
    json_object_set_new(j, "system_s", json_real(r->system_seconds));
    json_object_set_new(j, "result", r->result ? json_incref(r->result) : json_null());
    json_object_set_new(j, "stdout", output_json(&r->out));
    json_object_set_new(j, "stderr", output_json(&r->err));
    json_object_set_new(j, "captures", captures);
    if (*r->signature.coarse_id) {
        json_t *s = json_object_get(j, "signature");
        json_object_set_new(s, "coarse_id", json_string(r->signature.coarse_id));
        json_object_set_new(s, "coarse_title", string_or_null(r->signature.coarse_title));
    }
    return j;
}
