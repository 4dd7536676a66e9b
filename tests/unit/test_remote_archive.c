/* The directory of a case as an archive: the same one for the same files, and nothing of a hostile one comes out of its directory. What a
 * worker lets others run, by its names. */
#include "harness/executor/remote_allow.h"
#include "harness/executor/remote_archive.h"

#include "harness/base/buffer.h"
#include "harness/base/files.h"

#include <archive.h>
#include <archive_entry.h>
#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char top[] = "/tmp/test-archive-XXXXXX";
static struct tl_error e;

static void setup(void)
{
    cr_assert(mkdtemp(top));
    cr_assert_eq(chdir(top), 0);
    cr_assert_eq(setenv("XDG_CACHE_HOME", top, 1), 0);
}

static void teardown(void)
{
    cr_assert_eq(chdir("/"), 0);
    tl_remove_tree(top);
}

static void put(const char *path, const char *text, mode_t mode)
{
    cr_assert_eq(tl_make_parents(path, 0700), 0);
    cr_assert_eq(tl_write_new_file(path, text, strlen(text), mode, false), 0, "%s", path);
}

Test(remote_archive, is_the_same_for_the_same_files, .init = setup, .fini = teardown)
{
    static const char odd[] = "case/sub/gr\303\266\303\237e";
    char *path, *again, sha[TL_SHA256_SIZE], other[TL_SHA256_SIZE], long_name[300];
    int64_t size;
    struct stat st;
    put("case/run.py", "print(1)", 0755);
    put(odd, "x", 0644);
    put("case/empty", "", 0644);
    snprintf(long_name, sizeof long_name, "case/%0150d/%0120d", 1, 2);
    put(long_name, "long", 0600);
    put("case/model.onnx", "a model goes by itself", 0600);
    json_t *without = json_pack("[{s:s}]", "name", "model.onnx");
    cr_assert_eq(tl_remote_archive_write("case", without, &path, sha, &size, &e), 0, "%s", e.why);
    cr_assert_eq(utimensat(AT_FDCWD, odd, NULL, 0), 0);
    cr_assert_eq(chmod(odd, 0640), 0);
    cr_assert_eq(tl_remote_archive_write("case", without, &again, other, &size, &e), 0);
    cr_assert_str_eq(sha, other);
    cr_assert_eq(stat(path, &st), 0);
    cr_assert_eq(st.st_size, size);
    cr_assert_eq(tl_remote_archive_unpack(path, "there", &e), 0, "%s: %s", e.where, e.why);
    char *text = tl_read_file("there/sub/gr\303\266\303\237e", 10, NULL);
    cr_assert_str_eq(text, "x");
    free(text);
    cr_assert(!stat("there/run.py", &st) && (st.st_mode & 0777) == 0700);
    cr_assert(!stat("there/empty", &st) && st.st_size == 0 && (st.st_mode & 0777) == 0600);
    char *moved = tl_format("there/%s", long_name + 5);
    cr_assert(!access(moved, F_OK));
    free(moved);
    cr_assert(access("there/model.onnx", F_OK));
    /* What somebody has changed there is put right. */
    cr_assert_eq(tl_replace_file("there/run.py", "exit()", 6, 0700, false), 0);
    cr_assert_eq(tl_remote_archive_unpack(path, "there", &e), 0);
    text = tl_read_file("there/run.py", 100, NULL);
    cr_assert_str_eq(text, "print(1)");
    free(text);
    cr_assert_eq(symlink("/etc/passwd", "case/link"), 0);
    cr_assert_eq(tl_remote_archive_write("case", without, &text, other, &size, &e), -1);
    cr_assert(strstr(e.why, "links do not travel") && !text);
    json_decref(without);
    free(path);
    free(again);
}

struct item {
    const char *name;
    unsigned type;
    const char *to; /* of a link */
};

static void write_hostile(const char *path, const struct item *items, size_t n)
{
    struct archive *a = archive_write_new();
    archive_write_add_filter_none(a);
    archive_write_set_format_pax_restricted(a);
    cr_assert_eq(archive_write_open_filename(a, path), ARCHIVE_OK);
    for (size_t i = 0; i < n; i++) {
        struct archive_entry *entry = archive_entry_new();
        archive_entry_set_pathname(entry, items[i].name);
        archive_entry_set_filetype(entry, items[i].type);
        archive_entry_set_perm(entry, 0777);
        archive_entry_set_size(entry, items[i].type == AE_IFREG && !items[i].to ? 4 : 0);
        if (items[i].to && items[i].type == AE_IFLNK)
            archive_entry_set_symlink(entry, items[i].to);
        else if (items[i].to)
            archive_entry_set_hardlink(entry, items[i].to);
        cr_assert(archive_write_header(a, entry) >= ARCHIVE_WARN, "%s", items[i].name);
        if (items[i].type == AE_IFREG && !items[i].to)
            archive_write_data(a, "evil", 4);
        archive_entry_free(entry);
    }
    archive_write_close(a);
    archive_write_free(a);
}

Test(remote_archive, of_a_stranger_stays_below, .init = setup, .fini = teardown)
{
    static const struct {
        struct item items[2];
        size_t n;
    } bad[] = {
        {{{"/tmp/test-archive-evil", AE_IFREG, NULL}}, 1},
        {{{"../evil", AE_IFREG, NULL}}, 1},
        {{{"a/../../evil", AE_IFREG, NULL}}, 1},
        {{{"a/./b", AE_IFREG, NULL}}, 1},
        {{{"link", AE_IFLNK, "/etc"}, {"link/evil", AE_IFREG, NULL}}, 2},
        {{{"link", AE_IFLNK, "a"}}, 1},
        {{{"a", AE_IFREG, NULL}, {"b", AE_IFREG, "a"}}, 2},
        {{{"b", AE_IFREG, "/etc/passwd"}}, 1},
        {{{"a", AE_IFREG, NULL}, {"a", AE_IFREG, NULL}}, 2},
        {{{"a", AE_IFREG, NULL}, {"a/b", AE_IFREG, NULL}}, 2},
        {{{"a/b", AE_IFREG, NULL}, {"a", AE_IFREG, NULL}}, 2},
        {{{"pipe", AE_IFIFO, NULL}}, 1},
        {{{"folder", AE_IFDIR, NULL}}, 1},
    };
    for (size_t i = 0; i < TL_COUNT(bad); i++) {
        write_hostile("bad.tar", bad[i].items, bad[i].n);
        cr_assert_eq(tl_remote_archive_unpack("bad.tar", "below/there", &e), -1, "%zu", i);
        cr_assert_eq(e.kind, TL_ERROR_INPUT, "%zu: %s", i, e.why);
        cr_assert(access("below/there", F_OK) && access("evil", F_OK) && access("below/evil", F_OK));
        cr_assert_eq(rmdir("below"), 0, "%zu leaves something", i);
    }
    put("cut.tar", "no archive at all, but long enough to be looked at", 0600);
    cr_assert_eq(tl_remote_archive_unpack("cut.tar", "below/there", &e), -1);
    cr_assert_eq(tl_remote_archive_unpack("none.tar", "below/there", &e), -1);
}

Test(remote_archive, has_an_end, .init = setup, .fini = teardown)
{
    struct archive *a = archive_write_new();
    archive_write_add_filter_none(a);
    archive_write_set_format_pax_restricted(a);
    cr_assert_eq(archive_write_open_filename(a, "many.tar"), ARCHIVE_OK);
    for (int i = 0; i <= TL_REMOTE_ARCHIVE_FILES; i++) {
        struct archive_entry *entry = archive_entry_new();
        char name[16];
        snprintf(name, sizeof name, "f%d", i);
        archive_entry_set_pathname(entry, name);
        archive_entry_set_filetype(entry, AE_IFREG);
        archive_entry_set_perm(entry, 0600);
        archive_entry_set_size(entry, 0);
        archive_write_header(a, entry);
        archive_entry_free(entry);
    }
    archive_write_close(a);
    archive_write_free(a);
    cr_assert_eq(tl_remote_archive_unpack("many.tar", "there", &e), -1);
    cr_assert(strstr(e.why, "more than 16384 files"));
    cr_assert(access("there", F_OK));
}

Test(remote_allow, is_said_by_names)
{
    unsigned allow;
    cr_assert_eq(tl_remote_allow_parse("family,file,generate,steps", &allow, &e), 0);
    cr_assert_eq(allow, 15);
    cr_assert_eq(tl_remote_allow_parse("steps", &allow, &e), 0);
    cr_assert_eq(allow, TL_ALLOW_STEPS);
    static const char *const bad[] = {"", ",", "family,", "families", "fam", "family file", "family,,file"};
    for (size_t i = 0; i < TL_COUNT(bad); i++)
        cr_assert_eq(tl_remote_allow_parse(bad[i], &allow, &e), -1, "%s", bad[i]);
    cr_assert_str_eq(tl_remote_allow_text(TL_ALLOW_DEFAULT), "family,file");
    json_t *said = json_pack("{s:o}", "allow", tl_remote_allow_list(13));
    cr_assert_eq(tl_remote_allow_of(said), 13);
    json_decref(said);
    cr_assert_eq(tl_remote_allow_of(NULL), TL_ALLOW_DEFAULT);
}

Test(remote_allow, is_needed_by_what_a_case_has)
{
    static const struct {
        const char *document;
        unsigned needs;
        const char *class;
    } cases[] = {
        {"{\"model\": {\"family\": \"decoder\"}}", TL_ALLOW_FAMILY, ""},
        {"{\"model\": {\"file\": \"x\"}}", TL_ALLOW_FILE, ""},
        {"{\"model\": {\"generate\": []}}", TL_ALLOW_GENERATE, "-g"},
        {"{\"model\": {\"steps\": []}}", TL_ALLOW_STEPS, "-s"},
        {"{\"model\": {\"generate\": [], \"steps\": []}}", TL_ALLOW_PROGRAMS, "-gs"},
        {"{\"model\": {\"file\": \"x\"}, \"versions\": []}", TL_ALLOW_FILE | TL_ALLOW_GENERATE, "-g"},
        {"{\"model\": {\"family\": \"x\"}, \"environment\": {}}", TL_ALLOW_FAMILY | TL_ALLOW_GENERATE, "-g"},
        {"{\"model\": {\"family\": \"x\"}, \"files\": {}}", TL_ALLOW_FAMILY | TL_ALLOW_GENERATE, "-g"},
        {"{\"model\": {\"steps\": []}, \"environment\": {}}", TL_ALLOW_STEPS, "-s"},
        {"{\"model\": {\"other\": 1}, \"environment\": {}}", 0, ""},
        {"{\"model\": []}", 0, ""},
        {"{}", 0, ""},
    };
    static const char kind[] = "0123456789abcdef0123456789abcdef";
    for (size_t i = 0; i < TL_COUNT(cases); i++) {
        char name[TL_REMOTE_CLASS_SIZE];
        json_t *document = json_loads(cases[i].document, 0, NULL);
        cr_assert_eq(tl_remote_needs(document), cases[i].needs, "%s", cases[i].document);
        tl_remote_class(kind, cases[i].needs, name);
        cr_assert(!strncmp(name, kind, sizeof kind - 1) && !strcmp(name + sizeof kind - 1, cases[i].class));
        json_decref(document);
    }
    json_t *all = tl_remote_classes(kind, 15), *few = tl_remote_classes(kind, TL_ALLOW_DEFAULT),
           *steps = tl_remote_classes(kind, TL_ALLOW_STEPS);
    cr_assert(json_array_size(all) == 4 && json_array_size(few) == 1 && json_array_size(steps) == 1);
    cr_assert_str_eq(json_string_value(json_array_get(few, 0)), kind);
    json_decref(all);
    json_decref(few);
    json_decref(steps);
}
