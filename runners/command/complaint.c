/* The end of the stream is kept and looked at once, when the program has ended: what it complained of last is
 * there, whatever it wrote before. A line that names an error is better than one that comes after it (a count
 * of errors, a way to the log), which is why all kept lines are read. */
#include "runners/command/complaint.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

void tl_complaint_feed(struct tl_complaint *c, const char *data, size_t size)
{
    if (size > TL_COMPLAINT_KEPT) {
        data += size - TL_COMPLAINT_KEPT;
        size = TL_COMPLAINT_KEPT;
    }
    size_t over = c->size + size > TL_COMPLAINT_KEPT ? c->size + size - TL_COMPLAINT_KEPT : 0;
    memmove(c->kept, c->kept + over, c->size - over);
    c->size -= over;
    memcpy(c->kept + c->size, data, size);
    c->size += size;
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (unsigned char)c >= 0x80;
}

/* One line without colours and other escapes, controls and blanks around it. Returns its length. */
static size_t clean(const char *from, size_t size, char *to, size_t most)
{
    size_t n = 0;
    for (size_t i = 0; i < size && n < most; i++) {
        if (from[i] == '\033' && i + 1 < size && from[i + 1] == '[') {
            for (i += 2; i < size && !(from[i] >= '@' && from[i] <= '~'); i++)
                ;
        } else if ((unsigned char)from[i] >= ' ' && from[i] != 0x7f) {
            if (n || from[i] != ' ')
                to[n++] = from[i];
        } else if (from[i] == '\r') { /* a progress line that was written over */
            if (i + 1 < size)
                n = 0;
        } else if (n) {
            to[n++] = ' ';
        }
    }
    while (n && to[n - 1] == ' ')
        n--;
    to[n] = '\0';
    return n;
}

/* "error: …", "fatal error: …", "ValueError: …", "[ERROR] …": said of an error, and not only about errors
 * ("2 errors generated"). */
static bool names_error(const char *line)
{
    static const char *const words[] = {"error", "fatal", "exception", "panicked"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        size_t n = strlen(words[i]);
        for (const char *p = line; *p; p++)
            if (!strncasecmp(p, words[i], n) && (p[n] == ':' || p[n] == ']' || p[n] == ' '))
                if (p[n] != ' ' || i == 3 || p == line)
                    return true;
    }
    return false;
}

void tl_complaint_line(const struct tl_complaint *c, char line[TL_COMPLAINT_MOST + 1])
{
    char last[TL_COMPLAINT_MOST + 1] = "", now[TL_COMPLAINT_MOST + 1];
    *line = '\0';
    for (size_t at = 0; at < c->size;) {
        const char *start = c->kept + at, *newline = memchr(start, '\n', c->size - at);
        size_t size = newline ? (size_t)(newline - start) : c->size - at, n, k = 0;
        at += size + 1;
        n = clean(start, size, now, TL_COMPLAINT_MOST);
        while (k < n && !is_letter(now[k]))
            k++;
        if (k == n)
            continue;
        memcpy(last, now, n + 1);
        if (names_error(now))
            memcpy(line, now, n + 1);
    }
    if (!*line)
        memcpy(line, last, strlen(last) + 1);
}
