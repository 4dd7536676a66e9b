/* data/pages-N.js: of every page of a case, failure, finding or night its address, its title and the words on it.
 *
 * They are read from the page itself, as it is written: so a search finds what is shown, whatever a later version shows.
 * Only what stands between tags counts, each word once, and in small letters; a word ends at white space, so "layers=17" is
 * one. Trials are not here, for they are lines of data/lines-N.js. */
#include "reports/site/words.h"

#include "harness/base/utf8.h"
#include "reports/site/files.h"
#include "reports/site/text.h"

#include <stdlib.h>
#include <string.h>

#define WORD_MOST 160    /* bytes of a word; the rest is left out */
#define WORDS_MOST 60000 /* bytes of the words of a page */

struct tl_site_words {
    struct tl_buffer rows;
};

static const struct {
    const char *text;
    char c;
} entities[] = {{"&lt;", '<'}, {"&gt;", '>'}, {"&amp;", '&'}, {"&quot;", '"'}, {"&#39;", '\''}};

/* One character of text, entities resolved; *n: how many bytes it was. */
static char next_character(const char *text, size_t left, size_t *n)
{
    *n = 1;
    if (*text != '&')
        return *text;
    for (size_t i = 0; i < TL_COUNT(entities); i++) {
        size_t size = strlen(entities[i].text);
        if (left >= size && !memcmp(text, entities[i].text, size)) {
            *n = size;
            return entities[i].c;
        }
    }
    return *text;
}

static bool is_space(const char *text, size_t left)
{
    return *text == ' ' || *text == '\n' || *text == '\t' || (left > 1 && !memcmp(text, "\xc2\xa0", 2));
}

static void end_word(struct tl_buffer *word, struct tl_buffer *words, json_t *known)
{
    if (!word->size)
        return;
    word->data[word->size > WORD_MOST ? tl_utf8_cut(word->data, WORD_MOST) : word->size] = '\0';
    if (words->size + strlen(word->data) < WORDS_MOST && !json_object_get(known, word->data)) {
        json_object_set_new_nocheck(known, word->data, json_true());
        tl_buffer_printf(words, "%s%s", words->size ? " " : "", word->data);
    }
    tl_buffer_clear(word);
}

/* Tags end words but for those that stand within a line of text. */
static bool parts_words(const char *tag)
{
    static const char *const within[] = {"b>", "code>", "strong>", "em>", "wbr>"};
    tag += *tag == '/';
    for (size_t i = 0; i < TL_COUNT(within); i++)
        if (!strncmp(tag, within[i], strlen(within[i])))
            return false;
    return true;
}

static void collect(const char *text, const char *end, struct tl_buffer *words)
{
    struct tl_buffer word = TL_BUFFER_INIT;
    json_t *known = json_object();
    while (text < end) {
        size_t n;
        if (*text == '<') {
            const char *close = memchr(text, '>', (size_t)(end - text));
            if (parts_words(text + 1))
                end_word(&word, words, known);
            text = close ? close + 1 : end;
            continue;
        }
        if (is_space(text, (size_t)(end - text))) {
            end_word(&word, words, known);
            text += *text == '\xc2' ? 2 : 1;
            continue;
        }
        char c = next_character(text, (size_t)(end - text), &n);
        c = c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
        tl_buffer_add(&word, &c, 1);
        text += n;
    }
    end_word(&word, words, known);
    tl_buffer_free(&word);
    json_decref(known);
}

/* Between two marks of a page; a new string. */
static char *between(const char *html, const char *before, const char *after)
{
    const char *from = strstr(html, before), *to = from ? strstr(from, after) : NULL;
    struct tl_buffer b = TL_BUFFER_INIT;
    tl_buffer_add_string(&b, "");
    for (from = to ? from + strlen(before) : NULL; from && from < to;) {
        size_t n;
        char c = next_character(from, (size_t)(to - from), &n);
        tl_buffer_add(&b, &c, 1);
        from += n;
    }
    return tl_buffer_take(&b);
}

int tl_site_write_words(struct tl_site *w, struct tl_error *e)
{
    if (!w->words || !w->words->rows.size)
        return 0;
    const struct tl_site_member members[] = {{'p', &w->words->rows}};
    int rc = tl_site_put_data(w, "pages", w->page_files++, members, 1, e);
    tl_buffer_clear(&w->words->rows);
    return rc;
}

static void add_page(struct tl_buffer *b, const char *file, const char *html)
{
    const char *from = strstr(html, "<main"), *to = strstr(html, "</main>");
    struct tl_buffer words = TL_BUFFER_INIT;
    if (!from || !to)
        return;
    char *title = between(html, "<title>", " - trapline</title>");
    collect(from, to, &words);
    tl_buffer_add_string(b, b->size ? ",\n[" : "[");
    tl_site_json(b, file);
    tl_buffer_add_string(b, ",");
    tl_site_json(b, title);
    tl_buffer_add_string(b, ",");
    tl_site_json(b, words.data ? words.data : "");
    tl_buffer_add_string(b, "]");
    tl_buffer_free(&words);
    free(title);
}

int tl_site_take_words(struct tl_site *w, const char *file, const char *html, struct tl_error *e)
{
    struct tl_buffer visible = TL_BUFFER_INIT;
    if (!strchr(file, '/')) /* a list, whose rows have pages */
        return 0;
    if (!w->words)
        w->words = tl_calloc(1, sizeof *w->words);
    tl_site_visible(&visible, html, strlen(html)); /* as the page is when it is written */
    add_page(&w->words->rows, file, visible.data);
    tl_buffer_free(&visible);
    return w->words->rows.size > TL_SITE_FILE ? tl_site_write_words(w, e) : 0;
}

void tl_site_free_words(struct tl_site_words *words)
{
    if (words)
        tl_buffer_free(&words->rows);
    free(words);
}
