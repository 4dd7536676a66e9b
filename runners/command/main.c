/* trapline-command: runs the steps of a case, each a program that is traced with the runner, and holds them
 * to what the case expects. It stops at the first step that does not do what it should.
 *
 * A step that dies of signal n, or that itself reports so by exiting with 128 + n, ends the runner with 128 +
 * n: the supervisor has traced who died, and knows the stack. Of such a status it also says what it says of any
 * other, since a program may choose it when nothing died (130, say). Of a step that is not to be traced the signal is
 * said. */
#include "runners/command/apart.h"
#include "runners/command/step.h"
#include "runners/protocol.h"

#include <errno.h>
#include <glob.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define VERSION "1.0"
/* The supervisor takes stacks of a step that is late. Should it not, the runner ends the step itself, later.
 */
#define GRACE_S 10
#define ANY_STATUS (-1)

struct step {
    const char *phase;
    double timeout_s;
    bool untraced;
    int exit_status;                                  /* or ANY_STATUS */
    json_t *argv, *text, *no_text, *files, *fallback; /* lists of strings, of its own */
    struct tl_counters counters;
    uint64_t began_ms; /* of the step that is run */
    struct tl_run *run;
    char phase_now[16];
    char **words; /* argv as exec wants it; the strings are argv's */
};

static void release_step(struct step *s)
{
    json_decref(s->argv);
    json_decref(s->text);
    json_decref(s->no_text);
    json_decref(s->files);
    json_decref(s->fallback);
    tl_counters_free(&s->counters);
    free(s->words);
}

/* A new string in which every {scratch} has become the directory, which only this process knows. */
static json_t *expand(const char *text, const char *scratch)
{
    static const char mark[] = "{scratch}";
    json_t *parts = json_array(), *whole = NULL;
    const char *found;
    for (; (found = strstr(text, mark)); text = found + sizeof mark - 1) {
        json_array_append_new(parts, json_stringn(text, (size_t)(found - text)));
        json_array_append_new(parts, json_string(scratch));
    }
    json_array_append_new(parts, json_string(text));
    size_t size = 0;
    for (size_t i = 0; i < json_array_size(parts); i++)
        size += json_string_length(json_array_get(parts, i));
    char *joined = malloc(size + 1), *end = joined;
    for (size_t i = 0; joined && i < json_array_size(parts); i++) {
        const json_t *part = json_array_get(parts, i);
        memcpy(end, json_string_value(part), json_string_length(part));
        end += json_string_length(part);
    }
    if (joined)
        whole = json_stringn(joined, size);
    free(joined);
    json_decref(parts);
    return whole;
}

/* The same as a string of C. */
static char *expand_pattern(const char *text, const char *scratch)
{
    json_t *whole = expand(text, scratch);
    char *pattern = whole ? strdup(json_string_value(whole)) : NULL;
    json_decref(whole);
    return pattern;
}

/* A list of strings, or an absent one, as a list of its own; NULL when it is something else. */
static json_t *expand_list(const json_t *list, const char *scratch)
{
    json_t *to = json_array();
    bool good = !list || json_is_null(list) || json_is_array(list);
    for (size_t i = 0; good && i < json_array_size(list); i++) {
        const char *text = json_string_value(json_array_get(list, i));
        good = text && !json_array_append_new(to, expand(text, scratch));
    }
    if (good)
        return to;
    json_decref(to);
    return NULL;
}

/* Reads one step of the request. Returns what is wrong with it, or NULL; release_step in any case. */
static const char *read_step(const json_t *j, const char *scratch, struct step *s)
{
    *s = (struct step){0};
    const json_t *expect = json_object_get(j, "expect"), *timeout = json_object_get(j, "timeout_s"),
                 *status = json_object_get(expect, "exit_status"), *trace = json_object_get(j, "trace");
    s->phase = json_string_value(json_object_get(j, "phase"));
    s->argv = expand_list(json_object_get(j, "argv"), scratch);
    s->text = expand_list(json_object_get(expect, "text"), scratch);
    s->no_text = expand_list(json_object_get(expect, "no_text"), scratch);
    s->files = expand_list(json_object_get(expect, "files"), scratch);
    s->fallback = expand_list(json_object_get(expect, "fallback"), scratch);
    bool any = json_is_string(status) && !strcmp(json_string_value(status), "any");
    if (!s->phase)
        return "a step needs a \"phase\"";
    if (!json_array_size(s->argv))
        return "\"argv\" of a step is a list of at least one string";
    if (timeout && !json_is_number(timeout))
        return "\"timeout_s\" of a step is a number";
    if (trace && !json_is_boolean(trace))
        return "\"trace\" of a step is true or false";
    if (expect && !json_is_object(expect))
        return "\"expect\" of a step is an object";
    if (status && !any && !json_is_integer(status))
        return "\"exit_status\" is an integer or \"any\"";
    if (!s->text || !s->no_text || !s->files || !s->fallback)
        return "\"text\", \"no_text\", \"files\" and \"fallback\" are lists of strings";
    const char *wrong = tl_counters_init(&s->counters, json_object_get(expect, "count"),
                                         json_object_get(j, "phase_marker"), scratch, expand_pattern);
    if (wrong)
        return wrong;
    s->timeout_s = timeout ? json_number_value(timeout) : 0;
    s->untraced = json_is_false(trace);
    s->exit_status = any ? ANY_STATUS : status ? (int)json_integer_value(status) : 0;
    s->words = calloc(json_array_size(s->argv) + 1, sizeof *s->words);
    if (!s->words)
        return "there is no memory";
    for (size_t i = 0; i < json_array_size(s->argv); i++)
        s->words[i] =
            (char *)(uintptr_t)json_string_value(json_array_get(s->argv, i)); /* exec only reads it */
    return NULL;
}

#define PROGRAM_MOST 200 /* bytes of the path of a program in a message */

/* "step 2 of 3 (compile, /opt/bin/coreai-build)". Blanks and the like are spelled as for a shell: so everybody sees where the
 * path ends, and failures are compared without it. */
static void name_step(char *to, size_t size, const struct step *s, size_t index, size_t n)
{
    char program[2 * PROGRAM_MOST + 1];
    size_t at = 0;
    for (const char *p = s->words[0]; *p && p - s->words[0] < PROGRAM_MOST; p++) {
        if (strchr(" (),&;'[]{}=:", *p))
            program[at++] = '\\';
        program[at++] = *p;
    }
    program[at] = '\0';
    snprintf(to, size, "step %zu of %zu (%s, %s)", index + 1, n, s->phase, program);
}

/* Whether something exists that a path or glob pattern names. */
static bool exists(const char *pattern)
{
    glob_t found;
    int r = glob(pattern, GLOB_NOSORT, NULL, &found);
    if (!r)
        globfree(&found);
    return r == 0;
}

/* Whether a step that succeeded did so in another way than the one that was asked for, as it says itself or
 * as what it made tells. why: in words, when it is so. Returns -1 after an error when it cannot be told. */
static int check_fallback(struct tl_run *run, struct step *s, const char *name, const struct tl_texts *texts,
                          char *why, size_t size)
{
    size_t from = texts->n - json_array_size(s->fallback);
    char line[TL_COMPLAINT_MOST + 1];
    *why = '\0';
    const struct tl_counter *k = tl_counters_stopped(&s->counters);
    if (k) {
        tl_run_error(
            run, "step", "count",
            "%s: the regular expression of \"%.200s\" takes too long on what the step wrote; write it "
            "so that it cannot match in many ways",
            name, k->name);
        return -1;
    }
    for (size_t i = from; i < texts->n && !*why; i++)
        if (texts->seen[i]) {
            tl_complaint_from(texts->found[i].text, texts->found[i].size, line);
            snprintf(why, size, "%s fell back: it wrote \"%.500s\": %s", name, texts->text[i], line);
        }
    k = *why ? NULL : tl_counters_outside(&s->counters);
    if (k) {
        char words[512];
        tl_counter_outside_words(k, words, sizeof words);
        snprintf(why, size, "%s fell back: %s", name, words);
    }
    return 0;
}

/* Holds a step that has exited to what is expected of it. Returns 0, or -1 after the first thing that is not
 * so. */
static int check(struct tl_run *run, const struct step *s, const char *name, const struct tl_step_end *end,
                 const struct tl_texts *texts)
{
    char why[TL_COMPLAINT_MOST + 1];
    size_t n = json_array_size(s->text), most = n + json_array_size(s->no_text), forbidden = n;
    while (forbidden < most && !texts->seen[forbidden])
        forbidden++;
    if (s->exit_status != ANY_STATUS && end->exit_status != s->exit_status) {
        char code[32];
        snprintf(code, sizeof code, "exit %d", end->exit_status);
        if (forbidden < most) /* it says more than whatever was written last */
            tl_complaint_from(texts->found[forbidden].text, texts->found[forbidden].size, why);
        else
            tl_complaint_line(&end->err, &end->out, why);
        tl_run_error(run, "step", code, "%s exited with status %d; %d was expected%s%s", name,
                     end->exit_status, s->exit_status, *why ? ": " : "", why);
        return -1;
    }
    for (size_t i = 0; i < most; i++) {
        bool wanted = i < n;
        if (texts->seen[i] == wanted)
            continue;
        if (wanted)
            tl_complaint_instead(&end->err, &end->out, texts->text[i], why);
        else
            tl_complaint_from(texts->found[i].text, texts->found[i].size, why);
        tl_run_error(run, "step", wanted ? "text" : "no_text",
                     wanted ? "%s did not write \"%.500s\", which was expected%s%s"
                            : "%s wrote \"%.500s\", which it should not%s%s",
                     name, texts->text[i], *why ? ": " : "", why);
        return -1;
    }
    for (size_t i = 0; i < json_array_size(s->files); i++) {
        const char *pattern = json_string_value(json_array_get(s->files, i));
        if (exists(pattern))
            continue;
        tl_run_error(run, "step", "files", "%s left no file %.500s, which was expected", name, pattern);
        return -1;
    }
    return 0;
}

/* Ends the runner as the step ended: the supervisor makes a crash of it when it has seen a descendant die so.
 */
static void end_with_signal(const struct tl_run *run, int n)
{
    fflush(stdout);
    if (run->forked)
        _exit(128 + n);
    exit(128 + n);
}

/* The same of a step that the supervisor has not seen: it takes this runner's word. */
static void tell_signal(struct tl_run *run, const char *name, int n)
{
    char code[32];
    snprintf(code, sizeof code, "signal %d", n);
    tl_run_error(run, "step", code, "%s, which was not traced, was ended by signal %d", name, n);
}

/* The signal that an exit status speaks of, or 0. */
static int wrapped_signal(const struct step *s, const struct tl_step_end *end)
{
    if (end->signal)
        return end->signal;
    if (end->exit_status == s->exit_status) /* it is what the case wants */
        return 0;
    return end->exit_status > 128 && end->exit_status <= 128 + 64 ? end->exit_status - 128 : 0;
}

static uint64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* The phase that a step is in: its own, or the one of a line that it wrote. Its deadline is that of the whole step. */
static void enter_phase(struct step *s, const char *phase)
{
    uint64_t spent = *s->phase_now ? now_ms() - s->began_ms : 0;
    double left = s->timeout_s - (double)spent / 1000;
    snprintf(s->phase_now, sizeof s->phase_now, "%s", phase);
    if (s->timeout_s > 0)
        tl_run_phase_within(s->run, phase, left > 0.001 ? left : 0.001);
    else
        tl_run_phase(s->run, phase);
}

static void on_marker(void *arg, const char *phase)
{
    struct step *s = arg;
    if (strcmp(s->phase_now, phase) != 0)
        enter_phase(s, phase);
}

static void tell_counts(void *arg)
{
    struct step *s = arg;
    if (s->counters.n)
        tl_run_counts(s->run, tl_counters_json(&s->counters));
}

static int run_step(struct tl_run *run, struct step *s, size_t index, size_t n, char *fallback, size_t size)
{
    char name[512];
    name_step(name, sizeof name, s, index, n);
    struct tl_texts texts;
    static struct tl_step_end end; /* large, and one at a time */
    if (tl_texts_init(&texts, json_array_size(s->text) + json_array_size(s->no_text) +
                                  json_array_size(s->fallback))) {
        tl_texts_free(&texts);
        tl_run_error(run, "step", "memory", "%s: there is no memory", name);
        return -1;
    }
    for (size_t i = 0; i < json_array_size(s->text); i++)
        tl_texts_add(&texts, json_string_value(json_array_get(s->text, i)));
    for (size_t i = 0; i < json_array_size(s->no_text); i++)
        tl_texts_add(&texts, json_string_value(json_array_get(s->no_text, i)));
    for (size_t i = 0; i < json_array_size(s->fallback); i++)
        tl_texts_add(&texts, json_string_value(json_array_get(s->fallback, i)));
    s->run = run;
    s->began_ms = now_ms();
    s->counters.begins = on_marker;
    s->counters.arg = s;
    enter_phase(s, s->phase);
    const struct tl_step_run how = {.argv = s->words,
                                    .timeout_s = s->timeout_s > 0 ? s->timeout_s + GRACE_S : 0,
                                    .untraced = s->untraced,
                                    .texts = &texts,
                                    .counters = &s->counters,
                                    .told = tell_counts,
                                    .arg = s};
    int r = -1, failed = tl_step_run(&how, &end), why = errno;
    tl_counters_files(&s->counters);
    tell_counts(s);
    errno = why;
    if (failed)
        tl_run_error(run, "step", "fork", "%s: no process could be made: %s", name, strerror(errno));
    else if (end.exec_errno)
        tl_run_error(run, "step", "exec", "%s could not be started: %s", name, strerror(end.exec_errno));
    else if (end.timed_out)
        tl_run_error(run, "step", "timeout", "%s took longer than %g s and was killed", name, s->timeout_s);
    else if (s->untraced && end.signal)
        tell_signal(run, name, end.signal);
    else if (!s->untraced && wrapped_signal(s, &end)) {
        /* A status may mean something else, of which the step's own words tell. */
        if (end.signal)
            fprintf(stderr, "trapline-command: %s ended with signal %d\n", name, end.signal);
        else
            check(run, s, name, &end, &texts);
        end_with_signal(run, wrapped_signal(s, &end));
    } else
        r = check(run, s, name, &end, &texts) || check_fallback(run, s, name, &texts, fallback, size) ? -1
                                                                                                      : 0;
    tl_texts_free(&texts);
    return r;
}

static int trial(struct tl_run *run, void *state)
{
    const json_t *steps = json_object_get(run->request, "steps");
    size_t n = json_array_size(steps);
    int r = n ? 0 : -1;
    char fallback[2048] = "", another[sizeof fallback] = "";
    if (r)
        tl_run_error(run, "step", "request", "the case has no \"steps\" for this runner");
    bool any_untraced = false;
    for (size_t i = 0; i < n; i++)
        any_untraced |= json_is_false(json_object_get(json_array_get(steps, i), "trace"));
    tl_apart_begin(!any_untraced);
    /* All of them are looked at before any is run. */
    for (int go = 0; go < 2 && !r; go++) {
        for (size_t i = 0; i < n && !r; i++) {
            struct step s;
            const char *wrong = read_step(json_array_get(steps, i), run->scratch, &s);
            if (wrong) {
                tl_run_error(run, "step", "request", "step %zu of %zu: %s", i + 1, n, wrong);
                r = -1;
            } else if (go) {
                /* The first one counts; what fails after it is graver. */
                r = run_step(run, &s, i, n, *fallback ? another : fallback, sizeof fallback);
            }
            release_step(&s);
        }
    }
    if (!r) {
        json_t *result =
            json_pack("{s:[],s:s,s:{s:s}}", "outputs", "observed", "host", "versions", "command", VERSION);
        if (*fallback)
            json_object_set_new(result, "fallback",
                                tl_json_text(fallback, strlen(fallback), sizeof fallback));
        tl_run_result(run, result);
    }
    return r;
}

static int describe(const json_t *build, json_t *devices, json_t *axes)
{
    /* Its axes are the case's own: they stand in argv. */
    return json_array_append_new(devices, json_pack("{s:s,s:b,s:s}", "name", "host", "usable", 1, "why", ""));
}

int main(int argc, char **argv)
{
    static const struct tl_runner runner = {.name = "command",
                                            .version = VERSION,
                                            .describe = describe,
                                            .trial = trial,
                                            .no_builds = true,
                                            .fixed = true};
    return tl_runner_main(argc, argv, &runner);
}
