/* Fuzzes models of ONNX: read, every kind of edit, written, and read again. The first byte says how many edits there are, each
 * of four bytes: its kind, and three that choose what it is about; the rest is the model. What an edit leaves is a model that
 * reading takes: names that are there, values with one producer, no cycle. Beside the model lies a file with weights, w.bin. */
#include "cases/onnx/graph_data.h"
#include "cases/onnx/graph_edit.h"
#include "cases/onnx/graph_query.h"
#include "cases/onnx/graph_read.h"
#include "harness/base/buffer.h"
#include "harness/base/staging.h"

#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Of the file with weights; it begins with bytes, and the rest is a hole. As much as what stays beside the model though several
 * elements stand in a byte (graph_part.h). */
#define WEIGHTS ((size_t)1 << 20)
#define WEIGHTS_BEGINNING 4096

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

static struct tl_staging stage;

static void check(int condition)
{
    if (!condition)
        abort();
}

static void clean_up(void)
{
    tl_staging_end(&stage);
}

/* What a run that found something left is removed by the next one. */
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    unsigned char bytes[WEIGHTS_BEGINNING];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (unsigned char)(i % 251);
    const char *directory = getenv("TMPDIR");
    if (tl_staging_begin(&stage, directory && *directory ? directory : "/tmp", "tl-fuzz-onnx-")) {
        perror("a directory for weights");
        exit(1);
    }
    atexit(clean_up);
    char *path = tl_format("%s/w.bin", stage.path);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0 || write(fd, bytes, sizeof bytes) != (ssize_t)sizeof bytes || ftruncate(fd, WEIGHTS)) {
        perror(path);
        exit(1);
    }
    close(fd);
    free(path);
    return 0;
}

/* Two floats: of dims [2], as TensorProto. */
static json_t *recorded(void)
{
    return json_pack("{s:s}", "pb", "080210014a080000803f00000040");
}

/* A value of the main graph, by number; "" where it has none. */
static json_t *name_of(struct tl_onnx_model *m, unsigned i)
{
    struct tl_onnx_node_facts *nodes;
    size_t n;
    const char *name = "";
    tl_onnx_nodes(m, &nodes, &n);
    const struct tl_onnx_node_facts *f = n ? &nodes[i % n] : NULL;
    if (f && f->n_outputs)
        name = f->outputs[(i / n) % f->n_outputs];
    json_t *j = json_string(name);
    free(nodes);
    return j;
}

static void add(struct tl_onnx_edits *edits, struct tl_onnx_model *m, const uint8_t *b)
{
    static const char *const fills[] = {"zeros", "ones", "random"};
    json_int_t x = b[1], y = b[2], z = b[3];
    char set[32];
    switch (b[0] % 21) {
    case 0:
        tl_onnx_edits_add(edits, "outputs", json_pack("[o,o]", name_of(m, b[1]), name_of(m, b[2])));
        return;
    case 1:
        tl_onnx_edits_add(edits, "expose", json_pack("[o]", name_of(m, b[1])));
        return;
    case 2:
        tl_onnx_edits_add(edits, "prefix", json_pack("{s:I}", "place", x));
        return;
    case 3:
        tl_onnx_edits_add(
            edits, "begin",
            json_pack("[{s:o,s:s,s:[i,n]}]", "name", name_of(m, b[1]), "type", "float32", "shape", 2));
        return;
    case 4:
        tl_onnx_edits_add(edits, "begin",
                          json_pack("[{s:o,s:o,s:b}]", "name", name_of(m, b[1]), "tensor", recorded(),
                                    "constant", b[2] & 1));
        return;
    case 5:
        tl_onnx_edits_add(edits, "constant", json_pack("[[I,I,o]]", x, y % 3, recorded()));
        return;
    case 6:
        tl_onnx_edits_add(edits, "bypass", json_pack("[[I,I,I]]", x, y % 4, z % 3));
        return;
    case 7:
        tl_onnx_edits_add(edits, "branch", json_pack("[[I,I]]", x, y & 1));
        return;
    case 8:
        tl_onnx_edits_add(edits, "trips", json_pack("[[I,I]]", x, y));
        return;
    case 9:
        tl_onnx_edits_add(edits, "iteration", json_pack("[{s:I,s:I}]", "node", x, "index", y));
        return;
    case 10:
        tl_onnx_edits_add(edits, "inline", json_pack("[I]", x));
        return;
    case 11:
        tl_onnx_edits_add(edits, "fold", json_boolean(b[1] & 1));
        return;
    case 12:
        snprintf(set, sizeof set, "%u", b[1]);
        tl_onnx_edits_add(edits, "fill",
                          json_pack("{s:s,s:s,s:I}", "tensors", set, "with", fills[b[2] % 3], "seed", z));
        return;
    case 13:
        /* Sizes multiply, and seven edits of larger ones would make gigabytes of a few bytes. */
        tl_onnx_edits_add(
            edits, "dimension",
            json_pack("{s:I,s:[[I,I]]}", "to", z % 3, b[3] & 16 ? "elements" : "tensors", x, y % 3));
        return;
    case 14:
        tl_onnx_edits_add(edits, "attribute", json_pack("[[I,s,n]]", x, "alpha"));
        return;
    case 15:
        tl_onnx_edits_add(edits, "float32", json_integer(b[1] & 1 ? 10 : 16));
        return;
    case 16:
        tl_onnx_edits_add(edits, "opset", json_pack("{s:s,s:I}", "domain", "", "version", x));
        return;
    case 17:
        tl_onnx_edits_add(edits, "ir", json_integer(x));
        return;
    case 18:
        tl_onnx_edits_add(edits, "strip", json_true());
        return;
    case 19:
        tl_onnx_edits_add(edits, "narrow",
                          json_pack("[{s:I,s:[I],s:[I]}]", "node", x, "carried", y % 3,
                                    b[3] & 1 ? "stacked" : "scanned", z % 3));
        return;
    default:
        tl_onnx_edits_add(edits, "rename", b[1] & 1 ? json_true() : json_string("all"));
    }
}

static void ask(struct tl_onnx_model *m)
{
    struct tl_onnx_weight *weights;
    struct tl_onnx_data_file *files;
    uint32_t *numbers;
    const char **names;
    size_t n;
    tl_onnx_weights(m, &weights, &n);
    free(weights);
    tl_onnx_data_files(m, &files, &n);
    for (size_t i = 0; i < n; i++)
        check(files[i].location[0] != '/' && strcmp(files[i].location, "..") != 0);
    tl_onnx_data_files_free(files, n);
    tl_onnx_order(m, &numbers, &n);
    free(numbers);
    tl_onnx_live(m, n / 2, &names, &n);
    free(names);
    json_decref(tl_onnx_operators(m));
    json_decref(tl_onnx_opsets(m));
    json_decref(tl_onnx_places_of_size(m, 2));
}

static struct tl_onnx_model *again(const struct tl_onnx_model *m)
{
    struct tl_onnx_model *read;
    struct tl_error e = {0};
    uint8_t *bytes;
    size_t size;
    check(!tl_onnx_model_write(m, &bytes, &size, &e));
    if (tl_onnx_model_read(bytes, size, "again.onnx", &read, &e)) {
        fprintf(stderr, "%s\n", e.why);
        abort();
    }
    free(bytes);
    return read;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tl_onnx_model *m;
    struct tl_onnx_edits edits;
    struct tl_error e = {0};
    size_t n = size ? data[0] % 8 : 0;
    if (size < 1 + 4 * n)
        return 0;
    if (tl_onnx_model_read(data + 1 + 4 * n, size - 1 - 4 * n, "fuzz.onnx", &m, &e)) {
        check(e.kind == TL_ERROR_INPUT && e.why[0]);
        return 0;
    }
    ask(m);
    tl_onnx_model_free(again(m));
    const struct tl_onnx_sources sources = {.directory = stage.path};
    tl_onnx_edits_begin(&edits, m);
    for (size_t i = 0; i < n; i++)
        add(&edits, m, data + 1 + 4 * i);
    if (!tl_onnx_edits_apply(&edits, m, &sources, &e)) {
        struct tl_onnx_model *changed = again(m);
        ask(changed);
        tl_onnx_model_free(changed);
    } else
        check(e.kind == TL_ERROR_INPUT && e.why[0]);
    tl_onnx_edits_free(&edits);
    tl_onnx_model_free(m);
    return 0;
}
