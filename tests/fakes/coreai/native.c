/* Stand-ins for native functions of Apple's libraries, which die as was reported. They have the names that reports show, by
 * assembler labels where those are of C++. Which library it is is said by the macro that is defined. */
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define KEPT __attribute__((noinline, noclone, noipa))

static volatile int sink;

#ifdef METAL_PERFORMANCE_SHADERS_GRAPH

static void on_thread(const char *name, void *(*function)(void *), void *argument)
{
    pthread_t thread;
    if (pthread_create(&thread, NULL, function, argument))
        exit(3);
    pthread_setname_np(thread, name);
    pthread_join(thread, NULL);
}

/* The write of a slice whose place is known only when it runs. */
void encode_slice_update(void) __asm__("_ZN3GPU20SliceUpdateOpHandler6encodeEv");
KEPT void encode_slice_update(void)
{
    raise(SIGTRAP);
    sink++;
}

KEPT static void *gpu_stream(void *argument)
{
    encode_slice_update();
    sink++;
    return argument;
}

void fake_slice_update(void);
void fake_slice_update(void)
{
    on_thread("metal gpu strea", gpu_stream, NULL);
}

/* The heap of the GPU's scratch buffers. */
struct request {
    long offset, size, total;
};

KEPT void MTLReportFailure(const char *text);
void MTLReportFailure(const char *text)
{
    fprintf(stderr,
            "/AppleInternal/Library/MPSRuntime/Operations/GPUMemrefOps.mm:687: failed assertion `%s'\n",
            text);
    abort();
}

void view_op(const struct request *r) __asm__("_ZN3GPU13ViewOpHandler14encodeNDArrayOpEv");
KEPT void view_op(const struct request *r)
{
    fprintf(stderr, "allocateMTLBufferFromMTLHeap: offset %ld + size %ld exceeds heap total %ld\n", r->offset,
            r->size, r->total);
    MTLReportFailure("Failed to acquire the source buffer for the ViewOp");
    sink++;
}

KEPT static void *decode_step(void *argument)
{
    view_op(argument);
    sink++;
    return argument;
}

void fake_heap_overrun(long offset, long size, long total);
void fake_heap_overrun(long offset, long size, long total)
{
    struct request r = {offset, size, total};
    on_thread("metal gpu strea", decode_step, &r);
}

/* The part of the graph's compiler that prepares what the Neural Engine gets. */
KEPT void objc_release(const void *object);
void objc_release(const void *object)
{
    sink = *(const volatile int *)object;
}

void ane_pre_compile_binary(void) __asm__("_ZN3GPU19anePreCompileBinaryEv");
KEPT void ane_pre_compile_binary(void)
{
    objc_release((const void *)(uintptr_t)16);
    sink++;
}

KEPT static void *executable_queue(void *argument)
{
    ane_pre_compile_binary();
    sink++;
    return argument;
}

void fake_ane_pre_compile(void);
void fake_ane_pre_compile(void)
{
    on_thread("MPSGraphExecuta", executable_queue, NULL); /* …ble_queue: the kernel keeps 15 bytes */
}

#endif

#ifdef CORE_AI

/* macOS 27 unwraps options that are not there. */
KEPT void SpecializationOptions_unwrap(void);
void SpecializationOptions_unwrap(void)
{
    fputs("CoreAI/SpecializationOptions.swift:41: Fatal error: Unexpectedly found nil while unwrapping an "
          "Optional value\n",
          stderr);
    raise(SIGTRAP);
    sink++;
}

void fake_unwrap_options(void);
void fake_unwrap_options(void)
{
    SpecializationOptions_unwrap();
    sink++;
}

#endif

#ifdef ANE_COMPILER

/* Whether it takes the program: 0, or the status that it fails with. */
int ANECCompileOffline(int is_static);
int ANECCompileOffline(int is_static)
{
    if (is_static)
        return 0;
    fputs("ANECCompileOffline() failed: OSStatus=0, aneCompileStatus=1, statusdict={\n    ErrorList = (\n    "
          ");\n}\n",
          stderr);
    return 1;
}

#endif
