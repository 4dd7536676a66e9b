/* The smallest way to see it: the reproducer of the bundle and what was seen of it, the commands of a case, and trapline. */
#include "harness/base/buffer.h"
#include "reports/commands.h"
#include "reports/finding/axes.h"
#include "reports/finding/figures.h"
#include "reports/finding/members.h"
#include "reports/finding/sections.h"
#include "reports/finding/words.h"
#include "reports/graph_words.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define LINE_WHOLE 600 /* bytes of what a program says that are not cut */
#define LINE_CUT 300   /* columns of a longer line, of both its ends */

#define CHANGED_MOST 6

/* ---- what was seen ---- */

/* "died of SIGSEGV", "exited with 3": what one kind of runs came to. */
static void add_end(struct tl_buffer *b, const json_t *proof)
{
    const json_t *status = json_object_get(proof, "exit_status");
    const char *signal = tl_member_text(proof, "signal"),
               *outcome = tl_member_or(proof, "outcome", "unknown");
    const char *title = tl_member_text(proof, "title");
    if (signal)
        tl_buffer_printf(b, "died of %s", signal);
    else if (!strcmp(outcome, "hang"))
        tl_buffer_add_string(b, "did not come to an end");
    else if (!strcmp(outcome, "oom"))
        tl_buffer_add_string(b, "ran out of memory");
    else if (json_is_integer(status))
        tl_buffer_printf(b, "exited with %lld", (long long)json_integer_value(status));
    else
        tl_buffer_printf(b, "ended as %s", outcome);
    if (title) { /* that of another failure */
        tl_buffer_add_string(b, " (");
        tl_inline_code(b, title);
        tl_buffer_add_string(b, ")");
    }
}

/* "died of SIGSEGV in 3 of 3 runs here", or how many did not end so. */
static void add_runs(struct tl_buffer *b, const json_t *proof, const char *here)
{
    long long runs = tl_member_integer(proof, "runs"), as = tl_member_integer(proof, "as_reported");
    if (as == runs) {
        add_end(b, proof);
        tl_buffer_printf(b, " in %lld of %lld%s", as, runs, here);
        if (!strcmp(tl_member_or(proof, "told_by", ""), "signal"))
            tl_buffer_add_string(b, " (compared by the signal alone, without a stack or a message)");
    } else { /* what is known of the end is that of a run that was not so */
        tl_buffer_printf(b, "did as reported in %lld of %lld%s, and otherwise ", as, runs, here);
        add_end(b, proof);
    }
}

static const json_t *control_of(const json_t *proved, const char *program)
{
    const json_t *proof;
    size_t i;
    json_array_foreach(proved, i, proof)
        if (!strcmp(tl_member_or(proof, "side", ""), "control") &&
            !strcmp(tl_member_or(proof, "program", ""), program))
            return proof;
    return NULL;
}

/* Whether runs ended in two ways: the line is of one that did as reported then, and the rest of another. */
static bool is_partly(const json_t *proof)
{
    json_int_t as = tl_member_integer(proof, "as_reported");
    return as > 0 && as < tl_member_integer(proof, "runs");
}

/* What is no line of a result, of a run that died, is what happened to be written before. */
static bool says_line(const json_t *proof, const char *line)
{
    bool died = is_partly(proof) || tl_member_text(proof, "signal");
    return line && (!died || (is_partly(proof) && !strncmp(line, "RESULT: ", strlen("RESULT: "))));
}

/* "repro.c died of SIGSEGV in 3 of 3 runs here; with --control it exited with 0 in 3 of 3." */
static void add_proof(struct tl_buffer *b, const json_t *proved, const json_t *proof)
{
    const char *program = tl_member_or(proof, "program", "it"), *note = tl_member_text(proof, "note"),
               *line = tl_member_text(proof, "line");
    const json_t *control = control_of(proved, program);
    tl_buffer_add_string(b, b->size ? " " : "");
    tl_inline_code(b, program);
    tl_buffer_add_string(b, " ");
    if (tl_member_integer(proof, "runs") > 0)
        add_runs(b, proof, " runs here");
    else
        tl_buffer_add_string(b, "was not run here");
    if (tl_member_integer(control, "runs") > 0) {
        const char *build = tl_member_text(control, "build");
        tl_buffer_add_string(b, build ? "; with the library of build "
                                      : "; with " TL_CODE_ON "--control" TL_CODE_OFF);
        tl_inline_text(b, build);
        tl_buffer_add_string(b, build ? ", which is the control, it " : " it ");
        add_runs(b, control, "");
    }
    if (says_line(proof, line)) {
        tl_buffer_add_string(b, is_partly(proof) ? "; as reported it says " : "; it says ");
        char *cut = strlen(line) > LINE_WHOLE ? tl_graph_cut(line, LINE_CUT, false) : tl_strdup(line);
        tl_inline_code(b, cut);
        free(cut);
    }
    /* Why it was not run, or a sentence of its own. */
    tl_buffer_add_string(b, !note ? "." : isupper((unsigned char)*note) ? ". " : ": ");
    tl_inline_text(b, note);
    tl_buffer_add_string(b, note && !strchr(".!?", note[strlen(note) - 1]) ? "." : "");
}

/* That a side is not the report's own variant: it had to leave an edge. */
static void add_move(const struct tl_sections *r, const char *member, const char *whose)
{
    const json_t *moved = json_object_get(r->bundle, member);
    const char *axis = tl_member_or(moved, "axis", "unknown"), *why = tl_member_text(moved, "why");
    struct tl_buffer b = TL_BUFFER_INIT;
    if (!json_is_object(moved))
        return;
    tl_buffer_printf(&b, "%s ", whose);
    tl_words_setting(&b, axis, json_object_get(moved, "to"));
    tl_buffer_add_string(&b, " instead of ");
    tl_words_setting(&b, axis, json_object_get(moved, "from"));
    tl_buffer_add_string(&b, why ? ": " : "");
    tl_inline_text(&b, why);
    tl_buffer_add_string(&b, ".");
    tl_page_paragraph(r->page, tl_buffer_take(&b));
}

/* That a side could not leave its edge, for what does not show every time there. */
static void add_stay(const struct tl_sections *r, const char *member)
{
    const char *sentence = tl_member_text(r->bundle, member);
    struct tl_buffer b = TL_BUFFER_INIT;
    if (!sentence)
        return;
    tl_inline_text(&b, sentence);
    tl_buffer_add_string(&b, ".");
    tl_page_paragraph(r->page, tl_buffer_take(&b));
}

/* What is not what it was when the failure was found. */
static void add_changed(const struct tl_sections *r)
{
    const json_t *changed = json_object_get(r->bundle, "changed"), *name;
    struct tl_buffer b = TL_BUFFER_INIT;
    size_t i, n = json_array_size(changed);
    if (!n)
        return;
    tl_buffer_add_string(&b, "Changed after the failure was found, so that it may do something else now: ");
    json_array_foreach(changed, i, name)
        if (i < CHANGED_MOST) {
            tl_buffer_add_string(&b, i ? ", " : "");
            tl_inline_code(&b, json_string_value(name));
        }
    if (n > CHANGED_MOST)
        tl_buffer_printf(&b, " and %zu more", n - CHANGED_MOST);
    tl_buffer_add_string(&b, ".");
    tl_page_paragraph(r->page, tl_buffer_take(&b));
}

static bool is_attached(const json_t *bundle, const char *name)
{
    const json_t *file;
    size_t i;
    json_array_foreach(json_object_get(bundle, "files"), i, file)
        if (!strcmp(tl_member_or(file, "name", ""), name))
            return true;
    return false;
}

static void add_proofs(const struct tl_sections *r)
{
    const json_t *proved = json_object_get(r->bundle, "proved"), *proof;
    struct tl_buffer b = TL_BUFFER_INIT;
    size_t i;
    json_array_foreach(proved, i, proof)
        if (strcmp(tl_member_or(proof, "side", "failing"), "control") != 0)
            add_proof(&b, proved, proof);
    tl_page_paragraph(r->page, tl_buffer_take(&b));
    add_changed(r);
    bool both = is_attached(r->bundle, "repro.c") && is_attached(r->bundle, "repro.py");
    add_move(r, "moved",
             both ? TL_CODE_ON "repro.c" TL_CODE_OFF " and " TL_CODE_ON "repro.py" TL_CODE_OFF " have"
                  : "It has");
    add_stay(r, "stayed");
    add_stay(r, "control_stayed");
    add_move(r, "control_moved",
             both ? "With " TL_CODE_ON "--control" TL_CODE_OFF " they have"
                  : "With " TL_CODE_ON "--control" TL_CODE_OFF " it has");
}

/* ---- commands ---- */

static const struct {
    const char *name, *command;
} programs[] = {
    {"repro.c", "cc repro.c -ldl -lpthread && ./a.out /path/to/libonnxruntime.so\n"},
    {"repro.py", "python3 repro.py\n"},
    {"repro.sh", "sh repro.sh\n"},
};

static bool is_any_attached(const json_t *bundle)
{
    bool any = false;
    for (size_t i = 0; i < TL_COUNT(programs); i++)
        any = any || is_attached(bundle, programs[i].name);
    return any;
}

/* Whether no variant is the control, but a build. */
static bool has_control_build(const json_t *bundle)
{
    const json_t *proof;
    size_t i;
    json_array_foreach(json_object_get(bundle, "proved"), i, proof)
        if (tl_member_text(proof, "build"))
            return true;
    return false;
}

/* Whether any variant is. */
static bool has_control(const struct tl_sections *r)
{
    const json_t *proof;
    bool ran = false, control = false;
    size_t i;
    json_array_foreach(json_object_get(r->bundle, "proved"), i, proof) {
        ran = ran || tl_member_integer(proof, "runs") > 0;
        control = control || !strcmp(tl_member_or(proof, "side", ""), "control");
    }
    return control || (!ran && json_is_object(r->control));
}

/* What repro.sh finds in PATH; and nothing else, unless something that it needs was left out. */
static void add_needs(struct tl_buffer *b, const json_t *bundle)
{
    const json_t *needs = json_object_get(bundle, "needs"), *name;
    size_t i, n = json_array_size(needs);
    bool in_path = true;
    json_array_foreach(needs, i, name) {
        const char *text = json_string_value(name);
        in_path = in_path && text && !strchr(text, '/');
        tl_buffer_add_string(b, i == 0 ? ", with " : i + 1 < n ? ", " : " and ");
        tl_inline_code(b, text);
    }
    if (n)
        tl_buffer_add_string(b, in_path ? " in " TL_CODE_ON "PATH" TL_CODE_OFF : "");
    else if (!json_is_array(needs) || !json_array_size(json_object_get(bundle, "left_out")))
        tl_buffer_add_string(b, " and nothing else");
}

/* " (`--control` runs it with `op=max`, which passes)" */
static void add_control_words(struct tl_buffer *b, const struct tl_sections *r)
{
    const json_t *minimal = json_object_get(r->finding, "minimal"),
                 *control = json_object_get(r->control, "variant");
    struct tl_buffer other = TL_BUFFER_INIT;
    if (json_is_object(minimal) && json_is_object(control))
        tl_words_difference(&other, r->finding, control, minimal);
    tl_buffer_add_string(b, " (" TL_CODE_ON "--control" TL_CODE_OFF " runs ");
    tl_buffer_printf(b, other.size ? "it with %s, which passes)" : "the neighbour that passes%s)",
                     other.size ? other.data : "");
    tl_buffer_free(&other);
}

/* Whether one of them was attached. */
static bool add_attached(const struct tl_sections *r)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    if (!is_any_attached(r->bundle))
        return false;
    for (size_t i = 0; i < TL_COUNT(programs); i++)
        if (is_attached(r->bundle, programs[i].name))
            tl_buffer_add_string(&b, programs[i].command);
    const char *name = tl_member_text(r->bundle, "name");
    struct tl_buffer intro = TL_BUFFER_INIT;
    tl_buffer_add_string(&intro, "With the attached files");
    if (name) {
        tl_buffer_add_string(&intro, " (");
        tl_inline_code(&intro, name);
        tl_buffer_add_string(&intro, ")");
    }
    add_needs(&intro, r->bundle);
    if (has_control_build(r->bundle))
        tl_buffer_add_string(&intro, " (the control is the library of a build that passes)");
    else if (has_control(r))
        add_control_words(&intro, r);
    tl_buffer_add_string(&intro, ":");
    tl_page_paragraph(r->page, tl_buffer_take(&intro));
    tl_page_code(r->page, "sh", tl_buffer_take(&b));
    add_proofs(r);
    return true;
}

void tl_section_proved(const struct tl_sections *r)
{
    add_attached(r);
}

/* Only what differs from the simplest variant: `run` takes that for all else, once an axis is named. */
static json_t *settings_of(const json_t *f)
{
    const json_t *variant = tl_report_variant(f), *baseline = json_object_get(f, "baseline");
    json_t *settings = json_object(), *value;
    const char *axis;
    json_object_foreach((json_t *)variant, axis, value)
        if (!json_equal(value, json_object_get(baseline, axis)))
            json_object_set(settings, axis, value);
    if (!json_object_size(settings))
        json_object_update(settings, (json_t *)variant);
    return settings;
}

/* What the user's file is called; a case that is no file any more has its name left. */
static char *case_file(const struct tl_sections *r)
{
    const char *path = tl_member_text(r->finding, "case_path"), *slash = path ? strrchr(path, '/') : NULL,
               *base = slash ? slash + 1 : path;
    if (is_attached(r->bundle, "case.json"))
        return tl_strdup("case.json");
    return base && *base ? tl_strdup(base) : tl_format("%s.json", tl_member_or(r->finding, "case", "CASE"));
}

/* Programs of the bundle that the commands of its case name by their names alone. */
static void add_path(struct tl_buffer *b, const json_t *places)
{
    const json_t *place;
    size_t i;
    json_array_foreach(places, i, place) {
        struct tl_buffer word = TL_BUFFER_INIT;
        tl_shell_word(&word, json_string_value(place), true);
        const char *text = word.data ? word.data : "";
        tl_buffer_printf(b, "%s\"$PWD\"/%s", i ? ":" : "PATH=", text + strspn(text, " "));
        tl_buffer_free(&word);
    }
    if (i)
        tl_buffer_add_string(b, ":\"$PATH\" ");
}

static char *run_command(const struct tl_sections *r)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    const char *in_bundle = tl_member_text(r->bundle, "unit"),
               *unit = in_bundle ? in_bundle : tl_member_or(r->finding, "unit", "UNIT");
    char *file = case_file(r), *here = tl_word_beside_case(unit);
    json_t *settings = settings_of(r->finding);
    add_path(&b, json_object_get(r->bundle, "path"));
    tl_buffer_add_string(&b, "trapline run");
    tl_shell_word(&b, file, true);
    tl_buffer_add_string(&b, " -u");
    tl_shell_word(&b, here, true);
    if (tl_finding_wants_fresh(r->finding))
        tl_buffer_add_string(&b, " --fresh");
    tl_shell_settings(&b, settings, true);
    tl_buffer_add_string(&b, "\n");
    json_decref(settings);
    free(here);
    free(file);
    return tl_buffer_take(&b);
}

static bool is_own_runner(const json_t *finding)
{
    static const char *const names[] = {"onnxruntime", "command", "sim", "selftest"};
    const char *name = tl_member_text(finding, "runner");
    return name && tl_is_one_of(name, names, TL_COUNT(names));
}

/* A runner of somebody else's need not know how to be run by hand. */
static void add_runner_alone(const struct tl_sections *r)
{
    char *alone = tl_runner_command(r->failing);
    if (!alone)
        return;
    tl_page_words(r->page, is_own_runner(r->finding)
                               ? "The runner alone, under a debugger too:"
                               : "The runner alone, if it takes " TL_CODE_ON "--trial" TL_CODE_OFF
                                 " as those of trapline do; otherwise it wants the same "
                                 "request as a line on descriptor 3:");
    tl_page_code(r->page, "sh", alone);
}

void tl_section_reproduce(const struct tl_sections *r)
{
    char *steps = tl_steps_commands(r->failing, true), *run = run_command(r);
    const json_t *request = json_object_get(r->failing, "request");
    bool beside = steps && (tl_names_case_directory(json_object_get(request, "steps")) ||
                            tl_names_case_directory(json_object_get(request, "generate")) ||
                            tl_names_case_directory(json_object_get(request, "environment")));
    tl_page_heading(r->page, 2, "How to reproduce");
    bool attached = add_attached(r), shown = !attached || r->extent == TL_EXTENT_FULL,
         home =
             r->extent == TL_EXTENT_FULL || (shown && (strstr(run, "~/") || (steps && strstr(steps, "~/"))));
    /* They name the model where a trial of a reduction had it, and from where it is gone. */
    const bool lent =
        attached && json_is_object(json_object_get(json_object_get(r->finding, "reduction"), "judge"));
    if (steps && shown && !lent) {
        tl_page_words(
            r->page,
            beside ? "The commands of the case and nothing of trapline, in the directory of the case file:"
                   : "The commands of the case and nothing of trapline, in an empty directory:");
        tl_page_code(r->page, "sh", tl_strdup(steps));
    }
    if (shown) {
        tl_page_words(r->page, "With trapline and the case file:");
        tl_page_code(r->page, "sh", tl_strdup(run));
    }
    if (r->extent == TL_EXTENT_FULL && !lent)
        add_runner_alone(r);
    if (home && json_is_object(r->failing))
        tl_page_words(r->page, "Where a path begins with " TL_CODE_ON "~" TL_CODE_OFF
                               ", a home directory was left out; write yours there.");
    free(steps);
    free(run);
}

/* Whether something that it needs is not in the bundle. */
static bool case_is_whole(const json_t *bundle)
{
    const json_t *text;
    size_t i;
    json_array_foreach(json_object_get(bundle, "left_out"), i, text)
        if (json_is_string(text) && strstr(json_string_value(text), "case.json"))
            return false;
    return is_attached(bundle, "case.json");
}

/* Where the reproducer is all that the page has. */
void tl_section_run(const struct tl_sections *r)
{
    if (!is_any_attached(r->bundle) || !case_is_whole(r->bundle))
        return;
    struct tl_buffer b = TL_BUFFER_INIT;
    char *run = run_command(r);
    run[strcspn(run, "\n")] = '\0';
    tl_buffer_add_string(&b, "With trapline and the case file: ");
    tl_inline_code(&b, run);
    tl_page_item(r->page, tl_buffer_take(&b));
    free(run);
}
