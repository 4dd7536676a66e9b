#include "harness/crash_report/ips_fault.h"

#include "harness/base/buffer.h"
#include "harness/crash_report/document.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STREAM_MOST 4096 /* bytes of a text of code that is read */

static bool is_of_processor(const char *exception)
{
    static const char *const names[] = {"EXC_BAD_ACCESS", "EXC_BAD_INSTRUCTION", "EXC_ARITHMETIC",
                                        "EXC_BREAKPOINT"};
    return exception && tl_is_one_of(exception, names, TL_COUNT(names));
}

static bool find_pc(const struct tl_capture *c, uint64_t *pc)
{
    for (size_t i = 0; i < c->n_registers; i++)
        if (!strcmp(c->registers[i].name, "pc") || !strcmp(c->registers[i].name, "rip")) {
            *pc = c->registers[i].value;
            return true;
        }
    return false;
}

/* "instructionByteStream": {"atPC": base64} */
static void take_stream(const json_t *stream, struct tl_fault *f)
{
    const char *text = json_string_value(json_object_get(stream, "atPC"));
    size_t n = text ? strlen(text) : 0;
    if (!n || n > STREAM_MOST || n % 4)
        return;
    unsigned char *bytes = tl_malloc(n);
    int got = EVP_DecodeBlock(bytes, (const unsigned char *)text, (int)n);
    size_t size = got > 0 ? (size_t)got : 0;
    for (size_t i = n; i > 0 && size && text[i - 1] == '='; i--)
        size--;
    f->n_code = size < TL_FAULT_CODE ? size : TL_FAULT_CODE;
    memcpy(f->code, bytes, f->n_code);
    free(bytes);
}

/* Of a thread of x86-64: "instructionState": {"instructionStream": {"bytes": [N], "offset": N of pc}} */
static void take_state(const json_t *state, struct tl_fault *f)
{
    const json_t *stream = json_object_get(state, "instructionStream"),
                 *bytes = json_object_get(stream, "bytes"), *at = json_object_get(stream, "offset");
    json_int_t offset = json_integer_value(at);
    if (!json_is_integer(at) || offset < 0)
        return;
    for (size_t i = (size_t)offset; i < json_array_size(bytes) && f->n_code < TL_FAULT_CODE; i++) {
        const json_t *byte = json_array_get(bytes, i);
        if (!json_is_integer(byte) || json_integer_value(byte) < 0 || json_integer_value(byte) > 255)
            return;
        f->code[f->n_code++] = (unsigned char)json_integer_value(byte);
    }
}

/* "vmRegionInfo" says where the address lies, as people read it; the region that holds it is marked by an arrow. */
static void take_place(const char *region, struct tl_fault *f)
{
    if (region && strstr(region, "is not in any region")) {
        f->at.kind = TL_PLACE_FREE;
        f->at.behind = UINT64_MAX;
    } else if (region && strstr(region, "--->  STACK GUARD")) {
        f->at.kind = TL_PLACE_MAPPED;
        f->at.under_stack = true;
        memcpy(f->at.access, "---", 4);
    }
}

void tl_ips_take_fault(const json_t *body, const json_t *thread, const char *exception, struct tl_capture *c)
{
    const char *cpu = json_string_value(json_object_get(body, "cpuType"));
    const char *arch = !cpu                         ? NULL
                       : !strncmp(cpu, "ARM-64", 6) ? "aarch64"
                       : !strncmp(cpu, "X86-64", 6) ? "x86_64"
                                                    : NULL;
    uint64_t pc;
    if (!arch || !is_of_processor(exception) || !find_pc(c, &pc))
        return;
    struct tl_fault *f = c->fault = tl_calloc(1, sizeof *f);
    snprintf(f->arch, sizeof f->arch, "%s", arch);
    f->pc = pc;
    take_stream(json_object_get(body, "instructionByteStream"), f);
    if (!f->n_code)
        take_state(json_object_get(thread, "instructionState"), f);
    take_place(json_string_value(json_object_get(body, "vmRegionInfo")), f);
}
