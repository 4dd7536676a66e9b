/* Words of commands as a shell takes them, places of files in a bundle, and what is taken out of paths. */
#include "harness/base/buffer.h"
#include "harness/base/files.h"
#include "harness/base/utf8.h"
#include "reports/bundle/layout.h"
#include "reports/bundle/parts.h"
#include "reports/bundle/script.h"
#include "reports/redact/redact.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What sh makes of it, with the variables of the script set; '|' after each word. */
static char *as_shell(const char *words)
{
    char *command =
        tl_format("here=/b; model=/m; scratch='/s p'; HOME=/h; cd /; set -f; printf '%%s|' %s", words);
    FILE *out = popen(command, "r");
    char *text = tl_calloc(4096, 1);
    size_t n = fread(text, 1, 4095, out);
    text[n] = '\0';
    pclose(out);
    free(command);
    return text;
}

Test(script, a_word_is_what_it_was)
{
    static const char *const words[] = {"plain",
                                        "a b",
                                        "it's",
                                        "$(touch x)",
                                        "`id`",
                                        "\"q\"",
                                        "a=b",
                                        "--a=b",
                                        "",
                                        "*",
                                        "~/x",
                                        "-",
                                        "a\nb",
                                        "\\n",
                                        "'",
                                        "''",
                                        "$HOME",
                                        "#c",
                                        "{x}",
                                        "!h",
                                        "a;b",
                                        "\033[31mred",
                                        "\033\\0101'\\n %s%%",
                                        "\xc2\x9b"
                                        "1 $HOME \"`id`",
                                        "\xe2\x80\xae"
                                        "x\ny",
                                        "\033\n",
                                        "\033\n\n",
                                        "\n\033"};
    for (size_t i = 0; i < TL_COUNT(words); i++) {
        struct tl_buffer line = TL_BUFFER_INIT;
        tl_script_word(&line, words[i], false);
        tl_script_word(&line, "next", false);
        char *written = tl_visible_text(line.data), *seen = as_shell(written),
             *wanted = tl_format("%s|next|", words[i]);
        cr_expect_str_eq(written, line.data, "nothing in it is changed as the script is written");
        cr_expect_str_eq(seen, wanted, "%s", line.data);
        free(written);
        free(wanted);
        free(seen);
        tl_buffer_free(&line);
    }
}

Test(script, marks_are_variables)
{
    struct tl_buffer line = TL_BUFFER_INIT;
    tl_script_word(&line, "--in=\001m", false);
    tl_script_word(&line, "\001b/it's.py", false);
    tl_script_word(&line, "\001s/out", false);
    tl_script_word(&line, "\001h/x", false);
    tl_script_word(&line, "\001z", false);
    char *seen = as_shell(line.data);
    cr_expect_str_eq(seen, "--in=/m|/b/it's.py|/s p/out|/h/x|\001z|");
    free(seen);
    tl_buffer_free(&line);
}

/* The tree that a case and what it names by ".." are in is kept; what stands elsewhere is numbered. */
Test(layout, places)
{
    struct tl_bundle_layout l;
    json_t *files =
        json_pack("[{s:s,s:s},{s:s,s:s},{s:s,s:s},{s:s,s:s}]", "path", "/srv/p/case/run.py", "top",
                  "/srv/p/case/run.py", "path", "/srv/p/lib/m.py", "top", "/srv/p/lib", "path",
                  "/data/w/a/b.bin", "top", "/data/w", "path", "/data/w/c.bin", "top", "/data/w");
    setenv("HOME", "/odd/me", true);
    tl_layout_init(&l, "/srv/p/case", files, NULL);
    cr_expect_str_eq(l.case_at, "files/case");
    static const char *const words[][2] = {
        {"/srv/p/case/run.py", "B/files/case/run.py"},
        {"--lib=/srv/p/lib/m.py:/srv/p/case", "--lib=B/files/lib/m.py:B/files/case"},
        {"-I/srv/p/lib", "-IB/files/lib"},
        {"/data/w", "B/files/elsewhere/1/w"},
        {"/data/w/a/*.bin", "B/files/elsewhere/1/w/a/*.bin"},
        {"/data/www", "/data/www"},
        {"/srv/p/case2/x", "B/files/case2/x"},
        {"/usr/bin/env", "/usr/bin/env"},
        {"/odd/me/x", "H/x"},
        {"/odd/men/x", "/odd/men/x"},
        {"http://srv/p/case", "http://srv/p/case"},
        {"../lib/m.py", "../lib/m.py"},
    };
    for (size_t i = 0; i < TL_COUNT(words); i++) {
        char *word = tl_layout_word(&l, words[i][0], "B/", "H");
        cr_expect_str_eq(word, words[i][1], "%s", words[i][0]);
        free(word);
    }
    char *place = tl_layout_relative(&l, "./tool");
    cr_expect_str_eq(place, "files/case/./tool");
    free(place);
    tl_layout_free(&l);
    json_decref(files);
}

static json_t *file(const char *path, const char *of)
{
    return json_pack("{s:s,s:s}", "path", path, "top", of ? of : path);
}

static void is_placed(const struct tl_bundle_layout *l, const char *path, const char *place)
{
    char *at = tl_layout_place(l, path);
    cr_expect(place ? at && !strcmp(at, place) : !at, "%s: %s", path, at ? at : "none");
    free(at);
}

/* Files that find each other by ".." still do, whether their tree is that of the case or stands elsewhere. */
Test(layout, trees_are_kept)
{
    struct tl_bundle_layout l;
    setenv("HOME", "/home/me", true);
    json_t *files =
        json_pack("[o,o,o,o,o,o]", file("/opt/x/bin/tool", NULL), file("/opt/x/lib/libx.so", NULL),
                  file("/opt/x/share/d/a.bin", "/opt/x/share"), file("/tmp/t/run.py", NULL),
                  file("/tmp/m/mod.py", "/tmp/m"), file("/single", NULL));
    tl_layout_init(&l, "/home/me/deep/er/and/deep/er/case", files, NULL);
    is_placed(&l, "/opt/x/bin/tool", "files/elsewhere/1/bin/tool");
    is_placed(&l, "/opt/x/lib/libx.so", "files/elsewhere/1/lib/libx.so");
    is_placed(&l, "/opt/x/share/d/a.bin", "files/elsewhere/1/share/d/a.bin");
    is_placed(&l, "/opt/x/share", "files/elsewhere/1/share");
    is_placed(&l, "/opt/x/bin", "files/elsewhere/1/bin");
    is_placed(&l, "/opt/x", "files/elsewhere/1");
    is_placed(&l, "/opt/x/other", NULL);
    is_placed(&l, "/opt", NULL);
    is_placed(&l, "/tmp/t/run.py", "files/elsewhere/2/t/run.py");
    is_placed(&l, "/tmp/m/mod.py", "files/elsewhere/2/m/mod.py");
    is_placed(&l, "/single", "files/elsewhere/3/single");
    json_t *paths = json_pack("[s,s,s]", "/opt/x/bin/tool", "/opt/x/bin/other", "/opt/x/lib/libx.so"),
           *directories = tl_layout_directories(&l, paths);
    cr_expect_eq(json_array_size(directories), 2);
    cr_expect_str_eq(json_string_value(json_array_get(directories, 0)), "files/elsewhere/1/bin");
    json_decref(directories);
    json_decref(paths);
    tl_layout_free(&l);
    json_decref(files);
    /* A directory of a project's is a tree however it is called; a home and /tmp are none for what is far below. */
    files = json_pack("[o,o,o]", file("/build/tools/run.py", NULL), file("/build/lib/m.py", "/build/lib"),
                      file("/home/me/x.bin", NULL));
    tl_layout_init(&l, "/build/a/b/case", files, NULL);
    cr_expect_str_eq(l.case_at, "files/a/b/case");
    is_placed(&l, "/build/tools/run.py", "files/tools/run.py");
    is_placed(&l, "/build/lib/m.py", "files/lib/m.py");
    is_placed(&l, "/home/me/x.bin", "files/elsewhere/1/x.bin");
    is_placed(&l, "/home/me", NULL);
    tl_layout_free(&l);
    json_decref(files);
    files = json_pack("[o,o]", file("/tmp/far/run.py", NULL), file("/tmp/p/case/x.py", NULL));
    tl_layout_init(&l, "/tmp/p/case", files, NULL);
    cr_expect_str_eq(l.case_at, "files");
    is_placed(&l, "/tmp/far/run.py", "files/elsewhere/1/run.py");
    tl_layout_free(&l);
    json_decref(files);
}

static unsigned runs(int failed, int of, double seconds)
{
    json_t *finding = json_pack("{s:[i,i]}", "rate", failed, of);
    const struct tl_report_source source = {.finding = finding};
    const struct tl_bundle b = {.source = &source};
    unsigned n = tl_bundle_runs(&b, seconds);
    json_decref(finding);
    return n;
}

Test(runs, are_chosen_by_the_rate)
{
    cr_expect_eq(runs(5, 5, 0.1), 3);
    cr_expect_eq(runs(5, 5, 400), 1);
    cr_expect_eq(runs(9, 10, 0.1), 12);
    cr_expect_gt(runs(10, 100, 0.1), 30);
    cr_expect_leq(runs(1, 1000, 0.1), 60);
    cr_expect_eq(runs(1, 10, 20), 9);
    cr_expect_eq(runs(1, 10, 100), 3);
    cr_expect_eq(runs(1, 10, 400), 1);
}

Test(redaction, places_of_this_machine)
{
    struct tl_redaction r = {.home = tl_strdup("/odd/me")};
    tl_redaction_add_place(&r, "/srv/secret", "{data}");
    tl_redaction_add_place(&r, "/srv/secret/case", "{case_dir}");
    tl_redaction_add_place(&r, "/tmp", "never");
    tl_redaction_add_place(&r, "/usr/lib/x", "never");
    static const char *const texts[][2] = {
        {"/srv/secret/case/run.py", "{case_dir}/run.py"},
        {"cannot open '/srv/secret/w.bin'", "cannot open '{data}/w.bin'"},
        {"/srv/secrets/w.bin", "/srv/secrets/w.bin"},
        {"/odd/me/x:/srv/secret", "~/x:{data}"},
        {"/tmp/a /usr/lib/x/y", "/tmp/a /usr/lib/x/y"},
    };
    for (size_t i = 0; i < TL_COUNT(texts); i++) {
        char *text = tl_redact_paths(&r, texts[i][0]);
        cr_expect_str_eq(text, texts[i][1]);
        free(text);
    }
    tl_redaction_free(&r);
}
