#include "harness/supervise/watched.h"

#include "harness/base/buffer.h"
#include "harness/base/counters.h"
#include "harness/base/last_words.h"
#include "harness/base/text_search.h"
#include "harness/supervise/trial_environment.h"

#include <stdlib.h>
#include <string.h>

struct tl_watched {
    json_t *looked_for;
    struct tl_texts texts; /* those of "text", then "no_text", then "fallback" */
    size_t n_text, n_no_text;
    struct tl_counters counters;
    struct tl_window windows[2];
    struct tl_counted_lines lines[2];
};

/* Adds the texts of a list, which belong to *w->looked_for. */
static size_t add_texts(struct tl_watched *w, const json_t *list, const char *scratch)
{
    json_t *text;
    size_t i;
    json_array_foreach((json_t *)list, i, text) {
        char *filled = tl_scratch_replace(json_string_value(text), scratch);
        json_string_set(text, filled);
        free(filled);
        tl_texts_add(&w->texts, json_string_value(text));
    }
    return json_array_size(list);
}

static char *expand(const char *text, const char *scratch)
{
    return tl_scratch_replace(text, scratch);
}

struct tl_watched *tl_watched_new(const json_t *looked_for, const char *scratch,
                                  void (*begins)(void *arg, const char *phase), void *arg)
{
    if (!looked_for)
        return NULL;
    struct tl_watched *w = tl_calloc(1, sizeof *w);
    w->looked_for = json_deep_copy(looked_for);
    const json_t *expect = json_object_get(w->looked_for, "expect"), *text = json_object_get(expect, "text"),
                 *no_text = json_object_get(expect, "no_text"),
                 *fallback = json_object_get(expect, "fallback");
    bool failed = tl_texts_init(&w->texts,
                                json_array_size(text) + json_array_size(no_text) + json_array_size(fallback));
    if (!failed) {
        w->n_text = add_texts(w, text, scratch);
        w->n_no_text = add_texts(w, no_text, scratch);
        add_texts(w, fallback, scratch);
    }
    failed = failed || tl_counters_init(&w->counters, json_object_get(expect, "count"),
                                        json_object_get(w->looked_for, "phase_marker"), scratch, expand);
    for (size_t i = 0; i < 2; i++)
        failed = failed || tl_window_init(&w->windows[i], &w->texts) || tl_counted_lines_init(&w->lines[i]);
    if (failed)
        abort(); /* it was checked: only memory can be short */
    w->counters.begins = begins;
    w->counters.arg = arg;
    return w;
}

void tl_watched_free(struct tl_watched *w)
{
    if (!w)
        return;
    w->counters.begins = NULL;
    for (size_t i = 0; i < 2; i++) {
        tl_window_free(&w->windows[i]);
        tl_counted_lines_end(&w->lines[i], &w->counters);
    }
    tl_counters_free(&w->counters);
    tl_texts_free(&w->texts);
    json_decref(w->looked_for);
    free(w);
}

void tl_watched_feed(struct tl_watched *w, int stream, const char *bytes, size_t size)
{
    while (w && size) {
        size_t part = size < TL_WINDOW_CHUNK ? size : TL_WINDOW_CHUNK;
        tl_window_feed(&w->windows[stream], &w->texts, bytes, part);
        tl_counted_lines_feed(&w->lines[stream], &w->counters, bytes, part);
        bytes += part;
        size -= part;
    }
}

static void look_at_texts(const struct tl_watched *w, struct tl_watched_end *end)
{
    const struct tl_texts *t = &w->texts;
    for (size_t i = 0; i < t->n; i++) {
        bool wanted = i < w->n_text, forbidden = !wanted && i < w->n_text + w->n_no_text;
        if (t->seen[i] == wanted)
            continue;
        char *found = wanted ? NULL : tl_find_first_words(t->found[i].text, t->found[i].size);
        const char *line = found ? found : "";
        if (!wanted && !forbidden && !end->fallback)
            end->fallback = tl_format("the runner fell back: it wrote \"%.500s\": %s", t->text[i], line);
        else if (forbidden && !end->error)
            end->error = tl_format("the runner wrote \"%.500s\", which it should not: %s", t->text[i], line);
        else if (wanted && !end->error)
            end->error = tl_format("the runner did not write \"%.500s\", which was expected", t->text[i]);
        if (end->error && !end->code)
            end->code = wanted ? "text" : "no_text";
        free(found);
    }
}

struct tl_watched_end tl_watched_end(struct tl_watched *w)
{
    struct tl_watched_end end = {0};
    char words[512];
    if (!w)
        return end;
    for (size_t i = 0; i < 2; i++)
        if (w->lines[i].size) {
            tl_counters_line(&w->counters, w->lines[i].data, w->lines[i].size, true);
            w->lines[i].size = 0;
        }
    tl_counters_files(&w->counters);
    look_at_texts(w, &end);
    const struct tl_counter *stopped = tl_counters_stopped(&w->counters),
                            *outside = tl_counters_outside(&w->counters);
    if (stopped && !end.error) {
        end.code = "count";
        end.error = tl_format(
            "the regular expression of \"%.200s\" takes too long on what the runner wrote; write it so "
            "that it cannot match in many ways",
            stopped->name);
    }
    if (outside && !end.fallback) {
        tl_counter_outside_words(outside, words, sizeof words);
        end.fallback = tl_format("the runner fell back: %s", words);
    }
    end.counts = w->counters.n ? tl_counters_json(&w->counters) : NULL;
    return end;
}
