/* A child may write any bytes, and a JSON string holds UTF-8 only: what is none becomes U+FFFD here, byte by
 * byte, so that nothing that a crash left behind keeps a document from being written. */
#include "reports/json_text.h"

#include "harness/base/utf8.h"

#include <string.h>

json_t *tl_text_json(const char *text, size_t size)
{
    json_t *j = json_stringn(text, size);
    if (j)
        return j;
    struct tl_buffer b = TL_BUFFER_INIT;
    for (size_t i = 0; i < size;) {
        unsigned code;
        size_t n = tl_utf8_decode(text + i, size - i, &code);
        tl_buffer_add(&b, n ? text + i : "\xef\xbf\xbd", n ? n : 3);
        i += n ? n : 1;
    }
    j = json_stringn(b.data ? b.data : "", b.size);
    tl_buffer_free(&b);
    return j;
}

json_t *tl_string_json(const char *text)
{
    return text ? tl_text_json(text, strlen(text)) : json_null();
}

json_t *tl_parsed_json(const char *text)
{
    json_t *j = text ? json_loads(text, JSON_DECODE_ANY, NULL) : NULL;
    return j ? j : json_null();
}

void tl_output_end(struct tl_buffer *b, const struct tl_output *o, size_t most)
{
    tl_buffer_add(b, o->head_size ? o->head : "", o->head_size);
    if (o->total > o->head_size + o->tail_size)
        tl_buffer_add_string(b, "\n[…]\n");
    tl_buffer_add(b, o->tail_size ? o->tail : "", o->tail_size);
    if (b->size > most)
        tl_buffer_drop_front(b, b->size - most);
}
