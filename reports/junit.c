/* JUnit XML.
 *
 * There is no one schema. Ant's wants properties, system-out and system-err in every suite, time, timestamp and host
 * with it, at most one result in a test, and a type with each failure. Those of Jenkins want less of that, know no
 * properties of a test and no suite with empty ones, and one of them has no attributes for what is skipped. GitLab reads only names, times and results, and of two tests with one
 * name in a file only the first. What is written here is what all three take: a suite for each case on each unit, whose
 * build and environment are properties of the suite.
 *
 * The host is always "localhost": whose machine it was is nobody's business. */
#include "reports/junit.h"

#include "harness/base/hash.h"
#include "harness/base/plural.h"
#include "harness/base/time_text.h"
#include "harness/base/unit_name.h"
#include "harness/base/utf8.h"
#include "reports/members.h"
#include "reports/page/page.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define NAME_MOST 300     /* bytes of a name; a longer one keeps its beginning and a hash of all of it */
#define LINE_MOST 1000    /* of an attribute */
#define BODY_MOST 65536   /* of what stands in a failure */
#define MESSAGE_MOST 8192 /* of the message in it */
#define FRAMES_MOST 60    /* of a stack */

/* Adds at most so many bytes of a text, and how many there were more. */
static void add_cut(struct tl_buffer *b, const char *text, size_t most)
{
    size_t size = strlen(text), n = size > most ? tl_utf8_cut(text, most) : size;
    tl_buffer_add(b, text, n);
    if (n < size)
        tl_buffer_printf(b, "… (%zu byte%s more)", size - n, tl_plural(size - n));
}

/* What XML can hold of a text, of which nobody knows whether it is UTF-8; in one line: with spaces for line ends. */
static char *clean(const char *text, bool line)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    size_t left = text ? strlen(text) : 0;
    tl_buffer_add_string(&b, "");
    while (left) {
        unsigned code = 0;
        size_t n = tl_utf8_decode(text, left, &code);
        if (!n)
            tl_buffer_add_string(&b, "\xef\xbf\xbd");
        else if (line && (code == '\n' || code == '\t' || code == '\r'))
            tl_buffer_add_string(&b, " ");
        else if (code != 0xfffe && code != 0xffff && (code >= 32 || code == '\n' || code == '\t'))
            tl_buffer_add(&b, text, n);
        text += n ? n : 1;
        left -= n ? n : 1;
    }
    return tl_buffer_take(&b);
}

static bool is_blank(const char *text)
{
    return !text[strspn(text, " \n\t")];
}

static void add_text(struct tl_buffer *b, const char *text, bool line, size_t most)
{
    struct tl_buffer cut = TL_BUFFER_INIT;
    char *cleaned = clean(text, line);
    add_cut(&cut, cleaned, most);
    tl_add_escaped(b, cut.data);
    tl_buffer_free(&cut);
    free(cleaned);
}

/* Where nothing is left of a text that can be read, these words stand for it. */
static void add_line_attribute(struct tl_buffer *b, const char *name, const char *text, size_t most,
                               const char *instead)
{
    char *line = clean(text, true);
    tl_buffer_printf(b, " %s=\"", name);
    add_text(b, is_blank(line) ? instead : line, true, most);
    tl_buffer_add_string(b, "\"");
    free(line);
}

void tl_junit_begin(struct tl_junit *j)
{
    *j = (struct tl_junit){.names = json_object()};
    tl_buffer_add_string(&j->out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n");
}

static void end_suite(struct tl_junit *j)
{
    if (!j->suite)
        return;
    char *when = tl_time_format(j->started_us, TL_TIME_ISO);
    if (!j->properties.size) /* a suite without any is no suite to some */
        tl_junit_property(j, "generator", "trapline");
    when[strcspn(when, "Z")] = '\0'; /* Ant's schema takes no zone: it is UTC */
    tl_buffer_add_string(&j->out, "  <testsuite");
    add_line_attribute(&j->out, "name", j->suite, NAME_MOST, "trapline");
    tl_buffer_printf(&j->out,
                     " package=\"trapline\" id=\"%zu\" timestamp=\"%s\" hostname=\"localhost\" tests=\"%zu\" "
                     "failures=\"%zu\" errors=\"%zu\" skipped=\"%zu\" time=\"%.3f\">\n",
                     j->n_suites++, when, j->n, j->failures, j->errors, j->skipped,
                     j->seconds > 0 ? j->seconds : j->sum);
    tl_buffer_printf(&j->out,
                     "    <properties>\n%s    </properties>\n%s    <system-out/>\n    <system-err/>\n",
                     j->properties.data ? j->properties.data : "", j->tests.data ? j->tests.data : "");
    tl_buffer_add_string(&j->out, "  </testsuite>\n");
    tl_buffer_free(&j->tests);
    tl_buffer_free(&j->properties);
    free(when);
    free(j->suite);
    j->suite = NULL;
    j->n = j->failures = j->errors = j->skipped = 0;
    j->sum = 0;
}

void tl_junit_suite(struct tl_junit *j, const char *name, int64_t started_us, double seconds)
{
    end_suite(j);
    j->suite = tl_strdup(name ? name : "");
    j->started_us = started_us > 0 ? started_us : 0;
    j->seconds = isfinite(seconds) && seconds > 0 ? seconds : 0;
}

void tl_junit_property(struct tl_junit *j, const char *name, const char *value)
{
    if (!value || !*value || !*name)
        return;
    tl_buffer_add_string(&j->properties, "      <property");
    add_line_attribute(&j->properties, "name", name, NAME_MOST, "unknown");
    add_line_attribute(&j->properties, "value", value, LINE_MOST, "");
    tl_buffer_add_string(&j->properties, "/>\n");
}

void tl_junit_environment(struct tl_junit *j, const json_t *environment)
{
    /* No path and no name of a machine: what tells where it was, and not what it was. */
    static const char *const names[] = {"runtime_version",
                                        "runtime_sha256",
                                        "os",
                                        "os_build",
                                        "kernel",
                                        "machine",
                                        "model",
                                        "cpu",
                                        "gpu",
                                        "driver",
                                        "cores",
                                        "memory",
                                        "runner",
                                        "runner_version",
                                        "trapline"};
    const json_t *versions = json_object_get(environment, "versions"),
                 *target = json_object_get(environment, "target");
    const char *name;
    json_t *value;
    for (size_t i = 0; i < TL_COUNT(names); i++) {
        const json_t *member = json_object_get(environment, names[i]);
        char *word = member && !json_is_null(member) ? tl_value_word(member) : NULL;
        tl_junit_property(j, names[i], word);
        free(word);
    }
    const json_t *const lists[] = {target, versions};
    static const char *const prefixes[] = {"device", "version"};
    for (size_t i = 0; i < TL_COUNT(lists); i++)
        json_object_foreach((json_t *)lists[i], name, value) {
            char *word = json_is_null(value) ? NULL : tl_value_word(value),
                 *whole = tl_format("%s.%s", prefixes[i], name);
            tl_junit_property(j, whole, word);
            free(whole);
            free(word);
        }
}

static void add_variant(struct tl_buffer *b, const json_t *variant)
{
    size_t n = 0, count = json_object_size(variant);
    const char **axes = tl_calloc(count + 1, sizeof *axes), *axis;
    json_t *value;
    json_object_foreach((json_t *)variant, axis, value)
        axes[n++] = axis;
    qsort(axes, n, sizeof *axes, tl_by_text); /* the same one, whatever order a document has */
    for (size_t i = 0; i < n; i++) {
        char *word = tl_value_word(json_object_get(variant, axes[i]));
        tl_buffer_printf(b, "%s%s=%s", i ? ", " : "", axes[i], word);
        free(word);
    }
    free(axes);
}

/* "CASE: AXIS=VALUE, … on RUNNER:DEVICE", of any build. */
static char *name_of(const struct tl_junit_test *t)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    struct tl_unit_name parts = tl_unit_name_of(t->unit ? t->unit : "");
    char *unit = t->unit && parts.device.n ? tl_unit_without_build(&parts) : tl_strdup(t->unit);
    tl_buffer_add_string(&b, t->case_name ? t->case_name : "unknown");
    if (t->with || json_object_size(t->variant))
        tl_buffer_add_string(&b, ": ");
    add_variant(&b, t->variant);
    if (t->with)
        tl_buffer_printf(&b, "%s%s", json_object_size(t->variant) ? ", " : "", t->with);
    if (unit && *unit)
        tl_buffer_printf(&b, " on %s", unit);
    free(unit);
    char *name = clean(b.data, true);
    tl_buffer_free(&b);
    return name;
}

/* The name as it is given, once in a document: what would have the name of another one says its build too. */
static char *own_name(struct tl_junit *j, const struct tl_junit_test *t)
{
    char *name = name_of(t), id[TL_ID_SIZE];
    if (strlen(name) > NAME_MOST) {
        tl_content_id(name, strlen(name), id);
        char *cut = tl_format("%.*s… %.12s", (int)tl_utf8_cut(name, NAME_MOST), name, id);
        free(name);
        name = cut;
    }
    struct tl_unit_name parts = tl_unit_name_of(t->unit ? t->unit : "");
    if (json_object_get(j->names, name) && parts.build.n) {
        char *build =
            tl_format("%s @%.*s", name, (int)(parts.build.n > 100 ? 100 : parts.build.n), parts.build.at);
        free(name);
        name = clean(build, true);
        free(build);
    }
    for (size_t k = 2; json_object_get(j->names, name); k++) {
        char *next = tl_format("%s #%zu", name, k);
        bool taken = json_object_get(j->names, next) != NULL;
        if (!taken) {
            free(name);
            name = next;
            break;
        }
        free(next);
    }
    json_object_set_new(j->names, name, json_true());
    return name;
}

/* What was skipped has its words as its text: an attribute is none of it in one of the schemas. */
static void add_result(struct tl_buffer *b, const char *element, const struct tl_junit_test *t)
{
    static const char none[] = "no reason is known";
    tl_buffer_printf(b, "      <%s", element);
    if (t->result == TL_JUNIT_SKIPPED) {
        char *words = clean(t->message, true);
        tl_buffer_add_string(b, ">");
        add_text(b, is_blank(words) ? none : words, true, LINE_MOST);
        free(words);
    } else {
        add_line_attribute(b, "type", t->type, LINE_MOST, "failure");
        add_line_attribute(b, "message", t->message, LINE_MOST, none);
        tl_buffer_add_string(b, ">");
        add_text(b, t->body ? t->body : "", false, BODY_MOST);
    }
    tl_buffer_printf(b, "</%s>\n", element);
}

void tl_junit_test(struct tl_junit *j, const struct tl_junit_test *t)
{
    static const char *const elements[] = {"", "failure", "error", "skipped"};
    size_t *const counts[] = {NULL, &j->failures, &j->errors, &j->skipped};
    double seconds = isfinite(t->seconds) && t->seconds > 0 ? t->seconds : 0;
    char *name = own_name(j, t);
    j->n++;
    j->sum += seconds;
    tl_buffer_add_string(&j->tests, "    <testcase");
    add_line_attribute(&j->tests, "name", name, 2 * NAME_MOST, "unknown");
    add_line_attribute(&j->tests, "classname", t->case_name, NAME_MOST, "unknown");
    tl_buffer_printf(&j->tests, " time=\"%.3f\"", seconds);
    free(name);
    if (t->result == TL_JUNIT_PASS) {
        tl_buffer_add_string(&j->tests, "/>\n");
        return;
    }
    ++*counts[t->result];
    tl_buffer_add_string(&j->tests, ">\n");
    add_result(&j->tests, elements[t->result], t);
    tl_buffer_add_string(&j->tests, "    </testcase>\n");
}

char *tl_junit_end(struct tl_junit *j)
{
    end_suite(j);
    json_decref(j->names);
    tl_buffer_add_string(&j->out, "</testsuites>\n");
    return tl_buffer_take(&j->out);
}

void tl_junit_add_trial(struct tl_buffer *b, const char *message, const json_t *trial)
{
    const json_t *threads = json_object_get(json_object_get(trial, "capture"), "threads"),
                 *frames = json_object_get(json_array_get(threads, 0), "frames"), *frame;
    size_t i;
    if (message && *message) {
        char *text = clean(message, false);
        add_cut(b, text, MESSAGE_MOST);
        tl_buffer_add_string(b, "\n");
        free(text);
    }
    json_array_foreach(frames, i, frame) {
        if (i == FRAMES_MOST) {
            tl_buffer_printf(b, "… (%zu frame%s more)\n", json_array_size(frames) - i,
                             tl_plural(json_array_size(frames) - i));
            break;
        }
        tl_buffer_printf(b, "%s\n", json_is_string(frame) ? json_string_value(frame) : "?");
    }
}
