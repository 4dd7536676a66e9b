/* Which line is the cause in what runtimes of macOS and Python write at their end: messages over several lines, exceptions that were
 * ignored, the allocator's and the system libraries' own words. Each the same whether the process died or exited. */
#include "harness/base/buffer.h"
#include "harness/base/last_words.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#define NEAR 90 /* bytes of a title in which the cause begins */

static const struct {
    const char *text, *cause, *never; /* what is not in it; NULL: nothing is looked for */
} rows[] = {
    {"python3(1234,0x16f) malloc: Incorrect checksum for freed object 0x600: probably modified after being "
     "freed.\nCorrupt value: 0x4141414141414141\npython3(1234,0x16f) malloc: *** set a breakpoint in "
     "malloc_error_break to debug\n",
     "Incorrect checksum for freed object", NULL},
    {"probe(77,0x1) malloc: double free for ptr 0x7f8\npython3(1234,0x16f) malloc: *** set a breakpoint in "
     "malloc_error_break to debug\n",
     "double free for ptr", NULL},
    {"probe(77,0x1) malloc: *** error for object 0x7f8: double free\n*** set a breakpoint in "
     "malloc_error_break to debug\n",
     "double free", NULL},
    {"probe(77,0x1) malloc: pointer being freed was not allocated\npython3(1234,0x16f) malloc: *** set a "
     "breakpoint in malloc_error_break to debug\n",
     "pointer being freed was not allocated", NULL},
    {"probe(77,0x1) malloc: Region cookie corrupted for region 0x1 (value is 0)[0x2]\npython3(1234,0x16f) "
     "malloc: *** set a breakpoint in malloc_error_break to debug\n",
     "Region cookie corrupted", NULL},
    {"probe(77,0x1) malloc: *** mach_vm_map(size=1152921504606846976) failed (error code=3)\n*** error: "
     "can't allocate region securely\npython3(1234,0x16f) malloc: *** set a breakpoint in malloc_error_break "
     "to debug\n",
     "can't allocate region", NULL},
    {"probe[77:1] malloc: Heap corruption detected, free list is damaged at 0x600\n*** Incorrect guard "
     "value: 0\npython3(1234,0x16f) malloc: *** set a breakpoint in malloc_error_break to debug\n",
     "Heap corruption detected", NULL},
    {"probe(77) malloc: *** error for object 0x10: Non-aligned pointer being freed\npython3(1234,0x16f) "
     "malloc: *** set a breakpoint in malloc_error_break to debug\n",
     "Non-aligned pointer being freed", NULL},
    {"probe(77,0x1) malloc: double free for ptr 0x7f8\npython3(1234,0x16f) malloc: *** set a breakpoint in "
     "malloc_error_break to debug\nAbort trap: 6\n",
     "double free for ptr", NULL},
    {"probe(77,0x1) malloc: double free for ptr 0x7f8\nprobe(77,0x1) malloc: *** set a breakpoint in "
     "malloc_error_break to debug\nprobe(77,0x1) malloc: *** sending SIGSTOP to help with debugging\n",
     "double free for ptr", NULL},
    {"Traceback (most recent call last):\n  File \"a.py\", line 3, in <module>\n    f()\nRuntimeError: {\n   "
     " NSLocalizedDescription = \"Failed to build the model execution plan using a model architecture file "
     "'/x/model.mil' with error code: -14.\";\n}\n",
     "Failed to build the model execution plan", NULL},
    {"RuntimeError: {\n    NSLocalizedDescription = \"Failed to build the model execution plan using a model "
     "architecture file '/x/model.mil' with error code: -14.\";\n}\n",
     "Failed to build the model execution plan", NULL},
    {"error: {\n    NSLocalizedFailureReason = \"no plan\";\n    NSUnderlyingError = \"Error Domain=x "
     "Code=3\";\n}\n",
     "no plan", NULL},
    {"Error: {\n  \"code\": 3,\n  \"message\": \"the plan is empty\",\n  \"stack\": []\n}\n",
     "the plan is empty", NULL},
    {"Traceback (most recent call last):\n  File \"a.py\", line 3, in <module>\nValueError: {\n  \"error\": "
     "{\n    \"type\": \"bad_plan\",\n    \"message\": \"head_dim 96 is not known\"\n  }\n}\n",
     "head_dim 96 is not known", NULL},
    {"RuntimeError: [\n  \"layer 3 has no bias\"\n]\n", "layer 3 has no bias", NULL},
    {"Traceback (most recent call last):\n  File \"a.py\", line 3, in <module>\nRuntimeError: (\n    \"layer "
     "3 has no bias\",\n    \"x\"\n)\n",
     "layer 3 has no bias", NULL},
    {"Error Domain=com.apple.CoreML Code=0 \"Failed to evaluate\" UserInfo={\n    NSLocalizedDescription = "
     "\"Failed to evaluate\";\n    NSUnderlyingError = \"rank 6 is too large\";\n}\n",
     "Failed to evaluate", NULL},
    {"2026-01-01 10:00:00.1 probe[1:2] Error: Error Domain=com.apple.CoreML Code=0 \"(null)\" UserInfo={\n   "
     " NSDebugDescription = \"rank 6 is too large\";\n}\n",
     "rank 6 is too large", NULL},
    {"Fatal error: Error Domain=com.apple.CoreML Code=0 UserInfo={\n    NSLocalizedDescription = \"no such "
     "feature\";\n}\n",
     "no such feature", NULL},
    {"libc++abi: terminating due to uncaught exception of type E: {\n    NSLocalizedDescription = \"no such "
     "feature\";\n}\n",
     "no such feature", NULL},
    {"Error: CompileError {\n    op: \"conv\",\n    message: \"stride 9 is too large\",\n}\n",
     "stride 9 is too large", NULL},
    {"RuntimeError:\n    the plan is empty\n", "the plan is empty", NULL},
    {"Traceback (most recent call last):\n  File \"a.py\", line 3, in <module>\nRuntimeError: failed to "
     "compile:\n    the plan is empty\n",
     "the plan is empty", NULL},
    {"Traceback (most recent call last):\n  File \"a.py\", line 3, in <module>\n    f()\nValueError: head "
     "size 80 is not supported\nException ignored in: <function AIModel.__del__ at 0x10>\nTraceback (most "
     "recent call last):\n  File \"a.py\", line 9, in __del__\n    self.x.close()\nAttributeError: 'AIModel' "
     "object has no attribute 'x'\n",
     "head size 80", "AttributeError"},
    {"Traceback (most recent call last):\n  File \"a.py\", line 3, in <module>\n    f()\nValueError: head "
     "size 80 is not supported\nException ignored in: <function AIModel.__del__ at 0x10>\nAttributeError: "
     "'AIModel' object has no attribute 'x'\n",
     "head size 80", "AttributeError"},
    {"Traceback (most recent call last):\n  File \"a.py\", line 3, in <module>\n    f()\nValueError: head "
     "size 80 is not supported\nException ignored in: <function AIModel.__del__ at 0x10>\nTraceback (most "
     "recent call last):\n  File \"a.py\", line 9, in __del__\n    self.x.close()\nAttributeError\n",
     "head size 80", "AttributeError"},
    {"Traceback (most recent call last):\n  File \"a.py\", line 3, in <module>\n    f()\nValueError: head "
     "size 80 is not supported\nException ignored in: <function AIModel.__del__ at 0x10>\nTraceback (most "
     "recent call last):\nAttributeError: 'AIModel' object has no attribute 'x'\n",
     "head size 80", "AttributeError"},
    {"Traceback (most recent call last):\n  File \"a.py\", line 3, in <module>\n    f()\nValueError: head "
     "size 80 is not supported\nException ignored in: <function AIModel.__del__ at 0x10>\nTraceback (most "
     "recent call last):\n  File \"a.py\", line 9, in __del__\n    "
     "self.x.close()\ncoreai.runtime.AIModelError: closed {\n   code = 3\n}\n",
     "head size 80", "closed"},
    {"Traceback (most recent call last):\n  File \"a.py\", line 3, in <module>\n    f()\nValueError: head "
     "size 80 is not supported\nException ignored in atexit callback: <function f at 0x1>\nTraceback (most "
     "recent call last):\n  File \"a.py\", line 9, in __del__\n    self.x.close()\nAttributeError: 'AIModel' "
     "object has no attribute 'x'\n",
     "head size 80", "AttributeError"},
    {"Traceback (most recent call last):\n  File \"a.py\", line 3, in <module>\n    f()\nValueError: head "
     "size 80 is not supported\nException ignored on threading shutdown:\nTraceback (most recent call "
     "last):\n  File \"a.py\", line 9, in __del__\n    self.x.close()\nKeyboardInterrupt: \n",
     "head size 80", "Keyboard"},
    {"Traceback (most recent call last):\n  File \"a.py\", line 3, in <module>\n    f()\nValueError: head "
     "size 80 is not supported\nException ignored in: <_io.TextIOWrapper name='<stdout>' mode='w' "
     "encoding='utf-8'>\nBrokenPipeError: [Errno 32] Broken pipe\n",
     "head size 80", "Broken"},
    {"Traceback (most recent call last):\n  File \"a.py\", line 3, in <module>\n    f()\nValueError: head "
     "size 80 is not supported\nException ignored while calling deallocator <function A.__del__ at "
     "0x1>:\nTraceback (most recent call last):\n  File \"a.py\", line 9, in __del__\n    "
     "self.x.close()\nAttributeError: 'AIModel' object has no attribute 'x'\n",
     "head size 80", "AttributeError"},
    {"Traceback (most recent call last):\n  File \"a.py\", line 3, in <module>\n    f()\nValueError: head "
     "size 80 is not supported\nException ignored in: 'coreai._native.release'\nTraceback (most recent call "
     "last):\n  File \"a.py\", line 9, in __del__\n    self.x.close()\nRuntimeError: release of a dead "
     "handle\n",
     "head size 80", "dead"},
    {"Traceback (most recent call last):\n  File \"a.py\", line 3, in <module>\n    f()\nValueError: head "
     "size 80 is not supported\nError in atexit._run_exitfuncs:\nTraceback (most recent call last):\n  File "
     "\"a.py\", line 9, in __del__\n    self.x.close()\nRuntimeError: release of a dead handle\n",
     "head size 80", "dead"},
    {"Traceback (most recent call last):\n  File \"a.py\", line 3, in <module>\n    f()\nValueError: head "
     "size 80 is not supported\nException ignored in: <function AIModel.__del__ at 0x10>\nTraceback (most "
     "recent call last):\n  File \"a.py\", line 9, in __del__\n    self.x.close()\nDuring handling of the "
     "above exception, another exception occurred:\n\nTraceback (most recent call last):\n  File \"a.py\", "
     "line 9, in __del__\n    self.x.close()\nAttributeError: 'AIModel' object has no attribute 'x'\n",
     "head size 80", "AttributeError"},
    {"Traceback (most recent call last):\n  File \"a.py\", line 3, in <module>\n    f()\nValueError: head "
     "size 80 is not supported\nException ignored in: <function AIModel.__del__ at 0x10>\nTraceback (most "
     "recent call last):\n  File \"a.py\", line 9, in __del__\n    self.x.close()\nAttributeError: 'AIModel' "
     "object has no attribute 'x'\n\nDuring handling of the above exception, another exception "
     "occurred:\n\nTraceback (most recent call last):\n  File \"a.py\", line 9, in __del__\n    "
     "self.x.close()\nTypeError: second\n",
     "head size 80", "TypeError"},
    {"Exception ignored in: <function AIModel.__del__ at 0x10>\nTraceback (most recent call last):\n  File "
     "\"a.py\", line 9, in __del__\n    self.x.close()\nAttributeError: 'AIModel' object has no attribute "
     "'x'\nTraceback (most recent call last):\n  File \"a.py\", line 3, in <module>\n    f()\nValueError: "
     "head size 80 is not supported\n",
     "head size 80", "AttributeError"},
    {"Exception ignored in: <function AIModel.__del__ at 0x10>\nAttributeError: 'AIModel' object has no "
     "attribute 'x'\nerror: the plan is empty\n",
     "the plan is empty", "AttributeError"},
    {"error: the plan is empty\nException ignored in: <function AIModel.__del__ at 0x10>\nTraceback (most "
     "recent call last):\n  File \"a.py\", line 9, in __del__\n    self.x.close()\nAttributeError: 'AIModel' "
     "object has no attribute 'x'\n",
     "the plan is empty", "AttributeError"},
    {"Traceback (most recent call last):\n  File \"a.py\", line 3, in <module>\n    f()\nValueError: head "
     "size 80 is not supported\nException ignored in: <function AIModel.__del__ at 0x10>\nTraceback (most "
     "recent call last):\n  File \"a.py\", line 9, in __del__\n    self.x.close()\nAttributeError: 'AIModel' "
     "object has no attribute 'x'\nException ignored in: <function AIModel.__del__ at 0x10>\nTraceback (most "
     "recent call last):\n  File \"a.py\", line 9, in __del__\n    self.x.close()\nAttributeError: 'AIModel' "
     "object has no attribute 'x'\n",
     "head size 80", "AttributeError"},
    {"Traceback (most recent call last):\n  File \"a.py\", line 3, in <module>\n    f()\nValueError: head "
     "size 80 is not supported\nException ignored in: <function AIModel.__del__ at 0x10>\nTraceback (most "
     "recent call last):\n  File \"a.py\", line 9, in __del__\nAttributeError: 'AIModel' object has no "
     "attribute 'x'\n",
     "head size 80", "AttributeError"},
    {"specialization failed: AIModelError(code: 3, reason: \"no plan\")\n",
     "specialization failed: AIModelError(code: 3", NULL},
    {"loading\nspecialization failed: AIModelError(code: 3, reason: \"no plan\")\nAbort trap: 6\n",
     "specialization failed: AIModelError(code: 3", NULL},
    {"BUG IN CLIENT OF LIBDISPATCH: dispatch_sync called on queue already owned by current thread\n",
     "dispatch_sync called on queue", NULL},
    {"BUG IN CLIENT OF LIBDISPATCH: trying to lock recursively\nloading more\n", "trying to lock recursively",
     NULL},
    {"BUG IN LIBDISPATCH: unable to create a port\n", "unable to create a port", NULL},
    {"BUG IN LIBPTHREAD: corrupt list\n", "corrupt list", NULL},
    {"BUG IN CLIENT OF LIBPLATFORM: os_unfair_lock is corrupt\n", "os_unfair_lock is corrupt", NULL},
    {"2026-01-01 10:00:00.1 probe[1:2] BUG IN CLIENT OF libsqlite3: closed\n", "closed", NULL},
    {"Application Specific Information:\nBUG IN CLIENT OF LIBDISPATCH: trying to lock recursively\n",
     "trying to lock recursively", NULL},
    {"Application Specific Information:\nthe plan was released twice\n\nThread 0 Crashed:\n0  probe 0x1 main "
     "+ 4\n",
     "the plan was released twice", NULL},
    {"Application Specific Information: the plan was released twice\n", "the plan was released twice", NULL},
    {"Application Specific Information:\nCrashing on exception: no lane\nabort() called\n", "no lane", NULL},
    {"libc++abi: terminating with uncaught exception of type std::runtime_error: no plan\n", "no plan", NULL},
    {"libc++abi: terminating\n", "terminating", NULL},
    {"fatal error: no such plan\n", "no such plan", NULL},
    {"probe: fatal error: no such plan\n", "no such plan", NULL},
    {"probe/main.swift:3: fatal error: no such plan\n", "no such plan", NULL},
    {"loading\nprobe: fatal error: no such plan\nclosing the queue\n", "no such plan", NULL},
    {"Swift/Array.swift:3: Fatal error: Index out of range\nclosing the queue\n", "Index out of range", NULL},
    {"CoreAI/Model.swift:3: Fatal error\n", "Fatal error", NULL},
    {"Swift/ErrorType.swift:254: Fatal error: Error raised at top level: AIModelError(code: 3)\n",
     "AIModelError(code: 3)", NULL},
    {"Swift/x.swift:3: Precondition failed: no plan\n", "no plan", NULL},
    {"compile failed: MLModelError(code: 0)\n", "compile failed", NULL},
    {"loading\nAIModelError(code: 3, reason: nil)\n", "AIModelError(code: 3", NULL},
    {"program load failed: E5RTError.invalidProgram(-14)\n", "program load failed", NULL},
    {"specialization failed: AIModelError(code: 3)\nclosing the queue\n", "specialization failed", NULL},
};

Test(last_words_ends, the_cause_comes_first)
{
    for (size_t i = 0; i < TL_COUNT(rows); i++)
        for (int died = 0; died < 2; died++) {
            const char *text = rows[i].text, *cause;
            size_t n = strlen(text);
            char *m = died ? tl_find_abort_message(text, n) : tl_find_complaint_of(text, n, "", 0);
            if (!m && died)
                m = tl_find_closing_error(text, n);
            cause = m ? strstr(m, rows[i].cause) : NULL;
            cr_expect(cause && cause - m < NEAR, "%s\n%s: %s", text, died ? "died" : "exited",
                      m ? m : "nothing");
            cr_expect(!m || !rows[i].never || !strstr(m, rows[i].never), "%s\n%s: %s", text,
                      died ? "died" : "exited", m);
            free(m);
        }
}

/* What two failures of one kind differ in stays in the message of either. */
Test(last_words_ends, blocks_tell_apart)
{
    static const char *const pairs[][2] = {
        {"Error: {\n  \"op\": \"conv\",\n  \"message\": \"no kernel\"\n}\n",
         "Error: {\n  \"op\": \"gemm\",\n  \"message\": \"no kernel\"\n}\n"},
        {"RuntimeError: [\n  \"conv\"\n]\n", "RuntimeError: [\n  \"gemm\"\n]\n"},
        {"Error: {\n}\nerror: no plan\n", "Error: {\n}\nerror: no queue\n"},
    };
    for (size_t i = 0; i < TL_COUNT(pairs); i++) {
        char *a = tl_find_complaint(pairs[i][0], strlen(pairs[i][0]), true),
             *b = tl_find_complaint(pairs[i][1], strlen(pairs[i][1]), true);
        cr_expect(a && b && strcmp(a, b), "%s and %s", a ? a : "nothing", b ? b : "nothing");
        free(a);
        free(b);
    }
}

/* An ignored exception counts where there is nothing else; advice and an unfinished block never hide what is there. */
Test(last_words_ends, alone)
{
    static const char *const texts[][2] = {
        {"Exception ignored in: <_io.TextIOWrapper name='<stdout>'>\nBrokenPipeError: [Errno 32] Broken "
         "pipe\n",
         "BrokenPipeError"},
        {"Exception ignored in:", "Exception ignored"},
        {"RuntimeError: {", "RuntimeError"},
        {"RuntimeError: {\n    NSLocalizedDescription = \"cut o", "cut o"},
        {"x(1,0x1) malloc: nano zone abandoned due to inability to reserve vm space.\nerror: no plan\n",
         "no plan"},
    };
    for (size_t i = 0; i < TL_COUNT(texts); i++) {
        char *m = tl_find_complaint_of(texts[i][0], strlen(texts[i][0]), "", 0);
        cr_expect(m && strstr(m, texts[i][1]), "%s: %s", texts[i][0], m ? m : "nothing");
        free(m);
    }
}

/* The first line of a text that was looked for, and the sentence in its block that says why. */
Test(last_words_ends, first_words)
{
    static const char *const texts[][2] = {
        {" ANECCompileOffline() failed: OSStatus=0, aneCompileStatus=1, statusdict={\n    "
         "CompiledInputSourceFileName = "
         "\"/private/var/folders/x/T/mpsgraph-4711-2026/extend_1024_16_ANE_region_1_0.bc.mlir\";\n    "
         "ErrorList =     (\n    );\n    NetworkStatusList =     (\n    );\n}\n",
         "ANECCompileOffline() failed: OSStatus=0, aneCompileStatus=1"},
        {" ANECCompileOffline() failed: OSStatus=0, aneCompileStatus=1, statusdict={\n    "
         "CompiledInputSourceFileName = "
         "\"/private/var/folders/x/T/mpsgraph-4711-2026/extend_1024_16_ANE_region_1_0.bc.mlir\";\n    "
         "ErrorList =     (\n        \"Unsupported kernel width 33\",\n        \"x: 1\"\n    );\n    "
         "NetworkStatusList =     (\n    );\n}\n",
         "\"Unsupported kernel width 33\", \"x: 1\" (ANECCompileOffline() failed: OSStatus=0, "
         "aneCompileStatus=1)"},
        {"ANECCompileOffline() failed: OSStatus=0, aneCompileStatus=1, statusdict={\n    "
         "CompiledInputSourceFileName = \"/private/x.mlir\";\n    ErrorList =     (\n                {\n     "
         "       ErrorCode = 7;\n            ErrorDescription = \"Unsupported kernel width 33\";\n        "
         "}\n    );\n}\n",
         "Unsupported kernel width 33 (ANECCompileOffline() failed: OSStatus=0, aneCompileStatus=1)"},
        {"ANECCompile() FAILED: err=(\n)\nError Domain=com.apple.appleneuralengine.compiler Code=1 "
         "UserInfo={\n    ErrorList = (\n        \"Unsupported kernel width 33\"\n    );\n}\n",
         "Unsupported kernel width 33 (ANECCompile() FAILED)"},
        {"ANECCompileOffline() failed: OSStatus=0, statusdict={\n    NetworkStatusList =     (\n             "
         "   {\n            NetworkStatus = \"no engine for scatter\";\n        }\n    );\n    ErrorList =   "
         "  (\n    );\n}\n",
         "no engine for scatter (ANECCompileOffline() failed: OSStatus=0)"},
        {"ANECCompile failed; falling back to GPU\nnext line\n",
         "ANECCompile failed; falling back to GPU next line"},
        {"no ANE: compile failed {\n   file = \"/private/x.mlir\";\n   NSLocalizedDescription = \"palette "
         "too large\";\n}\n",
         "palette too large (no ANE: compile failed)"},
        {"falling back to CPU because:\n   op scatter is missing\n",
         "falling back to CPU because: op scatter is missing"},
        {"fell back {\n   code = 3;\n   unit = cpu;\n   file = \"/x/y\";\n}\n",
         "code = 3; unit = cpu; (fell back)"},
        {"fell back {", "fell back"},
    };
    for (size_t i = 0; i < TL_COUNT(texts); i++) {
        char *m = tl_find_first_words(texts[i][0], strlen(texts[i][0]));
        cr_expect(m && !strcmp(m, texts[i][1]), "%s: %s", texts[i][0], m ? m : "nothing");
        free(m);
    }
}
