/* What outputs of a case are compared with: the unit of a reference, its axes, expected files. */
#include "cases/npy.h"
#include "cases/reference.h"
#include "harness/base/buffer.h"
#include "tests/unit/case_fixture.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

TestSuite(case_reference, .fini = forget);

#define MADE HEAD "\"model\":{\"generate\":[\"true\",\"{model}\"]},"
#define STEPS HEAD "\"model\":{\"steps\":[{\"phase\":\"execute\",\"argv\":[\"true\"]}]},"

/* The paths in a unit are those of the case, wherever it is run from. */
Test(case_reference, the_unit_of_a_reference)
{
    static const struct {
        const char *told, *unit;
    } units[] = {{"onnxruntime@1.30.0:cpu", "onnxruntime@1.30.0:cpu"},
                 {"./mine.py:cpu", "/nowhere/./mine.py:cpu"},
                 {"/opt/mine:cpu", "/opt/mine:cpu"},
                 {"onnxruntime@lib/x.so:cpu", "onnxruntime@/nowhere/lib/x.so:cpu"}};
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        char *text = tl_format(MADE "\"reference\":{\"unit\":\"%s\"}}", units[i].told);
        accept(text);
        cr_assert_str_eq(loaded->reference.unit, units[i].unit);
        free(text);
    }
    refuse(MADE "\"reference\":{\"unit\":\"mine:\"}}", "$.reference.unit", "RUNNER[@BUILD]:DEVICE[%ALIAS]");
    refuse(MADE "\"reference\":{\"unit\":\"@1:cpu\"}}", "$.reference.unit", "RUNNER[@BUILD]:DEVICE[%ALIAS]");
}

#define AXES "\"axes\":[{\"name\":\"n\",\"range\":[1,3]},{\"name\":\"optimization\",\"choices\":[99,1]}],"

Test(case_reference, mistakes_in_a_reference)
{
    static const struct {
        const char *of, *where, *says;
    } rows[] = {
        {"{\"unit\":\"same\"}", ".unit", "\"with\" as well"},
        {"{\"unit\":\"same\",\"with\":{}}", ".with", "axes, and the values"},
        {"{\"unit\":\"same\",\"with\":{\"m\":1}}", ".with.m", "neither the case nor its model"},
        {"{\"unit\":\"same\",\"with\":{\"n\":4}}", ".with.n", "from 1 to 3"},
        {"{\"unit\":\"same\",\"with\":{\"optimization\":\"none\"}}", ".with.optimization",
         "value of axis optimization"},
        {"{\"outputs\":[]}", ".outputs", "outputs"},
        {"{\"outputs\":[{\"name\":\"y\"}]}", ".outputs[0]", "\"npy\" or \"pb\""},
        {"{\"outputs\":[{\"name\":\"y\",\"npy\":\"a\",\"pb\":\"b\"}]}", ".outputs[0].pb", "either"},
        {"{\"outputs\":[{\"name\":\"y\",\"npy\":\"none.npy\"}]}", ".outputs[0].npy", "No such file"},
        {"{\"outputs\":[{\"name\":\"y\",\"npy\":\"{m}.npy\"}]}", ".outputs[0].npy",
         "unknown placeholder {m}"},
        {"{\"outputs\":[{\"name\":\"y\",\"npy\":\"{outputs}/y\"}]}", ".outputs[0].npy",
         "arguments of \"generate\""},
        {"{\"outputs\":[{\"name\":\"y\",\"npy\":\"{n}\"},{\"name\":\"y\",\"npy\":\"{n}\"}]}", ".outputs[1]",
         "not listed before"},
        {"{\"outputs\":[{\"name\":\"y\",\"npy\":\"{n}\"}],\"with\":{\"n\":1}}", ".with",
         "files have no axes"},
        {"{\"unit\":\"a:cpu\",\"outputs\":[{\"name\":\"y\",\"npy\":\"{n}\"}]}", ".outputs[0].npy",
         "expected no file"},
        {"{\"unit\":\"a:cpu\",\"outputs\":[{\"name\":\"y\"}]}", ".outputs[0]", "how close"},
        {"{\"unit\":\"a:cpu\",\"tolerance\":1,\"rtol\":1}", ".tolerance", "either \"tolerance\""},
        {"{\"unit\":\"a:cpu\",\"rtol\":-1}", ".rtol", "at least 0"},
        {"{\"unit\":\"a:cpu\",\"atol\":\"1\"}", ".atol", "a number"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char *text = tl_format(MADE AXES "\"reference\":%s}", rows[i].of),
             *where = tl_format("$.reference%s", rows[i].where);
        refuse(text, where, rows[i].says);
        free(text);
        free(where);
    }
    refuse(STEPS "\"reference\":{\"unit\":\"a:cpu\"}}", "$.reference", "steps have no outputs");
    refuse(STEPS "\"axes\":[{\"name\":\"outputs\",\"choices\":[1]}]}", "$.axes[0].name", "another name");
}

Test(case_reference, a_reference_with_other_axes)
{
    accept(MADE AXES
           "\"reference\":{\"unit\":\"same\",\"with\":{\"optimization\":0,\"threads\":2},\"atol\":1e-6}}");
    const struct tl_reference *r = &loaded->reference;
    cr_assert_str_eq(r->text, "the same unit with optimization=0, threads=2");
    cr_assert(r->tolerance.elementwise && r->tolerance.rtol == 0 && r->tolerance.atol == 1e-6);
    struct tl_variant v = tl_variant_baseline(loaded);
    v.index[0] = 2;
    v.index[1] = 1;
    struct tl_variant w = tl_reference_variant(loaded, &v);
    char *text = tl_variant_json(r->as, &w);
    cr_assert_str_eq(text, "{\"n\":3,\"optimization\":0,\"threads\":2}");
    cr_assert_str_eq(r->as->hash, loaded->hash);
    free(text);
    tl_variant_free(&v);
    tl_variant_free(&w);
}

/* The content of expected files belongs to the case, of all variants that it names one for. */
Test(case_reference, expected_files_are_part_of_it)
{
    char place[] = "/tmp/trapline-case-XXXXXX", hash[2][TL_ID_SIZE];
    static const int64_t dims[] = {1};
    static const float values[] = {1, 2};
    struct tl_error e;
    struct tl_mistakes m = {0};
    struct tl_case *c;
    cr_assert(mkdtemp(place));
    char *case_file = tl_format("%s/case.json", place), *npy = tl_format("%s/2.npy", place);
    setenv("XDG_CACHE_HOME", place, 1);
    static const char text[] =
        MADE AXES "\"reference\":{\"outputs\":[{\"name\":\"y\",\"npy\":\"{n}.npy\"}]}}";
    for (int i = 0; i < 2; i++) {
        cr_assert_eq(tl_npy_write(npy, TL_DTYPE_FLOAT32, 1, dims, &values[i], &e), 0);
        cr_assert_eq(tl_case_parse(text, sizeof text - 1, case_file, &c, &m, &e), 0, "%s", e.why);
        memcpy(hash[i], c->hash, TL_ID_SIZE);
        char **files = tl_reference_files(c);
        cr_assert(files[0] && !files[1], "one of three is there");
        cr_assert_str_eq(files[0], npy);
        tl_strings_free(files);
        tl_case_free(c);
        tl_mistakes_free(&m);
    }
    cr_assert_str_neq(hash[0], hash[1]);
    char *remove = tl_format("rm -r %s", place);
    cr_assert_eq(system(remove), 0);
    free(remove);
    free(case_file);
    free(npy);
}
