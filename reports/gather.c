/* The document that every format is made from: the finding, and of the two trials that stand for it what a
 * reader of a report needs. */
#include "reports/finding.h"

#include "harness/base/frame_text.h"
#include "reports/internal.h"
#include "reports/redact.h"

#include <stdlib.h>
#include <string.h>

#define OUTPUT_MOST 4096 /* bytes of the end of each stream */

const char *tl_member_text(const json_t *o, const char *name)
{
    return json_string_value(json_object_get(o, name));
}

json_int_t tl_member_integer(const json_t *o, const char *name)
{
    return json_integer_value(json_object_get(o, name));
}

bool tl_member_true(const json_t *o, const char *name)
{
    return json_is_true(json_object_get(o, name));
}

const json_t *tl_report_variant(const json_t *finding)
{
    const json_t *minimal = json_object_get(finding, "minimal"),
                 *failing = json_object_get(finding, "failing");
    return json_is_object(minimal) ? minimal : json_is_object(failing) ? failing : NULL;
}

static json_t *string_or_null(const char *s)
{
    return s ? tl_text_json(s, strlen(s)) : json_null();
}

static json_t *parsed_or_null(const char *text)
{
    json_t *j = text ? json_loads(text, JSON_DECODE_ANY, NULL) : NULL;
    return j ? j : json_null();
}

/* The end of what a stream said. */
static json_t *end_of(const struct tl_output *o)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    tl_buffer_add(&b, o->head_size ? o->head : "", o->head_size);
    if (o->total > o->head_size + o->tail_size)
        tl_buffer_add_string(&b, "\n[…]\n");
    tl_buffer_add(&b, o->tail_size ? o->tail : "", o->tail_size);
    if (b.size > OUTPUT_MOST)
        tl_buffer_drop_front(&b, b.size - OUTPUT_MOST);
    json_t *j = tl_text_json(b.data ? b.data : "", b.size);
    tl_buffer_free(&b);
    return j;
}

static json_t *thread_json(const struct tl_capture *c, const struct tl_thread *t)
{
    json_t *frames = json_array();
    for (size_t i = 0; i < t->n_frames; i++) {
        if (t->omitted && i == t->omitted_at) {
            char *text = tl_format("… %llu frames left out …", (unsigned long long)t->omitted);
            json_array_append_new(frames, json_string(text));
            free(text);
        }
        char *text = tl_frame_text(c, t, i);
        size_t number = i + (t->omitted && i >= t->omitted_at ? (size_t)t->omitted : 0);
        char *line = tl_format("#%-2zu %s", number, text);
        json_array_append_new(frames, tl_text_json(line, strlen(line)));
        free(line);
        free(text);
    }
    if (t->truncated)
        json_array_append_new(frames, json_string("(the stack could not be followed further)"));
    return json_pack("{s:i,s:o,s:b,s:o,s:o}", "tid", t->tid, "name", tl_text_json(t->name, strlen(t->name)),
                     "crashed", t->crashed, "state", string_or_null(t->state), "frames", frames);
}

/* The modules that the frames of the crashed thread are in: an offset means something with them only. */
static json_t *modules_json(const struct tl_capture *c)
{
    json_t *list = json_array();
    const struct tl_thread *t = c->n_threads ? &c->threads[0] : NULL;
    for (size_t m = 0; t && m < c->n_modules; m++) {
        bool used = false;
        for (size_t i = 0; i < t->n_frames && !used; i++)
            used = t->frames[i].module == m;
        if (used)
            json_array_append_new(list, json_pack("{s:o,s:s}", "path", string_or_null(c->modules[m].path),
                                                  "build_id", c->modules[m].build_id));
    }
    return list;
}

static json_t *capture_json(const struct tl_capture *c)
{
    json_t *threads = json_array();
    char address[24];
    snprintf(address, sizeof address, "0x%llx", (unsigned long long)c->fault_address);
    for (size_t i = 0; i < c->n_threads; i++)
        json_array_append_new(threads, thread_json(c, &c->threads[i]));
    return json_pack("{s:s,s:b,s:o,s:s?,s:i,s:s?,s:o,s:o}", "kind",
                     c->kind == TL_CAPTURE_HANG ? "hang" : "signal", "main", c->is_main, "exe",
                     string_or_null(c->exe), "signal", c->signal ? tl_signal_name(c->signal) : NULL,
                     "si_code", c->si_code, "address", c->has_address ? address : NULL, "threads", threads,
                     "modules", modules_json(c));
}

static json_t *trial_json(const struct tl_trial_record *r)
{
    if (!r)
        return json_null();
    json_t *j = json_object();
    json_object_set_new(j, "id", json_string(r->id));
    json_object_set_new(j, "started_us", json_integer(r->started_us));
    json_object_set_new(j, "unit", string_or_null(r->unit));
    json_object_set_new(j, "variant", parsed_or_null(r->variant));
    json_object_set_new(j, "fresh", json_boolean(r->fresh));
    json_object_set_new(j, "outcome", json_string(tl_outcome_name(r->outcome)));
    json_object_set_new(j, "phase", json_string(tl_phase_name(r->phase)));
    json_object_set_new(j, "signal", r->signal ? json_string(tl_signal_name(r->signal)) : json_null());
    json_object_set_new(j, "exit_status", r->exit_status >= 0 ? json_integer(r->exit_status) : json_null());
    json_object_set_new(j, "error_domain", string_or_null(r->error_domain));
    json_object_set_new(j, "error_code", string_or_null(r->error_code));
    json_object_set_new(j, "message", string_or_null(r->message));
    json_object_set_new(j, "observed", string_or_null(r->observed_device));
    json_object_set_new(j, "wall_s", json_real(r->wall_seconds));
    json_object_set_new(j, "peak_rss", json_integer((json_int_t)r->peak_rss));
    json_object_set_new(j, "command", parsed_or_null(r->command));
    json_object_set_new(j, "request", parsed_or_null(r->request));
    json_t *versions = json_object_get(r->result, "versions");
    json_object_set(j, "versions", json_is_object(versions) ? versions : json_null());
    json_object_set_new(j, "stdout", end_of(&r->out));
    json_object_set_new(j, "stderr", end_of(&r->err));
    json_object_set_new(j, "capture", r->n_captures ? capture_json(&r->captures[0]) : json_null());
    return j;
}

json_t *tl_report_new(const struct tl_report_source *s)
{
    json_t *finding = json_deep_copy(s->finding), *report;
    json_t *elsewhere = s->elsewhere ? json_deep_copy(s->elsewhere) : json_array();
    report =
        json_pack("{s:i,s:o,s:o,s:o,s:o}", "report", 1, "finding", finding, "failing_trial",
                  trial_json(s->failing), "control_trial", trial_json(s->control), "elsewhere", elsewhere);
    if (!s->keep_paths) {
        struct tl_redaction own = {0}, *r = s->redaction ? s->redaction : &own;
        if (!s->redaction)
            tl_redaction_init(&own);
        json_t *redacted = tl_redact_json(r, report);
        tl_redaction_free(&own);
        json_decref(report);
        report = redacted;
    }
    char *title = tl_report_title(json_object_get(report, "finding"));
    json_object_set_new(report, "title", json_string(title));
    free(title);
    return report;
}
