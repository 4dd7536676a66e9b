/* Messages made equal that differ only in numbers, addresses, paths and the like. */
#include "harness/supervise/signature.h"

#include "harness/base/buffer.h"
#include "harness/supervise/text.h"

#include <stdlib.h>
#include <string.h>

#define INPUT_MOST 4096
#define MESSAGE_MOST 400
#define NUMBER "<n>"

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_hex(char c)
{
    return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static bool is_word(char c)
{
    return is_digit(c) || is_letter(c) || c == '_';
}

/* ---- cleaning ---- */

/* The length of the character at p, and its code point; 0 when the bytes are not UTF-8. */
static size_t decode(const unsigned char *p, size_t left, unsigned *code)
{
    static const unsigned least[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t n = p[0] < 0x80 ? 1 : p[0] < 0xC2 ? 0 : p[0] < 0xE0 ? 2 : p[0] < 0xF0 ? 3 : p[0] < 0xF5 ? 4 : 0;
    if (!n || n > left)
        return 0;
    *code = n == 1 ? p[0] : p[0] & (0x7Fu >> n);
    for (size_t i = 1; i < n; i++) {
        if ((p[i] & 0xC0) != 0x80)
            return 0;
        *code = *code << 6 | (p[i] & 0x3Fu);
    }
    return *code < least[n] || *code > 0x10FFFF || (*code >= 0xD800 && *code < 0xE000) ? 0 : n;
}

static bool is_harmful(unsigned code)
{
    return code == 0x7F || (code >= 0x80 && code < 0xA0) /* controls */
           || (code >= 0x200B && code <= 0x200F)         /* invisible, directions */
           || (code >= 0x2028 && code <= 0x202E)         /* separators, directions */
           || (code >= 0x2066 && code <= 0x2069) || code == 0xFEFF;
}

/* The length of a terminal escape sequence at p (CSI, OSC or two bytes). */
static size_t escape_length(const char *p, size_t left)
{
    if (left < 2)
        return left;
    size_t n = 2;
    if (p[1] == '[') {
        while (n < left && !((unsigned char)p[n] >= 0x40 && (unsigned char)p[n] <= 0x7E) && p[n] != '\n')
            n++;
        return n < left && p[n] != '\n' ? n + 1 : n;
    }
    if (p[1] == ']') {
        while (n < left && p[n] != '\a' && p[n] != '\033' && p[n] != '\n')
            n++;
        return n < left && p[n] == '\a' ? n + 1 : n;
    }
    return p[1] == '\n' ? 1 : 2;
}

char *tl_clean_text(const char *s, size_t size, bool lines)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    bool blank = false;
    tl_buffer_add(&b, "", 0);
    for (size_t i = 0; i < size;) {
        unsigned code = 0;
        size_t n = decode((const unsigned char *)s + i, size - i, &code);
        if (n && code == 033) {
            i += escape_length(s + i, size - i);
            continue;
        }
        if (n && lines && code == '\n') {
            tl_buffer_add(&b, "\n", 1);
            blank = false;
            i++;
            continue;
        }
        if (n && (code <= ' ' || code == 0xA0)) {
            blank = true;
            i += n;
            continue;
        }
        /* Blanks at the beginning of a line are kept when lines are: they tell a traceback's frames apart. */
        if (blank && (lines || b.size))
            tl_buffer_add(&b, " ", 1);
        blank = false;
        if (!n || is_harmful(code))
            tl_buffer_add(&b, "?", 1);
        else
            tl_buffer_add(&b, s + i, n);
        i += n ? n : 1;
    }
    return tl_buffer_take(&b);
}

size_t tl_text_cut(const char *s, size_t most)
{
    size_t n = strnlen(s, most + 1);
    if (n <= most)
        return n;
    n = most;
    while (n && ((unsigned char)s[n] & 0xC0) == 0x80)
        n--;
    return n;
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
    return is_word(p[n]) ? 0 : n;
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
        digit |= is_digit(p[n++]);
    return n >= 8 && digit && !is_word(p[n]) ? n : 0;
}

static size_t decimal_length(const char *p)
{
    size_t n = p[0] == '-' || p[0] == '+';
    if (!is_digit(p[n]) || (n && hex_length(p + n)))
        return 0;
    while (is_digit(p[n]) || ((p[n] == '.' || p[n] == 'x') && is_digit(p[n + 1])))
        n++;
    if (p[n] == 'e' || p[n] == 'E') {
        size_t k = n + 1 + (p[n + 1] == '-' || p[n + 1] == '+');
        if (is_digit(p[k])) {
            while (is_digit(p[k]))
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
    while (is_digit(p[n]))
        n++;
    return (n == 5 || n == 9) && p[n] == ' ' ? n : 0;
}

static bool is_path_char(char c)
{
    return is_word(c) || (c && strchr("/.-+@%~#*", c)) || (unsigned char)c >= 0x80;
}

/* The length of a source file's name extension that ends the n bytes at p; 0 when there is none. */
static size_t source_extension(const char *p, size_t n)
{
    static const char *const known[] = {".c",   ".cc",    ".cpp",  ".cxx",  ".h",     ".hh",  ".hpp",
                                        ".inc", ".inl",   ".m",    ".mm",   ".swift", ".rs",  ".py",
                                        ".pyx", ".cu",    ".cuh",  ".go",   ".js",    ".ts",  ".td",
                                        ".S",   ".metal", ".mlir", ".java", ".kt",    ".wgsl"};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        size_t k = strlen(known[i]);
        if (n > k && memcmp(p + n - k, known[i], k) == 0 && is_word(p[n - k - 1]))
            return k;
    }
    return 0;
}

/* The line and column after a file's name: ":12", ":12:5", "(12)", "(12,5)". */
static size_t line_length(const char *p)
{
    size_t n = 0;
    if (*p == '(') {
        for (n = 1; is_digit(p[n]) || (p[n] == ',' && n > 1);)
            n++;
        return n > 1 && p[n] == ')' ? n + 1 : 0;
    }
    while (p[n] == ':' && is_digit(p[n + 1]))
        for (n += 2; is_digit(p[n]);)
            n++;
    return n;
}

/* A path, or the name of a source file. Of a source file the last component is kept: it says where an
 * assertion stands, and does not depend on where it was built. */
static size_t path_length(const char *p, struct tl_buffer *b)
{
    bool drive = is_letter(p[0]) && p[1] == ':' && (p[2] == '\\' || (p[2] == '/' && is_path_char(p[3])));
    bool absolute = drive || (p[0] == '/' && is_path_char(p[1])) || !strncmp(p, "./", 2) ||
                    !strncmp(p, "../", 3) || !strncmp(p, "~/", 2);
    size_t n = drive ? 3 : 0;
    while (is_path_char(p[n]) || (absolute && p[n] == '=') || (drive && p[n] == '\\'))
        n++;
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

static size_t replace(struct state *s, const char *p, char before)
{
    size_t n = 0;
    bool word = is_word(before);
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
    else if (!word && before != '.' && before != '/' && (n = path_length(p, &s->out)))
        return n;
    else if (!is_letter(before) && !is_digit(before) && (is_digit(*p) || !word))
        n = decimal_length(p);
    if (n)
        add_number(s);
    return n;
}

char *tl_normalise_message(const char *message)
{
    char *clean = tl_clean_text(message, strnlen(message, INPUT_MOST), false);
    struct state s = {TL_BUFFER_INIT, 0};
    tl_buffer_add(&s.out, "", 0);
    char before = ' ';
    for (const char *p = clean; *p && s.out.size <= MESSAGE_MOST;) {
        size_t n = replace(&s, p, before);
        if (!n) {
            n = 1;
            tl_buffer_add(&s.out, p, 1);
        }
        p += n;
        before = p[-1] == '>' && n == 3 && !strncmp(p - 3, NUMBER, 3) ? '0' : p[-1];
    }
    free(clean);
    s.out.size = tl_text_cut(s.out.data, MESSAGE_MOST);
    while (s.out.size && s.out.data[s.out.size - 1] == ' ')
        s.out.size--;
    s.out.data[s.out.size] = '\0';
    return tl_buffer_take(&s.out);
}
