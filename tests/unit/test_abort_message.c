/* Abort messages found in real-world shapes of stderr; normalising; names of functions. */

#include "harness/base/buffer.h"
#include "harness/base/last_words.h"
#include "harness/verdict/function_name.h"
#include "harness/verdict/normalise.h"

#include <assert.h>
#include <criterion/criterion.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static const struct {
    const char *text, *message; /* NULL: none */
} found[] = {
    {"", NULL},
    {"loading model\nall is well\n", NULL},
    /* glibc */
    {"runner: ../src/graph.c:112: graph_build: Assertion `n > 0 && \"no nodes\"' failed.\nAborted (core "
     "dumped)\n",
     "../src/graph.c:112: graph_build: Assertion `n > 0 && \"no nodes\"' failed."},
    {"a.out: x.cc:3: void ns::f(int): Assertion `a == b' failed.\n",
     "x.cc:3: void ns::f(int): Assertion `a == b' failed."},
    {"free(): invalid pointer\n", "free(): invalid pointer"},
    {"progress 50%free(): invalid pointer\n", "free(): invalid pointer"},
    {"free(): double free detected in tcache 2\nAborted\n", "free(): double free detected in tcache 2"},
    {"malloc(): corrupted top size\n", "malloc(): corrupted top size"},
    {"malloc_consolidate(): unaligned fastbin chunk detected\n",
     "malloc_consolidate(): unaligned fastbin chunk detected"},
    {"corrupted double-linked list\n", "corrupted double-linked list"},
    {"corrupted size vs. prev_size while consolidating\n",
     "corrupted size vs. prev_size while consolidating"},
    {"munmap_chunk(): invalid pointer", "munmap_chunk(): invalid pointer"},
    {"*** stack smashing detected ***: terminated\n", "*** stack smashing detected ***: terminated"},
    {"*** buffer overflow detected ***: terminated\nAborted\n",
     "*** buffer overflow detected ***: terminated"},
    {"calling free() now\nmalloc: 12 blocks\n", NULL},
    /* C++ */
    {"terminate called after throwing an instance of 'std::runtime_error'\n  what():  bad shape [1,2]\n",
     "terminate called after throwing an instance of 'std::runtime_error': bad shape [1,2]"},
    {"terminate called after throwing an instance of 'int'\nAborted\n",
     "terminate called after throwing an instance of 'int'"},
    {"libc++abi: terminating due to uncaught exception of type std::out_of_range: vector\n",
     "libc++abi: terminating due to uncaught exception of type std::out_of_range: vector"},
    {"pure virtual method called\nterminate called without an active exception\n",
     "pure virtual method called"},
    {"terminate called without an active exception\n", "terminate called without an active exception"},
    /* Rust */
    {"thread 'main' panicked at src/main.rs:2:5:\nindex out of bounds: the len is 3\nnote: run with "
     "`RUST_BACKTRACE=1`\n",
     "panicked at src/main.rs:2:5: index out of bounds: the len is 3"},
    {"thread 'w-7' panicked at 'no rank', src/lib.rs:9:1\nnote: run with `RUST_BACKTRACE=1`\n",
     "panicked at 'no rank', src/lib.rs:9:1"},
    /* Python */
    {"Traceback (most recent call last):\n  File \"run.py\", line 3, in <module>\n    f()\nRuntimeError: "
     "Constraints "
     "violated (seq)!\n",
     "RuntimeError: Constraints violated (seq)!"},
    {"Traceback (most recent call last):\n  File \"a.py\", line 3\nKeyError: 'x'\n\nDuring handling of the "
     "above "
     "exception, another exception occurred:\n\nTraceback (most recent call last):\n  File \"b.py\", line 9\n"
     "torch.export.ExportError: dim\n",
     "torch.export.ExportError: dim"},
    {"Traceback (most recent call last):\n  File \"a.py\", line 3\nMemoryError\n", "MemoryError"},
    {"Exception ignored in: <function f at 0x7f>\nTraceback (most recent call last):\n  File "
     "\"x\"\nValueError: late\n",
     NULL},
    {"Fatal Python error: Segmentation fault\n\nCurrent thread 0x00007f (most recent call first):\n  File "
     "\"x.py\"\n",
     NULL},
    {"Fatal Python error: none_dealloc: deallocating None\n",
     "Fatal Python error: none_dealloc: deallocating None"},
    /* glog, Abseil, Chromium */
    {"F0520 12:34:56.789012  1234 gemm.cc:56] Check failed: k == n (3 vs. 4)\n*** Check failure stack trace: "
     "***\n    @ "
     "0x7f google::LogMessage::Fail()\n",
     "gemm.cc:56: Check failed: k == n (3 vs. 4)"},
    {"F20240520 12:34:56.789 1234 xla.cc:5] no device\n", "xla.cc:5: no device"},
    {"[0520/123456.789:FATAL:gpu.cc(33)] Check failed: ok.\n", "gpu.cc(33)] Check failed: ok."},
    {"I0520 12:34:56.789012  1234 gemm.cc:56] fine\n", NULL},
    /* Metal, MPS, MLIR */
    {"/AppleInternal/Library/BuildRoots/x/Sources/MPSCore/MPSNDArray.mm:829: failed assertion `[MPSNDArray "
     "initWithDevice:descriptor:] Error: total bytes of NDArray > 2**32'\n",
     "/AppleInternal/Library/BuildRoots/x/Sources/MPSCore/MPSNDArray.mm:829: failed assertion `[MPSNDArray "
     "initWithDevice:descriptor:] Error: total bytes of NDArray > 2**32'"},
    {"-[MTLDebugHeap newBuffer]:12: failed assertion `Buffer Validation\noffset 198400 + size 16384 exceeds "
     "heap\n'\n",
     "-[MTLDebugHeap newBuffer]:12: failed assertion `Buffer Validation offset 198400 + size 16384 exceeds "
     "heap '"},
    {"failed assertion \"Failed to acquire the source buffer for the ViewOp\" in GPUMemrefOps.mm:687\n",
     "failed assertion \"Failed to acquire the source buffer for the ViewOp\" in GPUMemrefOps.mm:687"},
    {"Assertion failed: (x > 0), function f, file a.c, line 12.\n",
     "Assertion failed: (x > 0), function f, file a.c, line 12."},
    {"error: MLIR pass manager failed\n", "MLIR pass manager failed"},
    {"LLVM ERROR: Cannot select: t5\n", "LLVM ERROR: Cannot select: t5"},
    /* Swift, Objective-C */
    {"Model/Graph.swift:12: Fatal error: Index out of range\n",
     "Model/Graph.swift:12: Fatal error: Index out of range"},
    {"Fatal error: Unexpectedly found nil: file a.swift, line 3\n",
     "Fatal error: Unexpectedly found nil: file a.swift, line 3"},
    {"2026-04-01 12:00:00.1 app[12:34] *** Terminating app due to uncaught exception 'NSRangeException', "
     "reason: "
     "'beyond'\nlibc++abi: terminating due to uncaught exception of type NSException\n",
     "*** Terminating app due to uncaught exception 'NSRangeException', reason: 'beyond'"},
    {"app(77,0x1f) malloc: *** error for object 0x1: pointer being freed was not allocated\napp(77,0x1f) "
     "malloc: *** set "
     "a breakpoint in malloc_error_break to debug\n",
     "malloc: *** error for object 0x1: pointer being freed was not allocated"},
    /* sanitizers */
    {"==7==ERROR: AddressSanitizer: heap-use-after-free on address 0x1 at pc 0x2\nREAD of size 4\n    #0 0x3 "
     "in f\n"
     "SUMMARY: AddressSanitizer: heap-use-after-free a.c:3:5 in f\n==7==ABORTING\n",
     "AddressSanitizer: heap-use-after-free a.c:3:5 in f"},
    {"a.c:3:5: runtime error: signed integer overflow: 2147483647 + 1 cannot be represented\n",
     "a.c:3:5: runtime error: signed integer overflow: 2147483647 + 1 cannot be represented"},
    /* GTest */
    {"[ RUN      ] Gemm.Small\ngemm_test.cc:33: Failure\nExpected equality of these values:\n  a\n    Which "
     "is: 3\n  b\n\n[  "
     "FAILED  ] Gemm.Small (0 ms)\n",
     "gemm_test.cc:33: Failure Expected equality of these values: a Which is: 3 b"},
    /* The last one wins; colours, carriage returns and garbage do not hide it. */
    {"free(): invalid pointer\nterminate called after throwing an instance of 'X'\n  what():  second\n",
     "terminate called after throwing an instance of 'X': second"},
    {"\033[1;31mfree(): invalid size\033[0m\r\n", "free(): invalid size"},
    {"Segmentation fault (core dumped)\n", NULL},
    {"abort() called\n", NULL},
};

Test(abort_message, found)
{
    for (size_t i = 0; i < sizeof found / sizeof *found; i++) {
        char *m = tl_find_abort_message(found[i].text, strlen(found[i].text));
        if (found[i].message)
            cr_assert(m && !strcmp(m, found[i].message), "%s\n got: %s", found[i].text, m ? m : "nothing");
        else
            cr_assert_null(m, "%s\n got: %s", found[i].text, m);
        free(m);
    }
}

/* ---- a line that only says that something failed, and the one that says what ---- */

/* For each text, what must stand in its message, whether the process died or exited; "not": what must not. */
static const struct {
    const char *text, *cause, *not ;
} causes[] = {
    {"/src/ggml/src/ggml.c:3241: GGML_ASSERT(ggml_can_mul_mat(a, b)) failed\nWARNING: no backtrace\n",
     "GGML_ASSERT(ggml_can_mul_mat(a, b)) failed", "WARNING"},
    {"../cuda/softmax.cu:88: fatal error\n", "softmax.cu:88: fatal error", NULL},
    {"terminate called after throwing an instance of 'c10::Error'\n  what():  TORCH_CHECK(self.dim() == 2) "
     "failed at linear.cpp:7\n",
     "TORCH_CHECK(self.dim() == 2)", NULL},
    {"F0000 00:00:1700000000.123 99 shape.cc:17] Check failed: rank() >= 1 (0 vs. 1)\n",
     "Check failed: rank() >= 1", NULL},
    {"gemm.cu:31: CUTLASS_CHECK(status == Status::kSuccess) has failed\n", "CUTLASS_CHECK(status", NULL},
    {"2026-01-01T00:00:00Z thread 'tokio-worker' panicked at src/lib.rs:4:9:\nrank mismatch\n",
     "rank mismatch", NULL},
    {"Fatal error: Not enough bits to represent the value: file Swift/Int.swift, line 30\n",
     "Not enough bits", NULL},
    {"Fatal Python error: PyThreadState_Get: the GIL is released\n\nThread 0x1:\n  File \"a.py\", line 1\n",
     "the GIL is released", NULL},
    {"==9==ERROR: AddressSanitizer: stack-buffer-overflow on address 0x7f at pc 0x5\n    #0 0x1 in g b.c:1\n",
     "stack-buffer-overflow", NULL},
    {"-[MTLComputePipelineDescriptorInternal validate]:620: failed assertion `Pipeline Validation\nthread "
     "count 2048 exceeds\nthe maximum of 1024.\n'\n",
     "exceeds the maximum of 1024", NULL},
    {"error: 'mps.conv_2d' op weights are of rank 3\nnote: see current operation\n/B/Executable.mm:5: failed "
     "assertion `original module failed verification'\n",
     "weights are of rank 3", "note"},
    {"loc(callsite(\"a\" at \"b.py\":3:1)): error: 'tosa.add' op ranks differ\nerror: pass manager failed\n",
     "op ranks differ", NULL},
    {"x.mlir:9:3: error: operand 1 is no tensor\nx.mlir:9:3: note: here\nLLVM ERROR: Failed to infer result "
     "type(s).\n",
     "operand 1 is no tensor", NULL},
    {"E5RT: error: failed to compile. Error=_ANECompiler : ANECCompile() FAILED\n"
     "statusdict={\n    ErrorList =     (\n        \"InvalidPad: padding of 9 is not supported\"\n    "
     ");\n}\n",
     "InvalidPad: padding of 9", NULL},
    {"error: ANECCompile() FAILED (7)\n  Compiler internal error: no schedule for softmax\n",
     "no schedule for softmax", NULL},
    {"MPSGraph.mm:3: failed assertion `Error: MLIR pass manager failed'\n", "MLIR pass manager failed", NULL},
    {"RuntimeError: shapes [2] and [3] differ\n/usr/lib/python3/tracker.py:254: UserWarning: 1 leaked "
     "object\n  warnings.warn('an error: of another kind')\n",
     "shapes [2] and [3] differ", "leaked"},
    {"Error: command buffer exited with error status.\n\tIt may not have completed.\n\tError:\n\t(null)\n\t"
     "Out of Resources (00000008:Resources)\n",
     "Out of Resources", NULL},
    {"dyld[77]: Symbol not found: _MPSGraphNew\n  Referenced from: /a\n", "Symbol not found: _MPSGraphNew",
     NULL},
    {"objc[1]: Method cache corrupted.\n", "Method cache corrupted", NULL},
    {"Error Domain=com.example.ane Code=53 \"no such program\"\n", "Code=53", NULL},
    {"Error = Error Domain=com.example.ane Code=53\n  \"load: Program load failed: no memory\"\n"
     "/B/Executable.mm:5: failed assertion `Error occurred when loading ANE module'\n",
     "no memory", NULL},
    {"Process terminated due to signal 9.\n", "signal 9", NULL},
    {"error[E0308]: mismatched types\n --> src/a.rs:1:1\nerror: could not compile `a` due to 1 error\n",
     "mismatched types", NULL},
};

Test(cause, of_a_process_that_died_or_exited)
{
    for (size_t i = 0; i < sizeof causes / sizeof *causes; i++) {
        size_t n = strlen(causes[i].text);
        char *died = tl_find_abort_message(causes[i].text, n), *exited;
        if (!died)
            died = tl_find_closing_error(causes[i].text, n);
        exited = tl_find_complaint(causes[i].text, n, false);
        for (int k = 0; k < 2; k++) {
            const char *m = k ? exited : died;
            cr_expect(m && strstr(m, causes[i].cause) && !(causes[i].not &&strstr(m, causes[i].not )),
                      "%s\n%s: %s", causes[i].text, k ? "exited" : "died", m ? m : "nothing");
        }
        free(died);
        free(exited);
    }
}

/* Errors that have nothing to do with each other are not joined, and not each last line is an error. */
Test(cause, complaints)
{
    static const struct {
        const char *text, *complaint; /* NULL: none */
    } said[] = {
        {"warning: loc(fused[x]): the default is used\n", NULL},
        {"error: old\nall is well again\nerror: new\n", "error: new"},
        {"loading\nUserWarning: slow\n", "loading"},
        {"W0520 12:00:00 1 a.cc:1] error: none of ours\nfinished\n", "finished"},
        {"MemoryError\n", "MemoryError"},
        {"during GIMPLE pass: vect\nx.c:3:6: internal compiler error: Segmentation fault\n0x12f "
         "crash_signal\n\t"
         "toplev.cc:1\n0x55a vect_analyze(loop*)\n\tvect.cc:2\n",
         "x.c:3:6: internal compiler error: Segmentation fault: during GIMPLE pass: vect, in vect_analyze"},
        {"a.o: in function `f': undefined reference to `g'\ncollect2: error: ld returned 1 exit status\n",
         "a.o: in function `f': undefined reference to `g' (collect2: error: ld returned 1 exit status)"},
    };
    for (size_t i = 0; i < sizeof said / sizeof *said; i++) {
        char *m = tl_find_complaint(said[i].text, strlen(said[i].text), false);
        cr_expect(said[i].complaint ? m && !strcmp(m, said[i].complaint) : !m, "%s\n got: %s", said[i].text,
                  m ? m : "nothing");
        free(m);
    }
    static const char long_ago[] = "error: an old one\nfine\n";
    cr_expect_null(tl_find_closing_error(long_ago, strlen(long_ago)));
    static const char banner[] = "[tool] device 0: a preview, not for production use\n";
    cr_expect_null(tl_find_closing_error(banner, strlen(banner)));
    /* Before what Python's faulthandler adds, which is turned on from outside. */
    static const char dumped[] =
        "starting\nRuntimeError: no such device\nFatal Python error: Aborted\n\nCurrent thread "
        "0x1 (most recent call first):\n  File \"/a/b.py\", line 4 in <module>\n\nExtension "
        "modules: numpy (total: 1)\n";
    char *before = tl_find_closing_error(dumped, strlen(dumped));
    cr_expect(before && strstr(before, "no such device"), "%s", before ? before : "nothing");
    free(before);
    static const char here[] = "X: failed because\nof that\nand that\n\nother\n";
    char *m = tl_find_first_words(here, strlen(here));
    cr_expect_str_eq(m, "X: failed because of that and that");
    free(m);
    static const char list[] =
        "ANECCompileOffline() failed: {\n  File = x;\n  ErrorList = ( \n \"no plan\"\n );\n}\n";
    m = tl_find_first_words(list, strlen(list));
    cr_expect(m && !strcmp(m, "no plan (ANECCompileOffline() failed)"), "%s", m);
    free(m);
}

/* ---- what this machine's C library really says ---- */

static void fail_assertion(void)
{
    volatile int layers = 0;
    assert(layers > 0 && "no layers");
}

static void free_the_middle(void)
{
    char *volatile p = malloc(64);
    char *volatile middle = p + 8;
    *(volatile size_t *)p = 32; /* what stands where a size would: not what the memory happens to hold */
    free(middle);
}

/* Runs f in a process of its own, which has to die of it, and returns what it wrote to stderr. */
static char *last_words(void (*f)(void), size_t *size)
{
    int ends[2];
    cr_assert_eq(pipe(ends), 0);
    pid_t pid = fork();
    if (pid == 0) {
        signal(SIGABRT, SIG_DFL);
        setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
        dup2(ends[1], STDERR_FILENO);
        f();
        _exit(0);
    }
    close(ends[1]);
    struct tl_buffer b = TL_BUFFER_INIT;
    char block[4096];
    ssize_t n;
    while ((n = read(ends[0], block, sizeof block)) > 0)
        tl_buffer_add(&b, block, (size_t)n);
    close(ends[0]);
    int status;
    cr_assert_eq(waitpid(pid, &status, 0), pid);
    cr_assert(!WIFEXITED(status) || WEXITSTATUS(status), "the process did not die");
    *size = b.size;
    return tl_buffer_take(&b);
}

Test(abort_message, of_real_processes)
{
    size_t n;
    char *text = last_words(fail_assertion, &n), *m = tl_find_abort_message(text, n);
    cr_assert(m && strstr(m, "layers > 0") && strstr(m, "ssertion"), "%s", text);
    char *normal = tl_normalise_message(m);
    cr_assert_null(strstr(normal, "test_abort_message:"), "the program is not part of it: %s", normal);
    free(normal);
    free(m);
    free(text);
    text = last_words(free_the_middle, &n);
    m = tl_find_abort_message(text, n);
    cr_assert(m && (strstr(m, "free") || strstr(m, "malloc") || strstr(m, "invalid pointer")), "%s", text);
    free(m);
    free(text);
}

Test(abort_message, in_garbage)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    for (unsigned i = 0; i < 200000; i++)
        tl_buffer_add(&b, &(char){(char)((i * 2654435761u) >> 13)}, 1);
    tl_buffer_add_string(&b, "\nfree(): invalid pointer\n\xff\xfe\xc0");
    tl_buffer_add(&b, "\0\0\n", 3);
    for (unsigned i = 0; i < 5000; i++)
        tl_buffer_add(&b, &(char){(char)(0x80 + i % 128)}, 1);
    char *m = tl_find_abort_message(b.data, b.size);
    cr_assert_str_eq(m, "free(): invalid pointer");
    free(m);
    tl_buffer_free(&b);
    cr_assert_null(tl_find_abort_message(NULL, 0));
}

Test(abort_message, long_line_is_bounded)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    tl_buffer_add_string(&b, "Assertion failed: ");
    for (int i = 0; i < 100000; i++)
        tl_buffer_add_string(&b, "€");
    char *m = tl_find_abort_message(b.data, b.size);
    cr_assert_leq(strlen(m), 2000);
    cr_assert_eq(strlen(m) % 3, strlen("Assertion failed: ") % 3, "cut between characters");
    free(m);
    tl_buffer_free(&b);
}

/* ---- normalising ---- */

static const struct {
    const char *message, *normal;
} normal[] = {
    {"", ""},
    {"  free():   invalid\tpointer \n", "free(): invalid pointer"},
    {"offset 198400 + size 16384 exceeds heap total 212992", "offset <n> + size <n> exceeds heap total <n>"},
    {"/build/a/b/GPUMemrefOps.mm:687: failed assertion `x'", "GPUMemrefOps.mm: failed assertion `x'"},
    {"GPUMemrefOps.mm:12:5: failed assertion `x'", "GPUMemrefOps.mm: failed assertion `x'"},
    {"in file.cc(33) at", "in file.cc at"},
    {"cannot open /tmp/trial-ab12/model.onnx: No such file", "cannot open <path>: No such file"},
    {"cannot open '../x/y'", "cannot open '<path>'"},
    {"at 0x7ffdeadbeef0 and 0xFF", "at <n> and <n>"},
    {"object 7f3c2a9b10d4 is gone", "object <n> is gone"},
    {"id 2f5ccac7-cf4f-3f87-8689-7c673e90e595.", "id <uuid>."},
    {"perm tensor length must equal input tensor rank, 4 != 8",
     "perm tensor length must equal input tensor rank, <n> != <n>"},
    {"shape {1,64,128} vs [2, 3]", "shape {<n>} vs [<n>]"},
    {"got 4x8x16 not 3", "got <n> not <n>"},
    {"-1.5e-3 below 1e6", "<n> below <n>"},
    {"int4 float16 x86_64 Conv2D libfoo2", "int4 float16 x86_<n> Conv2D libfoo2"},
    {"node Add_12 of layers.5", "node Add_<n> of layers.<n>"},
    {"==1234==ERROR", "==<n>==ERROR"},
    {"F0520 12:34:56.789012 1234 a.cc:5] no", "<n> <n>:<n>:<n> <n> a.cc] no"},
    {"input/output and/or N/A", "input/output and/or N/A"},
    {"a\033[31mred\033[0m b\x01"
     "c",
     "ared b c"},
    {"bad \xff byte \xe2\x80\xae reversed", "bad ? byte ? reversed"},
    {"16KiB of 2D", "<n>KiB of <n>D"},
    {"C:\\build\\x\\gemm.cpp:10: no", "gemm.cpp: no"},
    /* blanks in paths, where they can be told from those of a sentence */
    {"no /Users/Jane Doe/x y, /Users/Jane van Doe/b/c.py:3: z", "no <path> y, c.py: z"},
    {"no C:\\Users\\Jane Doe\\x, /home/jane and her file", "no <path>, <path> and her file"},
    {"no '/srv/My Files (2)/x y' \"/a/b is missing\"", "no '<path>' \"<path> is missing\""},
    {"ran '/bin/sh -c a/b', \"/bin/cp /a/b /c d/e\"", "ran '<path> -c a/b', \"<path> <path> <path> d/e\""},
    {"step 1 of 2 (execute, /srv/h\\ \\(2\\)/bin/x) left", "step <n> of <n> (execute, <path>) left"},
    {"left no file {scratch}/o.txt: {scratch} of {x}", "left no file <path>: {scratch} of {x}"},
    {"see https://example.org/a/b for", "see https:<path> for"},
    {"App terminated due to signal 5.", "App terminated due to signal 5."},
    {"Code=-1 \"a\" code: 0x80070057, errno 12, [Errno 2] decode 7",
     "Code=-1 \"a\" code: 0x80070057, errno 12, "
     "[Errno 2] decode <n>"},
    {"loc(\"x\"(\"(f): /A/x.mm\":228:0)): error: 'a' is odd", "error: 'a' is odd"},
    {"loc(unclosed: error", "loc(unclosed: error"},
    {"In Node, (\"a (1)\", Mod, \"\", -1) : (\"x\": tensor(int64),\"\",) -> (\"y)\",) , Error No Op "
     "registered",
     "In Node, (Mod) , Error No Op registered"},
    {"Load model from /tmp/a b/m.onnx failed:This is an invalid model. In Node, (\"a\", Mod, \"\", -1) : "
     "(\"x\": "
     "tensor(int64),) -> (\"y\",) , Error No Op registered",
     "In Node, (Mod) , Error No Op registered"},
    {"[ONNXRuntimeError] : 1 : FAIL : Load model from m.onnx failed:Type Error: output arg (enc/v3) of node "
     "(n1) is odd",
     "Type Error: output arg (<name>) of node (<name>) is odd"},
    {"Exception during initialization: no such axis", "no such axis"},
    {"Load model from m.onnx failed:", "Load model from m.onnx failed:"},
    {"Exception during loading: This is an invalid model. Error: no graph", "Error: no graph"},
    {"Exception during loading: Exception during loading: ", "Exception during loading:"},
    {"In Node, (\"a\", Mod, \"\", -1) : (\"x\": tensor(int64)",
     "In Node, (\"a\", Mod, \"\", <n>) : (\"x\": tensor(int64)"},
    {"<n>Ǟ/x.m failed", "<n>Ǟx.m failed"}, /* no path begins within a character */
};

Test(normalise, table)
{
    for (size_t i = 0; i < sizeof normal / sizeof *normal; i++) {
        char *n = tl_normalise_message(normal[i].message);
        cr_assert_str_eq(n, normal[i].normal, "%s\n got: %s\n not: %s", normal[i].message, n,
                         normal[i].normal);
        char *again = tl_normalise_message(n);
        cr_assert_str_eq(again, n, "normalising twice changes %s to %s", n, again);
        free(again);
        free(n);
    }
}

Test(normalise, the_same_failure_of_another_run_is_equal)
{
    static const char *const pairs[][2] = {
        {"runner: /a/b/x.c:12: f: Assertion `n > 0' failed.",
         "runner: /home/me/x.c:15: f: Assertion `n > 0' failed."},
        {"free(): invalid pointer: 0x00007f12", "free(): invalid pointer: 0x0000561a2b"},
        {"tensor of shape [1, 16, 1, 512] at 0x1", "tensor of shape [1, 8] at 0xffff"},
        {"Name:'/model/layers.5/Add_3' failed", "Name:'/model/layers.47/Mul' failed"},
    };
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        char *a = tl_normalise_message(pairs[i][0]), *b = tl_normalise_message(pairs[i][1]);
        cr_assert_str_eq(a, b);
        free(a);
        free(b);
    }
}

Test(normalise, bounded_and_cut_between_characters)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    tl_buffer_add_string(&b, "x");
    for (int i = 0; i < 3000; i++)
        tl_buffer_add_string(&b, "é");
    char *n = tl_normalise_message(b.data);
    cr_assert_leq(strlen(n), 2000);
    cr_assert_geq(strlen(n), 1998);
    cr_assert_eq(strlen(n) % 2, 1);
    free(n);
    tl_buffer_free(&b);
}

/* ---- names of functions ---- */

static const struct {
    const char *raw, *name;
} names[] = {
    {"main", "main"},
    {"foo(int, char const*)", "foo"},
    {"void ns::f<int, std::vector<int> >(std::vector<int> const&) const", "ns::f"},
    {"ns::A<T>::g(int)::{lambda(int)#1}::operator()(int) const", "ns::A::g::{lambda}::operator()"},
    {"ns::g()::$_0::operator()() const", "ns::g::{lambda}::operator()"},
    {"ns::g()::'lambda0'(int)::operator()(int) const", "ns::g::{lambda}::operator()"},
    {"std::unique_ptr<X, std::default_delete<X> > make<X>()", "make"},
    {"(anonymous namespace)::helper(int)", "(anonymous namespace)::helper"},
    {"void (anonymous namespace)::helper<float>(int)", "(anonymous namespace)::helper"},
    {"ns::B::operator<<(std::ostream&)", "ns::B::operator<<"},
    {"bool operator< <int>(int, int)", "operator<"},
    {"ns::P::operator->() const", "ns::P::operator->"},
    {"operator new[](unsigned long)", "operator new[]"},
    {"ns::S::operator std::string() const", "ns::S::operator std::string"},
    {"decltype(auto) ns::visit<int>(int)", "ns::visit"},
    {"f.part.0", "f"},
    {"f.constprop.0.isra.0", "f"},
    {"ns::f(int) [clone .cold]", "ns::f"},
    {"ns::f(int) (.cold.1)", "ns::f"},
    {"MTLReportFailure.cold.1", "MTLReportFailure"},
    {"memcpy@@GLIBC_2.14", "memcpy"},
    {"OrtRun@plt", "OrtRun"},
    {"__memmove_avx_unaligned_erms", "memmove"},
    {"__strlen_asimd", "strlen"},
    {"__memchr_nosimd", "memchr"},
    {"__memcpy_simd", "memcpy"},
    {"__memset_zva64", "memset"},
    {"__memset_emag", "memset"},
    {"__memset_evex_unaligned_erms", "memset"},
    {"_platform_memmove$VARIANT$Haswell", "memmove"},
    {"std::__1::vector<int, std::__1::allocator<int> >::at(unsigned long)", "std::vector::at"},
    {"std::__cxx11::basic_string<char>::find[abi:cxx11](char)", "std::basic_string::find"},
    {"absl::lts_20230125::Mutex::Lock()", "absl::Mutex::Lock"},
    {"core::panicking::panic_fmt::h0123456789abcdef", "core::panicking::panic_fmt"},
    {"<alloc::vec::Vec<T> as core::ops::Drop>::drop::h0123456789abcdef", "alloc::vec::Vec::drop"},
    {"app::main::{{closure}}", "app::main::{closure}"},
    {"closure #1 in closure #2 in Runtime.generate(request:)", "closure in Runtime.generate"},
    {"specialized static Sampler.sample(logits:params:)", "Sampler.sample"},
    {"-[MTLHeap newBufferWithLength:options:]", "-[MTLHeap newBufferWithLength:options:]"},
    {"__41-[MPSGraphExecutable encodeTo:results:]_block_invoke_2",
     "-[MPSGraphExecutable encodeTo:results:]_block_invoke"},
    {"non-virtual thunk to ns::K::Compute(ns::Ctx*)", "ns::K::Compute"},
    {"_ZN3foo3barEv", "_ZN3foo3barEv"},
    {"f.cold", "f"},
    {"std::sys::backtrace::__rust_begin_short_backtrace::<fn(), ()>",
     "std::sys::backtrace::__rust_begin_short_backtrace"},
    {"main.cleanup", "main.cleanup"},
    {"main.coldStart", "main.coldStart"},
    {"main.part.func1", "main.part.func1"},
    {"_platform_init", "_platform_init"},
    {"__memo_generic", "__memo_generic"},
    {"", "?"},
    {"(((", "((("},
    {"<<<", "<<<"},
    {"a\nb\xff", "b?"},
};

Test(function_name, table)
{
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char *n = tl_function_name(names[i].raw);
        cr_assert_str_eq(n, names[i].name, "%s\n got: %s\n not: %s", names[i].raw, n, names[i].name);
        free(n);
    }
}

Test(function_name, bounded)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    for (int i = 0; i < 500; i++)
        tl_buffer_add_string(&b, "namespåce::");
    tl_buffer_add_string(&b, "f(int)");
    char *n = tl_function_name(b.data);
    cr_assert_leq(strlen(n), 90);
    free(n);
    tl_buffer_free(&b);
}
