/* Programs of commands: whose they are, where a command stands in words, and what texts of a program name. */
#include "harness/base/buffer.h"
#include "harness/base/files.h"
#include "harness/executor/content.h"
#include "harness/executor/content_mentions.h"
#include "harness/executor/content_named.h"
#include "harness/executor/content_tools.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

Test(tools, a_command_in_a_text)
{
    static const struct {
        const char *text;
        bool is;
    } texts[] = {{"TOOL x", true},          {"true && TOOL x", true}, {"if TOOL x; then", true},
                 {"a; exec TOOL", true},    {"x=$(TOOL)", true},      {"A=1 TOOL", true},
                 {"nice TOOL", true},       {"a | TOOL", true},       {"exec \"TOOL\"", true},
                 {"a\n  TOOL\n", true},     {"echo TOOL", false},     {"# call TOOL", false},
                 {"test $1 = TOOL", false}, {"cp -r TOOL x", false}};
    for (size_t i = 0; i < TL_COUNT(texts); i++)
        cr_expect_eq(tl_tool_is_command_at(texts[i].text, strstr(texts[i].text, "TOOL")), texts[i].is, "%s",
                     texts[i].text);
}

Test(tools, a_program_that_is_started)
{
    static const struct {
        char *words[8];
        size_t at;
    } commands[] = {{{"tool", NULL}, 0},
                    {{"tool", "--x", "other", "y", NULL}, 2},
                    {{"nice", "-n", "5", "tool", "x", NULL}, 3},
                    {{"xcrun", "--sdk", "iphoneos", "tool", "compile", NULL}, 3},
                    {{"uv", "run", "--with", "torch", "tool", NULL}, 4},
                    {{"env", "A=1", "tool", NULL}, 2}};
    for (size_t i = 0; i < TL_COUNT(commands); i++)
        cr_expect_eq(tl_tool_started(commands[i].words), commands[i].at, "%s", commands[i].words[0]);
}

Test(tools, what_a_script_calls)
{
    json_t *called = tl_tools_called("subprocess.run([ \"tool\", x]); os.system('other -v'); open('/a/b'); "
                                     "exec(`third`); print(\"\"); f(x)\n"
                                     "require('./fourth'); say \"fifth\"; open('sixth'); name(\"seventh\")");
    cr_expect_eq(json_object_size(called), 3);
    cr_expect(json_object_get(called, "tool") && json_object_get(called, "other") &&
              json_object_get(called, "third"));
    json_decref(called);
}

static char *script(const char *top, const char *name, const char *text)
{
    char *path = tl_format("%s/%s", top, name);
    cr_assert_eq(tl_make_parents(path, 0700), 0);
    cr_assert_eq(tl_write_new_file(path, text, strlen(text), 0700, false), 0);
    return path;
}

/* Of everybody: what a package manager or the system has, whatever name leads to it, and what runs nowhere else. */
Test(tools, whose)
{
    char top[] = "/tmp/test-tools-XXXXXX";
    cr_assert(mkdtemp(top));
    char *own = script(top, "bin/own", "#!/bin/sh\n"), *known = script(top, "bin/uv", "#!/bin/sh\n"),
         *config = script(top, "venv/pyvenv.cfg", ""), *first = tl_format("#!%s/venv/bin/python\n", top),
         *venv = script(top, "venv/bin/tool", first),
         *moved = script(top, "venv/bin/movable", "#!/usr/bin/env python3\n"),
         *pip = script(top, "bin/cli",
                       "#!/usr/bin/python3\nimport sys\nfrom cli import main\nif __name__ == '__main__':\n"
                       "    sys.argv[0] = sys.argv[0]\n    sys.exit(main())\n"),
         *link = tl_format("%s/bin/sys", top);
    cr_assert_eq(symlink("/usr/bin/env", link), 0);
    cr_expect(!tl_tool_is_everybodys(own, true));
    cr_expect(tl_tool_is_everybodys(known, true));
    cr_expect(!tl_tool_is_everybodys(known, false), "a path names it");
    cr_expect(tl_tool_is_everybodys(venv, false));
    cr_expect(!tl_tool_is_everybodys(moved, false));
    cr_expect(tl_tool_is_everybodys(pip, true));
    cr_expect(tl_tool_is_everybodys(link, false));
    cr_expect(tl_tool_is_everybodys("/bin/sh", false));
    char *all[] = {own, known, config, first, venv, moved, pip, link};
    for (size_t i = 0; i < TL_COUNT(all); i++)
        free(all[i]);
    tl_remove_tree(top);
}

Test(tools, texts_of_a_program)
{
    char top[] = "/tmp/test-tools-XXXXXX";
    cr_assert(mkdtemp(top));
    static const char data[] = "\177ELF\0\1\0ab\0../share/x.bin\0$ORIGIN/../lib\0../nowhere/y\0word";
    char *program = tl_format("%s/bin/tool", top), *other = script(top, "share/x.bin", "1"),
         *library = script(top, "lib/l.so", "1");
    cr_assert_eq(tl_make_parents(program, 0700), 0);
    cr_assert_eq(tl_write_new_file(program, data, sizeof data, 0700, false), 0);
    char *texts = tl_texts_of_program(program);
    cr_expect_str_eq(texts, "ELF\n../share/x.bin\n$ORIGIN/../lib\n../nowhere/y\nword\n");
    cr_expect_null(tl_texts_of_program(other), "it is no program");
    json_t *named = tl_named_by_texts(texts, program);
    char *real = realpath(top, NULL), *share = tl_format("%s/share/x.bin", real),
         *lib = tl_format("%s/lib", real);
    cr_expect_eq(json_object_size(named), 2);
    cr_expect(json_object_get(named, share) && json_object_get(named, lib));
    json_decref(named);
    char *all[] = {texts, real, share, lib, program, other, library};
    for (size_t i = 0; i < TL_COUNT(all); i++)
        free(all[i]);
    tl_remove_tree(top);
}

/* A file goes where a text names it, and not where a variable is called as it is. */
Test(tools, what_a_script_mentions)
{
    static const struct {
        const char *text, *name;
        enum tl_script_kind kind;
        bool is;
    } texts[] = {{"from onnx import helper as e\nm=load(e)", "e", TL_SCRIPT_HASH, false},
                 {"m=onnx.load(x)\nopen('m')", "m", TL_SCRIPT_HASH, false},
                 {"print(1, file=sys.stderr)", "stderr", TL_SCRIPT_HASH, false},
                 {"open('m.bin')", "m.bin", TL_SCRIPT_HASH, true},
                 {"m.bin = 1", "m.bin", TL_SCRIPT_HASH, false},
                 {"# open('m.bin')", "m.bin", TL_SCRIPT_HASH, false},
                 {"x = '#'; open(\"m.bin\")", "m.bin", TL_SCRIPT_HASH, true},
                 {"open(f'{d}/m')", "m", TL_SCRIPT_HASH, true},
                 {"data = d['data']; x == 'data'; run(['data'])", "data", TL_SCRIPT_HASH, false},
                 {"raise E('no data here')", "data", TL_SCRIPT_HASH, false},
                 {"np.fromfile( 'data' )", "data", TL_SCRIPT_HASH, true},
                 {"os.path.join(here(x), r'data')", "data", TL_SCRIPT_HASH, true},
                 {"subprocess.run(['./t', 'data'])", "data", TL_SCRIPT_HASH, true},
                 {"Path(__file__).parent / 'data'", "data", TL_SCRIPT_HASH, true},
                 {"\"\"\"Reads\nm.bin, don't ask.\"\"\"", "m.bin", TL_SCRIPT_HASH, true},
                 {"// 'm.bin'\n/* \"m.bin\" */ load('it\\'s m.bin')", "m.bin", TL_SCRIPT_SLASHES, true},
                 {"a // 'm.bin'", "m.bin", TL_SCRIPT_SLASHES, false},
                 {"cmd >out 2>err; grep x out", "out", TL_SCRIPT_SHELL, false},
                 {"cmd >out 2> err.txt", "err.txt", TL_SCRIPT_SHELL, false},
                 {"grep x out\ncmd >out", "out", TL_SCRIPT_SHELL, true},
                 {"cat \"data\"", "data", TL_SCRIPT_SHELL, true},
                 {"cat < data", "data", TL_SCRIPT_SHELL, true},
                 {"./cat data/w", "data", TL_SCRIPT_SHELL, true},
                 {"./tool --w=\"$d/w.bin\"", "w.bin", TL_SCRIPT_SHELL, true},
                 {"x; data=1; data; if data; then", "data", TL_SCRIPT_SHELL, false},
                 {"echo wrong data >&2; echo \"more data\"", "data", TL_SCRIPT_SHELL, false},
                 {"# cat data\ncat x", "data", TL_SCRIPT_SHELL, false},
                 {"cat e", "e", TL_SCRIPT_SHELL, false},
                 {"cat ./e", "e", TL_SCRIPT_SHELL, true}};
    for (size_t i = 0; i < TL_COUNT(texts); i++)
        cr_expect_eq(tl_script_mentions(texts[i].text, texts[i].kind, texts[i].name), texts[i].is, "%s in %s",
                     texts[i].name, texts[i].text);
    cr_expect_eq(tl_script_kind_of("/x.y/a", "#!/usr/bin/env python3\n"), TL_SCRIPT_HASH);
    cr_expect_eq(tl_script_kind_of("/x.y/a", "#!/bin/sh\npython"), TL_SCRIPT_SHELL);
    cr_expect_eq(tl_script_kind_of("a.js", ""), TL_SCRIPT_SLASHES);
}

/* What a command is known by, where PATH has nothing but a program `w` that says this. */
static void known_by(const char *top, const char *says, char *const *words, char hex[TL_SHA256_SIZE])
{
    char *program = tl_format("%s/bin/w", top), *path = tl_format("%s/bin", top),
         *database = tl_format("%s/db", top);
    struct tl_content x = {0};
    struct tl_hash h;
    unlink(program);
    free(script(top, "bin/w", says));
    setenv("XDG_CACHE_HOME", top, 1);
    setenv("PATH", path, 1);
    cr_assert_eq(tl_hash_begin(&h), 0);
    tl_content_begin(&x, top, database);
    tl_content_command(&x, &h, top, NULL, words);
    tl_hash_end(&h, hex);
    tl_content_end(&x, false);
    free(program);
    free(path);
    free(database);
}

/* A word of Python that is also the name of a program does not make that program count; what it starts does, as do the words
 * of a shell. */
Test(tools, words_of_a_program_are_no_programs)
{
    static const struct {
        char *words[4];
        bool counts;
    } commands[] = {{{"python3", "-c", "w = open(x, 'w')\nprint(w)", NULL}, false},
                    {{"perl", "-e", "print w", NULL}, false},
                    {{"sh", "-c", "x; w -a", NULL}, true},
                    {{"nice", "w", NULL}, true}};
    for (size_t i = 0; i < TL_COUNT(commands); i++) {
        char top[] = "/tmp/test-words-XXXXXX", first[TL_SHA256_SIZE], second[TL_SHA256_SIZE];
        cr_assert(mkdtemp(top));
        known_by(top, "#!/bin/sh\necho 1\n", commands[i].words, first);
        known_by(top, "#!/bin/sh\necho 2, and more\n", commands[i].words, second);
        cr_expect_eq(strcmp(first, second) != 0, commands[i].counts, "%s", commands[i].words[2]);
        tl_remove_tree(top);
    }
}
