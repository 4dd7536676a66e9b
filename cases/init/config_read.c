/* Values in configuration files, and where they stand.
 *
 * A file is never written anew: what varies is replaced where it stands, and all else stays as somebody wrote it. So a reader
 * need not understand all of a form. What it takes for a value is one, whatever surrounds it, as only words that cannot be
 * anything else are taken: numbers, names, and quoted texts without escapes, each the last thing on its line. At worst a value is
 * called by another name than its owner would. JSON is known to be JSON before it is walked through, as jansson has read it. */
#include "cases/init/config.h"

#include "cases/written_files.h"
#include "harness/base/buffer.h"
#include "harness/base/files.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#define DEPTH_MOST 64
#define NAME_MOST 200

enum form { JSON, YAML, PAIRS, NO_FORM };

static enum form form_of(const char *path)
{
    static const struct {
        const char *ending;
        enum form form;
    } forms[] = {{".json", JSON},        {".yaml", YAML}, {".yml", YAML},   {".toml", PAIRS},
                 {".ini", PAIRS},        {".cfg", PAIRS}, {".conf", PAIRS}, {".config", PAIRS},
                 {".properties", PAIRS}, {".env", PAIRS}};
    const char *dot = strrchr(tl_base_name(path), '.');
    for (size_t i = 0; dot && i < TL_COUNT(forms); i++)
        if (!strcasecmp(dot, forms[i].ending))
            return forms[i].form;
    return NO_FORM;
}

bool tl_init_config_is(const char *path)
{
    return form_of(path) != NO_FORM;
}

void tl_init_config_free(struct tl_init_config *c)
{
    for (size_t i = 0; i < c->n; i++)
        free(c->list[i].name);
    free(c->list);
    *c = (struct tl_init_config){0};
}

/* Where in the file the reader is. */
struct level {
    char name[NAME_MOST + 1]; /* of the value that comes next, or is open */
    size_t indent, items;
    bool is_list; /* of JSON; in YAML: it is an item of a list */
};
struct reader {
    struct tl_init_config *c;
    const char *text;
    size_t size;
    struct level levels[DEPTH_MOST];
    size_t depth;
};

static void set_name(struct level *l, const char *name, size_t n)
{
    n = n < NAME_MOST ? n : NAME_MOST;
    memcpy(l->name, name, n);
    l->name[n] = '\0';
}

static void add(struct reader *r, size_t at, size_t size, bool quoted)
{
    struct tl_buffer name = TL_BUFFER_INIT;
    for (size_t i = 0; i < r->depth; i++)
        if (*r->levels[i].name)
            tl_buffer_printf(&name, "%s%s", name.size ? "." : "", r->levels[i].name);
    if (!name.size || r->c->n > TL_CONFIG_MOST) {
        tl_buffer_free(&name);
        return;
    }
    *TL_GROW(r->c->list, r->c->n) = (struct tl_init_config_value){tl_buffer_take(&name), at, size, quoted};
}

/* --- JSON ----------------------------------------------------------------------------------------------- */

static const char *read_json(struct reader *r)
{
    const char *t = r->text;
    bool key_next = false;
    for (size_t i = 0; i < r->size; i++) {
        struct level *top = r->depth ? &r->levels[r->depth - 1] : NULL;
        if (strchr(" \t\r\n:", t[i]))
            continue;
        if (t[i] == ',') {
            key_next = top && !top->is_list;
            continue;
        }
        if (t[i] == '}' || t[i] == ']') {
            r->depth -= r->depth > 0;
            key_next = false;
            continue;
        }
        size_t end = i;
        if (t[i] == '"')
            for (end = i + 1; end < r->size && t[end] != '"'; end++)
                end += t[end] == '\\';
        else if (t[i] != '{' && t[i] != '[')
            while (end + 1 < r->size && !strchr(" \t\r\n,]}", t[end + 1]))
                end++;
        if (key_next) {
            set_name(top, t + i + 1, end - i - 1);
            key_next = false;
            i = end;
            continue;
        }
        if (top && top->is_list)
            snprintf(top->name, sizeof top->name, "%zu", top->items++);
        if (t[i] == '{' || t[i] == '[') {
            if (r->depth == DEPTH_MOST)
                return "it nests too deep";
            r->levels[r->depth] = (struct level){.is_list = t[i] == '['};
            r->depth++;
            key_next = t[i] == '{';
        } else if (t[i] == '"' && !memchr(t + i, '\\', end - i)) {
            add(r, i + 1, end - i - 1, true);
        } else if (t[i] != '"') {
            add(r, i, end - i + 1, false);
        }
        i = end;
    }
    return NULL;
}

/* --- lines ---------------------------------------------------------------------------------------------- */

static bool of_key(char c)
{
    return isalnum((unsigned char)c) || (c && strchr("_.-", c));
}

static bool of_word(char c)
{
    return isalnum((unsigned char)c) || (c && strchr("_./+-", c));
}

/* A value that stands alone between two places of a line, but for a comment behind it. */
static void add_rest(struct reader *r, size_t from, size_t to)
{
    const char *t = r->text;
    while (from < to && isblank((unsigned char)t[from]))
        from++;
    bool quoted = from < to && strchr("\"'", t[from]);
    size_t at = from + quoted, end = at;
    while (end < to && (quoted ? t[end] != t[from] && t[end] != '\\' : of_word(t[end])))
        end++;
    size_t behind = end + quoted;
    if (end == at || (quoted && (end == to || t[end] != t[from])))
        return;
    while (behind < to && isspace((unsigned char)t[behind]))
        behind++;
    bool comment = behind < to && strchr("#;", t[behind]) && isspace((unsigned char)t[behind - 1]);
    if (behind == to || comment)
        add(r, at, end - at, quoted);
}

/* The key with which a line begins, its size and what is behind its mark; false: none. */
static bool key_of(const struct reader *r, size_t from, size_t to, const char *marks, size_t *at, size_t *n,
                   size_t *behind)
{
    const char *t = r->text;
    bool quoted = from < to && strchr("\"'", t[from]);
    *at = from + quoted;
    for (*n = 0; *at + *n < to && of_key(t[*at + *n]);)
        ++*n;
    size_t i = *at + *n;
    if (quoted && (i == to || t[i++] != t[from]))
        return false;
    while (i < to && isblank((unsigned char)t[i]))
        i++;
    *behind = i + 1;
    return *n && i < to && strchr(marks, t[i]);
}

static void yaml_line(struct reader *r, size_t from, size_t begin, size_t to, bool *block,
                      size_t *block_indent)
{
    const char *t = r->text;
    size_t indent = from - begin, at, n, behind;
    if (*block && indent > *block_indent)
        return;
    *block = false;
    if (to - from >= 3 && !strncmp(t + from, "---", 3)) {
        r->depth = 0;
        return;
    }
    while (from < to && t[from] == '-' && (from + 1 == to || isblank((unsigned char)t[from + 1]))) {
        while (r->depth && (r->levels[r->depth - 1].indent > indent ||
                            (r->levels[r->depth - 1].indent == indent && r->levels[r->depth - 1].is_list)))
            r->depth--;
        if (r->depth == DEPTH_MOST)
            return;
        size_t number = r->depth ? r->levels[r->depth - 1].items++ : 0;
        struct level *l = &r->levels[r->depth++];
        *l = (struct level){.indent = indent, .is_list = true};
        snprintf(l->name, sizeof l->name, "%zu", number);
        for (from++; from < to && isblank((unsigned char)t[from]);)
            from++;
        indent = from - begin;
        if (from < to && t[from] != '-' && !key_of(r, from, to, ":", &at, &n, &behind)) {
            add_rest(r, from, to);
            return;
        }
    }
    if (from == to || !key_of(r, from, to, ":", &at, &n, &behind) ||
        (behind < to && !isspace((unsigned char)t[behind])))
        return;
    while (r->depth && r->levels[r->depth - 1].indent >= indent)
        r->depth--;
    if (r->depth == DEPTH_MOST)
        return;
    struct level *l = &r->levels[r->depth++];
    *l = (struct level){.indent = indent};
    set_name(l, t + at, n);
    while (behind < to && isblank((unsigned char)t[behind]))
        behind++;
    *block = behind < to && strchr("|>", t[behind]);
    *block_indent = indent;
    if (!*block)
        add_rest(r, behind, to);
}

/* [section], [[of a list]]; KEY = VALUE, KEY: VALUE. */
static void pairs_line(struct reader *r, size_t from, size_t to)
{
    const char *t = r->text;
    size_t at, n, behind, brackets = strspn(t + from, "[");
    if (brackets) {
        at = from + brackets;
        n = strcspn(t + at, "]\n");
        r->depth = 1;
        set_name(&r->levels[0], t + at, n);
        return;
    }
    if (to - from > 7 && !strncmp(t + from, "export ", 7))
        from += 7;
    if (!key_of(r, from, to, "=:", &at, &n, &behind))
        return;
    r->depth = r->depth ? 2 : 1;
    set_name(&r->levels[r->depth - 1], t + at, n);
    add_rest(r, behind, to);
    r->depth = r->depth == 2;
}

static void read_lines(struct reader *r, bool yaml)
{
    const char *t = r->text;
    bool block = false,
         open = false; /* in a text of several lines: of YAML by its indent, of TOML by its quotes */
    size_t block_indent = 0;
    for (size_t begin = 0, next; begin < r->size; begin = next) {
        size_t n = strcspn(t + begin, "\n"), to = begin + n, from = begin;
        next = to + 1;
        while (from < to && isspace((unsigned char)t[from]))
            from++;
        size_t quotes = 0;
        for (size_t i = begin; !yaml && i + 2 < to; i++)
            if (!strncmp(t + i, "\"\"\"", 3) || !strncmp(t + i, "'''", 3)) {
                quotes++;
                i += 2;
            }
        bool inside = open;
        open = quotes % 2 ? !open : open;
        if (from == to || strchr("#;", t[from]) || inside || quotes)
            continue;
        while (to > from && isspace((unsigned char)t[to - 1]))
            to--;
        if (yaml)
            yaml_line(r, from, begin, to, &block, &block_indent);
        else
            pairs_line(r, from, to);
    }
}

int tl_init_config_read(const char *path, const char *text, size_t size, struct tl_init_config *c, char **why)
{
    enum form form = form_of(path);
    struct reader *r = tl_calloc(1, sizeof *r);
    const char *said = NULL;
    json_error_t error;
    *c = (struct tl_init_config){.is_json = form == JSON, .has_null = form == JSON || form == YAML};
    *r = (struct reader){.c = c, .text = text, .size = size};
    json_t *read = form == JSON ? json_loadb(text, size, JSON_DECODE_ANY, &error) : NULL;
    *why = NULL;
    if (strlen(text) != size)
        said = "it is no text";
    else if (form == JSON && !read)
        *why = tl_format("it is no JSON: line %d: %s", error.line, error.text);
    else if (form == JSON)
        said = read_json(r);
    else
        read_lines(r, form == YAML);
    if (!said && c->n > TL_CONFIG_MOST)
        said = "it has thousands of values";
    *why = said ? tl_strdup(said) : *why;
    json_decref(read);
    free(r);
    if (*why)
        tl_init_config_free(c);
    return *why ? -1 : 0;
}

bool tl_init_config_has(const struct tl_init_words *w, const char *name, char **text)
{
    *text = NULL;
    for (size_t i = 0; i < w->n && !*text && !w->fixed; i++) {
        const char *equals = strchr(w->argv[i], '='), *path = equals ? equals + 1 : w->argv[i];
        struct tl_init_config c = {0};
        size_t size;
        struct stat st;
        bool is = tl_init_config_is(path) && !stat(path, &st) && S_ISREG(st.st_mode);
        char *why = NULL, *whole = is ? tl_read_file(path, TL_WRITTEN_TEXT_MOST, &size) : NULL;
        if (whole && !tl_init_config_read(path, whole, size, &c, &why))
            for (size_t k = 0; k < c.n && !*text; k++)
                if (!strcmp(c.list[k].name, name))
                    *text = tl_format("%.*s", (int)c.list[k].size, whole + c.list[k].at);
        tl_init_config_free(&c);
        free(why);
        free(whole);
    }
    return *text;
}
