/* The blocks of a page and their inline text (page.h).
 *
 * A report is made once, as data, and rendered twice. Text from outside goes into inline text through
 * tl_inline_text, which leaves no control character in it: the bytes that mean code, bold, a paragraph and a link can only be
 * ours. So a renderer needs to know no more than which bytes are marks, and escapes all else for its own
 * format; what formats the one is plain text in the other. */
#include "reports/page/page.h"

#include "harness/base/utf8.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define WORD_MOST 20      /* bytes of a word that is left away rather than cut */
#define ADDRESS_MOST 2048 /* bytes of an address that is a link */

void tl_inline_text(struct tl_buffer *b, const char *text)
{
    static const char controls[] =
        "\1\2\3\4\5\6\7\10\11\12\13\14\15\16\17\20\21\22\23\24\25\26\27\30\31\32\33\34\35"
        "\36\37\177"; /* become blanks, so that none of them is a mark */
    size_t from = b->size;
    if (text)
        tl_add_visible(b, text, controls);
    for (; from < b->size; from++)
        if ((unsigned char)b->data[from] < 32 || b->data[from] == 127)
            b->data[from] = ' ';
}

void tl_inline_code(struct tl_buffer *b, const char *text)
{
    if (!text || !*text)
        return;
    tl_buffer_add_string(b, TL_CODE_ON);
    tl_inline_text(b, text);
    tl_buffer_add_string(b, TL_CODE_OFF);
}

bool tl_is_web_address(const char *text)
{
    static const char signs[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~:/?#[]@!$&'()*+,;=%";
    size_t scheme = !text                               ? 0
                    : !strncasecmp(text, "https://", 8) ? 8
                    : !strncasecmp(text, "http://", 7)  ? 7
                                                        : 0,
           n = scheme ? strlen(text) : 0, host = scheme ? strcspn(text + scheme, "/?#") : 0;
    return host && n <= ADDRESS_MOST && isalnum((unsigned char)text[scheme]) &&
           !memchr(text + scheme, '@', host) && strspn(text, signs) == n;
}

void tl_inline_link(struct tl_buffer *b, const char *text)
{
    bool link = tl_is_web_address(text);
    tl_buffer_add_string(b, link ? TL_LINK_ON : "");
    tl_inline_text(b, text);
    tl_buffer_add_string(b, link ? TL_LINK_OFF : "");
}

char *tl_value_word(const json_t *value)
{
    if (json_is_string(value))
        return tl_strdup(json_string_value(value));
    char *word = value ? json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT) : NULL;
    return word ? word : tl_strdup("");
}

void tl_inline_value(struct tl_buffer *b, const json_t *value)
{
    char *word = tl_value_word(value);
    tl_inline_text(b, word);
    free(word);
}

static void add(json_t *page, const char *is, const char *name, const char *text)
{
    json_array_append_new(page, json_pack("{s:s,s:s}", "is", is, name, text));
}

void tl_page_heading(json_t *page, int level, const char *text)
{
    json_array_append_new(page, json_pack("{s:s,s:i,s:s}", "is", "heading", "level", level, "text", text));
}

void tl_page_paragraph(json_t *page, char *text)
{
    if (text && *text)
        add(page, "paragraph", "text", text);
    free(text);
}

void tl_page_words(json_t *page, const char *text)
{
    add(page, "paragraph", "text", text);
}

void tl_page_item(json_t *page, char *text)
{
    if (text && *text)
        add(page, "item", "text", text);
    free(text);
}

void tl_page_code(json_t *page, const char *language, char *code)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    if (code && *code) {
        tl_add_visible(&b, code, "\t\n");
        json_array_append_new(page,
                              json_pack("{s:s,s:s,s:s}", "is", "code", "language", language, "text", b.data));
    }
    tl_buffer_free(&b);
    free(code);
}

json_t *tl_page_fold_open(json_t *page, char *summary)
{
    json_t *blocks = json_array();
    json_array_append_new(
        page, json_pack("{s:s,s:s,s:o}", "is", "fold", "summary", summary ? summary : "", "blocks", blocks));
    free(summary);
    return blocks;
}

void tl_page_fold_close(json_t *page)
{
    size_t last = json_array_size(page) - 1;
    const json_t *blocks = json_object_get(json_array_get(page, last), "blocks");
    if (json_is_array(blocks) && !json_array_size(blocks))
        json_array_remove(page, last);
}

void tl_page_under(json_t *page, const char *heading, json_t *blocks)
{
    if (json_array_size(blocks))
        tl_page_heading(page, 2, heading);
    json_array_extend(page, blocks);
    json_decref(blocks);
}

void tl_page_fold(json_t *page, char *summary, char *code)
{
    tl_page_code(tl_page_fold_open(page, summary), "", code);
    tl_page_fold_close(page);
}

void tl_page_figure(json_t *page, char *svg, const char *caption)
{
    if (svg)
        json_array_append_new(page,
                              json_pack("{s:s,s:s,s:s}", "is", "figure", "svg", svg, "caption", caption));
    free(svg);
}

void tl_page_figure_file(json_t *page, char *svg, const char *caption, const char *file)
{
    if (svg && file)
        json_array_append_new(page, json_pack("{s:s,s:s,s:s,s:s}", "is", "figure", "svg", svg, "caption",
                                              caption, "file", file));
    else if (svg)
        tl_page_figure(page, tl_strdup(svg), caption);
    free(svg);
}

json_t *tl_page_table(json_t *page, size_t n, const char *const *head)
{
    json_t *names = json_array(), *rows = json_array();
    for (size_t i = 0; i < n; i++)
        json_array_append_new(names, json_string(head[i]));
    json_array_append_new(page, json_pack("{s:s,s:o,s:o}", "is", "table", "head", names, "rows", rows));
    return rows;
}

json_t *tl_page_cards(json_t *page, size_t n, const char *const *head)
{
    json_t *rows = tl_page_table(page, n, head);
    json_object_set_new(json_array_get(page, json_array_size(page) - 1), "cards", json_true());
    return rows;
}

void tl_page_row(json_t *rows, bool strong, size_t n, char *const *cells)
{
    json_t *list = json_array();
    for (size_t i = 0; i < n; i++) {
        json_array_append_new(list, json_string(cells[i] ? cells[i] : ""));
        free(cells[i]);
    }
    json_array_append_new(rows, json_pack("{s:o,s:b}", "cells", list, "strong", strong));
}

/* One character, and *text at its end: what XML cannot hold is left out, what a reader would obey is spelled out, and so are
 * bytes that are no UTF-8. */
static void add_character(struct tl_buffer *b, const char **text)
{
    unsigned code = 0;
    size_t n = tl_utf8_decode(*text, strnlen(*text, 4), &code);
    if (!n)
        tl_buffer_printf(b, "\\x%02x", (unsigned char)**text);
    else if (code >= 32 || code == '\n' || code == '\t')
        tl_add_visible_character(b, *text, n, code);
    *text += n ? n - 1 : 0;
}

void tl_add_escaped(struct tl_buffer *b, const char *text)
{
    for (; text && *text; text++) {
        switch (*text) {
        case '&':
            tl_buffer_add_string(b, "&amp;");
            break;
        case '<':
            tl_buffer_add_string(b, "&lt;");
            break;
        case '>':
            tl_buffer_add_string(b, "&gt;");
            break;
        case '"':
            tl_buffer_add_string(b, "&quot;");
            break;
        default:
            add_character(b, &text);
        }
    }
}

char *tl_inline_plain(char *text)
{
    char *to = text;
    for (const char *from = text; *from; from++)
        if ((unsigned char)*from >= 32)
            *to++ = *from;
    *to = '\0';
    return text;
}

/* Bytes of a text that are at most so many, and end with a word where one ends near by. */
static size_t cut_at_word(const char *text, size_t most)
{
    size_t n = tl_utf8_cut(text, most);
    for (size_t k = n; k > 1 && n - k < WORD_MOST; k--)
        if (text[k - 1] == ' ')
            return k;
    return n;
}

char *tl_inline_cut(const char *text, size_t most)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    size_t taken = 0;
    bool code = false, bold = false, link = false, whole = true;
    tl_buffer_add_string(&b, "");
    for (size_t i = 0; text[i] && whole;) {
        size_t n = (unsigned char)text[i] < 32 ? 1 : strcspn(text + i, TL_MARKS);
        if ((unsigned char)text[i] < 32) {
            code = text[i] == *TL_CODE_ON || (code && text[i] != *TL_CODE_OFF);
            bold = text[i] == *TL_BOLD_ON || (bold && text[i] != *TL_BOLD_OFF);
            link = text[i] == *TL_LINK_ON || (link && text[i] != *TL_LINK_OFF);
        } else {
            whole = taken + n <= most;
            n = whole ? n : code ? tl_utf8_cut(text + i, most - taken) : cut_at_word(text + i, most - taken);
            taken += n;
        }
        tl_buffer_add(&b, text + i, n);
        i += n;
    }
    tl_buffer_add_string(&b, whole ? "" : "…"); /* within a link: what is cut is none */
    tl_buffer_add_string(&b, !whole && link ? TL_LINK_OFF : "");
    tl_buffer_add_string(&b, !whole && code ? TL_CODE_OFF : "");
    tl_buffer_add_string(&b, !whole && bold ? TL_BOLD_OFF : "");
    return tl_buffer_take(&b);
}

void tl_add_attribute(struct tl_buffer *b, const char *name, const char *value)
{
    tl_buffer_printf(b, " %s=\"", name);
    tl_add_escaped(b, value);
    tl_buffer_add_string(b, "\"");
}

void tl_add_value(struct tl_buffer *b, const json_t *value)
{
    char *word = tl_value_word(value);
    tl_add_escaped(b, word);
    free(word);
}

void tl_add_setting(struct tl_buffer *b, const char *axis, const json_t *value)
{
    tl_add_escaped(b, axis);
    tl_buffer_add_string(b, "=");
    tl_add_value(b, value);
}

void tl_page_field(json_t *rows, const char *name, const char *value)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    if (!value || !*value)
        return;
    tl_inline_text(&b, value);
    char *cells[] = {tl_strdup(name), tl_buffer_take(&b)};
    tl_page_row(rows, false, 2, cells);
}

void tl_page_code_field(json_t *rows, const char *name, const char *value)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    if (!value || !*value)
        return;
    tl_inline_code(&b, value);
    char *cells[] = {tl_strdup(name), tl_buffer_take(&b)};
    tl_page_row(rows, false, 2, cells);
}

void tl_page_made_field(json_t *rows, const char *name, char *value)
{
    tl_page_field(rows, name, value);
    free(value);
}
