/* What happened, as a title says it.
 *
 * Of a crash it is the signal with what the process said last, or with the function of the runtime that it died in. The
 * innermost frames of a stack are often not that function but what it called: a release, a copy, a free, which everybody's
 * crashes end in. A function without a name in a stripped library tells a reader nothing; then the phase does. Of a wrong
 * result it is in which way it is wrong: somebody who looks for NaN does not look for "12 % off". */
#include "reports/finding/title_failure.h"

#include "harness/base/ascii.h"
#include "harness/base/buffer.h"
#include "harness/base/reporting.h"
#include "harness/base/utf8.h"
#include "reports/finding/title_message.h"
#include "reports/members.h"
#include "reports/page/page.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ARROW " ← "
#define VALUE_MOST 24  /* characters of a value of an output */
#define WORDS_LEAST 18 /* characters of the words of a failure that say something */

static bool begins(const char *text, const char *with)
{
    return !strncmp(text, with, strlen(with));
}

/* --- frames --- */

/* What is called by everybody, and what an interpreter or a queue calls everything with. */
static bool is_plumbing(const char *name)
{
    static const char *const whole[] = {"free",      "malloc",     "calloc",          "realloc",
                                        "CFRelease", "CFRetain",   "operator delete", "operator new",
                                        "start",     "main_thread"};
    static const char *const beginnings[] = {
        "objc_",      "_objc_",   "swift_",       "_swift_",     "dispatch_",    "_dispatch_",    "mach_msg",
        "semaphore_", "pthread_", "_pthread_",    "__pthread",   "_Block_",      "mem",           "__mem",
        "_platform_", "str",      "__str",        "std::",       "__gnu_cxx",    "cfunction_",    "PyObject_",
        "_PyObject_", "PyEval_",  "_PyEval_",     "_PyFunction", "PyVectorcall", "_PyVectorcall", "__psynch",
        "__ulock",    "__workq",  "start_thread", "__libc_",     "__kernel_",    "kevent",        "futex"};
    for (size_t i = 0; i < TL_COUNT(whole); i++)
        if (!strcmp(whole[i], name))
            return true;
    if (tl_is_raising_function(name) || tl_is_reporting_function(name))
        return true;
    for (size_t i = 0; i < TL_COUNT(beginnings); i++)
        if (begins(name, beginnings[i]))
            return true;
    return false;
}

static bool is_unnamed(const char *name)
{
    return strstr(name, "!+0x") || begins(name, "0x") || !*name;
}

/* Without arguments and templates, which differ from instance to instance of one mistake. Objective-C keeps its own form. */
static char *plain_name(const char *frame)
{
    return strchr("-+[", *frame) ? tl_strdup(frame) : tl_title_function(frame, strlen(frame));
}

/* Of frames with arrows between them the first one that says where it is, or of Python what it was in; NULL. */
static char *telling_frame(const char *frames)
{
    const char *python = strstr(frames, ", in Python ");
    size_t size = python ? (size_t)(python - frames) : strlen(frames);
    char *list = tl_format("%.*s", (int)size, frames), *first = NULL, *found = NULL;
    for (char *p = list, *next; p && !found; p = next) {
        next = strstr(p, ARROW);
        if (next) {
            *next = '\0';
            next += strlen(ARROW);
        }
        if (is_unnamed(p))
            continue;
        if (!first)
            first = plain_name(p);
        if (!is_plumbing(p))
            found = plain_name(p);
    }
    free(list);
    if (!found && python) {
        const char *where = python + strlen(", in Python "), *file = strchr(where, '(');
        found = begins(where, "<module> ") && file ? tl_format("%.*s", (int)strcspn(file + 1, ")"), file + 1)
                                                   : tl_strdup(where);
    }
    if (!found && first && !tl_is_raising_function(first) && !tl_is_reporting_function(first))
        return first;
    free(first);
    return found;
}

static bool is_of_frames(const char *title, const char *signal, const char *message)
{
    static const char *const hardware[] = {"SIGSEGV", "SIGBUS", "SIGFPE"};
    if (strstr(title, ARROW) || begins(title, "stack overflow in ") ||
        begins(title, "jump to a wild address"))
        return true;
    bool fault = false;
    for (size_t i = 0; signal && i < TL_COUNT(hardware); i++)
        fault |= !strcmp(signal, hardware[i]);
    return !message || (fault && !strchr(title, ' '));
}

/* --- phases --- */

static void set_phase(const json_t *f, struct tl_title_failure *t)
{
    static const struct {
        const char *phase, *words, *brief;
    } list[] = {
        {"start", "at the start", "at the start"},
        {"generate", "while making the model", "in generate"},
        {"load", "while loading the model", "while loading"},
        {"compile", "while compiling the model", "while compiling"},
        {"execute", "while running the model", "while running"},
        {"check", "while comparing the outputs", "while comparing"},
    };
    const char *phase = tl_member_text(f, "phase"),
               *command = tl_member_text(json_object_get(f, "tool"), "command");
    bool tool = json_is_object(json_object_get(f, "tool"));
    if (!phase || (command && !strcmp(command, phase)) ||
        (tool && !strcmp(phase, "generate"))) /* the tool that makes the model is named */
        return;
    for (size_t i = 0; i < TL_COUNT(list); i++)
        if (!strcmp(list[i].phase, phase)) {
            t->phase[0] = list[i].words;
            t->phase[1] = list[i].brief;
        }
    if (!strcmp(phase, "compile") && !strcmp(tl_member_or(f, "runner", ""), "onnxruntime")) {
        t->phase[0] = "while creating the session";
        t->phase[1] = "in session creation";
    }
}

/* --- outcomes --- */

static void of_message(const char *message, struct tl_title_failure *t)
{
    struct tl_title_message m;
    tl_title_message_find(message, &m);
    /* What a launcher says of a death is no more than the signal. */
    if (*m.words && !begins(m.words, "without a stack") && !strstr(m.words, "terminated due to signal"))
        t->words = tl_strdup(m.words);
    if (m.place)
        t->name = tl_strdup(m.place);
    tl_title_message_free(&m);
}

static void of_crash(const json_t *f, struct tl_title_failure *t)
{
    const char *signal = tl_member_text(f, "signal"), *message = tl_member_text(f, "message"),
               *title = tl_member_or(json_object_get(f, "signature"), "title", ""), *frames = title;
    if (!signal)
        signal = "crash";
    if (begins(title, "stack overflow in ")) {
        t->head = tl_format("stack overflow (%s)", signal);
        frames = title + strlen("stack overflow in ");
        char *cycle = tl_format("%.*s", (int)strcspn(frames, " "), frames); /* of f ↔ g the first */
        t->name = is_unnamed(cycle) ? NULL : plain_name(cycle);
        free(cycle);
    } else if (is_of_frames(title, signal, message)) {
        bool wild = begins(title, "jump to a wild address");
        if (wild)
            frames = begins(title, "jump to a wild address from ")
                         ? title + strlen("jump to a wild address from ")
                         : "";
        t->head = wild ? tl_format("%s, a jump to a wild address", signal) : tl_strdup(signal);
        if (!strstr(title, " without a stack"))
            t->name = telling_frame(frames);
    } else {
        t->head = tl_strdup(signal);
        of_message(message, t);
    }
}

static void of_hang(const json_t *f, struct tl_title_failure *t)
{
    const char *title = tl_member_or(json_object_get(f, "signature"), "title", "");
    bool waits = begins(title, "waiting in "), runs = begins(title, "running in ");
    if (waits || runs)
        t->name = telling_frame(title + strlen("waiting in "));
    t->head = tl_strdup(waits && t->name ? "hang, waiting" : "hang");
}

/* "RuntimeError" of "Core ML RuntimeError: text": what people search for with the text. */
static char *exception_of(const json_t *f, const char *message)
{
    const char *title = tl_member_or(json_object_get(f, "signature"), "title", ""),
               *end = strstr(title, ": "), *from = end;
    while (end && from > title && from[-1] != ' ')
        from--;
    size_t n = end ? (size_t)(end - from) : 0;
    bool is = (n > 5 && !strncmp(end - 5, "Error", 5)) || (n > 9 && !strncmp(end - 9, "Exception", 9));
    if (!is || !message || !strncmp(message, from, n))
        return NULL;
    return tl_format("%.*s", (int)n, from);
}

static bool tells_failure(const char *words)
{
    return strstr(words, "rror") || strstr(words, "xception") || strstr(words, "fail") ||
           strstr(words, "Fail") || strstr(words, "FAIL") || begins(words, "exit status");
}

static void of_error(const json_t *f, struct tl_title_failure *t)
{
    const char *signal = tl_member_text(f, "signal"), *message = tl_member_text(f, "message");
    if (!signal || !message || (!begins(message, "killed by ") && !begins(message, "ended by ")))
        of_message(message, t);
    char *exception = exception_of(f, message);
    if (exception && t->words) {
        char *words = tl_format("%s: %s", exception, t->words);
        free(t->words);
        t->words = words;
    }
    free(exception);
    if (signal)
        t->head = tl_strdup(signal);
    else if (t->words && !t->name && tells_failure(t->words)) {
        t->head = t->words; /* says itself that it is one */
        t->words = NULL;
    } else
        t->head = tl_strdup("error");
}

bool tl_title_told_by_text(const json_t *f)
{
    const char *message = tl_member_text(f, "message");
    return message && *message && !begins(message, "ran on ");
}

char *tl_title_program(const json_t *f)
{
    const json_t *tool = json_object_get(f, "tool");
    const char *name = tl_member_text(tool, "name"), *command = tl_member_text(tool, "command");
    if (strcmp(tl_member_or(f, "runner", ""), "command") != 0 || !name)
        return NULL;
    return tl_format("%s%s%s", name, command ? " " : "", command ? command : "");
}

static void of_fallback(const json_t *f, struct tl_title_failure *t)
{
    of_message(tl_member_text(f, "message"), t);
    t->head = tl_strdup(t->words && begins(t->words, "ran on ") ? "fallback" : "falls back");
}

static void of_memory(const json_t *f, struct tl_title_failure *t)
{
    const char *message = tl_member_or(f, "message", ""), *limit = strstr(message, "limit of ");
    size_t n = limit ? strcspn(limit + strlen("limit of "), " ") : 0;
    const char *unit = limit ? limit + strlen("limit of ") + n : "";
    if (limit && begins(unit, " MiB"))
        t->head = tl_format("out of memory at the limit of %.*s MiB", (int)n, limit + strlen("limit of "));
    else
        t->head = tl_strdup("out of memory");
}

void tl_title_failure_find(const json_t *f, struct tl_title_failure *t)
{
    const char *outcome = tl_member_or(f, "outcome", "failure");
    *t = (struct tl_title_failure){0};
    if (!strcmp(outcome, "crash"))
        of_crash(f, t);
    else if (!strcmp(outcome, "hang"))
        of_hang(f, t);
    else if (!strcmp(outcome, "error"))
        of_error(f, t);
    else if (!strcmp(outcome, "oom"))
        of_memory(f, t);
    else if (!strcmp(outcome, "fallback"))
        of_fallback(f, t);
    else if (!strcmp(outcome, "wrong"))
        t->head = tl_title_wrong(json_object_get(f, "comparison"));
    if (!t->head && !strcmp(outcome, "wrong")) { /* of an earlier version */
        const char *title = tl_member_or(json_object_get(f, "signature"), "title", "");
        t->head = tl_strdup(begins(title, "output ") ? title : "wrong outputs");
    }
    if (!t->head)
        t->head = tl_strdup(outcome);
    const json_t *in_flight = json_object_get(f, "operator");
    if (!t->words && !t->name && strcmp(outcome, "wrong") != 0 && strcmp(outcome, "fallback") != 0) {
        const char *type = tl_member_or(in_flight, "type", tl_member_text(in_flight, "name"));
        t->name = type ? tl_clean_text(type, strlen(type), false) : NULL;
    }
    t->vague =
        !t->words && !t->name && strcmp(outcome, "wrong") != 0 &&
        (strcmp(outcome, "error") != 0 || begins(t->head, "exit status") || tl_member_text(f, "signal"));
    if (t->vague)
        set_phase(f, t);
}

void tl_title_failure_free(struct tl_title_failure *t)
{
    free(t->head);
    free(t->name);
    free(t->words);
    free(t->tail);
    *t = (struct tl_title_failure){0};
}

/* Adds a part behind a joint where both fit. */
static void add_part(struct tl_buffer *b, const char *joint, char *part, size_t most)
{
    if (part && tl_title_characters(b->data) + tl_title_characters(joint) + tl_title_characters(part) <= most)
        tl_buffer_printf(b, "%s%s", joint, part);
    free(part);
}

static size_t room(const struct tl_buffer *b, size_t most, size_t taken)
{
    size_t used = tl_title_characters(b->data) + taken;
    return used < most ? most - used : 0;
}

/* A name with as many of its parts as leave room for all of the words; else for enough of them. */
static char *name_beside(const struct tl_title_failure *t, size_t left)
{
    size_t words = t->words ? tl_title_characters(t->words) + strlen(": ") : 0,
           enough = words < WORDS_LEAST + 2 ? words : WORDS_LEAST + 2;
    char *name = left > words ? tl_title_name(t->name, left - words) : NULL;
    return name || left <= enough ? name : tl_title_name(t->name, left - enough);
}

bool tl_title_failure_crowded(const struct tl_title_failure *t, size_t most)
{
    size_t words = t->words ? tl_title_characters(t->words) : 0, head = tl_title_characters(t->head) + 2;
    head += t->tail ? tl_title_characters(t->tail) : 0;
    return words && head + (words < WORDS_LEAST ? words : WORDS_LEAST) > most;
}

char *tl_title_failure_text(const struct tl_title_failure *t, size_t most, bool brief)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    size_t tail = t->tail ? tl_title_characters(t->tail) : 0;
    bool ends = tail && tl_title_characters(t->head) + tail <= most;
    const char *phase = t->phase[brief];
    most -= ends ? tail : 0;
    char *head = tl_title_fit(t->head, most);
    tl_buffer_add_string(&b, head);
    free(head);
    if (t->name)
        add_part(&b, " in ", name_beside(t, room(&b, most, strlen(" in "))), most);
    if (t->words)
        add_part(&b, ": ", tl_title_cut(t->words, room(&b, most, strlen(": "))), most);
    if (phase && !brief && room(&b, most, 0) < tl_title_characters(phase) + 1)
        phase = t->phase[1];
    if (phase)
        add_part(&b, " ", tl_strdup(phase), most);
    if (ends)
        tl_buffer_add_string(&b, t->tail);
    return tl_buffer_take(&b);
}

/* --- wrong results --- */

static char *value_text(const json_t *value)
{
    char *word = tl_value_word(value), *clean = tl_clean_text(word, strlen(word), false),
         *cut = tl_title_fit(clean, VALUE_MOST), *text;
    if (json_is_real(value))
        text = tl_format("%.6g", json_real_value(value));
    else
        text = json_is_string(value) ? tl_format("\"%s\"", cut) : tl_strdup(cut);
    free(word);
    free(clean);
    free(cut);
    return text;
}

static char *not_finite_word(const json_t *value)
{
    const char *text = json_string_value(value);
    if (text && strstr(text, "nan"))
        return tl_strdup("NaN");
    return text && strstr(text, "inf") ? tl_strdup("infinity") : NULL;
}

/* Of what was told of the output, or of its worst element. */
static char *not_finite(const json_t *c, const char *output)
{
    const json_t *value, *first = json_object_get(c, "first");
    const json_t *counts = json_object_get(c, "not_finite");
    char *word = not_finite_word(json_object_get(json_object_get(c, "worst"), "got")), *text;
    size_t i;
    if (!word && json_integer_value(json_object_get(counts, "nan")) > 0)
        word = tl_strdup("NaN");
    json_array_foreach(first, i, value) {
        if (!word)
            word = not_finite_word(value);
    }
    text = word ? tl_format("%s in output %s", word, output) : tl_format("output %s not finite", output);
    free(word);
    return text;
}

/* "12 % off" of what is expected there, or of the largest magnitude where the value itself is next to nothing. */
static char *distance(const json_t *c, const json_t *worst)
{
    const json_t *of_value = json_object_get(worst, "relative"), *of_all = json_object_get(c, "max_error");
    double far = json_is_number(of_value) ? json_number_value(of_value) : INFINITY,
           whole = json_is_number(of_all) ? json_number_value(of_all) : INFINITY;
    if (far > 10 && whole < far)
        far = whole;
    if (!isfinite(far) || far <= 0)
        return NULL;
    if (far > 10)
        return tl_format("off by a factor of %.2g", far);
    if (far >= 0.1)
        return tl_format("%.0f %% off", 100 * far);
    return far >= 0.001 ? tl_format("%.2g %% off", 100 * far) : tl_format("off by %.1e of its value", far);
}

char *tl_title_wrong(const json_t *c)
{
    const char *output = tl_member_text(c, "output"), *how = tl_member_text(c, "how");
    const json_t *worst = json_object_get(c, "worst"), *expected = json_object_get(worst, "expected"),
                 *got = json_object_get(worst, "got");
    if (!output || !how)
        return NULL;
    if (!strcmp(how, "missing"))
        return tl_format("output %s missing", output);
    if (!strcmp(how, "unexpected"))
        return tl_format("unexpected output %s", output);
    if (!strcmp(how, "not finite"))
        return not_finite(c, output);
    if (!strcmp(how, "all zero"))
        return tl_format("output %s all zeros", output);
    char *is = value_text(got), *should = value_text(expected), *text = NULL, *far = NULL;
    if (!strcmp(how, "type") && json_is_string(got) && json_is_string(expected))
        text =
            tl_format("output %s is %s, not %s", output, json_string_value(got), json_string_value(expected));
    else if (!strcmp(how, "shape") && got && expected)
        text = tl_format("output %s has shape %s, not %s", output, is, should);
    else if (!strcmp(tl_member_or(worst, "of", ""), "hash"))
        text = tl_format("a string in output %s differs", output);
    else if (json_is_real(got) && json_is_real(expected) && (far = distance(c, worst)))
        text = tl_format("output %s %s", output, far);
    else if (json_is_string(expected) && json_is_real(got))
        text = tl_format("output %s is %s, not %s", output, is, json_string_value(expected));
    else if (got && expected)
        text = tl_format("output %s is %s, not %s", output, is, should);
    else
        text = tl_format("output %s differs", output);
    free(is);
    free(should);
    free(far);
    return text;
}
