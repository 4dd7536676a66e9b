/* GitHub-flavoured Markdown. Text from outside must come out as it is: it can neither format, nor link, nor
 * name a person or an issue. */
#include "reports/members.h"
#include "reports/page.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

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

static void add_code(struct tl_buffer *b, const char *s, size_t size, bool in_table)
{
    size_t fence = longest_run(s, size) + 1;
    bool pad = fence > 1 || s[0] == ' ' || s[size - 1] == ' ';
    add_run(b, fence);
    if (pad)
        tl_buffer_add_string(b, " ");
    for (size_t i = 0; i < size; i++) {
        if (s[i] == '|' && in_table)
            tl_buffer_add_string(b, "\\");
        tl_buffer_add(b, &s[i], 1);
    }
    if (pad)
        tl_buffer_add_string(b, " ");
    add_run(b, fence);
}

static void add_plain(struct tl_buffer *b, const char *text, size_t i)
{
    char c = text[i], before = i ? text[i - 1] : ' ', after = text[i + 1];
    /* A number and a dot or a dash at the start of a line make a list; ours never start with them, except in
     * text from outside, where it costs one backslash. */
    bool starts = i == 0 && (c == '-' || c == '+' || c == '=' || c == '#');
    bool formats =
        strchr("\\`*_[]<>|~", c) || starts ||
        (c == '.' && i && isdigit((unsigned char)before) && !isalnum((unsigned char)after) && i < 4);
    if (c == '_' && isalnum((unsigned char)before) && isalnum((unsigned char)after))
        formats = false;
    if (c == '&')
        tl_buffer_add_string(b, "&amp;");
    else if (formats)
        tl_buffer_printf(b, "\\%c", c);
    else
        tl_buffer_add(b, &c, 1);
    /* An empty comment between keeps a name from being called and a number from being an issue. */
    if ((c == '@' && !isalnum((unsigned char)before)) || (c == '#' && isalnum((unsigned char)after)))
        tl_buffer_add_string(b, "<!-- -->");
    if (c == ':' && after == '/')
        tl_buffer_add_string(b, "<!-- -->");
}

static void add_inline(struct tl_buffer *b, const char *text, bool in_table)
{
    size_t begin = 0; /* of the line */
    for (size_t i = 0; text[i]; i++) {
        if (text[i] == *TL_CODE_ON) {
            size_t size = strcspn(text + i + 1, TL_CODE_OFF);
            if (size)
                add_code(b, text + i + 1, size, in_table);
            i += size + (text[i + 1 + size] != '\0');
        } else if (text[i] == *TL_BOLD_ON || text[i] == *TL_BOLD_OFF) {
            tl_buffer_add_string(b, "**");
        } else if (text[i] == *TL_PARAGRAPH) {
            tl_buffer_add_string(b, "\n\n  "); /* below the words of its item */
            begin = i + 1;
        } else {
            add_plain(b, text + begin, i - begin);
        }
    }
}

static void add_fence(struct tl_buffer *b, const char *language, const char *text)
{
    size_t size = strlen(text), fence = longest_run(text, size) + 1;
    fence = fence < 3 ? 3 : fence;
    add_run(b, fence);
    tl_buffer_printf(b, "%s\n%s%s", language, text, size && text[size - 1] == '\n' ? "" : "\n");
    add_run(b, fence);
    tl_buffer_add_string(b, "\n");
}

/* A cell in bold: the marks may not stand next to a space, nor around nothing. */
static void add_cell(struct tl_buffer *b, const char *text, bool strong)
{
    strong = strong && *text;
    tl_buffer_add_string(b, strong ? " **" : " ");
    add_inline(b, text, true);
    tl_buffer_add_string(b, strong ? "** |" : " |");
}

static void add_table(struct tl_buffer *b, const json_t *block)
{
    json_t *text, *row;
    size_t i, k;
    tl_buffer_add_string(b, "|");
    json_array_foreach(json_object_get(block, "head"), i, text)
        add_cell(b, json_string_value(text), false);
    tl_buffer_add_string(b, "\n|");
    json_array_foreach(json_object_get(block, "head"), i, text)
        tl_buffer_add_string(b, " --- |");
    tl_buffer_add_string(b, "\n");
    json_array_foreach(json_object_get(block, "rows"), i, row) {
        tl_buffer_add_string(b, "|");
        json_array_foreach(json_object_get(row, "cells"), k, text)
            add_cell(b, json_string_value(text), json_is_true(json_object_get(row, "strong")));
        tl_buffer_add_string(b, "\n");
    }
}

char *tl_page_markdown(const json_t *page)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    const json_t *block;
    size_t i;
    bool after_item = false;
    json_array_foreach(page, i, block) {
        const char *is = tl_member_or(block, "is", "");
        bool item = !strcmp(is, "item");
        if (!strcmp(is, "figure"))
            continue;
        if (b.size && !(item && after_item))
            tl_buffer_add_string(&b, "\n");
        after_item = item;
        if (!strcmp(is, "heading")) {
            tl_buffer_printf(&b, "%.*s ", (int)json_integer_value(json_object_get(block, "level")), "######");
            add_inline(&b, tl_member_or(block, "text", ""), false);
            tl_buffer_add_string(&b, "\n");
        } else if (!strcmp(is, "table")) {
            add_table(&b, block);
        } else if (!strcmp(is, "code")) {
            add_fence(&b, tl_member_or(block, "language", ""), tl_member_or(block, "text", ""));
        } else if (!strcmp(is, "fold")) {
            tl_buffer_add_string(&b, "<details><summary>");
            tl_add_escaped(&b, tl_member_or(block, "summary", ""));
            tl_buffer_add_string(&b, "</summary>\n\n");
            add_fence(&b, "", tl_member_or(block, "code", ""));
            tl_buffer_add_string(&b, "\n</details>\n");
        } else {
            tl_buffer_add_string(&b, item ? "- " : "");
            add_inline(&b, tl_member_or(block, "text", ""), false);
            tl_buffer_add_string(&b, "\n");
        }
    }
    if (!b.size)
        tl_buffer_add_string(&b, "");
    return tl_buffer_take(&b);
}
