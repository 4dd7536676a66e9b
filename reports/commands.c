/* What is printed to be run by a reader: words as a POSIX shell takes them, the runner of a trial alone, and
 * the commands of a case of steps. What belongs to one trial only (its scratch directory, the file for its
 * outputs) and trapline's own place for a model that is made is left out, the directory of the case file is the one in which they
 * are run, and a home that was taken out stays a "~". */
#include "reports/commands.h"

#include "harness/base/hash.h"
#include "harness/base/utf8.h"
#include "reports/page/page.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* What a terminal would obey where it is read, as a shell makes it again. */
static void add_printed(struct tl_buffer *b, const char *text, size_t n)
{
    tl_buffer_add_string(b, "\"$(printf '%b' '");
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c < ' ' || c >= 0x7F || c == '\'' || c == '\\')
            tl_buffer_printf(b, "\\0%03o", c);
        else
            tl_buffer_add(b, text + i, 1);
    }
    tl_buffer_add_string(b, "')\"");
}

static bool is_obeyed(const char *text, size_t n)
{
    char *word = tl_format("%.*s", (int)n, text), *visible = tl_visible_text(word);
    bool is = strcmp(word, visible) != 0;
    free(visible);
    free(word);
    return is;
}

void tl_shell_quote(struct tl_buffer *b, const char *text, size_t n)
{
    if (is_obeyed(text, n)) {
        /* A shell drops ends of lines at the end of what a command prints, so that those stand behind it. */
        size_t head = n;
        while (head && text[head - 1] == '\n')
            head--;
        add_printed(b, text, head);
        text += head;
        n -= head;
        if (!n)
            return;
    }
    tl_buffer_add_string(b, "'");
    for (; n; n--, text++)
        if (*text == '\'')
            tl_buffer_add_string(b, "'\\''");
        else
            tl_buffer_add(b, text, 1);
    tl_buffer_add_string(b, "'");
}

void tl_shell_word(struct tl_buffer *b, const char *word, bool homes)
{
    bool plain = *word != '\0';
    for (const char *p = word; *p; p++)
        plain = plain && (isalnum((unsigned char)*p) || strchr(homes ? "_-+=:@./,~" : "_-+=:@./,", *p));
    if (b->size)
        tl_buffer_add_string(b, " ");
    if (plain)
        tl_buffer_add_string(b, word);
    else
        tl_shell_quote(b, word, strlen(word));
}

static const char case_directory[] = "{case_dir}";

char *tl_word_beside_case(const char *word)
{
    struct tl_buffer here = TL_BUFFER_INIT;
    size_t n = sizeof case_directory - 1;
    tl_buffer_add_string(&here, "");
    for (const char *at; (at = strstr(word, case_directory)) != NULL;) {
        tl_buffer_add(&here, word, (size_t)(at - word));
        tl_buffer_add_string(&here, ".");
        word = at + n;
        while (!strncmp(word, "/./", 3))
            word += 2;
    }
    tl_buffer_add_string(&here, word);
    return tl_buffer_take(&here);
}

bool tl_names_case_directory(const json_t *part)
{
    char *text = part ? json_dumps(part, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;
    bool names = text && strstr(text, case_directory);
    free(text);
    return names;
}

void tl_shell_settings(struct tl_buffer *b, const json_t *variant, bool homes)
{
    const char *axis;
    json_t *value;
    json_object_foreach((json_t *)variant, axis, value) {
        char *text = tl_value_word(value), *word = tl_format("%s=%s", axis, text);
        tl_buffer_add_string(b, " -s");
        tl_shell_word(b, word, homes);
        free(word);
        free(text);
    }
}

/* The file of a set in the cache is named by the list that is in it (cases/case.h). */
static char *end_of_set(const json_t *list)
{
    char id[TL_ID_SIZE], *text = json_is_array(list) ? json_dumps(list, JSON_COMPACT) : NULL;
    if (!text)
        return NULL;
    tl_content_id(text, strlen(text), id);
    free(text);
    return tl_format("/elements/%s.json", id);
}

/* A word with such a file's path, which begins at its beginning or behind a mark, as the path of AXIS.json. */
static char *beside_sets(const char *word, const json_t *variant)
{
    const char *axis;
    json_t *value;
    char *text = tl_strdup(word);
    json_object_foreach((json_t *)variant, axis, value) {
        char *end = end_of_set(value), *at = end ? strstr(text, end) : NULL;
        if (at) {
            size_t n = (size_t)(at - text);
            while (n > 0 && !strchr("=:,", text[n - 1]))
                n--;
            char *other = tl_format("%.*s./%s.json%s", (int)n, text, axis, at + strlen(end));
            free(text);
            text = other;
        }
        free(end);
    }
    return text;
}

/* What the case sets for its programs. */
static void add_environment(struct tl_buffer *b, const json_t *request, bool beside_case)
{
    json_t *set = json_object_get(request, "environment"), *value;
    const char *name;
    if (json_object_size(set))
        tl_shell_word(b, "env", false);
    json_object_foreach(set, name, value) {
        char *whole = tl_format("%s=%s", name, json_is_string(value) ? json_string_value(value) : "?"),
             *word = beside_case ? beside_sets(whole, json_object_get(request, "variant")) : tl_strdup(whole),
             *here = beside_case ? tl_word_beside_case(word) : tl_strdup(word);
        tl_shell_word(b, here, true);
        free(here);
        free(word);
        free(whole);
    }
}

char *tl_runner_command(const json_t *trial)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    const json_t *word, *argv = json_object_get(trial, "command");
    json_t *request = json_deep_copy(json_object_get(trial, "request"));
    size_t i;
    if (!json_is_object(request) || !json_array_size(argv)) {
        json_decref(request);
        return NULL;
    }
    json_object_del(request, "id");
    json_object_del(request, "scratch");
    json_object_del(request, "outputs");
    add_environment(&b, request, false);
    json_object_del(request, "environment");
    json_array_foreach(argv, i, word)
        tl_shell_word(&b, json_is_string(word) ? json_string_value(word) : "?", true);
    tl_shell_word(&b, "--trial", true);
    char *text = json_dumps(request, JSON_COMPACT);
    tl_shell_word(&b, text, true);
    tl_buffer_add_string(&b, "\n");
    free(text);
    json_decref(request);
    return tl_buffer_take(&b);
}

/* Directories that are trapline's own while the steps run: they are the one in which a reader runs them. */
struct own_directories {
    const char *scratch; /* what the request has in its place: it is not known before the trial */
    char *generated;  /* of the model that the case has made, and of what was made with it; NULL for none */
    bool beside_case; /* the commands are run where the case file is */
    const json_t
        *variant; /* whose sets are in files in the cache: they are beside the reader's other files */
};

/* Writes a text to a file, as a line of a shell; the directories above it are made. file: for the shell. */
static void add_text(struct tl_buffer *all, const char *text, const char *file)
{
    struct tl_buffer line = TL_BUFFER_INIT;
    char *above = tl_format("%.*s", (int)(strrchr(file, '/') - file), file);
    if (strchr(above, '/')) {
        tl_buffer_add_string(&line, "mkdir -p");
        tl_shell_word(&line, above, false);
        tl_buffer_add_string(&line, " && ");
    }
    tl_buffer_add_string(&line, "printf %s");
    tl_shell_word(&line, text, false);
    tl_buffer_add_string(&line, " >");
    tl_shell_word(&line, file, false);
    tl_buffer_printf(all, "%s\n", line.data);
    tl_buffer_free(&line);
    free(above);
}

/* Writes those files that any of the commands names. */
static void add_sets(struct tl_buffer *all, const json_t *request)
{
    const char *axis;
    json_t *value,
        *commands = json_pack("[O?,O?,O?]", json_object_get(request, "generate"),
                              json_object_get(request, "steps"), json_object_get(request, "environment"));
    char *text = json_dumps(commands, JSON_COMPACT);
    json_object_foreach(json_object_get(request, "variant"), axis, value) {
        char *end = end_of_set(value);
        if (end && text && strstr(text, end)) {
            char *list = json_dumps(value, JSON_COMPACT), *file = tl_format("./%s.json", axis);
            add_text(all, list, file);
            free(list);
            free(file);
        }
        free(end);
    }
    free(text);
    json_decref(commands);
}

/* Writes the files that the case has written for each trial. */
static void add_files(struct tl_buffer *all, const json_t *request)
{
    const json_t *file;
    size_t i;
    json_array_foreach(json_object_get(request, "files"), i, file) {
        const char *name = json_string_value(json_object_get(file, "name")),
                   *text = json_string_value(json_object_get(file, "text"));
        char *path = tl_format("./%s", name ? name : "?");
        if (text)
            add_text(all, text, path);
        else
            tl_buffer_printf(all, "# %s is too long to be shown\n", path);
        free(path);
    }
}

/* Of the requests of one case with a generator: it is told paths in the cache, beside the model's. */
static struct own_directories own_directories(const json_t *request)
{
    const char *model = json_string_value(json_object_get(request, "model")),
               *end = model ? strrchr(model, '/') : NULL;
    bool made = json_array_size(json_object_get(request, "generate")) && end && end != model;
    return (struct own_directories){.scratch = "{scratch}",
                                    .generated = made ? tl_format("%.*s", (int)(end - model), model) : NULL};
}

/* A place of it at which a name of a directory ends. */
static bool begins_with_directory(const char *text, const char *directory)
{
    size_t n = directory ? strlen(directory) : 0;
    return n && !strncmp(text, directory, n) && !isalnum((unsigned char)text[n]) &&
           (!text[n] || !strchr("_-.", text[n]));
}

static char *step_word(const char *word, const struct own_directories *own)
{
    struct tl_buffer here = TL_BUFFER_INIT;
    tl_buffer_add_string(&here, "");
    while (*word) {
        const char *mark = !strncmp(word, own->scratch, strlen(own->scratch)) ? own->scratch
                           : begins_with_directory(word, own->generated)      ? own->generated
                                                                              : NULL;
        if (mark)
            tl_buffer_add_string(&here, ".");
        else
            tl_buffer_add(&here, word, 1);
        word += mark ? strlen(mark) : 1;
    }
    char *path = tl_buffer_take(&here), *text = beside_sets(path, own->variant);
    free(path);
    char *beside = own->beside_case ? tl_word_beside_case(text) : NULL;
    if (!beside)
        return text;
    free(text);
    return beside;
}

/* program: as the case names it, where that is another word; NULL. */
static void add_command_line(struct tl_buffer *all, const json_t *request, const json_t *argv,
                             const char *program, const struct own_directories *own)
{
    struct tl_buffer line = TL_BUFFER_INIT;
    const json_t *word;
    size_t i;
    add_environment(&line, request, own->beside_case);
    json_array_foreach(argv, i, word) {
        const char *text = json_is_string(word) ? json_string_value(word) : "?";
        char *here = step_word(i || !program ? text : program, own);
        tl_shell_word(&line, here, true);
        free(here);
    }
    tl_buffer_printf(all, "%s\n", line.data ? line.data : "");
    tl_buffer_free(&line);
}

/* A generator finds the directory for the outputs that it is told of made already. */
static void add_directory_of_outputs(struct tl_buffer *all, const json_t *generate,
                                     const struct own_directories *own)
{
    const json_t *word;
    size_t i;
    char *outputs = own->generated ? tl_format("%s/outputs", own->generated) : NULL;
    bool told = false;
    json_array_foreach(generate, i, word)
        told = told || (outputs && json_is_string(word) && strstr(json_string_value(word), outputs));
    if (told)
        tl_buffer_add_string(all, "mkdir -p ./outputs\n");
    free(outputs);
}

char *tl_steps_commands(const json_t *trial, bool beside_case)
{
    const json_t *request = json_object_get(trial, "request"), *step,
                 *generate = json_object_get(request, "generate"), *steps = json_object_get(request, "steps");
    struct own_directories own = own_directories(request);
    own.beside_case = beside_case;
    own.variant = json_object_get(request, "variant");
    struct tl_buffer all = TL_BUFFER_INIT;
    size_t i;
    if (json_array_size(steps)) {
        add_sets(&all, request);
        add_files(&all, request);
    }
    if (json_array_size(steps) && json_array_size(generate)) {
        add_directory_of_outputs(&all, generate, &own);
        add_command_line(&all, request, generate, NULL, &own);
    }
    json_array_foreach(steps, i, step)
        add_command_line(&all, request, json_object_get(step, "argv"),
                         json_string_value(json_object_get(step, "program")), &own);
    free(own.generated);
    return all.size ? tl_buffer_take(&all) : NULL;
}

char *tl_steps_targets(const json_t *request)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    const json_t *step;
    size_t i;
    json_array_foreach(json_object_get(request, "steps"), i, step) {
        const char *platform = json_string_value(json_object_get(step, "platform")),
                   *architecture = json_string_value(json_object_get(step, "architecture")),
                   *phase = json_string_value(json_object_get(step, "phase"));
        if (platform || architecture)
            tl_buffer_printf(&b, "%sstep %zu (%s): %s%s%s", b.size ? "; " : "", i + 1, phase ? phase : "?",
                             platform ? platform : "", platform && architecture ? ", " : "",
                             architecture ? architecture : "");
    }
    return b.size ? tl_buffer_take(&b) : tl_strdup("");
}

char *tl_counts_words(const json_t *counts)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)counts, name, value)
        tl_buffer_printf(&b, "%s%s %lld", b.size ? ", " : "", name, (long long)json_integer_value(value));
    return b.size ? tl_buffer_take(&b) : tl_strdup("");
}
