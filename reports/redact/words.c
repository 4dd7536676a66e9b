/* Names where they stand as words.
 *
 * A name that is a word of the trade as well ("core", "onnx", "main"), that is very short or a number, cannot be taken out
 * wherever it stands: it would take words out of stacks and messages, and hide nothing. It is weak: taken out only where
 * what stands beside it says that it is a name ("core@", "~core", "user: core"). No name is one beside "::" or before "(":
 * there it is of a program. Names of hosts are the same in capitals. */
#include "harness/base/ascii.h"
#include "harness/base/buffer.h"
#include "reports/redact/parts.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static bool is_word(char c)
{
    return tl_is_word(c) || (unsigned char)c >= 128;
}

/* clang-format off */
/* Names that say nothing about anybody: they are never taken out. */
static const char *const general[] = {
    "root", "localhost", "user", "users", "admin", "administrator", "ubuntu", "debian", "fedora", "runner", "build",
    "test", "home", "Shared", "model", "models", "nobody", "guest", "data", "trapline", "local", "iPhone", "iPad",
    "Mac", "mobile", "MacBook", "iMac", "unknown", "HOST", "USER", "host",
};
/* Words of stacks, messages and reports that somebody may be called: in any case of letters. */
static const char *const of_the_trade[] = {
    "abort", "agent", "agents", "all", "amd", "android", "ane", "app", "apple", "apps", "arch", "arm", "arm64", "art",
    "attention", "axes", "axis", "backend", "base", "batch", "benchmark", "bias", "bill", "bin", "block", "bool", "bot",
    "bug", "cache", "case", "cases", "cast", "centos", "check", "ci", "client", "code", "common", "compile", "compiler",
    "concat", "conda", "config", "const", "context", "conv", "core", "coreai", "coreml", "cpu", "crash", "cuda",
    "daemon", "debug", "decoder", "default", "demo", "deploy", "dev", "developer", "device", "devices", "dim", "docker",
    "done", "driver", "einsum", "encoder", "engine", "error", "espresso", "execute", "export", "fail", "failed", "false",
    "file", "files", "find", "float", "float16", "float32", "frame", "framework", "function", "gather", "gemm", "generate",
    "gguf", "ggml", "git", "github", "gitlab", "gpu", "graph", "group", "gru", "hang", "head", "heads", "image", "import",
    "info", "input", "inputs", "install", "int32", "int64", "int8", "intel", "ios", "jenkins", "job", "jobs", "kernel",
    "kernels", "lab", "layer", "layers", "lib", "library", "libs", "linear", "linux", "llama", "load", "loop", "lstm",
    "mac", "machine", "macos", "main", "mark", "master", "math", "matmul", "max", "may", "mean", "memory", "message",
    "metal", "min", "ml", "mlas", "mlx", "module", "name", "names", "native", "network", "node", "nodes", "none", "null",
    "nvidia", "object", "onnx", "onnxruntime", "op", "operator", "operators", "ops", "optimizer", "ort", "output",
    "outputs", "pad", "page", "parallel", "pass", "path", "phase", "pi", "pool", "process", "program", "project", "protobuf",
    "provider", "providers", "public", "python", "python3", "pytorch", "quant", "ray", "reference", "relu", "release",
    "remote", "report", "reports", "research", "reshape", "resize", "result", "run", "runtime", "scale", "scan", "science",
    "script", "scripts", "server", "service", "session", "shape", "sim", "size", "slice", "softmax", "source", "split",
    "src", "stack", "start", "static", "step", "string", "student", "sum", "support", "swift", "system", "temp", "tensor",
    "tensorflow", "tensors", "tests", "thread", "threads", "tmp", "tokenizer", "tool", "tools", "torch", "train", "training",
    "trial", "trials", "true", "type", "unit", "units", "usr", "util", "utils", "value", "values", "var", "vector", "version",
    "web", "weight", "weights", "will", "windows", "work", "worker", "workspace",
};
/* clang-format on */

static bool is_weak(const char *name)
{
    size_t letters = 0;
    for (const char *p = name; *p; p++)
        letters += !tl_is_digit(*p) && *p != '-' && *p != '.';
    for (size_t i = 0; i < TL_COUNT(of_the_trade); i++)
        if (!strcasecmp(of_the_trade[i], name))
            return true;
    return strlen(name) < 3 || (letters == 0 && !strpbrk(name, "-."));
}

static void add_name(struct tl_redaction *r, const char *name, const char *instead, bool weak)
{
    for (size_t i = 0; i < r->n; i++)
        if (!strcmp(r->names[i].name, name))
            return;
    *TL_GROW(r->names, r->n) =
        (struct tl_redacted_name){.name = tl_strdup(name), .instead = instead, .weak = weak};
}

/* The same name where failures are compared, which is without numbers: lab7 is lab# there, and lab<n>. */
static void add_without_numbers(struct tl_redaction *r, const char *name, const char *instead)
{
    static const char *const numbers[] = {"#", "<n>"};
    size_t letters = 0;
    for (const char *p = name; *p; p++)
        letters += isalpha((unsigned char)*p) != 0;
    if (letters < 3 || !strpbrk(name, "0123456789"))
        return;
    for (size_t i = 0; i < TL_COUNT(numbers); i++) {
        struct tl_buffer b = TL_BUFFER_INIT;
        for (const char *p = name; *p;) {
            size_t digits = strspn(p, "0123456789");
            tl_buffer_add(&b, digits ? numbers[i] : p, digits ? strlen(numbers[i]) : 1);
            p += digits ? digits : 1;
        }
        add_name(r, b.data, instead, false);
        tl_buffer_free(&b);
    }
}

/* A name with a space or other letters than ASCII's in an address. */
static void add_in_address(struct tl_redaction *r, const char *name, const char *instead)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    bool plain = true;
    for (const char *p = name; *p; p++) {
        bool is = tl_is_word(*p) || strchr("-.", *p);
        plain = plain && is;
        if (is)
            tl_buffer_add(&b, p, 1);
        else
            tl_buffer_printf(&b, "%%%02X", (unsigned)(unsigned char)*p);
    }
    if (!plain)
        add_name(r, b.data, instead, false);
    tl_buffer_free(&b);
}

void tl_redaction_add(struct tl_redaction *r, const char *name, const char *instead)
{
    if (!name || !*name)
        return;
    for (size_t i = 0; i < TL_COUNT(general); i++)
        if (!strcmp(general[i], name))
            return;
    bool weak = is_weak(name);
    if (!weak) {
        add_without_numbers(r, name, instead);
        add_in_address(r, name, instead);
    }
    add_name(r, name, instead, weak); /* the last, for those who want to say more of it */
}

void tl_redaction_add_host(struct tl_redaction *r, const char *name)
{
    char *whole = tl_strdup(name);
    tl_redaction_add(r, whole, "HOST");
    if (whole)
        whole[strcspn(whole, ".")] = '\0';
    tl_redaction_add(r, whole, "HOST");
    free(whole);
}

void tl_redaction_add_hosts(struct tl_redaction *r, const json_t *names)
{
    const json_t *name;
    size_t i;
    json_array_foreach(names, i, name)
        tl_redaction_add_host(r, json_string_value(name));
}

void tl_redaction_add_everywhere(struct tl_redaction *r, const char *name, const char *instead)
{
    size_t n = r->n;
    tl_redaction_add(r, name, instead);
    for (size_t i = n; i < r->n; i++) {
        r->names[i].everywhere = true;
        r->names[i].weak = r->names[i].weak && strlen(r->names[i].name) < 4;
    }
}

/* "user: ", "--user=", "hostname = '": what stands before a name and says that it is one. */
static bool is_said(const char *text, size_t i)
{
    static const char *const words[] = {"user", "username", "login", "logname", "owner", "host", "hostname"};
    size_t end = i, from;
    while (end && strchr(" \t\"'=:(", text[end - 1]))
        end--;
    if (!memchr(text + end, '=', i - end) && !memchr(text + end, ':', i - end))
        return false;
    bool ours = end >= 4 && (!strncmp(text + end - 4, "HOST", 4) || !strncmp(text + end - 4, "USER", 4));
    if (ours && !memchr(text + end, '=', i - end)) /* which were taken out before */
        return false;
    for (from = end; from && tl_is_letter(text[from - 1]) && end - from <= sizeof "hostname";)
        from--;
    for (size_t k = 0; k < TL_COUNT(words); k++)
        if (end - from == strlen(words[k]) && !strncasecmp(text + from, words[k], end - from))
            return true;
    return false;
}

static bool beside_name(const char *text, size_t i, size_t n, bool host)
{
    const char *after = text + i + n;
    if (host ? i > 1 && text[i - 1] == '@' && is_word(text[i - 2]) : i && text[i - 1] == '~')
        return true;
    if (!host && *after == '@' && is_word(after[1]) && !tl_is_digit(after[1]))
        return true;
    return is_said(text, i);
}

static bool is_host(const struct tl_redacted_name *name)
{
    return !strcmp(name->instead, "HOST");
}

/* Whether the n bytes at i are this name, and one of somebody. */
static bool is_here(const struct tl_redacted_name *name, const char *text, size_t i, size_t n)
{
    bool host = is_host(name);
    if (host ? strncasecmp(text + i, name->name, n) : strncmp(text + i, name->name, n))
        return false;
    if ((i && is_word(text[i - 1])) || is_word(text[i + n]))
        return false;
    bool code = (i > 1 && text[i - 1] == ':' && text[i - 2] == ':') || !strncmp(text + i + n, "::", 2) ||
                text[i + n] == '(';
    if (code && !name->everywhere && !host)
        return false;
    return !name->weak || beside_name(text, i, n, host);
}

static char *without(const struct tl_redacted_name *name, char *text)
{
    size_t n = strlen(name->name);
    struct tl_buffer b = TL_BUFFER_INIT;
    tl_buffer_add_string(&b, "");
    for (size_t i = 0; text[i];) {
        bool here = is_here(name, text, i, n);
        if (here)
            tl_buffer_add_string(&b, name->instead);
        else
            tl_buffer_add(&b, text + i, 1);
        i += here ? n : 1;
    }
    free(text);
    return tl_buffer_take(&b);
}

char *tl_redact_words(const struct tl_redaction *r, char *text, bool everywhere)
{
    for (size_t k = 0; k < r->n; k++) {
        const struct tl_redacted_name *name = &r->names[k];
        if (everywhere && !name->everywhere)
            continue;
        if (is_host(name) ? strcasestr(text, name->name) : strstr(text, name->name))
            text = without(name, text);
    }
    return text;
}
