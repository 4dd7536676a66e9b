#include "harness/cli/follow_up.h"

#include "harness/base/buffer.h"
#include "reports/commands.h"
#include "reports/redact/redact.h"

#include <stdlib.h>
#include <string.h>

static const char *named;

void tl_cli_follow_up_db(const char *db)
{
    named = db;
}

/* Whether a command, from its name on, is about a database. */
static bool uses_database(const char *command)
{
    static const char *const begins[] = {
        "show ",    "report ", "run ",        "isolate ", "matrix ", "compare",       "reduce ",
        "nightly ", "known",   "list trials", "db ",      "import ", "list findings", "list signatures"};
    for (size_t i = 0; i < TL_COUNT(begins); i++)
        if (!strncmp(command, begins[i], strlen(begins[i])))
            return true;
    return false;
}

char *tl_cli_follow_up(const char *text, bool published)
{
    static const char mark[] = "`trapline ";
    struct tl_buffer b = TL_BUFFER_INIT, option = TL_BUFFER_INIT;
    if (!named)
        return tl_strdup(text);
    tl_buffer_add_string(&option, "--db");
    struct tl_redaction r;
    if (published)
        tl_redaction_init(&r);
    char *real = realpath(named, NULL); /* to be run from any directory */
    char *shown = published ? tl_redact_paths(&r, real ? real : named) : tl_strdup(real ? real : named);
    free(real);
    if (published)
        tl_redaction_free(&r);
    tl_shell_word(&option, shown, published);
    free(shown);
    tl_buffer_add_string(&b, "");
    for (const char *at; (at = strstr(text, mark)) != NULL;) {
        const char *command = at + sizeof mark - 1, *end = strchr(command, '`');
        size_t n = end ? (size_t)(end - command) : strlen(command);
        tl_buffer_add(&b, text, (size_t)(command - text) + n);
        if (end && uses_database(command) && !memmem(command, n, "--db", 4))
            tl_buffer_printf(&b, " %s", option.data);
        text = command + n;
        if (!end)
            break;
        tl_buffer_add_string(&b, "`");
        text++;
    }
    tl_buffer_add_string(&b, text);
    tl_buffer_free(&option);
    return tl_buffer_take(&b);
}
