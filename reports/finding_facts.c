/* The sections of a report that say what there was: environment, command lines, the failure itself and its
 * stacks. */
#include "harness/base/frame_text.h"
#include "reports/commands.h"
#include "reports/fault_words.h"
#include "reports/finding_axes.h"
#include "reports/finding_sections.h"

#include <stdlib.h>
#include <string.h>

static void add_field(json_t *rows, const char *name, const char *value)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    tl_inline_text(&b, value && *value ? value : "unknown");
    char *cells[] = {tl_strdup(name), tl_buffer_take(&b)};
    tl_page_row(rows, false, 2, cells);
}

/* The text is taken over; NULL: it is not known. */
static void add_made(json_t *rows, const char *name, char *value)
{
    add_field(rows, name, value);
    free(value);
}

static void add_code_field(json_t *rows, const char *name, const char *value)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    tl_inline_code(&b, value);
    char *cells[] = {tl_strdup(name), b.size ? tl_buffer_take(&b) : tl_strdup("unknown")};
    tl_page_row(rows, false, 2, cells);
}

static char *versions(const struct tl_sections *r)
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
    add_made(rows, whole, value);
    free(whole);
}

/* Findings of before it was kept do not tell. */
static void add_device(json_t *rows, const json_t *target)
{
    add_field(rows, "Model of the device", tl_member_text(target, "model"));
    add_field(rows, "OS of the device", tl_member_text(target, "os"));
    add_field(rows, "OS build of the device", tl_member_text(target, "os_build"));
}

/* "AMD EPYC, 2 cores (family 25, model 17, stepping 1; virtual machine (KVM))" */
static char *processor_words(const json_t *v)
{
    const json_t *p = json_object_get(v, "processor");
    const char *cpu = tl_member_text(v, "cpu"), *name = tl_member_text(p, "name");
    json_int_t cores = tl_member_integer(v, "cores"), usable = tl_member_integer(p, "usable");
    char *more = tl_processor_words(p);
    struct tl_buffer b = TL_BUFFER_INIT;
    tl_buffer_add_string(&b, cpu && !strncmp(cpu, "0x", 2) && name ? name : cpu ? cpu : cores ? "unknown" : "");
    if (cores > 0)
        tl_buffer_printf(&b, ", %lld cores", (long long)cores);
    if (usable > 0 && usable < cores)
        tl_buffer_printf(&b, " of which %lld may be used", (long long)usable);
    if (more)
        tl_buffer_printf(&b, " (%s)", more);
    free(more);
    return b.size ? tl_buffer_take(&b) : NULL;
}

void tl_section_environment(const struct tl_sections *r)
{
    static const char *const head[] = {"field", "value"};
    const json_t *v = json_object_get(r->finding, "environment"),
                 *build = json_object_get(r->finding, "build");
    json_int_t memory = tl_member_integer(v, "memory");
    const char *runtime = tl_member_or(v, "runtime_version", tl_member_or(build, "version", NULL));
    const char *observed = tl_member_text(r->failing, "observed"),
               *by_control = tl_member_text(r->control, "observed");
    tl_page_heading(r->page, 2, "Environment");
    json_t *rows = tl_page_table(r->page, 2, head);
    add_made(rows, "Runtime",
             tl_format("%s%s%s", tl_member_or(r->finding, "runner", ""), runtime ? " " : "",
                       runtime ? runtime : ", version unknown"));
    add_code_field(rows, "Runtime, SHA-256",
                   tl_member_or(v, "runtime_sha256", tl_member_text(build, "sha256")));
    add_code_field(rows, "Runtime, file", tl_member_or(build, "path", tl_member_text(v, "runtime_path")));
    add_field(rows, "Runtime, commit", tl_member_text(build, "commit"));
    add_made(rows, "Toolchain and packages", versions(r));
    add_code_field(rows, "Compute unit asked for", tl_member_text(r->finding, "device"));
    if (observed || !by_control)
        add_code_field(rows, "Compute unit observed", observed);
    else
        add_made(rows, "Compute unit observed",
                 tl_format("unknown for the failing variant; %s for the control", by_control));
    char *targets = tl_steps_targets(json_object_get(r->failing, "request"));
    if (*targets)
        add_field(rows, "Target platform and architecture", targets);
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
    add_made(rows, "Measured with",
             tl_format("trapline %s, runner %s", trapline ? trapline : "?",
                       runner ? runner : "of unknown version"));
}

static char *run_command(const json_t *f)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    const char *name = tl_member_text(f, "case"), *unit = tl_member_text(f, "unit");
    char *file = tl_format("%s.json", name ? name : "CASE");
    tl_buffer_add_string(&b, "trapline run");
    tl_shell_word(&b, file, true);
    tl_buffer_add_string(&b, " -u");
    tl_shell_word(&b, unit ? unit : "UNIT", true);
    tl_shell_settings(&b, tl_report_variant(f), true);
    tl_buffer_add_string(&b, "\n");
    free(file);
    return tl_buffer_take(&b);
}

static bool is_own_runner(const json_t *finding)
{
    static const char *const names[] = {"onnxruntime", "command", "sim", "selftest"};
    const char *name = tl_member_text(finding, "runner");
    for (size_t i = 0; name && i < TL_COUNT(names); i++)
        if (!strcmp(name, names[i]))
            return true;
    return false;
}

void tl_section_reproduce(const struct tl_sections *r)
{
    char *alone = tl_runner_command(r->failing), *steps = tl_steps_commands(r->failing);
    const json_t *attached = json_object_get(r->bundle, "repro");
    tl_page_heading(r->page, 2, "How to reproduce");
    if (json_is_true(attached)) {
        tl_page_words(r->page, "With the attached files and nothing of trapline (not run by trapline "
                               "itself; with " TL_CODE_ON "--control" TL_CODE_OFF
                               " they run the neighbour that passed):");
        tl_page_code(
            r->page, "sh",
            tl_strdup("cc repro.c -ldl -lpthread && ./a.out /path/to/libonnxruntime.so\npython3 repro.py\n"));
    }
    if (steps) {
        tl_page_words(r->page, "The commands of the case and nothing of trapline, in an empty "
                               "directory:");
        tl_page_code(r->page, "sh", steps);
    }
    tl_page_words(r->page, "With trapline and the case file:");
    tl_page_code(r->page, "sh", run_command(r->finding));
    if (alone) {
        /* A runner of somebody else's need not know how to be run by hand. */
        tl_page_words(r->page, is_own_runner(r->finding)
                                   ? "The runner alone, under a debugger too:"
                                   : "The runner alone, if it takes " TL_CODE_ON "--trial" TL_CODE_OFF
                                     " as those of trapline do; otherwise it wants the same "
                                     "request as a line on descriptor 3:");
        bool home = strstr(alone, "~/") != NULL;
        tl_page_code(r->page, "sh", alone);
        if (home)
            tl_page_words(r->page, "Where a path begins with " TL_CODE_ON "~" TL_CODE_OFF
                                   ", a home directory was left out; write yours there.");
    } else {
        tl_page_words(r->page, "The command line of the runner alone: unknown.");
    }
}

/* Where something was counted. */
static void add_counts(json_t *rows, const char *name, const json_t *trial)
{
    char *words = tl_counts_words(json_object_get(trial, "counts"));
    if (*words)
        add_field(rows, name, words);
    free(words);
}

void tl_section_failure(const struct tl_sections *r)
{
    static const char *const head[] = {"field", "value"};
    const json_t *f = r->finding, *capture = json_object_get(r->failing, "capture"),
                 *exit_status = json_object_get(f, "exit_status"), *s = json_object_get(f, "signature");
    const char *message = tl_member_text(f, "message"), *err = tl_member_text(r->failing, "stderr"),
               *signal = tl_member_text(f, "signal"), *domain = tl_member_text(r->failing, "error_domain"),
               *code = tl_member_text(r->failing, "error_code");
    tl_page_heading(r->page, 2, "Failure");
    json_t *rows = tl_page_table(r->page, 2, head);
    add_field(rows, "Outcome", tl_member_text(f, "outcome"));
    add_field(rows, "Phase", tl_member_text(f, "phase"));
    add_field(rows, "Signal", json_is_null(json_object_get(f, "signal")) ? "none" : signal);
    if (json_is_integer(exit_status))
        add_made(rows, "Exit status of the runner",
                 tl_format("%lld", (long long)json_integer_value(exit_status)));
    else
        add_field(rows, "Exit status of the runner", signal ? "none: it died of the signal" : NULL);
    /* The exit status of a step is in the code; the runner itself ended well when it told of it. */
    if (domain)
        add_made(rows, "Error, domain and code", tl_format("%s, %s", domain, code ? code : "no code"));
    add_field(rows, "Address of the fault",
              tl_member_or(capture, "address", json_is_object(capture) ? "none" : NULL));
    add_counts(rows, "Counted", r->failing);
    add_counts(rows, "Counted in the control", r->control);
    add_code_field(rows, "Signature", tl_member_text(s, "title"));
    add_code_field(rows, "Signature, id", tl_member_text(s, "id"));
    add_code_field(rows, "Across builds", tl_member_text(s, "coarse_title"));
    add_code_field(rows, "Trial", tl_member_text(json_object_get(f, "evidence"), "trial"));
    add_field(rows, "Report of the OS (.ips)", tl_member_text(r->failing, "ips"));
    tl_page_heading(r->page, 3, "Assertion or error text");
    if (message && *message)
        tl_page_code(r->page, "text", tl_strdup(message));
    else
        tl_page_words(r->page, "None was found.");
    if (err && *err)
        tl_page_fold(r->page, tl_strdup("The end of stderr"), tl_strdup(err));
}

static char *stack_text(const json_t *thread)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    const json_t *frame;
    char *state = tl_thread_state_text(tl_member_text(thread, "state"));
    size_t i;
    if (state)
        tl_buffer_printf(&b, "%s\n", state);
    free(state);
    json_array_foreach(json_object_get(thread, "frames"), i, frame)
        tl_buffer_printf(&b, "%s\n", json_string_value(frame));
    if (!b.size)
        tl_buffer_add_string(&b, "(no frames)\n");
    return tl_buffer_take(&b);
}

void tl_section_stacks(const struct tl_sections *r)
{
    const json_t *capture = json_object_get(r->failing, "capture"),
                 *threads = json_object_get(capture, "threads"), *thread, *module;
    struct tl_buffer modules = TL_BUFFER_INIT;
    size_t i;
    const char *kind = tl_member_text(capture, "kind");
    tl_page_heading(r->page, 2, "Stack");
    if (!json_array_size(threads)) {
        tl_page_words(r->page, "Unknown: no stack was captured.");
        return;
    }
    json_array_foreach(threads, i, thread) {
        const char *name = tl_member_text(thread, "name");
        char *title = tl_format("Thread %lld%s%s", (long long)tl_member_integer(thread, "tid"),
                                name && *name ? " " : "", name ? name : "");
        if (i == 0) {
            struct tl_buffer b = TL_BUFFER_INIT;
            tl_inline_text(&b, title);
            tl_buffer_add_string(&b, tl_member_true(thread, "crashed") ? ", which took the signal:"
                                     : kind && !strcmp(kind, "hang")   ? ", when its time was over:"
                                                                       : ":");
            tl_page_paragraph(r->page, tl_buffer_take(&b));
            tl_page_code(r->page, "text", stack_text(thread));
            free(title);
        } else {
            tl_page_fold(r->page, title, stack_text(thread));
        }
    }
    json_array_foreach(json_object_get(capture, "modules"), i, module) {
        const char *id = tl_member_text(module, "build_id"), *path = tl_member_text(module, "path");
        tl_buffer_printf(&modules, "%s  %s\n", id && *id ? id : "(no build-id)", path ? path : "?");
    }
    if (modules.size)
        tl_page_fold(r->page, tl_strdup("Modules of these frames, with build-ids"), tl_buffer_take(&modules));
}
