/* Fuzzes the readers of files that people and generators write. The first byte chooses: 'I' an inputs list,
 * 'N' the head of a .npy file, 'S' a suite, anything else is a case file, which is then used as a session would. */
#include "cases/inputs.h"
#include "cases/load.h"
#include "cases/npy.h"
#include "cases/suite.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(int condition)
{
    if (!condition)
        abort();
}

static void use_inputs(const uint8_t *data, size_t size)
{
    json_t *list = json_loadb((const char *)data, size, JSON_REJECT_DUPLICATES, NULL);
    if (!list)
        return;
    json_t *variant = json_pack("{s:I, s:s}", "n", (json_int_t)3, "s", "text");
    struct tl_input *in;
    size_t n;
    struct tl_error e;
    if (tl_inputs_parse(list, "/nonexistent", variant, &in, &n, &e) == 0) {
        for (size_t i = 0; i < n; i++) {
            if (in[i].bytes > 1 << 16)
                continue;
            void *buffer = malloc(in[i].bytes + 1);
            check(buffer && tl_input_fill(&in[i], buffer, in[i].bytes, &e) == 0);
            free(buffer);
        }
        tl_inputs_free(in, n);
    } else {
        check(e.kind == TL_ERROR_INPUT && e.why[0]);
    }
    json_decref(variant);
    json_decref(list);
}

static void use_npy(const uint8_t *data, size_t size)
{
    struct tl_npy h;
    char why[64];
    /* A file that ends here, and one that is as long as its shape says. */
    for (uint64_t more = 0; more < 2; more++)
        if (tl_npy_header(data, size, size + more * 24, &h, why, sizeof why) == 0)
            check(h.offset <= size && h.bytes == size + more * 24 - h.offset && h.rank <= TL_RANK_MAX);
}

static void check_mistakes(const struct tl_mistakes *m)
{
    int last = 0;
    for (size_t i = 0; i < m->n; i++) {
        check(m->list[i].path[0] == '$' && m->list[i].expected[0]);
        check(m->list[i].line >= last || m->list[i].line == 0); /* in the order of the file */
        last = m->list[i].line;
    }
}

/* None of its cases is there. */
static void use_suite(const uint8_t *data, size_t size)
{
    char path[64];
    struct tl_suite *s = NULL;
    struct tl_mistakes m = {0};
    struct tl_error e = {0};
    int fd = memfd_create("suite", MFD_CLOEXEC);
    check(fd >= 0 && write(fd, data, size) == (ssize_t)size);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    if (tl_suite_load(path, &s, &m, &e) == 0) {
        struct tl_mistakes more = {0};
        struct tl_case **none = calloc(s->n_cases + 1, sizeof(struct tl_case *));
        check(m.n == 0 && s->name && s->n_cases && s->n_units && none);
        for (size_t i = 0; i < s->n_cases; i++)
            check(s->cases[i][0] == '/');
        tl_suite_check(s, none, &more);
        check_mistakes(&more);
        tl_mistakes_free(&more);
        tl_suite_free(s);
        free(none);
    } else {
        check(!s && e.kind == TL_ERROR_INPUT);
        check_mistakes(&m);
    }
    tl_mistakes_free(&m);
    close(fd);
}

/* The program is there in every variant, and no more than there are. */
static void use_command(const struct tl_case *c, const struct tl_variant *v, const struct tl_argv *argv)
{
    static const struct tl_placeholder_paths paths = {"m", "i", "o", "s"};
    char **words = tl_case_command(c, v, argv, &paths);
    size_t n = 0;
    for (; words[n]; n++)
        free(words[n]);
    free(words);
    check(n <= argv->n && (n > 0) == (argv->n > 0));
}

static void use_expect(const struct tl_expect *x)
{
    for (size_t i = 0; i < x->n_count; i++)
        check(x->count[i].name && x->count[i].pattern && x->count[i].min <= x->count[i].max);
}

static void use_variant(const struct tl_case *c, const struct tl_variant *v)
{
    struct tl_error e;
    char *text = tl_variant_json(c, v);
    json_t *j = json_loads(text, 0, NULL);
    struct tl_variant back;
    check(j && tl_variant_from_json(c, j, &back, &e) == 0);
    for (size_t i = 0; i < c->n_axes; i++)
        check(back.index[i] == v->index[i]);
    tl_variant_free(&back);
    json_decref(j);
    free(text);
    free(tl_variant_forbidden(c, v));
    for (size_t i = 0; i < c->n_axes; i++) {
        uint64_t index;
        struct tl_value value = tl_axis_value(&c->axes[i], v->index[i]);
        char *word = tl_value_text(value);
        check(tl_axis_parse(&c->axes[i], word, &index, &e) == 0 && index == v->index[i]);
        free(word);
    }
    use_command(c, v, &c->generate);
    for (size_t s = 0; s < c->n_steps; s++) {
        check(c->steps[s].argv.n > 0);
        use_command(c, v, &c->steps[s].argv);
        use_expect(&c->steps[s].expect);
    }
    use_expect(&c->expect);
}

static void use_case(const uint8_t *data, size_t size)
{
    struct tl_case *c;
    struct tl_mistakes m;
    struct tl_error e = {0};
    if (tl_case_parse((const char *)data, size, "/nonexistent/case.json", &c, &m, &e) == 0) {
        check(m.n == 0 && c->hash[0]);
        struct tl_variant v = tl_variant_baseline(c);
        use_variant(c, &v);
        use_variant(c, &c->failing);
        for (size_t i = 0; i < c->n_axes; i++)
            v.index[i] = c->axes[i].count - 1;
        use_variant(c, &v);
        tl_variant_free(&v);
        tl_case_free(c);
    } else {
        check(c == NULL && e.kind == TL_ERROR_INPUT);
        check_mistakes(&m);
    }
    tl_mistakes_free(&m);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size && data[0] == 'I')
        use_inputs(data + 1, size - 1);
    else if (size && data[0] == 'N')
        use_npy(data + 1, size - 1);
    else if (size && data[0] == 'S')
        use_suite(data + 1, size - 1);
    else
        use_case(data, size);
    return 0;
}
