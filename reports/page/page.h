/* A page: blocks of text that Markdown and HTML are both made from, so that they say the same.
 *
 * A page is a JSON array of blocks:
 *
 *   {"is":"heading","level":1..3,"text"}
 *   {"is":"paragraph","text"}
 *   {"is":"item","text"}                     items that follow one another are a list
 *   {"is":"table","head":[text],"rows":[{"cells":[text],"strong":bool}]}
 *   {"is":"code","language","text"}
 *   {"is":"fold","summary":text,"blocks":[…]} blocks that are shown when they are asked for
 *   {"is":"figure","svg","caption","file"?}  in HTML; in Markdown only where it is a file beside it
 *
 * "text" is inline text: plain words, in which \x01 … \x02 is code and \x03 … \x04 is bold, \x05 begins a paragraph of an item, and \x0e … \x0f is
 * an address that can be followed; nothing that comes from outside can hold these bytes, because it is added with the functions below. "code"
 * is taken as it is. A table with "cards" is, on a narrow screen, a card for each row. */
#ifndef TL_EXTENT_PAGE_H
#define TL_EXTENT_PAGE_H

#include "harness/base/buffer.h"

#include <jansson.h>
#include <stdbool.h>

#define TL_CODE_ON "\x01"
#define TL_CODE_OFF "\x02"
#define TL_BOLD_ON "\x03"
#define TL_BOLD_OFF "\x04"
#define TL_PARAGRAPH "\x05" /* between paragraphs of an item */
#define TL_LINK_ON "\x0e"
#define TL_LINK_OFF "\x0f"
#define TL_MARKS TL_CODE_ON TL_CODE_OFF TL_BOLD_ON TL_BOLD_OFF TL_PARAGRAPH TL_LINK_ON TL_LINK_OFF

/* Adds text from outside to inline text: control characters and line ends become spaces. */
void tl_inline_text(struct tl_buffer *b, const char *text);
void tl_inline_code(struct tl_buffer *b, const char *text);
/* Text from outside that is a link where it is an address of the web, and nothing more than that. */
void tl_inline_link(struct tl_buffer *b, const char *text);
/* Whether a text is such an address: http or https, a host, no name of a user, and of the signs that an address has. */
bool tl_is_web_address(const char *text);
/* A JSON value as on a command line: a string without quotes. */
void tl_inline_value(struct tl_buffer *b, const json_t *value);
char *tl_inline_plain(char *text); /* takes the marks out of inline text, in place; returns it */
/* At most so many bytes of inline text and its end "…", without a mark that is not closed; a new string. */
char *tl_inline_cut(const char *text, size_t most);
char *tl_value_word(const json_t *value); /* the same, alone; the caller's */

/* The text is taken over and freed; NULL or "" adds nothing. */
void tl_page_heading(json_t *page, int level, const char *text);
void tl_page_paragraph(json_t *page, char *text);
void tl_page_words(json_t *page, const char *text); /* the same; the text stays the caller's */
void tl_page_item(json_t *page, char *text);
void tl_page_code(json_t *page, const char *language, char *code);
void tl_page_fold(json_t *page, char *summary, char *code); /* a fold with nothing but this text */
json_t *tl_page_fold_open(json_t *page, char *summary);     /* an empty fold; its blocks: borrowed */
/* Adds blocks, which are taken over, below a heading of level 2; nothing where there are none. */
void tl_page_under(json_t *page, const char *heading, json_t *blocks);
/* Takes a fold out again that is the last block of the page and in which nothing is. */
void tl_page_fold_close(json_t *page);
void tl_page_figure(json_t *page, char *svg, const char *caption);
/* The same, which stands beside the page as a file, too: Markdown shows that. NULL: it does not. */
void tl_page_figure_file(json_t *page, char *svg, const char *caption, const char *file);
json_t *tl_page_table(json_t *page, size_t n, const char *const *head);    /* its rows: borrowed */
json_t *tl_page_cards(json_t *page, size_t n, const char *const *head);    /* the same, with "cards" */
void tl_page_row(json_t *rows, bool strong, size_t n, char *const *cells); /* cells are taken over */
/* A row of a name and text from outside; nothing where the value is NULL or "". */
void tl_page_field(json_t *rows, const char *name, const char *value);
void tl_page_code_field(json_t *rows, const char *name, const char *value);
void tl_page_made_field(json_t *rows, const char *name, char *value); /* the value is taken over and freed */

char *tl_page_markdown(const json_t *page);
/* The same Markdown for somebody who reads it as it is: no escapes in its headings. A new string. */
char *tl_markdown_for_terminal(const char *markdown);
/* The same in lines of at most so many bytes, where a title and a single word allow it; cells
 * of tables are cut for it. 0: no limit. */
char *tl_page_markdown_within(const json_t *page, size_t width);
/* One file that needs nothing else. title is plain text. */
char *tl_page_html(const json_t *page, const char *title);

/* Adds inline text as HTML. */
void tl_inline_html(struct tl_buffer *b, const char *text);
void tl_add_link(struct tl_buffer *b, const char *address); /* of the web: tl_is_web_address */
/* What stands between head and foot of it. */
void tl_page_html_blocks(struct tl_buffer *b, const json_t *page);

/* Adds text with & < > " escaped, and what XML cannot hold left out: for HTML, SVG and XML. */
void tl_add_escaped(struct tl_buffer *b, const char *text);
void tl_add_value(struct tl_buffer *b, const json_t *value); /* tl_value_word, escaped */
/* Adds AXIS=VALUE, escaped. */
void tl_add_setting(struct tl_buffer *b, const char *axis, const json_t *value);
/* Adds name="value", with a space before. */
void tl_add_attribute(struct tl_buffer *b, const char *name, const char *value);

#endif
