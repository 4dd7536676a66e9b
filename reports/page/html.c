/* One HTML file: style inside, no script, nothing fetched. What is wider than the screen scrolls by itself
 * and can be reached with the keyboard. */
#include "reports/members.h"
#include "reports/page/page.h"

#include <stdlib.h>
#include <string.h>

extern const char tl_page_css[];

void tl_add_link(struct tl_buffer *b, const char *address)
{
    tl_buffer_add_string(b, "<a");
    tl_add_attribute(b, "href", address);
    tl_buffer_add_string(b, " rel=\"noopener noreferrer\">");
    tl_add_escaped(b, address);
    tl_buffer_add_string(b, "</a>");
}

void tl_inline_html(struct tl_buffer *b, const char *text)
{
    struct tl_buffer plain = TL_BUFFER_INIT;
    static const struct {
        const char *mark, *tag;
    } tags[] = {{TL_CODE_ON, "<code>"},
                {TL_CODE_OFF, "</code>"},
                {TL_BOLD_ON, "<strong>"},
                {TL_BOLD_OFF, "</strong>"},
                {TL_PARAGRAPH, "</p>\n<p>"}};
    bool link = false;
    while (*text) {
        size_t n = strcspn(text, TL_MARKS);
        tl_buffer_clear(&plain);
        tl_buffer_add(&plain, text, n);
        if (link && tl_is_web_address(plain.data))
            tl_add_link(b, plain.data);
        else
            tl_add_escaped(b, plain.data);
        text += n;
        link = *text == *TL_LINK_ON;
        for (size_t i = 0; *text && i < TL_COUNT(tags); i++)
            if (*text == *tags[i].mark)
                tl_buffer_add_string(b, tags[i].tag);
        text += *text != '\0';
    }
    tl_buffer_free(&plain);
}

static void add_table(struct tl_buffer *b, const json_t *block, const char *label)
{
    const json_t *head = json_object_get(block, "head");
    bool cards = json_is_true(json_object_get(block, "cards"));
    json_t *text, *row;
    size_t i, k;
    tl_buffer_add_string(b, "<div class=\"wide\" tabindex=\"0\" role=\"region\" aria-label=\"");
    tl_add_escaped(b, label);
    tl_buffer_add_string(b, ": table\">\n<table");
    tl_buffer_add_string(b, cards ? " class=\"cards\">\n<thead><tr>" : ">\n<thead><tr>");
    json_array_foreach(head, i, text) {
        tl_buffer_add_string(b, "<th scope=\"col\">");
        tl_inline_html(b, json_string_value(text));
        tl_buffer_add_string(b, "</th>");
    }
    tl_buffer_add_string(b, "</tr></thead>\n<tbody>\n");
    json_array_foreach(json_object_get(block, "rows"), i, row) {
        tl_buffer_add_string(b,
                             json_is_true(json_object_get(row, "strong")) ? "<tr class=\"strong\">" : "<tr>");
        json_array_foreach(json_object_get(row, "cells"), k, text) {
            const char *name = cards ? json_string_value(json_array_get(head, k)) : NULL;
            tl_buffer_add_string(b, "<td");
            if (name && *json_string_value(text))
                tl_add_attribute(b, "data-l", name);
            tl_buffer_add_string(b, ">");
            tl_inline_html(b, json_string_value(text));
            tl_buffer_add_string(b, "</td>");
        }
        tl_buffer_add_string(b, "</tr>\n");
    }
    tl_buffer_add_string(b, "</tbody>\n</table>\n</div>\n");
}

static void add_code(struct tl_buffer *b, const char *text, const char *label)
{
    tl_buffer_add_string(b, "<pre tabindex=\"0\" role=\"region\" aria-label=\"");
    tl_add_escaped(b, label);
    tl_buffer_add_string(b, ": text\"><code>");
    tl_add_escaped(b, text);
    tl_buffer_add_string(b, "</code></pre>\n");
}

static void add_blocks(struct tl_buffer *b, const json_t *page, const char *label);

static void add_fold(struct tl_buffer *b, const json_t *block)
{
    const char *summary = tl_member_or(block, "summary", "");
    tl_buffer_add_string(b, "<details><summary>");
    tl_inline_html(b, summary);
    tl_buffer_add_string(b, "</summary>\n");
    add_blocks(b, json_object_get(block, "blocks"), summary);
    tl_buffer_add_string(b, "</details>\n");
}

static void add_figure(struct tl_buffer *b, const json_t *block, const char *label)
{
    tl_buffer_add_string(b, "<figure>\n<div class=\"wide\" tabindex=\"0\" role=\"region\" aria-label=\"");
    tl_add_escaped(b, label);
    tl_buffer_printf(b, ": figure\">\n%s</div>\n<figcaption>", tl_member_or(block, "svg", ""));
    tl_inline_html(b, tl_member_or(block, "caption", ""));
    tl_buffer_add_string(b, "</figcaption>\n</figure>\n");
}

/* label: of the section, what a screen reader says of a table in it. */
static void add_blocks(struct tl_buffer *b, const json_t *page, const char *label)
{
    const json_t *block;
    size_t i;
    bool in_list = false;
    json_array_foreach(page, i, block) {
        const char *is = tl_member_or(block, "is", ""), *text = tl_member_or(block, "text", "");
        bool item = !strcmp(is, "item");
        if (item != in_list)
            tl_buffer_add_string(b, item ? "<ul>\n" : "</ul>\n");
        in_list = item;
        if (!strcmp(is, "heading")) {
            int level = (int)json_integer_value(json_object_get(block, "level"));
            label = text;
            tl_buffer_printf(b, "<h%d>", level);
            tl_inline_html(b, label);
            tl_buffer_printf(b, "</h%d>\n", level);
        } else if (!strcmp(is, "table")) {
            add_table(b, block, label);
        } else if (!strcmp(is, "code")) {
            add_code(b, text, label);
        } else if (!strcmp(is, "fold")) {
            add_fold(b, block);
        } else if (!strcmp(is, "figure")) {
            add_figure(b, block, label);
        } else {
            bool parts = item && strstr(text, TL_PARAGRAPH);
            tl_buffer_add_string(b, parts ? "<li><p>" : item ? "<li>" : "<p>");
            tl_inline_html(b, text);
            tl_buffer_add_string(b, parts ? "</p></li>\n" : item ? "</li>\n" : "</p>\n");
        }
    }
    tl_buffer_add_string(b, in_list ? "</ul>\n" : "");
}

void tl_page_html_blocks(struct tl_buffer *b, const json_t *page)
{
    add_blocks(b, page, "Report");
}

char *tl_page_html(const json_t *page, const char *title)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    tl_buffer_add_string(&b,
                         "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                         "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>");
    tl_add_escaped(&b, title);
    tl_buffer_printf(&b, "</title>\n<style>\n%s</style>\n</head>\n<body>\n<main>\n", tl_page_css);
    tl_page_html_blocks(&b, page);
    tl_buffer_add_string(&b, "</main>\n</body>\n</html>\n");
    return tl_buffer_take(&b);
}
