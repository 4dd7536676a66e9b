/* Words of commands that name files without saying where they are (harness/executor/beside.c). */
#include "harness/executor/beside.h"

#include "cases/load.h"
#include "harness/base/buffer.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static char directory[] = "/tmp/trapline-beside-XXXXXX";

static void write_file(const char *name, const char *text)
{
    char *path = tl_format("%s/%s", directory, name);
    FILE *f = fopen(path, "w");
    cr_assert_not_null(f);
    fputs(text, f);
    fclose(f);
    free(path);
}

static struct tl_case *load(void)
{
    struct tl_mistakes m = {0};
    struct tl_error e;
    struct tl_case *c = NULL;
    char *path = tl_format("%s/case.json", directory);
    cr_assert_eq(tl_case_load(path, &c, &m, &e), 0);
    tl_mistakes_free(&m);
    free(path);
    return c;
}

static void setup(void)
{
    cr_assert_not_null(mkdtemp(directory));
    write_file("repro.py", "");
    write_file("out.bin", "");
    write_file(
        "case.json",
        "{\"trapline\": 1, \"name\": \"c\", \"model\": {\"steps\": [{\"phase\": \"compile\", \"argv\": "
        "[\"tool\", \"--in=repro.py\", \"repro.py\", \"-o\", \"out.bin\", \"{case_dir}/gone.txt\", "
        "\"other.cfg\", \"{x}\", {\"when\": {\"x\": 2}, \"argv\": [\"--rules\", \"some.rules\"]}]}]}, "
        "\"axes\": [{\"name\": \"x\", \"choices\": [1, 2]}]}");
}

static void teardown(void)
{
    static const char *const names[] = {"repro.py", "out.bin", "case.json"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char *path = tl_format("%s/%s", directory, names[i]);
        unlink(path);
        free(path);
    }
    rmdir(directory);
}

TestSuite(beside, .init = setup, .fini = teardown);

Test(beside, warns_of_files_and_not_of_outputs)
{
    struct tl_case *c = load();
    json_t *list = tl_beside_warnings(c);
    cr_assert_eq(json_array_size(list), 2);
    cr_assert(strstr(json_string_value(json_array_get(list, 0)), "write \"--in={case_dir}/repro.py\""));
    cr_assert(strstr(json_string_value(json_array_get(list, 1)), "write \"{case_dir}/repro.py\""));
    json_decref(list);
    tl_case_free(c);
}

Test(beside, names_the_word_to_change)
{
    static const struct {
        const char *message, *said;
    } rows[] = {
        {"python3: can't open file '/tmp/x/repro.py': [Errno 2] No such file or directory",
         "{case_dir}/repro.py"},
        {"cannot read gone.txt", "no file of that name is beside the case"},
        {"other.cfg: No such file or directory", "give its whole path"},
        {"my-repro.py.bak: No such file or directory", NULL},
        {"out of memory", NULL},
    };
    struct tl_case *c = load();
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char *word = tl_absent_word(c, rows[i].message);
        cr_assert(rows[i].said ? word && strstr(word, rows[i].said) : !word, "%s: %s", rows[i].message,
                  word ? word : "nothing");
        free(word);
    }
    tl_case_free(c);
}

Test(beside, a_file_that_commands_only_take)
{
    struct tl_case *c = load();
    char *taken = tl_absent_input(c, "some.rules: No such file or directory");
    cr_assert(taken && strstr(taken, "some.rules"));
    cr_assert_null(tl_absent_input(c, "other.cfg: No such file or directory"), "each variant names it");
    cr_assert_null(tl_absent_input(c, "out.bin: No such file or directory"), "-o writes it");
    cr_assert_null(tl_absent_input(c, "repro.py: No such file or directory"), "two words name it");
    free(taken);
    tl_case_free(c);
}

Test(beside, what_says_that_something_is_not_there)
{
    struct tl_case *c = load();
    cr_assert(tl_says_absent(c, "bash: foo: command not found"));
    cr_assert(tl_says_absent(c, "ModuleNotFoundError: No module named 'torch'"));
    cr_assert(tl_says_absent(c, "error: cannot open other.cfg"));
    cr_assert_not(tl_says_absent(c, "Op with name 'Foo' does not exist"));
    cr_assert_not(tl_says_absent(c, "kernel not found for int4"));
    cr_assert_not(tl_says_absent(c, NULL));
    tl_case_free(c);
}

static void age(const char *name, time_t seconds)
{
    char *path = tl_format("%s/%s", directory, name);
    struct timespec times[2] = {{.tv_sec = time(NULL) - seconds}, {.tv_sec = time(NULL) - seconds}};
    cr_assert_eq(utimensat(AT_FDCWD, path, times, 0), 0);
    free(path);
}

/* A program is rebuilt where it was copied from; one that is older, or the same, is none to be told of. */
Test(beside, a_copy_of_what_is_another_one_now)
{
    char *below = tl_format("%s/below", directory);
    cr_assert_eq(mkdir(below, 0700), 0);
    const char *text =
        "{\"trapline\": 1, \"name\": \"c\", \"model\": {\"steps\": [{\"phase\": \"execute\", \"argv\": "
        "[\"{case_dir}/repro.py\", \"{case_dir}/out.bin\"]}]}}";
    write_file("below/case.json", text);
    write_file("below/repro.py", "old");
    write_file("below/out.bin", "");
    write_file("repro.py", "new");
    age("below/repro.py", 100);
    age("below/out.bin", 100);
    char *path = tl_format("%s/case.json", below);
    struct tl_mistakes m = {0};
    struct tl_error e;
    struct tl_case *c = NULL;
    cr_assert_eq(tl_case_load(path, &c, &m, &e), 0);
    json_t *list = tl_beside_warnings(c);
    cr_expect_eq(json_array_size(list), 1);
    cr_expect(strstr(json_string_value(json_array_get(list, 0)), "below/repro.py is run, and "));
    json_decref(list);
    age("repro.py", 200);
    list = tl_beside_warnings(c);
    cr_expect_eq(json_array_size(list), 0);
    json_decref(list);
    tl_case_free(c);
    static const char *const names[] = {"below/repro.py", "below/out.bin", "below/case.json"};
    for (size_t i = 0; i < TL_COUNT(names); i++) {
        char *gone = tl_format("%s/%s", directory, names[i]);
        unlink(gone);
        free(gone);
    }
    rmdir(below);
    free(below);
    free(path);
}
