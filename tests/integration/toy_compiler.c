/* A compiler of models, as small as one can be, with faults that such programs have: it reads a model of ONNX with a parser of
 * its own, and goes through the nodes of the main graph.
 *
 *   toy_compiler MODEL [FILE.npy|LIST]
 *
 *   Gather   looks its constant index up in a table, whose end it does not look at          SIGSEGV
 *   Match    wants what it reads to go back to a Mark                                         an assertion: SIGABRT
 *   Warp     is an operator that it does not know, and says so with the node's name           exit status 3
 *   Slow     is done on the processor, which is said; otherwise all is well                   exit status 0
 *   Spin     comes to no end
 *   Grow     takes memory without an end
 *   Split    wants two inputs, and says how many there are                                    exit status 4
 *   Same     of a file that holds nothing but sevens is looked up like a Gather's index       SIGSEGV */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST 4096

struct text {
    const unsigned char *at;
    size_t n;
};
struct node {
    struct text name, op, inputs[4], output;
    int n_inputs;
};
struct tensor {
    struct text name, raw;
};

static struct node nodes[MOST];
static struct tensor tensors[MOST];
static int n_nodes, n_tensors;
static int row[4] = {1, 2, 3, 4};
static int *rows[4] = {row, row + 1, row + 2, row + 3};

static int is(struct text t, const char *s)
{
    return t.n == strlen(s) && !memcmp(t.at, s, t.n);
}

static int same(struct text a, struct text b)
{
    return a.n == b.n && a.n && !memcmp(a.at, b.at, a.n);
}

static uint64_t number(struct text *t)
{
    uint64_t v = 0;
    for (int shift = 0; t->n && shift < 64; shift += 7) {
        unsigned char c = *t->at++;
        t->n--;
        v |= (uint64_t)(c & 127) << shift;
        if (c < 128)
            return v;
    }
    fputs("error: the model is cut off\n", stderr);
    exit(5);
}

/* The next field; what it holds where it has a length. 0 at the end. */
static unsigned field(struct text *t, struct text *content)
{
    if (!t->n)
        return 0;
    uint64_t tag = number(t), n = (tag & 7) == 5 ? 4 : (tag & 7) == 1 ? 8 : 0;
    *content = (struct text){t->at, 0};
    if ((tag & 7) == 2)
        n = number(t);
    else if ((tag & 7) == 0)
        number(t);
    if (n > t->n) {
        fputs("error: the model is cut off\n", stderr);
        exit(5);
    }
    *content = (struct text){t->at, n};
    t->at += n;
    t->n -= n;
    return (unsigned)(tag >> 3);
}

static void read_node(struct text t)
{
    struct node *x = &nodes[n_nodes++];
    struct text c;
    for (unsigned f; (f = field(&t, &c));)
        if (f == 1 && x->n_inputs < 4)
            x->inputs[x->n_inputs++] = c;
        else if (f == 2 && !x->output.n)
            x->output = c;
        else if (f == 3)
            x->name = c;
        else if (f == 4)
            x->op = c;
}

static void read_tensor(struct text t)
{
    struct tensor *x = &tensors[n_tensors++];
    struct text c;
    for (unsigned f; (f = field(&t, &c));)
        if (f == 8)
            x->name = c;
        else if (f == 9)
            x->raw = c;
}

static void read_model(struct text t)
{
    struct text graph, c;
    for (unsigned f; (f = field(&t, &graph));) {
        if (f != 7)
            continue;
        for (unsigned g; (g = field(&graph, &c)) && n_nodes < MOST && n_tensors < MOST;)
            if (g == 1)
                read_node(c);
            else if (g == 5)
                read_tensor(c);
    }
}

static __attribute__((noinline)) int look_up(unsigned index)
{
    int *volatile found = rows[index % 4] + (index < 4 ? 0 : (size_t)1 << 40); /* far outside of everything */
    return *found;
}

static int first_of(struct text raw)
{
    int v = 0;
    if (raw.n >= sizeof v)
        memcpy(&v, raw.at, sizeof v);
    return v;
}

static const struct node *maker(struct text name)
{
    for (int i = 0; i < n_nodes; i++)
        if (same(nodes[i].output, name))
            return &nodes[i];
    return NULL;
}

static int goes_back_to(const struct node *x, const char *op)
{
    for (int i = 0; x && i < MOST; i++, x = maker(x->inputs[0]))
        if (is(x->op, op))
            return 1;
    return 0;
}

static int compile(const struct node *x)
{
    int sum = 0;
    if (is(x->op, "Gather"))
        for (int i = 0; i < n_tensors; i++)
            if (x->n_inputs > 1 && same(tensors[i].name, x->inputs[1]))
                sum += look_up((unsigned)first_of(tensors[i].raw));
    if (is(x->op, "Match") && goes_back_to(x, "Mark")) {
        fprintf(stderr, "toy_compiler: toy_compiler.c:1: compile: Assertion `users.size() == 1' failed.\n");
        abort();
    }
    if (is(x->op, "Warp")) {
        fprintf(stderr, "error: no kernel for Warp in node '%.*s'\n", (int)x->name.n,
                (const char *)x->name.at);
        exit(3);
    }
    if (is(x->op, "Slow"))
        printf("warning: %.*s is done on the processor\n", (int)x->name.n, (const char *)x->name.at);
    for (volatile int i = 0; is(x->op, "Spin"); i++)
        ;
    while (is(x->op, "Grow")) {
        char *more = malloc(1 << 22);
        if (!more) {
            fputs("error: out of memory\n", stderr);
            abort();
        }
        memset(more, 1, 1 << 22);
    }
    if (is(x->op, "Split") && x->n_inputs != 2) {
        fprintf(stderr, "error: Split has %d inputs\n", x->n_inputs);
        exit(4);
    }
    return sum;
}

static struct text read_file(const char *path)
{
    static unsigned char bytes[2][1 << 20];
    static int n;
    FILE *f = fopen(path, "rb");
    if (!f) {
        perror(path);
        exit(6);
    }
    struct text t = {bytes[n], fread(bytes[n], 1, sizeof *bytes, f)};
    fclose(f);
    n++;
    return t;
}

int main(int argc, char **argv)
{
    int sum = 0;
    if (argc < 2)
        return 2;
    read_model(read_file(argv[1]));
    struct text values = argc > 2 ? read_file(argv[2]) : (struct text){NULL, 0};
    for (int i = 0; i < n_nodes; i++) {
        sum += compile(&nodes[i]);
        if (is(nodes[i].op, "Same") && values.n > 4 && values.at[values.n - 4] == 7)
            sum += look_up(values.at[values.n - 4]);
    }
    printf("%d nodes, %d\n", n_nodes, sum);
    return 0;
}
