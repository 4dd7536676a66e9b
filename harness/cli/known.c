/* trapline known: failures that somebody has judged, so that a night is green when nothing is new. */
#include "harness/cli/cli.h"

#include "cases/known.h"
#include "db/finding.h"
#include "db/known.h"
#include "db/query.h"
#include "harness/base/buffer.h"
#include "harness/base/clock.h"
#include "harness/base/plural.h"
#include "harness/base/utf8.h"
#include "harness/cli/begin.h"
#include "harness/cli/known.h"
#include "harness/cli/last.h"
#include "reports/known.h"
#include "reports/page/page.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#define TEXT_MOST 4096 /* bytes of what is said of a failure */

/* --- showing -------------------------------------------------------------------------------------------- */

/* A variant as conditions: what binds an entry whose signature is that of any failure of its kind. */
static json_t *when_json(const json_t *variant)
{
    json_t *when = json_object(), *value;
    const char *axis;
    json_object_foreach((json_t *)variant, axis, value)
        json_object_set_new(when, axis, json_pack("[O]", value));
    return when;
}

/* How far a failure in a library without symbols is told from others of its kind. */
static void print_places(const struct tl_known *k)
{
    json_t *list = tl_known_places_json(k), *builds = json_object(), *places = json_object(), *place;
    size_t i;
    json_array_foreach(list, i, place) {
        const char *build = json_string_value(json_array_get(place, 0)),
                   *signature = json_string_value(json_array_get(place, 1));
        char *both = tl_format("%s %s", build, signature);
        json_object_set_new(builds, build, json_true());
        json_object_set_new(places, both, json_true());
        free(both);
    }
    size_t n = json_object_size(places);
    if (n)
        printf("its library has no symbols: known are %zu place%s in %zu build%s, and in other builds the "
               "variants that were "
               "seen there; elsewhere in these builds the same kind of failure is another one\n",
               n, tl_plural(n), json_object_size(builds), tl_plural(json_object_size(builds)));
    json_decref(builds);
    json_decref(places);
    json_decref(list);
}

/* What a case file would say of the same. */
static char *case_file_text(const struct tl_known *k)
{
    json_t *j = json_pack("{s:s}", "signature", k->coarse_id);
    const char *const members[][2] = {
        {"as", k->name}, {"url", k->url}, {"note", k->note}, {"status", k->status}, {"until", k->until}};
    for (size_t i = 0; i < TL_COUNT(members); i++)
        if (*members[i][1])
            json_object_set_new(j, members[i][0], json_string(members[i][1]));
    if (k->shown)
        json_object_set_new(j, "when", when_json(k->shown));
    char *text = json_dumps(j, JSON_PRESERVE_ORDER);
    json_decref(j);
    return text;
}

static void print_one(const struct tl_known *k)
{
    json_t *j = tl_known_json(k);
    char *words = tl_inline_plain(tl_known_words_with_note(j)), *failure = tl_cli_known_failure(k);
    tl_cli_line("%.*s  %s of case %s: %s", TL_KNOWN_ID_SHOWN, k->id, failure, k->case_name,
                k->removed ? "no longer known" : words);
    if (!k->removed && tl_known_is_over(k->until, tl_wall_us()))
        tl_cli_note("%s is over: nothing is known by it", k->until);
    if (!k->removed && !tl_cli_is_quiet()) {
        print_places(k);
        char *entry = case_file_text(k);
        tl_cli_line("in a case file: \"known\": [ %s ]", entry ? entry : "");
        free(entry);
    }
    json_decref(j);
    free(words);
    free(failure);
}

/* One document, however many there are. */
static int print_done(const struct tl_options *o, struct tl_known *const *list, size_t n, const char *done)
{
    json_t *all = json_array();
    for (size_t i = 0; i < n; i++)
        if (o->json)
            json_array_append_new(all, tl_cli_known_json(list[i]));
        else
            print_one(list[i]);
    if (o->json)
        return tl_print_json(json_pack("{s:o}", done, all));
    json_decref(all);
    return tl_finish_output(TL_EXIT_OK);
}

/* --- which one ------------------------------------------------------------------------------------------ */

/* The failure that a trial or a finding shows: its signature ("" when it shows none), and the case. False when the word is
 * neither. */
static bool shown_by(struct tl_store *s, const char *word, char signature[TL_ID_SIZE], char **case_name)
{
    struct tl_error none;
    json_t *finding;
    struct tl_trial_record r;
    *signature = '\0';
    if (!tl_finding_load(s, word, &finding, &none)) {
        const char *id = json_string_value(json_object_get(json_object_get(finding, "signature"), "id")),
                   *name = json_string_value(json_object_get(finding, "case"));
        snprintf(signature, TL_ID_SIZE, "%s", id ? id : "");
        *case_name = tl_strdup(name);
        json_decref(finding);
    } else if (!tl_query_trial(s, word, &r, &none)) {
        snprintf(signature, TL_ID_SIZE, "%s", r.signature.id);
        *case_name = tl_strdup(r.case_name);
        tl_trial_record_free(&r);
    }
    return *case_name != NULL;
}

/* The failure that a word names: the beginning of the id of a signature, a finding or a trial, or `last`. */
static int failure_of(const struct tl_options *o, struct tl_store *s, const char *word, struct tl_known *k)
{
    char last[TL_UUID_SIZE], signature[TL_ID_SIZE], *case_name = NULL;
    struct tl_error e, other;
    int status = tl_cli_last(s, TL_STARTED_TRIAL | TL_STARTED_FINDING, &word, last);
    if (status >= 0)
        return status;
    int result = tl_known_failure(s, word, o->case_name, k, &e);
    if (result && e.kind == TL_ERROR_INPUT && shown_by(s, word, signature, &case_name)) {
        tl_known_free(k);
        result = *signature
                     ? tl_known_failure(s, signature, o->case_name ? o->case_name : case_name, k, &other)
                     : tl_fail(&other, TL_ERROR_INPUT, "which failure is known", word,
                               "it did not fail; a trial or a finding that did, or a signature was expected");
        e = other;
    }
    free(case_name);
    return result ? tl_print_error(&e) : -1;
}

static bool begins(const char *id, const char *word)
{
    return *word && !strncmp(id, word, strlen(word));
}

/* The one that a word names among those that are known: by its id, by what it is called, or by its failure. The exit status
 * after a message, or -1. */
static int known_of(const struct tl_options *o, struct tl_store *s, const char *word, struct tl_known_list *l,
                    struct tl_known **found)
{
    struct tl_error e;
    size_t n = 0;
    *found = NULL;
    for (size_t i = 0; i < l->n; i++) {
        struct tl_known *k = &l->list[i];
        if (begins(k->id, word) || begins(k->coarse_id, word) || (*k->name && !strcmp(k->name, word))) {
            *found = k;
            n++;
        }
    }
    if (n == 1)
        return -1;
    if (n > 1) {
        tl_fail(&e, TL_ERROR_INPUT, "which failure is meant", word,
                "several are called so; `trapline known` lists them, with their ids");
        return tl_print_error(&e);
    }
    struct tl_known k = {0};
    char signature[TL_ID_SIZE], *case_name = NULL;
    if (strncmp(word, "last", 4) != 0 && tl_known_failure(s, word, o->case_name, &k, &e) &&
        e.kind == TL_ERROR_INPUT && !shown_by(s, word, signature, &case_name)) {
        tl_known_free(&k);
        tl_fail(&e, TL_ERROR_INPUT, "which failure is meant", word,
                "nothing that is known is called so, by --as or by its id (`trapline known` lists them), and "
                "no signature, finding "
                "or trial has an id that begins so");
        return tl_print_error(&e);
    }
    free(case_name);
    tl_known_free(&k);
    k = (struct tl_known){0};
    int status = failure_of(o, s, word, &k);
    struct tl_known *same = status < 0 ? tl_known_same(l, &k, NULL) : NULL;
    tl_known_free(&k);
    if (status >= 0)
        return status;
    *found = same;
    if (same)
        return -1;
    tl_fail(&e, TL_ERROR_INPUT, "it is not known", word,
            "`trapline known` lists what is, and `trapline known %s` makes it known", word);
    return tl_print_error(&e);
}

/* --- changing ------------------------------------------------------------------------------------------- */

static void set(char **text, const char *value)
{
    if (!value)
        return;
    char *copy = tl_strdup(value);
    free(*text);
    *text = copy;
}

/* A text that somebody says of a failure, which stands on one line of a report later. */
static bool is_text(const char *text)
{
    if (!text)
        return true;
    size_t n = strlen(text);
    char *clean = n <= TEXT_MOST ? tl_clean_text(text, n, false) : NULL;
    bool is = clean && !strcmp(clean, text);
    free(clean);
    return is;
}

/* Why a text is no address that somebody can be sent to; NULL: it is one. */
static const char *wrong_address(const char *url)
{
    static const char *const schemes[] = {"https://", "http://"};
    const char *host = NULL;
    for (size_t i = 0; i < TL_COUNT(schemes) && !host; i++)
        host = strncasecmp(url, schemes[i], strlen(schemes[i])) ? NULL : url + strlen(schemes[i]);
    if (!host || !isalnum((unsigned char)*host))
        return "an address was expected that begins with https:// or http://";
    if (strpbrk(url, " \t"))
        return "there is a blank in it";
    if (memchr(host, '@', strcspn(host, "/?#")))
        return "it holds the name of a user, or a password, which everybody would read: leave out what "
               "stands before the @";
    return NULL;
}

/* The address without blanks around it, in the place of what was given; the caller's. */
static char *trim_address(struct tl_options *o)
{
    if (!o->url)
        return NULL;
    const char *from = o->url + strspn(o->url, " \t\n");
    size_t n = strlen(from);
    while (n && isspace((unsigned char)from[n - 1]))
        n--;
    char *trimmed = tl_format("%.*s", (int)n, from);
    o->url = trimmed;
    return trimmed;
}

/* -1 to go on. */
static int check_options(const struct tl_options *o)
{
    const char *wrong = o->url && *o->url ? wrong_address(o->url) : NULL;
    if (wrong && is_text(o->url))
        return tl_usage_error(&tl_command_known, "--url %s: %s", strstr(wrong, "password") ? "…" : o->url,
                              wrong);
    const char *const texts[][2] = {{"--as", o->as}, {"--url", o->url}, {"--note", o->note}};
    for (size_t i = 0; i < TL_COUNT(texts); i++)
        if (!is_text(texts[i][1]))
            return tl_usage_error(
                &tl_command_known,
                "%s: a line of at most %d bytes was expected, in UTF-8, without blanks at its "
                "ends, control characters and signs that turn the direction of text",
                texts[i][0], TEXT_MOST);
    if (o->known_status && !tl_known_is_status(o->known_status))
        return tl_usage_error(&tl_command_known, "--state %s: known, filed or wontfix was expected",
                              o->known_status);
    if (o->until && *o->until && !tl_known_is_until(o->until))
        return tl_usage_error(&tl_command_known, "--until %s: `fixed` or a day, YYYY-MM-DD, was expected",
                              o->until);
    if (tl_known_is_over(o->until, tl_wall_us()))
        return tl_usage_error(&tl_command_known,
                              "--until %s: that day is over, so that nothing would be known: today or a "
                              "later day was expected, or "
                              "`fixed`",
                              o->until);
    return -1;
}

/* What the options say; the rest stays as it was. */
static void apply(const struct tl_options *o, struct tl_known *k)
{
    char **const texts[] = {&k->name, &k->url, &k->note, &k->status, &k->until};
    const char *const values[] = {o->as, o->url, o->note, o->known_status, o->until};
    for (size_t i = 0; i < TL_COUNT(texts); i++) {
        set(texts[i], values[i]);
        if (!*texts[i])
            *texts[i] = tl_strdup("");
    }
    bool filed = *k->name || *k->url;
    if (!*k->status || (!o->known_status && filed && !strcmp(k->status, "known")))
        set(&k->status, filed ? "filed" : "known");
}

/* The failure becomes known, or what is said of it is changed. Nights before this moment do not close it. */
static int add(const struct tl_options *o, struct tl_store *s, const char *word)
{
    struct tl_known k = {0};
    struct tl_known_list l;
    struct tl_error e;
    if (tl_known_begin(s, &e))
        return tl_print_error(&e);
    int status = failure_of(o, s, word, &k);
    if (status >= 0) {
        tl_known_free(&k);
        return status;
    }
    if (tl_known_load(s, k.case_name, &l, &e)) {
        tl_known_free(&k);
        return tl_print_error(&e);
    }
    struct tl_known *same = tl_known_same(&l, &k, o->as), *one = &k;
    if (same) { /* at another place, it may be: one failure is known once */
        json_decref(same->causes);
        same->causes = json_incref(k.causes);
        same->adding = json_incref(k.adding);
        same->shown = json_incref(k.shown);
        one = same;
    }
    one->since_us = tl_wall_us();
    apply(o, one);
    status = tl_known_put(s, one, &e) ? tl_print_error(&e) : print_done(o, &one, 1, "known");
    tl_known_list_free(&l);
    tl_known_free(&k);
    return status;
}

/* remove WORD…, or note WORD TEXT. All words are looked up before anything is changed: a wrong one changes nothing. */
static int change(const struct tl_options *o, struct tl_store *s, char *const *words, size_t n,
                  const char *note)
{
    struct tl_known_list l = {0};
    struct tl_known *k, **changed = tl_calloc(n, sizeof *changed);
    struct tl_error e;
    size_t n_changed = 0;
    int status = tl_known_begin(s, &e) || tl_known_load(s, o->case_name, &l, &e) ? tl_print_error(&e) : -1;
    for (size_t i = 0; i < n && status < 0; i++) {
        status = known_of(o, s, words[i], &l, &k);
        if (status >= 0 || k->removed) /* named twice */
            continue;
        set(&k->note, note);
        k->removed = !note;
        changed[n_changed++] = k;
    }
    if (status < 0)
        status = tl_known_put_all(s, changed, n_changed, &e)
                     ? tl_print_error(&e)
                     : print_done(o, changed, n_changed, note ? "known" : "removed");
    tl_known_list_free(&l);
    free(changed);
    return status;
}

/* There must be a database; one that an older trapline made is brought up to date when it is opened for writing. */
static int check_there(const struct tl_options *o, struct tl_error *e)
{
    struct tl_store *s = NULL;
    char *path = o->db ? tl_strdup(o->db) : tl_store_default_path(e);
    bool there = path && !access(path, F_OK);
    int result = !path ? -1 : there ? 0 : tl_store_open(o->db, TL_STORE_READ, &s, e); /* says why not */
    if (s)
        tl_store_close(s, NULL);
    free(path);
    return result;
}

static int writing(const struct tl_options *o, const char *what)
{
    struct tl_store *s;
    struct tl_error e;
    int status;
    if (check_there(o, &e) || tl_cli_store(o, &s, &e))
        return tl_print_error(&e);
    if (!strcmp(what, "remove"))
        status = change(o, s, &o->args[1], (size_t)o->n_args - 1, NULL);
    else if (!strcmp(what, "note"))
        status = change(o, s, &o->args[1], 1, o->args[2]);
    else
        status = add(o, s, o->args[o->n_args - 1]);
    if (tl_store_close(s, &e) && status == TL_EXIT_OK)
        status = tl_print_error(&e);
    return tl_finish_output(status);
}

static int act(const struct tl_options *o)
{
    const char *what = o->n_args ? o->args[0] : "list";
    bool says = o->as || o->url || o->note || o->known_status || o->until;
    int status = check_options(o);
    if (status >= 0)
        return status;
    if (!strcmp(what, "list") && o->n_args <= 2 && !says)
        return tl_cli_known_list(o, o->n_args == 2 ? o->args[1] : o->case_name);
    if (!strcmp(what, "remove") && o->n_args >= 2 && !says)
        return writing(o, "remove");
    if (!strcmp(what, "note") && o->n_args == 3 && !says) {
        if (!is_text(o->args[2]))
            return tl_usage_error(&tl_command_known,
                                  "note: a line of at most %d bytes was expected, in UTF-8, without blanks "
                                  "at its ends, control characters "
                                  "and signs that turn the direction of text",
                                  TEXT_MOST);
        return writing(o, "note");
    }
    bool word = strcmp(what, "list") != 0 && strcmp(what, "remove") != 0 && strcmp(what, "note") != 0;
    if (!strcmp(what, "add") ? o->n_args == 2 : word && o->n_args == 1)
        return writing(o, "add");
    return tl_usage_error(&tl_command_known,
                          "`list [CASE]`, `[add] SIGNATURE` with what is said of it, `note WHICH TEXT` or "
                          "`remove WHICH…` was expected");
}

static int known_command(struct tl_options *o)
{
    char *url = trim_address(o);
    int status = act(o);
    free(url);
    return status;
}

const struct tl_command tl_command_known = {
    .name = "known",
    .arguments = "[add] SIGNATURE|FINDING|TRIAL [--as NAME] [--url URL] [--state known|filed|wontfix] "
                 "[--until fixed|DAY] [--note TEXT] | note WHICH TEXT | remove WHICH… | list [CASE]",
    .about = "say which failures are known, so that nights report what is new",
    .options = "as url state until note case",
    .run = known_command,
};
