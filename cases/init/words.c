/* Words of a command line: which are files, outputs, options with values or flags, and what each becomes in a case. */
#include "cases/init/init.h"

#include "cases/init/config.h"
#include "cases/init/words.h"
#include "cases/onnx_external.h"
#include "cases/option_name.h"
#include "harness/base/buffer.h"
#include "harness/base/files.h"
#include "harness/base/places.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#define FILE_MOST ((off_t)1 << 30)           /* of one that is copied; a larger one is named where it is */
#define DIRECTORY_MOST ((uint64_t)256 << 20) /* of all that is in one */

/* What is put together while the words are gone through. */
struct making {
    struct tl_init *p;
    json_t *axes, *failing, *files; /* files: that have to be there afterwards */
    bool given;                     /* axes were given, and none is guessed */
};

/* Whether the directory of the case is to be somewhere below this one, which then cannot be copied into it. */
static bool holds_case(const struct tl_init *p, const char *real)
{
    char *way = tl_init_from(real, p->directory);
    bool holds = *way != '/' && strcmp(way, "..") != 0 && strncmp(way, "../", 3) != 0;
    free(way);
    return holds;
}

/* Whether a file or directory is named where it is. */
static bool stays(const struct tl_init *p, const char *real, const struct stat *st)
{
    if (tl_place_is_of_system(real) || tl_place_is_of_packages(real))
        return true;
    return S_ISDIR(st->st_mode) ? tl_place_is_broad(real) || holds_case(p, real) ||
                                      tl_tree_bytes(real, DIRECTORY_MOST) >= DIRECTORY_MOST
                                : st->st_size > FILE_MOST;
}

int tl_init_check_words(const struct tl_init_words *w, struct tl_error *e)
{
    for (size_t i = 0; i < w->n + w->n_axes; i++) {
        json_t *text = json_string(i < w->n ? w->argv[i] : w->axes[i - w->n]);
        json_decref(text);
        if (!text)
            return tl_fail(e, TL_ERROR_INPUT, "cannot make a case of the command", i < w->n ? "--" : "--axis",
                           "word %zu of it is not UTF-8, which a case has to be",
                           i < w->n ? i + 1 : i - w->n + 1);
    }
    return 0;
}

/* What a word is in the case: a file beside it, one that stays where it is, or the word itself. A new string. */
char *tl_init_word(struct tl_init *p, const char *word, bool *is_file)
{
    struct stat st;
    *is_file = *word && !stat(word, &st) && (S_ISREG(st.st_mode) || S_ISDIR(st.st_mode));
    char *real = *is_file ? realpath(word, NULL) : NULL;
    if (!real)
        return tl_init_escape(word);
    json_t *beside = S_ISREG(st.st_mode) ? tl_onnx_external(real) : NULL;
    char *made, *name;
    if (beside || stays(p, real, &st)) {
        if (!tl_place_is_of_system(real))
            tl_init_note(p, "%s stays where it is%s", real,
                         beside ? ", since it has files of its own beside it" : "");
        made = tl_init_escape(real);
    } else {
        name = tl_init_escape(tl_init_add_file(p, real));
        made = tl_format("{case_dir}/%s", name);
        free(name);
    }
    json_t *text = json_string(made);
    p->not_text = p->not_text || !text;
    json_decref(text);
    json_decref(beside);
    free(real);
    return made;
}

static bool is_needed(const char *name)
{
    static const char *const list[] = {"i",     "in",         "input", "inputs", "input-file", "m",
                                       "model", "model-path", "src",   "source", "f",          "file"};
    return tl_option_is_one_of(name, list, TL_COUNT(list));
}

/* Options that hold a command back from what it does without them. Somebody may have given one for just that, so that nothing
 * is ever run without it. valued: -n with a value is a number of something. */
static bool holds_back(const char *option, bool valued)
{
    static const char *const list[] = {
        "n",         "dry-run",  "dryrun",     "dry",     "check",   "check-only", "noop", "simulate",
        "pretend",   "preview",  "just-print", "recon",   "what-if", "whatif",     "plan", "test",
        "read-only", "readonly", "safe",       "sandbox", "offline", "local"};
    const char *plain = option + strspn(option, "-");
    size_t n = strlen(plain);
    if (valued && !strcasecmp(plain, "n"))
        return false;
    return tl_option_is_one_of(option, list, TL_COUNT(list)) || !strncasecmp(plain, "no-", 3) ||
           !strncasecmp(plain, "no_", 3) ||
           (!valued && plain == option + 1 && n <= 4 && strchr(plain, 'n') && /* -avn */
            strspn(plain, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") == n);
}

static bool is_option(const char *word)
{
    return word[0] == '-' && word[1] && !isdigit((unsigned char)word[1]) && strcmp(word, "--") != 0;
}

/* Axes, with the value that the command line has as the failing one. All take the references. Returns the axis's name. */
static const char *add_axis(struct making *m, const char *option, const char *kind, json_t *values,
                            json_t *value)
{
    char *name = tl_init_axis_name(m->axes, option);
    json_t *axis = json_pack("{s:s,s:o}", "name", name, kind, values);
    json_object_set_new(m->failing, name, value);
    json_array_append_new(m->axes, axis);
    free(name);
    return json_string_value(json_object_get(axis, "name"));
}

json_t *tl_init_numbers(json_int_t n, const char **kind)
{
    json_t *values = json_array();
    *kind = "range";
    if (n >= 4 && !(n & (n - 1))) {
        *kind = "ordered"; /* what takes 64 may well take no 63 */
        for (json_int_t v = 1; v < n; v *= 2)
            json_array_append_new(values, json_integer(v));
    } else {
        json_array_append_new(values, json_integer(n == 1 ? 0 : 1));
    }
    json_array_append_new(values, json_integer(n));
    return values;
}

static void add_number(struct making *m, json_t *argv, const char *before, const char *option, json_int_t n)
{
    const char *kind;
    json_t *values = tl_init_numbers(n, &kind);
    const char *name = add_axis(m, option, kind, values, json_integer(n));
    char *word = tl_format("%s{%s}", before, name);
    json_array_append_new(argv, json_string(word));
    free(word);
}

/* Words that are there or not. */
static void add_optional(struct making *m, json_t *argv, const char *option, bool valued, json_t *words)
{
    if (holds_back(option, valued)) {
        tl_init_note(m->p, "%s stays: it may hold the command back from something, so no trial is without it",
                     option);
        json_array_extend(argv, words);
        json_decref(words);
        return;
    }
    const char *name = add_axis(m, option, "choices", json_pack("[b,b]", 0, 1), json_true());
    json_array_append_new(argv, json_pack("{s:{s:b},s:o}", "when", name, 1, "argv", words));
}

static bool a_number(const char *text, json_int_t *n)
{
    char *end;
    errno = 0;
    *n = strtoll(text, &end, 10);
    return isdigit((unsigned char)*text) && !(text[0] == '0' && text[1]) && !*end && !errno && *n >= 1 &&
           *n <= 9007199254740991;
}

static void add_output(struct making *m, json_t *argv, const char *before, const char *value)
{
    char *name = tl_init_escape(tl_base_name(value)), *path = tl_format("{scratch}/%s", *name ? name : "out"),
         *word = tl_format("%s%s", before, path);
    json_array_append_new(argv, json_string(word));
    json_array_append_new(m->files, json_string(path));
    free(word);
    free(path);
    free(name);
}

/* A word as the case has it. */
static char *word_of(const struct making *m, const char *word, bool *is_file)
{
    *is_file = false;
    return m->given && strchr(word, '{') ? tl_init_placeholders(word, m->axes)
                                         : tl_init_word(m->p, word, is_file);
}

/* An option with its value. between: "=" of --name=value, "" of -n8; NULL: it is another word. */
static void add_valued(struct making *m, json_t *argv, const char *option, const char *between,
                       const char *value)
{
    json_int_t n;
    bool file, one_word = between;
    char *plain = tl_init_escape(option),
         *before = one_word ? tl_format("%s%s", plain, between) : tl_strdup("");
    if (tl_option_is_output(option)) {
        if (!one_word)
            json_array_append_new(argv, json_string(plain));
        add_output(m, argv, before, value);
    } else if (!m->given && a_number(value, &n) && !strcasestr(option, "seed") &&
               !strcasestr(option, "port") && !holds_back(option, true)) {
        if (!one_word)
            json_array_append_new(argv, json_string(plain));
        add_number(m, argv, before, option, n);
    } else {
        char *word = word_of(m, value, &file), *whole = tl_format("%s%s", before, word);
        json_t *words = one_word ? json_pack("[s]", whole) : json_pack("[s,s]", plain, whole);
        if (m->given || (file && is_needed(option)))
            json_array_extend(argv, words);
        else
            add_optional(m, argv, option, true, json_incref(words));
        json_decref(words);
        free(whole);
        free(word);
    }
    free(before);
    free(plain);
}

/* Whether there is a file among the words other than this one: then this one may be an option's. */
static bool other_file(const char *const *words, size_t n, size_t from, size_t at)
{
    struct stat st;
    for (size_t i = from; i < n; i++)
        if (i != at && words[i][0] != '-' && !stat(words[i], &st) && (i == from || !is_option(words[i - 1])))
            return true;
    return false;
}

/* Whether the value of an option of one letter stands in the same word, which a switch of that name does not: -j8, -rrules.ini of a
 * file that is there, -oout.bin. */
static bool is_glued(const char *word)
{
    struct stat st;
    json_int_t n;
    if (word[0] != '-' || !isalpha((unsigned char)word[1]) || !word[2])
        return false;
    const char option[] = {'-', word[1], '\0'};
    return a_number(word + 2, &n) || (!stat(word + 2, &st) && (S_ISREG(st.st_mode) || S_ISDIR(st.st_mode))) ||
           (tl_option_is_output(option) && strpbrk(word + 2, "./") && !strpbrk(word + 2, "="));
}

void tl_init_add_words(struct tl_init *p, const char *const *words, size_t n, struct tl_init_guesses *g)
{
    struct making m = {.p = p, .axes = g->axes, .failing = g->failing, .files = g->files, .given = g->given};
    json_t *argv = g->argv;
    bool file, options = true;
    struct stat st;
    for (size_t i = 0; i < n; i++) {
        const char *word = words[i], *equals = strchr(word, '=');
        bool assigns = equals && equals != word && (isalpha((unsigned char)*word) || *word == '-') &&
                       strcspn(word, "/ {") > (size_t)(equals - word) && stat(word, &st);
        bool has_next = i + 1 < n && words[i + 1][0] && (!is_option(words[i + 1]));
        if (!strcmp(word, "--"))
            options = false;
        if (options && assigns) {
            char *option = tl_format("%.*s", (int)(equals - word), word);
            add_valued(&m, argv, option, "=", equals + 1);
            free(option);
        } else if (options && !m.given && is_glued(word)) {
            const char option[] = {'-', word[1], '\0'};
            add_valued(&m, argv, option, "", word + 2);
        } else if (options && is_option(word) && has_next && strcmp(words[i + 1], "--") != 0 &&
                   (tl_option_is_output(word) || is_needed(word) || stat(words[i + 1], &st) ||
                    tl_init_config_is(words[i + 1]) || other_file(words, n, 0, i + 1))) {
            add_valued(&m, argv, word, NULL, words[i + 1]);
            i++;
        } else if (options && is_option(word) && !m.given) {
            char *plain = tl_init_escape(word);
            add_optional(&m, argv, word, false, json_pack("[s]", plain));
            free(plain);
        } else {
            char *made = word_of(&m, word, &file);
            json_array_append_new(argv, json_string(made));
            free(made);
        }
    }
}

/* In words with axes that were given, only their names are placeholders; other braces are the word's own. */
char *tl_init_placeholders(const char *word, const json_t *axes)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    for (tl_buffer_add_string(&b, ""); *word;) {
        const json_t *axis;
        size_t i, n = *word == '{' ? strcspn(word, "}") : 0;
        bool known = false;
        json_array_foreach(axes, i, axis) {
            const char *name = json_string_value(json_object_get(axis, "name"));
            known = known || (n && word[n] && strlen(name) == n - 1 && !strncmp(name, word + 1, n - 1));
        }
        if (known) {
            tl_buffer_add(&b, word, n + 1);
            word += n + 1;
        } else {
            tl_buffer_printf(&b, *word == '{' || *word == '}' ? "%c%c" : "%c", *word, *word);
            word++;
        }
    }
    return tl_buffer_take(&b);
}

/* Programs that run another: what stands before the first file is theirs. */
static bool is_wrapper(const char *program)
{
    static const char *const list[] = {"env",     "uv",     "npx",     "node",   "ruby",  "perl",  "bash",
                                       "sh",      "zsh",    "Rscript", "julia",  "lua",   "xcrun", "nice",
                                       "timeout", "python", "python3", "poetry", "conda", "java",  "swift"};
    const char *name = tl_base_name(program);
    return tl_is_one_of(name, list, TL_COUNT(list)) || !strncmp(name, "python3.", 8);
}

size_t tl_init_wrapped(const char *const *words, size_t n, bool *script)
{
    struct stat st;
    *script = false;
    for (size_t i = 1; n && is_wrapper(words[0]) && i < n; i++) {
        if (!strcmp(words[i], "-c") || !strcmp(words[i], "-e") || !strcmp(words[i], "-m"))
            return i + 2 < n ? i + 2 : n;
        if (words[i][0] != '-' && !stat(words[i], &st) && S_ISREG(st.st_mode)) {
            *script = true;
            return i;
        }
    }
    return n ? 1 : 0;
}

/* What fails is what the configuration says, where that is one of the values. */
static void set_own(json_t *failing, const char *axis, const json_t *values, const char *own)
{
    const json_t *value;
    size_t i;
    json_array_foreach(values, i, value) {
        char *text =
            json_is_string(value) ? tl_strdup(json_string_value(value)) : json_dumps(value, JSON_ENCODE_ANY);
        if (own && !strcmp(text, own))
            json_object_set(failing, axis, (json_t *)(uintptr_t)value);
        free(text);
    }
}

int tl_init_given_axes(const struct tl_init_words *w, json_t *axes, json_t *failing, struct tl_error *e)
{
    for (size_t i = 0; i < w->n_axes; i++) {
        json_t *axis = tl_init_axis(w->axes[i], e), *list;
        if (!axis)
            return -1;
        char *name = tl_init_axis_name(axes, json_string_value(json_object_get(axis, "name")));
        bool twice = strcmp(name, json_string_value(json_object_get(axis, "name"))) != 0;
        free(name);
        json_array_append_new(axes, axis);
        if (twice)
            return tl_fail(e, TL_ERROR_INPUT, "--axis", w->axes[i], "there are two of that name");
        list = json_object_get(axis, "range");
        list = list                               ? list
               : json_object_get(axis, "ordered") ? json_object_get(axis, "ordered")
                                                  : json_object_get(axis, "choices");
        json_object_set(failing, json_string_value(json_object_get(axis, "name")),
                        json_array_get(list, json_array_size(list) - 1));
        const char *label = json_string_value(json_object_get(axis, "name"));
        char *placeholder = tl_format("{%s}", label), *own;
        bool used = tl_init_config_has(w, label, &own);
        set_own(failing, label, list, own);
        free(own);
        for (size_t k = 0; k < w->n; k++)
            used = used || strstr(w->argv[k], placeholder);
        free(placeholder);
        if (!used)
            return tl_fail(e, TL_ERROR_INPUT, "--axis", w->axes[i],
                           "no word of the command has {%s}, and no configuration that one names has a value "
                           "of that name: "
                           "`trapline init --axis block=16,32 -- tool --block={block}`",
                           label);
    }
    return 0;
}

json_t *tl_init_optional(const struct tl_init *p)
{
    json_t *list = json_array();
    const json_t *word;
    size_t i;
    json_array_foreach(p->argv, i, word) {
        void *at = json_object_iter(json_object_get(word, "when"));
        if (at)
            json_array_append_new(list, json_string(json_object_iter_key(at)));
    }
    return list;
}

bool tl_init_keep_valued(struct tl_init *p)
{
    json_t *optional = tl_init_optional(p), *name;
    const json_t *word;
    size_t i, k, axes = json_array_size(json_object_get(p->document, "axes"));
    json_array_foreach(optional, i, name) {
        const char *axis = json_string_value(name);
        bool valued = false;
        json_array_foreach(p->argv, k, word) {
            const json_t *words = json_object_get(word, "argv");
            if (json_object_get(json_object_get(word, "when"), axis))
                valued = json_array_size(words) > 1 ||
                         strpbrk(json_string_value(json_array_get(words, 0)), "=/"); /* -r{case_dir}/f */
        }
        if (valued)
            tl_init_require(p, axis);
    }
    json_decref(optional);
    return json_array_size(json_object_get(p->document, "axes")) < axes;
}

void tl_init_require(struct tl_init *p, const char *axis)
{
    json_t *axes = json_object_get(p->document, "axes"), *one, *words = NULL;
    size_t i, k;
    json_array_foreach(axes, i, one)
        if (!strcmp(json_string_value(json_object_get(one, "name")), axis)) {
            json_array_remove(axes, i);
            break;
        }
    json_object_del(json_object_get(p->document, "failing"), axis);
    json_array_foreach(p->argv, i, one)
        if (json_object_get(json_object_get(one, "when"), axis)) {
            words = json_incref(json_object_get(one, "argv"));
            json_array_remove(p->argv, i);
            break;
        }
    json_array_foreach(words, k, one)
        json_array_insert(p->argv, i + k, one);
    json_decref(words);
}
