/* Programs of commands: whose they are, where a command stands in words, and what texts of a program name. */
#include "harness/base/buffer.h"
#include "harness/base/files.h"
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
