/* Builds in the cache. npm is a script of the test's own in PATH, which hands out tarballs that the test
 * made. */
#include "harness/base/buffer.h"
#include "harness/base/files.h"
#include "harness/base/version.h"
#include "harness/builds/internal.h"

#include <archive.h>
#include <archive_entry.h>
#include <criterion/criterion.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* As the package names them on this system. */
#ifdef __APPLE__
#define SYSTEM "darwin"
#define LIBRARY "libonnxruntime.1.dylib"
#define PROVIDER "libonnxruntime_providers_shared.dylib"
#else
#define SYSTEM "linux"
#define LIBRARY "libonnxruntime.so.1"
#define PROVIDER "libonnxruntime_providers_shared.so"
#endif
#ifdef __aarch64__
#define HERE SYSTEM "/arm64"
#define THERE SYSTEM "/x64"
#else
#define HERE SYSTEM "/x64"
#define THERE SYSTEM "/arm64"
#endif

static char top[] = "/tmp/test-builds-XXXXXX";
static char *store;

static void write_text(const char *path, const char *text, int mode)
{
    FILE *f = fopen(path, "w");
    cr_assert(f && fputs(text, f) >= 0 && fclose(f) == 0);
    chmod(path, (mode_t)mode);
}

struct entry {
    const char *name, *content;
};

static void make_tarball(const char *version, const struct entry *entries, size_t n)
{
    char *path = tl_format("%s/npm/onnxruntime-node@%s.tgz", top, version);
    struct archive *a = archive_write_new();
    archive_write_add_filter_gzip(a);
    archive_write_set_format_ustar(a);
    cr_assert_eq(archive_write_open_filename(a, path), ARCHIVE_OK);
    for (size_t i = 0; i < n; i++) {
        struct archive_entry *e = archive_entry_new();
        archive_entry_set_pathname(e, entries[i].name);
        archive_entry_set_size(e, (la_int64_t)strlen(entries[i].content));
        archive_entry_set_filetype(e, AE_IFREG);
        archive_entry_set_perm(e, 0644);
        cr_assert_eq(archive_write_header(a, e), ARCHIVE_OK);
        archive_write_data(a, entries[i].content, strlen(entries[i].content));
        archive_entry_free(e);
    }
    archive_write_free(a);
    free(path);
}

static void make_version(const char *version)
{
    char *content = tl_format("library %s", version);
    struct entry e[] = {{"package/bin/napi-v3/" HERE "/" LIBRARY, content}};
    make_tarball(version, e, 1);
    free(content);
}

static void setup(void)
{
    cr_assert(mkdtemp(top));
    char *bin = tl_format("%s/bin", top), *npm = tl_format("%s/bin/npm", top),
         *data = tl_format("%s/npm", top);
    char *cache = tl_format("%s/cache", top);
    char *path = tl_format("%s:/usr/bin:/bin", bin);
    mkdir(bin, 0755);
    mkdir(data, 0755);
    write_text(
        npm,
        "#!/bin/sh\n"
        "here=${0%/bin/npm}/npm\n"
        "echo \"$@\" >> \"$here/calls\"\n"
        "[ -f \"$here/fail\" ] && { cat \"$here/fail\"; exit 1; }\n"
        "case \"$1\" in\n"
        "view) cat \"$here/versions\" ;;\n"
        "pack) if [ -f \"$here/$2.tgz\" ]; then cp \"$here/$2.tgz\" package.tgz; else\n"
        "  echo '{\"error\":{\"code\":\"ETARGET\",\"summary\":\"No matching version\"}}'; exit 1; fi ;;\n"
        "esac\n",
        0755);
    char *versions = tl_format("%s/versions", data);
    write_text(versions, "[\"1.9.0\",\"1.10.0\",\"1.22.0-rev\",\"1.22.0\",\"1.22.2\",\"1.8.0\",\"1.23.0\"]",
               0644);
    setenv("PATH", path, 1);
    setenv("XDG_CACHE_HOME", cache, 1);
    store = tl_build_store_directory("onnxruntime");
    free(versions);
    free(bin);
    free(npm);
    free(data);
    free(cache);
    free(path);
}

static void teardown(void)
{
    tl_remove_tree(top);
    free(store);
}

TestSuite(builds, .init = setup, .fini = teardown);

/* Nothing half-written: no temporary directory is left in the store. */
static void assert_clean(void)
{
    DIR *d = opendir(store);
    struct dirent *entry;
    while (d && (entry = readdir(d)))
        cr_assert(strncmp(entry->d_name, ".new-", 5) != 0, "%s was left behind", entry->d_name);
    if (d)
        closedir(d);
}

static size_t calls(void)
{
    char *path = tl_format("%s/npm/calls", top);
    size_t size = 0, n = 0;
    char *text = tl_read_file(path, 1 << 20, &size);
    for (size_t i = 0; text && i < size; i++)
        n += text[i] == '\n';
    free(text);
    free(path);
    return n;
}

Test(builds, versions_are_ordered)
{
    static const char *const ascending[] = {"1.9.0",  "1.10.0",    "1.22.0-dev.2-a", "1.22.0-dev.10-a",
                                            "1.22.0", "1.22.0+ab", "1.22.1",         "2.0.0"};
    for (size_t i = 0; i < sizeof ascending / sizeof *ascending; i++) {
        for (size_t j = 0; j < sizeof ascending / sizeof *ascending; j++) {
            int order = tl_version_compare(ascending[i], ascending[j]);
            cr_assert(i < j   ? order < 0
                      : i > j ? order > 0
                              : order == 0,
                      "%s, %s", ascending[i], ascending[j]);
        }
    }
    cr_assert_eq(tl_version_compare_prefix("1.22.7", "1.22"), 0);
    cr_assert_lt(tl_version_compare_prefix("1.9.0", "1.10"), 0);
    cr_assert_gt(tl_version_compare_prefix("1.30.0", "1.3"), 0);
}

Test(builds, a_prefix_covers_what_begins_with_it)
{
    cr_assert_eq(tl_version_compare_prefix("1.30.2", "1.30"), 0);
    cr_assert_eq(tl_version_compare_prefix("1.30.2", "1"), 0);
    cr_assert_eq(tl_version_compare_prefix("1.22.0+1a2b3c4d", "1.22.0"), 0);
    cr_assert_eq(tl_version_compare_prefix("1.22.0-dev.1", "1.22"), 0);
    cr_assert_lt(tl_version_compare_prefix("1.22.0-dev.1", "1.22.0"), 0, "it comes before its release");
    cr_assert_gt(tl_version_compare_prefix("1.22.1", "1.22.0"), 0);
}

/* Which of the versions a text names, blanks between: "!" and the reason when it is refused. */
static char *named(const char *text)
{
    static const char *const versions[] = {"1.9.0",  "1.22.0-dev.2", "1.22.0", "1.22.0+1a2b3c4d", "1.22.2",
                                           "1.29.0", "1.30.0",       "1.30.2", "1.31.0-dev.7",    "1.31.0"};
    struct tl_builds_ranges r;
    struct tl_error e;
    struct tl_buffer b = TL_BUFFER_INIT;
    tl_buffer_add_string(&b, "");
    if (tl_builds_ranges_parse(text, &r, &e)) {
        cr_assert_eq(e.kind, TL_ERROR_INPUT, "%s", text);
        tl_buffer_printf(&b, "!%s", e.why);
    } else {
        for (size_t i = 0; i < sizeof versions / sizeof *versions; i++) {
            bool held = false;
            for (size_t k = 0; k < r.n; k++)
                held |= tl_builds_range_holds(&r.list[k], versions[i]);
            if (held)
                tl_buffer_printf(&b, "%s%s", b.size ? " " : "", versions[i]);
        }
    }
    tl_builds_ranges_free(&r);
    return tl_buffer_take(&b);
}

Test(builds, what_a_range_holds)
{
    static const struct {
        const char *text, *holds;
    } rows[] = {
        {"1.29..1.30", "1.29.0 1.30.0 1.30.2"},
        {"1.29.0..1.30.0", "1.29.0 1.30.0"},
        {"1.22.1..1.29", "1.22.2 1.29.0"},
        {"1.22..1.22", "1.22.0 1.22.0+1a2b3c4d 1.22.2"},
        {"1.22.0..1.22.0", "1.22.0 1.22.0+1a2b3c4d"},
        {"1.30..", "1.30.0 1.30.2 1.31.0"},
        {"1.30..latest", "1.30.0 1.30.2 1.31.0"},
        {"..1.22.0", "1.9.0 1.22.0 1.22.0+1a2b3c4d"},
        {"..latest", "1.9.0 1.22.0 1.22.0+1a2b3c4d 1.22.2 1.29.0 1.30.0 1.30.2 1.31.0"},
        {"1.30.2..1.31.0-dev.9", "1.30.2 1.31.0-dev.7"},
        {"1.22.0-dev.1..1.22.0", "1.22.0-dev.2 1.22.0 1.22.0+1a2b3c4d"},
        {"1.22.0-dev.3..1.22.1", "1.22.0 1.22.0+1a2b3c4d"},
        {"1.40..1.50", ""},
        {"1.40.1..1.40", ""},
        {"1.22.2", "1.22.2"},
        {"1.22", ""},
        {"1.31.0-dev.7", "1.31.0-dev.7"},
        {"1.22.0,1.30.0..1.30.0,1.9.0", "1.9.0 1.22.0 1.30.0"},
        {"installed",
         "1.9.0 1.22.0-dev.2 1.22.0 1.22.0+1a2b3c4d 1.22.2 1.29.0 1.30.0 1.30.2 1.31.0-dev.7 1.31.0"},
        {"latest", ""}, /* only who knows all of them can say */
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char *got = named(rows[i].text);
        cr_assert_str_eq(got, rows[i].holds, "%s: %s", rows[i].text, got);
        free(got);
    }
}

Test(builds, what_is_no_range)
{
    static const struct {
        const char *text, *why;
    } rows[] = {
        {"..", "at least"},
        {"1.30..1.29", "from the older"},
        {"1.22.1..1.22.0", "from the older"},
        {"latest..", "write a"},
        {"latest..1.30", "write a"},
        {"1.22..x", "write a"},
        {"1.22..1.30..", "write a"},
        {"", "write a"},
        {"1.22.0,", "write a"},
        {",1.22.0", "write a"},
        {"1.22.0,,1.30.0", "write a"},
        {"1.22...1.30", "write a"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char *got = named(rows[i].text);
        cr_assert(got[0] == '!' && strstr(got, rows[i].why), "%s: %s", rows[i].text, got);
        free(got);
    }
}

Test(builds, what_may_be_several)
{
    static const char *const several[] = {"1.22,1.26", "1.29..", "installed", "1.22.0..1.22.0"};
    static const char *const one[] = {"1.22.0", "latest"};
    struct tl_builds_ranges r;
    for (size_t i = 0; i < sizeof several / sizeof *several; i++) {
        cr_assert_eq(tl_builds_ranges_parse(several[i], &r, NULL), 0);
        cr_assert(tl_builds_ranges_several(&r), "%s", several[i]);
        tl_builds_ranges_free(&r);
    }
    for (size_t i = 0; i < sizeof one / sizeof *one; i++) {
        cr_assert_eq(tl_builds_ranges_parse(one[i], &r, NULL), 0);
        cr_assert_not(tl_builds_ranges_several(&r), "%s", one[i]);
        tl_builds_ranges_free(&r);
    }
}

Test(builds, what_is_no_version)
{
    static const char *const bad[] = {"",    "..",   ".",   "-h",      "--help", "a",
                                      "1/2", "1..2", "1 2", "../../x", "1\n"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        cr_assert_not(tl_version_valid(bad[i]), "%s", bad[i]);
    cr_assert(tl_version_valid("1.24.0-dev.20260114-c343143a49"));
}

Test(builds, fetches_one_and_finds_it)
{
    struct tl_builds got;
    struct tl_build b;
    struct tl_error e = {0};
    make_version("1.22.0");
    cr_assert_eq(tl_builds_fetch("onnxruntime@1.22.0", NULL, &got, &e), 0, "%s: %s", e.what, e.why);
    cr_assert_eq(got.n, 1);
    cr_assert_str_eq(got.list[0].version, "1.22.0");
    cr_assert(strstr(got.list[0].source, "package/bin/napi-v3/" HERE "/" LIBRARY));
    tl_builds_free(&got);
    cr_assert_eq(tl_builds_find("onnxruntime", "1.22.0", &b, &e), 0);
    size_t size = 0;
    char *content = tl_read_file(b.path, 100, &size);
    cr_assert_str_eq(content, "library 1.22.0");
    cr_assert_eq(b.size, size);
    cr_assert_eq(tl_build_verify(&b, &e), 0);
    free(content);
    tl_build_free(&b);
    assert_clean();
    /* Asking again is free. */
    size_t before = calls();
    cr_assert_eq(tl_builds_fetch("onnxruntime@1.22.0", NULL, &got, &e), 0);
    cr_assert_eq(calls(), before);
    tl_builds_free(&got);
}

Test(builds, takes_the_newest_generation_for_this_machine)
{
    struct tl_builds got;
    struct tl_error e = {0};
    struct entry entries[] = {
        {"package/bin/napi-v10/" HERE "/" LIBRARY, "ten"},
        {"package/bin/napi-v9/" HERE "/" LIBRARY, "nine"},
        {"package/bin/napi-v11/" THERE "/" LIBRARY, "another machine"},
        {"package/bin/napi-v12/" HERE "/" PROVIDER, "a provider"},
        {"package/bin/napi-v12/" HERE "/" LIBRARY "/../../x", "a trick"},
        {"../package/bin/napi-v13/" HERE "/" LIBRARY, "another trick"},
    };
    make_tarball("1.22.0", entries, 6);
    cr_assert_eq(tl_builds_fetch("onnxruntime@1.22.0", NULL, &got, &e), 0, "%s", e.why);
    size_t size;
    char *content = tl_read_file(got.list[0].path, 100, &size);
    cr_assert_str_eq(content, "ten");
    free(content);
    tl_builds_free(&got);
}

Test(builds, ranges_and_latest)
{
    struct tl_builds got;
    struct tl_error e = {0};
    make_version("1.9.0");
    make_version("1.10.0");
    make_version("1.22.0");
    make_version("1.22.2");
    make_version("1.23.0");
    struct entry nothing[] = {{"package/README.md", "no library"}};
    make_tarball("1.8.0", nothing, 1);
    cr_assert_eq(tl_builds_fetch("onnxruntime@1.8..1.22", NULL, &got, &e), 0, "%s", e.why);
    cr_assert_eq(got.n, 4, "%zu: 1.8.0 holds nothing, 1.22.0-rev is not stable", got.n);
    cr_assert_str_eq(got.list[0].version, "1.9.0");
    cr_assert_str_eq(got.list[3].version, "1.22.2");
    tl_builds_free(&got);
    cr_assert_eq(tl_builds_fetch("onnxruntime@latest", NULL, &got, &e), 0);
    cr_assert_str_eq(got.list[0].version, "1.23.0");
    tl_builds_free(&got);
    cr_assert_eq(tl_builds_fetch("onnxruntime@1.22", NULL, &got, &e), 0);
    cr_assert_eq(got.n, 1);
    cr_assert_str_eq(got.list[0].version, "1.22.2");
    tl_builds_free(&got);
    struct tl_build b;
    cr_assert_eq(tl_builds_find("onnxruntime", "latest", &b, &e), 0);
    cr_assert_str_eq(b.version, "1.23.0");
    tl_build_free(&b);
    cr_assert_eq(tl_builds_find("onnxruntime", "1.22", &b, &e), 0, "what fetch takes, a unit takes");
    cr_assert_str_eq(b.version, "1.22.2");
    tl_build_free(&b);
    cr_assert_eq(tl_builds_find("onnxruntime", "1.2", &b, &e), -1, "1.22 does not begin with 1.2");
    assert_clean();
}

/* The versions that a spec brings, and then the selection of those that are here by the same text: blanks
 * between. */
static void assert_names(const char *text, const char *fetched, const char *selected)
{
    struct tl_builds got;
    struct tl_builds_ranges r;
    struct tl_error e = {0};
    char *spec = tl_format("onnxruntime@%s", text);
    for (int k = 0; k < 2; k++) {
        struct tl_buffer b = TL_BUFFER_INIT;
        tl_buffer_add_string(&b, "");
        if (k == 0) {
            cr_assert_eq(tl_builds_fetch(spec, NULL, &got, &e), 0, "%s: %s", spec, e.why);
        } else {
            cr_assert_eq(tl_builds_ranges_parse(text, &r, &e), 0);
            cr_assert_eq(tl_builds_select("onnxruntime", r.list, r.n, &got, &e), 0, "%s: %s", spec, e.why);
            tl_builds_ranges_free(&r);
        }
        for (size_t i = 0; i < got.n; i++)
            tl_buffer_printf(&b, "%s%s", i ? " " : "", got.list[i].version);
        cr_assert_str_eq(b.data, k ? selected : fetched, "%s: %s", text, b.data);
        tl_buffer_free(&b);
        tl_builds_free(&got);
    }
    free(spec);
    assert_clean();
}

Test(builds, a_range_means_the_same_when_fetched_and_when_chosen)
{
    make_version("1.9.0");
    make_version("1.10.0");
    make_version("1.22.0-rev");
    make_version("1.22.0");
    make_version("1.22.2");
    make_version("1.23.0");
    assert_names("1.22.2..", "1.22.2 1.23.0", "1.22.2 1.23.0");
    assert_names("1.10.0,1.22.2..1.23,1.10.0", "1.10.0 1.22.2 1.23.0", "1.10.0 1.22.2 1.23.0");
    assert_names("installed", "1.10.0 1.22.2 1.23.0", "1.10.0 1.22.2 1.23.0");
    assert_names("1.22.0-rev..1.22", "1.22.0-rev 1.22.0 1.22.2", "1.22.0-rev 1.22.0 1.22.2");
    assert_names("1.22..1.22", "1.22.0 1.22.2", "1.22.0 1.22.2");
    assert_names("latest,1.22.0", "1.23.0 1.22.0", "1.22.0 1.23.0");
}

Test(builds, says_what_is_here_when_nothing_of_a_range_is)
{
    struct tl_builds got;
    struct tl_builds_ranges r;
    struct tl_error e = {0};
    cr_assert_eq(tl_builds_ranges_parse("1.29..1.30", &r, &e), 0);
    cr_assert_eq(tl_builds_select("onnxruntime", r.list, r.n, &got, &e), -1);
    cr_assert(strstr(e.why, "none of onnxruntime yet"), "%s", e.why);
    make_version("1.22.0");
    cr_assert_eq(tl_builds_fetch("onnxruntime@1.22.0", NULL, &got, &e), 0);
    tl_builds_free(&got);
    cr_assert_eq(tl_builds_select("onnxruntime", r.list, r.n, &got, &e), -1);
    cr_assert_eq(e.kind, TL_ERROR_INPUT);
    cr_assert(
        strstr(e.why, "there are 1.22.0. Bring some with `trapline builds fetch onnxruntime@1.29..1.30`"),
        "%s", e.why);
    tl_builds_ranges_free(&r);
}

static void assert_fails(const char *spec, enum tl_error_kind kind, const char *text)
{
    struct tl_builds got;
    struct tl_error e = {0};
    cr_assert_eq(tl_builds_fetch(spec, NULL, &got, &e), -1, "%s", spec);
    cr_assert_eq(e.kind, kind, "%s: kind %d", spec, e.kind);
    cr_assert(strstr(e.why, text) || strstr(e.what, text), "%s: %s: %s", spec, e.what, e.why);
    cr_assert_eq(got.n, 0);
    tl_builds_free(&got);
    assert_clean();
}

Test(builds, says_what_is_wrong)
{
    struct entry nothing[] = {{"package/README.md", "no library"}};
    make_tarball("1.8.0", nothing, 1);
    assert_fails("onnxruntime@1.8.0", TL_ERROR_INPUT, "holds no library");
    assert_fails("onnxruntime@1.22.1", TL_ERROR_INPUT, "1.22.0, 1.22.2");
    assert_fails("onnxruntime@1.40..1.50", TL_ERROR_INPUT, "no such build");
    assert_fails("onnxruntime@1.30..1.16", TL_ERROR_INPUT, "from the older version");
    assert_fails("onnxruntime@1.22.1..1.22.0", TL_ERROR_INPUT, "from the older version");
    assert_fails("onnxruntime@1.40.1..1.40", TL_ERROR_INPUT, "no such build"); /* a range of the 1.40s */
    assert_fails("onnxruntime", TL_ERROR_INPUT, "names no build");
    assert_fails("onnxruntime@", TL_ERROR_INPUT, "names no build");
    assert_fails("onnxruntime@../../etc", TL_ERROR_INPUT, "names no build");
    assert_fails("coreai@1.0", TL_ERROR_INPUT, "names no build");
    char *damaged = tl_format("%s/npm/onnxruntime-node@1.23.0.tgz", top);
    write_text(damaged, "this is no archive", 0644);
    assert_fails("onnxruntime@1.23.0", TL_ERROR_ENVIRONMENT, "");
    free(damaged);
    char *fail = tl_format("%s/npm/fail", top);
    write_text(fail, "{\"error\":{\"code\":\"EAI_AGAIN\",\"summary\":\"no name service\"}}", 0644);
    assert_fails("onnxruntime@1.22.0", TL_ERROR_ENVIRONMENT, "cannot be reached");
    assert_fails("onnxruntime@latest", TL_ERROR_ENVIRONMENT, "cannot be reached");
    write_text(fail, "not JSON", 0644);
    assert_fails("onnxruntime@1.22.0", TL_ERROR_ENVIRONMENT, "exit status 1");
    free(fail);
    setenv("PATH", "/nonexistent", 1);
    assert_fails("onnxruntime@1.22.0", TL_ERROR_ENVIRONMENT, "PATH");
}

Test(builds, a_truncated_package_leaves_nothing)
{
    make_version("1.22.0");
    char *path = tl_format("%s/npm/onnxruntime-node@1.22.0.tgz", top);
    struct stat st;
    cr_assert_eq(stat(path, &st), 0);
    for (off_t size = 0; size < st.st_size - 8; size += 7) {
        cr_assert_eq(truncate(path, size), 0);
        struct tl_builds got;
        struct tl_error e;
        if (tl_builds_fetch("onnxruntime@1.22.0", NULL, &got, &e) == 0) {
            /* All of the library may be there before the end of the archive: then it must be whole. */
            size_t n;
            char *content = tl_read_file(got.list[0].path, 100, &n);
            cr_assert_str_eq(content, "library 1.22.0");
            free(content);
            char *place = tl_format("%s/1.22.0", store);
            tl_remove_tree(place);
            free(place);
        }
        tl_builds_free(&got);
        assert_clean();
        make_version("1.22.0");
    }
    free(path);
}

Test(builds, processes_that_fetch_at_once)
{
    pid_t pids[6];
    make_version("1.22.0");
    for (size_t i = 0; i < 6; i++) {
        pids[i] = fork();
        if (pids[i] == 0) {
            struct tl_builds got;
            _exit(tl_builds_fetch("onnxruntime@1.22.0", NULL, &got, NULL) == 0 && got.n == 1 &&
                          tl_build_verify(&got.list[0], NULL) == 0
                      ? 0
                      : 1);
        }
    }
    for (size_t i = 0; i < 6; i++) {
        int status;
        cr_assert_eq(waitpid(pids[i], &status, 0), pids[i]);
        cr_assert_eq(status, 0);
    }
    assert_clean();
    struct tl_builds all;
    cr_assert_eq(tl_builds_installed(NULL, &all, NULL), 0);
    cr_assert_eq(all.n, 1);
    tl_builds_free(&all);
}

static void damage(const char *library, const char *content)
{
    struct timespec later[2] = {{.tv_sec = time(NULL) + 10}, {.tv_sec = time(NULL) + 10}};
    chmod(library, 0644);
    write_text(library, content, 0644);
    cr_assert_eq(utimensat(AT_FDCWD, library, later, 0), 0);
}

Test(builds, a_damaged_build_is_not_found)
{
    struct tl_builds got;
    struct tl_build b;
    struct tl_error e = {0};
    make_version("1.22.0");
    cr_assert_eq(tl_builds_fetch("onnxruntime@1.22.0", NULL, &got, NULL), 0);
    damage(got.list[0].path, "library 1.22.0");
    cr_assert_eq(tl_builds_find("onnxruntime", "1.22.0", &b, &e), 0, "touched, but the same");
    tl_build_free(&b);
    damage(got.list[0].path, "LIBRARY 1.22.0");
    cr_assert_eq(tl_builds_find("onnxruntime", "1.22.0", &b, &e), -1);
    cr_assert(strstr(e.what, "damaged"), "%s", e.what);
    tl_builds_free(&got);
}

Test(builds, a_damaged_build_is_fetched_again)
{
    struct tl_builds got;
    make_version("1.22.0");
    cr_assert_eq(tl_builds_fetch("onnxruntime@1.22.0", NULL, &got, NULL), 0);
    damage(got.list[0].path, "LIBRARY 1.22.0"); /* the same size */
    cr_assert_eq(tl_build_verify(&got.list[0], NULL), -1);
    tl_builds_free(&got);
    struct tl_error e = {0};
    cr_assert_eq(tl_builds_fetch("onnxruntime@1.22.0", NULL, &got, &e), 0, "%s: %s", e.what, e.why);
    cr_assert_eq(tl_build_verify(&got.list[0], NULL), 0);
    tl_builds_free(&got);
    assert_clean();
}

Test(builds, what_is_not_here)
{
    struct tl_build b;
    struct tl_error e = {0};
    cr_assert_eq(tl_builds_find("onnxruntime", "1.22.0", &b, &e), -1);
    cr_assert_eq(e.kind, TL_ERROR_INPUT);
    cr_assert(strstr(e.why, "builds fetch onnxruntime@1.22.0"), "%s", e.why);
    cr_assert_eq(tl_builds_find("../x", NULL, &b, &e), -1);
    make_version("1.9.0");
    struct tl_builds got;
    cr_assert_eq(tl_builds_fetch("onnxruntime@1.9.0", NULL, &got, NULL), 0);
    tl_builds_free(&got);
    cr_assert_eq(tl_builds_find("onnxruntime", "1.22.0", &b, &e), -1);
    cr_assert(strstr(e.why, "1.9.0"), "%s", e.why);
}

Test(builds, forgotten_directories_are_swept)
{
    struct tl_staging first, second;
    cr_assert_eq(tl_build_store_begin("onnxruntime", &first, NULL), 0);
    char *forgotten = tl_format("%s/.new-1-abcdef", store);
    mkdir(forgotten, 0700);
    struct timespec old[2] = {{.tv_sec = 1000}, {.tv_sec = 1000}};
    cr_assert_eq(utimensat(AT_FDCWD, forgotten, old, 0), 0);
    cr_assert_eq(utimensat(AT_FDCWD, first.path, old, 0), 0);
    cr_assert_eq(tl_build_store_begin("onnxruntime", &second, NULL), 0);
    cr_assert_neq(access(forgotten, F_OK), 0, "nobody holds it");
    cr_assert_eq(access(first.path, F_OK), 0, "it is in use");
    tl_staging_end(&second);
    tl_staging_end(&first);
    free(forgotten);
    assert_clean();
}
