/* Texts for the issue forms of projects: that the forms are data which is right, that what is known is filled in and what is
 * not is said to be, that they fit, and that nothing from outside formats them. */
#include "harness/base/buffer.h"
#include "reports/finding/finding.h"
#include "reports/finding/issue_facts.h"
#include "reports/finding/issue_form.h"
#include "reports/members.h"
#include "tests/unit/spoil.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

extern const char tl_issue_projects_text[];

static void has(const char *text, const char *part)
{
    cr_expect_not_null(strstr(text, part), "there is no \"%s\" in:\n%.6000s", part, text);
}

static void has_not(const char *text, const char *part)
{
    cr_expect_null(strstr(text, part), "there is \"%s\" in:\n%.6000s", part, text);
}

static json_t *fixture(void)
{
    json_t *f = json_load_file(FIXTURES "/finding.json", 0, NULL);
    cr_assert_not_null(f);
    return f;
}

static json_t *report_of(const json_t *finding)
{
    struct tl_report_source source = {.finding = finding};
    return tl_report_new(&source);
}

static json_t *form_of(const json_t *report, const char *project)
{
    json_t *form = tl_issue_form(report, project);
    cr_assert_not_null(form);
    cr_expect_lt(strlen(tl_member_or(form, "body", "")), 65536);
    cr_expect_lt(strlen(tl_member_or(form, "title", "")), 256);
    return form;
}

static const char *text_of(const json_t *form, const char *label)
{
    const json_t *field;
    size_t i;
    json_array_foreach(json_object_get(form, "fields"), i, field)
        if (!strcmp(tl_member_or(field, "label", ""), label))
            return tl_member_or(field, "text", "");
    cr_assert_fail("there is no field %s", label);
    return "";
}

static void check_facts(const char *project, const json_t *field)
{
    const json_t *fact;
    size_t i;
    json_array_foreach(json_object_get(field, "say"), i, fact)
        cr_expect(tl_issue_fact_known(json_string_value(fact)), "%s: %s", project, json_string_value(fact));
    cr_expect(json_array_size(json_object_get(field, "say")) || json_object_get(field, "choose") ||
                  json_object_get(field, "items") || json_object_get(field, "by_hand"),
              "%s: nothing fills %s", project, tl_member_or(field, "label", "?"));
}

/* So that who adds a project is told of a mistake. */
Test(issue_form, templates_are_right)
{
    json_error_t error;
    json_t *all = json_loads(tl_issue_projects_text, JSON_REJECT_DUPLICATES, &error), *project, *field, *item,
           *when, *word;
    const char *name, *option;
    size_t i, k;
    cr_assert_not_null(all, "line %d: %s", error.line, error.text);
    json_object_foreach(all, name, project) {
        cr_expect(tl_issue_project_known(name));
        cr_expect(!strncmp(tl_member_or(project, "form", ""), "https://", 8), "%s", name);
        cr_expect(tl_member_text(project, "name") && tl_member_integer(project, "level") > 0 &&
                      json_array_size(json_object_get(project, "words")) &&
                      json_is_array(json_object_get(project, "runners")),
                  "%s", name);
        cr_expect_gt(json_array_size(json_object_get(project, "fields")), 0, "%s", name);
        json_array_foreach(json_object_get(project, "fields"), i, field) {
            cr_expect(tl_member_text(field, "label"), "%s: field %zu", name, i);
            check_facts(name, field);
            json_array_foreach(json_object_get(field, "items"), k, item)
                check_facts(name, item);
            if (!tl_member_text(field, "choose"))
                continue;
            cr_expect(tl_issue_word_known(tl_member_text(field, "choose")), "%s: %s", name,
                      tl_member_text(field, "choose"));
            cr_expect_gt(json_object_size(json_object_get(field, "options")), 1, "%s", name);
            json_object_foreach(json_object_get(field, "options"), option, when)
                json_array_foreach(when, k, word)
                    cr_expect(json_is_string(word), "%s: %s", name, option);
        }
    }
    static const char *const wanted[] = {"onnxruntime", "llama.cpp", "coreai-models", "coremltools",
                                         "pytorch"};
    for (i = 0; i < TL_COUNT(wanted); i++)
        cr_expect(tl_issue_project_known(wanted[i]), "%s", wanted[i]);
    char *names = tl_issue_projects();
    cr_expect_str_eq(names, "onnxruntime, llama.cpp, coreai-models, coremltools, pytorch");
    free(names);
    cr_expect_not(tl_issue_project_known(""));
    cr_expect_not(tl_issue_project_known("name"));
    cr_expect_null(tl_issue_form(all, "onnx"));
    json_decref(all);
}

Test(issue_form, onnxruntime_is_filled_from_the_report)
{
    json_t *finding = fixture(), *report = report_of(finding);
    json_object_set_new(report, "build_source", json_string("npm onnxruntime-node@1.22.0, package/bin/x.so"));
    json_t *form = form_of(report, "onnxruntime");
    const char *body = tl_member_text(form, "body");
    cr_expect_eq(strncmp(body, "### Describe the issue\n\nOn `onnxruntime@1.22.0:cpu`, ", 53), 0, "%.200s",
                 body);
    has(body, "\n\n### To reproduce\n\n");
    has(body, "\n### Platform\n\nLinux\n\n### OS Version\n\n");
    has(body,
        "\n### ONNX Runtime Installation\n\nReleased Package\n\n### ONNX Runtime Version or Commit "
        "ID\n\n1.22.0 (npm onnxruntime-node 1.22.0)\n\n"
        "### ONNX Runtime API\n\nC\n\n### Architecture\n\nX64\n\n### Execution Provider\n\nDefault CPU\n");
    has(body, "### Urgency\n\n(To be filled in by hand: whether it blocks you");
    has(body, "Assertion `n < 4 | m` failed");
    has_not(body, "\n## ");
    has_not(body, "\n# ");
    has_not(body, "Since which build it does was not measured.\n\nUnknown");
    cr_expect_eq(json_array_size(json_object_get(form, "warnings")), 0);
    json_decref(form);
    /* Where it came from is not known: that is not guessed. */
    json_object_del(report, "build_source");
    form = form_of(report, "onnxruntime");
    has(text_of(form, "ONNX Runtime Installation"),
        "(To be filled in by hand: one of Built from Source, Released Package, Other / Unknown.)");
    json_decref(form);
    json_decref(report);
    json_decref(finding);
}

/* Every form says whether the newest build still fails; where a tool has no builds, none does. */
Test(issue_form, the_newest_build)
{
    static const char *const projects[] = {"onnxruntime", "llama.cpp", "coreai-models", "coremltools",
                                           "pytorch"};
    json_t *finding = fixture();
    json_object_set_new(finding, "newest",
                        json_pack("{s:s,s:s,s:s,s:s}", "build", "9.1", "outcome", "pass", "phase", "execute",
                                  "variant", "minimal"));
    for (int builds = 1; builds >= 0; builds--) {
        json_t *report = report_of(finding);
        for (size_t i = 0; i < TL_COUNT(projects); i++) {
            json_t *form = form_of(report, projects[i]);
            const char *body = tl_member_or(form, "body", "");
            if (builds)
                has(body, "**Does not fail on `9.1`, the newest build that is installed here**");
            else
                has_not(body, "is installed");
            json_decref(form);
        }
        json_decref(report);
        json_object_set_new(finding, "unit", json_string("command:host"));
        json_object_set_new(
            finding, "newest",
            json_pack("{s:n,s:s}", "build", "not_tried", "no other build of it is installed"));
    }
    json_decref(finding);
}

/* Words of drop-downs, in every form that has them. */
Test(issue_form, options_follow_from_the_facts)
{
    static const struct {
        const char *os, *machine, *device, *platform, *architecture, *provider;
    } rows[] = {{"Debian GNU/Linux 12 (bookworm)", "aarch64", "webgpu", "Linux", "ARM64", "Other / Unknown"},
                {"macOS 27.0", "arm64", "coreml", "Mac", "ARM64", "CoreML"},
                {"Windows 11", "AMD64", "dml", "Windows", "X64", "DirectML"},
                {"Haiku", "riscv64", "cuda", "(To be filled in by hand: one of Windows, ", "Other / Unknown",
                 "CUDA"}};
    for (size_t i = 0; i < TL_COUNT(rows); i++) {
        json_t *finding = fixture();
        json_object_set_new(finding, "device", json_string(rows[i].device));
        json_object_set_new(finding, "environment",
                            json_pack("{s:s,s:s}", "os", rows[i].os, "machine", rows[i].machine));
        json_t *report = report_of(finding), *form = form_of(report, "onnxruntime");
        cr_expect_eq(strncmp(text_of(form, "Platform"), rows[i].platform, strlen(rows[i].platform)), 0,
                     "%s: %s", rows[i].os, text_of(form, "Platform"));
        has(text_of(form, "Architecture"), rows[i].architecture);
        has(text_of(form, "Execution Provider"), rows[i].provider);
        json_decref(form);
        json_decref(report);
        json_decref(finding);
    }
    /* A model that ran on a phone, which hangs on a Mac. */
    json_t *finding = fixture();
    json_object_set_new(finding, "environment",
                        json_pack("{s:s,s:s,s:{s:s,s:s,s:s}}", "os", "macOS 27.0", "machine", "arm64",
                                  "target", "os", "iOS 27.0", "os_build", "24A5380h", "model", "iPhone18,1"));
    json_t *report = report_of(finding), *form = form_of(report, "onnxruntime");
    has(text_of(form, "Platform"), "iOS\n");
    has(text_of(form, "OS Version"), "iOS 27.0 (24A5380h)\n");
    json_decref(form);
    json_decref(report);
    json_decref(finding);
}

static json_t *steps_report(const char *program, json_t *versions)
{
    json_t *finding = fixture();
    json_object_set_new(finding, "runner", json_string("command"));
    json_object_set_new(finding, "device", json_string("host"));
    json_object_set_new(finding, "unit", json_string("command:host"));
    json_object_set_new(finding, "build", json_null());
    json_object_set_new(json_object_get(finding, "environment"), "versions", versions);
    json_object_del(json_object_get(finding, "environment"), "runtime_version");
    json_t *report = report_of(finding);
    json_object_set_new(report, "failing_trial",
                        json_pack("{s:{s:[{s:s,s:[s,s,s]}]},s:s,s:s}", "request", "steps", "phase", "load",
                                  "argv", program, "-m", "model.gguf", "stdout", "loading\n", "stderr",
                                  "GGML_ASSERT(n > 0) failed\n"));
    json_decref(finding);
    return report;
}

Test(issue_form, commands_of_a_case_fill_forms_of_tools)
{
    json_t *report = steps_report("llama-cli", json_pack("{s:s}", "llama.cpp", "version: 6020 (aa12bb34)")),
           *form = form_of(report, "llama.cpp");
    cr_expect_eq(strncmp(tl_member_text(form, "title"), "Eval bug: ", 10), 0);
    cr_expect_eq(json_array_size(json_object_get(form, "warnings")), 0);
    has(text_of(form, "Name and Version"), "llama.cpp: version: 6020 (aa12bb34)");
    has(text_of(form, "Problem description & steps to reproduce"), "llama-cli -m model.gguf");
    has(text_of(form, "GGML backends"), "(To be filled in by hand: one of AMX, BLAS, CPU, ");
    has(text_of(form, "Relevant log output"), "GGML_ASSERT(n > 0) failed\n```");
    json_decref(form);
    json_decref(report);

    report = steps_report("coreai-build", json_pack("{s:s,s:s}", "coreai-build", "3600.82.1", "packages",
                                                    "coreai-torch 0.4.2"));
    form = form_of(report, "coreai-models");
    cr_expect_eq(json_array_size(json_object_get(form, "warnings")), 0);
    has(text_of(form, "Command run"), "```shell\ncoreai-build -m model.gguf\n```\n");
    has(text_of(form, "Xcode version"), "coreai-build: 3600.82.1");
    has(text_of(form, "Python / uv version"), "packages: coreai-torch 0.4.2");
    json_decref(form);
    json_decref(report);

    report = steps_report("uv", json_pack("{s:s}", "packages", "coremltools 9.0, numpy 2.1"));
    form = form_of(report, "coremltools");
    has(tl_member_text(form, "body"), "## 🐞Describing the bug\n\n");
    has(tl_member_text(form, "body"), "\n- coremltools version: packages: coremltools 9.0, numpy 2.1\n- OS "
                                      "(e.g. MacOS version or Linux type): ");
    json_decref(form);
    form = form_of(report, "pytorch");
    cr_expect_eq(json_array_size(json_object_get(form, "warnings")), 1, "nothing of it names torch");
    has(text_of(form, "Versions"),
        "(To be filled in by hand: the output of `python -m torch.utils.collect_env`.)");
    json_decref(form);
    json_decref(report);
}

Test(issue_form, the_wrong_project_is_a_warning)
{
    json_t *finding = fixture(), *report = report_of(finding);
    static const char *const others[] = {"llama.cpp", "coreai-models", "coremltools", "pytorch"};
    for (size_t i = 0; i < TL_COUNT(others); i++) {
        json_t *form = form_of(report, others[i]);
        const json_t *warnings = json_object_get(form, "warnings");
        cr_expect_eq(json_array_size(warnings), 1);
        has(json_string_value(json_array_get(warnings, 0)), "onnxruntime@1.22.0:cpu");
        json_decref(form);
    }
    json_decref(report);
    json_decref(finding);
}

/* A body is refused above 65,536 characters, and a fence that is not closed swallows the rest. */
Test(issue_form, a_megabyte_fits)
{
    json_t *finding = fixture();
    char *megabyte = tl_malloc((1 << 20) + 1);
    for (size_t i = 0; i < 1 << 20; i += 8)
        memcpy(megabyte + i, "```a<b>\n", 8);
    megabyte[1 << 20] = '\0';
    json_object_set_new(finding, "message", json_string(megabyte));
    json_object_set_new(finding, "title", json_string(megabyte));
    json_object_set_new(json_object_get(finding, "minimal"), "layers", json_string(megabyte));
    json_object_set_new(json_object_get(finding, "environment"), "os", json_string(megabyte));
    json_object_set_new(finding, "about", json_pack("{s:s,s:s}", "notes", megabyte, "impact", megabyte));
    json_t *report = report_of(finding), *all = json_loads(tl_issue_projects_text, 0, NULL), *project;
    json_object_set_new(report, "failing_trial",
                        json_pack("{s:s,s:s}", "stderr", megabyte, "stdout", megabyte));
    const char *name;
    json_object_foreach(all, name, project) {
        json_t *form = form_of(report, name), *field;
        size_t i;
        json_array_foreach(json_object_get(form, "fields"), i, field) {
            const char *text = tl_member_or(field, "text", "");
            size_t fences = 0;
            for (const char *at = text; (at = strstr(at, "\n````")); at++)
                fences++;
            fences += !strncmp(text, "````", 4);
            cr_expect_eq(fences % 2, 0, "%s, %s: %zu fences\n%.3000s", name, tl_member_or(field, "label", ""),
                         fences, text);
        }
        json_decref(form);
    }
    json_decref(all);
    json_decref(report);
    json_decref(finding);
    free(megabyte);
}

Test(issue_form, nothing_from_outside_formats_it)
{
    json_t *finding = fixture();
    json_object_set_new(finding, "case", json_string("# x\n### Platform\n\n<script> @octocat"));
    json_object_set_new(json_object_get(finding, "environment"), "os",
                        json_string("Linux\n### Urgency\n<b>"));
    json_t *report = report_of(finding), *form = form_of(report, "onnxruntime");
    const char *body = tl_member_text(form, "body");
    /* Headings are those of the fields, where no fence is open. */
    size_t headings = 0;
    bool fenced = false;
    for (const char *line = body; *line; line += strcspn(line, "\n") + (line[strcspn(line, "\n")] == '\n')) {
        fenced = strncmp(line, "```", 3) ? fenced : !fenced;
        headings += !fenced && !strncmp(line, "### ", 4);
        cr_expect(fenced || strncmp(line, "<b>", 3), "%.100s", line);
    }
    cr_expect_eq(headings, json_array_size(json_object_get(form, "fields")), "%zu headings", headings);
    has(body, "the model of the case `# x ### Platform  <script> @octocat` crashes");
    has(body, " Urgency \\<b\\> (12)");
    json_decref(form);
    json_decref(report);
    json_decref(finding);
}

static void use(json_t *whole)
{
    static const char *const names[] = {"onnxruntime", "llama.cpp", "coreai-models", "coremltools"};
    json_t *report = report_of(whole);
    for (size_t i = 0; i < TL_COUNT(names); i++)
        json_decref(tl_issue_form(report, names[i]));
    json_decref(report);
}

Test(issue_form, any_document_fills_one, .timeout = 60)
{
    json_t *f = fixture();
    while (json_array_size(json_object_get(f, "path")) > 4)
        json_array_remove(json_object_get(f, "path"), 4);
    spoil(f, f, 1, use);
    json_decref(f);
    f = json_object();
    use(f);
    json_decref(f);
}
