/* What comes from a trial: the messages of its runner, and what it writes.
 *
 * Every message is hostile until it is parsed (message.c), and what may not come at its time is noted: the first of these
 * violations of the protocol is what the trial ends with.
 *
 * This file is part of the circle that supervisor.c speaks of. */
#include "harness/supervise/trial.h"

#include "harness/base/buffer.h"
#include "harness/supervise/elsewhere.h"
#include "runners/protocol.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#define COUNTS_MOST 4096 /* names of all counts of a trial */

/* Only the first one is told: the others follow from it. Takes `what`. */
static void protocol_violation(struct tl_trial *t, char *what)
{
    if (t->violation)
        free(what);
    else
        t->violation = what;
}

/* The last one is what is in flight when something happens; a phase begins with none. */
static void on_operator(struct tl_trial *t, json_t *in_flight)
{
    json_decref(t->in_flight);
    t->in_flight = json_incref(in_flight);
}

/* The answer of a runner: a trial has one. */
static void on_answer(struct tl_trial *t, struct tl_message *m)
{
    struct tl_trial_record *r = &t->record;
    t->got_result = m->kind == TL_MESSAGE_RESULT || m->kind == TL_MESSAGE_DESCRIPTION;
    t->got_error = m->kind == TL_MESSAGE_ERROR;
    t->got_unsupported = m->kind == TL_MESSAGE_UNSUPPORTED;
    r->result = json_incref(m->object);
    r->error_domain = tl_strdup(m->domain);
    r->error_code = tl_strdup(m->code);
    r->message = tl_strdup(m->text);
    if (m->kind != TL_MESSAGE_RESULT)
        return;
    r->observed_device = tl_strdup(json_string_value(json_object_get(m->object, "observed")));
    tl_trial_enter_phase(t, TL_PHASE_DONE, 0);
    on_operator(t, NULL);
}

static void on_counts(struct tl_trial *t, json_t *counts)
{
    t->counts = t->counts ? t->counts : json_object();
    if (json_object_size(t->counts) + json_object_size(counts) > COUNTS_MOST)
        protocol_violation(t, tl_format("more than %d names that are counted", COUNTS_MOST));
    else
        json_object_update(t->counts, counts);
}

/* A line of its output says that a phase has begun. */
void tl_trial_marker(void *arg, const char *phase)
{
    struct tl_trial *t = arg;
    enum tl_phase begins = (enum tl_phase)tl_phase_parse(phase);
    if (begins != t->phase && !(t->got_result || t->got_error || t->got_unsupported))
        tl_trial_enter_phase(t, begins, 0);
}

/* Reads what a result left in a file. Each costs as much as its file is large, so only the first one is read. */
static int read_result(struct tl_trial *t, struct tl_message *m)
{
    struct tl_error e;
    if (t->violation)
        return -1;
    if (tl_message_read_result(t->scratch.path, m, &e)) {
        protocol_violation(t, tl_strdup(e.why));
        return -1;
    }
    return 0;
}

static void on_message(struct tl_trial *t, struct tl_message *m)
{
    bool final = t->got_result || t->got_error || t->got_unsupported || t->got_died || t->got_lost;
    switch (m->kind) {
    case TL_MESSAGE_PHASE:
        if (final)
            protocol_violation(t, tl_format("phase %s after the answer", tl_phase_name(m->phase)));
        else if (m->phase == TL_PHASE_DONE)
            protocol_violation(t, tl_strdup("phase done is not to be said: the result says it"));
        else {
            tl_trial_enter_phase(t, m->phase, m->timeout_s);
            on_operator(t, m->object);
        }
        return;
    case TL_MESSAGE_OPERATOR:
        if (final)
            protocol_violation(t, tl_strdup("an operator after the answer"));
        else
            on_operator(t, m->object);
        return;
    case TL_MESSAGE_RESULT:
    case TL_MESSAGE_ERROR:
    case TL_MESSAGE_UNSUPPORTED:
        if (final)
            protocol_violation(t, tl_strdup("a second answer: a trial has one result or error"));
        else if (!m->file || !read_result(t, m))
            on_answer(t, m);
        return;
    case TL_MESSAGE_DIED:
    case TL_MESSAGE_LOST: /* also after a result: it is then that a runtime is taken down */
        if (final && !(t->got_result && !t->got_died && !t->got_lost))
            protocol_violation(t, tl_strdup("a second answer: a trial has one result or error"));
        else
            tl_elsewhere_ended(t, m);
        return;
    case TL_MESSAGE_DESCRIPTION:
        if (final || !json_object_get(t->request, "describe"))
            protocol_violation(t, tl_strdup("a description was not asked for"));
        else
            on_answer(t, m);
        return;
    case TL_MESSAGE_COUNTS:
        if (final)
            protocol_violation(t, tl_strdup("counts after the answer"));
        else
            on_counts(t, m->object);
        return;
    case TL_MESSAGE_SERVING:
    case TL_MESSAGE_FORKED:
        protocol_violation(t, tl_strdup("an answer of a fork server, in a trial"));
        return;
    }
}

static void on_line(struct tl_trial *t, enum tl_line kind, const char *line, size_t length)
{
    struct tl_message m;
    struct tl_error e;
    if (kind == TL_LINE_TOO_LONG) {
        protocol_violation(t, tl_format("a message of more than %d bytes", TL_MESSAGE_MAX));
    } else if (tl_message_parse(line, length, &m, &e)) {
        protocol_violation(t, tl_strdup(e.why));
    } else {
        on_message(t, &m);
        tl_message_free(&m);
    }
}

static void on_bytes(struct tl_trial *t, int which, const char *bytes, size_t size)
{
    const char *line;
    size_t length;
    enum tl_line kind;
    if (which)
        tl_watched_feed(t->watched, which - 1, bytes, size);
    if (which == 1)
        tl_output_ends_feed(&t->out, bytes, size);
    else if (which == 2)
        tl_output_ends_feed(&t->err, bytes, size);
    else
        while ((kind = tl_line_next(&t->reader, &bytes, &size, &line, &length)) != TL_LINE_NONE)
            on_line(t, kind, line, length);
}

/* Reads what is there, at most `most` bytes, so that one flood does not keep the others waiting. */
void tl_trial_read(struct tl_trial *t, int which, size_t most)
{
    static char block[1 << 16];
    struct tl_stream *io = &t->io[which];
    for (size_t got = 0; io->fd >= 0 && got < most;) {
        ssize_t n = read(io->fd, block, sizeof block);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN)
            return;
        if (n <= 0) {
            struct tl_error e;
            bool ended =
                n == 0 || errno == ECONNRESET; /* it closed its end, and did not read all that we wrote */
            if (!ended)
                tl_fail_errno(&e, TL_ERROR_ENVIRONMENT, errno, "cannot read what a trial says",
                              which == 0 ? "its messages" : "its output",
                              "run the same command again: what was stored is used");
            tl_stream_close(io);
            if (!ended)
                tl_trial_lose(t, &e);
            return;
        }
        got += (size_t)n;
        on_bytes(t, which, block, (size_t)n);
        if ((size_t)n < sizeof block) /* emptied, most likely: the poll says when there is more */
            return;
    }
}

void tl_trial_readable(uv_poll_t *poll, int status, int events)
{
    struct tl_trial *t = poll->data;
    (void)status;
    (void)events;
    for (int i = 0; i < 3; i++)
        if (t->io[i].poll == poll)
            tl_trial_read(t, i, 1 << 20);
}

void tl_trial_read_all(struct tl_trial *t)
{
    const char *line;
    size_t length;
    for (int i = 0; i < 3; i++) {
        tl_trial_read(t, i, 1 << 26);
        tl_stream_close(&t->io[i]);
    }
    enum tl_line kind = tl_line_end(&t->reader, &line, &length);
    if (kind != TL_LINE_NONE)
        on_line(t, kind, line, length);
}
