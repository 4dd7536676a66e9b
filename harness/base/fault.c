#include "harness/base/fault.h"

#include "harness/base/buffer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void tl_fault_free(struct tl_fault *f)
{
    if (!f)
        return;
    free(f->at.name);
    free(f->instruction);
    free(f->did);
    free(f);
}

char *tl_fault_code_text(const struct tl_fault *f)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    for (size_t i = 0; i < f->n_code; i++)
        tl_buffer_printf(&b, "%s%02x", i ? " " : "", f->code[i]);
    return b.size ? tl_buffer_take(&b) : tl_strdup("");
}

json_t *tl_fault_json(const struct tl_fault *f)
{
    char *code = tl_fault_code_text(f);
    json_t *j = json_pack("{s:s,s:I,s:s}", "arch", f->arch, "pc", (json_int_t)f->pc, "code", code);
    free(code);
    if (f->instruction)
        json_object_set_new(j, "instruction", json_string(f->instruction));
    if (f->did)
        json_object_set_new(j, "did", json_string(f->did));
    return j;
}

struct tl_fault *tl_fault_parse(const json_t *j)
{
    const char *arch = json_string_value(json_object_get(j, "arch")),
               *code = json_string_value(json_object_get(j, "code"));
    if (!arch || !code || !json_is_integer(json_object_get(j, "pc")))
        return NULL;
    struct tl_fault *f = tl_calloc(1, sizeof *f);
    snprintf(f->arch, sizeof f->arch, "%s", arch);
    f->pc = (uint64_t)json_integer_value(json_object_get(j, "pc"));
    unsigned byte;
    for (int used = 0; f->n_code < TL_FAULT_CODE && sscanf(code, "%2x%n", &byte, &used) == 1; code += used)
        f->code[f->n_code++] = (unsigned char)byte;
    f->instruction = tl_strdup(json_string_value(json_object_get(j, "instruction")));
    f->did = tl_strdup(json_string_value(json_object_get(j, "did")));
    return f;
}
