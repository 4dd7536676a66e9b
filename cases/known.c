#include "cases/known.h"

#include "cases/conditions.h"
#include "harness/base/buffer.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

bool tl_known_is_status(const char *text)
{
    return text && (!strcmp(text, "known") || !strcmp(text, "filed") || !strcmp(text, "wontfix"));
}

/* A day of the calendar; false when there is no such day. */
static bool day_of(const char *text, struct tm *day)
{
    static const char form[] = "0000-00-00";
    for (size_t i = 0; i < sizeof form; i++)
        if (form[i] == '0' ? !isdigit((unsigned char)text[i]) : text[i] != form[i])
            return false;
    int year, month, date;
    if (sscanf(text, "%4d-%2d-%2d", &year, &month, &date) != 3 || year < 1970)
        return false;
    *day = (struct tm){
        .tm_year = year - 1900, .tm_mon = month - 1, .tm_mday = date, .tm_hour = 12, .tm_isdst = -1};
    struct tm same = *day;
    return mktime(&same) != -1 && same.tm_mon == day->tm_mon && same.tm_mday == day->tm_mday;
}

bool tl_known_is_until(const char *text)
{
    struct tm day;
    return text && (!strcmp(text, "fixed") || day_of(text, &day));
}

bool tl_known_is_over(const char *until, int64_t us)
{
    struct tm end;
    if (!until || !day_of(until, &end))
        return false;
    end.tm_hour = 0;
    end.tm_mday++; /* the beginning of the day after it */
    return us / 1000000 >= (int64_t)mktime(&end);
}

/* The same, or NULL when its last day is over. Takes it. */
static json_t *unless_over(json_t *known, int64_t us)
{
    if (!tl_known_is_over(json_string_value(json_object_get(known, "until")), us))
        return known;
    json_decref(known);
    return NULL;
}

static bool is_by_kind(const json_t *known)
{
    const char *by = json_string_value(json_object_get(known, "by"));
    return by && !strcmp(by, "kind");
}

json_t *tl_known_choose(json_t *by_case, json_t *by_database, int64_t us)
{
    by_case = unless_over(by_case, us);
    by_database = unless_over(by_database, us);
    if (by_case && !(by_database && is_by_kind(by_case) && !is_by_kind(by_database))) {
        json_decref(by_database);
        return by_case;
    }
    json_decref(by_case);
    return by_database;
}

/* An id as somebody wrote it down: whole, or its beginning. */
static bool is_called(const char *id, const char *written)
{
    size_t n = strlen(written);
    return id && *id && n >= TL_KNOWN_LEAST_OF_ID && !strncmp(id, written, n);
}

/* In a library without symbols an entry names a place of one build, or all failures of a kind: of the variants that it is bound
 * to, or of any. */
static const char *by_what(const json_t *entry, const struct tl_case_failure *f, const char *written)
{
    return is_called(f->signature_id, written) ? "place"
           : json_object_get(entry, "when")    ? "variant"
                                               : "kind";
}

json_t *tl_case_known(const json_t *known, const json_t *variant, const char *unit,
                      const struct tl_case_failure *f)
{
    bool list = json_is_array(known);
    size_t n = list ? json_array_size(known) : json_is_object(known);
    for (size_t i = 0; i < n; i++) {
        const json_t *entry = list ? json_array_get(known, i) : known;
        const char *written = json_string_value(json_object_get(entry, "signature"));
        if (!written || !(is_called(f->coarse_id, written) || is_called(f->signature_id, written)) ||
            !tl_conditions_hold(entry, variant, unit))
            continue;
        static const char *const names[] = {"signature", "as", "url", "note", "status", "until"};
        json_t *j = json_object();
        for (size_t k = 0; k < TL_COUNT(names); k++) {
            json_t *value = json_object_get(entry, names[k]);
            json_object_set_new(j, names[k], value ? json_incref(value) : json_null());
        }
        bool filed = json_object_get(entry, "as") || json_object_get(entry, "url");
        if (!json_object_get(entry, "status"))
            json_object_set_new(j, "status", json_string(filed ? "filed" : "known"));
        if (f->blind)
            json_object_set_new(j, "by", json_string(by_what(entry, f, written)));
        return j;
    }
    return NULL;
}
