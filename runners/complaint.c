/* The end of each stream is kept, and of what came before it the lines that may say why (notable.h). They are
 * looked at once, when the program has ended. Which of the lines says why is the same for a program that exits
 * as for one that dies (harness/base/last_words.c). */
#include "runners/complaint.h"

#include "harness/base/buffer.h"
#include "harness/base/last_words.h"
#include "harness/base/utf8.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void tl_complaint_feed(struct tl_complaint *c, const char *data, size_t size)
{
    size_t over = c->size + size > TL_COMPLAINT_KEPT ? c->size + size - TL_COMPLAINT_KEPT : 0;
    size_t old = over < c->size ? over : c->size;
    if (old)
        tl_notable_feed(&c->before, c->kept, old);
    memmove(c->kept, c->kept + old, c->size -= old);
    if (over > old) {
        tl_notable_feed(&c->before, data, over - old);
        data += over - old;
        size -= over - old;
    }
    memcpy(c->kept + c->size, data, size);
    c->size += size;
}

void tl_complaint_end(struct tl_complaint *c)
{
    size_t n = c->before.size;
    if (n) {
        memmove(c->kept + n, c->kept, c->size);
        memcpy(c->kept, c->before.kept, n);
        c->size += n;
    }
    tl_notable_free(&c->before);
}

/* Takes the message; NULL says nothing. */
static void set_line(char *message, char line[TL_COMPLAINT_MOST + 1])
{
    snprintf(line, TL_COMPLAINT_MOST + 1, "%.*s", message ? (int)tl_utf8_cut(message, TL_COMPLAINT_MOST) : 0,
             message ? message : "");
    free(message);
}

void tl_complaint_line(const struct tl_complaint *err, const struct tl_complaint *out,
                       char line[TL_COMPLAINT_MOST + 1])
{
    set_line(tl_find_complaint_of(err->kept, err->size, out->kept, out->size), line);
}

/* The last line of a stream that begins with the first word of a text: a new string, or NULL. */
static char *line_like(const struct tl_complaint *c, const char *text)
{
    size_t word = 0;
    while (isalnum((unsigned char)text[word]))
        word++;
    char *clean = tl_clean_text(c->kept, c->size, true), *found = NULL;
    for (char *line = clean, *next; word && line; line = next) {
        next = strchr(line, '\n');
        if (next)
            *next++ = '\0';
        while (*line == ' ')
            line++;
        if (!strncmp(line, text, word) && !isalnum((unsigned char)line[word]))
            found = line;
    }
    found = tl_strdup(found);
    free(clean);
    return found;
}

void tl_complaint_instead(const struct tl_complaint *err, const struct tl_complaint *out, const char *text,
                          char line[TL_COMPLAINT_MOST + 1])
{
    char *message = tl_find_complaint(err->kept, err->size, true);
    if (!message)
        message = line_like(out, text);
    if (!message)
        message = line_like(err, text);
    if (!message)
        message = tl_find_complaint(out->kept, out->size, true);
    set_line(message, line);
}

void tl_complaint_from(const char *text, size_t size, char line[TL_COMPLAINT_MOST + 1])
{
    set_line(tl_find_first_words(text, size), line);
}
