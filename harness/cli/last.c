#include "harness/cli/last.h"

#include "cases/suggest.h"
#include "harness/base/buffer.h"
#include "harness/base/record.h"
#include "harness/cli/cli.h"

#include <string.h>

static const struct tl_command *const *commands;

void tl_cli_last_commands(const struct tl_command *const *list)
{
    commands = list;
}

static bool is_command(const char *name)
{
    for (size_t i = 0; commands && commands[i]; i++)
        if (!strcmp(commands[i]->name, name))
            return true;
    return false;
}

static const char *what_of(unsigned kinds)
{
    return kinds == TL_STARTED_SIGNATURE ? "signature"
           : kinds == TL_STARTED_SESSION ? "session"
           : kinds == TL_STARTED_FINDING ? "finding"
           : kinds == TL_STARTED_TRIAL   ? "trial"
                                         : "trial or finding";
}

/* A name behind the colon. False when it is neither a command nor an outcome. */
static bool take_name(const char *name, struct tl_started_wish *wish)
{
    if (tl_outcome_parse(name) >= 0)
        wish->outcome = name;
    else if (is_command(name))
        wish->command = name;
    else
        return false;
    return true;
}

static int no_such_name(const char *word, const char *name)
{
    const char *names[TL_OUTCOME_COUNT + 64];
    size_t n = 0;
    for (int i = 0; i < TL_OUTCOME_COUNT; i++)
        names[n++] = tl_outcome_name((enum tl_outcome)i);
    for (size_t i = 0; commands && commands[i] && n < TL_COUNT(names); i++)
        names[n++] = commands[i]->name;
    const char *meant = tl_suggest(name, names, n);
    struct tl_error e;
    tl_fail(&e, TL_ERROR_INPUT, "what is the last of it", word,
            "a command or an outcome was expected behind the colon, as in last:isolate or last:crash%s%s%s",
            meant ? "; did you mean last:" : "", meant ? meant : "", meant ? "?" : "");
    return tl_print_error(&e);
}

int tl_cli_last(struct tl_store *s, unsigned kinds, const char **word, char id[TL_UUID_SIZE])
{
    struct tl_started found = {0};
    struct tl_started_wish wish = {.kinds = kinds};
    struct tl_error e;
    if (!*word || strncmp(*word, "last", 4) != 0 || ((*word)[4] && (*word)[4] != ':'))
        return -1;
    if ((*word)[4] && !take_name(*word + 5, &wish))
        return no_such_name(*word, *word + 5);
    int failed = 0;
    /* A command is asked for what it found, also when a later one found nothing; an outcome is that of a trial. */
    unsigned rather = wish.command ? TL_STARTED_FINDING : wish.outcome ? TL_STARTED_TRIAL : 0;
    if (kinds & rather) {
        wish.kinds = rather;
        failed = tl_started_last(s, &wish, &found, &e);
        wish.kinds = kinds;
    }
    if (!failed && !*found.id)
        failed = tl_started_last(s, &wish, &found, &e);
    if (!failed && !*found.id)
        failed = tl_fail(
            &e, TL_ERROR_INPUT, "there is none", *word,
            "%s holds no such %s that you started; what nights did and what was merged are none of it",
            tl_store_path(s), what_of(kinds));
    /* Who asks for a finding behind a command that wrote none does not mean that of an earlier one, of another case. */
    char vain[TL_STARTED_COMMAND] = "";
    if (!failed && kinds == TL_STARTED_FINDING && !(*word)[4])
        failed = tl_started_in_vain(s, found.session, vain, &e);
    if (*vain)
        failed = tl_fail(&e, TL_ERROR_INPUT, "there is none", *word,
                         "the last %s wrote no finding; of what was started before it the last one is %s",
                         vain, found.id);
    if (failed)
        return tl_print_error(&e);
    memcpy(id, found.id, TL_UUID_SIZE);
    tl_cli_note("%s is %s %s", *word, what_of(found.kind), id);
    *word = id;
    return -1;
}

int tl_cli_last_of_filter(struct tl_store *s, unsigned after, struct tl_filter *f,
                          struct tl_cli_last_ids *ids)
{
    int status = tl_cli_last(s, TL_STARTED_SIGNATURE, &f->signature_id, ids->signature);
    return status < 0 ? tl_cli_last(s, after, &f->after, ids->after) : status;
}
