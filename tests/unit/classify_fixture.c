#include "tests/unit/classify_fixture.h"

#include <criterion/criterion.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

static int no_signals[65];

struct seen passed(void)
{
    return (struct seen){.facts = {.protocol = true,
                                   .executed = true,
                                   .got_result = true,
                                   .descendant_signals = no_signals,
                                   .timeout_s = 60}};
}

struct seen died(int signal)
{
    struct seen s = passed();
    s.facts.got_result = false;
    s.facts.status = signal; /* WIFSIGNALED, WTERMSIG */
    return s;
}

struct seen exited(int code)
{
    struct seen s = passed();
    s.facts.got_result = false;
    s.facts.status = code << 8;
    return s;
}

struct tl_trial_record record;
int decisive;

void forget(void)
{
    free(record.captures); /* their contents are the test's */
    record.captures = NULL;
    record.n_captures = 0;
    tl_trial_record_free(&record);
}

enum tl_outcome outcome_of(const struct seen *s, struct tl_trial_record r)
{
    forget();
    record = r;
    record.err.head = strdup(s->said ? s->said : "");
    record.err.head_size = strlen(record.err.head);
    record.captures = calloc(s->n_captures + 1, sizeof *record.captures);
    for (size_t i = 0; i < s->n_captures; i++)
        record.captures[i] = s->captures[i];
    record.n_captures = s->n_captures;
    tl_verdict_of_process(&s->facts, &record);
    cr_expect_eq(*record.signature.id != '\0', tl_outcome_is_failure(record.outcome));
    decisive = -1;
    for (size_t i = 0; i < s->n_captures; i++) {
        struct tl_capture c = s->captures[i];
        c.fatal = record.captures[0].fatal; /* that is what it may be found to be */
        if (!memcmp(&c, &record.captures[0], sizeof c))
            decisive = (int)i;
    }
    return record.outcome;
}

enum tl_outcome outcome(const struct seen *s)
{
    return outcome_of(s, (struct tl_trial_record){.phase = TL_PHASE_EXECUTE});
}

json_t *parsed(const char *text)
{
    return json_loads(text, 0, NULL);
}

void says(const char *part)
{
    cr_expect(record.message && strstr(record.message, part), "%s, got %s", part,
              record.message ? record.message : "-");
}
