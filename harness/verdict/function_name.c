/* Names of functions, without what differs between instances and builds.
 *
 * Works on what the demanglers of C++ (GNU and LLVM), Rust, Swift and Objective-C write, by brackets alone:
 * there is no grammar here, and a name that does not fit is kept as it is. */

#include "harness/verdict/function_name.h"

#include "harness/base/ascii.h"
#include "harness/base/buffer.h"
#include "harness/base/utf8.h"

#include <stdlib.h>
#include <string.h>

#define RAW_MOST 2000
#define NAME_MOST 90
#define HELD_BLANK '\1' /* a blank that belongs to the name; cleaned text has no such byte */

static bool starts(const char *s, const char *prefix)
{
    return strncmp(s, prefix, strlen(prefix)) == 0;
}

static bool is_word(char c)
{
    return tl_is_word(c) || c == '$' || (unsigned char)c >= 0x80;
}

/* The end of the group that opens at p (one of ([{<), past its closing bracket; the end of the text when it
 * never closes. Angle brackets count only where `open` is one: elsewhere they are operators. */
static const char *group_end(const char *p)
{
    static const char opens[] = "([{<", closes[] = ")]}>";
    char open = *p, close = closes[strchr(opens, open) - opens];
    size_t depth = 0, round = 0;
    for (; *p; p++) {
        if (open == '<' && *p == '(')
            round++;
        else if (open == '<' && *p == ')' && round)
            round--;
        else if (*p == open && !round)
            depth++;
        else if (*p == close && !round && !(close == '>' && p[-1] == '-') && --depth == 0)
            return p + 1;
    }
    return p;
}

/* "-[Class method:]" and "__23-[Class method:]_block_invoke_2"; NULL when it is not of Objective-C. */
static char *objective_c(const char *s)
{
    const char *p = s;
    if (starts(p, "__"))
        p += 2 + strspn(p + 2, "0123456789");
    if ((*p != '-' && *p != '+') || p[1] != '[')
        return NULL;
    const char *end = strchr(p, ']');
    if (!end)
        return NULL;
    return tl_format("%.*s%s", (int)(end + 1 - p), p, strstr(end, "_block_invoke") ? "_block_invoke" : "");
}

/* Whether a suffix ends here, or goes on with its number. */
static bool ends_suffix(const char *p)
{
    return !*p || *p == '.' || tl_is_digit(*p);
}

static void cut_suffixes(char *s)
{
    static const char *const suffixes[] = {" [clone ",   "$VARIANT$",   " in conformance ",
                                           " (.resume)", " (.destroy)", " (.cleanup)"};
    /* What compilers call parts and copies of a function, with a number after it or none. */
    static const char *const parts[] = {".part.", ".constprop.", ".isra.",     ".lto_priv.",
                                        ".llvm.", ".cold",       ".localalias"};
    for (size_t i = 0; i < TL_COUNT(suffixes); i++) {
        char *p = strstr(s, suffixes[i]);
        if (p && p > s)
            *p = '\0';
    }
    for (size_t i = 0; i < TL_COUNT(parts); i++)
        for (char *p = s; (p = strstr(p, parts[i])); p++)
            if (p > s && ends_suffix(p + strlen(parts[i]))) {
                *p = '\0';
                break;
            }
    char *at = strchr(s, '@'); /* versions ("@@GLIBC_2.2.5") and "@plt" */
    if (at && at > s && is_word(at[-1]))
        *at = '\0';
    size_t n = strlen(s); /* Rust's hash */
    if (n > 19 && starts(s + n - 19, "::h") && strspn(s + n - 16, "0123456789abcdef") == 16)
        s[n - 19] = '\0';
}

/* Skips what a demangler says about a name before the name. *closure is set for a Swift closure in it. */
static const char *skip_prefixes(const char *s, bool *closure)
{
    static const char *const prefixes[] = {
        "non-virtual thunk to ",
        "virtual thunk to ",
        "covariant return thunk to ",
        "specialized ",
        "partial apply for ",
        "partial apply forwarder for ",
        "@objc ",
        "@nonobjc ",
        "merged ",
        "static ",
        "protocol witness for ",
        "dispatch thunk of ",
        "implicit ",
        "async ",
        "__GI_",
    };
    for (;;) {
        const char *before = s;
        for (size_t i = 0; i < TL_COUNT(prefixes); i++)
            if (starts(s, prefixes[i]))
                s += strlen(prefixes[i]);
        if (starts(s, "closure #")) {
            const char *in = s + 9 + strspn(s + 9, "0123456789");
            if (starts(in, " in ")) {
                *closure = true;
                s = in + 4;
            }
        }
        /* "(1) await resume partial function for", "(2) suspend resume partial function for" */
        const char *partial = *s == '(' ? strstr(s, "resume partial function for ") : NULL;
        if (partial)
            s = partial + 28;
        if (s == before)
            return s;
    }
}

static const char *copy_operator(const char *p, struct tl_buffer *b)
{
    static const char *const symbols[] = {"()", "[]", "<=>", "<<=", ">>=", "->*", "<<",
                                          ">>", "<=", ">=",  "->",  "<",   ">"};
    tl_buffer_add_string(b, "operator");
    p += 8;
    for (size_t i = 0; i < TL_COUNT(symbols); i++)
        if (starts(p, symbols[i])) {
            tl_buffer_add_string(b, symbols[i]);
            return p + strlen(symbols[i]);
        }
    if (*p != ' ')
        return p;
    /* "operator new[]", "operator std::string": the type is part of the name. */
    tl_buffer_add(b, (char[]){HELD_BLANK}, 1);
    p++;
    while (*p && *p != '(' && *p != '<') {
        tl_buffer_add(b, *p == ' ' ? (char[]){HELD_BLANK} : p, 1);
        p++;
    }
    return p;
}

static const char *skip_qualifiers(const char *p)
{
    static const char *const qualifiers[] = {" const", " volatile", " noexcept", " &&", " &"};
    for (size_t i = 0; i < TL_COUNT(qualifiers);) {
        size_t n = strlen(qualifiers[i]);
        if (starts(p, qualifiers[i]) && !is_word(p[n])) {
            p += n;
            i = 0;
        } else {
            i++;
        }
    }
    return p;
}

/* "{lambda(int)#1}" is "{lambda}", "{{closure}}" is "{closure}". */
static const char *copy_braces(const char *p, struct tl_buffer *b)
{
    const char *word = p + strspn(p, "{");
    size_t n = 0;
    while (word[n] >= 'a' && word[n] <= 'z')
        n++;
    tl_buffer_printf(b, "{%.*s}", (int)n, word);
    return group_end(p);
}

/* Copies a name without groups; blanks that separate a return type stay. */
static void copy_name(const char *p, struct tl_buffer *b)
{
    const char *start = p;
    while (*p) {
        bool fresh = p == start || !is_word(p[-1]);
        if (fresh && starts(p, "operator") && !is_word(p[8])) {
            p = copy_operator(p, b);
        } else if (starts(p, "(anonymous namespace)")) {
            tl_buffer_add_string(b, "(anonymous\1namespace)");
            p += 21;
        } else if (*p == '(') {
            p = skip_qualifiers(group_end(p));
        } else if (*p == '<' || *p == '[') {
            p = group_end(p);
        } else if (*p == '{') {
            p = copy_braces(p, b);
        } else if (starts(p, "'lambda")) {
            tl_buffer_add_string(b, "{lambda}");
            p++;
            p += strcspn(p, "'");
            p += *p == '\'';
        } else if (fresh && starts(p, "$_")) {
            tl_buffer_add_string(b, "{lambda}");
            p += 2 + strspn(p + 2, "0123456789");
        } else {
            tl_buffer_add(b, p++, 1);
        }
    }
}

/* "<alloc::vec::Vec<T> as core::ops::Drop>::drop" is "alloc::vec::Vec::drop". */
static char *rust_impl(const char *s)
{
    const char *end = *s == '<' ? group_end(s) : "";
    if (!*end)
        return NULL;
    char *inner = tl_format("%.*s", (int)(end - s - 2), s + 1);
    char *as = strstr(inner, " as ");
    if (as)
        *as = '\0';
    char *whole = tl_format("%s%s", inner, end);
    free(inner);
    return whole;
}

static void erase(char *s, const char *what)
{
    size_t n = strlen(what);
    for (char *p = s; (p = strstr(p, what));)
        if (p == s || !is_word(p[-1]))
            memmove(p, p + n, strlen(p + n) + 1);
        else
            p += n;
}

static void erase_inline_namespaces(char *s)
{
    erase(s, "__1::");
    erase(s, "__cxx11::");
    for (char *p = s; (p = strstr(p, "::lts_"));) {
        size_t n = 6 + strspn(p + 6, "0123456789");
        memmove(p, p + n, strlen(p + n) + 1);
    }
}

/* "__memmove_avx_unaligned_erms" and "_platform_memmove" are memmove: which one runs depends on the
 * processor. Of any other function such a name is its own. */
static char *processor_variant(const char *s)
{
    static const char *const functions[] = {
        "memmove",   "memcpy",      "mempcpy",    "memset", "memcmp",  "memchr",  "memrchr", "rawmemchr",
        "memmem",    "strlen",      "strnlen",    "strcpy", "strncpy", "stpcpy",  "stpncpy", "strcat",
        "strncat",   "strcmp",      "strncmp",    "strchr", "strrchr", "strspn",  "strcspn", "strpbrk",
        "strchrnul", "strstr",      "strcasecmp", "wcslen", "wcsnlen", "wmemset", "wmemcmp", "wcscpy",
        "wcschr",    "strncasecmp", "bzero",      "wcscmp"};
    static const char *const marks[] = {"avx",     "sse",   "evex",      "erms",   "neon",     "sve",
                                        "generic", "mops",  "unaligned", "falkor", "thunderx", "kunpeng",
                                        "a64fx",   "oryon", "chk",       "asimd",  "simd",     "nosimd",
                                        "mte",     "emag",  "zva",       "nozva"};
    bool platform = starts(s, "_platform_");
    if (!platform && !starts(s, "__"))
        return NULL;
    s += platform ? 10 : 2;
    size_t n = 0;
    while (s[n] >= 'a' && s[n] <= 'z')
        n++;
    bool known = false, marked = platform;
    for (size_t i = 0; i < TL_COUNT(functions) && !known; i++)
        known = strlen(functions[i]) == n && !strncmp(s, functions[i], n);
    for (size_t i = 0; i < TL_COUNT(marks) && !marked; i++)
        marked = s[n] == '_' && starts(s + n + 1, marks[i]);
    return known && marked ? tl_format("%.*s", (int)n, s) : NULL;
}

static char *bounded(char *name)
{
    size_t n = strlen(name);
    if (n <= NAME_MOST)
        return name;
    /* The end of a qualified name says more than its namespaces. */
    const char *tail = name + n - (NAME_MOST - 3);
    while (((unsigned char)*tail & 0xC0) == 0x80)
        tail++;
    char *cut = tl_format("…%s", tail);
    free(name);
    return cut;
}

char *tl_function_name(const char *demangled)
{
    char *raw = tl_clean_text(demangled, strnlen(demangled, RAW_MOST), false);
    char *name = objective_c(raw);
    if (!name) {
        cut_suffixes(raw);
        bool closure = false;
        const char *s = skip_prefixes(raw, &closure);
        char *impl = rust_impl(s);
        struct tl_buffer b = TL_BUFFER_INIT;
        tl_buffer_add(&b, "", 0);
        copy_name(impl ? impl : s, &b);
        free(impl);
        while (b.size && strchr(" &*", b.data[b.size - 1]))
            b.data[--b.size] = '\0';
        while (b.size > 2 && b.data[b.size - 1] == ':') /* "f::<T>" of Rust */
            b.data[--b.size] = '\0';
        const char *blank = strrchr(b.data, ' '); /* after the return type */
        const char *bare = blank ? blank + 1 : b.data;
        bare += strspn(bare, "*&");
        name = *bare ? tl_format("%s%s", closure ? "closure in " : "", bare) : tl_strdup(raw);
        tl_buffer_free(&b);
        for (char *p = name; (p = strchr(p, HELD_BLANK));)
            *p = ' ';
        erase_inline_namespaces(name);
        char *variant = processor_variant(name);
        if (variant) {
            free(name);
            name = variant;
        }
    }
    if (!*name) {
        free(name);
        name = tl_strdup(*raw ? raw : "?");
    }
    free(raw);
    return bounded(name);
}

bool tl_is_of_go(const char *file)
{
    size_t n = file ? strlen(file) : 0;
    return n > 3 && !strcmp(file + n - 3, ".go");
}

/* "main.(*Table[...]).put" is "main.(*Table).put": Go has no suffixes, and its receiver stands in brackets. */
static char *go_name(const char *function)
{
    char *name = tl_clean_text(function, strnlen(function, RAW_MOST), false), *to = name;
    for (const char *p = name; *p;)
        if (*p == '[')
            p = group_end(p);
        else
            *to++ = *p++;
    *to = '\0';
    return bounded(name);
}

char *tl_symbol_name(const struct tl_symbol *s)
{
    return tl_is_of_go(s->file) || (starts(s->function, "runtime.") && !tl_is_digit(s->function[8]))
               ? go_name(s->function)
               : tl_function_name(s->function);
}
