#include "harness/cli/follow_up.h"

#include "harness/base/buffer.h"
#include "reports/commands.h"
#include "reports/redact/redact.h"

#include <stdlib.h>
#include <string.h>

static const struct tl_options *given;

void tl_cli_follow_up_options(const struct tl_options *o)
{
    given = o;
}

static bool begins_with(const char *command, const char *const *begins, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!strncmp(command, begins[i], strlen(begins[i])))
            return true;
    return false;
}

/* Whether a command, from its name on, is about a database. */
static bool uses_database(const char *command)
{
    static const char *const begins[] = {
        "show ",    "report ", "run ",        "isolate ", "matrix ", "compare",       "reduce ",
        "nightly ", "known",   "list trials", "db ",      "import ", "list findings", "list signatures"};
    return begins_with(command, begins, TL_COUNT(begins));
}

/* Whether it runs trials as this one does; a suite says itself how its are run. */
static bool runs_trials(const char *command, size_t n)
{
    static const char *const begins[] = {"run ", "isolate ", "matrix ", "reduce ", "init "};
    return begins_with(command, begins, TL_COUNT(begins)) ||
           (!strncmp(command, "report ", 7) &&
            (memmem(command, n, " --bundle", 9) || memmem(command, n, " --retest", 9)));
}

/* The words that name the database, as others see them: to be run from any directory. */
static void add_database(struct tl_buffer *b, bool published)
{
    char *real = realpath(given->db_given, NULL), *shown;
    const char *path = real ? real : given->db_given;
    struct tl_redaction r;
    if (published)
        tl_redaction_init(&r);
    shown = published ? tl_redact_paths(&r, path) : tl_strdup(path);
    if (published)
        tl_redaction_free(&r);
    tl_buffer_add_string(b, " --db");
    tl_shell_word(b, shown, published);
    free(shown);
    free(real);
}

/* What a stranger's model was kept from, it is kept from in the next step as well. */
static void add_sandbox(struct tl_buffer *b)
{
    tl_buffer_printf(b, " --sandbox%s", given->network ? " --network" : "");
    if (!given->user)
        return;
    tl_buffer_add_string(b, " --user");
    tl_shell_word(b, given->user, false);
}

char *tl_cli_follow_up(const char *text, bool published)
{
    static const char mark[] = "`trapline ";
    struct tl_buffer b = TL_BUFFER_INIT;
    if (!given || (!given->db_given && !given->sandbox))
        return tl_strdup(text);
    tl_buffer_add_string(&b, "");
    for (const char *at; (at = strstr(text, mark)) != NULL;) {
        const char *command = at + sizeof mark - 1, *end = strchr(command, '`');
        size_t n = end ? (size_t)(end - command) : strlen(command);
        tl_buffer_add(&b, text, (size_t)(command - text) + n);
        if (end && given->db_given && uses_database(command) && !memmem(command, n, "--db", 4))
            add_database(&b, published);
        if (end && given->sandbox && runs_trials(command, n) && !memmem(command, n, "--sandbox", 9))
            add_sandbox(&b);
        text = command + n;
        if (!end)
            break;
        tl_buffer_add_string(&b, "`");
        text++;
    }
    tl_buffer_add_string(&b, text);
    return tl_buffer_take(&b);
}
