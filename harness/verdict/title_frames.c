/* Which frames of a stack stand in the title of a failure: those that tell it from another one.
 *
 * Theory of operation. A stack has dozens of frames, most of which are the same whatever went wrong. Every
 * frame has a name (its function, or its place in its module) and a role, which frame_role.c tells by its
 * module:
 *
 *   runtime   what trapline is looking for
 *   system    libc, the C++ library, the loader, the thread library: the title says which of their functions
 *             a runtime called, but only as long as a frame of a runtime follows further out
 *   runner    the executable that trapline started, or an interpreter: the same in every trial
 *   abort     the path from a failed check to the signal, whoever's check it was
 *   start     what calls main and the functions of threads
 *
 * Frames of abort and start are never named. Those of a runner are named only when the stack has no frame of
 * a runtime, which is so when the runtime is linked into the executable. Of what is left the innermost
 * TL_TITLE_FRAMES_MOST make the title, and a function that called itself again and again counts once.
 *
 * Frames that were found by scanning the stack (TL_FRAME_GUESSED) may be return addresses of calls that are
 * long over. They are looked at only when the unwound frames give no name, and then give one name at most. */
#include "harness/verdict/title_frames.h"

#include "harness/base/buffer.h"
#include "harness/base/utf8.h"
#include "harness/verdict/frame_role.h"
#include "harness/verdict/function_name.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#define DEEP 32          /* frames from which on repetition is called recursion */
#define CYCLE_WINDOW 256 /* innermost frames that are searched for it */
#define CYCLE_NAMES 4    /* functions of a cycle that are named */

static const struct tl_module *module_of(const struct tl_capture *c, const struct tl_frame *f)
{
    return f->module < c->n_modules ? &c->modules[f->module] : NULL;
}

/* The file's name without the version after ".so" or before ".dylib". */
static char *module_name(const struct tl_module *m)
{
    char *name = tl_clean_text(tl_module_file(m->path), strnlen(tl_module_file(m->path), 120), false);
    char *so = strstr(name, ".so.");
    if (so)
        so[3] = '\0';
    size_t n = strlen(name);
    if (n > 6 && !strcmp(name + n - 6, ".dylib")) {
        size_t stem = n - 6;
        while (stem && ((name[stem - 1] >= '0' && name[stem - 1] <= '9') || name[stem - 1] == '.'))
            stem--;
        if (name[stem] == '.')
            memmove(name + stem, name + n - 6, 7);
    }
    if (!*name)
        memcpy(name = tl_realloc(name, 8, 1), "unnamed", 8);
    return name;
}

struct named {
    char *name;
    enum tl_frame_role role;
    bool anonymous; /* the name is a place and not a function */
};

static struct named name_frame(const struct tl_capture *c, const struct tl_thread *t, size_t i,
                               enum tl_frame_role role, bool coarse)
{
    const struct tl_frame *f = &t->frames[i];
    const struct tl_symbol *function = tl_frame_function(t, i);
    if (function)
        return (struct named){tl_symbol_name(function), role, false};
    const struct tl_module *m = module_of(c, f);
    struct named n = {NULL, role, true};
    if (!m) {
        n.name = tl_strdup("generated code");
        return n;
    }
    char *module = module_name(m);
    if (coarse)
        n.name = tl_strdup(module);
    else if (f->start)
        n.name = tl_format("%s!+0x%llx", module, (unsigned long long)f->start);
    else
        n.name = tl_format("%s+0x%llx", module, (unsigned long long)f->offset);
    free(module);
    return n;
}

static void free_names(struct named *names, size_t n)
{
    for (size_t i = 0; i < n; i++)
        free(names[i].name);
    free(names);
}

/* Where the story begins: at the frame that a signal interrupted, when the abort came from its handler. */
static size_t first_frame(const struct tl_thread *t, int how)
{
    size_t first = 0;
    if (how & TL_TITLE_RAISED)
        for (size_t i = 1; i < t->n_frames; i++)
            if (t->frames[i].flags & TL_FRAME_SIGNAL)
                first = i;
    return first;
}

/* Whether frame i is hand-written code without unwind information, whose function nobody knows, called from
 * code of which it is known: its place in the module says which instruction it was, not which function, and
 * so differs from run to run. Its caller tells instead. */
static bool is_placeless(const struct tl_capture *c, const struct tl_thread *t, size_t i)
{
    const struct tl_frame *f = &t->frames[i];
    if (f->start || !module_of(c, f) || tl_frame_function(t, i))
        return false;
    for (size_t k = i + 1; k < t->n_frames; k++)
        if (t->frames[k].module == f->module && t->frames[k].start)
            return true;
    return false;
}

/* Of the languages' own libraries, by the name or by where its source lies. */
static bool is_wrapper(const struct tl_symbol *y, const char *name)
{
    static const char *const spaces[] = {"std::", "core::", "alloc::", "__gnu_cxx::"};
    static const char *const places[] = {"/include/c++/", "/library/core/", "/library/std/",
                                         "/library/alloc/"};
    for (size_t i = 0; i < TL_COUNT(spaces); i++)
        if (!strncmp(name, spaces[i], strlen(spaces[i])) || (y->file && strstr(y->file, places[i])))
            return true;
    return false;
}

/* Functions that link-time optimisation has inlined into a frame, and that would have frames of their own without it:
 * else all of a program may be one function. What else is inlined is so in every build that is optimised, and is left
 * out. Another build may not be made so, so this is nothing to compare builds by. */
static void add_inlined(const struct tl_thread *t, size_t i, enum tl_frame_role role, struct named *names,
                        size_t *n)
{
    if (!t->symbols || (role != TL_ROLE_RUNTIME && role != TL_ROLE_RUNNER))
        return;
    const struct tl_frame_symbols *s = &t->symbols[i];
    for (size_t k = 0, added = 0; k < s->n && added < TL_TITLE_FRAMES_MOST; k++) {
        const struct tl_symbol *y = &s->symbols[k];
        if (!y->inlined || !y->apart || !y->function || !y->function[0])
            continue;
        char *name = tl_symbol_name(y);
        if (is_wrapper(y, name)) {
            free(name);
            continue;
        }
        names[(*n)++] = (struct named){name, role, false};
        added++;
    }
}

/* Names of the frames from `first` on that are guessed, or that are not. Wild ones are none of both. */
static struct named *name_frames(const struct tl_capture *c, const struct tl_thread *t, size_t first,
                                 bool guessed, int how, size_t *n)
{
    struct named *names = tl_calloc(t->n_frames * (1 + TL_TITLE_FRAMES_MOST), sizeof *names);
    struct tl_frame_part *parts = tl_frame_parts(c, t);
    *n = 0;
    for (size_t i = first; i < t->n_frames; i++) {
        const struct tl_frame *f = &t->frames[i];
        if ((f->flags & TL_FRAME_WILD) || !(f->flags & TL_FRAME_GUESSED) != !guessed)
            continue;
        if (is_placeless(c, t, i))
            continue;
        enum tl_frame_role role = parts[i].role;
        bool waits = (how & TL_TITLE_WAITING) && (role == TL_ROLE_SYSTEM || parts[i].waits);
        if (role == TL_ROLE_ABORT || role == TL_ROLE_START || waits)
            continue;
        if (!(how & TL_TITLE_COARSE))
            add_inlined(t, i, role, names, n);
        names[(*n)++] = name_frame(c, t, i, role, how & TL_TITLE_COARSE);
    }
    tl_frame_parts_free(parts, t->n_frames);
    return names;
}

static void select_names(struct named *names, size_t n, int how, size_t most, struct tl_title_frames *out)
{
    bool runtime = false, inner = false;
    size_t last = 0;
    for (size_t i = 0; i < n; i++)
        runtime |= names[i].role == TL_ROLE_RUNTIME;
    for (size_t i = 0; i < n; i++) {
        if (runtime ? names[i].role == TL_ROLE_RUNTIME : names[i].role != TL_ROLE_SYSTEM) {
            last = i;
            inner = true;
        }
    }
    bool skip_system = inner && (how & TL_TITLE_RAISED);
    /* Between builds the same copy may be libc's or the runtime's own. */
    bool never_system = runtime && (how & TL_TITLE_COARSE);
    for (size_t i = 0; i < n && out->n < most; i++) {
        if (runtime && names[i].role == TL_ROLE_RUNNER)
            continue;
        if (inner && i > last)
            break; /* what called the last frame that tells is the thread library */
        if (names[i].role == TL_ROLE_SYSTEM) {
            if (skip_system || never_system)
                continue;
        } else {
            skip_system = false;
        }
        /* Recursion of any depth is one frame. */
        if (out->n && !strcmp(out->name[out->n - 1], names[i].name))
            continue;
        out->name[out->n++] = tl_strdup(names[i].name);
    }
}

void tl_title_frames_find(const struct tl_capture *c, const struct tl_thread *t, int how,
                          struct tl_title_frames *out)
{
    *out = (struct tl_title_frames){.wild = t->n_frames && (t->frames[0].flags & TL_FRAME_WILD)};
    if (!t->n_frames)
        return;
    size_t first = first_frame(t, how);
    for (int guessed = 0; guessed < 2 && !out->n; guessed++) {
        size_t n;
        struct named *names = name_frames(c, t, first, guessed, how, &n);
        /* A scan of the stack also finds old return addresses: one name is all that it is good for. */
        select_names(names, n, how, guessed ? 1 : TL_TITLE_FRAMES_MOST, out);
        free_names(names, n);
        out->guessed = guessed && out->n;
    }
    if (!out->n && first)
        tl_title_frames_find(c, t, how & ~TL_TITLE_RAISED, out);
}

void tl_title_frames_free(struct tl_title_frames *out)
{
    for (size_t i = 0; i < out->n; i++)
        free(out->name[i]);
    *out = (struct tl_title_frames){0};
}

void tl_title_frames_text(const struct tl_title_frames *out, struct tl_buffer *b)
{
    for (size_t i = 0; i < out->n; i++)
        tl_buffer_printf(b, "%s%s", i ? " ← " : "", out->name[i]);
}

const struct tl_thread *tl_title_thread(const struct tl_capture *c)
{
    for (size_t i = 0; i < c->n_threads; i++)
        if (c->threads[i].crashed)
            return &c->threads[i];
    return c->n_threads ? &c->threads[0] : NULL;
}

void tl_title_stack_find(const struct tl_trial_record *r, struct tl_title_stack *out)
{
    *out = (struct tl_title_stack){0};
    const struct tl_thread *t = r->n_captures ? tl_title_thread(&r->captures[0]) : NULL;
    if (!t || !t->n_frames)
        return;
    int how = r->signal == SIGABRT ? TL_TITLE_RAISED : 0;
    size_t n;
    struct named *names = name_frames(&r->captures[0], t, first_frame(t, how), false, how, &n);
    for (int wanted = TL_ROLE_RUNTIME; wanted <= TL_ROLE_RUNNER && !out->n;
         wanted += TL_ROLE_RUNNER - TL_ROLE_RUNTIME)
        for (size_t i = 0; i < n; i++)
            if (names[i].role == (enum tl_frame_role)wanted)
                *TL_GROW(out->name, out->n) = tl_strdup(names[i].name);
    free_names(names, n);
}

void tl_title_stack_free(struct tl_title_stack *out)
{
    for (size_t i = 0; i < out->n; i++)
        free(out->name[i]);
    free(out->name);
    *out = (struct tl_title_stack){0};
}

bool tl_title_frames_thread_waits(const struct tl_capture *c, const struct tl_thread *t)
{
    if (!t->n_frames || t->state)
        return true;
    struct tl_frame_part *parts = tl_frame_parts(c, t);
    /* The system's frames without a name are taken for waiting: libc's wrappers are often local symbols. */
    bool waits = parts[0].name ? parts[0].waits : parts[0].role == TL_ROLE_SYSTEM;
    tl_frame_parts_free(parts, t->n_frames);
    return waits;
}

/* ---- recursion ---- */

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct named *)a)->name, ((const struct named *)b)->name);
}

char *tl_title_frames_cycle(const struct tl_capture *c, const struct tl_thread *t, int how)
{
    if (t->n_frames < DEEP)
        return NULL;
    struct tl_thread window = *t;
    if (window.omitted && window.omitted_at < window.n_frames && window.omitted_at >= DEEP)
        window.n_frames = window.omitted_at;
    if (window.n_frames > CYCLE_WINDOW)
        window.n_frames = CYCLE_WINDOW;
    size_t n, runs = 0, most = 0;
    struct named *names = name_frames(c, &window, 0, false, how & TL_TITLE_COARSE, &n);
    qsort(names, n, sizeof *names, by_name);
    bool runtime = false;
    for (size_t i = 0, k; i < n; i = k) {
        for (k = i; k < n && !strcmp(names[k].name, names[i].name);)
            k++;
        most = k - i > most ? k - i : most;
    }
    struct tl_buffer b = TL_BUFFER_INIT;
    /* A function belongs to the cycle when it is there about as often as the most frequent one; what was
     * called from the cycle at its end is there once. */
    for (int pass = 0; pass < 2; pass++) {
        for (size_t i = 0, k; i < n; i = k) {
            for (k = i; k < n && !strcmp(names[k].name, names[i].name);)
                k++;
            if (k - i < 3 || (k - i) * 8 < most)
                continue;
            if (pass == 0)
                runtime |= names[i].role == TL_ROLE_RUNTIME;
            else if (!runtime || names[i].role == TL_ROLE_RUNTIME) {
                if (runs++ < CYCLE_NAMES)
                    tl_buffer_printf(&b, "%s%s", runs > 1 ? " ↔ " : "", names[i].name);
            }
        }
    }
    if (runs > CYCLE_NAMES)
        tl_buffer_add_string(&b, " ↔ …");
    free_names(names, n);
    return runs ? tl_buffer_take(&b) : NULL;
}
