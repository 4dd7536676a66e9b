#include "reports/fault_words.h"

#include "harness/base/buffer.h"
#include "reports/json_text.h"
#include "reports/members.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINE_MOST 112 /* bytes of a line of registers */

static json_t *hex(uint64_t value)
{
    char text[24];
    snprintf(text, sizeof text, "0x%llx", (unsigned long long)value);
    return json_string(text);
}

json_t *tl_fault_document(const struct tl_fault *f)
{
    if (!f)
        return json_null();
    char *code = tl_fault_code_text(f);
    json_t *j = json_pack("{s:o,s:o,s:o,s:o}", "pc", hex(f->pc), "code", tl_string_json(code), "instruction",
                          tl_string_json(f->instruction), "did", tl_string_json(f->did));
    free(code);
    return j;
}

json_t *tl_registers_document(const struct tl_capture *c)
{
    json_t *registers = json_object();
    for (size_t i = 0; i < c->n_registers; i++)
        json_object_set_new(registers, c->registers[i].name, hex(c->registers[i].value));
    return registers;
}

static bool computes(const char *name)
{
    static const char *const others[] = {"cs", "ss", "ds", "es", "fs", "gs", "fs_base", "gs_base"};
    return !tl_is_one_of(name, others, TL_COUNT(others));
}

char *tl_registers_words(const json_t *registers)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    const char *name;
    json_t *value;
    size_t line = 0;
    json_object_foreach((json_t *)registers, name, value) {
        const char *text = json_string_value(value);
        if (!text || !computes(name))
            continue;
        size_t n = strlen(name) + strlen(text) + 2;
        bool fits = b.size - line + n <= LINE_MOST;
        tl_buffer_add_string(&b, !b.size ? "" : fits ? " " : "\n");
        line = fits ? line : b.size;
        tl_buffer_printf(&b, "%s=%s", name, text);
    }
    if (b.size)
        tl_buffer_add_string(&b, "\n");
    return b.size ? tl_buffer_take(&b) : tl_strdup("");
}

char *tl_operator_words(const json_t *in_flight)
{
    const char *name = tl_member_text(in_flight, "name"), *type = tl_member_text(in_flight, "type");
    if (name && *name && type && *type)
        return tl_format("%s, node %s", type, name);
    if (type && *type)
        return tl_strdup(type);
    return name && *name ? tl_format("node %s", name) : NULL;
}

char *tl_processor_words(const json_t *p)
{
    static const char *const numbers[] = {"family", "model", "variant", "stepping"};
    struct tl_buffer b = TL_BUFFER_INIT;
    for (size_t i = 0; i < TL_COUNT(numbers); i++) {
        const json_t *n = json_object_get(p, numbers[i]);
        if (json_is_integer(n))
            tl_buffer_printf(&b, "%s%s %lld", b.size ? ", " : "", numbers[i],
                             (long long)json_integer_value(n));
    }
    return b.size ? tl_buffer_take(&b) : NULL;
}

char *tl_processor_around(const json_t *p)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    const char *hypervisor = tl_member_text(p, "hypervisor"), *container = tl_member_text(p, "container");
    if (hypervisor && strcmp(hypervisor, "unknown"))
        tl_buffer_printf(&b, "on %s", hypervisor);
    else if (hypervisor)
        tl_buffer_add_string(&b, "a virtual machine");
    if (container)
        tl_buffer_printf(&b, "%sin %s", b.size ? ", " : "", container);
    return b.size ? tl_buffer_take(&b) : NULL;
}

/* Whether it goes without saying: what has AVX has these, too. */
static bool is_implied(const json_t *sets, const char *name)
{
    static const char *const older[] = {"ssse3", "sse4_1", "sse4_2"};
    const json_t *set;
    size_t i;
    if (tl_is_one_of(name, older, TL_COUNT(older)))
        json_array_foreach(sets, i, set)
            if (json_is_string(set) && !strcmp(json_string_value(set), "avx"))
                return true;
    return false;
}

/* Sets of one family stand together: there are so many of AVX-512. */
char *tl_processor_sets(const json_t *p)
{
    static const char of_512[] = "avx512";
    const json_t *sets = json_object_get(p, "sets"), *set;
    struct tl_buffer b = TL_BUFFER_INIT, wide = TL_BUFFER_INIT;
    size_t i;
    json_array_foreach(sets, i, set) {
        const char *name = json_string_value(set);
        if (!name || is_implied(sets, name))
            continue;
        if (strncmp(name, of_512, sizeof of_512 - 1)) {
            tl_buffer_printf(&b, "%s%s", b.size ? " " : "", name);
            continue;
        }
        const char *rest = name + sizeof of_512 - 1;
        tl_buffer_printf(&wide, "%s%s", wide.size ? " " : "", rest + (*rest == '_'));
    }
    if (wide.size)
        tl_buffer_printf(&b, "%s%s(%s)", b.size ? " " : "", of_512, wide.data);
    tl_buffer_free(&wide);
    return b.size ? tl_buffer_take(&b) : NULL;
}
