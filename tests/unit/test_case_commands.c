/* Commands of a case: arguments that hang on axes, a generated model for steps, and what is looked for in output. */
#include "cases/known.h"
#include "cases/npy.h"
#include "harness/base/buffer.h"
#include "harness/base/record.h"
#include "tests/unit/case_fixture.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

TestSuite(case_commands, .fini = forget);

#define AXES                                                                                                 \
    ",\"axes\":[{\"name\":\"static\",\"choices\":[false,true]},{\"name\":\"n\",\"range\":[1,9]},"            \
    "{\"name\":\"unit\",\"choices\":[\"cpu\",\"gpu\",\"ane\"]},{\"name\":\"down\",\"range\":[9,1]}]}"
#define MODEL(s) HEAD "\"model\":{" s "}" AXES
#define STEP(s) MODEL("\"steps\":[{\"phase\":\"load\"," s "}]")
#define ARGV(s) STEP("\"argv\":[\"tool\"," s "]")
#define RUNNER(s) HEAD s ",\"model\":{\"generate\":[\"gen\",\"{model}\"]}" AXES

/* The words of a command in a variant, with spaces between. */
static char *words_of(const struct tl_argv *argv, const char *const *assignments)
{
    const struct tl_placeholder_paths paths = {"MODEL", "INPUTS", NULL, "SCRATCH"};
    struct tl_variant v = tl_variant_baseline(loaded);
    struct tl_buffer b = TL_BUFFER_INIT;
    for (; *assignments; assignments++)
        cr_assert_eq(tl_variant_assign(loaded, &v, *assignments, &error), 0, "%s", error.why);
    char **words = tl_case_command(loaded, &v, argv, &paths);
    for (size_t i = 0; words[i]; i++)
        tl_buffer_printf(&b, "%s%s", i ? " " : "", words[i]);
    tl_strings_free(words);
    tl_variant_free(&v);
    return tl_buffer_take(&b);
}

static void expect_words(const struct tl_argv *argv, const char *const *assignments, const char *expected)
{
    char *words = words_of(argv, assignments);
    cr_assert_str_eq(words, expected);
    free(words);
}

#define WITH(...) ((const char *const[]){__VA_ARGS__, NULL})
#define BASELINE ((const char *const[]){NULL})

Test(case_commands, arguments_that_hang_on_axes)
{
    accept(ARGV("{\"when\":{\"static\":true},\"argv\":[\"--static\",\"{n}\"]},\"-o\","
                "{\"when\":{\"unit\":[\"gpu\",\"ane\"],\"static\":false},\"argv\":[\"--unit\",\"{unit}\","
                "{\"when\":{\"n\":[2,3]},\"argv\":[\"--few\"]}]},\"{scratch}/o\""));
    const struct tl_argv *argv = &loaded->steps[0].argv;
    cr_assert_eq(argv->n, 8);
    expect_words(argv, BASELINE, "tool -o SCRATCH/o");
    expect_words(argv, WITH("static=true"), "tool --static 1 -o SCRATCH/o");
    expect_words(argv, WITH("unit=ane"), "tool -o --unit ane SCRATCH/o");
    expect_words(argv, WITH("unit=gpu", "n=3"), "tool -o --unit gpu --few SCRATCH/o");
    /* An inner condition holds only within its outer one. */
    expect_words(argv, WITH("n=3"), "tool -o SCRATCH/o");
    expect_words(argv, WITH("static=true", "unit=gpu", "n=2"), "tool --static 2 -o SCRATCH/o");

    accept(MODEL("\"generate\":[\"gen\",{\"when\":{\"n\":9},\"argv\":[\"--large\"]},\"{model}\"]"));
    expect_words(&loaded->generate, WITH("n=8"), "gen MODEL");
    expect_words(&loaded->generate, WITH("n=9"), "gen --large MODEL");
    /* {model} may stand where it is not always. */
    accept(MODEL("\"generate\":[\"gen\",{\"when\":{\"n\":1},\"argv\":[\"{model}\"]}]"));
}

Test(case_commands, mistakes_in_arguments)
{
    static const char at[] = "$.model.steps[0].argv[1]";
    refuse(ARGV("{\"when\":{\"statik\":true},\"argv\":[\"a\"]}"), "$.model.steps[0].argv[1].when.statik",
           "did you mean \"static\"?");
    refuse(ARGV("{\"when\":{\"static\":\"yes\"},\"argv\":[\"a\"]}"), "$.model.steps[0].argv[1].when.static",
           "axis static");
    refuse(ARGV("{\"when\":{\"unit\":[\"cpu\",\"npu\"]},\"argv\":[\"a\"]}"),
           "$.model.steps[0].argv[1].when.unit[1]", "cpu, gpu, ane");
    refuse(ARGV("{\"when\":{\"unit\":[]},\"argv\":[\"a\"]}"), "$.model.steps[0].argv[1].when.unit",
           "at least one");
    refuse(ARGV("{\"when\":{},\"argv\":[\"a\"]}"), "$.model.steps[0].argv[1].when", "at least one axis");
    refuse(ARGV("{\"when\":true,\"argv\":[\"a\"]}"), "$.model.steps[0].argv[1].when", "found true");
    refuse(ARGV("{\"argv\":[\"a\"]}"), at, "lacks the key \"when\"");
    refuse(ARGV("{\"when\":{\"n\":1}}"), at, "lacks the key \"argv\"");
    refuse(ARGV("{\"when\":{\"n\":1},\"argv\":\"a\"}"), "$.model.steps[0].argv[1].argv", "list of arguments");
    refuse(ARGV("{\"when\":{\"n\":1},\"argv\":[]}"), "$.model.steps[0].argv[1].argv", "at least one");
    refuse(ARGV("{\"when\":{\"n\":1},\"argv\":[\"{m}\"]}"), "$.model.steps[0].argv[1].argv[0]",
           "unknown placeholder {m}");
    refuse(ARGV("{\"when\":{\"n\":1},\"argv\":[\"a\"],\"else\":[]}"), "$.model.steps[0].argv[1].else",
           "unknown key");
    refuse(ARGV("[\"a\"]"), at, "or an object with \"when\" and \"argv\"");
    refuse(STEP("\"argv\":[{\"when\":{\"n\":1},\"argv\":[\"a\"]},\"b\"]"), "$.model.steps[0].argv[0]",
           "the program itself is always there");
}

Test(case_commands, a_generated_model_for_steps)
{
    accept(
        MODEL("\"generate\":[\"gen\",\"{n}\",\"{model}\",\"{inputs}\"],\"suffix\":\".aimodel\",\"steps\":[{"
              "\"phase\":\"compile\",\"argv\":[\"cc\",\"{model}\",\"{inputs}\"]}]"));
    cr_assert_eq(loaded->model_kind, TL_MODEL_STEPS);
    cr_assert_str_eq(loaded->suffix, ".aimodel");
    expect_words(&loaded->generate, BASELINE, "gen 1 MODEL INPUTS");
    expect_words(&loaded->steps[0].argv, BASELINE, "cc MODEL INPUTS");
    accept(MODEL("\"generate\":[\"gen\",\"{model}\"],\"suffix\":\".tar.gz\""));
    cr_assert_eq(loaded->model_kind, TL_MODEL_GENERATE);

    refuse(MODEL("\"generate\":[\"gen\",\"{model}\"],\"steps\":[{\"phase\":\"compile\",\"argv\":[\"cc\",\"{"
                 "inputs}\"]}]"),
           "$.model.steps[0].argv[1]", "no \"inputs\"");
    refuse(MODEL("\"generate\":[\"gen\",\"{model}\"],\"steps\":[{\"phase\":\"load\",\"argv\":[\"cc\",\"{"
                 "outputs}\"]}]"),
           "$.model.steps[0].argv[1]", "only a generator writes expected outputs");
    refuse(HEAD "\"model\":{\"generate\":[\"gen\",\"{model}\"],\"family\":\"selftest\",\"steps\":[{\"phase\":"
                "\"load\","
                "\"argv\":[\"a\"]}]}}",
           "$.model", "several");
    refuse(MODEL("\"steps\":[{\"phase\":\"load\",\"argv\":[\"a\"]}],\"suffix\":\".x\""), "$.model.suffix",
           "expected \"generate\" as well");
    static const char *const bad[] = {"\"aimodel\"", "\".\"",    "\"\"", "\".a/b\"",
                                      "\"..\"",      "\".a b\"", "1",    "\".{n}\""};
    for (size_t i = 0; i < TL_COUNT(bad); i++) {
        char *text =
            tl_format(HEAD "\"model\":{\"generate\":[\"gen\",\"{model}\"],\"suffix\":%s}" AXES, bad[i]);
        refuse(text, "$.model.suffix", "the end of a file's name");
        free(text);
    }
}

Test(case_commands, steps_that_work_on_a_model_that_is_a_file)
{
    static const char inputs[] =
        "\"inputs\":[{\"name\":\"x:0\",\"dtype\":\"int8\",\"shape\":[1],\"npy\":\"%s\"},"
        "{\"name\":\"made\",\"dtype\":\"int8\",\"shape\":[1],\"fill\":{\"constant\":1}}],";
    char path[] = "/tmp/trapline-model-XXXXXX";
    static const int64_t one[] = {1};
    int fd = mkstemp(path);
    cr_assert(fd >= 0 && !close(fd));
    cr_assert_eq(tl_npy_write(path, TL_DTYPE_INT8, 1, one, "x", &error), 0, "%s", error.why);
    char *given = tl_format(inputs, path),
         *of_file =
             tl_format("\"model\":{\"file\":\"%s\",\"steps\":[{\"phase\":\"load\",\"argv\":[\"cc\",", path),
         *text = tl_format(HEAD "%s%s\"{model}\",\"-i={x:0.npy}\"]}]}" AXES, given, of_file);
    accept(text);
    cr_assert_eq(loaded->model_kind, TL_MODEL_STEPS);
    cr_assert_str_eq(loaded->model_file, path);
    char *words = tl_format("cc MODEL -i=%s", path);
    expect_words(&loaded->steps[0].argv, BASELINE, words);
    free(words);
    free(text);
    /* Only an input that is a file has one. */
    static const char *const none[] = {"made", "y", "x"};
    for (size_t i = 0; i < TL_COUNT(none); i++) {
        text = tl_format(HEAD "%s%s\"{%s.npy}\"]}]}" AXES, given, of_file, none[i]);
        refuse(text, "$.model.steps[0].argv[1]", "the file of an input");
        free(text);
    }
    text = tl_format(HEAD "%s\"{model}\"]}],\"generate\":[\"gen\",\"{model}\"]}" AXES, of_file);
    refuse(text, "$.model", "several");
    free(text);
    free(of_file);
    free(given);
    unlink(path);
}

Test(case_commands, phases_and_counts)
{
    accept(STEP(
        "\"argv\":[\"a\"],\"phase_marker\":{\"execute\":\"loaded in\",\"compile\":[\"^x{2}\",\"(\"]},"
        "\"count\":{\"name\":\"steps\",\"number\":\"step ([0-9]+)\",\"axis\":\"n\"},\"expect\":{\"count\":["
        "{\"name\":\"steps\",\"min\":3},{\"name\":\"parts\",\"glob\":\"{scratch}/*.o\",\"max\":2}]},"
        "\"platform\":\"iOS\",\"architecture\":\"{unit}\""));
    const struct tl_step *s = &loaded->steps[0];
    cr_assert_eq(s->n_markers, 3);
    cr_assert_eq(s->markers[0].phase, (int)TL_PHASE_EXECUTE);
    cr_assert_str_eq(s->markers[2].pattern, "(", "it is a text");
    cr_assert_eq(s->expect.n_count, 2);
    const struct tl_count *steps = &s->expect.count[0], *parts = &s->expect.count[1];
    cr_assert(steps->kind == TL_COUNT_NUMBER && steps->bounded && steps->min == 3 && steps->max >= 1000000);
    cr_assert_str_eq(steps->axis, "n");
    cr_assert(parts->kind == TL_COUNT_GLOB && parts->bounded && parts->min == 0 && parts->max == 2);
    cr_assert_str_eq(s->platform, "iOS");
    /* The same for a runner. */
    accept(RUNNER("\"phase_marker\":{\"load\":\"Preparing\"},\"count\":[{\"name\":\"a\",\"regex\":\"x\"}],"
                  "\"expect\":{\"fallback\":[\"on the "
                  "{unit}\"],\"text\":[\"ok\"],\"count\":{\"name\":\"a\",\"max\":0}}"));
    cr_assert(loaded->n_markers == 1 && loaded->expect.n_count == 1 && loaded->expect.count[0].bounded);
    cr_assert_eq(loaded->expect.n_fallback, 1);
}

Test(case_commands, mistakes_in_phases_and_counts)
{
#define MARKER(s) STEP("\"argv\":[\"a\"],\"phase_marker\":" s)
    refuse(MARKER("{\"exekute\":\"x\"}"), "$.model.steps[0].phase_marker.exekute",
           "did you mean \"execute\"?");
    refuse(MARKER("{\"done\":\"x\"}"), "$.model.steps[0].phase_marker.done", "expected a phase as the key");
    refuse(MARKER("{\"load\":1}"), "$.model.steps[0].phase_marker.load", "found the integer 1");
    refuse(MARKER("{\"load\":[]}"), "$.model.steps[0].phase_marker.load", "at least one");
    refuse(MARKER("{\"load\":[\"a\",\"\"]}"), "$.model.steps[0].phase_marker.load[1]", "1 to 4096");
    refuse(MARKER("\"load\""), "$.model.steps[0].phase_marker", "an object of phases");
    refuse(MARKER("{}"), "$.model.steps[0].phase_marker", "an object of phases");
#define COUNT(s) STEP("\"argv\":[\"a\"],\"count\":" s)
    refuse(COUNT("{\"name\":\"a\"}"), "$.model.steps[0].count", "exactly one of");
    refuse(COUNT("{\"name\":\"a\",\"glob\":\"x\",\"number\":\"(y)\"}"), "$.model.steps[0].count",
           "exactly one of");
    refuse(COUNT("{\"glob\":\"x\"}"), "$.model.steps[0].count", "lacks the key \"name\"");
    refuse(COUNT("{\"name\":\"a\",\"regex\":\"(\"}"), "$.model.steps[0].count.regex", "regular expression");
    refuse(COUNT("{\"name\":\"a\",\"number\":\"[0-9]+\"}"), "$.model.steps[0].count.number", "with a group");
    refuse(COUNT("{\"name\":\"a\",\"glob\":\"{o}\"}"), "$.model.steps[0].count.glob", "unknown placeholder");
    refuse(COUNT("{\"name\":\"a\",\"regex\":\"x\",\"min\":1}"), "$.model.steps[0].count.min", "unknown key");
    refuse(COUNT("{\"name\":\"a\",\"regex\":\"x\",\"axis\":\"m\"}"), "$.model.steps[0].count.axis",
           "no axis");
    refuse(COUNT("{\"name\":\"a\",\"regex\":\"x\",\"axis\":\"unit\"}"), "$.model.steps[0].count.axis",
           "integers");
    refuse(COUNT("{\"name\":\"a\",\"regex\":\"x\",\"axis\":\"down\"}"), "$.model.steps[0].count.axis",
           "ascend");
    refuse(COUNT("[{\"name\":\"a\",\"regex\":\"x\"},{\"name\":\"a\",\"regex\":\"y\"}]"),
           "$.model.steps[0].count[1].name", "not used before");
    refuse(COUNT("{\"name\":\"a\",\"regex\":\"x\",\"finished\":true}"), "$.model.steps[0].count.finished",
           "\"axis\" as well");
    refuse(COUNT("7"), "$.model.steps[0].count", "list of objects");
#define BOUND(s)                                                                                             \
    STEP("\"argv\":[\"a\"],\"count\":{\"name\":\"regions\",\"regex\":\"x\"},\"expect\":{\"count\":[" s "]}")
    refuse(BOUND("{\"name\":\"regoins\",\"min\":1}"), "$.model.steps[0].expect.count[0].name",
           "did you mean \"regions\"?");
    refuse(BOUND("{\"name\":\"regions\"}"), "$.model.steps[0].expect.count[0]", "\"min\" or \"max\"");
    refuse(BOUND("{\"name\":\"regions\",\"min\":3,\"max\":2}"), "$.model.steps[0].expect.count[0]",
           "not above");
    refuse(BOUND("{\"name\":\"regions\",\"min\":1},{\"name\":\"regions\",\"max\":2}"),
           "$.model.steps[0].expect.count[1].name", "bounds once");
    refuse(STEP("\"argv\":[\"a\"],\"expect\":{\"count\":[{\"name\":\"a\",\"min\":1}]}"),
           "$.model.steps[0].expect.count[0]", "exactly one of");
    refuse(STEP("\"argv\":[\"a\"],\"platform\":7"), "$.model.steps[0].platform", "1 to 256");
    refuse(STEP("\"argv\":[\"a\"],\"architecture\":\"{x}\""), "$.model.steps[0].architecture",
           "unknown placeholder");

    refuse(RUNNER("\"expect\":{\"files\":[\"x\"]}"), "$.expect.files", "unknown key");
    refuse(RUNNER("\"expect\":{\"text\":[\"{model}\"]}"), "$.expect.text[0]", "{model}");
    refuse(HEAD
           "\"expect\":{\"text\":[\"x\"]},\"model\":{\"steps\":[{\"phase\":\"load\",\"argv\":[\"a\"]}]}}",
           "$.expect", "belongs to a step");
}

Test(case_commands, words_for_people)
{
    char before[TL_ID_SIZE];
    accept(MODEL("\"generate\":[\"gen\",\"{model}\"]"));
    memcpy(before, loaded->hash, sizeof before);
    accept(
        RUNNER("\"notes\":\"one\\ntwo\\n\\nthree\",\"expected_text\":\"It runs.\",\"impact\":[\"a\",\"b\"],"
               "\"related\":[\"https://example.org/1\"],\"tried\":[\"another {brace}\"]"));
    cr_assert_str_eq(loaded->hash, before, "what is said for people is no part of the identity");
    refuse(RUNNER("\"notes\":7"), "$.notes", "or a list of them");
    refuse(RUNNER("\"impact\":[]"), "$.impact", "at least one");
    refuse(RUNNER("\"tried\":[\"a\",\"\"]"), "$.tried[1]", "expected a text");
    refuse(RUNNER("\"related\":\"\\u001b[31m\""), "$.related", "control characters");
    refuse(RUNNER("\"note\":\"x\""), "$.note", "did you mean \"notes\"?");
}

#define SIGNATURE "\"signature\":\"0123456789abcdef\""
#define KNOWN(s) RUNNER("\"known\":" s)

Test(case_commands, failures_that_are_known)
{
    char before[TL_ID_SIZE];
    accept(MODEL("\"generate\":[\"gen\",\"{model}\"]"));
    memcpy(before, loaded->hash, sizeof before);
    accept(KNOWN("{" SIGNATURE "}"));
    cr_assert_str_eq(loaded->hash, before, "it is no part of the identity");
    accept(KNOWN("[{" SIGNATURE ",\"as\":\"FB1\",\"url\":\"https://example.org\",\"note\":\"n\",\"status\":"
                 "\"wontfix\",\"until\":\"2028-02-29\",\"when\":{\"n\":[1,2]},\"unit\":\"sim@1..3:gpu\"}]"));
    refuse(KNOWN("[]"), "$.known", "at least one");
    refuse(KNOWN("\"FB1\""), "$.known", "an object with \"signature\"");
    refuse(KNOWN("{\"as\":\"FB1\"}"), "$.known", "lacks the key \"signature\"");
    refuse(KNOWN("{\"signature\":\"crash\"}"), "$.known.signature", "8 to 32 hexadecimal digits");
    refuse(KNOWN("{" SIGNATURE ",\"status\":\"open\"}"), "$.known.status", "known, filed or wontfix");
    refuse(KNOWN("{" SIGNATURE ",\"until\":\"2027-02-29\"}"), "$.known.until", "a day");
    refuse(KNOWN("{" SIGNATURE ",\"until\":\"soon\"}"), "$.known.until", "\"fixed\" or a day");
    refuse(KNOWN("{" SIGNATURE ",\"note\":\"a\\nb\"}"), "$.known.note", "control characters");
    refuse(KNOWN("{" SIGNATURE ",\"when\":{\"m\":1}}"), "$.known.when.m", "axis");
    refuse(KNOWN("{" SIGNATURE ",\"unit\":\"cpu\"}"), "$.known.unit", "a unit");
}

/* Which entry a failure is: by its id across builds, and by the conditions. */
static char *called(const char *coarse, const char *variant, const char *unit)
{
    const struct tl_case_failure failure = {.coarse_id = coarse};
    json_t *v = json_loads(variant, 0, NULL), *j = tl_case_known(loaded->known, v, unit, &failure);
    char *text = j ? tl_format("%s %s", json_string_value(json_object_get(j, "status")),
                               json_string_value(json_object_get(j, "note")))
                   : tl_strdup("none");
    json_decref(v);
    json_decref(j);
    return text;
}

Test(case_commands, which_failure_is_known)
{
    static const char id[] = "0123456789abcdef0123456789abcdef", other[] = "aaaa456789abcdef0123456789abcdef";
    static const struct {
        const char *coarse, *variant, *unit, *said;
    } table[] = {
        {id, "{\"n\":1}", "sim@1.0:gpu", "known first"}, {id, "{\"n\":2}", "sim@1.0:gpu", "filed second"},
        {id, "{\"n\":2}", "sim@2.0:gpu", "none"},        {other, "{\"n\":1}", "sim@1.0:gpu", "none"},
        {"", "{\"n\":1}", "sim@1.0:gpu", "none"},
    };
    accept(KNOWN("[{" SIGNATURE ",\"when\":{\"n\":1},\"note\":\"first\"},"
                 "{" SIGNATURE ",\"unit\":\"sim@1.0:gpu\",\"url\":\"x\",\"note\":\"second\"}]"));
    for (size_t i = 0; i < TL_COUNT(table); i++) {
        char *text = called(table[i].coarse, table[i].variant, table[i].unit);
        cr_expect_str_eq(text, table[i].said, "%zu", i);
        free(text);
    }
    /* A document of a merged database was checked by nobody: what names every failure names none. */
    json_t *all = json_loads("{\"signature\":\"\"}", 0, NULL);
    struct tl_case_failure failure = {id, other, true};
    cr_expect_null(tl_case_known(all, NULL, "sim@1.0:gpu", &failure));
    json_decref(all);
    /* Where a failure has no place across builds: an entry names its kind, a place of a build, or its kind in some variants. */
    static const char *const entries[][2] = {
        {"{\"signature\":\"0123456789\"}", "kind"},
        {"{\"signature\":\"aaaa456789\"}", "place"},
        {"{\"signature\":\"0123456789\",\"when\":{\"n\":1}}", "variant"}};
    json_t *variant = json_pack("{s:i}", "n", 1), *known[TL_COUNT(entries)];
    for (size_t i = 0; i < TL_COUNT(entries); i++) {
        all = json_loads(entries[i][0], 0, NULL);
        known[i] = tl_case_known(all, variant, "sim@1.0:gpu", &failure);
        cr_expect_str_eq(json_string_value(json_object_get(known[i], "by")), entries[i][1]);
        json_decref(all);
    }
    json_t *chosen = tl_known_choose(json_incref(known[0]), json_incref(known[1]), 0);
    cr_expect_eq(chosen, known[1], "what goes by the kind alone gives way");
    json_decref(chosen);
    chosen = tl_known_choose(json_incref(known[1]), json_incref(known[2]), 0);
    cr_expect_eq(chosen, known[1], "the case comes first");
    json_decref(chosen);
    json_object_set_new(known[1], "until", json_string("1970-01-01"));
    chosen = tl_known_choose(json_incref(known[1]), NULL, INT64_C(1000000000000000));
    cr_expect_null(chosen);
    for (size_t i = 0; i < TL_COUNT(entries); i++)
        json_decref(known[i]);
    json_decref(variant);
    setenv("TZ", "UTC", 1);
    cr_expect_not(tl_known_is_over("2026-11-30", 1796083199000000), "2026-11-30T23:59:59Z");
    cr_expect(tl_known_is_over("2026-11-30", 1796083200000000));
    cr_expect_not(tl_known_is_over("fixed", 1796083200000000));
    cr_expect_not(tl_known_is_over(NULL, 0));
}
