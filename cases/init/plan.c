/* The parts of a plan, and names and paths in it. */
#include "cases/init/words.h"

#include "harness/base/buffer.h"
#include "harness/base/files.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void tl_init_free(struct tl_init *p)
{
    for (size_t i = 0; i < p->n_files; i++) {
        free(p->files[i].from);
        free(p->files[i].to);
        free(p->files[i].text);
    }
    free(p->files);
    free(p->name);
    free(p->directory);
    free(p->model);
    free(p->unit);
    free(p->program);
    free(p->script);
    json_decref(p->document);
    json_decref(p->notes);
    json_decref(p->argv);
    json_decref(p->written);
    json_decref(p->config_axes);
    json_decref(p->implied);
    *p = (struct tl_init){0};
}

void tl_init_note(struct tl_init *p, const char *format, ...)
{
    char text[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (!p->notes)
        p->notes = json_array();
    json_t *line = json_string(text);
    json_array_append_new(p->notes, line ? line : json_string("a file's name is not UTF-8"));
}

bool tl_init_has(const struct tl_init *p, const char *from)
{
    for (size_t i = 0; i < p->n_files; i++)
        if (p->files[i].from && !strcmp(p->files[i].from, from))
            return true;
    return false;
}

char *tl_init_escape(const char *text)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    for (tl_buffer_add_string(&b, ""); *text; text++)
        tl_buffer_printf(&b, *text == '{' || *text == '}' ? "%c%c" : "%c", *text, *text);
    return tl_buffer_take(&b);
}

static bool name_taken(const struct tl_init *p, const char *name)
{
    for (size_t i = 0; i < p->n_files; i++)
        if (!strcasecmp(p->files[i].to, name)) /* for file systems that know no case */
            return true;
    return !strcasecmp(name, TL_INIT_CASE);
}

char *tl_init_free_name(const struct tl_init *p, const char *name, const char *ending)
{
    char *to = tl_format("%s%s", name, ending);
    for (unsigned k = 2; name_taken(p, to); k++) {
        free(to);
        to = tl_format("%u-%s%s", k, name, ending);
    }
    return to;
}

const char *tl_init_add_file(struct tl_init *p, const char *from)
{
    for (size_t i = 0; i < p->n_files; i++)
        if (p->files[i].from && !strcmp(p->files[i].from, from))
            return p->files[i].to;
    char *to = tl_init_free_name(p, tl_base_name(from), "");
    *TL_GROW(p->files, p->n_files) = (struct tl_init_file){.from = tl_strdup(from), .to = to};
    return to;
}

void tl_init_add_text(struct tl_init *p, const char *to, char *text, mode_t mode)
{
    *TL_GROW(p->files, p->n_files) = (struct tl_init_file){.to = tl_strdup(to), .text = text, .mode = mode};
}

char *tl_init_name(const char *path)
{
    char *whole = tl_strdup(path);
    for (size_t n = strlen(whole); n > 1 && whole[n - 1] == '/';) /* a package may be written with one */
        whole[--n] = '\0';
    const char *name = tl_base_name(whole), *dot = strrchr(name, '.');
    char *made = tl_format("%.*s", dot && dot != name ? (int)(dot - name) : (int)strlen(name), name);
    free(whole);
    if (strlen(made) > 60)
        made[60] = '\0';
    for (char *at = made; *at; at++) {
        *at = (char)tolower((unsigned char)*at);
        if (!isascii((unsigned char)*at) ||
            (!isalnum((unsigned char)*at) && (at == made || !strchr("._-", *at))))
            *at = at == made ? 'm' : '-';
    }
    if (*made)
        return made;
    free(made);
    return tl_strdup("model");
}

static bool goes_on(char c) /* as the name of a file, or a path */
{
    return isalnum((unsigned char)c) || (unsigned char)c >= 0x80 || (c && strchr("._-/", c));
}

/* A word with a path replaced wherever it stands as a whole, and is no beginning of another one. A new string. */
static char *replaced(const char *word, const char *path, const char *with)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    size_t n = strlen(path);
    for (tl_buffer_add_string(&b, ""); *word;) {
        if (!strncmp(word, path, n) && !goes_on(word[n])) {
            tl_buffer_add_string(&b, with);
            word += n;
        } else {
            tl_buffer_add(&b, word++, 1);
        }
    }
    return tl_buffer_take(&b);
}

/* Replaces a path in all strings of words, those that are there under a condition, too. */
void tl_init_replace_words(json_t *words, const char *path, const char *with)
{
    json_t *word;
    size_t i;
    json_array_foreach(words, i, word) {
        char *made = json_is_string(word) ? replaced(json_string_value(word), path, with) : NULL;
        if (made)
            json_array_set_new(words, i, json_string(made));
        else if (json_is_object(word))
            tl_init_replace_words(json_object_get(word, "argv"), path, with);
        free(made);
    }
}

/* The absolute path of something that may not be there, but whose directory is. */
static char *absolute(const char *path)
{
    char *real = realpath(path, NULL);
    if (real)
        return real;
    char *above = tl_strdup(path), *slash;
    for (size_t n = strlen(above); n > 1 && above[n - 1] == '/';)
        above[--n] = '\0';
    char *last = tl_strdup(tl_base_name(above));
    slash = strrchr(above, '/');
    if (slash == above)
        slash[1] = '\0';
    else if (slash)
        *slash = '\0';
    char *directory = realpath(slash ? above : ".", NULL);
    real = directory ? tl_format("%s/%s", directory[1] ? directory : "", last) : NULL;
    free(last);
    free(directory);
    free(above);
    return real;
}

char *tl_init_from(const char *directory, const char *path)
{
    char *from = absolute(directory), *to = absolute(path);
    struct tl_buffer b = TL_BUFFER_INIT;
    size_t same = 0;
    for (size_t i = 0; from && to; i++) {
        bool end_from = !from[i] || from[i] == '/', end_to = !to[i] || to[i] == '/';
        if (end_from && end_to)
            same = i;
        if (!from[i] || !to[i] || from[i] != to[i])
            break;
    }
    if (same)
        for (const char *at = from + same; *at; at++)
            if (*at == '/')
                tl_buffer_add_string(&b, "../");
    if (same)
        tl_buffer_add_string(&b, to + same + (to[same] == '/'));
    char *made = b.data ? tl_buffer_take(&b) : tl_strdup(to ? to : path);
    free(from);
    free(to);
    return made;
}
