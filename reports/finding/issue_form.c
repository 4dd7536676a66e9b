/* A report as the text for a project's issue form.
 *
 * GitHub shows what was filled into a form as a heading for each field with the answer below it, and a body that has the
 * same headings is read as a filled form. So that is what is written: it can be pasted field by field, or sent as a
 * whole. Which fields there are and what is to be said in each is data (templates/projects.json). What is not known is
 * said to be filled in by hand, in words that can be searched for, and never guessed.
 *
 * A body of more than 65,536 characters is refused by GitHub. Each block is cut where it is made (issue_facts.c); what is
 * still too long then loses blocks at the end of its longest field. */
#include "reports/finding/issue_form.h"

#include "harness/base/utf8.h"
#include "reports/finding/issue_facts.h"
#include "reports/finding/members.h"
#include "reports/members.h"
#include "reports/page/page.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define BODY_MOST 60000 /* bytes, of which there are at least as many as characters */
#define TITLE_MOST 250  /* GitHub takes 256 characters */

extern const char tl_issue_projects_text[];

static json_t *projects(void)
{
    json_t *all = json_loads(tl_issue_projects_text, 0, NULL);
    return all ? all : json_object();
}

char *tl_issue_projects(void)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    json_t *all = projects(), *one;
    const char *name;
    json_object_foreach(all, name, one)
        tl_buffer_printf(&b, "%s%s", b.size ? ", " : "", name);
    json_decref(all);
    return tl_buffer_take(&b);
}

bool tl_issue_project_known(const char *project)
{
    json_t *all = projects();
    bool known = json_is_object(json_object_get(all, project));
    json_decref(all);
    return known;
}

/* ---- fields ---- */

/* Words of a template, in which `this` is code. */
static void add_by_hand(json_t *page, const char *what)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    bool code = false;
    tl_buffer_add_string(&b, "(To be filled in by hand: ");
    for (; *what; what++) {
        code = *what == '`' ? !code : code;
        tl_buffer_add(&b, *what != '`' ? what : code ? TL_CODE_ON : TL_CODE_OFF, 1);
    }
    tl_buffer_add_string(&b, ".)");
    tl_page_paragraph(page, tl_buffer_take(&b));
}

/* The options of a drop-down as words. */
static char *options_words(const json_t *options)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    const char *option;
    json_t *when;
    tl_buffer_add_string(&b, "one of ");
    json_object_foreach((json_t *)options, option, when)
        tl_buffer_printf(&b, "%s%s", b.size > 7 ? ", " : "", option);
    return tl_buffer_take(&b);
}

/* The option for a word; "*" takes every word that no other option has. NULL: none does. */
static const char *option_for(const json_t *options, const char *word)
{
    const char *option, *other = NULL;
    json_t *when, *one;
    size_t i;
    json_object_foreach((json_t *)options, option, when)
        json_array_foreach(when, i, one) {
            if (word && !strcmp(json_string_value(one), word))
                return option;
            if (!strcmp(json_string_value(one), "*"))
                other = option;
        }
    return word ? other : NULL;
}

/* *by_hand: what is wanted of who files it; the caller's. NULL: nothing. */
static void fill_choice(const json_t *report, const json_t *field, json_t *page, char **by_hand)
{
    const json_t *options = json_object_get(field, "options");
    char *word = tl_issue_word(report, tl_member_or(field, "choose", ""));
    const char *option = option_for(options, word);
    if (option)
        tl_page_words(page, option);
    else
        *by_hand = options_words(options);
    free(word);
}

/* Adds blocks, those that another fact has said already not again. */
static void add_new(json_t *page, const json_t *blocks)
{
    json_t *block, *other;
    size_t i, k;
    json_array_foreach(blocks, i, block) {
        bool said = false;
        json_array_foreach(page, k, other)
            said = said || json_equal(block, other);
        if (!said)
            json_array_append(page, block);
    }
}

/* Which file is to be attached to what a field says, where there is one: a new string. also: what is wanted besides, or how a bundle
 * is made, which it is then. */
static char *attach_words(const json_t *report, const char *also)
{
    const char *name = tl_member_text(json_object_get(report, "bundle"), "name");
    if (also && strstr(also, "--bundle"))
        also = NULL;
    return tl_format("attach `%s`, which holds the reproducer%s%s", name, also ? "; " : "", also ? also : "");
}

static bool shows_bundle(const json_t *report, const char *fact)
{
    return tl_member_text(json_object_get(report, "bundle"), "name") && fact &&
           (!strcmp(fact, "reproduce") || !strcmp(fact, "attached"));
}

static void fill_facts(const json_t *report, const json_t *field, json_t *page, char **by_hand)
{
    const json_t *fact;
    const char *wanted = tl_member_text(field, "by_hand"), *also = tl_member_text(field, "also");
    bool there = false, attached = false;
    size_t i;
    json_array_foreach(json_object_get(field, "say"), i, fact) {
        json_t *blocks = json_array();
        there = tl_issue_fact(report, json_string_value(fact), blocks) || there;
        attached = attached || (shows_bundle(report, json_string_value(fact)) && json_array_size(blocks));
        add_new(page, blocks);
        json_decref(blocks);
    }
    if (!there)
        *by_hand = tl_strdup(wanted ? wanted : "the report does not know it");
    else if (attached)
        *by_hand = attach_words(report, also);
    else if (also)
        *by_hand = tl_strdup(also);
}

/* Blocks in one line, for an item of a list. */
static void add_line(struct tl_buffer *b, const json_t *page)
{
    const json_t *block;
    size_t i;
    json_array_foreach(page, i, block)
        if (tl_member_text(block, "text"))
            tl_buffer_printf(b, "%s%s", i ? "; " : "", tl_member_text(block, "text"));
}

/* Fields that are lines of a list under one heading. */
static void fill_items(const json_t *report, const json_t *field, json_t *page, char **by_hand)
{
    const json_t *item;
    struct tl_buffer wanted = TL_BUFFER_INIT;
    size_t i;
    json_array_foreach(json_object_get(field, "items"), i, item) {
        struct tl_buffer line = TL_BUFFER_INIT;
        json_t *blocks = json_array();
        char *missing = NULL;
        fill_facts(report, item, blocks, &missing);
        if (missing) {
            add_by_hand(blocks, missing);
            tl_buffer_printf(&wanted, "%s%s", wanted.size ? "; " : "", missing);
        }
        tl_inline_text(&line, tl_member_text(item, "label"));
        tl_buffer_add_string(&line, " ");
        add_line(&line, blocks);
        tl_page_item(page, tl_buffer_take(&line));
        json_decref(blocks);
        free(missing);
    }
    if (wanted.size)
        *by_hand = tl_buffer_take(&wanted);
    tl_buffer_free(&wanted);
}

/* What stands in a field that GitHub shows as code: the code of its blocks, and their words. */
static void as_code(json_t *page, const char *language)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    const json_t *block;
    size_t i;
    json_array_foreach(page, i, block)
        if (tl_member_text(block, "text")) {
            char *text = tl_strdup(tl_member_text(block, "text"));
            bool code = !strcmp(tl_member_or(block, "is", ""), "code");
            tl_buffer_printf(&b, "%s%s", i ? "\n" : "", code ? text : tl_inline_plain(text));
            free(text);
        }
    json_array_clear(page);
    if (b.size)
        tl_page_code(page, language, tl_buffer_take(&b));
}

/* One field: its label, its blocks, and what is wanted of it by hand. */
static json_t *fill(const json_t *report, const json_t *field)
{
    json_t *page = json_array();
    char *by_hand = NULL;
    const char *render = tl_member_text(field, "render");
    bool items = json_is_array(json_object_get(field, "items"));
    if (tl_member_text(field, "choose"))
        fill_choice(report, field, page, &by_hand);
    else if (items)
        fill_items(report, field, page, &by_hand);
    else
        fill_facts(report, field, page, &by_hand);
    if (by_hand && !items)
        add_by_hand(page, by_hand);
    if (render)
        as_code(page, render);
    json_t *j = json_pack("{s:s,s:o,s:s?,s:b}", "label", tl_member_or(field, "label", ""), "page", page,
                          "by_hand", by_hand, "optional", (int)tl_member_true(field, "optional"));
    free(by_hand);
    return j;
}

/* ---- the whole ---- */

static size_t set_text(json_t *field)
{
    char *text = tl_page_markdown(json_object_get(field, "page"));
    size_t size = strlen(text);
    json_object_set_new(field, "text", json_string(text));
    free(text);
    return size;
}

/* Shortens the longest field until all of it can be sent. */
static void fit(json_t *fields)
{
    for (;;) {
        json_t *field, *longest = NULL;
        size_t i, total = 0, most = 0;
        json_array_foreach(fields, i, field) {
            size_t size = set_text(field);
            total += size + strlen(tl_member_or(field, "label", "")) + 8;
            if (size > most) {
                most = size;
                longest = field;
            }
        }
        json_t *page = json_object_get(longest, "page");
        bool short_already = json_is_true(json_object_get(longest, "shortened"));
        size_t blocks = json_array_size(page);
        if (total <= BODY_MOST || blocks <= (short_already ? 2u : 1u))
            return;
        if (short_already)
            json_array_remove(page, blocks - 1);
        json_array_remove(page, json_array_size(page) - 1);
        tl_page_words(page, "(Shortened: the report has the rest.)");
        json_object_set_new(longest, "shortened", json_true());
    }
}

static bool holds_any(const char *text, const json_t *words)
{
    const json_t *word;
    size_t i;
    json_array_foreach(words, i, word)
        for (const char *at = text; at && *at; at++)
            if (!strncasecmp(at, json_string_value(word), strlen(json_string_value(word))))
                return true;
    return false;
}

/* Whether the finding has to do with the project, as far as names tell: its runner, or, of the commands of a case, what
 * they start and the versions that they ask for. */
static bool concerns(const json_t *report, const json_t *project)
{
    const json_t *f = json_object_get(report, "finding"), *words = json_object_get(project, "words"),
                 *request = json_object_get(json_object_get(report, "failing_trial"), "request");
    const char *runner = tl_member_or(f, "runner", ""), *slash = strrchr(runner, '/');
    const json_t *one;
    size_t i;
    runner = slash ? slash + 1 : runner;
    json_array_foreach(json_object_get(project, "runners"), i, one)
        if (!strcmp(runner, json_string_value(one)))
            return true;
    if (strcmp(runner, "command") && !slash)
        return false;
    const json_t *const texts[] = {json_object_get(request, "steps"), json_object_get(request, "generate"),
                                   json_object_get(json_object_get(f, "environment"), "versions")};
    bool found = slash && holds_any(runner, words);
    for (size_t k = 0; k < TL_COUNT(texts); k++) {
        char *text = texts[k] ? json_dumps(texts[k], JSON_COMPACT | JSON_ENCODE_ANY) : NULL;
        found = found || (text && holds_any(text, words));
        free(text);
    }
    return found;
}

static json_t *warnings_of(const json_t *report, const json_t *project)
{
    const json_t *f = json_object_get(report, "finding");
    json_t *list = json_array();
    const char *name = tl_member_or(project, "name", "the project");
    if (!concerns(report, project)) {
        char *text = tl_format("this finding is of %s, in which nothing names %s: is it the right project?",
                               tl_member_or(f, "unit", "an unknown unit"), name);
        json_array_append_new(list, json_string(text));
        free(text);
    }
    if (!tl_member_true(f, "reproduced"))
        json_array_append_new(list,
                              json_string("the failure did not show when it was looked for: there is nothing "
                                          "to file yet"));
    else if (!tl_member_true(f, "complete") && !tl_finding_over_builds(f))
        json_array_append_new(
            list, json_string(strcmp(tl_member_or(f, "effort", ""), "quick")
                                  ? "the search was cut short: there may be a simpler variant"
                                  : "it was a quick search: one without --quick makes sure of it"));
    return list;
}

static char *title_of(const json_t *report, const json_t *project)
{
    char *whole =
             tl_format("%s%s", tl_member_or(project, "title", ""), tl_member_or(report, "title", "unknown")),
         *line = tl_inline_plain(whole);
    size_t n = tl_utf8_cut(line, TITLE_MOST);
    char *title = line[n] ? tl_format("%.*s…", (int)n, line) : tl_strdup(line);
    free(whole);
    return title;
}

static char *body_of(const json_t *fields, int level)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    const json_t *field;
    size_t i;
    json_array_foreach(fields, i, field)
        tl_buffer_printf(&b, "%s%.*s %s\n\n%s", i ? "\n" : "", level, "######",
                         tl_member_or(field, "label", ""), tl_member_or(field, "text", ""));
    return tl_buffer_take(&b);
}

json_t *tl_issue_form(const json_t *report, const char *name)
{
    json_t *all = projects(), *project = json_object_get(all, name), *fields = json_array(), *field;
    size_t i;
    if (!json_is_object(project)) {
        json_decref(all);
        json_decref(fields);
        return NULL;
    }
    json_array_foreach(json_object_get(project, "fields"), i, field)
        json_array_append_new(fields, fill(report, field));
    fit(fields);
    char *title = title_of(report, project),
         *body = body_of(fields, (int)tl_member_integer(project, "level"));
    json_array_foreach(fields, i, field)
        json_object_del(field, "page");
    json_t *j =
        json_pack("{s:s,s:s,s:s,s:s,s:o,s:o,s:s}", "project", name, "name",
                  tl_member_or(project, "name", name), "form", tl_member_or(project, "form", ""), "title",
                  title, "fields", fields, "warnings", warnings_of(report, project), "body", body);
    free(title);
    free(body);
    json_decref(all);
    return j;
}
