/* Text of a site: whatever is in the database, it can neither become markup nor end a script, and it stays in
 * its place. */
#include "reports/site/files.h"
#include "reports/site/roles.h"
#include "reports/site/strings.h"
#include "reports/site/text.h"

#include <criterion/criterion.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

static const struct tl_site_options keep = {.keep_paths = true}, publish = {.keep_paths = false};

static void assert_clean(const char *text, size_t size, size_t most, const char *expected)
{
    struct tl_site w = {.o = &keep};
    char *clean = tl_site_clean(&w, text, size, most);
    cr_expect_str_eq(clean, expected, "%s, not %s", clean, expected);
    free(clean);
}

#define CLEAN(text, expected) assert_clean(text, sizeof text - 1, 0, expected)

Test(site_text, is_made_visible)
{
    CLEAN("plain\ttext\n", "plain\ttext\n");
    CLEAN("gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x90\x9b",
          "gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x90\x9b");
    CLEAN("a\x00z\x07\x1b[31m\x7f", "a\xe2\x90\x80z\xe2\x90\x87\xe2\x90\x9b[31m\xe2\x90\xa1");
    CLEAN("a\xff\xc0\xafz", "a\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbdz");
    CLEAN("\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"); /* a surrogate */
    CLEAN("\xe2\x82", "\xef\xbf\xbd\xef\xbf\xbd");                 /* cut short */
    CLEAN("\xe2\x80\xae"
          "gnp.exe",
          "\\u202egnp.exe");
    CLEAN("\xc2\x9b"
          "31m",
          "\\u009b31m");
}

Test(site_text, is_cut_between_characters)
{
    assert_clean("\xc3\xa4\xc3\xb6\xc3\xbc", 6, 3, "\xc3\xa4… (4 bytes more)");
    assert_clean("abc", 3, 3, "abc");
    assert_clean("", 0, 3, "");
}

Test(site_text, names_are_taken_out)
{
    struct tl_site w = {.o = &publish};
    tl_redaction_learn(&w.redaction, "/home/alicia/models");
    const char text[] = "alicia has /home/alicia/x and /Users/tom/y; Malicia has none";
    char *clean = tl_site_clean(&w, text, strlen(text), 0),
         *exact = tl_site_clean_exact(&w, text, strlen(text), 0);
    cr_expect_str_eq(clean, "USER has ~/x and ~/y; Malicia has none");
    cr_expect_str_eq(exact, "alicia has ~/x and ~/y; Malicia has none"); /* a value stays what it is */
    free(clean);
    free(exact);
    tl_redaction_free(&w.redaction);
}

Test(site_text, json_in_a_script)
{
    static const char text[] = "</script><!-- \" \\ & \n\t \xe2\x80\xa8 \xe2\x80\xa9 \xe2\x82\xac";
    struct tl_buffer b = TL_BUFFER_INIT;
    tl_site_json(&b, text);
    cr_expect_null(strpbrk(b.data, "<>&\n\t"));
    cr_expect_null(strstr(b.data, "\xe2\x80\xa8"));
    cr_expect_null(strstr(b.data, "\xe2\x80\xa9"));
    json_t *j = json_loads(b.data, JSON_DECODE_ANY, NULL);
    cr_expect_str_eq(json_string_value(j), text);
    json_decref(j);
    tl_buffer_free(&b);
}

Test(site_text, file_names)
{
    static const char *const names[] = {"kv-write",
                                        "KV-write",
                                        "kv-write-2",
                                        "kv/write",
                                        "kv write",
                                        "..",
                                        "",
                                        "index",
                                        "-x",
                                        "\xff\xfe",
                                        "../../etc/passwd",
                                        "a\nb",
                                        "kv.write",
                                        "kv-write.0123456789",
                                        "<b>"};
    char *slugs[sizeof names / sizeof *names];
    cr_expect_str_eq(slugs[0] = tl_site_slug("kv-write"), "kv-write");
    for (size_t i = 1; i < sizeof names / sizeof *names; i++)
        slugs[i] = tl_site_slug(names[i]);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        cr_expect(slugs[i][strspn(slugs[i], "abcdefghijklmnopqrstuvwxyz0123456789-_.")] == '\0', "%s",
                  slugs[i]);
        cr_expect(*slugs[i] && *slugs[i] != '.' && *slugs[i] != '-', "%s", slugs[i]);
        for (size_t k = 0; k < i; k++)
            cr_expect_str_neq(slugs[i], slugs[k]);
    }
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        free(slugs[i]);
}

Test(site_strings, each_once)
{
    struct tl_site w = {.o = &keep};
    struct tl_site_strings s = {0};
    char text[16];
    cr_expect_eq(tl_site_intern(&w, &s, NULL, 0, 0), -1);
    for (int round = 0; round < 2; round++)
        for (long i = 0; i < 5000; i++) {
            snprintf(text, sizeof text, "%ld", i);
            cr_assert_eq(tl_site_intern(&w, &s, text, strlen(text), 0), i);
        }
    struct tl_buffer b = TL_BUFFER_INIT;
    tl_buffer_printf(&b, "[%s]", s.json.data);
    json_t *j = json_loads(b.data, 0, NULL);
    cr_expect_eq(json_array_size(j), 5000);
    cr_expect_str_eq(json_string_value(json_array_get(j, 4999)), "4999");
    tl_site_strings_clear(&s);
    cr_expect_eq(tl_site_intern(&w, &s, "again", 5, 0), 0);
    json_decref(j);
    tl_buffer_free(&b);
    tl_site_strings_free(&s);
}

static enum tl_site_role role(const char *document, const char *variant)
{
    json_t *d = document ? json_loads(document, 0, NULL) : NULL, *v = json_loads(variant, 0, NULL);
    enum tl_site_role found = tl_site_role_of(d, v);
    json_decref(d);
    json_decref(v);
    return found;
}

Test(site_roles, are_told_by_the_document)
{
    static const char document[] =
        "{\"axes\": [{\"name\": \"n\", \"range\": [1, 9]}, {\"name\": \"k\", \"choices\": [\"a\", \"b\"]}, "
        "{\"name\": \"s\", \"subset\": [\"x\", \"y\"]}], \"failing\": {\"n\": 4, \"k\": \"b\"}}";
    cr_expect_eq(role(document, "{\"n\": 1, \"k\": \"a\", \"s\": []}"), TL_SITE_BASELINE);
    cr_expect_eq(role(document, "{\"n\": 1.0, \"k\": \"a\", \"s\": 0}"), TL_SITE_BASELINE);
    cr_expect_eq(role(document, "{\"n\": 4, \"k\": \"b\", \"s\": []}"), TL_SITE_FAILING);
    cr_expect_eq(role(document, "{\"n\": 4, \"k\": \"b\", \"s\": [\"x\"]}"), TL_SITE_OTHER);
    cr_expect_eq(role(document, "{\"n\": 4, \"k\": \"a\", \"s\": []}"), TL_SITE_OTHER);
    cr_expect_eq(role(document, "{\"k\": \"a\", \"s\": []}"), TL_SITE_OTHER);
    static const char reduced[] = "{\"axes\": [{\"name\": \"edits\", \"range\": [0, 9007199254740991]}]}";
    cr_expect_eq(role(reduced, "{\"edits\": 0}"), TL_SITE_BASELINE, "the model as it was");
    cr_expect_eq(role(reduced, "{\"edits\": 8123}"), TL_SITE_REDUCTION);
    cr_expect_eq(role("{\"axes\": [{\"name\": \"edits\", \"range\": [0, 9]}]}", "{\"edits\": 8}"),
                 TL_SITE_OTHER, "an axis of the case's own");
    cr_expect_eq(role(document, "7"), TL_SITE_OTHER);
    cr_expect_eq(role("{\"axes\": 3}", "{\"n\": 1}"), TL_SITE_OTHER);
    cr_expect_eq(role("{}", "{}"), TL_SITE_BASELINE);
    cr_expect_eq(role(NULL, "{}"), TL_SITE_OTHER);
}

Test(site_roles, are_counted_apart)
{
    struct tl_site_roles r = {.others = 0};
    struct tl_buffer b = TL_BUFFER_INIT;
    tl_site_roles_add(&r, TL_SITE_FAILING, "f", TL_OUTCOME_CRASH, 3);
    tl_site_roles_add(&r, TL_SITE_BASELINE, "b", TL_OUTCOME_PASS, 3);
    tl_site_roles_add(&r, TL_SITE_OTHER, "1", TL_OUTCOME_CRASH, 2);
    tl_site_roles_add(&r, TL_SITE_OTHER, "1", TL_OUTCOME_PASS, 1);
    tl_site_roles_add(&r, TL_SITE_OTHER, "2", TL_OUTCOME_PASS, 9);
    tl_site_roles_lines(&b, &r);
    cr_expect(strstr(b.data, "<b>C</b> 3/3</span> failing"), "%s", b.data);
    cr_expect(strstr(b.data, "<b>P</b> 3</span> baseline"), "%s", b.data);
    cr_expect(strstr(b.data, "<b>C</b> 1/2</span> others"), "%s", b.data);
    tl_buffer_free(&b);
}
