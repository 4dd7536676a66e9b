/* Names, lines and inlined calls of real crashes; debug files that are found, and such that must not be used.
 */
#include "harness/base/buffer.h"
#include "harness/base/frame_text.h"
#include "harness/stack/demangle.h"
#include "harness/stack/symbol_file.h"
#include "harness/stack/symbolise.h"
#include "targets/traced.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static struct tl_symboliser *s;
static char directory[64];

static void setup(void)
{
    s = tl_symboliser_new();
    snprintf(directory, sizeof directory, "/tmp/test_symbolise.XXXXXX");
    cr_assert(mkdtemp(directory));
}

static int run(const char *const *argv)
{
    int status;
    pid_t pid = fork();
    if (!pid) {
        int quiet = open("/dev/null", O_WRONLY);
        dup2(quiet, 2);
        execvp(argv[0], (char *const *)(uintptr_t)argv);
        _exit(127);
    }
    return waitpid(pid, &status, 0) == pid && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}
#define RUN(...) cr_assert_eq(run((const char *const[]){__VA_ARGS__, NULL}), 0)

static void teardown(void)
{
    tl_symboliser_free(s);
    RUN("rm", "-rf", directory);
}

TestSuite(symbolise, .init = setup, .fini = teardown, .timeout = 60);

static void capture(const char *path, const char *mode, struct tl_capture *c)
{
    struct tl_unwinder *u = tl_unwinder_new();
    struct traced t;
    struct tl_error e;
    const char *argv[] = {path, mode, NULL};
    cr_assert_eq(traced_start(&t, argv, TRACED_CRASH), 0, "%s", path);
    cr_assert_eq(traced_capture(&t, u, c, &e), 0, "%s", e.why);
    traced_end(&t);
    tl_unwinder_free(u);
}

static void expect_text(const struct tl_capture *c, size_t i, const char *wanted)
{
    char *text = tl_frame_text(c, &c->threads[0], i);
    cr_assert_str_eq(text, wanted);
    free(text);
}

/* Where main of targets/crash.c calls. */
static const char *main_text(void)
{
    static char text[64];
    FILE *f = fopen(SOURCES "/crash.c", "re");
    char line[256];
    int n = 0;
    bool in_main = false;
    cr_assert(f);
    while (fgets(line, sizeof line, f)) {
        n++;
        in_main = in_main || !strncmp(line, "int main", 8);
        if (in_main && strstr(line, "outer();"))
            snprintf(text, sizeof text, "main (crash.c:%d)", n);
    }
    fclose(f);
    return text;
}

Test(symbolise, lines_and_inlined_calls)
{
    struct tl_capture c;
    capture(TARGETS "/inlined", NULL, &c);
    tl_symbolise(s, &c);
    const struct tl_frame_symbols *f = c.threads[0].symbols;
    cr_assert_eq(f[0].n, 3);
    static const struct {
        const char *function;
        int line;
        bool inlined;
    } wanted[3] = {{"deepest", 6, true}, {"between", 11, true}, {"visible", 16, false}};
    for (size_t i = 0; i < 3; i++) {
        cr_assert_str_eq(f[0].symbols[i].function, wanted[i].function);
        cr_assert_eq(f[0].symbols[i].line, wanted[i].line, "%d", f[0].symbols[i].line);
        cr_assert_eq(f[0].symbols[i].inlined, wanted[i].inlined);
        cr_assert(strstr(f[0].symbols[i].file, "targets/inlined.c"));
    }
    expect_text(
        &c, 0, "deepest (inlined.c:6), inlined in between (inlined.c:11), inlined in visible (inlined.c:16)");
    expect_text(&c, 1, "main (inlined.c:23)");
    tl_capture_free(&c);
}

/* Not every compiler writes the table from addresses to units. */
Test(symbolise, no_table_of_units)
{
    char program[100];
    struct tl_capture c;
    snprintf(program, sizeof program, "%s/program", directory);
    RUN("objcopy", "--remove-section=.debug_aranges", TARGETS "/inlined", program);
    capture(program, NULL, &c);
    tl_symbolise(s, &c);
    expect_text(
        &c, 0, "deepest (inlined.c:6), inlined in between (inlined.c:11), inlined in visible (inlined.c:16)");
    tl_capture_free(&c);
}

Test(symbolise, mangled_names)
{
    struct tl_capture c;
    capture(TARGETS "/mangled", NULL, &c);
    tl_symbolise(s, &c);
    cr_assert(strstr(c.threads[0].symbols[0].symbols[0].function, "option"));
#ifdef HAVE_IBERTY
    expect_text(&c, 0, "core::option::none");
    expect_text(&c, 1, "123foo::bar");
#endif
    cr_assert_eq(strncmp(c.threads[0].symbols[2].symbols[0].function, "runtime::Session::Run(", 22), 0);
    expect_text(&c, 3, "main");
    tl_capture_free(&c);
}

/* Names that begin with a dollar: Swift's are functions, those that mark code for ARM are not. */
Test(symbolise, names_with_a_dollar)
{
    char program[100];
    struct tl_capture c;
    snprintf(program, sizeof program, "%s/program", directory);
    RUN("objcopy", "-g", "--redefine-sym", "inner=$s7runtime5inneryyF", "--redefine-sym", "middle=$x.7",
        TARGETS "/crash_o2", program);
    capture(program, "null", &c);
    tl_symbolise(s, &c);
    expect_text(&c, 1, "$s7runtime5inneryyF");
    cr_assert(!c.threads[0].symbols[2].n || c.threads[0].symbols[2].symbols[0].function[0] != '$');
    expect_text(&c, 4, "main");
    tl_capture_free(&c);
}

Test(symbolise, demangling_takes_what_it_can)
{
    static const char *const plain[] = {"main",  "", "_", "_Z", "_R", "_start", "_Dx", "__libc_start_main",
                                        "_ZZZZZ"};
    for (size_t i = 0; i < sizeof plain / sizeof plain[0]; i++)
        cr_assert_null(tl_demangle(plain[i]), "%s", plain[i]);
    /* Names made to exhaust a demangler. */
    char *hostile = tl_calloc(1, 100002);
    memset(hostile, 'P', 100000);
    memcpy(hostile, "_Z1f", 4);
    free(tl_demangle(hostile));
    hostile[16000] = '\0';
    free(tl_demangle(hostile));
    free(hostile);
    char *name = tl_demangle("_ZN2ns3fooIiEEvT_");
    cr_assert_str_eq(name, "void ns::foo<int>(int)");
    free(name);
}

/* The second time everything comes from memory, and is the same. */
Test(symbolise, remembered)
{
    struct tl_capture a, b;
    capture(TARGETS "/crash_o2", "null", &a);
    capture(TARGETS "/crash_o2", "null", &b);
    tl_symbolise(s, &a);
    tl_symbolise(s, &b);
    for (size_t i = 0; i < a.threads[0].n_frames; i++) {
        char *x = tl_frame_text(&a, &a.threads[0], i), *y = tl_frame_text(&b, &b.threads[0], i);
        cr_assert_str_eq(x, y);
        free(x);
        free(y);
    }
    expect_text(&b, 4, main_text());
    tl_capture_free(&a);
    tl_capture_free(&b);
}

static void split_debug(char *program, char *debug, const char *debug_directory)
{
    char link[200];
    snprintf(program, 100, "%s/program", directory);
    snprintf(debug, 100, "%s/%s", directory, debug_directory);
    mkdir(debug, 0755);
    snprintf(debug, 100, "%s/%sprogram.debug", directory, debug_directory);
    snprintf(link, sizeof link, "--add-gnu-debuglink=%s", debug);
    RUN("objcopy", "--only-keep-debug", TARGETS "/crash_o2", debug);
    RUN("objcopy", "--strip-all", link, TARGETS "/crash_o2", program);
}

Test(symbolise, debug_file_beside_the_program)
{
    static const char *const places[] = {"", ".debug/"};
    for (size_t i = 0; i < 2; i++) {
        char program[100], debug[100];
        struct tl_capture c;
        split_debug(program, debug, places[i]);
        capture(program, "null", &c);
        tl_symbolise(s, &c);
        expect_text(&c, 4, main_text());
        tl_capture_free(&c);
        unlink(debug);
    }
}

/* What a stack is called must not depend on whether the same one was seen in another copy of the file. */
Test(symbolise, a_copy_that_is_gone_has_no_names)
{
    char kept[100], gone[100];
    struct tl_capture a, b;
    snprintf(kept, sizeof kept, "%s/kept", directory);
    snprintf(gone, sizeof gone, "%s/gone", directory);
    RUN("cp", TARGETS "/crash_o2", kept);
    RUN("cp", TARGETS "/crash_o2", gone);
    capture(kept, "null", &a);
    capture(gone, "null", &b);
    unlink(gone);
    cr_assert_str_eq(a.threads[0].stack_id, b.threads[0].stack_id);
    tl_symbolise(s, &a);
    tl_symbolise(s, &b);
    expect_text(&a, 4, main_text());
    cr_assert_eq(b.threads[0].symbols[4].n, 0);
    tl_capture_free(&a);
    tl_capture_free(&b);
}

Test(symbolise, debug_file_of_another_build)
{
    char program[100], debug[100];
    struct tl_capture c;
    split_debug(program, debug, "");
    RUN("objcopy", "--only-keep-debug", TARGETS "/crash_o0", debug);
    capture(program, "null", &c);
    tl_symbolise(s, &c);
    cr_assert_eq(c.threads[0].symbols[4].n, 0);
    tl_capture_free(&c);
}

/* Without a build-id the checksum in the link decides. */
Test(symbolise, debug_file_by_checksum)
{
    char bare[100], program[100], debug[100], link[200];
    snprintf(bare, sizeof bare, "%s/bare", directory);
    snprintf(program, sizeof program, "%s/program", directory);
    snprintf(debug, sizeof debug, "%s/program.debug", directory);
    snprintf(link, sizeof link, "--add-gnu-debuglink=%s", debug);
    RUN("objcopy", "--remove-section=.note.gnu.build-id", TARGETS "/crash_o2", bare);
    RUN("objcopy", "--only-keep-debug", bare, debug);
    RUN("objcopy", "--strip-all", link, bare, program);
    for (int spoiled = 0; spoiled < 2; spoiled++) {
        struct tl_capture c;
        capture(program, "null", &c);
        cr_assert_str_eq(c.modules[0].build_id, "");
        tl_symbolise(s, &c);
        cr_assert_eq(c.threads[0].symbols[4].n != 0, !spoiled);
        tl_capture_free(&c);
        tl_symboliser_free(s);
        s = tl_symboliser_new();
        int fd = open(debug, O_WRONLY | O_APPEND | O_CLOEXEC);
        cr_assert(fd >= 0 && write(fd, "x", 1) == 1);
        close(fd);
    }
}

/* A small packed symbol table is all there is. */
Test(symbolise, packed_symbols)
{
    char mini[100], program[100], add[200], packed[110];
    snprintf(mini, sizeof mini, "%s/mini", directory);
    snprintf(packed, sizeof packed, "%s/mini.xz", directory);
    snprintf(program, sizeof program, "%s/program", directory);
    snprintf(add, sizeof add, ".gnu_debugdata=%s", packed);
    RUN("objcopy", "-S", "--keep-symbol=main", "--keep-symbol=inner", "--keep-symbol=write_null",
        TARGETS "/crash_o2", mini);
    if (run((const char *const[]){"xz", mini, NULL}))
        cr_skip("there is no xz here");
    RUN("objcopy", "--strip-all", "--add-section", add, TARGETS "/crash_o2", program);
    struct tl_capture c;
    capture(program, "null", &c);
    tl_symbolise(s, &c);
    expect_text(&c, 0, "write_null");
    expect_text(&c, 1, "inner");
    expect_text(&c, 4, "main");
    tl_capture_free(&c);
}

/* The file under the path is another one by now. */
Test(symbolise, file_replaced_or_gone)
{
    char program[100];
    snprintf(program, sizeof program, "%s/program", directory);
    RUN("cp", TARGETS "/crash_o2", program);
    for (int gone = 0; gone < 2; gone++) {
        struct tl_capture c;
        if (!gone) {
            capture(program, "null", &c);
            RUN("cp", "--remove-destination", TARGETS "/crash_o0", program);
        } else {
            capture(program, "null", &c);
            unlink(program);
        }
        tl_symbolise(s, &c);
        cr_assert_eq(c.threads[0].symbols[0].n, 0);
        char *text = tl_frame_text(&c, &c.threads[0], 0);
        cr_assert_eq(strncmp(text, "program+0x", 10), 0, "%s", text);
        free(text);
        tl_capture_free(&c);
    }
}

static struct tl_symbol_file *open_file(const char *path, const char *build_id)
{
    struct tl_module m = {.path = tl_strdup(path)};
    snprintf(m.build_id, sizeof m.build_id, "%s", build_id);
    struct tl_symbol_file *f = tl_symbol_file_open(&m);
    free(m.path);
    return f;
}

/* Files that are not what they should be, cut at every length of the headers and then some. */
Test(symbolise, hostile_files)
{
    char path[100];
    size_t size;
    snprintf(path, sizeof path, "%s/cut", directory);
    char *data = tl_read_file(TARGETS "/crash_o2", 64 << 20, &size);
    cr_assert(data);
    for (size_t n = 0; n < size; n += n < 1024 ? 37 : 1499) {
        int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        cr_assert(fd >= 0 && write(fd, data, n) == (ssize_t)n);
        close(fd);
        struct tl_symbol_file *f = open_file(path, "");
        if (!f)
            continue;
        struct tl_frame_symbols y;
        for (uint64_t at = 0x1000; at < 0x2000; at += 111) {
            tl_symbol_file_find(f, at, &y);
            for (size_t i = 0; i < y.n; i++) {
                free(y.symbols[i].function);
                free(y.symbols[i].file);
            }
            free(y.symbols);
        }
        tl_symbol_file_free(f);
    }
    free(data);
    cr_assert_null(open_file("/dev/zero", ""));
    cr_assert_null(open_file("/nonexistent", "../../../../etc"));
    cr_assert_null(open_file(directory, ""));
}

Test(symbolise, text_of_made_up_frames)
{
    char path[] = "/opt/libfoo.so";
    struct tl_module m = {.path = path};
    struct tl_frame f[] = {{0, 0, 0x1234, 0x1200},
                           {0, TL_FRAME_GUESSED, 0x1234, 0},
                           {TL_NO_MODULE, TL_FRAME_WILD | TL_FRAME_FIRST, 0xdead, 0},
                           {TL_NO_MODULE, 0, 0x7f00, 0},
                           {7, 0, 1, 0}};
    struct tl_thread t = {.n_frames = 5, .frames = f};
    struct tl_capture c = {.n_modules = 1, .modules = &m, .n_threads = 1, .threads = &t};
    expect_text(&c, 0, "libfoo.so+0x1234 (function at +0x1200)");
    expect_text(&c, 1, "libfoo.so+0x1234 [guessed]");
    expect_text(&c, 2, "0xdead (not mapped as code)");
    expect_text(&c, 3, "0x7f00 (in memory of no file)");
    expect_text(&c, 4, "0x1 (in memory of no file)");
    expect_text(&c, 5, "");
    char function[] = "run", file[] = "/src/run.cc";
    struct tl_symbol y = {function, file, 12, false};
    struct tl_frame_symbols ys[5] = {{1, &y}, {1, &y}};
    t.symbols = ys;
    expect_text(&c, 0, "run (run.cc:12)");
    expect_text(&c, 1, "run (run.cc:12) [guessed]");
}
