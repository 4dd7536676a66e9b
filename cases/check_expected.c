/* Checks "expected" of a case, which says what is right. */
#include "cases/check.h"
#include "harness/base/buffer.h"
#include "harness/base/record.h"

#include <stdlib.h>
#include <string.h>

#define EXPECTED_MAX 1024

static void check_outcome(struct tl_check *ck, const struct tl_json_place *at)
{
    const char *name = json_string_value(at->value);
    int outcome = name ? tl_outcome_parse(name) : -1;
    if (at->value && (outcome < 0 || outcome == TL_OUTCOME_LOST))
        tl_note_found(ck, at,
                      "expected an outcome: pass, crash, hang, oom, error, wrong, fallback, unsupported or "
                      "leak");
}

/* Whoever wants a message has to name what can have one. */
static void check_message(struct tl_check *ck, const struct tl_json_place *at,
                          const struct tl_json_place *outcome)
{
    const char *name = json_string_value(outcome->value);
    tl_check_string(ck, at, 1, 4096);
    if (at->value && name && !strcmp(name, "pass"))
        tl_note(ck, at, "a pass has no message");
}

static void check_entry(struct tl_check *ck, const struct tl_json_place *at, size_t *values)
{
    struct tl_key keys[4];
    if (!tl_check_keys(ck, at, &tl_keys_expected, keys, "an object with \"outcome\""))
        return;
    check_outcome(ck, &keys[0].at);
    check_message(ck, &keys[1].at, &keys[0].at);
    tl_check_conditions(ck, &keys[2].at, &keys[3].at, values);
}

void tl_check_expected(struct tl_check *ck, const struct tl_json_place *at)
{
    if (!at->value)
        return;
    ck->c->expected = at->value;
    tl_check_one_or_more(ck, at, EXPECTED_MAX, "outcome", check_entry);
}
