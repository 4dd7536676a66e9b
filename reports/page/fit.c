/* A page that has to fit is cut until it does. What a block comes to is measured and not computed: each block is written
 * as Markdown alone, and is made shorter until what was written is short enough. So it holds whatever the text is,
 * though escapes can make nine bytes of one, and though a line may not end at every blank. A section is a heading and
 * what stands below it; what stands first in it is what matters. */
#include "reports/page/fit.h"

#include "harness/base/utf8.h"
#include "reports/members.h"
#include "reports/page/page.h"

#include <ctype.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define MARKS_MOST 2 /* bytes at the ends of a line beyond its width */

static size_t count_lines(const char *text, size_t *longest)
{
    size_t n = 0;
    *longest = 0;
    for (; *text; n++) {
        size_t size = strcspn(text, "\n");
        *longest = size > *longest ? size : *longest;
        text += size + (text[size] == '\n');
    }
    return n;
}

size_t tl_page_lines(const json_t *page, size_t width, size_t *longest)
{
    char *text = tl_page_markdown_within(page, width);
    size_t n = count_lines(text, longest);
    free(text);
    return n;
}

static bool fits(json_t *block, size_t most, size_t width)
{
    json_t *page = json_array();
    size_t longest, n;
    json_array_append(page, block);
    n = tl_page_lines(page, width, &longest);
    json_decref(page);
    return n <= most && longest <= width + MARKS_MOST;
}

/* Bytes of a word that come to no more than so many in Markdown, where a sign may be kept from calling somebody. */
static size_t word_length(const char *word, size_t size, size_t most)
{
    size_t n = 0, written = 0;
    for (; n < size; n++) {
        unsigned char c = (unsigned char)word[n];
        written += strchr("@#:.-", c) ? 9 : ispunct(c) ? 5 : 1;
        if (written > most)
            return tl_utf8_cut(word, n);
    }
    return n;
}

/* Every word that comes to more than so many bytes cut. What is between two marks counts as words of its own. */
static char *cut_words(const char *text, size_t most)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    tl_buffer_add_string(&b, "");
    while (*text) {
        size_t n = strcspn(text, " " TL_MARKS), kept = n > most / 9 ? word_length(text, n, most) : n;
        tl_buffer_add(&b, text, kept);
        tl_buffer_add_string(&b, kept < n ? "…" : "");
        text += n;
        if (*text)
            tl_buffer_add(&b, text++, 1);
    }
    return tl_buffer_take(&b);
}

static void set_text(json_t *block, char *text)
{
    json_object_set_new(block, "text", json_string(text));
    free(text);
}

/* Words that are too long for a line first, then the end of the text. */
static void fit_text(json_t *block, size_t most, size_t width)
{
    size_t longest = most * (width + MARKS_MOST + 1);
    if (strlen(tl_member_or(block, "text", "")) > 2 * longest) /* which no escape makes shorter */
        set_text(block, tl_inline_cut(tl_member_or(block, "text", ""), 2 * longest));
    if (!fits(block, SIZE_MAX, width))
        set_text(block,
                 cut_words(tl_member_or(block, "text", ""), width - 18)); /* with what stands around it */
    for (; longest > 2 && !fits(block, most, width); longest -= longest / 8 + 1)
        set_text(block, tl_inline_cut(tl_member_or(block, "text", ""), longest));
}

static void fit_table(json_t *table, size_t most, size_t width)
{
    json_t *rows = json_object_get(table, "rows"), *row, *cells, *cell;
    size_t n = json_array_size(rows), columns = json_array_size(json_object_get(table, "head")), i, k;
    if (n > most + 1) {
        while (json_array_size(rows) > most)
            json_array_remove(rows, json_array_size(rows) - 1);
        char *more = tl_format("and %zu more", n - most);
        cells = json_array();
        for (i = 0; i < columns; i++)
            json_array_append_new(cells, json_string(i ? "" : more));
        json_array_append_new(rows, json_pack("{s:o,s:b}", "cells", cells, "strong", 0));
        free(more);
    }
    for (size_t bytes = width / 2; bytes > 1 && !fits(table, SIZE_MAX, width); bytes /= 2)
        json_array_foreach(rows, i, row) {
            cells = json_object_get(row, "cells");
            json_array_foreach(cells, k, cell) {
                char *cut = tl_inline_cut(json_string_value(cell), bytes);
                json_array_set_new(cells, k, json_string(cut));
                free(cut);
            }
        }
}

static json_t *code_of(const char *language, const char *line, size_t size)
{
    json_t *block = json_pack("{s:s,s:s}", "is", "code", "language", language);
    set_text(block, tl_format("%.*s", (int)size, line));
    return block;
}

/* Whole lines, as many as there is room for; one that is too long alone is cut. */
static void fit_code(json_t *block, size_t most, size_t width)
{
    const char *language = tl_member_or(block, "language", ""), *text = tl_member_or(block, "text", "");
    bool commands = !strcmp(language, "sh");
    struct tl_buffer b = TL_BUFFER_INIT;
    size_t room = most, fences = 2;
    bool cut = false;
    if (fits(block, most + fences, width))
        return;
    while (*text && room > 1) {
        size_t n = strcspn(text, "\n"), lines = 1;
        json_t *line = code_of(language, text, n);
        bool whole = false;
        for (; lines < room && n < room * (width + MARKS_MOST) && !whole; lines += !whole)
            whole = fits(line, lines + fences, width);
        if (whole) {
            tl_buffer_add(&b, text, n);
        } else {
            size_t kept = tl_utf8_cut(text, width - sizeof "…");
            tl_buffer_add(&b, text, kept < n ? kept : n);
            tl_buffer_add_string(&b, kept < n ? "…" : "");
            lines = 1;
            cut = true;
        }
        json_decref(line);
        tl_buffer_add_string(&b, "\n");
        room -= lines;
        text += n + (text[n] == '\n');
    }
    if (*text || cut)
        tl_buffer_add_string(&b, commands ? "# … not whole: the report without --short has it" : "…");
    set_text(block, tl_buffer_take(&b));
}

static bool is_without(const struct tl_page_limits *l, const char *heading)
{
    for (const char *const *name = l->without; name && *name; name++)
        if (!strcmp(*name, heading))
            return true;
    return false;
}

/* What is known of the section at a place of the page. */
struct section {
    bool left_out;
    size_t items, paragraphs, codes;
};

/* Whether the block stays. */
static bool fit_block(struct section *s, json_t *block, const struct tl_page_limits *l, size_t width)
{
    const char *is = tl_member_or(block, "is", "");
    if (!strcmp(is, "heading")) {
        *s = (struct section){.left_out = is_without(l, tl_member_or(block, "text", ""))};
        fit_text(block, 1, width);
    } else if (!strcmp(is, "table")) {
        fit_table(block, l->rows, width);
    } else if (!strcmp(is, "code")) {
        bool commands = !strcmp(tl_member_or(block, "language", ""), "sh");
        fit_code(block, commands ? l->commands : l->quoted, width);
        return !s->left_out && s->codes++ < l->codes;
    } else if (!strcmp(is, "item")) {
        fit_text(block, l->text, width);
        return !s->left_out && s->items++ < l->items;
    } else {
        fit_text(block, l->text, width);
        return !s->left_out && s->paragraphs++ < l->paragraphs;
    }
    return !s->left_out;
}

void tl_page_fit(json_t *page, const struct tl_page_limits *limits, size_t width)
{
    struct section s = {0};
    for (size_t i = 0; i < json_array_size(page);) {
        if (fit_block(&s, json_array_get(page, i), limits, width))
            i++;
        else
            json_array_remove(page, i);
    }
}
