/* Words of commands as a shell takes them, places of files in a bundle, and what is taken out of paths. */
#include "harness/base/buffer.h"
#include "harness/base/files.h"
#include "reports/bundle/layout.h"
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
    static const char *const words[] = {"plain", "a b", "it's",  "$(touch x)", "`id`", "\"q\"", "a=b",
                                        "--a=b", "",    "*",     "~/x",        "-",    "a\nb",  "\\n",
                                        "'",     "''",  "$HOME", "#c",         "{x}",  "!h",    "a;b"};
    for (size_t i = 0; i < TL_COUNT(words); i++) {
        struct tl_buffer line = TL_BUFFER_INIT;
        tl_script_word(&line, words[i], false);
        tl_script_word(&line, "next", false);
        char *seen = as_shell(line.data), *wanted = tl_format("%s|next|", words[i]);
        cr_expect_str_eq(seen, wanted, "%s", line.data);
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
