/* Inlined calls where the debug information is not all in one unit of one file: link-time optimisation, split units,
 * packages of them, and what dwz moves. The programs are made here, by the tools that make them anywhere. */
#include "tests/unit/unwind_fixture.h"

#include "harness/base/buffer.h"
#include "harness/base/frame_text.h"
#include "harness/stack/symbol_file.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char directory[64], program[80];

static int run(const char *const *argv)
{
    int status;
    pid_t pid = fork();
    if (!pid) {
        int quiet = open("/dev/null", O_WRONLY);
        dup2(quiet, 1);
        dup2(quiet, 2);
        if (chdir(directory))
            _exit(126);
        execvp(argv[0], (char *const *)(uintptr_t)argv);
        _exit(127);
    }
    return waitpid(pid, &status, 0) == pid && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}
#define TRY(...) run((const char *const[]){__VA_ARGS__, NULL})
#define RUN(...) cr_assert_eq(TRY(__VA_ARGS__), 0)
#define SOURCE_FILES STACKS "/crash.c", STACKS "/crash_other.c", "-pthread", "-o", program
#define MAKE(...) RUN("cc", __VA_ARGS__, SOURCE_FILES)

static void setup(void)
{
    unwind_setup();
    snprintf(directory, sizeof directory, "/tmp/test_debug.XXXXXX");
    cr_assert(mkdtemp(directory));
    snprintf(program, sizeof program, "%s/program", directory);
}

static void teardown(void)
{
    TRY("rm", "-rf", directory);
    unwind_teardown();
}

TestSuite(debug_info, .init = setup, .fini = teardown, .timeout = 120);

/* Names of the first frame, innermost first, with spaces between. */
static char *first_frame(void)
{
    struct tl_capture c;
    struct tl_buffer b = TL_BUFFER_INIT;
    capture_path(program, "other", &c);
    const struct tl_frame_symbols *y = &c.threads[0].symbols[0];
    for (size_t i = 0; i < y->n; i++)
        tl_buffer_printf(&b, "%s%s", i ? " " : "", y->symbols[i].function);
    for (size_t i = 0; i < y->n; i++) {
        cr_assert(!y->symbols[i].inlined == (i + 1 == y->n));
        cr_assert(b.data[0] != 'o' || (y->symbols[i].file && y->symbols[i].line > 0));
    }
    tl_capture_free(&c);
    tl_buffer_add_string(&b, "");
    return tl_buffer_take(&b);
}

static void expect_frame(const char *wanted)
{
    char *names = first_frame();
    cr_assert_str_eq(names, wanted);
    free(names);
}

static void fresh(void)
{
    tl_symboliser_free(s);
    s = tl_symboliser_new();
}

Test(debug_info, link_time_optimisation)
{
    if (TRY("cc", "-g", "-O2", "-flto", SOURCE_FILES))
        cr_skip("this compiler has no link-time optimisation");
    expect_frame("other_store other_step through_other");
    struct tl_capture c;
    capture_path(program, "other", &c);
    const struct tl_symbol *y = c.threads[0].symbols[0].symbols;
    cr_assert(!y[0].apart && y[1].apart && !y[2].apart);
    tl_capture_free(&c);
}

/* As without it: in the same unit, nothing is apart. */
Test(debug_info, one_unit)
{
    MAKE("-g", "-O2");
    expect_frame("other_store other_step");
    struct tl_capture c;
    capture_path(program, "other", &c);
    cr_assert(!c.threads[0].symbols[0].symbols[0].apart);
    tl_capture_free(&c);
}

static void split(const char *version)
{
    MAKE("-g", version, "-O2", "-gsplit-dwarf");
    expect_frame("other_store other_step");
    /* Moved together with the program: the place that it says is empty. */
    char moved[80];
    snprintf(moved, sizeof moved, "%s/moved", directory);
    cr_assert(!mkdir(moved, 0755));
    RUN("sh", "-c", "mv program *.dwo moved");
    snprintf(program, sizeof program, "%s/moved/program", directory);
    fresh();
    expect_frame("other_store other_step");
    /* Of another build: the names of what is inlined are not known, that of the function is. */
    RUN("cc", "-g", version, "-O2", "-gsplit-dwarf", "-DOTHER", "-c", STACKS "/crash.c", "-o", "moved/x.o");
    RUN("sh", "-c", "for f in moved/*crash_other.dwo; do cp moved/x.dwo $f; done");
    fresh();
    expect_frame("other_step");
    RUN("sh", "-c", "rm moved/*.dwo");
    fresh();
    expect_frame("other_step");
}

Test(debug_info, split_units)
{
    split("-gdwarf-5");
}

Test(debug_info, split_units_as_before_dwarf_5)
{
    split("-gdwarf-4");
}

static void packed(const char *compiler, const char *version, const char *packer)
{
    if (TRY(compiler, "-g", version, "-O2", "-gsplit-dwarf", SOURCE_FILES) ||
        TRY(packer, "-e", program, "-o", "program.dwp"))
        cr_skip("%s and %s are not both here", compiler, packer);
    RUN("sh", "-c", "rm *.dwo");
    expect_frame("other_store other_step");
}

Test(debug_info, package)
{
    packed("cc", "-gdwarf-4", "dwp");
}

Test(debug_info, package_of_dwarf_5)
{
    packed("clang", "-gdwarf-5", "llvm-dwp");
}

Test(debug_info, moved_by_dwz)
{
    MAKE("-g", "-O2");
    RUN("cp", program, "second");
    if (TRY("dwz", "-m", "common", "-M", "common", program, "second"))
        cr_skip("there is no dwz here");
    expect_frame("other_store other_step");
    struct tl_capture c;
    capture_path(program, "other", &c);
    cr_assert(!c.threads[0].symbols[0].symbols[0].apart);
    tl_capture_free(&c);
    /* What was moved is not there, or is another one's: no name is better than a wrong one. */
    RUN("cp", program, "common");
    fresh();
    capture_path(program, "other", &c);
    cr_assert_str_eq(name_of(&c.threads[0], 0), "other_step");
    tl_capture_free(&c);
}

static void forget(struct tl_frame_symbols *y)
{
    for (size_t i = 0; i < y->n; i++) {
        free(y->symbols[i].function);
        free(y->symbols[i].file);
    }
    free(y->symbols);
}

/* The program has no build-id: it is taken as it is. */
static void look_everywhere(void)
{
    struct tl_module m = {.path = program};
    struct tl_symbol_file *f = tl_symbol_file_open(&m);
    for (uint64_t at = 0x1000; f && at < 0x1800; at += 7) {
        struct tl_frame_symbols y;
        tl_symbol_file_find(f, at, &y);
        forget(&y);
    }
    tl_symbol_file_free(f);
}

/* Bytes changed at random in a file that the debug information comes from. */
static void spoil(const char *name, int rounds)
{
    char path[160];
    size_t size;
    snprintf(path, sizeof path, "%s/%s", directory, name);
    char *data = tl_read_file(path, 64 << 20, &size);
    cr_assert(data && size > 1000);
    uint64_t x = 88172645463325252u;
    for (int round = 0; round < rounds; round++) {
        char *copy = tl_malloc(size);
        memcpy(copy, data, size);
        for (int k = 0; k <= round % 6; k++) {
            x ^= x << 13;
            x ^= x >> 7;
            x ^= x << 17;
            copy[(x >> 8) % size] = (char)x;
        }
        int fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
        cr_assert(fd >= 0 && write(fd, copy, size) == (ssize_t)size);
        close(fd);
        free(copy);
        look_everywhere();
    }
    int fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
    cr_assert(fd >= 0 && write(fd, data, size) == (ssize_t)size);
    close(fd);
    free(data);
}

Test(debug_info, spoiled_files)
{
    MAKE("-gdwarf-5", "-O2", "-gsplit-dwarf", "-Wl,--build-id=none");
    spoil("program", 100);
    RUN("sh", "-c", "cp *crash_other.dwo kept; for f in *crash_other.dwo; do ln -sf kept $f; done");
    spoil("kept", 150);
    MAKE("-gdwarf-4", "-O2", "-gsplit-dwarf", "-Wl,--build-id=none");
    if (!TRY("dwp", "-e", program, "-o", "program.dwp")) {
        RUN("sh", "-c", "rm *.dwo");
        spoil("program.dwp", 150);
    }
    if (!TRY("cc", "-g", "-O2", "-flto", "-Wl,--build-id=none", SOURCE_FILES))
        spoil("program", 150);
}
