/* GitHub-flavoured Markdown. Text from outside must come out as it is: it can neither format, nor link (but for an
 * address that was given as one), nor name a person or an issue.
 *
 * What is written is made twice: first each text with its escapes, in which a byte of our own (SPACE) stands for every
 * blank at which a line may end, then the lines. A line may end only where the next one cannot begin a block of its own,
 * whatever the text says: a word that begins with a dash would make a list of the rest of a sentence. A list of
 * what is harmless is short; a list of what is not grows with every extension. */
#include "harness/base/utf8.h"
#include "reports/members.h"
#include "reports/page/page.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define SPACE '\x06'
#define APART "<!-- -->" /* between what would call somebody, or link, if it stood together */
#define WORD_LEAST 40    /* bytes of a line in which a word of a command is put apart */
#define CELL_LEAST 12    /* bytes of a cell that are kept however narrow the page is */

struct writer {
    struct tl_buffer *b;
    size_t width; /* 0: lines of any length */
};

static void add_string(struct writer *w, const char *s)
{
    tl_buffer_add_string(w->b, s);
}

/* The longest run of backticks, so that a fence can be longer. */
static size_t longest_run(const char *s, size_t size)
{
    size_t longest = 0, run = 0;
    for (size_t i = 0; i < size; i++) {
        run = s[i] == '`' ? run + 1 : 0;
        longest = run > longest ? run : longest;
    }
    return longest;
}

static void add_run(struct tl_buffer *b, size_t n)
{
    while (n--)
        tl_buffer_add(b, "`", 1);
}

/* ---- inline text ---- */

/* Whether a line may begin with this, which stands in inline text: no block does. */
static bool begins_no_block(const char *s)
{
    unsigned char c = (unsigned char)*s;
    if (isdigit(c)) {
        s += strspn(s, "0123456789");
        return *s != '.' && *s != ')';
    }
    return isalpha(c) || c >= 0x80 || c == '(' || c == '"' || c == '\'' || c == *TL_BOLD_ON ||
           (c == *TL_CODE_ON && longest_run(s + 1, strcspn(s + 1, TL_CODE_OFF)) == 0);
}

static void add_space(struct tl_buffer *b, const char *text, size_t i, bool breaks)
{
    char c = breaks && i && text[i - 1] != ' ' && begins_no_block(text + i + 1) ? SPACE : ' ';
    tl_buffer_add(b, &c, 1);
}

static void add_code(struct tl_buffer *b, const char *s, size_t size, bool in_table, bool breaks)
{
    size_t fence = longest_run(s, size) + 1;
    bool pad = fence > 1 || s[0] == ' ' || s[size - 1] == ' ';
    add_run(b, fence);
    if (pad)
        tl_buffer_add_string(b, " ");
    for (size_t i = 0; i < size; i++) {
        if (s[i] == '|' && in_table)
            tl_buffer_add_string(b, "\\");
        if (s[i] == ' ') /* a line that a longer fence begins would be a block */
            add_space(b, s, i, breaks && fence == 1 && i + 1 < size && isalpha((unsigned char)s[i + 1]));
        else
            tl_buffer_add(b, &s[i], 1);
    }
    if (pad)
        tl_buffer_add_string(b, " ");
    add_run(b, fence);
}

/* ":name:", which becomes a picture. */
static bool is_picture(const char *s)
{
    size_t n = strspn(s + 1, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_+-");
    return *s == ':' && n && s[1 + n] == ':';
}

/* Whether what is written so far and this would be a name, an issue, an address or a picture. */
static bool calls(const char *text, size_t i)
{
    char c = text[i], after = text[i + 1];
    return c == '@' || (c == '#' && isalnum((unsigned char)after)) || (c == ':' && after == '/') ||
           is_picture(text + i) ||
           (c == '-' && i > 1 && !strncasecmp(text + i - 2, "GH", 2) && isdigit((unsigned char)after));
}

static bool only_digits(const char *text, size_t n)
{
    return n && strspn(text, "0123456789") >= n;
}

static bool is_within_word(const char *text, size_t i)
{
    return i && isalnum((unsigned char)text[i - 1]) && isalnum((unsigned char)text[i + 1]);
}

/* text: the line, at whose beginning signs make blocks. */
static bool formats_in_line(const char *text, size_t i)
{
    char c = text[i], after = text[i + 1];
    bool starts = i == 0 && strchr("-+=#:", c),
         numbers = (c == '.' || c == ')') && only_digits(text, i) && (!after || after == ' ');
    return strchr("\\`*_[]<>|~&", c) || starts || numbers || (c == '#' && (!after || after == '#'));
}

/* A run of signs at i, which may begin emphasis, end it, or do neither. What is no ASCII may be anything. */
struct run {
    size_t from, to;
    bool opens, closes;
};

static bool is_blank(const char *text, size_t at, bool before)
{
    return before ? !at || text[at - 1] == ' ' : !text[at] || text[at] == ' ';
}

static struct run run_at(const char *text, size_t i)
{
    struct run r = {.from = i, .to = i};
    char c = text[i];
    while (r.from && text[r.from - 1] == c)
        r.from--;
    while (text[r.to] == c)
        r.to++;
    unsigned char before = r.from ? (unsigned char)text[r.from - 1] : ' ', after = (unsigned char)text[r.to];
    bool sign_before = before >= 128 || ispunct(before), sign_after = after >= 128 || ispunct(after),
         blank_before = is_blank(text, r.from, true), blank_after = is_blank(text, r.to, false);
    bool left = !blank_after && (!ispunct(after) || blank_before || sign_before),
         right = !blank_before && (!ispunct(before) || blank_after || sign_after);
    r.opens = left && (c != '_' || !right || sign_before);
    r.closes = right && (c != '_' || !left || sign_after);
    return r;
}

/* Whether another run goes with the one at i. */
static bool has_other(const char *text, size_t i)
{
    struct run own = run_at(text, i);
    for (const char *p = strchr(text, text[i]); p; p = strchr(p, text[i])) {
        struct run r = run_at(text, (size_t)(p - text));
        if ((r.from >= own.to && own.opens && r.closes) || (r.to <= own.from && own.closes && r.opens))
            return true;
        p = text + r.to;
    }
    return false;
}

/* A heading is one line, begins no other block and has no cells; it is the title, and is read as plain text as well. So only
 * what would format there is escaped: a sign that has another one to go with, what begins an element, an entity or the
 * address of a link, and what ends the heading. */
static bool formats_in_heading(const char *text, size_t i)
{
    char c = text[i], after = text[i + 1];
    switch (c) {
    case '`':
        return strpbrk(text, TL_MARKS) || memchr(text, c, i) || strchr(text + i + 1, c);
    case '*':
    case '_':
    case '~':
        return strpbrk(text, TL_MARKS) || has_other(text, i);
    case '\\':
        return !after || ispunct((unsigned char)after);
    case '<':
        return isalpha((unsigned char)after) || (after && strchr("/!?", after));
    case ']':
        return after && strchr("([", after);
    case '[':
        return after == '^';
    case '&':
        return isalpha((unsigned char)after) || after == '#';
    case '#':
        return !after || after == '#';
    default:
        return false;
    }
}

typedef bool (*formats_fn)(const char *text, size_t i);

static void add_plain(struct tl_buffer *b, const char *text, size_t i, formats_fn formats_here)
{
    char c = text[i];
    bool formats = formats_here(text, i) && !(c == '_' && is_within_word(text, i));
    if (c == '.' && i > 2 && !strncasecmp(text + i - 3, "www", 3))
        tl_buffer_add_string(b, APART);
    if (c == '&' && formats)
        tl_buffer_add_string(b, "&amp;");
    else if (formats)
        tl_buffer_printf(b, "\\%c", c);
    else
        tl_buffer_add(b, &c, 1);
    /* In a title "a::b::c" is a name; that somebody calls a namespace as a picture is called is no reason to spoil it. */
    bool scope = formats_here == formats_in_heading && c == ':' && i && text[i - 1] == ':';
    if (!scope && calls(text, i))
        tl_buffer_add_string(b, APART);
}

static const char *skip_spaces(const char *text)
{
    return text + strspn(text, " ");
}

/* An address and its marks at the beginning of a text; 0: there is none. */
static size_t add_address(struct tl_buffer *b, const char *text)
{
    size_t size = *text == *TL_LINK_ON ? strcspn(text + 1, TL_LINK_OFF) : 0;
    char *address = tl_format("%.*s", (int)size, text + 1);
    bool link = tl_is_web_address(address);
    if (link)
        tl_buffer_printf(b, "<%s>", address);
    free(address);
    return link ? 1 + size + (text[1 + size] != '\0') : 0;
}

/* With SPACE where a line may end, if breaks. */
static void add_inline_as(struct tl_buffer *b, const char *text, bool in_table, bool breaks,
                          formats_fn formats)
{
    const char *line = text = skip_spaces(text);
    while (*text) {
        if (*text == *TL_CODE_ON) {
            size_t size = strcspn(text + 1, TL_CODE_OFF);
            if (size)
                add_code(b, text + 1, size, in_table, breaks);
            text += 1 + size + (text[1 + size] != '\0');
        } else if (*text == *TL_BOLD_ON || *text == *TL_BOLD_OFF) {
            tl_buffer_add_string(b, "**");
            text++;
        } else if (*text == *TL_LINK_ON || *text == *TL_LINK_OFF) {
            size_t size = add_address(b, text);
            text += size ? size : 1; /* what is no address is text like any other */
        } else if (*text == *TL_PARAGRAPH) {
            tl_buffer_add(b, text, 1);
            line = text = skip_spaces(text + 1);
        } else if (*text == ' ') {
            add_space(b, line, (size_t)(text - line), breaks);
            text++;
        } else {
            add_plain(b, line, (size_t)(text - line), formats);
            text++;
        }
    }
}

static void add_inline(struct tl_buffer *b, const char *text, bool in_table, bool breaks)
{
    add_inline_as(b, text, in_table, breaks, formats_in_line);
}

/* ---- lines ---- */

/* How much of the rest of a text goes into a line that holds so much: all, or what ends at a SPACE. A line rather ends with
 * a sentence than in the next one: where a renderer keeps the ends of lines, as it is done in issues, this looks meant. */
static size_t line_length(const char *text, size_t room)
{
    size_t end = 0, sentence = 0, n = strlen(text);
    if (!room || n <= room)
        return n;
    for (size_t i = 0; i < n && (i <= room || !end); i++) {
        if (text[i] != SPACE)
            continue;
        end = i;
        if (i > room / 2 && strchr(".;", text[i - 1]))
            sentence = i;
    }
    end = end ? end : n;
    return sentence && end <= room ? sentence : end;
}

/* Lines of a text that add_inline wrote; those after the first begin with indent. It is over with the text. */
static void add_lines(struct writer *w, char *text, const char *indent)
{
    size_t margin = strlen(indent), room = w->width > margin ? w->width - margin : w->width;
    for (const char *at = text; *at;) {
        size_t part = strcspn(at, TL_PARAGRAPH);
        char *paragraph = tl_format("%.*s", (int)part, at);
        for (const char *rest = paragraph; *rest;) {
            size_t n = line_length(rest, room);
            if (rest != paragraph || at != text)
                add_string(w, indent);
            for (size_t i = 0; i < n; i++)
                tl_buffer_add(w->b, rest[i] == SPACE ? " " : rest + i, 1);
            rest += n + (rest[n] == SPACE);
            add_string(w, "\n");
        }
        free(paragraph);
        at += part + (at[part] != '\0');
        if (*at)
            add_string(w, "\n");
    }
    free(text);
}

static void add_text(struct writer *w, const char *text, const char *indent)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    add_inline(&b, text, false, w->width != 0);
    if (b.size)
        add_lines(w, tl_buffer_take(&b), indent);
    else
        add_string(w, "\n");
}

/* ---- quoted text ---- */

/* The last blank of a command line before which a line may be ended with a backslash: outside quotes, and not behind
 * a backslash; rather before an option than before its value. 0: none. */
static size_t command_length(const char *line, size_t size, size_t room, bool quoted)
{
    size_t end = 0, option = 0;
    for (size_t i = 0; i < size && (i <= room || !end); i++) {
        quoted ^= line[i] == '\'' && !(i && !quoted && line[i - 1] == '\\');
        if (line[i] != ' ' || quoted || !i || line[i - 1] == '\\' || line[i - 1] == ' ')
            continue;
        end = i;
        option = line[i + 1] == '-' && i > room / 2 ? i : option;
    }
    return option && option <= room ? option : end;
}

/* Of a word that is longer than a line: how much of it goes into one, and whether it ends inside single quotes. */
static size_t word_length(const char *line, size_t room, bool *quoted)
{
    size_t n = tl_utf8_cut(line, room);
    while (n > 1 && line[n - 1] == '\\')
        n--;
    for (size_t i = 0; i < n; i++)
        *quoted ^= line[i] == '\'' && !(i && !*quoted && line[i - 1] == '\\');
    return n;
}

/* A word goes on in the next line behind a backslash, outside quotes or with the quotes closed for it: the shell puts it
 * together again. In double quotes, which are the case's own, nothing is done. */
static void add_command(struct writer *w, const char *line, size_t size)
{
    bool quoted = false;
    while (w->width && size > w->width && *line != '#') {
        size_t room = w->width - 4, n = command_length(line, size, w->width - 2, quoted);
        if (n && n <= w->width - 2) {
            tl_buffer_add(w->b, line, n);
            add_string(w, " \\\n ");
            quoted = false;
        } else if (w->width > WORD_LEAST && !memchr(line, '"', size)) {
            n = word_length(line, room, &quoted);
            tl_buffer_add(w->b, line, n);
            add_string(w, quoted ? "'\\\n'" : "\\\n");
        } else {
            break;
        }
        line += n;
        size -= n;
    }
    tl_buffer_add(w->b, line, size);
}

/* Where in so many bytes the sign stands last; 0: nowhere. */
static size_t last_of(const char *line, size_t size, char sign)
{
    size_t n = size;
    while (n && line[n - 1] != sign)
        n--;
    return n ? n - 1 : 0;
}

static void add_quoted(struct writer *w, const char *line, size_t size)
{
    static const char margin[] = "    ";
    size_t room = w->width;
    while (room && size > room) {
        size_t n = last_of(line, room + 1, ' ');
        n = n > room / 2 ? n : last_of(line, room, '/') + 1; /* of a path, a part */
        n = n > room / 2 ? n : tl_utf8_cut(line, room);
        n = n ? n : room;
        tl_buffer_add(w->b, line, n);
        add_string(w, "\n");
        add_string(w, margin);
        size_t skip = line[n] == ' ';
        line += n + skip;
        size -= n + skip;
        room = w->width > sizeof margin ? w->width - (sizeof margin - 1) : w->width;
    }
    tl_buffer_add(w->b, line, size);
}

static void add_fence(struct writer *w, const char *language, const char *text)
{
    size_t size = strlen(text), fence = longest_run(text, size) + 1;
    bool commands = !strcmp(language, "sh");
    fence = fence < 3 ? 3 : fence;
    add_run(w->b, fence);
    tl_buffer_printf(w->b, "%s\n", language);
    for (const char *line = text; *line;) {
        size_t n = strcspn(line, "\n");
        (commands ? add_command : add_quoted)(w, line, n);
        add_string(w, "\n");
        line += n + (line[n] == '\n');
    }
    add_run(w->b, fence);
    add_string(w, "\n");
}

/* ---- tables ---- */

/* A cell of one piece of code and nothing else, which bold marks would not make easier to find. */
static bool is_only_code(const char *text)
{
    return *text == *TL_CODE_ON && text[1 + strcspn(text + 1, TL_CODE_OFF)] &&
           !text[2 + strcspn(text + 1, TL_CODE_OFF)];
}

/* A cell in bold: the marks may not stand next to a space, nor around nothing. */
static void add_cell(struct tl_buffer *b, const char *text, bool strong)
{
    struct tl_buffer cell = TL_BUFFER_INIT;
    add_inline(&cell, text, true, false);
    while (cell.size && cell.data[cell.size - 1] == ' ')
        cell.data[--cell.size] = '\0';
    strong = strong && cell.size && !is_only_code(text);
    tl_buffer_printf(b, strong ? " **%s** |" : " %s |", cell.size ? cell.data : "");
    tl_buffer_free(&cell);
}

/* Bytes of inline text without its marks. */
static size_t words_length(const char *text)
{
    size_t n = 0;
    for (; *text; text++)
        n += (unsigned char)*text >= 32;
    return n;
}

/* The longest cell is cut as long as the row is too wide and anything can be. */
static void add_row(struct writer *w, const json_t *cells, bool strong)
{
    size_t n = json_array_size(cells);
    char **text = tl_calloc(n + 1, sizeof *text);
    for (size_t i = 0; i < n; i++)
        text[i] = tl_strdup(json_string_value(json_array_get(cells, i)));
    for (bool again = true; again;) {
        struct tl_buffer row = TL_BUFFER_INIT, cell = TL_BUFFER_INIT;
        size_t longest = 0, size = 0;
        tl_buffer_add_string(&row, "|");
        for (size_t i = 0; i < n; i++) {
            tl_buffer_clear(&cell);
            add_cell(&cell, text[i] ? text[i] : "", strong);
            tl_buffer_add(&row, cell.data, cell.size);
            longest = cell.size > size ? i : longest;
            size = cell.size > size ? cell.size : size;
        }
        tl_buffer_add_string(&row, "\n");
        size_t over = w->width && row.size - 1 > w->width ? row.size - 1 - w->width : 0,
               has = n && text[longest] ? words_length(text[longest]) : 0;
        again = over && has > CELL_LEAST + sizeof "…";
        if (again) {
            size_t most = has > over + sizeof "…" + CELL_LEAST ? has - over - sizeof "…" : CELL_LEAST;
            char *cut = tl_inline_cut(text[longest], most);
            again = words_length(cut) < has;
            free(again ? text[longest] : cut);
            text[longest] = again ? cut : text[longest];
        }
        if (!again)
            tl_buffer_add(w->b, row.data, row.size);
        tl_buffer_free(&row);
        tl_buffer_free(&cell);
    }
    tl_strings_free(text);
}

static void add_table(struct writer *w, const json_t *block)
{
    json_t *row, *head = json_object_get(block, "head");
    size_t i;
    add_row(w, head, false);
    add_string(w, "|");
    for (i = 0; i < json_array_size(head); i++)
        add_string(w, " --- |");
    add_string(w, "\n");
    json_array_foreach(json_object_get(block, "rows"), i, row)
        add_row(w, json_object_get(row, "cells"), json_is_true(json_object_get(row, "strong")));
}

/* ---- blocks ---- */

static void add_blocks(struct writer *w, const json_t *page);

/* What is folded up is HTML with Markdown in it: its head ends at the first empty line, and there is none in inline text. */
static void add_fold(struct writer *w, const json_t *block)
{
    const char *summary = tl_member_or(block, "summary", "");
    struct tl_buffer head = TL_BUFFER_INIT;
    tl_inline_html(&head, summary);
    add_string(w, "<details><summary>");
    for (const char *p = head.size ? head.data : ""; *p; p++) {
        tl_buffer_add(w->b, p, 1);
        if (*p == '@' || (*p == '#' && isalnum((unsigned char)p[1])))
            add_string(w, APART);
    }
    add_string(w, "</summary>\n\n");
    tl_buffer_free(&head);
    add_blocks(w, json_object_get(block, "blocks"));
    add_string(w, "\n</details>\n");
}

static void add_block(struct writer *w, const char *is, const json_t *block)
{
    const char *text = tl_member_or(block, "text", "");
    if (!strcmp(is, "heading")) {
        tl_buffer_printf(w->b, "%.*s ", (int)json_integer_value(json_object_get(block, "level")), "######");
        add_inline_as(w->b, text, false, false, formats_in_heading);
        add_string(w, "\n");
    } else if (!strcmp(is, "table")) {
        add_table(w, block);
    } else if (!strcmp(is, "code")) {
        add_fence(w, tl_member_or(block, "language", ""), text);
    } else if (!strcmp(is, "fold")) {
        add_fold(w, block);
    } else if (!strcmp(is, "figure")) {
        /* The caption stands below it, and not in brackets, which may hold no end of a line. */
        tl_buffer_printf(w->b, "![figure](%s)\n\n", tl_member_or(block, "file", ""));
        add_text(w, tl_member_or(block, "caption", ""), "");
    } else if (!strcmp(is, "item")) {
        add_string(w, "- ");
        add_text(w, text, "  ");
    } else {
        add_text(w, text, "");
    }
}

static void add_blocks(struct writer *w, const json_t *page)
{
    const json_t *block;
    size_t i;
    bool first = true, after_item = false, after_heading = false;
    json_array_foreach(page, i, block) {
        const char *is = tl_member_or(block, "is", "");
        bool item = !strcmp(is, "item");
        if (!strcmp(is, "figure") && !tl_member_text(block, "file"))
            continue;
        if (!first && !(item && after_item) && !after_heading)
            add_string(w, "\n");
        first = false;
        after_item = item;
        after_heading =
            w->width && !strcmp(is, "heading"); /* a page that has to be short is so in its source, too */
        add_block(w, is, block);
    }
}

char *tl_page_markdown_within(const json_t *page, size_t width)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    struct writer w = {&b, width};
    tl_buffer_add_string(&b, "");
    add_blocks(&w, page);
    return tl_buffer_take(&b);
}

char *tl_page_markdown(const json_t *page)
{
    return tl_page_markdown_within(page, 0);
}

/* The text of one heading, its escapes taken out. */
static void add_unescaped(struct tl_buffer *b, const char *line, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (!strncmp(line + i, APART, strlen(APART))) {
            i += strlen(APART) - 1;
            continue;
        }
        if (line[i] == '\\' && i + 1 < n && ispunct((unsigned char)line[i + 1]))
            i++;
        tl_buffer_add(b, line + i, 1);
        if (line[i] == '&' && !strncmp(line + i + 1, "amp;", 4))
            i += 4;
    }
}

char *tl_markdown_for_terminal(const char *markdown)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    const char *fence = NULL;
    tl_buffer_add_string(&b, "");
    for (const char *line = markdown; *line;) {
        size_t n = strcspn(line, "\n"), ticks = strspn(line, "`");
        bool heading = *line == '#' && !fence;
        n += line[n] == '\n';
        if (ticks >= 3 && (!fence || ticks >= strspn(fence, "`")))
            fence = fence ? NULL : line;
        if (heading)
            add_unescaped(&b, line, n);
        else
            tl_buffer_add(&b, line, n);
        line += n;
    }
    return tl_buffer_take(&b);
}
