/* Values of configuration files as axes: the file becomes a template, with a marker where a value varies. What is smaller, off or
 * another word is tried, as for the options of a command: a number is smaller, a switch is turned, a word is one that the program
 * knows as well (alternatives.c) or is not there (null). */
#include "cases/init/config.h"

#include "cases/written_files.h"
#include "harness/base/buffer.h"
#include "harness/base/files.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#define AXES_MOST 100 /* of a case, from here: the rest of 128 is for others */
#define LIST_MOST 8   /* of values in a list that vary: a longer one is data */
#define WORD_MOST 64  /* bytes of a text that may be left out */
#define ALTERNATIVES_MOST 7
#define COPIED_MOST ((off_t)64 << 20) /* of a file that each trial gets */
#define SECRET_LEAST 8                /* bytes of a key or password */
#define NAMED_MOST 6                  /* values that a note names */

/* One configuration on its way into the case. */
struct varied {
    struct tl_init *p;
    struct tl_init_guesses *g;
    size_t file; /* among those of the plan */
    const char *text;
    struct tl_init_config c;
    size_t done; /* bytes of the text that are in the template */
    struct tl_buffer template;
    struct tl_buffer left; /* names of values that stay */
    size_t n_left, n_axes, n_paths;
};

static void leave(struct varied *v, const struct tl_init_config_value *value)
{
    if (v->n_left++ < NAMED_MOST)
        tl_buffer_printf(&v->left, "%s%s", v->left.size ? ", " : "", value->name);
}

/* The text up to a value, and something in its place. quotes: those around it go, too. */
static void put(struct varied *v, const struct tl_init_config_value *value, bool quotes, const char *instead)
{
    size_t at = value->at - quotes;
    char *before = tl_written_escape(v->text + v->done, at - v->done);
    tl_buffer_add_string(&v->template, before);
    tl_buffer_add_string(&v->template, instead);
    v->done = value->at + value->size + quotes;
    free(before);
}

/* --- what else a value may be --------------------------------------------------------------------------- */

static bool an_integer(const char *text, json_int_t *n)
{
    char *end;
    const char *digits = text + (*text == '-');
    errno = 0;
    *n = strtoll(text, &end, 10);
    return isdigit((unsigned char)*digits) && !(digits[0] == '0' && digits[1]) && !*end && !errno &&
           llabs(*n) <= 9007199254740991;
}

static bool a_float(const char *text, double *x)
{
    char *end;
    *x = strtod(text, &end);
    return *text && !*end && strspn(text, "0123456789+-.eE") == strlen(text) && isfinite(*x);
}

/* Fractions as texts, which axes have: by tens from 1 down to it. */
static json_t *floats(const char *text, double x)
{
    json_t *list = json_array();
    static const char *const tens[] = {"1.0",  "0.1",  "0.01", "0.001", "0.0001",
                                       "1e-5", "1e-6", "1e-7", "1e-8"};
    if (x == 1)
        json_array_append_new(list, json_string("0.0"));
    else if (x > 0 && x < 1)
        for (size_t i = 0; i < TL_COUNT(tens) && strtod(tens[i], NULL) > x * 1.0001; i++)
            json_array_append_new(list, json_string(tens[i]));
    else
        json_array_append_new(list, json_string("1.0"));
    json_array_append_new(list, json_string(text));
    return list;
}

/* The other position of a switch; NULL: it is none. */
static const char *turned(const char *text)
{
    static const char *const pairs[][2] = {{"false", "true"}, {"False", "True"}, {"FALSE", "TRUE"},
                                           {"no", "yes"},     {"No", "Yes"},     {"off", "on"},
                                           {"Off", "On"}};
    for (size_t i = 0; i < TL_COUNT(pairs); i++)
        for (int k = 0; k < 2; k++)
            if (!strcmp(text, pairs[i][k]))
                return pairs[i][1 - k];
    return NULL;
}

static bool is_no_value(const char *text)
{
    static const char *const words[] = {"null", "Null", "NULL", "~", "None", "none", "nil"};
    return !*text || tl_is_one_of(text, words, TL_COUNT(words));
}

/* Whether a value looks like one that gives somebody access: it is in what is published, as the rest of the file. */
static bool is_secret(const char *name, const char *text)
{
    static const char *const parts[] = {"secret",     "passw",       "api_key",    "apikey",   "api-key",
                                        "credential", "private_key", "access_key", "auth_key", "token"};
    const char *dot = strrchr(name, '.'), *own = dot ? dot + 1 : name;
    bool is = false;
    for (size_t i = 0; i < TL_COUNT(parts); i++) {
        size_t n = strlen(own), k = strlen(parts[i]);
        bool ends = n >= k && !strcasecmp(own + n - k, parts[i]);
        is = is || (!strcmp(parts[i], "token") ? ends : strcasestr(own, parts[i]) != NULL);
    }
    return is && strlen(text) >= SECRET_LEAST && !strpbrk(text, "<[ ");
}

/* Values of an axis, the own one last, and the kind of axis; NULL: it stays. *quotes: they are a part of the values. */
static json_t *values_of(const struct varied *v, const struct tl_init_config_value *value, const char *text,
                         const char **kind, bool *quotes)
{
    json_int_t n;
    double x;
    *kind = "choices";
    *quotes = false;
    if (!value->quoted && is_no_value(text))
        return NULL;
    if (!value->quoted && an_integer(text, &n)) {
        if (strcasestr(value->name, "seed") || strcasestr(value->name, "port") ||
            strcasestr(value->name, "version"))
            return NULL;
        return n >= 1 ? tl_init_numbers(n, kind) : json_pack("[I,I]", n ? (json_int_t)0 : 1, n);
    }
    if (!value->quoted && a_float(text, &x)) {
        json_t *list = floats(text, x);
        *kind = json_array_size(list) > 2 ? "ordered" : "choices";
        return list;
    }
    const char *other = value->quoted ? NULL : turned(text);
    if (other && !strcasecmp(text, "true"))
        return strcmp(text, "true") ? json_pack("[s,s]", other, text) : json_pack("[b,b]", 0, 1);
    if (other)
        return strcmp(text, "false") ? json_pack("[s,s]", other, text) : json_pack("[b,b]", 1, 0);
    json_t *words = tl_init_alternatives(v->p, text, ALTERNATIVES_MOST);
    if (json_array_size(words)) {
        json_array_append_new(words, json_string(text));
        return words;
    }
    json_decref(words);
    if (!v->c.has_null || value->size > WORD_MOST)
        return NULL;
    char *own = value->quoted ? tl_format("%c%s%c", v->text[value->at - 1], text, v->text[value->at - 1])
                              : tl_strdup(text);
    words = json_pack("[s,s]", "null", own);
    *quotes = value->quoted;
    free(own);
    return words;
}

/* --- values that name files ----------------------------------------------------------------------------- */

/* A file or directory that a value names, from the working directory or from where the configuration is. Absolute; NULL. */
static char *named_file(const struct varied *v, const struct tl_init_config_value *value, const char *text)
{
    struct stat st;
    const char *from = v->p->files[v->file].from;
    if (!strpbrk(text, "/.") || !strcmp(text, ".") || !strcmp(text, "..") ||
        (!value->quoted && isdigit((unsigned char)*text)))
        return NULL;
    char *real = realpath(text, NULL), *beside;
    if (!real) {
        beside = tl_format("%.*s%s", (int)(tl_base_name(from) - from), from, text);
        real = *text != '/' ? realpath(beside, NULL) : NULL;
        free(beside);
    }
    if (real && (stat(real, &st) || !(S_ISREG(st.st_mode) || (S_ISDIR(st.st_mode) && strchr(text, '/'))))) {
        free(real);
        real = NULL;
    }
    return real;
}

/* It comes along, and is where the command runs, under its own name; a large one is named where it is. */
static void put_file(struct varied *v, const struct tl_init_config_value *value, const char *real)
{
    struct stat st;
    bool is_file, large = stat(real, &st) || (S_ISREG(st.st_mode) && st.st_size > COPIED_MOST);
    size_t before = v->p->n_files;
    char *word = large ? tl_strdup(real) : tl_init_word(v->p, real, &is_file);
    const char *place = !strncmp(word, "{case_dir}/", 11) ? word + 11 : real;
    if (large)
        tl_init_note(v->p, "%s stays where it is, since it is large", real);
    if (place != real)
        for (size_t i = 0; i < v->p->n_files; i++)
            if (v->p->files[i].from && !strcmp(v->p->files[i].from, real)) {
                v->p->files[i].implied = true;
                place = v->p->files[i].to;
            }
    if (strpbrk(place, "\"'\\")) { /* of the form of the file: it stays as it is */
        leave(v, value);
    } else {
        char *escaped = tl_written_escape(place, strlen(place));
        put(v, value, false, escaped);
        v->n_paths += v->p->n_files > before;
        free(escaped);
    }
    free(word);
}

/* --- a file --------------------------------------------------------------------------------------------- */

static const json_t *axis_of(const json_t *axes, const char *name)
{
    const json_t *axis;
    size_t i;
    json_array_foreach(axes, i, axis)
        if (!strcmp(json_string_value(json_object_get(axis, "name")), name))
            return axis;
    return NULL;
}

/* That of the value, or where another axis or a path has it, with that of the file before it. */
static char *axis_name(const struct varied *v, const char *name)
{
    char *own = tl_init_axis_name(v->g->axes, name);
    if (!strcmp(own, name) || strlen(name) > 40)
        return own;
    const char *file = tl_base_name(v->p->files[v->file].from);
    char *longer = tl_format("%.*s.%s", (int)strcspn(file, "."), file, name),
         *made = tl_init_axis_name(v->g->axes, longer);
    free(longer);
    free(own);
    return made;
}

static void add_axis(struct varied *v, const struct tl_init_config_value *value, const char *text)
{
    const char *kind;
    bool quotes;
    json_t *values =
        json_array_size(v->g->axes) < AXES_MOST ? values_of(v, value, text, &kind, &quotes) : NULL;
    if (!values) {
        leave(v, value);
        return;
    }
    const char *file = tl_base_name(v->p->files[v->file].from);
    char *name = axis_name(v, value->name), *marker = tl_format("@{%s}", name),
         *about = strcmp(name, value->name) != 0 ? tl_format("%s, a value of %s", value->name, file)
                                                 : tl_format("a value of %s", file),
         *own = tl_format(
             "%s", quotes ? json_string_value(json_array_get(values, json_array_size(values) - 1)) : text);
    json_object_set(v->g->failing, name, json_array_get(values, json_array_size(values) - 1));
    json_t *axis =
        json_pack("{s:s,s:o,s:s*}", "name", name, kind, values, "about", strlen(about) < 1024 ? about : NULL);
    json_array_append_new(v->g->axes, axis);
    json_object_set_new(v->p->config_axes, name, json_string(own));
    put(v, value, quotes, marker);
    v->n_axes++;
    free(own);
    free(about);
    free(marker);
    free(name);
}

/* How many values of a list begin here; 1 where it is none. */
static size_t in_list(const struct tl_init_config *c, size_t i)
{
    const char *dot = strrchr(c->list[i].name, '.');
    size_t n = dot ? (size_t)(dot - c->list[i].name) + 1 : 0, k = i;
    while (dot && k < c->n && !strncmp(c->list[k].name, c->list[i].name, n) &&
           strspn(c->list[k].name + n, "0123456789") == strlen(c->list[k].name + n))
        k++;
    return k > i ? k - i : 1;
}

static void vary_values(struct varied *v)
{
    size_t long_list = 0; /* values of one that are still to come */
    for (size_t i = 0; i < v->c.n; i++) {
        const struct tl_init_config_value *value = &v->c.list[i];
        char *text = tl_format("%.*s", (int)value->size, v->text + value->at), *real = NULL;
        bool first = !i || in_list(&v->c, i - 1) == 1, secret = is_secret(value->name, text);
        if (secret)
            tl_init_note(v->p,
                         "%s looks like a secret, and stands in what a report and a bundle show of %s: put "
                         "something else in its "
                         "place",
                         value->name, tl_base_name(v->p->files[v->file].from));
        if (!long_list && first && in_list(&v->c, i) > LIST_MOST)
            long_list = in_list(&v->c, i);
        if (v->g->given && axis_of(v->g->axes, value->name)) {
            char *marker = tl_format("@{%s}", value->name);
            put(v, value, false, marker);
            v->n_axes++;
            free(marker);
        } else if ((real = named_file(v, value, text))) {
            put_file(v, value, real);
        } else if (v->g->given || long_list || secret) {
            leave(v, value);
        } else {
            add_axis(v, value, text);
        }
        long_list -= long_list > 0;
        free(real);
        free(text);
    }
    char *rest = tl_written_escape(v->text + v->done, strlen(v->text) - v->done);
    tl_buffer_add_string(&v->template, rest);
    free(rest);
}

/* The plan's file becomes a template, and what the words name is what is written of it. */
static void make_template(struct varied *v)
{
    struct tl_init_file *f = &v->p->files[v->file];
    char *escaped = tl_init_escape(f->to), *before = tl_format("{case_dir}/%s", escaped),
         *after = tl_format("{scratch}/%s", escaped), *template = tl_init_free_name(v->p, f->to, ".in");
    tl_init_replace_words(v->g->argv, before, after);
    if (!v->p->written)
        v->p->written = json_array();
    json_array_append_new(v->p->written, json_pack("{s:s,s:s}", "name", f->to, "template", template));
    free(f->to);
    f->to = template;
    f->text = tl_buffer_take(&v->template);
    f->mode = 0644;
    f->implied = false;
    free(escaped);
    free(before);
    free(after);
}

static void note(struct varied *v, const char *name, bool given)
{
    if (v->n_axes && (given || !v->n_left))
        tl_init_note(v->p, "%s: %zu of its values var%s", name, v->n_axes, v->n_axes == 1 ? "ies" : "y");
    else if (v->n_axes)
        tl_init_note(v->p,
                     "%s: %zu of its values are axes; %s%s stay%s as %s: --axis NAME=VALUE,… gives what else "
                     "one can be",
                     name, v->n_axes, v->left.data, v->n_left > NAMED_MOST ? " and others" : "",
                     v->n_left == 1 ? "s" : "", v->n_left == 1 ? "it is" : "they are");
    else if (v->n_left)
        tl_init_note(v->p, "%s: no value of it varies (%s%s): --axis NAME=VALUE,… says what one can be", name,
                     v->left.data, v->n_left > NAMED_MOST ? " and others" : "");
}

static void vary(struct tl_init *p, struct tl_init_guesses *g, size_t file, bool told)
{
    struct varied v = {.p = p, .g = g, .file = file};
    char *name = tl_strdup(tl_base_name(p->files[file].from)), *why = NULL;
    size_t size;
    char *text = tl_read_file(p->files[file].from, TL_WRITTEN_TEXT_MOST, &size);
    json_t *utf8 = text && strlen(text) == size ? json_string(text) : NULL;
    if (!utf8)
        why = tl_strdup(text ? "it is no text in UTF-8" : "it is too large, or cannot be read");
    else if (!tl_init_config_read(p->files[file].from, text, size, &v.c, &why)) {
        v.text = text;
        vary_values(&v);
        if (v.n_axes || v.n_paths)
            make_template(&v);
        if (told || v.n_axes)
            note(&v, name, g->given);
    }
    if (why && told)
        tl_init_note(p,
                     "%s stays as it is: %s; what in it is to vary can be marked by hand: \"Files\" in "
                     "docs/case-files.md",
                     name, why);
    json_decref(utf8);
    tl_init_config_free(&v.c);
    tl_buffer_free(&v.template);
    tl_buffer_free(&v.left);
    free(why);
    free(text);
    free(name);
}

/* --- of a plan ------------------------------------------------------------------------------------------ */

static bool names(const json_t *words, const char *to)
{
    char *escaped = tl_init_escape(to), *path = tl_format("{case_dir}/%s", escaped);
    const json_t *word;
    size_t i;
    bool is = false;
    json_array_foreach(words, i, word)
        is = is || (json_is_string(word) ? strstr(json_string_value(word), path) != NULL
                                         : names(json_object_get(word, "argv"), to));
    free(escaped);
    free(path);
    return is;
}

/* Nobody named it but a program: a file of results has such a form, too. */
static bool is_called_one(const char *name)
{
    return strcasestr(name, "conf") || strcasestr(name, "setting") || strcasestr(name, "param") ||
           strcasestr(name, "option");
}

void tl_init_vary_configs(struct tl_init *p, struct tl_init_guesses *g)
{
    size_t n = p->n_files; /* more may come, which they name */
    bool any = false;      /* a word names one */
    p->config_axes = json_object();
    for (size_t i = 0; i < n; i++)
        any = any ||
              (p->files[i].from && tl_init_config_is(p->files[i].from) && names(g->argv, p->files[i].to));
    for (size_t i = 0; i < n; i++) {
        struct stat st;
        const char *from = p->files[i].from;
        if (!from || p->files[i].text || !tl_init_config_is(from) || stat(from, &st) || !S_ISREG(st.st_mode))
            continue;
        bool told = names(g->argv, p->files[i].to);
        if (told || (!any && is_called_one(tl_base_name(from))))
            vary(p, g, i, told);
    }
}

void tl_init_note_configs(struct tl_init *p)
{
    for (size_t i = 0; i < p->n_files; i++) {
        struct tl_init_config c = {0};
        const char *from = p->files[i].from;
        size_t size;
        char *why = NULL,
             *text = from && tl_init_config_is(from) ? tl_read_file(from, TL_WRITTEN_TEXT_MOST, &size) : NULL;
        if (text && !tl_init_config_read(from, text, size, &c, &why) && c.n)
            tl_init_note(p,
                         "%s stays as it is; of a command, `trapline init -- python3 …`, its values are axes",
                         tl_base_name(from));
        tl_init_config_free(&c);
        free(why);
        free(text);
    }
}

/* --- after it was run ----------------------------------------------------------------------------------- */

void tl_init_fix(struct tl_init *p, const char *axis)
{
    const char *own = json_string_value(json_object_get(p->config_axes, axis));
    json_t *axes = json_object_get(p->document, "axes"), *one;
    char *marker = tl_format("@{%s}", axis), *plain = tl_written_escape(own, strlen(own));
    size_t k;
    for (size_t i = 0; i < p->n_files; i++) {
        struct tl_buffer b = TL_BUFFER_INIT;
        const char *from = p->files[i].text, *at = from;
        while (at && (at = strstr(at, marker)) && at > from && at[-1] == '@')
            at++;
        if (!at)
            continue;
        tl_buffer_add(&b, from, (size_t)(at - from));
        tl_buffer_add_string(&b, plain);
        tl_buffer_add_string(&b, at + strlen(marker));
        free(p->files[i].text);
        p->files[i].text = tl_buffer_take(&b);
    }
    json_array_foreach(axes, k, one)
        if (!strcmp(json_string_value(json_object_get(one, "name")), axis)) {
            json_array_remove(axes, k);
            break;
        }
    json_object_del(json_object_get(p->document, "failing"), axis);
    json_object_del(p->config_axes, axis);
    free(marker);
    free(plain);
}

void tl_init_narrow(struct tl_init *p, const char *axis, size_t first)
{
    json_t *one = (json_t *)(uintptr_t)axis_of(json_object_get(p->document, "axes"), axis),
           *range = json_object_get(one, "range"), *list = json_object_get(one, "ordered");
    if (range)
        json_array_set_new(range, 0,
                           json_integer(json_integer_value(json_array_get(range, 0)) + (json_int_t)first));
    for (; list && first && json_array_size(list) > 2; first--)
        json_array_remove(list, 0);
}

void tl_init_turn_configs(struct tl_init *p)
{
    static const char *const kinds[] = {"range", "ordered", "choices"};
    json_t *axis;
    size_t i;
    json_array_foreach(json_object_get(p->document, "axes"), i, axis) {
        if (!json_object_get(p->config_axes, json_string_value(json_object_get(axis, "name"))))
            continue;
        for (size_t k = 0; k < TL_COUNT(kinds); k++) {
            json_t *values = json_object_get(axis, kinds[k]), *turned = json_array();
            for (size_t v = json_array_size(values); v-- > 0;)
                json_array_append(turned, json_array_get(values, v));
            if (values)
                json_object_set(axis, kinds[k], turned);
            json_decref(turned);
        }
    }
}
