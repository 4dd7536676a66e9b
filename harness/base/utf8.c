#include "harness/base/utf8.h"

#include "harness/base/buffer.h"

#include <string.h>

size_t tl_utf8_decode(const char *s, size_t left, unsigned *code)
{
    static const unsigned least[] = {0, 0, 0x80, 0x800, 0x10000};
    if (!left)
        return 0;
    const unsigned char *p = (const unsigned char *)s;
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
           || (code >= 0x2066 && code <= 0x2069) || code == 0x061C || code == 0xFEFF;
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
        size_t n = tl_utf8_decode(s + i, size - i, &code);
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

size_t tl_utf8_cut(const char *s, size_t most)
{
    size_t n = strnlen(s, most + 1);
    if (n <= most)
        return n;
    n = most;
    while (n && ((unsigned char)s[n] & 0xC0) == 0x80)
        n--;
    return n;
}

/* Characters that turn the direction of what follows, the invisible marks of one, ends of lines that few programs take for one, and
 * letters that nobody sees (tags). */
static bool is_hidden(unsigned code)
{
    return (code >= 0x2028 && code <= 0x202E) || (code >= 0x2066 && code <= 0x2069) || code == 0x200E ||
           code == 0x200F || code == 0x061C || (code >= 0xE0000 && code <= 0xE007F);
}

static bool is_control(unsigned code)
{
    return code < ' ' || (code >= 0x7F && code < 0xA0);
}

/* brief: controls as "\x1b". */
static void add_visible(struct tl_buffer *b, const char *p, size_t n, unsigned code, const char *keep,
                        bool brief)
{
    bool kept = code && code < 0x80 && strchr(keep, (int)code);
    if (is_control(code) && brief && !kept)
        tl_buffer_printf(b, "\\x%02x", code);
    else if (code > 0xFFFF && is_hidden(code)) /* as JSON has it */
        tl_buffer_printf(b, "\\u%04x\\u%04x", 0xD800 + ((code - 0x10000) >> 10), 0xDC00 + (code & 0x3FF));
    else if (is_hidden(code) || (is_control(code) && !kept))
        tl_buffer_printf(b, "\\u%04x", code);
    else
        tl_buffer_add(b, p, n);
}

void tl_add_visible_character(struct tl_buffer *b, const char *p, size_t n, unsigned code)
{
    add_visible(b, p, n, code, "\t\n", false);
}

char *tl_visible_text(const char *text)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    while (*text) {
        unsigned code = ' ';
        size_t n = tl_utf8_decode(text, strnlen(text, 4), &code);
        tl_add_visible_character(&b, text, n ? n : 1, n ? code : ' ');
        text += n ? n : 1;
    }
    return tl_buffer_take(&b);
}

char *tl_one_line(const char *text)
{
    static const char *const ends[] = {"\n", "\xe2\x80\xa8", "\xe2\x80\xa9"};
    static const char *const spelled[] = {"\\u000a", "\\u2028", "\\u2029"};
    struct tl_buffer b = TL_BUFFER_INIT;
    while (*text) {
        size_t n = 1, is = 0;
        while (is < TL_COUNT(ends) && strncmp(text, ends[is], strlen(ends[is])) != 0)
            is++;
        if (is < TL_COUNT(ends)) {
            n = strlen(ends[is]);
            tl_buffer_add_string(&b, spelled[is]);
        } else {
            n += strcspn(text + 1, "\n\xe2");
            tl_buffer_add(&b, text, n);
        }
        text += n;
    }
    return tl_buffer_take(&b);
}

void tl_add_visible(struct tl_buffer *b, const char *text, const char *keep)
{
    size_t left = strlen(text);
    while (left) {
        unsigned code = ' ';
        size_t n = tl_utf8_decode(text, left, &code);
        add_visible(b, text, n ? n : 1, n ? code : ' ', keep, true);
        text += n ? n : 1;
        left -= n ? n : 1;
    }
}
