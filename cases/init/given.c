/* Inputs of a model of ONNX. Those that somebody has come along with the case, and are held to what the model takes before anything is
 * run. */
#include "cases/init/init.h"

#include "cases/onnx/given_inputs.h"
#include "harness/base/buffer.h"
#include "harness/base/files.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define MODEL_MOST ((size_t)1 << 31)
#define NAMED_MOST 8 /* inputs that a note names */

static const char doing[] = "--inputs";

/* Its symbolic extents are what the file says, and no axes. */
static void drop_dimensions(struct tl_init *p, const struct tl_onnx_inputs *declared, const bool *given)
{
    json_t *axes = json_object_get(p->document, "axes"), *axis;
    for (size_t i = json_array_size(axes); i-- > 0;) {
        axis = json_array_get(axes, i);
        const char *name = json_string_value(json_object_get(axis, "name"));
        bool is = false, elsewhere = false;
        for (size_t k = 0; k < declared->n; k++)
            for (size_t d = 0; d < declared->list[k].rank; d++)
                if (declared->list[k].symbols[d] && !strcmp(declared->list[k].symbols[d], name)) {
                    is = is || given[k];
                    elsewhere = elsewhere || !given[k];
                }
        if (is && !elsewhere && json_object_get(axis, "about"))
            json_array_remove(axes, i);
    }
}

static int feed_one(struct tl_init *p, const struct tl_onnx_inputs *declared, const char *text, size_t index,
                    json_t *list, bool *given, struct tl_error *e)
{
    size_t at;
    if (tl_given_input(declared, text, index, list, &at, e))
        return -1;
    json_t *input = json_array_get(list, json_array_size(list) - 1);
    given[at] = true;
    const char *to = tl_init_add_file(p, json_string_value(json_object_get(input, "npy")));
    json_object_set_new(input, "npy", json_string(to));
    return 0;
}

/* NAME.npy of each input that the model has. */
static int feed_directory(struct tl_init *p, const struct tl_onnx_inputs *declared, const char *directory,
                          json_t *list, bool *given, struct tl_error *e)
{
    size_t before = json_array_size(list);
    for (size_t k = 0; k < declared->n; k++) {
        struct stat st;
        char *path = tl_format("%s/%s.npy", directory, declared->list[k].name),
             *text = tl_format("%s=%s", declared->list[k].name, path);
        int result = strchr(declared->list[k].name, '/') || stat(path, &st)
                         ? 0
                         : feed_one(p, declared, text, k, list, given, e);
        free(text);
        free(path);
        if (result)
            return -1;
    }
    if (json_array_size(list) > before)
        return 0;
    return tl_fail(e, TL_ERROR_INPUT, doing, directory,
                   "no file of an input of the model is there: %s.npy was expected",
                   declared->n ? declared->list[0].name : "NAME");
}

/* Says which inputs the runner makes. */
static void note_made(struct tl_init *p, const struct tl_onnx_inputs *declared, const bool *given)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    size_t n = 0;
    for (size_t i = 0; i < declared->n; i++) {
        if (given[i] || n++ >= NAMED_MOST)
            continue;
        char *words = tl_onnx_input_words(&declared->list[i]);
        tl_buffer_printf(&b, "%s%s %s", b.size ? ", " : "", declared->list[i].name, words);
        free(words);
    }
    if (n)
        tl_init_note(p, "inputs are made from the types of the model: %s%s", b.data,
                     n > NAMED_MOST ? ", …" : "");
    tl_buffer_free(&b);
}

int tl_init_feed(struct tl_init *p, const char *const *texts, size_t n, struct tl_error *e)
{
    struct tl_onnx_inputs declared = {0};
    char why[512], *bytes;
    size_t size;
    if (!n && !p->model)
        return 0;
    if (!p->model)
        return tl_fail(e, TL_ERROR_INPUT, doing, texts[0], "inputs are given to a model of ONNX (.onnx)");
    if (!(bytes = tl_read_file(p->model, MODEL_MOST, &size)))
        return tl_fail_errno(e, TL_ERROR_INPUT, errno, "cannot read the model", p->model, NULL);
    int result = tl_onnx_inputs_read(bytes, size, &declared, why, sizeof why)
                     ? tl_fail(e, TL_ERROR_INPUT, doing, p->model, "%s", why)
                     : 0;
    bool *given = tl_calloc(declared.n + 1, sizeof *given);
    json_t *list = json_array();
    for (size_t i = 0; i < n && !result; i++) {
        struct stat st;
        result = !stat(texts[i], &st) && S_ISDIR(st.st_mode)
                     ? feed_directory(p, &declared, texts[i], list, given, e)
                     : feed_one(p, &declared, texts[i], i, list, given, e);
    }
    if (!result) {
        if (n)
            json_object_set(p->document, "inputs", list);
        drop_dimensions(p, &declared, given);
        const json_t *input;
        size_t i;
        json_array_foreach(list, i, input)
            tl_init_note(p, "the input %s is %s", json_string_value(json_object_get(input, "name")),
                         json_string_value(json_object_get(input, "npy")));
        note_made(p, &declared, given);
    }
    tl_onnx_inputs_free(&declared);
    json_decref(list);
    free(given);
    free(bytes);
    return result;
}
