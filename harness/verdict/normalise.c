/* Messages made equal that differ only in numbers, addresses, paths and the like. */
#include "harness/verdict/normalise.h"

#include "harness/base/ascii.h"
#include "harness/base/buffer.h"
#include "harness/base/utf8.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define INPUT_MOST 4096
#define MESSAGE_MOST 2000
#define CODE_MOST 12 /* bytes of a number that is a code */
#define NUMBER "<n>"

static bool is_hex(char c)
{
    return tl_is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/* ---- what is replaced; each of these gives the length of what it recognises at p, or 0 ---- */

static size_t uuid_length(const char *p)
{
    static const int groups[] = {8, 4, 4, 4, 12};
    size_t n = 0;
    for (int g = 0; g < 5; g++) {
        if (g && p[n++] != '-')
            return 0;
        for (int i = 0; i < groups[g]; i++)
            if (!is_hex(p[n++]))
                return 0;
    }
    return tl_is_word(p[n]) ? 0 : n;
}

/* A number in hexadecimal: 0x1f, or eight and more digits of which some are decimal. */
static size_t hex_length(const char *p)
{
    size_t n = 0;
    if (p[0] == '0' && (p[1] == 'x' || p[1] == 'X') && is_hex(p[2])) {
        for (n = 3; is_hex(p[n]);)
            n++;
        return n;
    }
    bool digit = false;
    while (is_hex(p[n]))
        digit |= tl_is_digit(p[n++]);
    return n >= 8 && digit && !tl_is_word(p[n]) ? n : 0;
}

static size_t decimal_length(const char *p)
{
    size_t n = p[0] == '-' || p[0] == '+';
    if (!tl_is_digit(p[n]) || (n && hex_length(p + n)))
        return 0;
    while (tl_is_digit(p[n]) || ((p[n] == '.' || p[n] == 'x') && tl_is_digit(p[n + 1])))
        n++;
    if (p[n] == 'e' || p[n] == 'E') {
        size_t k = n + 1 + (p[n + 1] == '-' || p[n + 1] == '+');
        if (tl_is_digit(p[k])) {
            while (tl_is_digit(p[k]))
                k++;
            n = k;
        }
    }
    return n;
}

/* The tag of a line of glog or Abseil: one letter, month and day (or the whole date). */
static size_t log_tag_length(const char *p)
{
    if (!strchr("IWEF", *p))
        return 0;
    size_t n = 1;
    while (tl_is_digit(p[n]))
        n++;
    return (n == 5 || n == 9) && p[n] == ' ' ? n : 0;
}

static bool is_path_char(char c)
{
    return tl_is_word(c) || (c && strchr("/.-+@%~#*", c)) || (unsigned char)c >= 0x80;
}

/* The length of a source file's name extension that ends the n bytes at p; 0 when there is none. */
static size_t source_extension(const char *p, size_t n)
{
    static const char *const known[] = {".c",   ".cc",    ".cpp",  ".cxx",  ".h",     ".hh",  ".hpp",
                                        ".inc", ".inl",   ".m",    ".mm",   ".swift", ".rs",  ".py",
                                        ".pyx", ".cu",    ".cuh",  ".go",   ".js",    ".ts",  ".td",
                                        ".S",   ".metal", ".mlir", ".java", ".kt",    ".wgsl"};
    for (size_t i = 0; i < TL_COUNT(known); i++) {
        size_t k = strlen(known[i]);
        if (n > k && memcmp(p + n - k, known[i], k) == 0 && tl_is_word(p[n - k - 1]))
            return k;
    }
    return 0;
}

/* The line and column after a file's name: ":12", ":12:5", "(12)", "(12,5)". */
static size_t line_length(const char *p)
{
    size_t n = 0;
    if (*p == '(') {
        for (n = 1; tl_is_digit(p[n]) || (p[n] == ',' && n > 1);)
            n++;
        return n > 1 && p[n] == ')' ? n + 1 : 0;
    }
    while (p[n] == ':' && tl_is_digit(p[n + 1]))
        for (n += 2; tl_is_digit(p[n]);)
            n++;
    return n;
}

static size_t path_characters(const char *p, bool absolute, bool drive)
{
    size_t n = 0;
    while (is_path_char(p[n]) || (absolute && p[n] == '=') || (drive && p[n] == '\\') ||
           (absolute && !drive && p[n] == '\\' && p[n + 1] && strchr(" (),&;'[]{}=:", p[n + 1])))
        n += 1 + (!drive && p[n] == '\\'); /* "\ ", as a shell spells what is no such character */
    return n;
}

/* "/Users/Jane Doe/x": how much of p, whose first n bytes are a home up to a blank, is the name of one. */
static size_t surname(const char *p, size_t n)
{
    static const char *const homes[] = {"/Users/", "/home/", "\\Users\\"};
    size_t from = tl_is_letter(p[0]) && p[1] == ':' ? 2 : 0, folder = 0, end = n;
    for (size_t i = 0; i < TL_COUNT(homes) && !folder; i++)
        folder = strncmp(p + from, homes[i], strlen(homes[i])) ? 0 : from + strlen(homes[i]);
    if (!folder || folder >= n || memchr(p + folder, '/', n - folder) || memchr(p + folder, '\\', n - folder))
        return n;
    for (int words = 0; words < 2 && p[end] == ' '; words++) {
        while (tl_is_word(p[++end]) || (p[end] && strchr("-.'", p[end])) || (unsigned char)p[end] >= 0x80)
            ;
        if (p[end] == '/' || p[end] == '\\')
            return end;
    }
    return n;
}

/* "'/My Files/a (1)/x'": the same up to the quote that closes it, when a folder follows the blank. Words of a command begin
 * otherwise. */
static size_t to_quote(const char *p, size_t n, char quote)
{
    size_t end = n;
    bool folder = false;
    while (is_path_char(p[end]) || (p[end] && p[end] != quote && strchr(" =,()&'[]", p[end]))) {
        if (p[end] == ' ' && !tl_is_word(p[end + 1]) && !strchr("(%", p[end + 1]) &&
            (unsigned char)p[end + 1] < 0x80)
            return n;
        folder = folder || p[end] == '/';
        end++;
    }
    return folder && p[end] == quote && !tl_is_word(p[end + 1]) ? end : n;
}

/* The same of any path, as far as its blanks can be told from those of a sentence. */
static size_t over_blanks(const char *p, size_t n, char before, bool drive)
{
    if (strchr("'\"`", before))
        return to_quote(p, n, before);
    size_t end = surname(p, n);
    return end > n ? end + path_characters(p + end, true, drive) : n;
}

/* A path, or the name of a source file. Of a source file the last component is kept: it says where an
 * assertion stands, and does not depend on where it was built. */
static size_t path_length(const char *p, char before, struct tl_buffer *b)
{
    bool drive = tl_is_letter(p[0]) && p[1] == ':' && (p[2] == '\\' || (p[2] == '/' && is_path_char(p[3])));
    bool absolute = drive || (p[0] == '/' && is_path_char(p[1])) || !strncmp(p, "./", 2) ||
                    !strncmp(p, "../", 3) || !strncmp(p, "~/", 2);
    static const char scratch[] = "{scratch}/"; /* as messages name that directory of a trial */
    bool own = !strncmp(p, scratch, sizeof scratch - 1);
    absolute = absolute || own;
    size_t start = drive ? 3
                   : own ? sizeof scratch - 2
                         : 0,
           n = start + path_characters(p + start, absolute, drive);
    if (absolute && p[n] == ' ')
        n = over_blanks(p, n, before, drive);
    while (n && (p[n - 1] == '.' || p[n - 1] == '-'))
        n--;
    size_t after = line_length(p + n);
    if (source_extension(p, n)) {
        size_t name = n;
        while (name && p[name - 1] != '/' && p[name - 1] != '\\')
            name--;
        tl_buffer_add(b, p + name, n - name);
        return n + after;
    }
    if (!absolute || n < 2)
        return 0;
    tl_buffer_add_string(b, "<path>");
    return n + after;
}

/* The length of what may be the name of a function, as __FUNCTION__ has it, with what a compiler puts behind its blank; 0: it may
 * be a word of a sentence. "Compute" is one where a sentence begins behind it. */
static size_t function_length(const char *p)
{
    size_t n = 0;
    bool inner = false; /* CamelCase, under_scores, name::spaces */
    for (; tl_is_word(p[n]) || (p[n] == ':' && p[n + 1] == ':') || (n && p[n] == ':' && p[n - 1] == ':'); n++)
        inner = inner || p[n] == '_' || p[n] == ':' ||
                (n && p[n] >= 'A' && p[n] <= 'Z' && !strchr(":", p[n - 1]));
    const char *next = p + n + 1;
    if (!n || tl_is_digit(*p) || p[n] != ' ' || !*next)
        return 0;
    return inner || (*p >= 'A' && *p <= 'Z' && *next >= 'A' && *next <= 'Z') ? n + 1 : 0;
}

/* The length of such a place, with the blank behind it; 0: none. */
static size_t place_length(const char *p)
{
    size_t n = 0;
    while (is_path_char(p[n]))
        n++;
    const size_t line = n ? line_length(p + n) : 0;
    if (!line || !source_extension(p, n) || p[n + line] != ' ' || !p[n + line + 1])
        return 0;
    n += line + 1;
    return n + function_length(p + n);
}

char *tl_words_without_places(const char *message)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    tl_buffer_add_string(&b, "");
    for (const char *at = message; *at;) {
        const bool begins = at == message || strchr(" \t\n([", at[-1]);
        size_t n = begins ? place_length(at) : 0;
        if (!n)
            tl_buffer_add(&b, at, 1);
        at += n ? n : 1;
    }
    return tl_buffer_take(&b);
}

static bool is_list_separator(const char *s, size_t n)
{
    return (n == 1 && (*s == ',' || *s == 'x')) || (n == 2 && !memcmp(s, ", ", 2)) ||
           (n == 3 && !memcmp(s, " x ", 3));
}

struct state {
    struct tl_buffer out;
    size_t number_end; /* where the last number in out ends; 0 for none */
};

/* A list of numbers becomes one, so that shapes of other ranks are equal too. */
static void add_number(struct state *s)
{
    if (s->number_end && is_list_separator(s->out.data + s->number_end, s->out.size - s->number_end)) {
        s->out.size = s->number_end;
        s->out.data[s->out.size] = '\0';
        return;
    }
    tl_buffer_add_string(&s->out, NUMBER);
    s->number_end = s->out.size;
}

/* Whether a number that comes next is a code: it is no measure of anything, and tells failures apart. */
static bool is_code_next(const struct tl_buffer *out)
{
    static const char *const words[] = {"signal", "code", "errno"};
    size_t n = out->size;
    if (n && (out->data[n - 1] == '=' || out->data[n - 1] == ' '))
        n--;
    if (n < out->size && n && out->data[n] == ' ' && out->data[n - 1] == ':')
        n--;
    for (size_t i = 0; n < out->size && i < TL_COUNT(words); i++) {
        size_t k = strlen(words[i]);
        if (n >= k && !strncasecmp(out->data + n - k, words[i], k) &&
            (n == k || !tl_is_word(out->data[n - k - 1])))
            return true;
    }
    return false;
}

/* Where in the source of a model an error of MLIR was found: "loc("x"("file.mm":228:0)): ". It names files,
 * lines and nodes, none of which belong to the failure. */
static size_t location_length(const char *p)
{
    size_t n = 4;
    bool quoted = false;
    if (strncmp(p, "loc(", 4))
        return 0;
    for (int depth = 1; depth; n++) {
        if (!p[n])
            return 0;
        if (p[n] == '"' && p[n - 1] != '\\')
            quoted = !quoted;
        else if (!quoted && (p[n] == '(' || p[n] == ')'))
            depth += p[n] == '(' ? 1 : -1;
    }
    if (p[n] != ':')
        return 0;
    return n + 1 + (p[n + 1] == ' ');
}

/* The length of the name of a node or tensor, with its quotes or brackets, that comes next: "Name:'conv_1'",
 * "node 'a/b'", "in node (add1)". It is the model's own and tells no failures apart, but for one with "::" in
 * it, which names a kind of node. 0: none. */
static size_t name_length(const char *p, const struct tl_buffer *out)
{
    static const struct {
        const char *noun;
        bool bracket; /* "node (x)": "tensor(float)" and "input (3)" are something else */
    } nouns[] = {{"name:", false},     {"node", true},         {"node:", true},   {"tensor", false},
                 {"tensor:", false},   {"layer", true},        {"layer:", true},  {"initializer", false},
                 {"node name", false}, {"tensor name", false}, {"input:", false}, {"output:", false},
                 {"arg", true}};
    char close = *p == '\'' ? '\'' : *p == '"' ? '"' : *p == '`' ? '`' : *p == '(' ? ')' : 0;
    size_t n = out->size;
    bool blank = n && out->data[n - 1] == ' ';
    n -= blank;
    const char *end = close ? strchr(p + 1, close) : NULL;
    if (!end || end == p + 1)
        return 0;
    for (const char *c = p + 1; c < end; c++)
        if (*c == ' ' || (*c == ':' && c[1] == ':'))
            return 0;
    for (size_t i = 0; i < TL_COUNT(nouns); i++) {
        size_t k = strlen(nouns[i].noun);
        if (n >= k && !strncasecmp(out->data + n - k, nouns[i].noun, k) &&
            (n == k || !tl_is_word(out->data[n - k - 1])) && (close != ')' || (nouns[i].bracket && blank)))
            return (size_t)(end - p) + 1;
    }
    return 0;
}

/* What opens with a bracket, to its end; names within stand in quotes, whatever is in them. NULL: it does not end. */
static const char *list_end(const char *p)
{
    int depth = 0;
    bool quoted = false;
    for (; *p; p++) {
        quoted = quoted != (*p == '"');
        depth += quoted ? 0 : (*p == '(') - (*p == ')');
        if (!depth)
            return p + 1;
    }
    return NULL;
}

/* ONNX Runtime's words of a node: ("name", Operator, "domain", version) : ("value": type,) -> ("value",). They are the model's own,
 * but for the operator, which is in *op. */
static size_t node_length(const char *p, const char **op, size_t *size)
{
    static const char *const joins[] = {" : ", " -> ", ""};
    const char *at = p, *name = strncmp(p, "(\"", 2) ? NULL : strstr(p + 2, "\", ");
    *op = name ? name + 3 : "";
    for (*size = 0; tl_is_word((*op)[*size]); ++*size)
        ;
    if (!*size || (*op)[*size] != ',')
        return 0;
    for (size_t i = 0; i < TL_COUNT(joins); i++) {
        at = *at == '(' ? list_end(at) : NULL;
        if (!at || strncmp(at, joins[i], strlen(joins[i])) != 0)
            return 0;
        at += strlen(joins[i]);
    }
    return (size_t)(at - p);
}

static size_t replace(struct state *s, const char *p, char before)
{
    size_t n = 0;
    bool word = tl_is_word(before);
    if (!word && (n = location_length(p)))
        return n;
    if (!word && (n = name_length(p, &s->out))) {
        tl_buffer_printf(&s->out, "%c<name>%c", *p, p[n - 1]);
        return n;
    }
    const char *op;
    size_t size;
    if (!word && (n = node_length(p, &op, &size))) {
        tl_buffer_printf(&s->out, "(%.*s)", (int)size, op);
        return n;
    }
    if (!word && (n = uuid_length(p))) {
        tl_buffer_add_string(&s->out, "<uuid>");
        return n;
    }
    if (!strncmp(p, NUMBER, 3))
        n = 3;
    else if (!word && (n = log_tag_length(p)))
        ;
    else if (!word && (n = hex_length(p)))
        ;
    else if (!word && before != '.' && before != '/' && (n = path_length(p, before, &s->out)))
        return n;
    else if (!tl_is_letter(before) && !tl_is_digit(before) && (tl_is_digit(*p) || !word))
        n = decimal_length(p);
    if (n && n <= CODE_MOST && is_code_next(&s->out))
        tl_buffer_add(&s->out, p, n);
    else if (n)
        add_number(s);
    return n;
}

/* Behind the words with which ONNX Runtime passes an error on: they say who met it, and through which file the model came. The same
 * error comes without them where a model was read from memory, or is met a step later. */
static const char *without_passing_on(const char *p)
{
    static const struct {
        const char *begins, *ends; /* ends: the first behind that, so often */
        int times;
    } ways[] = {{"Load model from ", " failed:", 1},
                {"[ONNXRuntimeError] : ", " : ", 2}, /* a number, and its name */
                {"Exception during initialization: ", "", 0},
                {"Exception during loading: ", "", 0},
                {"This is an invalid model. ", "", 0}};
    for (size_t i = 0; i < TL_COUNT(ways); i++) {
        if (strncmp(p, ways[i].begins, strlen(ways[i].begins)) != 0)
            continue;
        const char *rest = p + strlen(ways[i].begins);
        for (int k = 0; k < ways[i].times && rest; k++)
            if ((rest = strstr(rest, ways[i].ends)))
                rest += strlen(ways[i].ends);
        if (rest)
            rest += strspn(rest, " ");
        return rest && *rest ? without_passing_on(rest) : p;
    }
    return p;
}

char *tl_normalise_message(const char *message)
{
    char *clean = tl_clean_text(message, strnlen(message, INPUT_MOST), false);
    struct state s = {TL_BUFFER_INIT, 0};
    tl_buffer_add(&s.out, "", 0);
    char before = ' ';
    for (const char *p = without_passing_on(clean); *p && s.out.size <= MESSAGE_MOST;) {
        size_t n = replace(&s, p, before);
        if (!n) { /* a whole character: a path may begin with any, and not within one */
            for (n = 1; ((unsigned char)p[n] & 0xC0) == 0x80;)
                n++;
            tl_buffer_add(&s.out, p, n);
        }
        p += n;
        before = p[-1] == '>' && n == 3 && !strncmp(p - 3, NUMBER, 3) ? '0' : p[-1];
    }
    free(clean);
    s.out.size = tl_utf8_cut(s.out.data, MESSAGE_MOST);
    while (s.out.size && s.out.data[s.out.size - 1] == ' ')
        s.out.size--;
    s.out.data[s.out.size] = '\0';
    return tl_buffer_take(&s.out);
}
