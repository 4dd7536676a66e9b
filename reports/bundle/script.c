/* The script is put together from the parts of a template (script_template.h), of which it has those that it uses, and the
 * commands of the two variants. These come from the case and not from what its trial was sent, for there
 * programs are what was found on this machine: a reader has others. What comes from outside is quoted, so that it can end
 * neither a word nor a comment. */
#include "reports/bundle/script.h"

#include "cases/written_files.h"
#include "harness/base/files.h"
#include "harness/base/places.h"
#include "harness/base/record.h"
#include "harness/base/tool_name.h"
#include "reports/bundle/script_template.h"
#include "reports/commands.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    char letter;
    const char *text;
} variables[] = {{'b', "\"$here\""},    {'m', "\"$model\""},   {'i', "\"$inputs\""},
                 {'o', "\"$outputs\""}, {'s', "\"$scratch\""}, {'h', "\"$HOME\""}};

static const struct tl_placeholder_paths paths = {
    .model = "\001m", .inputs = "\001i", .outputs = "\001o", .scratch = "\001s", .elements = "\001s"};

static const char *variable(const char *at)
{
    for (size_t i = 0; *at == '\001' && i < TL_COUNT(variables); i++)
        if (at[1] == variables[i].letter)
            return variables[i].text;
    return NULL;
}

/* No '=' but of an option: a word in front with one would be a setting. */
static bool is_plain(char c, bool option)
{
    return isalnum((unsigned char)c) || (c && strchr(option ? "_-+:@./,%=" : "_-+:@./,%", c));
}

void tl_script_word(struct tl_buffer *b, const char *word, bool glob)
{
    bool option = *word == '-';
    if (b->size)
        tl_buffer_add_string(b, " ");
    if (!*word)
        tl_buffer_add_string(b, "''");
    while (*word) {
        const char *text = variable(word);
        size_t n = 0;
        bool plain = true;
        if (text) {
            tl_buffer_add_string(b, text);
            word += 2;
            continue;
        }
        if (glob && strchr("*?[]", *word)) {
            tl_buffer_add(b, word++, 1);
            continue;
        }
        for (; word[n] && !variable(word + n) && !(glob && strchr("*?[]", word[n])); n++)
            plain = plain && is_plain(word[n], option);
        if (plain)
            tl_buffer_add(b, word, n);
        else
            tl_shell_quote(b, word, n);
        word += n;
    }
}

/* --- what a script is made of --------------------------------------------------------------------------- */

struct writer {
    const struct tl_script *s;
    const struct tl_script_side *side;
    struct tl_buffer body;
    struct tl_buffer *parts; /* names of parts that are used, ' ' before and after each */
    json_t *needs;           /* programs, in the keys */
};

static void use(struct writer *w, const char *part)
{
    char *name = tl_format(" %s ", part);
    if (!strstr(w->parts->data, name))
        tl_buffer_add_string(w->parts, name);
    free(name);
}

static void add_call(struct writer *w, struct tl_buffer *line)
{
    tl_buffer_printf(&w->body, "    %s\n", line->data);
    tl_buffer_free(line);
}

/* A text of the case with the variant's values and the places of its files. */
static char *filled(const struct writer *w, const char *text)
{
    char *whole = tl_case_fill(w->s->c, w->side->variant, text, &paths),
         *word = tl_layout_word(w->s->layout, whole, "\001b/", "\001h");
    free(whole);
    return word;
}

/* As it is shown: with the names that the case has for its directories. */
static char *shown(const struct writer *w, const char *text)
{
    static const struct tl_placeholder_paths names = {.model = "{model}",
                                                      .inputs = "{inputs}",
                                                      .outputs = "{outputs}",
                                                      .scratch = "{scratch}",
                                                      .elements = "{scratch}"};
    return tl_case_fill(w->s->c, w->side->variant, text, &names);
}

static void add_settings(struct writer *w)
{
    char **settings = tl_case_environment_in(w->s->c, w->side->variant, paths.elements);
    for (size_t i = 0; settings && settings[i]; i++) {
        struct tl_buffer quoted = TL_BUFFER_INIT;
        char *value = strchr(settings[i], '='),
             *word = tl_layout_word(w->s->layout, value + 1, "\001b/", "\001h");
        tl_script_word(&quoted, word, false);
        tl_buffer_printf(&w->body, "    export %.*s=%s\n", (int)(value - settings[i]), settings[i],
                         quoted.data);
        tl_buffer_free(&quoted);
        free(word);
    }
    tl_strings_free(settings);
}

/* The files of sets that the case's commands name, where they are looked for. */
static void add_sets(struct writer *w)
{
    const struct tl_case *c = w->s->c;
    for (size_t i = 0; i < c->n_axes; i++) {
        if (!tl_case_has_elements_file(c, i))
            continue;
        struct tl_buffer line = TL_BUFFER_INIT;
        char *list = tl_case_elements(c, w->side->variant, i),
             *file = tl_case_elements_file(c, w->side->variant, i, paths.elements);
        tl_buffer_add_string(&line, "printf %s");
        tl_script_word(&line, list, false);
        tl_buffer_add_string(&line, " >");
        tl_script_word(&line, file, false);
        add_call(w, &line);
        free(list);
        free(file);
    }
}

/* The files that the case has written for each trial, in the directory where its commands run. */
static void add_written(struct writer *w)
{
    json_t *files = tl_written_files(w->s->c, w->side->variant), *file;
    size_t i;
    json_array_foreach(files, i, file) {
        struct tl_buffer line = TL_BUFFER_INIT;
        char *path = tl_format("\001s/%s", json_string_value(json_object_get(file, "name"))),
             *above = tl_format("%.*s", (int)(tl_base_name(path) - path - 1), path);
        if (strchr(above, '/')) {
            tl_buffer_add_string(&line, "mkdir -p");
            tl_script_word(&line, above, false);
            add_call(w, &line);
        }
        tl_buffer_add_string(&line, "printf %s");
        tl_script_word(&line, json_string_value(json_object_get(file, "text")), false);
        tl_buffer_add_string(&line, " >");
        tl_script_word(&line, path, false);
        add_call(w, &line);
        free(above);
        free(path);
    }
    json_decref(files);
}

/* Whether a path is of a program that everybody has, and that not everybody has there. */
static bool is_elsewhere_with_others(const struct writer *w, const char *path)
{
    const json_t *tool;
    size_t i;
    if (*path != '/' || tl_place_is_of_system(path))
        return false;
    char *real = tl_real_directory(path);
    bool is = false;
    json_array_foreach(json_object_get(w->s->files, "tools"), i, tool)
        is = is || !strcmp(json_string_value(tool), real ? real : path);
    free(real);
    return is;
}

/* Directories of the bundle before those of a variable. */
static void add_directories(struct writer *w, const char *variable, const json_t *places, const char *rest)
{
    struct tl_buffer list = TL_BUFFER_INIT, quoted = TL_BUFFER_INIT;
    const json_t *place;
    size_t i;
    json_array_foreach(places, i, place)
        tl_buffer_printf(&list, "%s\001b/%s", i ? ":" : "", json_string_value(place));
    if (list.size) {
        tl_script_word(&quoted, list.data, false);
        tl_buffer_printf(&w->body, "    export %s=%s%s\n", variable, quoted.data, rest);
    }
    tl_buffer_free(&quoted);
    tl_buffer_free(&list);
}

/* Where directories of this machine stand in the bundle. */
static json_t *places_of(const struct writer *w, const json_t *directories)
{
    json_t *places = json_array();
    const json_t *one;
    size_t i;
    json_array_foreach(directories, i, one) {
        char *place = tl_layout_place(w->s->layout, json_string_value(one));
        if (place)
            json_array_append_new(places, json_string(place));
        free(place);
    }
    return places;
}

/* Programs that $PATH had are found by their names here, too: other programs may start them. So are libraries and modules that
 * variables of the shell found. */
static void add_paths(struct writer *w)
{
    json_t *programs = tl_layout_directories(w->s->layout, json_object_get(w->s->files, "in_path")),
           *libraries = places_of(w, json_object_get(w->s->files, "library_path")), *directories;
    const char *variable;
    size_t i;
    add_directories(w, "PATH", programs, ":\"$PATH\"");
    add_directories(w, "LD_LIBRARY_PATH", libraries, "\"${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}\"");
    json_object_foreach(json_object_get(w->s->files, "module_paths"), variable, directories) {
        char *rest = tl_format("\"${%s:+:$%s}\"", variable, variable);
        json_t *places = places_of(w, directories);
        add_directories(w, variable, places, rest);
        json_decref(places);
        free(rest);
    }
    json_decref(programs);
    json_decref(libraries);
    const json_t *link;
    json_array_foreach(w->s->links, i, link) {
        struct tl_buffer line = TL_BUFFER_INIT;
        const char *name = json_string_value(json_object_get(link, "name")),
                   *to = json_string_value(json_object_get(link, "link"));
        tl_buffer_add_string(&line, "relink");
        tl_script_word(&line, name ? name : "", false);
        tl_script_word(&line, to ? to : "", false);
        add_call(w, &line);
        use(w, "relink");
    }
}

/* A program as the case names it; one with a '/' is relative to the case. */
static char *program_word(const struct writer *w, const char *word)
{
    if (is_elsewhere_with_others(w, word))
        return tl_strdup(tl_base_name(word));
    char *place =
        *word != '/' && *word != '\001' && strchr(word, '/') ? tl_layout_relative(w->s->layout, word) : NULL;
    char *program = place ? tl_format("\001b/%s", place) : tl_strdup(word);
    free(place);
    return program;
}

static void add_command(struct writer *w, const struct tl_argv *argv)
{
    char **words = tl_case_command(w->s->c, w->side->variant, argv, &paths);
    struct tl_buffer line = TL_BUFFER_INIT;
    tl_buffer_add_string(&line, w->s->apart ? "run_apart" : "run");
    if (w->s->apart)
        use(w, "run_apart");
    for (size_t i = 0; words && words[i]; i++) {
        char *program = i ? NULL : program_word(w, words[0]),
             *word = tl_layout_word(w->s->layout, program ? program : words[i], "\001b/", "\001h");
        tl_script_word(&line, word, false);
        free(word);
        free(program);
    }
    add_call(w, &line);
    tl_strings_free(words);
}

/* The name of the program that a command begins with. */
static char *program_name(const struct writer *w, const struct tl_argv *argv)
{
    char *word = shown(w, argv->words[0].text), *slash = strrchr(word, '/'),
         *name = tl_strdup(slash ? slash + 1 : word);
    free(word);
    return name;
}

static void begin(struct writer *w, const char *label, bool capture, double seconds)
{
    struct tl_buffer line = TL_BUFFER_INIT;
    char *limit = seconds > 0 ? tl_format("%.0f", seconds < 1 ? 1 : seconds) : tl_strdup("");
    tl_buffer_add_string(&line, "begin");
    tl_script_word(&line, label, false);
    tl_script_word(&line, capture ? "yes" : "no", false);
    tl_script_word(&line, w->s->deadlines ? limit : "", false);
    add_call(w, &line);
    free(limit);
}

/* status: what is handed on with each of them; NULL. */
static void add_texts(struct writer *w, const char *function, size_t n, const char *const *texts,
                      const char *status)
{
    for (size_t i = 0; i < n; i++) {
        struct tl_buffer line = TL_BUFFER_INIT;
        static const struct tl_placeholder_paths none = {"", "", "", "", "", NULL};
        char *text = tl_case_fill(w->s->c, w->side->variant, texts[i], &none),
             *here = tl_layout_word(w->s->layout, text, "\001b/", "\001h");
        tl_buffer_add_string(&line, function);
        tl_script_word(&line, here, false);
        if (status)
            tl_script_word(&line, status, false);
        free(here);
        add_call(w, &line);
        use(w, function);
        use(w, strchr(text, '\n') ? "wrote_lines" : "wrote");
        free(text);
    }
}

static void add_files(struct writer *w, const struct tl_expect *x)
{
    for (size_t i = 0; i < x->n_files; i++) {
        struct tl_buffer line = TL_BUFFER_INIT;
        char *pattern = filled(w, x->files[i]), *name = shown(w, x->files[i]);
        tl_buffer_add_string(&line, "expect_file");
        tl_script_word(&line, name, false);
        tl_script_word(&line, pattern, true);
        add_call(w, &line);
        use(w, "expect_file");
        free(name);
        free(pattern);
    }
}

static void add_counts(struct writer *w, const struct tl_expect *x)
{
    for (size_t i = 0; i < x->n_count; i++) {
        const struct tl_count *k = &x->count[i];
        const char *function = k->kind == TL_COUNT_GLOB    ? "count_files"
                               : k->kind == TL_COUNT_REGEX ? "count_matches"
                                                           : "last_number";
        if (!k->bounded)
            continue;
        struct tl_buffer line = TL_BUFFER_INIT;
        char *pattern = k->kind == TL_COUNT_GLOB ? filled(w, k->pattern) : tl_strdup(k->pattern),
             *least = tl_format("%lld", (long long)k->min),
             *most = k->max == INT64_MAX ? tl_strdup("") : tl_format("%lld", (long long)k->max);
        tl_buffer_add_string(&line, "fallback_count");
        tl_script_word(&line, k->name, false);
        tl_script_word(&line, least, false);
        tl_script_word(&line, most, false);
        tl_buffer_printf(&line, " \"$(%s", function);
        tl_script_word(&line, pattern, k->kind == TL_COUNT_GLOB);
        tl_buffer_add_string(&line, ")\"");
        add_call(w, &line);
        use(w, "fallback_count");
        use(w, function);
        if (k->kind != TL_COUNT_GLOB)
            json_object_set_new_nocheck(w->needs, "perl", json_true());
        free(most);
        free(least);
        free(pattern);
    }
}

static bool looks_at_output(const struct tl_expect *x)
{
    bool looks = x->n_text || x->n_no_text || x->n_fallback;
    for (size_t i = 0; i < x->n_count; i++)
        looks = looks || (x->count[i].bounded && x->count[i].kind != TL_COUNT_GLOB);
    return looks;
}

static void add_step(struct writer *w, size_t i)
{
    const struct tl_step *step = &w->s->c->steps[i];
    const struct tl_expect *x = &step->expect;
    char *program = program_name(w, &step->argv),
         *label = tl_format("step %zu of %zu (%s, %s)", i + 1, w->s->c->n_steps,
                            tl_phase_name((enum tl_phase)step->phase), program);
    begin(w, label, looks_at_output(x), step->timeout_s > 0 ? step->timeout_s : w->s->c->limits.timeout_s);
    add_command(w, &step->argv);
    char *status = x->exit_status < 0 ? tl_strdup("any") : tl_format("%d", x->exit_status);
    /* Whatever it ends with: a program may have one status for all that it says. */
    add_texts(w, "expect_no_text", x->n_no_text, x->no_text, status);
    tl_buffer_printf(&w->body, "    expect_status %s\n", status);
    add_texts(w, "expect_text", x->n_text, x->text, NULL);
    add_files(w, x);
    add_texts(w, "fallback_text", x->n_fallback, x->fallback, NULL);
    add_counts(w, x);
    free(status);
    free(label);
    free(program);
}

static void add_generator(struct writer *w)
{
    const struct tl_script *s = w->s;
    struct tl_buffer line = TL_BUFFER_INIT;
    char *program = program_name(w, &s->c->generate), *label = tl_format("the generator (%s)", program);
    tl_buffer_add_string(&line, "prepare");
    tl_script_word(&line, w->side->model, false);
    tl_script_word(&line, w->side->inputs ? w->side->inputs : "inputs", false);
    add_call(w, &line);
    tl_buffer_printf(&w->body, "    if [ \"$making\" = yes ]; then\n");
    begin(w, label, false, s->c->limits.timeout_s);
    add_command(w, &s->c->generate);
    tl_buffer_add_string(&w->body, "    made\n    fi\n");
    use(w, "prepare");
    use(w, "made");
    free(label);
    free(program);
}

/* Whether it is the name of a program that is in the bundle. */
static bool is_in_bundle(const struct writer *w, const char *name)
{
    const json_t *path;
    size_t i;
    json_array_foreach(json_object_get(w->s->files, "in_path"), i, path)
        if (!strcmp(tl_base_name(json_string_value(path)), name))
            return true;
    return false;
}

/* Programs that the reader has to have: those without a path. known: those that were added, in the keys. */
static void add_need(struct writer *w, struct tl_buffer *line, json_t *known, const struct tl_argv *argv)
{
    char *word = argv->n ? shown(w, argv->words[0].text) : NULL;
    if (word && (!strchr(word, '/') || *word == '/')) {
        char *text = filled(w, argv->words[0].text);
        if (is_elsewhere_with_others(w, word))
            memmove(word, tl_base_name(word), strlen(tl_base_name(word)) + 1);
        if ((*text != '\001' || !strchr(word, '/')) && !json_object_get(known, word)) {
            if (!is_in_bundle(w, word))
                json_object_set_new_nocheck(w->needs, word, json_true());
            json_object_set_new_nocheck(known, word, json_true());
            tl_script_word(line, word, false);
        }
        free(text);
    }
    free(word);
}

/* What scripts of the bundle are run by, or run, as far as people know it by its name; a shell everybody has. */
static void add_needs_of_scripts(struct writer *w)
{
    const json_t *tool;
    size_t i;
    json_array_foreach(json_object_get(w->s->files, "tools"), i, tool) {
        const char *name = tl_base_name(json_string_value(tool));
        if (tl_tool_is_known(name) && strcmp(name, "sh") != 0 && !tl_tool_is_wrapper(name))
            json_object_set_new_nocheck(w->needs, name, json_true());
    }
}

/* A runner is sent what its trial was sent, by a program of its own. */
static void add_runner(struct writer *w, const char *side)
{
    const struct tl_script *s = w->s;
    json_object_set_new_nocheck(w->needs, "python3", json_true());
    tl_buffer_add_string(&w->body, "    need python3\n");
    if (s->runner_here) {
        struct tl_buffer quoted = TL_BUFFER_INIT;
        char *place = tl_format("\001b/%s", s->runner);
        tl_script_word(&quoted, place, false);
        tl_buffer_printf(&w->body, "    runner=%s\n", quoted.data);
        tl_buffer_free(&quoted);
        free(place);
    } else {
        json_object_set_new_nocheck(w->needs, s->runner, json_true());
        struct tl_buffer line = TL_BUFFER_INIT;
        tl_buffer_add_string(&line, "find_runner");
        tl_script_word(&line, s->runner, false);
        add_call(w, &line);
        use(w, "find_runner");
    }
    tl_buffer_printf(
        &w->body,
        "    begin 'the runner' no ''\n    run python3 \"$here/trial.py\" %s \"$scratch\" \"$runner\"\n"
        "    [ \"$status\" -eq 0 ] || exit \"$status\"\n",
        side);
}

static char *side_text(const struct tl_script *s, const struct tl_script_side *side, struct tl_buffer *parts,
                       json_t *needs)
{
    struct writer w = {.s = s, .side = side, .parts = parts, .needs = needs};
    tl_buffer_add_string(&w.body, "");
    if (!side->variant) {
        tl_buffer_add_string(&w.body, "    result 2 'not run: no variant that passes is known'\n");
        return tl_buffer_take(&w.body);
    }
    add_settings(&w);
    add_sets(&w);
    add_written(&w);
    add_paths(&w);
    if (s->runner) {
        add_runner(&w, side == &s->failing ? "failing" : "control");
        return tl_buffer_take(&w.body);
    }
    struct tl_buffer need = TL_BUFFER_INIT;
    json_t *known = json_object();
    tl_buffer_add_string(&need, "need");
    for (size_t i = 0; i < s->c->n_steps && !s->generator_only; i++)
        add_need(&w, &need, known, &s->c->steps[i].argv);
    if (s->c->generate.n && (s->generator_only || !side->model_here))
        add_need(&w, &need, known, &s->c->generate);
    if (strcmp(need.data, "need") != 0)
        add_call(&w, &need);
    add_needs_of_scripts(&w);
    tl_buffer_free(&need);
    json_decref(known);
    if (s->c->generate.n)
        add_generator(&w);
    if (side->model && s->c->model_file) {
        struct tl_buffer quoted = TL_BUFFER_INIT;
        char *place = tl_format("%s%s", s->lends ? "" : "\001b/", side->model);
        tl_script_word(&quoted, place, false);
        if (s->lends)
            tl_buffer_printf(
                &w.body,
                "    cp -R \"$here\"/%.*s \"$work\" || result 2 'not run: its model cannot be copied'\n",
                (int)strcspn(side->model, "/"), side->model);
        tl_buffer_printf(&w.body, "    model=%s%s\n", s->lends ? "\"$work\"/" : "", quoted.data);
        tl_buffer_free(&quoted);
        free(place);
    }
    if (side->inputs && (s->c->inputs || !s->c->generate.n))
        tl_buffer_printf(&w.body, "    inputs=$here/%s\n", side->inputs);
    for (size_t i = 0; i < s->c->n_steps && !s->generator_only; i++)
        add_step(&w, i);
    return tl_buffer_take(&w.body);
}

/* --- the whole ------------------------------------------------------------------------------------------ */

static char *limits_text(const struct tl_script *s)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    const json_t *set = json_object_get(s->c->document, "limits");
    tl_buffer_add_string(&b, "");
    if (s->c->limits.memory_mb && !s->sanitized && (s->memory || json_object_get(set, "memory_mb")))
        tl_buffer_printf(&b,
                         "# The limit of memory of a process, as the case has it: %llu MiB.\n"
                         "# shellcheck disable=SC3045\n"
                         "ulimit -d %llu || printf 'repro.sh: the limit of memory is not set\\n' >&2\n",
                         (unsigned long long)s->c->limits.memory_mb,
                         (unsigned long long)s->c->limits.memory_mb * 1024);
    if (s->c->limits.disk_mb && json_object_get(set, "disk_mb"))
        tl_buffer_printf(&b,
                         "# The limit of a file: %llu MiB.\nulimit -f %llu || printf 'repro.sh: the limit of "
                         "files is not set\\n' >&2\n",
                         (unsigned long long)s->c->limits.disk_mb,
                         (unsigned long long)s->c->limits.disk_mb * 2048);
    return tl_buffer_take(&b);
}

static char *needs_text(const json_t *needs)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    const char *name;
    json_t *unused;
    json_object_foreach((json_t *)needs, name, unused)
        tl_buffer_printf(&b, "%s%s", b.size ? ", " : "", name);
    return b.size ? tl_buffer_take(&b) : tl_strdup("nothing but what is in the bundle");
}

char *tl_script_text(const struct tl_script *s, json_t **all_needs)
{
    struct tl_buffer parts = TL_BUFFER_INIT;
    json_t *needs = json_object();
    tl_buffer_add_string(&parts, s->runner      ? " end  run "
                                 : s->deadlines ? " end  expect_status  run_within "
                                                : " end  expect_status  run ");
    if (s->sanitized)
        tl_buffer_add_string(&parts, " sanitized ");
    char *failing = side_text(s, &s->failing, &parts, needs),
         *control = side_text(s, &s->control, &parts, needs);
    if (tl_script_uses(&parts, "wrote_lines", 11)) { /* it can do both */
        char *at = strstr(parts.data, " wrote ");
        if (at)
            at[1] = '-';
    }
    char *title = tl_script_comment(s->title), *summary = tl_script_comment(s->summary),
         *about = tl_script_comment(s->failing.about),
         *control_about =
             tl_script_comment(s->control.variant ? s->control.about : "no variant that passes is known"),
         *limits = limits_text(s), *need = needs_text(needs),
         *makes = tl_script_uses(&parts, "prepare", 7)
                      ? tl_strdup("\n# --make makes the model anew with the case's own generator.")
                      : tl_strdup("");
    const char *const markers[][2] = {
        {"@TITLE@", title},           {"@SUMMARY@", summary}, {"@ABOUT@", about},
        {"@CONTROL@", control_about}, {"@LIMITS@", limits},   {"@NEEDS@", need},
        {"@MAKES@", makes},           {"@FAILING@", failing}, {"@CONTROL_SIDE@", control}};
    char *text = tl_script_fill(&parts, markers, TL_COUNT(markers));
    char *all[] = {title, summary, about, control_about, limits, need, makes, failing, control};
    for (size_t i = 0; i < TL_COUNT(all); i++)
        free(all[i]);
    tl_buffer_free(&parts);
    *all_needs = needs;
    return text;
}
