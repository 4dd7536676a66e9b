/* A trial as JSON: the promised short form of `run --json`, and the whole of it for `show --json`. */
#include "reports/trial.h"

#include "reports/fault_words.h"
#include "reports/json_text.h"
#include "reports/system_reports.h"

#include <stdlib.h>
#include <string.h>

static json_t *hex(uint64_t v)
{
    char text[24];
    snprintf(text, sizeof text, "0x%llx", (unsigned long long)v);
    return json_string(text);
}

json_t *tl_trial_comparison_json(const struct tl_trial_record *r)
{
    const json_t *found = json_object_get(r->result, "reference");
    if (!json_is_object(found))
        return json_null();
    json_t *j = json_copy((json_t *)found);
    json_object_del(j, "outputs");
    return j;
}

json_t *tl_trial_json_short(const struct tl_trial_record *r, bool cached)
{
    json_t *phases = json_object();
    for (int i = 0; i < TL_PHASE_COUNT; i++)
        if (r->phase_seconds[i] >= 0)
            json_object_set_new(phases, tl_phase_name((enum tl_phase)i), json_real(r->phase_seconds[i]));
    json_t *j = json_object();
    json_object_set_new(j, "id", json_string(r->id));
    json_object_set_new(j, "unit", tl_string_json(r->unit));
    json_object_set_new(j, "variant", tl_parsed_json(r->variant));
    json_object_set_new(j, "outcome", json_string(tl_outcome_name(r->outcome)));
    json_object_set_new(j, "phase", json_string(tl_phase_name(r->phase)));
    json_object_set_new(j, "signal", r->signal ? json_string(tl_signal_name(r->signal)) : json_null());
    json_object_set_new(j, "signature",
                        *r->signature.id ? json_pack("{s:s,s:o}", "id", r->signature.id, "title",
                                                     tl_string_json(r->signature.title))
                                         : json_null());
    json_object_set_new(j, "message", tl_string_json(r->message));
    json_object_set_new(j, "reference", tl_trial_comparison_json(r));
    json_object_set_new(j, "exit_status", r->exit_status >= 0 ? json_integer(r->exit_status) : json_null());
    json_object_set_new(j, "phases", phases);
    const json_t *counts = json_object_get(r->result, "counts");
    json_object_set(j, "counts", counts ? (json_t *)counts : json_null());
    json_object_set_new(j, "peak_rss", json_integer((json_int_t)r->peak_rss));
    if (json_is_object(json_object_get(r->result, "metrics")))
        json_object_set_new(j, "metrics", json_copy(json_object_get(r->result, "metrics")));
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
        json_object_set_new(j, "module", tl_string_json(c->modules[f->module].path));
        json_object_set_new(j, "build_id", tl_string_json(c->modules[f->module].build_id));
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
                              json_pack("{s:o,s:o,s:i,s:b}", "function", tl_string_json(s->function), "file",
                                        tl_string_json(s->file), "line", s->line, "inlined", s->inlined));
    }
    json_object_set_new(j, "symbols", symbols);
    return j;
}

static json_t *thread_json(const struct tl_capture *c, const struct tl_thread *t)
{
    json_t *frames = json_array();
    for (size_t i = 0; i < t->n_frames; i++)
        json_array_append_new(frames, frame_json(c, t, i));
    json_t *j = json_pack("{s:i,s:o,s:b,s:s,s:o}", "tid", t->tid, "name", tl_string_json(t->name), "crashed",
                          t->crashed, "stack", t->stack_id, "frames", frames);
    if (t->omitted) {
        json_object_set_new(j, "omitted", json_integer((json_int_t)t->omitted));
        json_object_set_new(j, "omitted_at", json_integer((json_int_t)t->omitted_at));
    }
    if (t->truncated)
        json_object_set_new(j, "truncated", json_true());
    if (t->state)
        json_object_set_new(j, "state", tl_string_json(t->state));
    return j;
}

static json_t *capture_json(const struct tl_capture *c)
{
    json_t *modules = json_array(), *threads = json_array();
    for (size_t i = 0; i < c->n_modules; i++)
        json_array_append_new(modules,
                              json_pack("{s:o,s:s,s:o,s:o,s:o}", "path", tl_string_json(c->modules[i].path),
                                        "build_id", c->modules[i].build_id, "base", hex(c->modules[i].base),
                                        "start", hex(c->modules[i].start), "end", hex(c->modules[i].end)));
    for (size_t i = 0; i < c->n_threads; i++)
        json_array_append_new(threads, thread_json(c, &c->threads[i]));
    json_t *j = json_object();
    json_object_set_new(j, "kind", json_string(c->kind == TL_CAPTURE_HANG ? "hang" : "signal"));
    json_object_set_new(j, "pid", json_integer(c->pid));
    json_object_set_new(j, "exe", tl_string_json(c->exe));
    json_object_set_new(j, "main", json_boolean(c->is_main));
    json_object_set_new(j, "fatal", json_boolean(c->fatal));
    json_object_set_new(j, "signal", c->signal ? json_string(tl_signal_name(c->signal)) : json_null());
    json_object_set_new(j, "si_code", json_integer(c->si_code));
    json_object_set_new(j, "address", c->has_address ? hex(c->fault_address) : json_null());
    json_object_set_new(j, "registers", tl_registers_document(c));
    json_object_set_new(j, "fault", tl_fault_document(c->fault));
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
    json_object_set_new(j, "case", tl_string_json(r->case_name));
    json_object_set_new(j, "case_hash", json_string(r->case_hash));
    json_object_set_new(j, "variant_hash", json_string(r->variant_hash));
    json_object_set_new(j, "environment_id", json_string(r->environment_id));
    json_object_set(j, "environment", environment ? (json_t *)environment : json_null());
    json_object_set_new(j, "started_us", json_integer(r->started_us));
    json_object_set_new(j, "command", tl_parsed_json(r->command));
    json_object_set_new(j, "request", tl_parsed_json(r->request));
    json_object_set_new(j, "fresh", json_boolean(r->fresh));
    json_object_set_new(j, "observed_device", tl_string_json(r->observed_device));
    json_object_set_new(j, "error",
                        r->error_domain ? json_pack("{s:o,s:o}", "domain", tl_string_json(r->error_domain),
                                                    "code", tl_string_json(r->error_code))
                                        : json_null());
    json_object_set_new(j, "wall_s", json_real(r->wall_seconds));
    json_object_set_new(j, "user_s", json_real(r->user_seconds));
    json_object_set_new(j, "system_s", json_real(r->system_seconds));
    json_object_set_new(j, "result", r->result ? json_incref(r->result) : json_null());
    json_object_set_new(j, "stdout", output_json(&r->out));
    json_object_set_new(j, "stderr", output_json(&r->err));
    json_object_set_new(j, "captures", captures);
    json_t *pids = json_array();
    for (size_t i = 0; i < r->n_pids; i++)
        json_array_append_new(pids, json_integer(r->pids[i]));
    json_object_set_new(j, "pids", pids);
    json_object_set_new(j, "imported", json_boolean(tl_trial_imported(r) != NULL));
    json_object_set_new(j, "reports", tl_system_reports_json(r, true));
    if (*r->set_aside)
        json_object_set_new(j, "set_aside", json_string(r->set_aside));
    if (*r->signature.coarse_id) {
        json_t *s = json_object_get(j, "signature");
        json_object_set_new(s, "coarse_id", json_string(r->signature.coarse_id));
        json_object_set_new(s, "coarse_title", tl_string_json(r->signature.coarse_title));
    }
    return j;
}
