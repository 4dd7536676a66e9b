/* Case files in a test, as text: what is loaded of them, and what is said of a mistake. */
#ifndef TL_TEST_CASE_FIXTURE_H
#define TL_TEST_CASE_FIXTURE_H

#include "cases/load.h"

#include <criterion/criterion.h>
#include <string.h>

#define HEAD "{\"trapline\":1,\"name\":\"x\","

/* What came of the last text. */
static struct tl_case *loaded;
static struct tl_mistakes mistakes;
static struct tl_error error;

static inline void forget(void) /* for TestSuite */
{
    tl_case_free(loaded);
    loaded = NULL;
    tl_mistakes_free(&mistakes);
}

static inline int parse(const char *text)
{
    forget();
    return tl_case_parse(text, strlen(text), "/nowhere/x.json", &loaded, &mistakes, &error);
}

static inline void accept(const char *text)
{
    int status = parse(text);
    cr_assert_eq(status, 0, "%s\nrefused: %s: %s", text, error.why,
                 mistakes.n ? mistakes.list[0].expected : "");
    cr_assert_eq(mistakes.n, 0);
}

/* Exactly one mistake, at that path, with those words. */
static inline void refuse(const char *text, const char *path, const char *words)
{
    cr_assert_eq(parse(text), -1, "accepted: %s", text);
    cr_assert_null(loaded);
    cr_assert_eq(error.kind, TL_ERROR_INPUT);
    for (size_t i = 1; i < mistakes.n; i++)
        cr_log_error("also: %s: %s", mistakes.list[i].path, mistakes.list[i].expected);
    cr_assert_eq(mistakes.n, 1, "%zu mistakes in %s, the first %s: %s", mistakes.n, text,
                 mistakes.n ? mistakes.list[0].path : error.why, mistakes.n ? mistakes.list[0].expected : "");
    cr_assert_str_eq(mistakes.list[0].path, path, "%s: %s", text, mistakes.list[0].expected);
    cr_assert(strstr(mistakes.list[0].expected, words), "%s\nsays: %s\nnot: %s", text,
              mistakes.list[0].expected, words);
}

/* The case of a text without mistakes; the caller's to free. */
static inline struct tl_case *case_of(const char *text)
{
    accept(text);
    struct tl_case *c = loaded;
    loaded = NULL;
    return c;
}

#endif
