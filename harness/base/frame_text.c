#include "harness/base/frame_text.h"

#include "harness/base/buffer.h"

#include <string.h>

char *tl_frame_text(const struct tl_capture *c, const struct tl_thread *t, size_t i)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    if (i >= t->n_frames)
        return tl_strdup("");
    const struct tl_frame *f = &t->frames[i];
    const struct tl_frame_symbols *s = t->symbols ? &t->symbols[i] : NULL;
    if (f->flags & TL_FRAME_WILD) {
        tl_buffer_printf(&b, "0x%llx (not mapped as code)", (unsigned long long)f->offset);
    } else if (s && s->n && s->symbols[0].function) {
        /* The innermost call; those it was inlined into follow. */
        for (size_t k = 0; k < s->n; k++) {
            const struct tl_symbol *y = &s->symbols[k];
            const char *slash = y->file ? strrchr(y->file, '/') : NULL;
            if (k)
                tl_buffer_add_string(&b, ", inlined in ");
            tl_buffer_add_string(&b, y->function ? y->function : "?");
            if (y->file && y->line)
                tl_buffer_printf(&b, " (%s:%d)", slash ? slash + 1 : y->file, y->line);
            else if (y->file)
                tl_buffer_printf(&b, " (%s)", slash ? slash + 1 : y->file);
        }
    } else if (f->module < c->n_modules) {
        const char *path = c->modules[f->module].path, *slash = path ? strrchr(path, '/') : NULL;
        tl_buffer_printf(&b, "%s+0x%llx",
                         slash  ? slash + 1
                         : path ? path
                                : "?",
                         (unsigned long long)f->offset);
        if (f->start)
            tl_buffer_printf(&b, " (function at +0x%llx)", (unsigned long long)f->start);
    } else {
        tl_buffer_printf(&b, "0x%llx (in memory of no file)", (unsigned long long)f->offset);
    }
    if (f->flags & TL_FRAME_GUESSED)
        tl_buffer_add_string(&b, " [guessed]");
    return tl_buffer_take(&b);
}

size_t tl_frame_number(const struct tl_thread *t, size_t i)
{
    return i + (i >= t->omitted_at ? (size_t)t->omitted : 0);
}

char *tl_frames_left_out(const struct tl_thread *t, size_t i)
{
    return t->omitted && i == t->omitted_at
               ? tl_format("… %llu frames left out …", (unsigned long long)t->omitted)
               : NULL;
}

char *tl_thread_state_text(const char *state)
{
    if (!state || !*state)
        return NULL;
    bool stopped =
        !strncmp(state, TL_THREAD_WAITS, sizeof TL_THREAD_WAITS - 1) || !strncmp(state, "without", 7);
    return tl_format("%s%s", stopped ? "" : "could not be stopped: ", state);
}
