/* What the processes of a trial wrote of its end. */
#include "harness/verdict/said.h"

#include "harness/base/buffer.h"
#include "harness/base/last_words.h"
#include "harness/verdict/memory_limit.h"
#include "harness/verdict/signal_words.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

/* What is kept of a stream, in the order in which it was written. */
static struct tl_buffer whole_text(const struct tl_output *o)
{
    struct tl_buffer text = TL_BUFFER_INIT;
    tl_buffer_add(&text, o->head, o->head_size);
    if (o->notable_size) {
        tl_buffer_add_string(&text, "\n");
        tl_buffer_add(&text, o->notable, o->notable_size);
    }
    tl_buffer_add(&text, o->tail, o->tail_size);
    return text;
}

/* The error with which a process closed, but not what a driver says of the death of its child. Of a program on another
 * device, which died of another signal than this process does, nobody else tells. */
static char *own_closing_error(const struct tl_buffer *text, int signal)
{
    char *message = tl_find_closing_error(text->data, text->size), *line = NULL;
    bool elsewhere = message && tl_signal_in_last_words(message, strlen(message), &line) &&
                     strstr(line, "due to signal") && !tl_names_signal(line, signal);
    if (message && tl_tells_death(message) && !elsewhere) {
        free(message);
        message = NULL;
    }
    free(line);
    return message;
}

char *tl_said_last(const struct tl_trial_record *r, int status)
{
    int signal = WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status) - 128;
    struct tl_buffer text = whole_text(&r->err);
    char *message = tl_find_abort_message(text.data, text.size);
    if (!message && (signal == SIGABRT || signal == SIGTRAP || signal == SIGILL)) {
        struct tl_buffer out = whole_text(&r->out);
        message = tl_find_abort_message(out.data, out.size);
        tl_buffer_free(&out);
    }
    if (!message && (signal == SIGABRT || signal == SIGTRAP || signal == SIGILL))
        message = own_closing_error(&text, signal);
    else if (!message && !WIFSIGNALED(status) && !tl_signal_is_crash(signal))
        message = tl_find_complaint(text.data, text.size, true);
    tl_buffer_free(&text);
    return message;
}

bool tl_said_nothing_else(const struct tl_trial_record *r)
{
    const struct tl_output *const streams[] = {&r->out, &r->err};
    bool silent = true;
    for (size_t i = 0; i < 2 && silent; i++) {
        struct tl_buffer text = whole_text(streams[i]);
        char *error = tl_find_complaint(text.data, text.size, true),
             *closing = error ? NULL : tl_find_closing_error(text.data, text.size);
        silent =
            (!error || tl_memory_limit_is_meant(error)) && (!closing || tl_memory_limit_is_meant(closing));
        free(error);
        free(closing);
        tl_buffer_free(&text);
    }
    return silent;
}

char *tl_said_complaint(const struct tl_trial_record *r)
{
    struct tl_buffer text = whole_text(&r->err);
    char *message = tl_find_complaint(text.data, text.size, true);
    tl_buffer_free(&text);
    return message;
}

char *tl_said_sanitizer(const struct tl_trial_record *r)
{
    struct tl_buffer text = whole_text(&r->err);
    char *report = tl_find_sanitizer_report(text.data, text.size);
    tl_buffer_free(&text);
    return report;
}
