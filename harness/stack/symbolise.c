/* Theory of operation. Three levels remember: whole stacks by their content id and the paths of their modules,
 * single places by (module, address), and open files. Each is bounded and simply emptied when it is full: a run
 * that has that many different stacks has other costs. A module is known by its build-id and path: a copy of a
 * file that is there no more must not get its names by chance, from the same stack in another copy. One without
 * a build-id is known by its path, size and times, and a stack with such a module is not remembered as a whole,
 * since its id says too little. Of a module whose path leads elsewhere the capture brings the file (struct
 * tl_module_file); its path may be another one each time, and says nothing. */
#include "harness/stack/symbolise.h"

#include "harness/base/buffer.h"
#include "harness/stack/modules.h"
#include "harness/stack/symbol_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define MOST_STACKS 1024
#define MOST_PLACES 16384
#define MOST_FILES 32
#define KEPT "= " /* no path begins so */

struct file {
    char *key;
    struct tl_symbol_file *file; /* NULL: looked for, not there */
    uint64_t serial;             /* never used twice */
    uint64_t used_at;
};

struct remembered {
    struct remembered *next;
    char *key;
    size_t n;
    struct tl_frame_symbols *frames;
};

struct map {
    size_t n, most;
    struct remembered *buckets[4096];
};

struct tl_symboliser {
    struct map stacks, places;
    struct file files[MOST_FILES];
    size_t n_files;
    uint64_t serial, clock;
};

static void symbols_free(struct tl_frame_symbols *frames, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < frames[i].n; k++) {
            free(frames[i].symbols[k].function);
            free(frames[i].symbols[k].file);
        }
        free(frames[i].symbols);
    }
}

static void symbols_copy(struct tl_frame_symbols *to, const struct tl_frame_symbols *from, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        to[i].n = from[i].n;
        to[i].symbols = from[i].n ? tl_calloc(from[i].n, sizeof *to[i].symbols) : NULL;
        for (size_t k = 0; k < from[i].n; k++) {
            to[i].symbols[k] = from[i].symbols[k];
            to[i].symbols[k].function = tl_strdup(from[i].symbols[k].function);
            to[i].symbols[k].file = tl_strdup(from[i].symbols[k].file);
        }
    }
}

static struct remembered **bucket(struct map *m, const char *key)
{
    uint64_t h = 14695981039346656037u;
    for (const char *c = key; *c; c++)
        h = (h ^ (unsigned char)*c) * 1099511628211u;
    return &m->buckets[(h ^ (h >> 32)) % TL_COUNT(m->buckets)];
}

static const struct remembered *recall(struct map *m, const char *key)
{
    const struct remembered *r = *bucket(m, key);
    while (r && strcmp(r->key, key))
        r = r->next;
    return r;
}

static void forget(struct map *m)
{
    for (size_t i = 0; i < TL_COUNT(m->buckets); i++) {
        for (struct remembered *r = m->buckets[i], *next; r; r = next) {
            next = r->next;
            symbols_free(r->frames, r->n);
            free(r->frames);
            free(r->key);
            free(r);
        }
        m->buckets[i] = NULL;
    }
    m->n = 0;
}

static void remember(struct map *m, const char *key, const struct tl_frame_symbols *frames, size_t n)
{
    if (m->n == m->most)
        forget(m);
    struct remembered *r = tl_calloc(1, sizeof *r), **at = bucket(m, key);
    r->key = tl_strdup(key);
    r->n = n;
    r->frames = tl_calloc(n + 1, sizeof *r->frames);
    symbols_copy(r->frames, frames, n);
    r->next = *at;
    *at = r;
    m->n++;
}

struct tl_symboliser *tl_symboliser_new(void)
{
    struct tl_symboliser *s = tl_calloc(1, sizeof *s);
    s->stacks.most = MOST_STACKS;
    s->places.most = MOST_PLACES;
    return s;
}

static void file_free(struct file *f)
{
    free(f->key);
    tl_symbol_file_free(f->file);
}

void tl_symboliser_free(struct tl_symboliser *s)
{
    if (!s)
        return;
    forget(&s->stacks);
    forget(&s->places);
    for (size_t i = 0; i < s->n_files; i++)
        file_free(&s->files[i]);
    free(s);
}

static struct file *file_of(struct tl_symboliser *s, const struct tl_module *m)
{
    char *key;
    struct stat st;
    if (!m->path)
        return NULL;
    if (m->file)
        key = tl_format("%s%p", KEPT, (void *)m->file);
    else if (m->build_id[0])
        key = tl_format("%s %s", m->build_id, m->path);
    else if (!stat(m->path, &st))
        key = tl_format("- %s %lld %lld %ld %llu", m->path, (long long)st.st_size,
                        (long long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec, (unsigned long long)st.st_ino);
    else
        return NULL;
    struct file *oldest = &s->files[0];
    for (size_t i = 0; i < s->n_files; i++) {
        struct file *f = &s->files[i];
        if (!strcmp(f->key, key)) {
            free(key);
            f->used_at = ++s->clock;
            return f;
        }
        if (f->used_at < oldest->used_at)
            oldest = f;
    }
    if (s->n_files < MOST_FILES)
        oldest = &s->files[s->n_files++];
    else
        file_free(oldest);
    *oldest = (struct file){key, tl_symbol_file_open(m), ++s->serial, ++s->clock};
    return oldest;
}

/* Whether the pc of a frame is where it was executing, not where it will return to. The trampoline that a
 * signal handler returns to was never called either. */
static bool is_exact(const struct tl_thread *t, size_t i)
{
    return (t->frames[i].flags & (TL_FRAME_FIRST | TL_FRAME_SIGNAL)) ||
           (i + 1 < t->n_frames && (t->frames[i + 1].flags & TL_FRAME_SIGNAL));
}

/* What a whole stack is remembered by: a new string, or NULL when it is not. */
static char *key_of_stack(const struct tl_capture *c, const struct tl_thread *t)
{
    if (!t->stack_id[0])
        return NULL;
    struct tl_buffer b = TL_BUFFER_INIT;
    tl_buffer_add_string(&b, t->stack_id);
    for (size_t i = 0; i < t->n_frames; i++) {
        uint32_t module = t->frames[i].module;
        if (module >= c->n_modules || (i && module == t->frames[i - 1].module))
            continue;
        const struct tl_module *m = &c->modules[module];
        if (!m->build_id[0] || !m->path) {
            tl_buffer_free(&b);
            return NULL;
        }
        tl_buffer_printf(&b, "\n%s", m->file ? m->file->fd >= 0 ? KEPT : KEPT "memory" : m->path);
    }
    return tl_buffer_take(&b);
}

static void symbolise_thread(struct tl_symboliser *s, const struct tl_capture *c, struct tl_thread *t)
{
    t->symbols = tl_calloc(t->n_frames, sizeof *t->symbols);
    char *stack = key_of_stack(c, t);
    const struct remembered *r = stack ? recall(&s->stacks, stack) : NULL;
    if (r && r->n == t->n_frames) {
        symbols_copy(t->symbols, r->frames, r->n);
        free(stack);
        return;
    }
    bool all_open = true;
    for (size_t i = 0; i < t->n_frames; i++) {
        const struct tl_frame *frame = &t->frames[i];
        if (frame->module >= c->n_modules)
            continue;
        const struct tl_module *m = &c->modules[frame->module];
        struct file *f = file_of(s, m);
        if (!f || !f->file) { /* it may be there the next time */
            all_open = false;
            continue;
        }
        uint64_t vaddr = is_exact(t, i) ? frame->offset : frame->offset - 1;
        char key[64];
        snprintf(key, sizeof key, "%llx %llx", (unsigned long long)f->serial, (unsigned long long)vaddr);
        r = recall(&s->places, key);
        if (r) {
            symbols_copy(&t->symbols[i], r->frames, 1);
            continue;
        }
        tl_symbol_file_find(f->file, vaddr, &t->symbols[i]);
        remember(&s->places, key, &t->symbols[i], 1);
    }
    if (stack && all_open && !recall(&s->stacks, stack))
        remember(&s->stacks, stack, t->symbols, t->n_frames);
    free(stack);
}

/* What was kept of a module is its process's own: it is not met again, and may be large. */
static void drop_kept(struct tl_symboliser *s, struct tl_capture *c)
{
    size_t n = 0;
    for (size_t i = 0; i < s->n_files; i++) {
        if (!strncmp(s->files[i].key, KEPT, strlen(KEPT)))
            file_free(&s->files[i]);
        else
            s->files[n++] = s->files[i];
    }
    s->n_files = n;
    for (size_t i = 0; i < c->n_modules; i++) {
        tl_module_file_free(c->modules[i].file);
        c->modules[i].file = NULL;
    }
}

void tl_symbolise(struct tl_symboliser *s, struct tl_capture *c)
{
    for (size_t i = 0; i < c->n_threads; i++)
        if (c->threads[i].n_frames && !c->threads[i].symbols)
            symbolise_thread(s, c, &c->threads[i]);
    drop_kept(s, c);
}
