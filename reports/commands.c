/* What is printed to be run by a reader: words as a POSIX shell takes them, the runner of a trial alone, and
 * the commands of a case of steps. What belongs to one trial only (its scratch directory, the file for its
 * outputs) is left out, and a home that was taken out stays a "~". */
#include "reports/commands.h"

#include "reports/page.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

void tl_shell_word(struct tl_buffer *b, const char *word, bool homes)
{
    bool plain = *word != '\0';
    for (const char *p = word; *p; p++)
        plain = plain && (isalnum((unsigned char)*p) || strchr(homes ? "_-+=:@./,~" : "_-+=:@./,", *p));
    if (b->size)
        tl_buffer_add_string(b, " ");
    if (plain) {
        tl_buffer_add_string(b, word);
        return;
    }
    tl_buffer_add_string(b, "'");
    for (; *word; word++)
        if (*word == '\'')
            tl_buffer_add_string(b, "'\\''");
        else
            tl_buffer_add(b, word, 1);
    tl_buffer_add_string(b, "'");
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

/* What the case sets for its programs. */
static void add_environment(struct tl_buffer *b, const json_t *request)
{
    json_t *set = json_object_get(request, "environment"), *value;
    const char *name;
    if (json_object_size(set))
        tl_shell_word(b, "env", false);
    json_object_foreach(set, name, value) {
        char *word = tl_format("%s=%s", name, json_is_string(value) ? json_string_value(value) : "?");
        tl_shell_word(b, word, true);
        free(word);
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
    add_environment(&b, request);
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

/* The scratch directory, which the request does not name, is where steps run. */
static void add_step_word(struct tl_buffer *b, const char *word)
{
    static const char mark[] = "{scratch}";
    struct tl_buffer here = TL_BUFFER_INIT;
    const char *at;
    while ((at = strstr(word, mark))) {
        tl_buffer_add(&here, word, (size_t)(at - word));
        tl_buffer_add_string(&here, ".");
        word = at + strlen(mark);
    }
    tl_buffer_add_string(&here, word);
    tl_shell_word(b, here.data ? here.data : "", true);
    tl_buffer_free(&here);
}

char *tl_steps_commands(const json_t *trial)
{
    const json_t *request = json_object_get(trial, "request"), *step, *word;
    struct tl_buffer all = TL_BUFFER_INIT;
    size_t i, k;
    json_array_foreach(json_object_get(request, "steps"), i, step) {
        struct tl_buffer line = TL_BUFFER_INIT;
        add_environment(&line, request);
        json_array_foreach(json_object_get(step, "argv"), k, word)
            add_step_word(&line, json_is_string(word) ? json_string_value(word) : "?");
        tl_buffer_printf(&all, "%s\n", line.data ? line.data : "");
        tl_buffer_free(&line);
    }
    return all.size ? tl_buffer_take(&all) : NULL;
}
