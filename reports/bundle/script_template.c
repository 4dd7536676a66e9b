#include "reports/bundle/script_template.h"

#include <stdlib.h>
#include <string.h>

#define COMMENT_WIDTH 118

extern const char tl_repro_sh_text[];

bool tl_script_uses(const struct tl_buffer *parts, const char *part, size_t n)
{
    char *name = tl_format(" %.*s ", (int)n, part);
    bool is = strstr(parts->data, name) != NULL;
    free(name);
    return is;
}

char *tl_script_comment(const char *text)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    char *words = tl_strdup(text ? text : ""), *save = NULL;
    size_t column = 2;
    tl_buffer_add_string(&b, "");
    for (char *p = words; *p; p++)
        if ((unsigned char)*p < 32 || *p == 127)
            *p = ' ';
    for (char *word = strtok_r(words, " ", &save); word; word = strtok_r(NULL, " ", &save)) {
        size_t n = strlen(word);
        bool wraps = column > 2 && column + n > COMMENT_WIDTH;
        tl_buffer_printf(&b, "%s%s", wraps ? "\n# " : column > 2 ? " " : "", word);
        column = (wraps ? 2 : column + (column > 2)) + n;
    }
    free(words);
    return tl_buffer_take(&b);
}

char *tl_script_fill(const struct tl_buffer *parts, const char *const (*markers)[2], size_t n)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    bool in = true;
    for (const char *line = tl_repro_sh_text; *line;) {
        size_t size = strcspn(line, "\n");
        if (!strncmp(line, "#@ ", 3)) {
            in = tl_script_uses(parts, line + 3, size - 3);
            if (in)
                tl_buffer_add_string(&b, "\n");
        } else if (in) {
            for (size_t i = 0; i < size;) {
                size_t k = 0;
                while (k < n && strncmp(line + i, markers[k][0], strlen(markers[k][0])) != 0)
                    k++;
                if (k < n)
                    tl_buffer_add_string(&b, markers[k][1]);
                else
                    tl_buffer_add(&b, line + i, 1);
                i += k < n ? strlen(markers[k][0]) : 1;
            }
            tl_buffer_add_string(&b, "\n");
        }
        line += size + (line[size] == '\n');
    }
    return tl_buffer_take(&b);
}
