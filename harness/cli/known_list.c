/* What is known: in the database, and in the files of cases that were run here. */
#include "harness/cli/known.h"

#include "cases/known.h"
#include "db/started.h"
#include "harness/base/buffer.h"
#include "harness/base/clock.h"
#include "harness/base/utf8.h"
#include "harness/cli/begin.h"
#include "harness/cli/table.h"
#include "reports/known.h"
#include "reports/page/page.h"

#include <stdlib.h>
#include <string.h>

#define CASE_MOST ((size_t)4 << 20)

/* As a terminal may have it, whoever wrote it into the database. */
char *tl_cli_known_shown(char *text)
{
    char *clean = tl_clean_text(text, strlen(text), false);
    free(text);
    return clean;
}

char *tl_cli_known_failure(const struct tl_known *k)
{
    return tl_cli_known_shown(
        tl_format("%s%s%s in %s: %s", k->outcome, *k->signal ? " " : "", k->signal, k->phase, k->title));
}

static char *until_text(const struct tl_known *k)
{
    return tl_format("%s%s", *k->until ? k->until : "for good",
                     tl_known_is_over(k->until, tl_wall_us()) ? ", over" : "");
}

static void print_list(const struct tl_known_list *l)
{
    static const char *const head[] = {"id", "case", "status", "as", "until", "failure", "url", "note"};
    struct tl_table t = {.n_columns = TL_COUNT(head), .n_headers = 1};
    for (size_t i = 0; i < TL_COUNT(head); i++)
        tl_table_add(&t, tl_strdup(head[i]), NULL);
    for (size_t i = 0; i < l->n; i++) {
        const struct tl_known *k = &l->list[i];
        char *cells[] = {tl_format("%.*s", TL_KNOWN_ID_SHOWN, k->id),
                         tl_strdup(k->case_name),
                         tl_strdup(k->status),
                         tl_strdup(k->name),
                         until_text(k),
                         tl_cli_known_failure(k),
                         tl_strdup(k->url),
                         tl_strdup(k->note)};
        for (size_t c = 0; c < TL_COUNT(cells); c++)
            tl_table_add(&t, tl_cli_known_shown(cells[c]), NULL);
    }
    tl_table_print_fit(&t, 2, tl_output_width(0), stdout, tl_colour(stdout));
    tl_table_free(&t);
}

json_t *tl_cli_known_json(const struct tl_known *k)
{
    json_t *j = tl_known_json(k), *places = tl_known_places_json(k), *all = json_array(), *one;
    size_t i;
    json_array_foreach(places, i, one)
        json_array_append_new(all, json_pack("{s:O,s:O,s:O}", "build", json_array_get(one, 0), "signature",
                                             json_array_get(one, 1), "variant", json_array_get(one, 2)));
    if (json_array_size(all))
        json_object_set(j, "places", all);
    json_decref(all);
    json_decref(places);
    return j;
}

json_t *tl_cli_known_list_json(const struct tl_known *list, size_t n)
{
    json_t *all = json_array();
    for (size_t i = 0; i < n; i++)
        json_array_append_new(all, tl_cli_known_json(&list[i]));
    return all;
}

/* What a case file makes known: {"case", "path", "known"}; NULL: nothing, or not of the case that is meant. */
static json_t *of_case_file(const char *path, const char *case_name)
{
    static const char *const members[] = {"as", "url", "note", "until"};
    size_t size, i;
    char *text = tl_read_file(path, CASE_MOST, &size);
    json_t *document = text ? json_loadb(text, size, 0, NULL) : NULL,
           *known = json_object_get(document, "known"), *all = json_array(), *entry, *one = NULL;
    const char *name = json_string_value(json_object_get(document, "name"));
    json_t *entries = json_is_object(known) ? json_pack("[O]", known) : json_incref(known);
    json_array_foreach(entries, i, entry) {
        const char *signature = json_string_value(json_object_get(entry, "signature")),
                   *status = json_string_value(json_object_get(entry, "status"));
        json_t *shown_entry = signature ? json_pack("{s:s}", "signature", signature) : NULL;
        if (!shown_entry)
            continue;
        for (size_t m = 0; m < TL_COUNT(members); m++) {
            json_t *value = json_object_get(entry, members[m]);
            json_object_set(shown_entry, members[m], json_is_string(value) ? value : json_null());
        }
        bool filed = json_object_get(entry, "as") || json_object_get(entry, "url");
        json_object_set_new(shown_entry, "status", json_string(status ? status : filed ? "filed" : "known"));
        json_array_append_new(all, shown_entry);
    }
    if (json_array_size(all) && name && (!case_name || !strcmp(case_name, name)))
        one = json_pack("{s:s,s:s,s:O}", "case", name, "path", path, "known", all);
    json_decref(entries);
    json_decref(document);
    json_decref(all);
    free(text);
    return one;
}

/* What the files of cases that were run here make known, as they are now. A list. */
static json_t *of_case_files(struct tl_store *s, const char *case_name)
{
    json_t *all = json_array();
    char **paths;
    struct tl_error ignored;
    if (tl_started_case_paths(s, &paths, &ignored))
        return all;
    for (size_t i = 0; paths[i]; i++) {
        json_t *one = of_case_file(paths[i], case_name);
        if (one)
            json_array_append_new(all, one);
    }
    tl_strings_free(paths);
    return all;
}

static void print_case_files(const json_t *files)
{
    const json_t *file, *entry;
    size_t i, k;
    json_array_foreach(files, i, file) {
        char *path = tl_cli_known_shown(tl_strdup(json_string_value(json_object_get(file, "path")))),
             *name = tl_cli_known_shown(tl_strdup(json_string_value(json_object_get(file, "case"))));
        json_array_foreach(json_object_get(file, "known"), k, entry) {
            char *id = tl_cli_known_shown(tl_format("%.*s", TL_KNOWN_ID_SHOWN,
                                                    json_string_value(json_object_get(entry, "signature")))),
                 *words = tl_cli_known_shown(tl_inline_plain(tl_known_words_with_note(entry)));
            tl_cli_line("%s  of case %s: %s, in %s", id, name, words, path);
            free(id);
            free(words);
        }
        free(path);
        free(name);
    }
}

int tl_cli_known_list(const struct tl_options *o, const char *case_name)
{
    struct tl_store *s;
    struct tl_known_list l;
    struct tl_error e;
    if (tl_store_open(o->db, TL_STORE_READ, &s, &e))
        return tl_print_error(&e);
    int result = tl_known_load(s, case_name, &l, &e);
    json_t *files = result ? NULL : of_case_files(s, case_name);
    tl_store_close(s, NULL);
    if (result)
        return tl_print_error(&e);
    if (o->json) {
        json_t *all = tl_cli_known_list_json(l.list, l.n);
        tl_known_list_free(&l);
        json_t *document = json_pack("{s:o}", "known", all);
        if (json_array_size(files))
            json_object_set(document, "case_files", files);
        json_decref(files);
        return tl_print_json(document);
    }
    if (l.n)
        print_list(&l);
    print_case_files(files);
    if (!l.n && !json_array_size(files))
        tl_cli_note("no failure%s%s is known; `trapline known SIGNATURE --as NAME` makes one known",
                    case_name ? " of case " : "", case_name ? case_name : "");
    json_decref(files);
    tl_known_list_free(&l);
    return tl_finish_output(TL_EXIT_OK);
}
