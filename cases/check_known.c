/* Checks "known" of a case: failures that somebody has judged. */
#include "cases/check.h"
#include "cases/known.h"

#include <string.h>

#define KNOWN_MAX 1024

static void check_entry(struct tl_check *ck, const struct tl_json_place *at, size_t *values)
{
    struct tl_key keys[8];
    enum { SIGNATURE, AS, URL, NOTE, STATUS, UNTIL, WHEN, UNIT };
    if (!tl_check_keys(ck, at, &tl_keys_known, keys, "an object with \"signature\""))
        return;
    const char *id = tl_check_string(ck, &keys[SIGNATURE].at, 1, 32);
    if (id && (strlen(id) < TL_KNOWN_LEAST_OF_ID || id[strspn(id, "0123456789abcdef")]))
        tl_note_found(ck, &keys[SIGNATURE].at,
                      "expected the id of a failure across builds, %d to 32 hexadecimal digits of it, as "
                      "`trapline show` and `trapline known` print it",
                      TL_KNOWN_LEAST_OF_ID);
    tl_check_string(ck, &keys[AS].at, 1, 256);
    tl_check_string(ck, &keys[URL].at, 1, 2048);
    tl_check_string(ck, &keys[NOTE].at, 1, 4096);
    const char *status = tl_check_string(ck, &keys[STATUS].at, 1, 16),
               *until = tl_check_string(ck, &keys[UNTIL].at, 1, 16);
    if (status && !tl_known_is_status(status))
        tl_note_found(ck, &keys[STATUS].at, "expected known, filed or wontfix");
    if (until && !tl_known_is_until(until))
        tl_note_found(ck, &keys[UNTIL].at, "expected \"fixed\" or a day, YYYY-MM-DD");
    tl_check_conditions(ck, &keys[WHEN].at, &keys[UNIT].at, values);
}

void tl_check_known(struct tl_check *ck, const struct tl_json_place *at)
{
    if (!at->value)
        return;
    ck->c->known = at->value;
    tl_check_one_or_more(ck, at, KNOWN_MAX, "signature", check_entry);
}
