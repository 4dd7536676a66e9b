/* Whose a directory is, links on the way of a path, and programs that people know by their names. */
#include "harness/base/buffer.h"
#include "harness/base/files.h"
#include "harness/base/places.h"
#include "harness/base/tool_name.h"

#include <criterion/criterion.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

Test(places, whose)
{
    setenv("HOME", "/home/me", true);
    static const char *const system[] = {"/usr/bin/env", "/bin", "/lib64/x.so", "/System/Library/x"},
                             *const own[] = {"/usrx/bin", "/opt/tool/bin/tool", "/home/me/bin/tool", "/tmp/x",
                                             "/library/x"},
                             *const packages[] = {"/home/me/.cargo/bin/x", "/opt/homebrew/bin/x",
                                                  "/home/me/miniconda3/bin/x",
                                                  "/home/me/p/node_modules/.bin/x",
                                                  "/home/me/.local/share/pipx/venvs/x/bin/x"},
                             *const broad[] = {"/", "/tmp", "/tmp/", "/home/me", "/opt"},
                             *const narrow[] = {"/tmp/x", "/home/me/x", "/data"};
    for (size_t i = 0; i < TL_COUNT(system); i++)
        cr_expect(tl_place_is_of_system(system[i]), "%s", system[i]);
    for (size_t i = 0; i < TL_COUNT(own); i++)
        cr_expect(!tl_place_is_of_system(own[i]) && !tl_place_is_of_packages(own[i]), "%s", own[i]);
    for (size_t i = 0; i < TL_COUNT(packages); i++)
        cr_expect(tl_place_is_of_packages(packages[i]), "%s", packages[i]);
    for (size_t i = 0; i < TL_COUNT(broad); i++)
        cr_expect(tl_place_is_broad(broad[i]), "%s", broad[i]);
    for (size_t i = 0; i < TL_COUNT(narrow); i++)
        cr_expect(!tl_place_is_broad(narrow[i]), "%s", narrow[i]);
}

Test(places, tools_that_people_know)
{
    static const char *const known[] = {"uv",        "python3.11", "xcrun", "coreai-build",
                                        "llama-cli", "sh",         "node"},
                             *const unknown[] = {"tool", "faketool", "uvx2", "pythonic", "llama", ""};
    for (size_t i = 0; i < TL_COUNT(known); i++)
        cr_expect(tl_tool_is_known(known[i]), "%s", known[i]);
    for (size_t i = 0; i < TL_COUNT(unknown); i++)
        cr_expect(!tl_tool_is_known(unknown[i]), "%s", unknown[i]);
    cr_expect(tl_tool_is_wrapper("nice") && !tl_tool_is_wrapper("python3"));
}

static void note(void *arg, const char *link, const char *real)
{
    json_object_set_new(arg, link, json_string(real));
}

/* Links of files and of directories, one behind another, with ".." behind one, and one that leads round. */
Test(places, links)
{
    char top[] = "/tmp/test-places-XXXXXX";
    cr_assert(mkdtemp(top));
    char *real = realpath(top, NULL);
    cr_assert_eq(chdir(top), 0);
    cr_assert_eq(tl_make_directories("lib/x/bin", 0700), 0);
    cr_assert_eq(tl_make_directories("bin", 0700), 0);
    cr_assert_eq(tl_write_new_file("lib/x/bin/tool-1", "", 0, 0600, false), 0);
    cr_assert_eq(symlink("tool-1", "lib/x/bin/tool"), 0);
    cr_assert_eq(symlink("../current/bin/tool", "bin/tool"), 0);
    cr_assert_eq(symlink("lib/x", "current"), 0);
    cr_assert_eq(symlink("round", "round"), 0);
    json_t *links = json_object();
    char *path = tl_format("%s/bin/./../bin/tool", real);
    tl_follow_links(path, note, links);
    free(path);
    static const char *const wanted[][2] = {
        {"bin/tool", "lib/x/bin/tool-1"}, {"current", "lib/x"}, {"lib/x/bin/tool", "lib/x/bin/tool-1"}};
    cr_expect_eq(json_object_size(links), TL_COUNT(wanted));
    for (size_t i = 0; i < TL_COUNT(wanted); i++) {
        char *link = tl_format("%s/%s", real, wanted[i][0]), *to = tl_format("%s/%s", real, wanted[i][1]);
        const char *seen = json_string_value(json_object_get(links, link));
        cr_expect(seen && !strcmp(seen, to), "%s: %s", link, seen ? seen : "none");
        free(link);
        free(to);
    }
    json_object_clear(links);
    path = tl_format("%s/round/x", real);
    tl_follow_links(path, note, links);
    cr_expect_eq(json_object_size(links), 0);
    free(path);
    path = tl_format("%s/current/bin/tool", real);
    char *seen = tl_real_directory(path), *to = tl_format("%s/lib/x/bin/tool", real);
    cr_expect_str_eq(seen, to);
    cr_expect_null(tl_real_directory("/nowhere/at/all"));
    free(to);
    free(seen);
    free(path);
    json_decref(links);
    cr_assert_eq(chdir("/"), 0);
    tl_remove_tree(top);
    free(real);
}
