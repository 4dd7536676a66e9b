#include "runners/onnxruntime/config.h"

#include "harness/base/buffer.h"

#include <stdlib.h>
#include <string.h>

static void add_word(struct tl_buffer *b, const json_t *value)
{
    if (json_is_string(value))
        tl_buffer_add_string(b, json_string_value(value));
    else if (json_is_boolean(value))
        tl_buffer_add_string(b, json_is_true(value) ? "1" : "0");
    else
        tl_buffer_printf(b, "%lld", (long long)json_integer_value(value));
}

/* NULL when its file cannot be read. */
static char *text_of(const json_t *value)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    const json_t *one, *path = json_object_get(value, "file");
    json_t *list = path ? json_load_file(json_string_value(path), 0, NULL) : NULL;
    size_t i;
    if (json_is_object(value) && !json_is_array(list)) {
        json_decref(list);
        return NULL;
    }
    tl_buffer_add_string(&b, "");
    if (json_is_array(value) || list) {
        json_array_foreach(list ? list : value, i, one) {
            tl_buffer_add_string(&b, i ? ";" : "");
            add_word(&b, one);
        }
    } else {
        add_word(&b, value);
    }
    json_decref(list);
    return tl_buffer_take(&b);
}

json_t *tl_ort_config(const struct tl_run *run)
{
    json_t *entries = json_object(), *value;
    const char *axis;
    json_object_foreach((json_t *)run->variant, axis, value) {
        if (strncmp(axis, TL_ORT_CONFIG, strlen(TL_ORT_CONFIG)) != 0)
            continue;
        char *text = text_of(value);
        if (!text) {
            json_decref(entries);
            return NULL;
        }
        if (*text)
            json_object_set_new(entries, axis + strlen(TL_ORT_CONFIG), json_string(text));
        free(text);
    }
    return entries;
}
