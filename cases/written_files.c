/* Markers of templates, found and filled in. */
#include "cases/written_files.h"

#include "harness/base/buffer.h"

#include <stdlib.h>
#include <string.h>

static bool is_escape(const char *at)
{
    return at[0] == '@' && at[1] == '@' && at[2] == '{';
}

/* The size of the name of a marker that begins here; 0: none that is whole. */
static size_t name_size(const char *at)
{
    size_t n = strcspn(at + 2, "{}\n");
    return at[2 + n] == '}' ? n : 0;
}

void tl_markers(const char *text, tl_marker_found found, void *arg)
{
    size_t line = 1;
    for (const char *at = text; *at; at++) {
        line += *at == '\n';
        if (is_escape(at)) {
            at += 2;
        } else if (at[0] == '@' && at[1] == '{') {
            size_t n = name_size(at);
            found(arg, at + 2, n, line, !n);
            at += n ? n + 2 : 1;
        }
    }
}

char *tl_written_text(const struct tl_case *c, const struct tl_variant *v, const struct tl_written_file *f)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    tl_buffer_add_string(&b, "");
    for (const char *at = f->text; *at; at++) {
        size_t n = !is_escape(at) && at[0] == '@' && at[1] == '{' ? name_size(at) : 0;
        if (is_escape(at)) {
            tl_buffer_add_string(&b, "@{");
            at += 2;
        } else if (n) {
            char *name = tl_format("%.*s", (int)n, at + 2), *value = tl_case_axis_text(c, v, name);
            tl_buffer_add_string(&b, value);
            free(value);
            free(name);
            at += n + 2;
        } else {
            tl_buffer_add(&b, at, 1);
        }
    }
    return tl_buffer_take(&b);
}

json_t *tl_written_files(const struct tl_case *c, const struct tl_variant *v)
{
    json_t *list = c->n_files ? json_array() : NULL;
    for (size_t i = 0; i < c->n_files; i++) {
        char *text = tl_written_text(c, v, &c->files[i]);
        json_array_append_new(list, json_pack("{s:s,s:s}", "name", c->files[i].name, "text", text));
        free(text);
    }
    return list;
}

char *tl_written_escape(const char *text, size_t size)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    tl_buffer_add_string(&b, "");
    for (size_t i = 0; i < size; i++) {
        if (text[i] == '@' && i + 1 < size && text[i + 1] == '{')
            tl_buffer_add_string(&b, "@");
        tl_buffer_add(&b, text + i, 1);
    }
    return tl_buffer_take(&b);
}
