/* A case of a text that is no model: a case already, a crash report of a system, or a log with the command in it. */
#include "harness/cli/init.h"

#include "cases/init/config.h"
#include "db/store.h"
#include "harness/base/ascii.h"
#include "harness/base/buffer.h"
#include "harness/cli/begin.h"
#include "harness/cli/follow_up.h"
#include "harness/executor/import.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_MOST ((size_t)16 << 20)
#define WORDS_MOST 200

/* What a report says, for the case. */
struct told {
    char *process, *program, *why;
    enum tl_phase phase;
    char trial[TL_UUID_SIZE];
    bool found;
};

static void on_told(void *arg, const struct tl_import_answer *a)
{
    struct told *t = arg;
    if (a->result == TL_IMPORT_REFUSED && !t->why)
        t->why = tl_strdup(a->why);
    if (t->found || !a->about || !a->about->process || !a->n_trials)
        return;
    t->found = true;
    t->process = tl_strdup(a->about->process);
    t->phase = a->record ? a->record->phase : TL_PHASE_START;
    if (a->record && a->record->n_captures)
        t->program = tl_strdup(a->record->captures[0].exe);
    memcpy(t->trial, a->trials[0], sizeof t->trial);
}

/* Words of a line as a shell would split it, without anything else that a shell does. NULL: a quote has no end, or there are
 * more words than are taken. */
static char **split(const char *line, size_t *n)
{
    char **list = tl_calloc(WORDS_MOST + 1, sizeof *list);
    struct tl_buffer b = TL_BUFFER_INIT;
    char quote = 0;
    bool word = false, many = false;
    *n = 0;
    for (;; line++) {
        if (!*line || (!quote && isspace((unsigned char)*line))) {
            many = many || (word && *n == WORDS_MOST);
            if (word && !many)
                list[(*n)++] = tl_buffer_take(&b);
            word = false;
            if (!*line)
                break;
        } else if (quote ? *line == quote : *line == '\'' || *line == '"') {
            quote = quote ? 0 : *line;
            if (!word)
                tl_buffer_add_string(&b, "");
            word = true;
        } else {
            if (*line == '\\' && line[1] && quote != '\'')
                line++;
            tl_buffer_add(&b, line, 1);
            word = true;
        }
    }
    tl_buffer_free(&b);
    if (!quote && !many)
        return list;
    tl_strings_free(list);
    *n = 0;
    return NULL;
}

/* Whether a line can be shown on a terminal as it is. */
static bool is_plain(const char *line)
{
    for (; *line; line++)
        if (iscntrl((unsigned char)*line) && *line != '\t')
            return false;
    return true;
}

/* The last command that a log shows: behind "$ ", "+ " or "% " at the beginning of a line. */
static char *last_command(const char *text)
{
    char *copy = tl_strdup(text), *rest = copy, *line, *found = NULL;
    while ((line = strsep(&rest, "\n"))) {
        size_t n = strlen(line);
        if (n && line[n - 1] == '\r')
            line[n - 1] = '\0';
        if ((strncmp(line, "$ ", 2) != 0 && strncmp(line, "+ ", 2) != 0 && strncmp(line, "% ", 2) != 0) ||
            !line[2] || !is_plain(line))
            continue;
        free(found);
        found = tl_strdup(line + 2);
    }
    free(copy);
    return found;
}

static int of_log(struct tl_init *p, const struct tl_options *o, const char *path, const char *text,
                  const char *refused, struct tl_error *e)
{
    char *line = last_command(text);
    size_t n = 0;
    char **words = line ? split(line, &n) : NULL;
    int result;
    if (!n) {
        result = tl_fail(
            e, TL_ERROR_INPUT, "cannot make a case of it", path,
            "it is no model, and as a crash report: %s. Of a command that fails%s: trapline init -- "
            "COMMAND ARGUMENT…",
            line      ? "the command in it has a quote without an end, or more than 200 words"
            : refused ? refused
                      : "no command stands in it (a line that begins with \"$ \")",
            tl_init_config_is(path) ? ", with this file among its words if it is a configuration" : "");
    } else {
        const struct tl_init_words w = {.argv = (const char *const *)words, .n = n};
        result = tl_init_of_command(p, &w, o->out, e);
    }
    if (!result) {
        json_object_set_new(p->document, "source", json_string(path));
        tl_init_note(p, "the command is the last one in %s: %s", path, line);
    }
    tl_strings_free(words);
    free(line);
    return result;
}

/* What was written of a log, and the command that runs it, which somebody is to have looked at first. */
static int say_log(const struct tl_init *p, const struct tl_options *o)
{
    char *path = tl_format("%s/" TL_INIT_CASE, p->directory), *word = tl_cli_init_typed(path),
         *command = tl_format("`trapline run %s`", word), *whole = tl_cli_follow_up(command, false);
    json_t *document = json_pack("{s:s,s:s,s:O,s:O,s:[o]}", "case", path, "name", p->name, "axes",
                                 json_object_get(p->document, "axes"), "notes", p->notes, "next",
                                 json_sprintf("%.*s", (int)strlen(whole) - 2, whole + 1));
    if (o->json) {
        tl_print_json(json_incref(document));
    } else {
        tl_cli_init_print(p, path);
        printf("\nnothing was run, as a text said it: look at the command, then\n  %.*s\n",
               (int)strlen(whole) - 2, whole + 1);
    }
    json_decref(document);
    free(whole);
    free(command);
    free(word);
    free(path);
    return TL_EXIT_OK;
}

/* The report says what died, and not how it was called. */
static int of_report(struct tl_init *p, const struct tl_options *o, const char *path, const struct told *t)
{
    p->name = tl_init_name(t->process);
    p->directory = o->out ? tl_strdup(o->out) : tl_format("%s-case", p->name);
    const char *phase =
        t->phase == TL_PHASE_START || t->phase == TL_PHASE_DONE ? "execute" : tl_phase_name(t->phase);
    p->document =
        json_pack("{s:i,s:s,s:{s:[{s:s,s:[s]}]},s:[],s:s,s:s,s:{s:i,s:i}}", "trapline", 1, "name", p->name,
                  "model", "steps", "phase", phase, "argv", t->program ? t->program : t->process, "axes",
                  "source", path, "notes", "fill in the arguments that it was called with", "limits",
                  "timeout_s", 600, "memory_mb", 16384);
    struct tl_error e;
    if (!p->document)
        tl_fail(&e, TL_ERROR_INPUT, "cannot make a case of it", path, "a name in it is not UTF-8");
    if (!p->document || tl_init_write(p, &e))
        return tl_print_error(&e);
    json_t *document = json_pack("{s:o,s:s,s:s,s:s}", "case", json_sprintf("%s/" TL_INIT_CASE, p->directory),
                                 "name", p->name, "report", t->trial, "unit", "command:host");
    if (o->json)
        return tl_print_json(document);
    json_decref(document);
    char *program = tl_cli_init_typed(t->program ? t->program : t->process);
    printf("%s/" TL_INIT_CASE "\n  %s died in phase %s. The report is trial %.18s: `trapline show %.18s`\n"
           "  a report does not say how a program was called: fill in \"argv\", or better\n"
           "  trapline init -- %s ARGUMENT…\n",
           p->directory, t->process, phase, t->trial, t->trial, program);
    free(program);
    return TL_EXIT_OK;
}

int tl_cli_init_of_report(struct tl_init *p, const struct tl_command *c, const struct tl_options *o,
                          const char *path)
{
    struct tl_error e;
    struct tl_store *s;
    struct told t = {0};
    size_t size;
    char *text = tl_read_file(path, TEXT_MOST, &size);
    if (!text) {
        tl_fail_errno(&e, TL_ERROR_INPUT, errno, "cannot read it", path, NULL);
        return tl_print_error(&e);
    }
    json_t *document = json_loadb(text, size, 0, NULL);
    bool is_case = json_object_get(document, "trapline");
    json_decref(document);
    if (is_case) {
        free(text);
        char *word = tl_cli_init_typed(path);
        int refused = tl_usage_error(c, "%s is a case already: `trapline run %s`", path, word);
        free(word);
        return refused;
    }
    int status = -1;
    if (tl_cli_store(o, &s, &e)) {
        free(text);
        return tl_print_error(&e);
    }
    if (tl_import(s, path, NULL, on_told, &t, &e))
        status = tl_print_error(&e);
    if (tl_store_close(s, &e) && status < 0)
        status = tl_print_error(&e);
    if (status < 0 && t.found)
        status = of_report(p, o, path, &t);
    else if (status < 0)
        status =
            of_log(p, o, path, text, t.why, &e) || tl_init_write(p, &e) ? tl_print_error(&e) : say_log(p, o);
    free(t.process);
    free(t.program);
    free(t.why);
    free(text);
    return status;
}
