/* A case of a model that exists. What it is, its own bytes say, not its name: a file of ONNX, of llama.cpp (GGUF), a package of
 * Core ML, or something that PyTorch saved, for which a program that exports it is written. */
#include "cases/init/init.h"

#include "cases/onnx/model_inputs.h"
#include "harness/base/buffer.h"
#include "harness/base/file_kind.h"
#include "harness/base/files.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#define MODEL_MOST ((size_t)1 << 31)
#define DIMENSION_MOST 64 /* of a symbolic dimension: a first range, for people to change */

static const char doing[] = "cannot make a case of it";

static bool ends_with(const char *text, const char *end)
{
    size_t n = strlen(text), k = strlen(end);
    while (n > 1 && text[n - 1] == '/')
        n--;
    return n > k && !strncasecmp(text + n - k, end, k);
}

/* Axes of ONNX Runtime's. The last value of each is what it does when nobody says anything; the first is the simplest. */
static json_t *runtime_axes(void)
{
    return json_pack("[{s:s,s:[i,i,i,i]},{s:s,s:[i,i,i]},{s:s,s:[b,b]},{s:s,s:[b,b]}]", "name",
                     "optimization", "ordered", 0, 1, 2, 99, "name", "threads", "ordered", 1, 2, 4, "name",
                     "arena", "choices", 0, 1, "name", "memory_pattern", "choices", 0, 1);
}

/* Axes of symbolic extents, where the runner makes the input. */
static void add_dimensions(json_t *axes, const struct tl_onnx_inputs *inputs)
{
    for (size_t i = 0; i < inputs->n; i++)
        for (size_t d = 0; d < inputs->list[i].rank; d++) {
            const char *symbol = inputs->list[i].symbols[d];
            if (!symbol || !*symbol || json_array_size(axes) >= 100)
                continue;
            char *name = tl_init_axis_name(axes, symbol);
            if (!strcmp(
                    name,
                    symbol)) /* the runner knows it by no other name; one that is there has its axis already */
                json_array_append_new(axes, json_pack("{s:s,s:[i,i],s:s}", "name", symbol, "range", 1,
                                                      DIMENSION_MOST, "about",
                                                      "a dimension that the model leaves open"));
            free(name);
        }
}

static int of_onnx(struct tl_init *p, const char *path, const char *file, struct tl_error *e)
{
    struct tl_onnx_inputs inputs = {0};
    size_t size;
    char why[512];
    char *bytes = tl_read_file(path, MODEL_MOST, &size);
    if (!bytes)
        return tl_fail_errno(e, TL_ERROR_INPUT, errno, "cannot read the model", path, NULL);
    int result = tl_onnx_inputs_read(bytes, size, &inputs, why, sizeof why);
    free(bytes);
    if (result) {
        tl_onnx_inputs_free(&inputs);
        return tl_fail(
            e, TL_ERROR_INPUT, doing, path,
            "it was taken for a model of ONNX: %s. What can be made a case: a model (.onnx, .gguf, "
            ".mlpackage, .mlmodel, .pt), a crash report (.ips), or a command: trapline init -- COMMAND…",
            why);
    }
    json_t *axes = runtime_axes();
    add_dimensions(axes, &inputs);
    p->document =
        json_pack("{s:i,s:s,s:{s:s},s:o,s:{s:i,s:b,s:b},s:{s:s,s:{s:i},s:f},s:{s:i,s:i}}", "trapline", 1,
                  "name", p->name, "model", "file", file, "axes", axes, "failing", "optimization", 99,
                  "arena", 1, "memory_pattern", 1, "reference", "unit", "same", "with", "optimization", 0,
                  "tolerance", 0.01, "limits", "timeout_s", 60, "memory_mb", 4096);
    p->is_onnx = true;
    p->model = tl_strdup(path);
    tl_onnx_inputs_free(&inputs);
    return 0;
}

static void of_gguf(struct tl_init *p, const char *file)
{
    json_t *axes = json_pack(
        "[{s:s,s:[i,i,i,i]},{s:s,s:[i,i,i,i]},{s:s,s:[i,i,i]},{s:s,s:[i,i,i]},{s:s,s:[i,i,i]},{s:s,s:[s,s]}]",
        "name", "gpu_layers", "ordered", 0, 1, 8, 99, "name", "context", "ordered", 512, 2048, 4096, 8192,
        "name", "tokens", "ordered", 1, 16, 128, "name", "batch", "ordered", 32, 512, 2048, "name", "threads",
        "ordered", 1, 2, 4, "name", "flash_attention", "choices", "off", "on");
    json_t *argv = json_pack("[s,s,s,s,s,s,s,s,s,s,s,s,s,s,s]", "llama-cli", "-m", "{model}", "-ngl",
                             "{gpu_layers}", "-c", "{context}", "-n", "{tokens}", "-b", "{batch}", "-t",
                             "{threads}", "-fa", "{flash_attention}");
    static const char *const rest[] = {"-p", "Once upon a time", "--seed", "1", "--temp", "0", "-no-cnv"};
    for (size_t i = 0; i < TL_COUNT(rest); i++)
        json_array_append_new(argv, json_string(rest[i]));
    p->document = json_pack("{s:i,s:s,s:{s:s,s:[{s:s,s:{s:s},s:o}]},s:o,s:{s:i,s:i,s:i,s:i},s:{s:i,s:i}}",
                            "trapline", 1, "name", p->name, "model", "file", file, "steps", "phase", "load",
                            "phase_marker", "execute", "generate: n_ctx", "argv", argv, "axes", axes,
                            "failing", "gpu_layers", 99, "context", 2048, "tokens", 16, "batch", 512,
                            "limits", "timeout_s", 600, "memory_mb", 32768);
    p->program = tl_strdup("llama-cli");
    tl_init_note(p, "llama-cli of llama.cpp runs it; another program of it can take its place in \"argv\"");
}

static void of_core_ml(struct tl_init *p, const char *file)
{
    p->document =
        json_pack("{s:i,s:s,s:{s:s},s:[{s:s,s:[i,i,i]},{s:s,s:[i,i,i]}],s:{s:i,s:i}}", "trapline", 1, "name",
                  p->name, "model", "file", file, "axes", "name", "runs", "ordered", 1, 2, 10, "name",
                  "loads", "ordered", 1, 2, 10, "limits", "timeout_s", 600, "memory_mb", 16384);
    p->unit = tl_strdup("coreml:all");
    tl_init_note(
        p,
        "the devices of Core ML are units: coreml:cpu, coreml:gpu, coreml:ane, coreml:all (docs/coreml.md)");
}

/* Exports what PyTorch saved. Without shapes of its own the program cannot know what to trace it with, which is what it says. */
static const char exporter[] =
    "\"\"\"Exports a model that PyTorch saved to ONNX, for trapline. Change it to what your model "
    "takes.\"\"\"\n"
    "import argparse\nimport sys\n\nimport torch\n\n"
    "# What the model takes: a shape and a dtype for each input. A program that torch.export saved says it "
    "itself.\n"
    "INPUTS = []  # [((1, 3, 224, 224), torch.float32)]\n\n\n"
    "def load(path):\n"
    "    try:\n"
    "        return torch.export.load(path)\n"
    "    except Exception:\n"
    "        pass\n"
    "    try:\n"
    "        return torch.jit.load(path, map_location=\"cpu\")\n"
    "    except RuntimeError:\n"
    "        pass\n"
    "    saved = torch.load(path, map_location=\"cpu\", weights_only=True)\n"
    "    # A checkpoint has weights and no code: make your module here, load_state_dict(saved), and return "
    "it.\n"
    "    print(f\"it holds {len(saved)} weights and no code: make the module in load() of {__file__}\", "
    "file=sys.stderr)\n"
    "    sys.exit(77)  # cannot be tried\n\n\n"
    "def main():\n"
    "    p = argparse.ArgumentParser(description=__doc__)\n"
    "    p.add_argument(\"path\")\n"
    "    p.add_argument(\"-o\", \"--out\", required=True)\n"
    "    p.add_argument(\"--opset\", type=int, default=17)\n"
    "    p.add_argument(\"--dtype\", default=\"float32\")\n"
    "    p.add_argument(\"--batch\", type=int, default=1)\n"
    "    a = p.parse_args()\n"
    "    torch.manual_seed(1)\n"
    "    model = load(a.path)\n"
    "    example = getattr(model, \"example_inputs\", None)\n"
    "    if example and not INPUTS:\n"
    "        inputs = example[0]\n"
    "        model = model.module()\n"
    "    elif INPUTS:\n"
    "        inputs = tuple(torch.ones((a.batch, *shape[1:]), dtype=dtype) for shape, dtype in INPUTS)\n"
    "    else:\n"
    "        print(f\"the model does not say what it takes: fill in INPUTS in {__file__}\", "
    "file=sys.stderr)\n"
    "        sys.exit(77)\n"
    "    dtype = getattr(torch, a.dtype)\n"
    "    model = model.to(dtype)\n"
    "    inputs = tuple(x.to(dtype) if torch.is_tensor(x) and x.is_floating_point() else x for x in inputs)\n"
    "    torch.onnx.export(model, inputs, a.out, opset_version=a.opset, dynamo=False)\n\n\n"
    "if __name__ == \"__main__\":\n"
    "    main()\n";

static void of_torch(struct tl_init *p, const char *path)
{
    /* Copied, and not named where it is: the program that exports it and what it exports are to stay together. */
    const char *to = tl_init_add_file(p, path);
    char *argument = tl_format("{case_dir}/%s", to);
    json_t *axes = runtime_axes(), *axis, *own;
    size_t i;
    own = json_pack("[{s:s,s:[s,s,s]},{s:s,s:[i,i,i,i]},{s:s,s:[i,i]}]", "name", "dtype", "choices",
                    "float32", "float16", "bfloat16", "name", "opset", "choices", 17, 18, 20, 13, "name",
                    "batch", "range", 1, DIMENSION_MOST);
    json_array_foreach(own, i, axis)
        json_array_append(axes, axis);
    json_decref(own);
    p->document = json_pack(
        "{s:i,s:s,s:{s:[s,s,s,s,s,s,s,s],s:s},s:o,s:{s:i,s:b,s:b},s:{s:i,s:i}}", "trapline", 1, "name",
        p->name, "model", "generate", "python3", "{case_dir}/export.py", argument, "--opset={opset}",
        "--dtype={dtype}", "--batch={batch}", "-o", "{model}", "suffix", ".onnx", "axes", axes, "failing",
        "optimization", 99, "arena", 1, "memory_pattern", 1, "limits", "timeout_s", 600, "memory_mb", 16384);
    free(argument);
    tl_init_add_text(p, "export.py", tl_strdup(exporter), 0666);
    p->is_onnx = true;
    p->program = tl_strdup("python3");
    tl_init_note(p, "export.py beside the case exports it to ONNX: its INPUTS are yours to fill in, and with "
                    "`environment` the case can name another Python");
}

int tl_init_of_model(struct tl_init *p, const char *path, const char *directory, struct tl_error *e)
{
    struct stat st;
    enum tl_file_kind kind = TL_FILE_BYTES;
    if (stat(path, &st))
        return tl_fail_errno(e, TL_ERROR_INPUT, errno, "cannot read the model", path, NULL);
    bool core_ml =
        ends_with(path, ".mlpackage") || ends_with(path, ".mlmodel") || ends_with(path, ".mlmodelc");
    if (!core_ml && !S_ISREG(st.st_mode))
        return tl_fail(e, TL_ERROR_INPUT, doing, path,
                       "a file, or a package of Core ML (.mlpackage, .mlmodelc), was expected");
    if (S_ISREG(st.st_mode) && tl_file_kind(path, &kind))
        return tl_fail_errno(e, TL_ERROR_INPUT, errno, "cannot read the model", path, NULL);
    if (kind == TL_FILE_EMPTY)
        return tl_fail(e, TL_ERROR_INPUT, doing, path, "the file is empty");
    p->name = tl_init_name(path);
    p->directory = directory ? tl_strdup(directory) : tl_format("%s-case", p->name);
    char *file = tl_init_from(p->directory, path);
    int result = 0;
    if (kind == TL_FILE_GGUF)
        of_gguf(p, file);
    else if (core_ml)
        of_core_ml(p, file);
    else if (kind == TL_FILE_ZIP || ends_with(path, ".pt") || ends_with(path, ".pth") ||
             ends_with(path, ".pt2")) {
        char *real = realpath(path, NULL);
        of_torch(p, real ? real : path);
        free(real);
    } else
        result = of_onnx(p, path, file, e);
    free(file);
    if (!result && !p->document)
        result = tl_fail(e, TL_ERROR_INPUT, doing, path, "its name is not UTF-8, which a case has to be");
    return result;
}
