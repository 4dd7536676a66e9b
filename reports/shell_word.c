#include "reports/shell_word.h"

#include "reports/page.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

void tl_shell_word(struct tl_buffer *b, const char *word, bool homes)
{
    bool plain = *word != '\0';
    for (const char *p = word; *p; p++)
        plain = plain && (isalnum((unsigned char)*p) || strchr(homes ? "_-+=:@./,~" : "_-+=:@./,", *p));
    if (b->size)
        tl_buffer_add_string(b, " ");
    if (plain) {
        tl_buffer_add_string(b, word);
        return;
    }
    tl_buffer_add_string(b, "'");
    for (; *word; word++)
        if (*word == '\'')
            tl_buffer_add_string(b, "'\\''");
        else
            tl_buffer_add(b, word, 1);
    tl_buffer_add_string(b, "'");
}

void tl_shell_settings(struct tl_buffer *b, const json_t *variant, bool homes)
{
    const char *axis;
    json_t *value;
    json_object_foreach((json_t *)variant, axis, value)
    {
        char *text = tl_value_word(value), *word = tl_format("%s=%s", axis, text);
        tl_buffer_add_string(b, " -s");
        tl_shell_word(b, word, homes);
        free(word);
        free(text);
    }
}
