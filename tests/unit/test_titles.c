/* Titles of reports: what a maintainer reads in a list of issues. */
#include "harness/base/tool_name.h"
#include "reports/finding/edges.h"
#include "reports/finding/rows.h"
#include "reports/finding/title.h"
#include "reports/finding/title_failure.h"
#include "reports/finding/title_message.h"
#include "reports/page/page.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static json_t *parsed(const char *text)
{
    json_error_t e;
    json_t *j = json_loads(text, JSON_DECODE_ANY, &e);
    cr_assert(j, "%s: %s", text, e.text);
    return j;
}

static void expect_text(char *text, const char *expected)
{
    cr_expect_str_eq(text ? text : "(none)", expected);
    free(text);
}

Test(titles, the_tool_of_a_command_line)
{
    static const struct {
        const char *argv, *name, *command;
    } rows[] = {
        {"[\"/usr/bin/xcrun\",\"coreai-build\",\"compile\",\"m\",\"--output\",\"o\"]", "coreai-build",
         "compile"},
        {"[\"xcrun\",\"--sdk\",\"iphoneos\",\"coreai-build\",\"compile\"]", "coreai-build", "compile"},
        {"[\"uv\",\"run\",\"--with\",\"torch\",\"python3\",\"/x/export.py\",\"--out\",\"m\"]", "export.py",
         NULL},
        {"[\"uv\",\"run\",\"coreai.llm.export\",\"qwen\"]", "coreai.llm.export", NULL},
        {"[\"uv\",\"pip\",\"list\"]", "uv", "pip"},
        {"[\"env\",\"A=1\",\"-u\",\"B\",\"nice\",\"-n\",\"5\",\"./tool\",\"run\"]", "tool", "run"},
        {"[\"timeout\",\"-s\",\"KILL\",\"20\",\"./tool\"]", "tool", NULL},
        {"[\"/opt/python3.11\",\"-u\",\"-m\",\"mlx_lm.generate\",\"--model\",\"x\"]", "mlx_lm.generate",
         NULL},
        {"[\"python3\",\"-c\",\"import x\"]", "python3", NULL},
        {"[\"sh\",\"-c\",\"exec A=1 ./my-tool x | cat\"]", "my-tool", NULL},
        {"[\"sh\",\"-c\",\"if true; then x; fi\"]", "sh", NULL},
        {"[\"bash\",\"/x/run.sh\"]", "run.sh", NULL},
        {"[\"node\",\"tool.js\",\"crash\"]", "tool.js", NULL}, /* a value of the variant */
        {"[\"swift\",\"run\",\"-c\",\"release\",\"llm-runner\"]", "llm-runner", NULL},
        {"[\"./tool\",\"a-word-that-is-far-too-long-for-a-command\"]", "tool", NULL},
        {"[\"xcrun\"]", "xcrun", NULL},
        {"[3,null]", NULL, NULL},
        {"[]", NULL, NULL},
    };
    json_t *variant = parsed("{\"how\":\"crash\",\"n\":3}");
    for (size_t i = 0; i < TL_COUNT(rows); i++) {
        json_t *argv = parsed(rows[i].argv);
        struct tl_tool_name t = tl_tool_name_find(argv, variant);
        cr_expect_str_eq(t.name ? t.name : "", rows[i].name ? rows[i].name : "", "%s: %s", rows[i].argv,
                         t.name);
        cr_expect_str_eq(t.command ? t.command : "", rows[i].command ? rows[i].command : "", "%s: %s",
                         rows[i].argv, t.command);
        tl_tool_name_free(&t);
        json_decref(argv);
    }
    json_decref(variant);
    expect_text(tl_tool_version("coreai-build 1.0 (a stand-in)"), "1.0");
    expect_text(tl_tool_version("version: 4711 (abc)"), "4711");
    expect_text(tl_tool_version("tool v2.1.0-rc1, built today"), "2.1.0-rc1");
    expect_text(tl_tool_version("unknown: tool 2: it is not in PATH"), "(none)");
    expect_text(tl_tool_version("no number"), "(none)");
}

/* Messages in their wrappings, and the words and the place that are left. */
Test(titles, the_words_of_a_message)
{
    static const struct {
        const char *message, *words, *place;
    } rows[] = {
        {"/x/ggml/src/ggml-metal/ggml-metal.m:1234: GGML_ASSERT(buf) failed", "GGML_ASSERT(buf) failed",
         NULL},
        {"/A/MPSCore/Types/MPSNDArray.mm:893: failed assertion `[MPSNDArray, "
         "initWithBufferImpl:isUserBuffer:] Error: "
         "buffer is not large enough. Must be 64 bytes '",
         "buffer is not large enough. Must be 64 bytes", "MPSNDArray"},
        {"-[MTLDebugDevice newResidencySetWithDescriptor:error:]:2768: failed assertion `device does not "
         "support "
         "residency sets.'",
         "device does not support residency sets", NULL},
        {"loc(\"x\"): error: perm tensor length must equal input tensor rank, 4 != 8 (/A/y/G.mm:975: failed "
         "assertion "
         "`original module failed verification')",
         "perm tensor length must equal input tensor rank, 4 != 8", NULL},
        {"/opt/rh/c++/12/bits/stl_vector.h:1142: std::vector<_Tp, _Alloc>::const_reference std::vector<_Tp, "
         "_Alloc>::operator[](size_type) const [with _Tp = float; _Alloc = std::allocator<float>; size_type "
         "= long "
         "unsigned int]: Assertion '__n < this->size()' failed.",
         "__n < this->size() failed", "std::vector::operator[]"},
        {"prog: src/file.c:12: f_of_it: Assertion `n > 0' failed.", "n > 0 failed", "f_of_it"},
        {"Assertion failed: (0 <= axis && axis < 4 && \"Runtime canonicalization must simplify axes.\"), "
         "function "
         "encodeNDArrayOp, file G.mm, line 76.",
         "Runtime canonicalization must simplify axes", "encodeNDArrayOp"},
        {"Assertion failed: (a == (b)), function f, file x.c, line 3.", "a == (b) failed", "f"},
        {"Non-zero status code returned while running Slice node. Name:'result' Status Message: 'axes' has "
         "an axis "
         "outside of the tensor",
         "'axes' has an axis outside of the tensor", "Slice"},
        {"Exception during initialization: /o/graph_utils.cc:29 int "
         "onnxruntime::graph_utils::GetIndexFromName(const "
         "onnxruntime::Node&, const std::string&, bool) itr != node_args.end() was false. Attempting to get "
         "index by "
         "a name",
         "Attempting to get index by a name", "onnxruntime::graph_utils::GetIndexFromName"},
        {"/o/x.cc:232 std::size_t onnxruntime::{anonymous}::Hash(const onnx::TensorProto&) t != STRING was "
         "false. "
         "Unexpected type",
         "Unexpected type", "onnxruntime::Hash"},
        {"Error = Error Domain=com.x.engine Code=53 \"createProgramInstanceForModel:...: Program load failed "
         "— no "
         "memory (transient) (underlying=0x1)\" UserInfo={a=1} (/A/M.mm:3543: failed assertion `x')",
         "Program load failed — no memory (Code=53)", NULL},
        {"Error Domain=NSCocoaErrorDomain Code=4097 \"connection to service\" ",
         "connection to service (Code=4097)", NULL},
        {"step 2 of 3 (compile, /usr/bin/xcrun) exited with status 1; 0 was expected: KeyError: 'X'",
         "KeyError: 'X'", NULL},
        {"step 1 of 1 (execute, /usr/bin/sh) exited with status 4; 0 was expected", "exit status 4", NULL},
        {"step 2 of 2 (compile, x) fell back: it wrote \"ANECCompileOffline() failed\": ANECCompileOffline() "
         "failed: "
         "status",
         "ANECCompileOffline() failed", NULL},
        {"step 1 of 1 (compile, x) fell back: too many ane: 6, where at most 5 were expected",
         "too many ane: 6, where at most 5 were expected", NULL},
        {"step 1 of 2 (load, x) did not write \"done\", which was expected: bye", "did not write \"done\"",
         NULL},
        {"the runner did not write \"done\", which was expected", "did not write \"done\"", NULL},
        {"*** Terminating app due to uncaught exception 'NSGenericException', reason: 'Cannot provide zero "
         "devices'",
         "Cannot provide zero devices", NULL},
        {"libc++abi: terminating due to uncaught exception of type std::runtime_error: [METAL] Command "
         "buffer failed",
         "std::runtime_error: [METAL] Command buffer failed", NULL},
        {"RuntimeError: Failed (code 3) in a::b (x)", "RuntimeError: Failed (code 3) in a::b (x)", NULL},
        {"Error getting visible function:\n (null) Function f was not found\nmore",
         "Error getting visible function: "
         "(null) Function f was not found",
         NULL},
        {"Load model from /m/model.onnx failed:Node (MatMulBnFusion_Gemm) Op (Gemm) [ShapeInferenceError] "
         "First "
         "input does not have rank 2",
         "First input does not have rank 2", "Gemm"},
        {"Load model from {case_dir}/model.onnx failed:This is an invalid model. In Node, (\"n1\", Cast, "
         "\"\", "
         "-1) : (\"v1\": tensor(float),) -> (\"v2\",) , Error Required attribute 'to' is missing.",
         "Required attribute 'to' is missing", "Cast"},
        {"Load model from m.onnx failed:This is an invalid model. Type Error: Type 'tensor(int64)' of input "
         "parameter (v1) of operator (Tanh) in node (n1) is invalid.",
         "Type Error: Type 'tensor(int64)' of input parameter (v1) of operator (Tanh) in node (n1) is "
         "invalid",
         NULL},
        {"Load model from m failed:", "Load model from m failed", NULL},
        {"Node (n1) Op (", "Node (n1) Op (", NULL},
        {"In Node, (\", Error x", "In Node, (\", Error x", NULL},
        {"[METAL] Command buffer failed", "[METAL] Command buffer failed", NULL},
        {"'KEY'", "KEY", NULL},
        {"", "", NULL},
        {"step ", "step", NULL},
        {"loc(", "loc(", NULL},
        {"x.c:1:", "x.c:1", NULL},
        {"Error Domain= Code=", "", NULL},
    };
    for (size_t i = 0; i < TL_COUNT(rows); i++) {
        struct tl_title_message m;
        tl_title_message_find(rows[i].message, &m);
        cr_expect_str_eq(m.words, rows[i].words, "%s: %s", rows[i].message, m.words);
        cr_expect_str_eq(m.place ? m.place : "", rows[i].place ? rows[i].place : "", "%s: %s",
                         rows[i].message, m.place);
        tl_title_message_free(&m);
    }
}

Test(titles, are_cut_at_words_and_count_characters)
{
    expect_text(tl_title_cut("one two three", 13), "one two three");
    expect_text(tl_title_cut("one two three", 12), "one two…");
    expect_text(tl_title_cut("äöü äöü äöü", 11), "äöü äöü äöü");
    expect_text(tl_title_cut("äöü äöü äöü", 8), "äöü äöü…");
    expect_text(tl_title_cut("the buffer is too small. Must be 64 bytes", 30), "the buffer is too small");
    expect_text(tl_title_cut("the source of the buffer", 20), "the source…");
    expect_text(tl_title_cut("must equal the rank, 4 != 8", 23), "must equal the rank…");
    expect_text(tl_title_cut("averylongword", 5), "(none)");
    expect_text(tl_title_fit("averylongword", 5), "aver…");
    expect_text(tl_title_name("a::bc::def", 7), "bc::def");
    expect_text(tl_title_name("std::vector::operator[]", 18), "vector::operator[]");
    expect_text(tl_title_name("std::vector::operator[]", 12), "(none)");
    static const char signature[] = "const T &ns::C<int, D<3>>::operator()(int) const";
    expect_text(tl_title_function(signature, strlen(signature)), "ns::C::operator()");
    static const char pointer[] = "void (anonymous namespace)::f(int)";
    expect_text(tl_title_function(pointer, strlen(pointer)), "f");
}

/* A document's members, and the title that is made of them. */
static const struct {
    const char *members, *title;
} titles[] = {
    {"\"runner\":\"onnxruntime\",\"device\":\"cpu\",\"build\":{\"version\":\"1.22.0\"},\"outcome\":\"crash\","
     "\"signal\":"
     "\"SIGSEGV\",\"phase\":\"execute\",\"signature\":{\"title\":\"libonnxruntime.so!+0x10 ← "
     "libonnxruntime.so!+0x20\"},\"axes\":[{\"name\":\"attention\",\"kind\":\"choices\",\"values\":[\"sdpa\","
     "\"gqa\"]}],"
     "\"trigger\":[{\"axis\":\"attention\",\"value\":\"gqa\",\"fails_with\":[\"gqa\"]},{\"axis\":\"begin_"
     "error\","
     "\"value\":1000000}]",
     "ONNX Runtime 1.22.0 CPU: SIGSEGV while running with gqa attention, begin_error 1000000"},
    {"\"runner\":\"command\",\"device\":\"host\",\"tool\":{\"name\":\"coreai-build\",\"command\":\"compile\"}"
     ","
     "\"outcome\":\"crash\",\"signal\":\"SIGSEGV\",\"phase\":\"compile\",\"signature\":{\"title\":\"objc_"
     "release ← "
     "GPU::anePreCompileBinary ← "
     "BaseModuleRef::compileAndLoadANE\"},\"axes\":[{\"name\":\"weights\",\"kind\":"
     "\"choices\",\"values\":[\"fp16\",\"int4_block\"],\"about_values\":{\"int4_block\":\"int4 "
     "weights\"}},{\"name\":"
     "\"compute\",\"kind\":\"choices\",\"values\":[\"none\",\"neural-engine\"]}],\"trigger\":[{\"axis\":"
     "\"compute\","
     "\"value\":\"neural-engine\"},{\"axis\":\"weights\",\"value\":\"int4_block\"}]",
     "coreai-build compile: SIGSEGV in GPU::anePreCompileBinary with int4 weights, …"},
    {"\"runner\":\"onnxruntime\",\"device\":\"cpu\",\"build\":{\"version\":\"1.22.0\"},\"outcome\":\"crash\","
     "\"signal\":"
     "\"SIGSEGV\",\"phase\":\"compile\",\"signature\":{\"title\":\"stack overflow in libonnxruntime.so!+0x10 "
     "↔ "
     "libonnxruntime.so!+0x20\"},\"axes\":[{\"name\":\"depth\",\"kind\":\"range\",\"range\":[1,8000]}],"
     "\"trigger\":[{"
     "\"axis\":\"depth\",\"value\":3109,\"threshold\":3109}]",
     "ONNX Runtime 1.22.0 CPU: stack overflow (SIGSEGV) in session creation with depth ≥ 3109"},
    {"\"runner\":\"onnxruntime\",\"device\":\"cpu\",\"build\":{\"version\":\"1.30.0\"},\"builds\":{"
     "\"ranges\":[{"
     "\"first_bad\":\"1.2\",\"last_bad\":\"1.3\"},{\"first_bad\":\"1.16.3\",\"last_bad\":\"1.30.0\"}]},"
     "\"outcome\":"
     "\"crash\",\"signal\":\"SIGABRT\",\"phase\":\"compile\",\"message\":\"/x/stl_vector.h:1142: T "
     "std::vector<T>::operator[]"
     "(size_type) const [with T = int]: Assertion '__n < this->size()' "
     "failed.\",\"signature\":{\"title\":\"x\"}",
     "ONNX Runtime 1.16.3 to 1.30.0 CPU: SIGABRT in std::vector::operator[]: __n < this->size()…"},
    {"\"runner\":\"./lib/"
     "coreai-runner\",\"device\":\"default\",\"outcome\":\"wrong\",\"phase\":\"done\",\"comparison\":{"
     "\"output\":\"confidence\",\"how\":\"all "
     "zero\"},\"trigger\":[{\"axis\":\"task\",\"value\":\"pose\"},{\"axis\":"
     "\"static\",\"value\":true}]",
     "coreai-runner: output confidence all zeros with pose task, static"},
    {"\"runner\":\"command\",\"device\":\"host\",\"tool\":{\"name\":\"repro.py\"},\"outcome\":\"hang\","
     "\"phase\":\"compile\","
     "\"signature\":{\"title\":\"waiting in mach_msg2_trap ← dispatch_mach_send ← "
     "_ANEDaemonConnection_compileModel\"},"
     "\"axes\":[{\"name\":\"stride\",\"kind\":\"ordered\",\"values\":[1,2,3,4,5,6,7]}],\"trigger\":[{"
     "\"axis\":\"stride\","
     "\"value\":5,\"set\":true,\"fails_with\":[5,7],\"passes_with\":[1,2,3,4,6]}]",
     "repro.py: hang, waiting in _ANEDaemonConnection_compileModel with stride 5 or 7"},
    {"\"runner\":\"coreml\",\"device\":\"ane\",\"environment\":{\"os\":\"macOS "
     "26.3\"},\"outcome\":\"error\",\"phase\":"
     "\"execute\",\"message\":\"Feature slidingMask is required but not "
     "specified.\",\"signature\":{\"title\":\"Core ML "
     "RuntimeError: Feature slidingMask is required\"}",
     "Core ML on macOS 26.3 ANE: RuntimeError: Feature slidingMask is required but not specified"},
    {"\"runner\":\"onnxruntime\",\"device\":\"cpu\",\"build\":{\"version\":\"1.24.3\"},\"outcome\":\"wrong\","
     "\"comparison\":{"
     "\"output\":\"Y\",\"how\":\"not "
     "finite\",\"not_finite\":{\"nan\":12}},\"axes\":[{\"name\":\"filters\",\"kind\":\"range\","
     "\"range\":[1,2048]}],\"trigger\":[{\"axis\":\"filters\",\"value\":2048,\"band\":{\"never\":{\"value\":"
     "282},"
     "\"always\":{\"value\":2048}}}]",
     "ONNX Runtime 1.24.3 CPU: NaN in output Y with filters above 282 at times"},
    {"\"runner\":\"x\",\"device\":\"npu\",\"outcome\":\"crash\",\"signal\":\"SIGFPE\",\"phase\":\"execute\","
     "\"signature\":{"
     "\"title\":\"libx.so!+0x10\"},\"operator\":{\"name\":\"div_3\",\"type\":\"Div\"}",
     "x NPU: SIGFPE in Div"},
    {"\"runner\":\"onnxruntime\",\"device\":\"webgpu\",\"outcome\":\"fallback\",\"phase\":\"done\","
     "\"message\":\"ran on cpu, "
     "not on webgpu as asked\"",
     "ONNX Runtime WebGPU: fallback: ran on cpu, not on webgpu as asked"},
    {"\"runner\":\"command\",\"device\":\"host\",\"tool\":{\"name\":\"export.py\"},\"outcome\":\"error\","
     "\"phase\":"
     "\"generate\",\"message\":\"step 1 of 2 (generate, /x/uv) exited with status 1; 0 was expected: "
     "RuntimeError: no\"",
     "export.py: RuntimeError: no"},
    {"\"runner\":\"onnxruntime\",\"device\":\"cpu\",\"outcome\":\"oom\",\"phase\":\"compile\",\"message\":"
     "\"the memory limit "
     "of 1024 MiB was reached: an allocation of 341 MiB was refused\"",
     "ONNX Runtime CPU: out of memory at the limit of 1024 MiB while creating the session"},
    {"\"runner\":\"command\",\"device\":\"host\",\"tool\":{\"name\":\"t.py\"},\"case\":\"late\",\"title\":"
     "\"Something that "
     "ends late\",\"outcome\":\"crash\",\"signal\":\"SIGABRT\",\"phase\":\"execute\",\"message\":\"without a "
     "stack: not "
     "traced\",\"signature\":{\"title\":\"SIGABRT without a stack\"}",
     "t.py: SIGABRT while running the model (Something that ends late)"},
    {"\"runner\":\"onnxruntime\",\"device\":\"cpu\",\"outcome\":\"error\",\"signal\":\"SIGKILL\",\"phase\":"
     "\"execute\","
     "\"message\":\"killed by SIGKILL, which trapline did not send and no memory limit of its own caused: "
     "another "
     "process, or the kernel\",\"trigger\":[{\"axis\":\"layers\",\"value\":9}]",
     "ONNX Runtime CPU: SIGKILL while running the model with layers 9"},
    {"\"runner\":\"command\",\"device\":\"host\",\"tool\":{\"name\":\"t.py\"},\"outcome\":\"crash\","
     "\"signal\":\"SIGABRT\","
     "\"phase\":\"load\",\"signature\":{\"title\":\"MTLReportFailure ← MPS::loadANEModule\"}",
     "t.py: SIGABRT in MPS::loadANEModule"},
    /* Of a model that was reduced the node that is left, and from how many. */
    {"\"runner\":\"onnxruntime\",\"device\":\"cpu\",\"outcome\":\"crash\",\"signal\":\"SIGFPE\",\"phase\":"
     "\"execute\","
     "\"operator\":{\"type\":\"Mod\"},\"reduction\":{\"nodes\":[276,1],\"graph\":{\"nodes\":[{\"operator\":"
     "\"Mod\","
     "\"name\":\"own\",\"marked\":true}]}}",
     "ONNX Runtime CPU: SIGFPE in execute: Mod (own), reduced from 276 nodes"},
    {"\"runner\":\"onnxruntime\",\"device\":\"cpu\",\"outcome\":\"crash\",\"signal\":\"SIGFPE\",\"phase\":"
     "\"execute\","
     "\"operator\":{\"type\":\"Mod\"},\"reduction\":{\"nodes\":[276,1],\"optimiser\":{\"names\":[\"Folding\"]"
     "},"
     "\"graph\":{\"nodes\":[{\"operator\":\"Mod\",\"name\":\"n1\",\"original\":\"win.rest\",\"marked\":true}]"
     "}}",
     "ONNX Runtime CPU: SIGFPE in execute: Mod through Folding, reduced from 276 nodes"},
    /* What does not fit is left out: from how much before through what, and the operators last. */
    {"\"runner\":\"onnxruntime\",\"device\":\"cpu\",\"outcome\":\"wrong\",\"phase\":\"execute\","
     "\"comparison\":{\"output\":\"v4\",\"error\":1.0},\"reduction\":{\"nodes\":[19,3],"
     "\"optimiser\":{\"names\":[\"Pad_Fusion\"]},\"graph\":{\"nodes\":[{\"operator\":\"Pad\"},{\"operator\":"
     "\"AveragePool\"},{\"operator\":\"Pad\"}]}}",
     "ONNX Runtime CPU: wrong output of Pad, AveragePool through Pad_Fusion"},
    {"\"runner\":\"onnxruntime\",\"device\":\"cpu\",\"outcome\":\"wrong\",\"phase\":\"execute\","
     "\"comparison\":{\"output\":\"v4\",\"error\":1.0},\"reduction\":{\"nodes\":[19,2],"
     "\"optimiser\":{\"names\":[\"AFusionWhoseNameIsLong\"]},\"graph\":{\"nodes\":[{\"operator\":"
     "\"AnOperatorOfLongName\"},{\"operator\":\"AveragePool\"}]}}",
     "ONNX Runtime CPU: wrong output of AnOperatorOfLongName, AveragePool, reduced from 19 nodes"},
    /* Of another optimiser than the original's it is not said. */
    {"\"runner\":\"onnxruntime\",\"device\":\"cpu\",\"outcome\":\"wrong\",\"phase\":\"execute\","
     "\"comparison\":{\"output\":\"v4\",\"error\":1.0},\"reduction\":{\"nodes\":[19,1],"
     "\"optimiser\":{\"names\":[\"A\"],\"original\":{\"names\":[\"B\"]}},\"graph\":{\"nodes\":[{\"operator\":"
     "\"Pad\"}]}}",
     "ONNX Runtime CPU: wrong output of Pad, reduced from 19 nodes"},
    {"\"runner\":\"onnxruntime\",\"device\":\"cpu\",\"outcome\":\"error\",\"phase\":\"execute\",\"message\":"
     "\"the extents "
     "of what is added do not fit at all and are named here one after the other at great length\","
     "\"reduction\":{\"nodes\":[12,2],\"graph\":{\"nodes\":[{\"operator\":\"Cast\",\"name\":\"n1\"},"
     "{\"operator\":\"Add\",\"name\":\"\",\"marked\":true}]}}",
     "ONNX Runtime CPU: error: the extents of what is added do…; Add, reduced from 12 nodes"},
    {"\"runner\":\"onnxruntime\",\"device\":\"cpu\",\"outcome\":\"crash\",\"signal\":\"SIGSEGV\",\"phase\":"
     "\"compile\","
     "\"reduction\":{\"nodes\":[12,4],\"graph\":null}",
     "ONNX Runtime CPU: SIGSEGV in compile, reduced from 12 nodes"},
    {"\"runner\":\"onnxruntime\",\"device\":\"cpu\",\"outcome\":\"crash\",\"signal\":\"SIGSEGV\",\"phase\":"
     "\"compile\","
     "\"reduction\":{\"nodes\":[4,4]}",
     "ONNX Runtime CPU: SIGSEGV while creating the session"},
};

Test(titles, say_what_where_and_with_what)
{
    for (size_t i = 0; i < TL_COUNT(titles); i++) {
        char *text = tl_format("{\"reproduced\":true,%s}", titles[i].members);
        json_t *f = parsed(text);
        char *title = tl_report_title(f);
        cr_expect_str_eq(title, titles[i].title);
        cr_expect_leq(tl_title_characters(title), TL_TITLE_MOST);
        free(title);
        json_decref(f);
        free(text);
    }
}

/* Whatever a document holds, or lacks, a title is one line that fits. */
Test(titles, always_fit)
{
    static const char *const members[] = {
        "\"outcome\":\"wrong\",\"comparison\":{\"output\":\"%s\",\"how\":\"not finite\"}",
        "\"outcome\":\"crash\",\"signal\":\"SIGSEGV\",\"signature\":{\"title\":\"%s ← x\"}",
        "\"outcome\":\"error\",\"message\":\"%s\"",
        "\"runner\":\"%s\",\"device\":\"%s\"",
        "\"outcome\":\"hang\",\"trigger\":[{\"axis\":\"%s\",\"value\":\"x\"},{\"axis\":\"%s\"}]",
    };
    char word[301], words[301];
    for (size_t i = 0; i < 300; i++) {
        word[i] = 'w';
        words[i] = i % 7 ? 'v' : ' ';
    }
    word[300] = words[300] = '\0';
    for (size_t i = 0; i < 2 * TL_COUNT(members); i++) {
        const char *with = i % 2 ? word : words;
        struct tl_buffer text = TL_BUFFER_INIT;
        tl_buffer_add_string(&text, "{\"reproduced\":true,");
        for (const char *p = members[i / 2]; *p; p += p[0] == '%' ? 2 : 1)
            tl_buffer_add(&text, *p == '%' ? with : p, *p == '%' ? strlen(with) : 1);
        tl_buffer_add_string(&text, "}");
        json_t *f = parsed(text.data);
        char *title = tl_report_title(f);
        cr_expect_leq(tl_title_characters(title), TL_TITLE_MOST, "%s", title);
        cr_expect_gt(tl_title_characters(title), 10);
        free(title);
        json_decref(f);
        tl_buffer_free(&text);
    }
    json_t *empty = json_object(),
           *hostile = parsed("{\"reproduced\":true,\"case\":\"a\\nb\\u001b[31m\",\"outcome\":3,"
                             "\"trigger\":[1,{}],\"axes\":7,\"tool\":{\"name\":\"\\u202ex\"}}");
    free(tl_report_title(empty));
    char *title = tl_report_title(hostile);
    cr_expect_null(strpbrk(title, "\n\033"));
    free(title);
    json_decref(empty);
    json_decref(hostile);
}

Test(titles, say_how_a_result_is_wrong)
{
    static const struct {
        const char *comparison, *words;
    } rows[] = {
        {"\"how\":\"not finite\",\"worst\":{\"got\":\"nan\",\"expected\":1.0}", "NaN in output y"},
        {"\"how\":\"not finite\",\"worst\":{\"got\":\"-inf\",\"expected\":1.0}", "infinity in output y"},
        {"\"how\":\"not finite\",\"not_finite\":{\"nan\":2,\"inf\":1}", "NaN in output y"},
        {"\"how\":\"not finite\",\"first\":[1.0,\"nan\"]", "NaN in output y"},
        {"\"how\":\"not finite\"", "output y not finite"},
        {"\"how\":\"all zero\"", "output y all zeros"},
        {"\"how\":\"missing\"", "output y missing"},
        {"\"how\":\"unexpected\"", "unexpected output y"},
        {"\"how\":\"type\",\"worst\":{\"of\":\"dtype\",\"got\":\"float32\",\"expected\":\"int64\"}",
         "output y is float32, not int64"},
        {"\"how\":\"shape\",\"worst\":{\"of\":\"shape\",\"got\":[1,2],\"expected\":[2]}",
         "output y has shape [1,2], not [2]"},
        {"\"how\":\"differs\",\"worst\":{\"got\":3.5,\"expected\":4.0,\"relative\":0.125}",
         "output y 12 % off"},
        {"\"how\":\"differs\",\"worst\":{\"got\":4.1,\"expected\":4.0,\"relative\":0.025}",
         "output y 2.5 % off"},
        {"\"how\":\"differs\",\"worst\":{\"got\":0.5,\"expected\":1e-9,\"relative\":5e8},\"max_error\":0.3",
         "output y 30 % off"},
        {"\"how\":\"differs\",\"worst\":{\"got\":8000.0,\"expected\":1.0,\"relative\":8e3},\"max_error\":8e3",
         "output y off by a factor of 8e+03"},
        {"\"how\":\"differs\",\"worst\":{\"got\":0.25,\"expected\":0.0,\"relative\":null},\"max_error\":null",
         "output y is 0.25, not 0"},
        {"\"how\":\"differs\",\"worst\":{\"got\":2.0,\"expected\":\"nan\"}", "output y is 2, not nan"},
        {"\"how\":\"differs\",\"worst\":{\"got\":9007199254740993,\"expected\":9007199254740992,\"relative\":"
         "1e-16}",
         "output y is 9007199254740993, not 9007199254740992"},
        {"\"how\":\"differs\",\"worst\":{\"got\":true,\"expected\":false}", "output y is true, not false"},
        {"\"how\":\"differs\",\"worst\":{\"got\":\"bar\",\"expected\":\"foo\"}",
         "output y is \"bar\", not \"foo\""},
        {"\"how\":\"differs\",\"worst\":{\"of\":\"hash\",\"got\":\"12\",\"expected\":\"34\"}",
         "a string in output y differs"},
        {"\"how\":\"differs\"", "output y differs"},
    };
    for (size_t i = 0; i < TL_COUNT(rows); i++) {
        char *text = tl_format("{\"output\":\"y\",%s}", rows[i].comparison);
        json_t *c = parsed(text);
        char *words = tl_title_wrong(c);
        cr_expect_str_eq(words ? words : "", rows[i].words, "%s: %s", rows[i].comparison, words);
        free(words);
        json_decref(c);
        free(text);
    }
}

/* --- workarounds --- */

/* Of a finding with one axis: the minimal value, and values that fail and pass with it in so many runs each. */
static void expect_around_in(int runs, const char *axis, const char *minimal, const char *fails,
                             const char *passes, const char *around_value, const char *edge_value)
{
    json_t *f = parsed("{\"reproduced\":true,\"rate\":[3,3],\"decisive\":[]}"), *kind = parsed(axis),
           *path = json_array(), *list[] = {parsed(fails), parsed(passes)}, *value, *rows, *around, *edges;
    static const char *const outcomes[] = {"match", "pass"};
    for (size_t k = 0; k < 2; k++) {
        size_t i;
        json_array_foreach(list[k], i, value)
            for (int n = 0; n < runs; n++) {
                json_array_append_new(path, json_pack("{s:{s:O},s:s,s:b}", "variant", "a", value, "outcome",
                                                      outcomes[k], "fresh", 1));
            }
        json_decref(list[k]);
    }
    json_object_set_new(kind, "name", json_string("a"));
    json_object_set_new(f, "axes", json_pack("[o]", kind));
    json_object_set_new(f, "minimal", json_pack("{s:o}", "a", parsed(minimal)));
    json_object_set_new(f, "path", path);
    rows = tl_report_rows(f);
    tl_rows_around(f, rows, &around, &edges);
    char *a = tl_value_word(json_object_get(json_array_get(around, 0), "value")),
         *e = tl_value_word(json_object_get(json_array_get(edges, 0), "value"));
    cr_expect_str_eq(a, around_value, "%s, %s fail, %s pass: around %s", axis, fails, passes, a);
    cr_expect_str_eq(e, edge_value, "%s, %s fail, %s pass: edge %s", axis, fails, passes, e);
    free(a);
    free(e);
    json_decref(around);
    json_decref(edges);
    json_decref(rows);
    json_decref(f);
}

#define expect_around(...) expect_around_in(2, __VA_ARGS__)

Test(titles, one_pass_is_no_workaround)
{
    static const char range[] = "{\"kind\":\"range\",\"range\":[1,64]}";
    expect_around_in(1, range, "17", "[17,48]", "[16,1]", "", "");
    expect_around_in(1, range, "17", "[17,48]", "[16]", "", "16");
    expect_around_in(1, "{\"kind\":\"choices\",\"values\":[\"x\",\"y\"]}", "\"y\"", "[\"y\"]", "[\"x\"]", "",
                     "");
}

Test(titles, workarounds_lie_away_from_edges)
{
    static const char range[] = "{\"kind\":\"range\",\"range\":[1,64]}";
    expect_around(range, "17", "[17,48]", "[16]", "", "16");
    expect_around(range, "17", "[17,48]", "[16,8,1]", "1", "");
    expect_around(range, "17", "[17]", "[14,16]", "", "16");
    expect_around("{\"kind\":\"range\",\"range\":[0,9]}", "1", "[1,9]", "[0]", "", "0");
    expect_around("{\"kind\":\"ordered\",\"values\":[32,64,128,256]}", "256", "[256]", "[128]", "128", "");
    expect_around("{\"kind\":\"ordered\",\"values\":[0,1000000]}", "1000000", "[1000000]", "[0]", "0", "");
    expect_around("{\"kind\":\"ordered\",\"values\":[\"s\",\"m\",\"l\",\"xl\"]}", "\"l\"", "[\"l\",\"xl\"]",
                  "[\"m\"]", "", "m");
    expect_around("{\"kind\":\"ordered\",\"values\":[\"s\",\"m\",\"l\",\"xl\"]}", "\"l\"", "[\"l\"]",
                  "[\"m\",\"s\"]", "s", "");
    expect_around("{\"kind\":\"choices\",\"values\":[\"x\",\"y\"]}", "\"y\"", "[\"y\"]", "[\"x\"]", "x", "");
    expect_around("{\"kind\":\"ordered\",\"values\":[22,21,20,19,18,17]}", "18", "[18,17]", "[19,22]", "22",
                  "");
    /* a set: what passes between two values that fail is an edge */
    expect_around("{\"kind\":\"range\",\"range\":[1,90]}", "50", "[50,70]", "[49,51,60]", "", "49");
}

/* A model that differs from another accuses no runtime. */
Test(titles, a_model_against_another)
{
    json_t *f =
        parsed("{\"case\":\"net\",\"runner\":\"onnxruntime\",\"unit\":\"onnxruntime:cpu\",\"device\":\"cpu\","
               "\"reduction\":{\"difference\":{\"model\":\"ref.onnx\"}}}");
    expect_text(tl_title_where(f), "net against ref.onnx, ONNX Runtime CPU");
    json_object_del(json_object_get(json_object_get(f, "reduction"), "difference"), "model");
    expect_text(tl_title_where(f), "ONNX Runtime CPU");
    json_decref(f);
}
