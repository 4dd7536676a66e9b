/* What stands in the title for texts of real tools: the cause, whichever generic words end them, and whatever
 * loggers, launchers and stacks stand around it. */

#include "harness/base/buffer.h"
#include "harness/base/last_words.h"
#include "harness/base/notable.h"
#include "harness/verdict/normalise.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The normalised message of a process that died, or exited, with this text on stderr. A new string, or NULL. */
static char *said(const char *text, bool died)
{
    size_t n = strlen(text);
    char *m = died ? tl_find_abort_message(text, n) : tl_find_complaint_of(text, n, "", 0);
    if (!m && died)
        m = tl_find_closing_error(text, n);
    char *normal = m ? tl_normalise_message(m) : NULL;
    free(m);
    return normal;
}

enum { DIED = 1, EXITED = 2 };

static const struct {
    const char *text, *cause;
    int ends;
} told[] = {
    {"Unknown mask for vector shuffle!\nUNREACHABLE executed at /llvm/lib/CodeGen/Foo.cpp:44!\nPLEASE submit "
     "a bug report\nStack dump:\n0.\tProgram arguments: llc x.ll\n",
     "Unknown mask for vector shuffle", DIED | EXITED},
    {"Execution of the command buffer was aborted due to an error during execution. Caused GPU Hang Error "
     "(00000003:kIOGPUCommandBufferCallbackErrorHang)\n",
     "GPU Hang", EXITED},
    {"[12:34:56] /tvm/src/runtime/graph.cc:123: InternalError: Check failed: (it != end) is false: Cannot "
     "find input data_0\nStack trace:\n  0: f\n  1: g\n",
     "Cannot find input", DIED | EXITED},
    {"[mutex.cc : 2443] RAW: Check base_internal::NumCPUs() > 0 failed: no CPUs\n", "no CPUs", DIED},
    {"terminate called after throwing an instance of "
     "'boost::wrapexcept<boost::program_options::unknown_option>'\n  what():  unrecognised option "
     "'--foo'\nAborted (core dumped)\n",
     "unrecognised option", DIED | EXITED},
    {"Running 3 test cases...\ntests/t.cpp(12): error: in \"suite/gemm\": check a == b has failed [1 != "
     "2]\n\n*** 1 failure is detected in the test module \"x\"\n",
     "check a == b has failed", EXITED},
    {"ASSERT failure in QList<T>::operator[]: \"index out of range\", file /usr/include/qt/QtCore/qlist.h, "
     "line 454\n",
     "index out of range", DIED},
    {"panic: runtime error: index out of range [5] with length 3\n\ngoroutine 1 "
     "[running]:\nmain.main()\n\t/tmp/a.go:5 +0x1d\nexit status 2\n",
     "index out of range", DIED | EXITED},
    {"thread 'main' panicked at src/shape.rs:12:5:\nassertion `left == right` failed\n  left: 3\n right: "
     "4\nnote: run with `RUST_BACKTRACE=1` environment variable to display a backtrace\n",
     "shape.rs", DIED | EXITED},
    {"[Error: backend failed] {\n  [cause]: Error: WebGPU adapter is lost\n      at f "
     "(/tmp/a.js:2:1)\n}\n\nNode.js v20.11.0\n",
     "WebGPU adapter is lost", EXITED},
    {"2024-05-20 12:34:56,789 - ERROR - converter - unsupported op: aten::foo\n2024-05-20 12:34:56,790 - "
     "INFO - converter - cleaning up\n",
     "unsupported op: aten::foo", EXITED},
    {"  File \"/a/run.py\", line 1\n    x = = 1\n        ^\nSyntaxError: invalid syntax\n", "invalid syntax",
     EXITED},
    {"a.c:3:5: runtime error: division by zero\nSUMMARY: UndefinedBehaviorSanitizer: undefined-behavior "
     "a.c:3:5 in \n",
     "division by zero", DIED | EXITED},
    {"==12==WARNING: MemorySanitizer: use-of-uninitialized-value\n    #0 0x1 in gemm /a/gemm.c:3:5\nSUMMARY: "
     "MemorySanitizer: use-of-uninitialized-value /a/gemm.c:3:5 in gemm\nExiting\n",
     "use-of-uninitialized-value", DIED | EXITED},
    {"==1==AddressSanitizer CHECK failed: ../../../../src/libsanitizer/asan/asan_thread.cpp:367 \"((ptr[0] "
     "== kCurrentStackFrameMagic)) != (0)\" (0x0, 0x0)\n    #0 0x1 in f\n",
     "kCurrentStackFrameMagic", DIED},
    {"Fatal glibc error: malloc.c:2599 (sysmalloc): assertion failed: (old_top == initial_top (av) && "
     "old_size == 0) || ((unsigned long) (old_size) >= MINSIZE)\n",
     "sysmalloc", DIED | EXITED},
    {"a.out: ./nptl/pthread_mutex_lock.c:94: ___pthread_mutex_lock: Assertion `mutex->__data.__owner == 0' "
     "failed.\n",
     "__owner ==", DIED | EXITED},
    {"The futex facility returned an unexpected error code.\n", "futex facility", DIED},
    {"Inconsistency detected by ld.so: dl-lookup.c: 105: check_match: Assertion `version->filename == NULL' "
     "failed!\n",
     "version->filename == NULL", DIED | EXITED},
    {"./a: /lib/x86_64-linux-gnu/libc.so.6: version `GLIBC_2.38' not found (required by ./a)\n", "GLIBC_",
     EXITED},
    {"libgcc_s.so.1 must be installed for pthread_exit to work\nAborted (core dumped)\n",
     "must be installed for pthread_exit", DIED},
    {"/usr/lib/llvm-17/include/c++/v1/vector:1393: assertion __n < size() failed: vector[] index out of "
     "bounds\n",
     "index out of bounds", DIED},
    {"gemm.cpp\r\nC:\\src\\gemm.cpp(12): error C2065: 'half4': undeclared identifier\r\nNMAKE : fatal error "
     "U1077: 'cl.exe' : return code '0x2'\r\nStop.\r\n",
     "undeclared identifier", EXITED},
    {"  0%|          | 0/10 [00:00<?, ?it/s]\r "
     "50%|\342\226\210\342\226\210\342\226\210\342\226\210\342\226\210     | 5/10 [00:01<00:01,  "
     "4.98it/s]a.out: x.c:12: run: Assertion `n > 0' failed.\n",
     "Assertion `n >", DIED | EXITED},
    {"\033[2m2024-05-20T12:34:56.789012Z\033[0m \033[31mERROR\033[0m "
     "\033[2mrunner::exec\033[0m\033[2m:\033[0m failed to bind buffer "
     "\033[3mindex\033[0m\033[2m=\033[0m3\n\033[2m2024-05-20T12:34:57.789012Z\033[0m \033[32m INFO\033[0m "
     "bye\n",
     "failed to bind buffer", EXITED},
    {"time=\"2024-05-20T12:34:56Z\" level=warning msg=\"slow\"\ntime=\"2024-05-20T12:34:56Z\" level=fatal "
     "msg=\"no GPU with compute capability\"\n",
     "no GPU with compute capability", EXITED},
    {"{\"level\":\"error\",\"ts\":1716200000.1,\"msg\":\"engine refused: bad "
     "plan\"}\n{\"level\":\"info\",\"ts\":1716200000.2,\"msg\":\"exit\"}\n",
     "engine refused: bad plan", EXITED},
    {"terminate called after throwing an instance of 'std::invalid_argument'\n[worker 3] step 12 done\n  "
     "what():  stride must be positive\n",
     "stride must be positive", DIED | EXITED},
    {"Erreur de mod\350le\nterminate called after throwing an instance of 'Err'\n  what():  mod\350le "
     "inconnu\n",
     "mod?le inconnu", DIED | EXITED},
    {"/usr/bin/ld: cannot find -lonnxruntime: No such file or directory\ncollect2: error: ld returned 1 exit "
     "status\n",
     "cannot find -lonnxruntime", EXITED},
    {"FAILED: a.o \ncc -c a.c -o a.o\na.c:3:1: error: unknown type name 'half'\nninja: build stopped: "
     "subcommand failed.\n",
     "unknown type name 'half'", EXITED},
    {"npm ERR! code ELIFECYCLE\nnpm ERR! errno 1\nnpm ERR! x@1.0.0 start: `node a.js`\nnpm ERR! Exit status "
     "1\n",
     "ELIFECYCLE", EXITED},
    {"RuntimeError: no such device: npu\nDEPRECATION: Python 2.7 reached the end of its life\n[notice] A new "
     "release of pip is available: 23.0 -> 24.0\n",
     "no such device", EXITED},
    {"Can't locate Foo.pm in @INC (you may need to install the Foo module) (@INC contains: /etc/perl) at "
     "a.pl line 1.\nBEGIN failed--compilation aborted at a.pl line 1.\n",
     "Foo.pm", EXITED},
    {"/bin/sh: 1: coreai-build: not found\n", "coreai-build: not found", EXITED},
    {"*** buffer overflow detected ***: terminated\n", "buffer overflow detected", DIED | EXITED},
    {"BUG IN CLIENT OF LIBMALLOC: memory corruption of free block\n", "memory corruption of free block",
     DIED},
    {"libc++abi: terminating due to uncaught exception of type vk::DeviceLostError: "
     "vk::Device::waitForFences: ErrorDeviceLost\n",
     "ErrorDeviceLost", DIED | EXITED},
    {"x.cu(12): error: identifier \"half4\" is undefined\n      half4 a;\n      ^\n\n1 error detected in the "
     "compilation of \"x.cu\".\n",
     "half4", EXITED},
    {"ptxas /tmp/tmpxft_1.ptx, line 44; error   : Module-scoped variables in .shared state space are not "
     "allowed\nptxas fatal   : Ptx assembly aborted due to errors\n",
     "Module-scoped variables", EXITED},
    {"lld: error: undefined hidden symbol: __ockl_x\n>>> referenced by a.o:(f)\nclang: error: amdgcn-link "
     "command failed with exit code 1 (use -v to see invocation)\n",
     "__ockl_x", EXITED},
    {"program.metal:3:12: error: use of undeclared identifier 'simd_foo'\n  x = simd_foo(1);\n      ^\n1 "
     "error generated.\n",
     "simd_foo", EXITED},
    {"coremlc: error: compiler error:  Error reading protobuf spec. validator error: Layer 'conv_3' consumes "
     "an input named 'w' which is not present in this network.\n",
     "which is not present", EXITED},
    {"2024-05-20 12:00:00.123 python3[99:1234] [mil] MILCompiler error: Invalid operand for op reshape: rank "
     "6 exceeds 5\n2024-05-20 12:00:00.125 python3[99:1234] [coreml] Failed to compile\n",
     "rank", EXITED},
    {"[ANE] ANECCompile() FAILED: err=(\n)\nError Domain=com.apple.appleneuralengine.compiler Code=1 "
     "UserInfo={\n    ErrorList = (\n        \"Unsupported kernel width 33\"\n    );\n}\n",
     "Unsupported kernel width", EXITED},
    {"[12:34:56] :22: Error: can't find op Foo\nReshape error: 3\ncode=3 in onForward 364\n",
     "can't find op Foo", EXITED},
    {"0.0ms [ ERROR ] <E> QnnDsp <E> Graph prepare failed: op Foo is not supported (6999)\n0.1ms [ ERROR ] "
     "Failed to finalize graph\n",
     "op Foo is not supported", EXITED},
    {"error: operand #0 does not dominate this use\nnote: operand defined here\nTraceback (most recent call "
     "last):\n  File \"k.py\", line 9, in <module>\nRuntimeError: PassManager::run failed\n",
     "does not dominate", EXITED},
    {"python: /triton/lib/Dialect/TritonGPU/Transforms/Utility.cpp:230: int mlir::f(): Assertion `numWarps % "
     "4 == 0 && \"warps\"' failed.\nAborted (core dumped)\n",
     "numWarps %", DIED | EXITED},
    {"Error: failed to load model\n\nCaused by:\n    0: could not parse header\n    1: unexpected end of "
     "file at byte 12\n",
     "unexpected end of file", EXITED},
    {"\nthread 'main' has overflowed its stack\nfatal runtime error: stack overflow\n", "stack overflow",
     DIED},
    {"2024/05/20 12:34:56 failed to load model: gguf: bad magic\nexit status 1\n", "bad magic", EXITED},
    {"time=2024-05-20T12:34:56.789Z level=ERROR source=sched.go:12 msg=\"error loading llama server\" "
     "error=\"llama runner process has terminated: exit status 2\"\n",
     "error loading llama server", EXITED},
    {"llama_model_load: error loading model: unknown model architecture: 'foo'\nllama_load_model_from_file: "
     "failed to load model\nmain: error: unable to load model\n",
     "unknown model architecture", EXITED},
    {"CUDA error: out of memory\n  current device: 0, in function alloc at /x/ggml-cuda.cu:370\n  "
     "cuMemCreate(&handle, reserve_size, &prop, 0)\n/x/ggml-cuda.cu:70: CUDA error\n",
     "CUDA error: out of memory", DIED},
    {"libc++abi: terminating due to uncaught exception of type std::runtime_error: [metal::load_device] No "
     "Metal device available.\n",
     "No Metal device", DIED | EXITED},
    {"Error: Unable to initialize main class Main\nCaused by: java.lang.NoClassDefFoundError: "
     "ai/onnxruntime/OrtException\n",
     "NoClassDefFoundError: ai/onnx", EXITED},
    {"2024-05-20 12:34:56.789 [main] ERROR c.e.Runner - cannot allocate arena of 12 "
     "bytes\njava.lang.IllegalStateException: arena\n\tat c.e.Runner.run(Runner.kt:12)\n",
     "arena", EXITED},
    {"RuntimeError: Aborted(Assertion failed: no such session). Build with -sASSERTIONS for more info.\n    "
     "at abort (/a/ort.js:1:1)\n    at f (wasm://wasm/00a:wasm-function[12]:0x3)\n\nNode.js v20\n",
     "no such session", EXITED},
    {"error: Uncaught (in promise) TypeError: no adapter\n    at file:///tmp/a.ts:3:9\n", "no adapter",
     EXITED},
    {"a.rb:3:in `f': undefined method `run' for nil:NilClass (NoMethodError)\n\tfrom a.rb:9:in `<main>'\n",
     "undefined method `run'", EXITED},
    {"error: operator *: nonconformant arguments (op1 is 3x4, op2 is 5x6)\nerror: called from\n    f at line "
     "3 column 5\n",
     "nonconformant arguments", EXITED},
    {"Error in solve.default(a) : \n  Lapack routine dgesv: system is exactly singular: U[2,2] = 0\nCalls: f "
     "-> solve -> solve.default\nExecution halted\n",
     "exactly singular", EXITED},
    {"lua: a.lua:3: attempt to index a nil value (global 'model')\nstack traceback:\n\ta.lua:3: in main "
     "chunk\n\t[C]: in ?\n",
     "attempt to index a nil value", EXITED},
    {"PHP Fatal error:  Uncaught TypeError: f(): Argument #1 must be of type int, string given in "
     "/a.php:3\nStack trace:\n#0 /a.php(9): f()\n#1 {main}\n  thrown in /a.php on line 3\n",
     "must be of type int", EXITED},
    {"prog: Prelude.head: empty list\nCallStack (from HasCallStack):\n  error, called at "
     "libraries/base/GHC/List.hs:1646:3 in base:GHC.List\n  errorEmptyList, called at x\n",
     "empty list", EXITED},
    {"Fatal error: exception Invalid_argument(\"index out of bounds\")\nRaised by primitive operation at "
     "Dune__exe__Main in file \"main.ml\", line 3, characters 2-9\n",
     "index out of bounds", EXITED},
    {"thread 1234 panic: index out of bounds: index 5, len 3\n/tmp/a.zig:3:9: 0x1034 in main (a)\n    x[5] = "
     "1;\n        ^\n",
     "index out of bounds", DIED},
    {"terminate called after throwing an instance of 'std::system_error'\n  what():  Resource temporarily "
     "unavailable\n",
     "Resource temporarily unavailable", DIED | EXITED},
    {"terminate called after throwing an instance of 'std::filesystem::__cxx11::filesystem_error'\n  what(): "
     " filesystem error: cannot open file: No such file or directory [/tmp/ab/x.onnx]\n",
     "cannot open file", DIED | EXITED},
    {"gsl: init.c:12: ERROR: matrix dimension n1 must be positive integer\nDefault GSL error handler "
     "invoked.\n",
     "must be positive integer", DIED},
    {"Traceback (most recent call last):\n  File \"a.py\", line 1, in <module>\ncv2.error: OpenCV(4.8.0) "
     "/b/x.cpp:246: error: (-215:Assertion failed) !empty() in function 'detectMultiScale'\n\n",
     "!empty()", EXITED},
    {"Warning: x\nDawn Error: Validation: Binding size (123) is larger than the maximum binding size "
     "(100).\n - While validating entries[0] as a Buffer.\nUncaptured error\n",
     "larger than the maximum binding size", EXITED},
    {"error: line 33: Invalid SPIR-V: OpTypeInt width 16 needs Int16\nFAILED\n", "needs Int", EXITED},
    {"/a/q.c:7:9: runtime error: load of misaligned address 0x01 for type 'float', which requires 4 byte "
     "alignment\n0x01: note: pointer points here\n 00 00\n",
     "misaligned address", DIED | EXITED},
    {"Exception thrown at 0x00007FF6 in x.exe: 0xC0000005: Access violation reading location "
     "0x0000000000000010.\r\n",
     "Access violation reading location", EXITED},
    {"Assertion failed: rank > 0, file C:\\src\\shape.cpp, line 44\r\n", "Assertion failed: rank >",
     DIED | EXITED},
    {"/a/M.swift:3:5: error: cannot find 'foo' in scope\n    foo()\n    ^~~\n** BUILD FAILED **\n\nThe "
     "following build commands failed:\n\tSwiftCompile normal arm64 /a/M.swift\n(1 failure)\n",
     "cannot find 'foo' in scope", EXITED},
    {"\033[1;33mwarning\033[0m: slow\r\nDownloading: "
     "100%|\033["
     "32m\342\226\210\342\226\210\342\226\210\342\226\210\342\226\210\342\226\210\342\226\210\342\226\210\342"
     "\226\210\342\226\210\033[0m| 12.0M/12.0M [00:01<00:00, 9.1MB/s]\r\n\033[1;31mFatal:\033[0m kernel "
     "image is invalid for sm_120\r\n",
     "kernel image is invalid", EXITED},
    {"\377\376 broken \303\nI0520 12:34:56.7 1 a.cc:1] hi\nF0520 12:34:56.7 1 b.cc:9] Check failed: scale != "
     "0 for \377\377\n",
     "Check failed: scale !=", DIED | EXITED},
    {"thread 'w1' panicked at src/a.rs:3:1:\nno lane\nthread 'w2' panicked at src/a.rs:3:1:\nno lane\n",
     "no lane", DIED | EXITED},
    {"./prog: symbol lookup error: /x/libfoo.so: undefined symbol: OrtGetApiBase, version VERS_1.22.0\n",
     "OrtGetApiBase", EXITED},
    {"bash: line 1: ./tool: Permission denied\n", "Permission denied", EXITED},
    {"curl: (28) Connection timed out after 10001 milliseconds\n", "Connection timed out", EXITED},
    {"MLX/Ops.swift:231: Precondition failed: shapes must match\n", "shapes must match", DIED},
    {"Swift/ErrorType.swift:253: Fatal error: Error raised at top level: CoreML.MLModelError(_nsError: Error "
     "Domain=com.apple.CoreML Code=3 \"feature x is missing\")\n",
     "feature x is missing", DIED | EXITED},
    {"coreai-build: error: lowering of 'scatter_nd' is not implemented for the neural engine\ncoreai-build: "
     "note: while compiling function main\nerror: compilation failed\n",
     "lowering of 'scatter_nd'", EXITED},
    {"<unknown>:0: error: 'llvm.func' op cannot be converted to LLVM IR: missing "
     "`LLVMTranslationDialectInterface` registration\n",
     "missing `LLVMTranslationDialectInterface`", EXITED},
    {"error: 'stablehlo.dot_general' op inferred shape '[3, 4]' is incompatible with return type of "
     "operation tensor<3x5xf32>\nerror: Pass pipeline failed: failed to run pass pipeline\n",
     "is incompatible with return type", EXITED},
    {"RuntimeError: Error in dlopen: libnvrtc.so.12: cannot open shared object file: No such file or "
     "directory\n",
     "libnvrtc", EXITED},
    {"onnx.onnx_cpp2py_export.checker.ValidationError: Nodes in a graph must be topologically sorted, "
     "however input 'q' of node:\nname: attn OpType: MatMul\n is not output of any previous nodes.\n",
     "topologically sorted", EXITED},
    {"(Worker pid=123, ip=10.0.0.1) Traceback (most recent call last):\n(Worker pid=123, ip=10.0.0.1)   File "
     "\"a.py\", line 3, in f\n(Worker pid=123, ip=10.0.0.1) RuntimeError: lane mask is empty\n",
     "lane mask is empty", EXITED},
    {"exec /usr/bin/tool: exec format error\n", "exec format error", EXITED},
    {"Loading...\r\nAssertion failed: kernel != nullptr, file ..\\src\\exec.cpp, line 88\r\n\r\nabnormal "
     "program termination\r\n",
     "kernel != nullptr", DIED},
    {"\342\235\214 Export failed: op `grid_sample` has no lowering\n", "grid_sample", EXITED},
    {"\342\240\213 compiling\r\342\240\231 compiling\r\342\240\271 compiling\r\342\234\226 compile: fused op "
     "rejected\n",
     "fused op rejected", EXITED},
    {"thread 'main' panicked at src/x.rs:1:1:\nring is empty\nnote: run with `RUST_BACKTRACE=1` environment "
     "variable to display a backtrace\nDropping allocator\nleaked 3 buffers\nWARN leaking\n",
     "ring is empty", DIED | EXITED},
    {"QFATAL : T::t() ASSERT: \"tensor.isValid()\" in file t.cpp, line 3\n", "tensor.isValid()", DIED},
    {"(app:123): GLib-ERROR **: 12:34:56.789: failed to allocate 18446744073709551615 bytes\n",
     "failed to allocate", DIED},
    {"**\nERROR:../src/graph.c:99:graph_run: assertion failed (n_nodes == 4): (3 == 4)\nBail out! "
     "ERROR:../src/graph.c:99:graph_run: assertion failed (n_nodes == 4): (3 == 4)\n",
     "n_nodes ==", DIED | EXITED},
    {"dbus[12]: arguments to f() were incorrect, assertion \"x != NULL\" failed in file ../a.c line 9.\n",
     "x != NULL", DIED},
    {"X Error of failed request:  BadAlloc (insufficient resources for operation)\n  Major opcode of failed "
     "request:  151 (GLX)\n  Serial number of failed request:  29\n",
     "BadAlloc", EXITED},
    {"terminate called after throwing an instance of 'sycl::_V1::exception'\n  what():  No device of "
     "requested type 'info::device_type::gpu' available. -1 (PI_ERROR_DEVICE_NOT_FOUND)\n",
     "No device of requested type", DIED | EXITED},
    {"Memory access fault by GPU node-1 (Agent handle: 0x55) on address 0x7f. Reason: Page not present or "
     "supervisor privilege.\nAborted (core dumped)\n",
     "Memory access fault by GPU", DIED},
    {"terminate called without an active exception\n", "without an active exception", DIED | EXITED},
    {"Assertion failed: p->n (a.c: f: 12)\n", "p->n", DIED},
    {"assertion \"q->head\" failed: file \"q.c\", line 12, function \"pop\"\n", "q->head", DIED},
    {"panic: index 9 beyond lanes\n\ngoroutine 1 [running]:\nmain.f(0x1)\n\t/a.go:3 +0x1\nexit status "
     "2\nmake: *** [Makefile:3: run] Error 1\n",
     "index <n> beyond lanes", EXITED},
};

Test(last_words, tell_the_cause)
{
    for (size_t i = 0; i < TL_COUNT(told); i++)
        for (int k = DIED; k <= EXITED; k++) {
            char *m = told[i].ends & k ? said(told[i].text, k == DIED) : NULL;
            cr_expect(!(told[i].ends & k) || (m && strstr(m, told[i].cause)), "%s\n%s: %s", told[i].text,
                      k == DIED ? "died" : "exited", m ? m : "nothing");
            free(m);
        }
}

/* The same failure with other numbers, places and names, and another one that ends in the same words. */
static const struct {
    const char *one, *other;
    bool same, died;
} pairs[] = {
    {"Unknown mask for vector shuffle!\nUNREACHABLE executed at /llvm/lib/CodeGen/Foo.cpp:44!\nPLEASE submit "
     "a bug report\nStack dump:\n0.\tProgram arguments: llc x.ll\n",
     "Bad element count!\nUNREACHABLE executed at /llvm/lib/CodeGen/Foo.cpp:46!\nPLEASE submit a bug "
     "report\n",
     false, true},
    {"[12:34:56] /tvm/src/runtime/graph.cc:123: InternalError: Check failed: (it != end) is false: Cannot "
     "find input data_0\nStack trace:\n  0: f\n  1: g\n",
     "[02:04:06] /home/x/tvm/src/runtime/graph.cc:129: InternalError: Check failed: (it != end) is false: "
     "Cannot find input data_7\nStack trace:\n  0: f\n",
     true, true},
    {"/a/m.mlir:5:10: error: failed to legalize operation 'torch.aten.unfold' that was explicitly marked "
     "illegal\n    %1 = torch.aten.unfold %0\n         ^\n/a/m.mlir:5:10: note: see current operation: %4 = "
     "\"torch.aten.unfold\"(%3) : (i64) -> i64\n",
     "/a/m.mlir:5:10: error: failed to legalize operation 'torch.aten.fold' that was explicitly marked "
     "illegal\n    %1 = torch.aten.fold %0\n/a/m.mlir:5:10: note: see current operation: %4 = "
     "\"torch.aten.fold\"(%3)\n",
     false, false},
    {"panic: runtime error: index out of range [5] with length 3\n\ngoroutine 1 "
     "[running]:\nmain.main()\n\t/tmp/a.go:5 +0x1d\nexit status 2\n",
     "panic: runtime error: index out of range [7] with length 4\n\ngoroutine 17 "
     "[running]:\nmain.main()\n\t/tmp/b.go:9 +0x1d\n",
     true, true},
    {"thread 'main' panicked at src/shape.rs:12:5:\nassertion `left == right` failed\n  left: 3\n right: "
     "4\nnote: run with `RUST_BACKTRACE=1` environment variable to display a backtrace\n",
     "thread 'main' panicked at src/shape.rs:14:5:\nassertion `left == right` failed\n  left: 13\n right: "
     "14\nnote: run with `RUST_BACKTRACE=1` environment variable to display a backtrace\n",
     true, true},
    {"thread 'main' panicked at src/shape.rs:12:5:\nassertion `left == right` failed\n  left: 3\n right: "
     "4\nnote: run with `RUST_BACKTRACE=1` environment variable to display a backtrace\n",
     "thread 'main' panicked at src/dtype.rs:12:5:\nassertion `left == right` failed\n  left: 3\n right: "
     "4\nnote: run with `RUST_BACKTRACE=1` environment variable to display a backtrace\n",
     false, true},
    {"Traceback (most recent call last):\n  File \"/a/run.py\", line 9, in <module>\n    check(x)\n  File "
     "\"/a/run.py\", line 4, in check\n    assert len(shape) == 4\n           "
     "^^^^^^^^^^^^^^^\nAssertionError\n",
     "Traceback (most recent call last):\n  File \"/a/run.py\", line 9, in <module>\n    check(x)\n  File "
     "\"/a/run.py\", line 5, in check\n    assert dtype == 'float32'\n           "
     "^^^^^^^^^^^^^^^\nAssertionError\n",
     false, false},
    {"a.c:3:5: runtime error: division by zero\nSUMMARY: UndefinedBehaviorSanitizer: undefined-behavior "
     "a.c:3:5 in \n",
     "a.c:9:5: runtime error: shift exponent 33 is too large for 32-bit type 'int'\nSUMMARY: "
     "UndefinedBehaviorSanitizer: undefined-behavior a.c:9:5 in \n",
     false, true},
    {"/usr/lib/llvm-17/include/c++/v1/vector:1393: assertion __n < size() failed: vector[] index out of "
     "bounds\n",
     "/usr/lib/llvm-17/include/c++/v1/vector:640: assertion !empty() failed: front() called on an empty "
     "vector\n",
     false, true},
    {"  0%|          | 0/10 [00:00<?, ?it/s]\r "
     "50%|\342\226\210\342\226\210\342\226\210\342\226\210\342\226\210     | 5/10 [00:01<00:01,  "
     "4.98it/s]a.out: x.c:12: run: Assertion `n > 0' failed.\n",
     " 70%|\342\226\210\342\226\210\342\226\210\342\226\210\342\226\210\342\226\210\342\226\210   | 7/10 "
     "[00:01<00:01,  4.98it/s]a.out: x.c:14: run: Assertion `n > 0' failed.\n",
     true, true},
    {"CMake Error at CMakeLists.txt:12 (find_package):\n  By not providing \"FindFoo.cmake\" in "
     "CMAKE_MODULE_PATH this project has\n  asked CMake to find a package configuration file provided by "
     "\"Foo\".\n\n-- Configuring incomplete, errors occurred!\n",
     "CMake Error at CMakeLists.txt:12 (message):\n  The compiler is too old\n\n-- Configuring incomplete, "
     "errors occurred!\n",
     false, false},
    {"coremlc: error: compiler error:  Error reading protobuf spec. validator error: Layer 'conv_3' consumes "
     "an input named 'w' which is not present in this network.\n",
     "coremlc: error: compiler error:  Error reading protobuf spec. validator error: Layer 'linear_9' "
     "consumes an input named 'w' which is not present in this network.\n",
     true, false},
    {"loc(\"x\"): error: 'mps.matmul' op contracting dimensions differ 3 & 4\nloc(\"x\"): note: see current "
     "operation\n/AppleInternal/x/MPSGraphExecutable.mm:975: failed assertion `original module failed "
     "verification'\n",
     "loc(\"zz\"(\"/k/m.py\":33:1)): error: 'mps.matmul' op contracting dimensions differ 8 & "
     "1\nloc(\"zz\"): note: see current operation\n/AppleInternal/x/MPSGraphExecutable.mm:1975: failed "
     "assertion `original module failed verification'\n",
     true, true},
    {"loc(\"x\"): error: 'mps.matmul' op contracting dimensions differ 3 & 4\nloc(\"x\"): note: see current "
     "operation\n/AppleInternal/x/MPSGraphExecutable.mm:975: failed assertion `original module failed "
     "verification'\n",
     "loc(\"x\"): error: 'mps.conv_3d' op groups must divide "
     "channels\n/AppleInternal/x/MPSGraphExecutable.mm:975: failed assertion `original module failed "
     "verification'\n",
     false, true},
    {"Error Domain=com.apple.CoreML Code=0 \"Failed to build the model execution plan using a model "
     "architecture file '/private/var/x/model.mil' with error code: -14.\" "
     "UserInfo={NSLocalizedDescription=Failed}\n",
     "Error Domain=com.apple.CoreML Code=0 \"Failed to build the model execution plan using a model "
     "architecture file '/private/var/x/model.mil' with error code: -5.\" "
     "UserInfo={NSLocalizedDescription=Failed}\n",
     false, false},
    {"E 00:00:00.000200 executorch:operator_registry.cpp:241] kernel 'aten::foo.out' not found.\nE "
     "00:00:00.000201 executorch:method.cpp:704] There are 1 instructions don't have corresponding operator "
     "registered.\n",
     "E 00:00:01.100200 executorch:operator_registry.cpp:249] kernel 'aten::foo.out' not found.\nE "
     "00:00:01.100201 executorch:method.cpp:710] There are 7 instructions don't have corresponding operator "
     "registered.\n",
     true, false},
    {"2024/05/20 12:34:56 failed to load model: gguf: bad magic\nexit status 1\n",
     "2025/06/21 02:04:06 failed to load model: gguf: bad magic\nexit status 1\n", true, false},
    {"llama_model_load: error loading model: unknown model architecture: 'foo'\nllama_load_model_from_file: "
     "failed to load model\nmain: error: unable to load model\n",
     "llama_model_load: error loading model: missing tensor 'token_embd.weight'\nllama_load_model_from_file: "
     "failed to load model\nmain: error: unable to load model\n",
     false, false},
    {"CUDA error: out of memory\n  current device: 0, in function alloc at /x/ggml-cuda.cu:370\n  "
     "cuMemCreate(&handle, reserve_size, &prop, 0)\n/x/ggml-cuda.cu:70: CUDA error\n",
     "CUDA error: an illegal memory access was encountered\n  current device: 0, in function sync at "
     "/x/ggml-cuda.cu:2370\n  cudaStreamSynchronize\n/x/ggml-cuda.cu:70: CUDA error\n",
     false, true},
    {"thread 1234 panic: index out of bounds: index 5, len 3\n/tmp/a.zig:3:9: 0x1034 in main (a)\n    x[5] = "
     "1;\n        ^\n",
     "thread 99 panic: index out of bounds: index 7, len 4\n/tmp/b.zig:3:9: 0x1034 in main (a)\n", true,
     true},
    {"terminate called after throwing an instance of 'std::filesystem::__cxx11::filesystem_error'\n  what(): "
     " filesystem error: cannot open file: No such file or directory [/tmp/ab/x.onnx]\n",
     "terminate called after throwing an instance of 'std::filesystem::__cxx11::filesystem_error'\n  what(): "
     " filesystem error: cannot open file: No such file or directory [/home/q/y.onnx]\n",
     true, true},
    {"/a/q.c:7:9: runtime error: load of misaligned address 0x01 for type 'float', which requires 4 byte "
     "alignment\n0x01: note: pointer points here\n 00 00\n",
     "/z/q.c:9:9: runtime error: load of misaligned address 0x0f for type 'float', which requires 4 byte "
     "alignment\n0x0f: note: pointer points here\n 01 00\n",
     true, true},
    {"Assertion failed: rank > 0, file C:\\src\\shape.cpp, line 44\r\n",
     "Assertion failed: rank > 0, file D:\\ci\\shape.cpp, line 48\r\n", true, true},
    {"./prog: symbol lookup error: /x/libfoo.so: undefined symbol: OrtGetApiBase, version VERS_1.22.0\n",
     "./prog: symbol lookup error: /x/libfoo.so: undefined symbol: OrtSessionOptionsAppend, version "
     "VERS_1.22.0\n",
     false, false},
    {"/AppleInternal/Library/BuildRoots/x/MPSCore/Types/MPSNDArray.mm:891: failed assertion "
     "`[MPSTemporaryNDArray initWithDevice:descriptor:isTextureBacked:] Error: product of dimension sizes > "
     "2**31'\n",
     "/AppleInternal/Library/BuildRoots/yy/MPSCore/Types/MPSNDArray.mm:788: failed assertion "
     "`[MPSTemporaryNDArray initWithDevice:descriptor:isTextureBacked:] Error: product of dimension sizes > "
     "2**31'\n",
     true, true},
    {"coreai-build: error: lowering of 'scatter_nd' is not implemented for the neural engine\ncoreai-build: "
     "note: while compiling function main\nerror: compilation failed\n",
     "coreai-build: error: lowering of 'top_k' is not implemented for the neural engine\ncoreai-build: note: "
     "while compiling function main\nerror: compilation failed\n",
     false, false},
    {"during RTL pass: expand\nk.c: In function 'f':\nk.c:9:1: internal compiler error: Segmentation "
     "fault\n0x7f crash_signal\n\t../../src/gcc/toplev.cc:314\n0x55 expand_call(tree_node*, rtx_def*, "
     "int)\n\t../../src/gcc/calls.cc:9\nPlease submit a full bug report\n",
     "during RTL pass: reload\nk.c: In function 'f':\nk.c:9:1: internal compiler error: Segmentation "
     "fault\n0x7f crash_signal\n\t../../src/gcc/toplev.cc:314\n0x55 "
     "lra_assign(bool)\n\t../../src/gcc/lra.cc:9\nPlease submit a full bug report\n",
     false, false},
    {"ERROR 05-20 12:34:56 engine.py:12] Traceback (most recent call last):\nERROR 05-20 12:34:56 "
     "engine.py:12]   File \"/a/b.py\", line 3, in f\nERROR 05-20 12:34:56 engine.py:12] ValueError: head "
     "size 80 is not supported by PagedAttention\n",
     "ERROR 06-21 02:04:06 engine.py:19] Traceback (most recent call last):\nERROR 06-21 02:04:06 "
     "engine.py:19]   File \"/a/q.py\", line 8, in f\nERROR 06-21 02:04:06 engine.py:19] ValueError: head "
     "size 96 is not supported by PagedAttention\n",
     true, false},
    {"(Worker pid=123, ip=10.0.0.1) Traceback (most recent call last):\n(Worker pid=123, ip=10.0.0.1)   File "
     "\"a.py\", line 3, in f\n(Worker pid=123, ip=10.0.0.1) RuntimeError: lane mask is empty\n",
     "(Worker pid=99, ip=10.0.0.7) Traceback (most recent call last):\n(Worker pid=99, ip=10.0.0.7)   File "
     "\"a.py\", line 4, in f\n(Worker pid=99, ip=10.0.0.7) RuntimeError: lane mask is empty\n",
     true, false},
    {"\342\235\214 Export failed: op `grid_sample` has no lowering\n",
     "\342\235\214 Export failed: op `affine_grid` has no lowering\n", false, false},
    {"**\nERROR:../src/graph.c:99:graph_run: assertion failed (n_nodes == 4): (3 == 4)\nBail out! "
     "ERROR:../src/graph.c:99:graph_run: assertion failed (n_nodes == 4): (3 == 4)\n",
     "**\nERROR:../src/graph.c:109:graph_run: assertion failed (n_nodes == 4): (7 == 4)\nBail out! "
     "ERROR:../src/graph.c:109:graph_run: assertion failed (n_nodes == 4): (7 == 4)\n",
     true, true},
    {"Memory access fault by GPU node-1 (Agent handle: 0x55) on address 0x7f. Reason: Page not present or "
     "supervisor privilege.\nAborted (core dumped)\n",
     "Memory access fault by GPU node-1 (Agent handle: 0x99) on address 0x8f. Reason: Page not present or "
     "supervisor privilege.\nAborted (core dumped)\n",
     true, true},
};

Test(last_words, tell_failures_apart)
{
    for (size_t i = 0; i < TL_COUNT(pairs); i++) {
        char *a = said(pairs[i].one, pairs[i].died), *b = said(pairs[i].other, pairs[i].died);
        cr_expect(a && b && !strcmp(a, b) == pairs[i].same, "%s\n%s\n%s", pairs[i].one, a ? a : "nothing",
                  b ? b : "nothing");
        free(a);
        free(b);
    }
}

Test(last_words, on_the_other_stream)
{
    static const struct {
        const char *err, *out, *cause;
    } streams[] = {
        {"make: *** [Makefile:3: model.bin] Error 1\n", "model.py: error: opset 25 is new\n",
         "opset 25 is new"},
        {"FAILED\n", "ERROR: dtype f8 is not known\n1 failed\n", "dtype f8 is not known"},
        {"Aborted\n", "Assertion failed: layout != NULL, file layout.c\n", "layout != NULL"},
        {"tool: cannot read m.onnx\n", "0 errors: all is well\n", "cannot read m.onnx"},
        {"error: test failed, to rerun pass `--lib`\n", "thread 't' panicked at lib.rs:9:9:\nbad stride\n",
         "bad stride"},
    };
    for (size_t i = 0; i < TL_COUNT(streams); i++) {
        char *m = tl_find_complaint_of(streams[i].err, strlen(streams[i].err), streams[i].out,
                                       strlen(streams[i].out));
        cr_expect(m && strstr(m, streams[i].cause), "%s: %s", streams[i].err, m ? m : "nothing");
        free(m);
    }
}

/* Of a stream in pieces of any size, the notable lines with those that follow them, and the last of too many. */
Test(last_words, from_the_middle)
{
    static const char first[] = "Check failed: rank > 3\nwhy: no\nweights ";
    for (size_t piece = 1; piece < 5000; piece = piece * 3 + 1) {
        struct tl_buffer b = TL_BUFFER_INIT;
        for (int i = 0; i < 3000; i++)
            tl_buffer_printf(&b, "weights %d 0.25 0.5\n%s", i,
                             i == 1500 ? "Check failed: rank > 3\nwhy: no\n" : "");
        struct tl_notable n = {0};
        for (size_t at = 0; at < b.size; at += piece)
            tl_notable_feed(&n, b.data + at, piece < b.size - at ? piece : b.size - at);
        char *kept = n.size ? strndup(n.kept, n.size) : NULL;
        cr_expect(kept && !strncmp(kept, first, strlen(first)), "%zu: %s", piece, kept ? kept : "nothing");
        free(kept);
        tl_notable_free(&n);
        tl_buffer_free(&b);
    }
    static const char *const ends[] = {"fail", "abort", "step 3: panic", "1 error"};
    for (size_t i = 0; i < TL_COUNT(ends); i++) {
        struct tl_notable last = {0};
        tl_notable_feed(&last, ends[i], strlen(ends[i]));
        tl_notable_feed(&last, "\n", 1);
        cr_expect_eq(last.size, strlen(ends[i]) + 1, "a word at the end of its line: %s", ends[i]);
        tl_notable_free(&last);
    }
    struct tl_notable n = {0};
    for (int i = 0; i < 2000; i++) {
        char line[64];
        int size = snprintf(line, sizeof line, "error %d\n", i);
        tl_notable_feed(&n, line, (size_t)size);
    }
    cr_assert_leq(n.size, TL_NOTABLE_KEPT);
    cr_assert(!memcmp(n.kept + n.size - 11, "error 1999\n", 11));
    tl_notable_free(&n);
}

/* A line may end where what stands before a time does: nothing behind it is looked at, which the lengths here let a sanitizer see. */
Test(last_words, of_a_line_that_ends_early)
{
    for (size_t n = 1; n < 200; n++) {
        char text[256];
        int size = snprintf(text, sizeof text, "%0*d\nE 5", (int)n, 0);
        char *found = tl_find_abort_message(text, (size_t)size);
        cr_assert(!found || !strchr(found, '\n'));
        free(found);
    }
}
