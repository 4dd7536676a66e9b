/* The environment of a failure. */
#include "reports/commands.h"
#include "reports/fault_words.h"
#include "reports/finding/axes.h"
#include "reports/finding/sections.h"

#include "harness/base/plural.h"
#include "harness/base/utf8.h"

#include <stdlib.h>
#include <string.h>

#define HASH_SHOWN 12

/* others: without that of the runtime, which has a line of its own. */
static char *versions(const struct tl_sections *r, bool others)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    const json_t *list = json_object_get(r->failing, "versions");
    const char *name;
    json_t *version;
    if (!json_is_object(list))
        list = json_object_get(r->control, "versions");
    const json_t *const lists[] = {json_object_get(json_object_get(r->finding, "environment"), "versions"),
                                   list};
    for (size_t i = 0; i < TL_COUNT(lists); i++)
        json_object_foreach((json_t *)lists[i], name, version) {
            if (others && !strcmp(name, tl_member_or(r->finding, "runner", "")))
                continue;
            tl_buffer_printf(&b, "%s%s ", b.size ? ", " : "", name);
            tl_inline_value(&b, version);
        }
    return tl_buffer_take(&b);
}

/* The model ran on a device that hangs on the machine of the environment, which is its host. */
static bool on_device(const json_t *finding)
{
    const char *unit = tl_member_text(finding, "unit");
    return unit && strchr(unit, '%');
}

static void add_of(json_t *rows, const char *name, const char *of, char *value) /* takes it */
{
    char *whole = tl_format("%s%s", name, of);
    tl_page_made_field(rows, whole, value);
    free(whole);
}

/* Findings of before it was kept do not tell. */
static void add_device(json_t *rows, const json_t *target)
{
    tl_page_field(rows, "Model of the device", tl_member_text(target, "model"));
    tl_page_field(rows, "OS of the device", tl_member_text(target, "os"));
    tl_page_field(rows, "OS build of the device", tl_member_text(target, "os_build"));
}

/* "AMD EPYC (family 25, model 17, stepping 1), 2 cores, on KVM" */
static char *processor_words(const json_t *v)
{
    const json_t *p = json_object_get(v, "processor");
    const char *cpu = tl_member_text(v, "cpu"), *name = tl_member_text(p, "name");
    json_int_t cores = tl_member_integer(v, "cores"), usable = tl_member_integer(p, "usable");
    char *more = tl_processor_words(p), *around = tl_processor_around(p);
    struct tl_buffer b = TL_BUFFER_INIT;
    tl_buffer_add_string(&b, cpu && !strncmp(cpu, "0x", 2) && name ? name : cpu ? cpu : "");
    if (more)
        tl_buffer_printf(&b, "%s(%s)", b.size ? " " : "", more);
    if (cores > 0)
        tl_buffer_printf(&b, "%s%lld core%s", b.size ? ", " : "", (long long)cores,
                         tl_plural((unsigned long long)cores));
    if (usable > 0 && usable < cores)
        tl_buffer_printf(&b, " of which %lld may be used", (long long)usable);
    if (around)
        tl_buffer_printf(&b, "%s%s", b.size ? ", " : "", around);
    free(more);
    free(around);
    if (b.size)
        return tl_buffer_take(&b);
    tl_buffer_free(&b);
    return NULL;
}

static void add_in_full(const struct tl_sections *r)
{
    static const char *const head[] = {"field", "value"};
    const json_t *v = json_object_get(r->finding, "environment"),
                 *build = json_object_get(r->finding, "build");
    json_int_t memory = tl_member_integer(v, "memory");
    const char *runtime = tl_member_or(v, "runtime_version", tl_member_or(build, "version", NULL));
    const char *observed = tl_member_text(r->failing, "observed"),
               *by_control = tl_member_text(r->control, "observed");
    json_t *rows = tl_page_table(r->page, 2, head);
    tl_page_made_field(rows, "Runtime",
                       tl_format("%s%s%s", tl_member_or(r->finding, "runner", ""), runtime ? " " : "",
                                 runtime ? runtime : ""));
    tl_page_code_field(rows, "Runtime, SHA-256",
                       tl_member_or(v, "runtime_sha256", tl_member_text(build, "sha256")));
    tl_page_code_field(rows, "Runtime, file", tl_member_or(build, "path", tl_member_text(v, "runtime_path")));
    tl_page_field(rows, "Runtime, commit", tl_member_text(build, "commit"));
    tl_page_made_field(rows, "Toolchain and packages", versions(r, false));
    tl_page_code_field(rows, "Compute unit asked for", tl_member_text(r->finding, "device"));
    if (observed || !by_control)
        tl_page_code_field(rows, "Compute unit observed", observed);
    else
        tl_page_made_field(rows, "Compute unit observed", tl_format("of the control: %s", by_control));
    char *targets = tl_steps_targets(json_object_get(r->failing, "request"));
    if (*targets)
        tl_page_field(rows, "Target platform and architecture", targets);
    free(targets);
    const bool elsewhere = on_device(r->finding);
    if (elsewhere)
        add_device(rows, json_object_get(v, "target"));
    const char *of = elsewhere ? " of the host" : "";
    add_of(rows, "OS", of, tl_strdup(tl_member_text(v, "os")));
    add_of(rows, "OS build", of, tl_strdup(tl_member_text(v, "os_build")));
    add_of(rows, "Kernel", of, tl_strdup(tl_member_text(v, "kernel")));
    add_of(rows, elsewhere ? "Model" : "Machine", of,
           tl_strdup(tl_member_or(v, "model", tl_member_text(v, "machine"))));
    add_of(rows, "CPU", of, processor_words(v));
    char *sets = tl_processor_sets(json_object_get(v, "processor"));
    if (sets)
        add_of(rows, "Instruction sets", of, sets);
    add_of(rows, "GPU and driver", of, tl_strdup(tl_member_or(v, "gpu", tl_member_text(v, "driver"))));
    add_of(rows, "Memory", of, memory > 0 ? tl_format("%.1f GiB", (double)memory / 1073741824.0) : NULL);
    const char *trapline = tl_member_text(v, "trapline"), *runner = tl_member_text(v, "runner_version");
    tl_page_made_field(rows, "Measured with",
                       tl_format("trapline %s, runner %s", trapline ? trapline : "?",
                                 runner ? runner : "of unknown version"));
}

/* ---- in a few lines ---- */

static void add_part(struct tl_buffer *b, const char *before, const char *value, const char *after)
{
    if (!value || !*value)
        return;
    tl_buffer_add_string(b, b->size ? ", " : "");
    tl_buffer_add_string(b, before);
    tl_inline_text(b, value);
    tl_buffer_add_string(b, after);
}

/* So many signs of it as tell it from others. */
static void add_hash(struct tl_buffer *b, const char *before, const char *hash)
{
    struct tl_buffer cut = TL_BUFFER_INIT;
    if (!hash || !*hash)
        return;
    tl_buffer_printf(&cut, "%.*s", (int)tl_utf8_cut(hash, HASH_SHOWN), hash);
    tl_buffer_add_string(&cut, strlen(hash) > cut.size ? "…" : "");
    tl_buffer_add_string(b, b->size ? ", " : "");
    tl_buffer_add_string(b, before);
    tl_inline_code(b, cut.data);
    tl_buffer_free(&cut);
}

static void add_runtime(struct tl_buffer *b, const struct tl_sections *r)
{
    const json_t *v = json_object_get(r->finding, "environment"),
                 *build = json_object_get(r->finding, "build");
    const char *runtime = tl_member_or(v, "runtime_version", tl_member_or(build, "version", NULL)),
               *runner = tl_member_text(r->finding, "runner");
    if (runner && runtime)
        tl_inline_text(b, runner);
    if (runtime) {
        tl_buffer_add_string(b, b->size ? " " : "");
        tl_inline_text(b, runtime);
    }
    add_hash(b, "SHA-256 ", tl_member_or(v, "runtime_sha256", tl_member_text(build, "sha256")));
    add_hash(b, "commit ", tl_member_text(build, "commit"));
}

static void add_unit(struct tl_buffer *b, const struct tl_sections *r)
{
    const char *asked = tl_member_text(r->finding, "device"),
               *observed = tl_member_text(r->failing, "observed"),
               *by_control = tl_member_text(r->control, "observed");
    char *targets = tl_steps_targets(json_object_get(r->failing, "request"));
    bool none = asked && !strcmp(asked, "host") && !strcmp(tl_member_or(r->finding, "runner", ""), "command");
    if (asked && !none) { /* the programs of a case choose theirs */
        tl_inline_code(b, asked);
        if (observed && strcmp(asked, observed) != 0)
            add_part(b, "but it ran on ", observed, "");
        else if (!observed && by_control && strcmp(asked, by_control) != 0)
            add_part(b, "the control ran on ", by_control, "");
    }
    add_part(b, "", targets, "");
    free(targets);
}

static void add_machine(struct tl_buffer *b, const json_t *v)
{
    json_int_t memory = tl_member_integer(v, "memory");
    add_part(b, "", tl_member_or(v, "model", tl_member_text(v, "machine")), "");
    char *processor = processor_words(v);
    add_part(b, "", processor, "");
    free(processor);
    if (memory > 0)
        tl_buffer_printf(b, "%s%.1f GiB", b->size ? ", " : "", (double)memory / 1073741824.0);
    add_part(b, "GPU ", tl_member_or(v, "gpu", tl_member_text(v, "driver")), "");
}

static void add_system(struct tl_buffer *b, const json_t *v)
{
    const char *os = tl_member_text(v, "os"), *build = tl_member_text(v, "os_build");
    add_part(b, "", os, "");
    add_part(b, "build ", build && os && strstr(os, build) ? NULL : build, "");
    add_part(b, "kernel ", tl_member_text(v, "kernel"), "");
}

static void add_target(struct tl_buffer *b, const json_t *v)
{
    const json_t *target = json_object_get(v, "target");
    add_part(b, "", tl_member_text(target, "model"), "");
    add_system(b, target);
}

/* The item is taken over. */
static void add_item(const struct tl_sections *r, const char *name, struct tl_buffer *text)
{
    if (text->size)
        tl_page_item(r->page, tl_format(TL_BOLD_ON "%s:" TL_BOLD_OFF " %s", name, text->data));
    tl_buffer_clear(text);
}

static void add_briefly(const struct tl_sections *r)
{
    const json_t *v = json_object_get(r->finding, "environment");
    const bool elsewhere = on_device(r->finding);
    struct tl_buffer b = TL_BUFFER_INIT, unit = TL_BUFFER_INIT;
    char *packages = versions(r, true);
    add_unit(&unit, r);
    add_runtime(&b, r);
    if (b.size && unit.size) {
        tl_buffer_printf(&b, ", on %s", unit.data);
        tl_buffer_clear(&unit);
    }
    add_item(r, "Runtime", &b);
    add_part(&b, "", packages, "");
    add_item(r, "Tools", &b);
    add_item(r, "Compute unit", &unit);
    if (elsewhere)
        add_target(&b, v);
    add_item(r, "Device", &b);
    add_machine(&b, v);
    add_item(r, elsewhere ? "Host" : "Machine", &b);
    char *sets = elsewhere ? NULL : tl_processor_sets(json_object_get(v, "processor"));
    add_part(&b, "", sets, "");
    free(sets);
    add_item(r, "Instruction sets", &b);
    add_system(&b, v);
    add_item(r, elsewhere ? "OS of the host" : "OS", &b);
    tl_buffer_free(&b);
    tl_buffer_free(&unit);
    free(packages);
}

void tl_section_environment(const struct tl_sections *r)
{
    struct tl_sections own = *r;
    own.page = json_array();
    (r->extent == TL_EXTENT_FULL ? add_in_full : add_briefly)(&own);
    tl_page_under(r->page, "Environment", own.page);
}
