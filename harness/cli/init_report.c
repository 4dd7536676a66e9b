/* A case of a text that is no model: a case already, a crash report of a system, or a log with the command in it. */
#include "harness/cli/init.h"

#include "db/store.h"
#include "harness/base/ascii.h"
#include "harness/base/buffer.h"
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

/* Words of a line as a shell would split it, without anything else that a shell does. NULL: a quote has no end. */
static char **split(const char *line, size_t *n)
{
    char **list = tl_calloc(WORDS_MOST + 1, sizeof *list);
    struct tl_buffer b = TL_BUFFER_INIT;
    char quote = 0;
    bool word = false;
    *n = 0;
    for (;; line++) {
        if (!*line || (!quote && isspace((unsigned char)*line))) {
            if (word && *n < WORDS_MOST)
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
    if (!quote)
        return list;
    tl_strings_free(list);
    return NULL;
}

/* The last command that a log shows: behind "$ ", "+ " or "% " at the beginning of a line, or behind a prompt that ends so. */
static char *last_command(const char *text)
{
    char *copy = tl_strdup(text), *rest = copy, *line, *found = NULL;
    while ((line = strsep(&rest, "\n"))) {
        const char *at = strstr(line, "$ ");
        if (!at || at - line > 80)
            at = !strncmp(line, "+ ", 2) || !strncmp(line, "% ", 2) ? line : NULL;
        if (!at || !at[2])
            continue;
        free(found);
        found = tl_strdup(at + 2);
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
        result =
            tl_fail(e, TL_ERROR_INPUT, "cannot make a case of it", path,
                    "it is no model, and as a crash report: %s. Of a command that fails: trapline init -- "
                    "COMMAND ARGUMENT…",
                    refused ? refused : "no command stands in it (a line that begins with \"$ \")");
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
    printf("%s/" TL_INIT_CASE "\n  %s died in phase %s. The report is trial %.18s: `trapline show %.18s`\n"
           "  a report does not say how a program was called: fill in \"argv\", or better\n"
           "  trapline init -- %s ARGUMENT…\n",
           p->directory, t->process, phase, t->trial, t->trial, t->program ? t->program : t->process);
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
        return tl_usage_error(c, "%s is a case already: `trapline run %s`", path, path);
    }
    int status = -1;
    if (tl_store_open(o->db, TL_STORE_WRITE, &s, &e)) {
        free(text);
        return tl_print_error(&e);
    }
    if (tl_import(s, path, NULL, on_told, &t, &e))
        status = tl_print_error(&e);
    if (tl_store_close(s, &e) && status < 0)
        status = tl_print_error(&e);
    if (status < 0 && t.found)
        status = of_report(p, o, path, &t);
    else if (status < 0 && of_log(p, o, path, text, t.why, &e))
        status = tl_print_error(&e);
    free(t.process);
    free(t.program);
    free(t.why);
    free(text);
    return status;
}
