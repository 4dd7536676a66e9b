/* Theory of operation. An interpreter that lacks a module, and a shell that lacks a command, fail with the same
 * exit statuses as a generator that refuses a variant. What tells them apart is the line in which each of them
 * has said so for decades; only lines that begin with those words count, so that a generator may speak of
 * modules in sentences of its own. The statuses 126 and 127 are what shells, env and exec itself end with when
 * a program cannot be started; nobody else uses them. */
#include "harness/verdict/generator.h"

#include "harness/base/buffer.h"
#include "harness/base/utf8.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#define LINE_MOST 400

/* begins: how the line begins, after names that end in ": " ("ruby: ", "ERROR: LoadError: "); NULL: how it begins
 * does not matter. holds: what must stand in it. */
static const struct {
    const char *begins, *holds;
} lacks[] = {
    /* Python: of a module, also a library that it needs; of -m; of a script */
    {"ModuleNotFoundError: ", ""},
    {"ImportError: ", ""},
    {"No module named ", ""},
    {"can't open file '", "[Errno 2]"},
    /* node, CommonJS and ES modules; npx; deno */
    {"Error: Cannot find module ", ""},
    {"Error [ERR_MODULE_NOT_FOUND]: ", ""},
    {"Cannot find package ", "imported from"},
    {"npm error could not determine executable to run", ""},
    {"error: Module not found ", ""},
    /* ruby, perl, R, Lua, PHP */
    {NULL, "cannot load such file -- "},
    {"No such file or directory -- ", "(LoadError)"},
    {"Can't locate ", "in @INC"},
    {"Can't open perl script ", ""},
    {"Error in ", "there is no package called"},
    {"Fatal error: cannot open file '", ""},
    {"module '", "' not found"},
    {"Could not open input file: ", ""},
    /* java, julia, go, swift */
    {"Error: Could not find or load main class", ""},
    {"Error: Unable to access jarfile ", ""},
    {"ArgumentError: Package ", "not found"},
    {"no required module provides package", ""},
    {"error: no such module ", ""},
    /* uv run, conda run, dash with a script, the loader */
    {"error: Failed to spawn: ", ""},
    {"EnvironmentLocationNotFound: ", ""},
    {"cannot open ", ": No such file"},
    {"error while loading shared libraries: ", ""},
    {"Library not loaded: ", ""},
    /* bash and zsh within a script, make, cargo, containers */
    {NULL, ": command not found"},
    {"command not found: ", ""},
    {"*** No rule to make target ", ""},
    {"error: no such command: ", ""},
    {NULL, "executable file not found in $PATH"},
    {"Unable to find image ", ""},
    /* what pip and uv were to install */
    {"Could not find a version that satisfies the requirement ", ""},
    {"No matching distribution found for ", ""},
    {NULL, "No solution found when resolving "},
};

static bool begins(const char *line, size_t size, const char *with)
{
    size_t n = strlen(with);
    return size >= n && !memcmp(line, with, n);
}

static bool holds(const char *at, const char *end, const char *what)
{
    return memmem(at, (size_t)(end - at), what, strlen(what)) != NULL;
}

/* Whether a line says it, directly or after the names of who says it. */
static bool says_lack(const char *line, size_t size)
{
    const char *end = line + size;
    const char *bar = line;
    while (bar < end && *bar == ' ')
        bar++;
    if (end - bar > 2 && bar[0] == '|' && bar[1] == ' ') /* of a group of exceptions */
        line = bar + 2;
    for (size_t i = 0; i < TL_COUNT(lacks); i++) {
        const char *at = lacks[i].begins ? line : NULL;
        if (!at && holds(line, end, lacks[i].holds))
            return true;
        for (int names = 0; at && names < 4; names++) {
            if (begins(at, (size_t)(end - at), lacks[i].begins) && holds(at, end, lacks[i].holds))
                return true;
            const char *colon = memmem(at, (size_t)(end - at), ": ", 2);
            /* A name, and no sentence. */
            at = colon && !memchr(at, ' ', (size_t)(colon - at)) ? colon + 2 : NULL;
        }
    }
    return false;
}

static char *line_text(const char *line, size_t size)
{
    char *text = tl_clean_text(line, size, false);
    text[tl_utf8_cut(text, LINE_MOST)] = '\0';
    return text;
}

/* The last line of a text that says it. */
static char *find_lack(const char *text, size_t size)
{
    const char *best = NULL;
    size_t best_size = 0;
    for (const char *at = text; at && at < text + size;) {
        const char *end = memchr(at, '\n', (size_t)(text + size - at));
        size_t n = (size_t)((end ? end : text + size) - at);
        if (says_lack(at, n)) {
            best = at;
            best_size = n;
        }
        at = end ? end + 1 : NULL;
    }
    return best ? line_text(best, best_size) : NULL;
}

char *tl_generator_lacks(const struct tl_trial_record *r)
{
    if (r->outcome != TL_OUTCOME_ERROR || r->exit_status <= 0)
        return NULL;
    char *line = find_lack(r->err.tail, r->err.tail_size);
    if (!line)
        line = find_lack(r->err.head, r->err.head_size);
    if (line || (r->exit_status != 126 && r->exit_status != 127))
        return line;
    char *said = tl_output_last_line(&r->err);
    line = tl_format("exit status %d, a program that cannot be started%s%s", r->exit_status, said ? ": " : "",
                     said ? said : "");
    free(said);
    return line;
}

char *tl_generator_refused(const struct tl_trial_record *r)
{
    bool ended = r->outcome == TL_OUTCOME_PASS || (r->outcome == TL_OUTCOME_ERROR && r->exit_status >= 0);
    char *line = ended ? tl_output_last_line(&r->out) : NULL, *why = NULL;
    json_t *said = line ? json_loads(line, 0, NULL) : NULL;
    const char *text = json_string_value(json_object_get(said, "unsupported"));
    if (json_object_get(said, "unsupported"))
        why = tl_strdup(text && *text ? text : "it gives no reason");
    else if (ended && r->exit_status == TL_REFUSED_STATUS)
        why = tl_output_last_line(&r->err);
    if (!why && ended && r->exit_status == TL_REFUSED_STATUS)
        why = tl_strdup(line ? line : "exit status 77, which gives no reason");
    json_decref(said);
    free(line);
    return why;
}
