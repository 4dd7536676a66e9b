/* Names in modules that cannot be opened by their path when the process is gone. */
#include "tests/unit/unwind_fixture.h"

#include "harness/base/buffer.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char directory[64];

static void setup(void)
{
    unwind_setup();
    snprintf(directory, sizeof directory, "/tmp/test_gone.XXXXXX");
    cr_assert(mkdtemp(directory) && !chmod(directory, 0777));
}

static void run(const char *const *argv)
{
    int status;
    pid_t pid = fork();
    if (!pid) {
        execvp(argv[0], (char *const *)(uintptr_t)argv);
        _exit(127);
    }
    cr_assert(waitpid(pid, &status, 0) == pid && WIFEXITED(status) && !WEXITSTATUS(status), "%s", argv[0]);
}
#define RUN(...) run((const char *const[]){__VA_ARGS__, NULL})

static void teardown(void)
{
    RUN("rm", "-rf", directory);
    unwind_teardown();
}

TestSuite(gone_files, .init = setup, .fini = teardown, .timeout = 60);

static size_t open_files(void)
{
    size_t n = 0;
    DIR *d = opendir("/proc/self/fd");
    while (readdir(d))
        n++;
    closedir(d);
    return n;
}

/* The capture of `loads MODE`; false when the program may not do that here. */
static bool stopped(const char *program, const char *mode, const char *library, struct tl_capture *c)
{
    struct traced t;
    struct tl_error e;
    const char *argv[] = {program, mode, library, library ? TARGETS "/loads" : NULL, NULL};
    if (traced_start(&t, argv, TRACED_CRASH))
        return false;
    cr_assert_eq(traced_capture(&t, u, c, &e), 0, "%s", e.why);
    traced_end(&t);
    return true;
}

static const char *copy_of(const char *name, const char *to)
{
    static char path[128];
    snprintf(path, sizeof path, "%s/%s", directory, to);
    RUN("cp", name, path);
    return path;
}

static void expect_in_library(struct tl_capture *c)
{
    tl_symbolise(s, c);
    EXPECT(c, 0, "loaded_middle", "loaded_entry", "call", "main");
    cr_assert_eq(c->threads[0].symbols[0].n, 2);
    cr_assert_str_eq(c->threads[0].symbols[0].symbols[0].function, "loaded_store");
    tl_capture_free(c);
}

static void try(const char *mode, bool build_id)
{
    char library[128];
    snprintf(library, sizeof library, "%s", copy_of(TARGETS "/libloaded.so", "library.so"));
    if (!build_id)
        RUN("objcopy", "--remove-section=.note.gnu.build-id", library);
    size_t before = 0;
    for (int again = 0; again < 3; again++) {
        struct tl_capture c;
        char copy[160];
        if (!stopped(TARGETS "/loads", mode, library, &c))
            cr_skip("this may not be done here");
        cr_assert_eq(c.modules[c.threads[0].frames[0].module].build_id[0] != 0, build_id);
        cr_assert(c.modules[c.threads[0].frames[0].module].file);
        expect_in_library(&c);
        /* Those of the C library stay open. */
        cr_assert(!again || open_files() == before);
        before = open_files();
        snprintf(copy, sizeof copy, "%s.copy", library);
        unlink(copy);
    }
}

Test(gone_files, unlinked)
{
    try("unlinked", true);
}

Test(gone_files, unlinked_without_build_id)
{
    try("unlinked", false);
}

/* Another file, an ELF file too, has its path. */
Test(gone_files, replaced)
{
    try("replaced", true);
}

Test(gone_files, replaced_without_build_id)
{
    try("replaced", false);
}

Test(gone_files, never_had_a_name)
{
    try("memfd", true);
}

Test(gone_files, in_another_mount_namespace)
{
    try("namespace", true);
}

static void become_nobody(void)
{
    if (getuid() == 0)
        cr_assert(!chown(directory, 65534, 65534) && !setgid(65534) && !setuid(65534) &&
                  !prctl(PR_SET_DUMPABLE, 1));
}

/* The kernel does not let an ordinary user follow the link from a mapping to its file. */
Test(gone_files, deleted_executable)
{
    become_nobody();
    struct tl_capture c;
    const char *program = copy_of(TARGETS "/loads", "program");
    cr_assert(stopped(program, "itself", NULL, &c));
    tl_symbolise(s, &c);
    EXPECT(&c, 0, "in_itself", "main");
    cr_assert(c.threads[0].symbols[0].symbols[0].line > 0);
    tl_capture_free(&c);
}

Test(gone_files, open_descriptor_of_a_file_without_a_name)
{
    become_nobody();
    try("memfd", true);
}

/* What is left then is in memory: the functions that the library gives. */
Test(gone_files, from_memory)
{
    become_nobody();
    static const char *const modes[] = {"unlinked", "memfd closed"};
    for (size_t i = 0; i < 2; i++) {
        struct tl_capture c;
        cr_assert(stopped(TARGETS "/loads", modes[i], copy_of(TARGETS "/libloaded.so", "library.so"), &c));
        tl_symbolise(s, &c);
        char *text = listing(&c, &c.threads[0]);
        cr_assert_eq(c.threads[0].symbols[0].n, 0, "%s", text);
        free(text);
        cr_assert_str_eq(name_of(&c.threads[0], 1), "loaded_entry");
        cr_assert_str_eq(name_of(&c.threads[0], 2), "call");
        tl_capture_free(&c);
    }
}

/* A file without a build-id that is replaced between the capture and the search for names. */
Test(gone_files, replaced_afterwards_without_build_id)
{
    char program[128];
    snprintf(program, sizeof program, "%s", copy_of(TARGETS "/crash_o2", "program"));
    RUN("objcopy", "--remove-section=.note.gnu.build-id", program);
    struct tl_capture c;
    cr_assert(stopped(program, "null", NULL, &c));
    RUN("cp", "--remove-destination", TARGETS "/crash_o0", program);
    RUN("objcopy", "--remove-section=.note.gnu.build-id", program);
    tl_symbolise(s, &c);
    cr_assert_eq(c.threads[0].symbols[0].n, 0);
    tl_capture_free(&c);
}

/* However many captures wait for their names. */
Test(gone_files, few_descriptors)
{
    static struct tl_capture c[80];
    char library[128], copy[160];
    snprintf(library, sizeof library, "%s", copy_of(TARGETS "/libloaded.so", "library.so"));
    snprintf(copy, sizeof copy, "%s.copy", library);
    size_t before = open_files();
    for (size_t i = 0; i < 80; i++) {
        if (!stopped(TARGETS "/loads", "unlinked", library, &c[i]))
            cr_skip("this may not be done here");
        unlink(copy);
    }
    cr_assert_leq(open_files(), before + 64);
    for (size_t i = 0; i < 80; i++)
        tl_capture_free(&c[i]);
    cr_assert_eq(open_files(), before);
}
