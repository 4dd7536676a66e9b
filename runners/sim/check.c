/* Checks a profile's document: every key, name, bound and text of it, so that what runs it later can take
 * them for granted. */
#include "runners/sim/check.h"

#include "harness/base/buffer.h"
#include "runners/sim/crash.h"

#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#define BYTES_MOST (INT64_C(1) << 40)
#define SECONDS_MOST 86400
#define RULES_MOST 1000

const char *const tl_sim_devices[] = {"gpu", "ane", "iphone-gpu", "iphone-ane", "cpu", NULL};

static const char *const phases[] = {"generate", "load", "compile", "execute", "check", NULL};
static const char *const actions[] = {"signal", "error", "hang", "exit_status", "wrong", "fallback", NULL};

static const struct {
    const char *name, *about;
} sites[] = {
#define ENTRY(name, about) {#name, about},
    TL_SIM_SITES(ENTRY)
#undef ENTRY
};

int tl_sim_site(const char *name, const char *phase)
{
    if (!name)
        name = strcmp(phase, "generate") ? phase : "load";
    for (size_t i = 0; i < TL_COUNT(sites); i++)
        if (!strcmp(sites[i].name, name))
            return (int)i;
    return -1;
}

int tl_sim_signal(const char *name)
{
#define ENTRY(s)                                                                                             \
    if (!strcmp(name, #s))                                                                                   \
        return s;
    TL_SIM_SIGNALS(ENTRY)
#undef ENTRY
    return -1;
}

static bool listed(const char *const *list, const char *name)
{
    for (; name && *list; list++)
        if (!strcmp(*list, name))
            return true;
    return false;
}

static void check_keys(const json_t *object, const char *path, const char *const *known,
                       struct tl_sim_mistakes *m)
{
    const char *key;
    json_t *v;
    json_object_foreach((json_t *)object, key, v)
        if (!listed(known, key)) {
            struct tl_buffer all = TL_BUFFER_INIT;
            for (size_t i = 0; known[i]; i++)
                tl_buffer_printf(&all, "%s%s", i ? ", " : "", known[i]);
            char *at = tl_format("%s.%s", path, key);
            tl_sim_mistake(m, at, "there is no such key; expected %s", all.data);
            free(at);
            tl_buffer_free(&all);
        }
}

static const char *text_of(const json_t *object, const char *path, const char *key, bool required,
                           struct tl_sim_mistakes *m)
{
    const json_t *v = json_object_get(object, key);
    if (!json_is_string(v) && (v || required)) {
        char *at = tl_format("%s.%s", path, key);
        tl_sim_mistake(m, at, "expected a string");
        free(at);
    }
    return json_string_value(v);
}

/* A number within bounds; otherwise, when it is absent. */
static double number_of(const json_t *object, const char *path, const char *key, double least, double most,
                        double otherwise, bool whole, struct tl_sim_mistakes *m)
{
    const json_t *v = json_object_get(object, key);
    double n = json_number_value(v);
    if (v && (!(whole ? json_is_integer(v) : json_is_number(v)) || n < least || n > most)) {
        char *at = tl_format("%s.%s", path, key);
        tl_sim_mistake(m, at, "expected %s from %g to %g", whole ? "an integer" : "a number", least, most);
        free(at);
    }
    return v ? n : otherwise;
}

static void check_heap(const json_t *heap, struct tl_sim_scratch *s, struct tl_sim_mistakes *m)
{
    static const char *const keys[] = {"total",       "alignment",     "base_bytes",
                                       "layer_bytes", "element_bytes", NULL};
    if (!json_is_object(heap)) {
        tl_sim_mistake(m, "$.heap", "expected an object");
        return;
    }
    check_keys(heap, "$.heap", keys, m);
    s->total = (int64_t)number_of(heap, "$.heap", "total", 1, BYTES_MOST, 0, true, m);
    s->alignment = (int64_t)number_of(heap, "$.heap", "alignment", 1, 1 << 20, 1, true, m);
    s->base_bytes = (int64_t)number_of(heap, "$.heap", "base_bytes", 0, BYTES_MOST, 0, true, m);
    s->layer_bytes = (int64_t)number_of(heap, "$.heap", "layer_bytes", 0, BYTES_MOST, 0, true, m);
    s->element_bytes = (int64_t)number_of(heap, "$.heap", "element_bytes", 1, 8, 2, true, m);
    if (!json_object_get(heap, "total"))
        tl_sim_mistake(m, "$.heap.total", "expected the bytes of the heap");
    else if (s->base_bytes + s->layer_bytes + 2 * s->alignment > s->total)
        tl_sim_mistake(m, "$.heap.total",
                       "expected more than base_bytes and layer_bytes, which every model needs");
    if (s->alignment < 1 || (s->alignment & (s->alignment - 1)))
        tl_sim_mistake(m, "$.heap.alignment", "expected a power of two");
}

struct text_place {
    const char *path;
    struct tl_sim_mistakes *m;
};

static void unknown_name(void *arg, const char *name)
{
    const struct text_place *p = arg;
    if (name)
        tl_sim_mistake(p->m, p->path, "{%s} is neither an axis nor a quantity of this profile", name);
    else
        tl_sim_mistake(p->m, p->path, "a brace that is not part of {NAME}");
}

static void check_text(const json_t *v, const char *path, bool has_heap, struct tl_sim_mistakes *m)
{
    struct text_place p = {path, m};
    if (json_is_string(v))
        tl_sim_expand_check(json_string_value(v), has_heap, unknown_name, &p);
    else
        tl_sim_mistake(m, path, "expected a string");
}

static void check_message(const json_t *v, const char *path, bool has_heap, struct tl_sim_mistakes *m)
{
    size_t i;
    json_t *item;
    char *at = tl_format("%s.message", path);
    if (!json_is_array(v))
        check_text(v, at, has_heap, m);
    json_array_foreach((json_t *)v, i, item) {
        char *place = tl_format("%s[%zu]", at, i);
        check_text(item, place, has_heap, m);
        free(place);
    }
    free(at);
}

static void check_devices(const json_t *v, const char *path, struct tl_sim_mistakes *m)
{
    size_t i;
    json_t *item;
    if (!json_array_size(v))
        tl_sim_mistake(m, path, "expected a list of devices");
    json_array_foreach((json_t *)v, i, item)
        if (!listed(tl_sim_devices, json_string_value(item)))
            tl_sim_mistake(m, path, "expected gpu, ane, iphone-gpu, iphone-ane or cpu, not %s",
                           json_is_string(item) ? json_string_value(item) : "another type");
}

static void check_action(const json_t *rule, const char *path, const char *action, bool has_heap,
                         struct tl_sim_mistakes *m)
{
    const json_t *v = json_object_get(rule, action);
    char *at = tl_format("%s.%s", path, action);
    if (!strcmp(action, "signal")) {
        if (!json_is_string(v) || tl_sim_signal(json_string_value(v)) < 0)
            tl_sim_mistake(m, at, "expected SIGSEGV, SIGBUS, SIGILL, SIGTRAP, SIGFPE or SIGABRT");
    } else if (!strcmp(action, "error")) {
        static const char *const keys[] = {"domain", "code", "message", NULL};
        if (!json_is_object(v))
            tl_sim_mistake(m, at, "expected an object with domain, code and message");
        check_keys(v, at, keys, m);
        text_of(v, at, "domain", true, m);
        text_of(v, at, "code", true, m);
        char *place = tl_format("%s.message", at);
        check_text(json_object_get(v, "message"), place, has_heap, m);
        free(place);
    } else if (!strcmp(action, "hang")) {
        if (!json_is_true(v))
            tl_sim_mistake(m, at, "expected true");
    } else if (!strcmp(action, "exit_status")) {
        number_of(rule, path, action, 0, 255, 0, true, m);
    } else if (!strcmp(action, "wrong")) {
        if (!json_is_number(v) && (!json_is_string(v) || strcmp(json_string_value(v), "nan")))
            tl_sim_mistake(m, at, "expected a number that is added to the first output, or \"nan\"");
    } else if (!listed(tl_sim_devices, json_string_value(v))) {
        tl_sim_mistake(m, at, "expected the device on which it runs instead");
    }
    free(at);
}

static void check_rule(const json_t *rule, const char *path, bool has_heap, struct tl_sim_mistakes *m)
{
    static const char *const keys[] = {"name", "note",        "devices", "when",     "phase",  "message",
                                       "in",   "thread",      "delay_s", "rate",     "signal", "error",
                                       "hang", "exit_status", "wrong",   "fallback", NULL};
    if (!json_is_object(rule)) {
        tl_sim_mistake(m, path, "expected an object");
        return;
    }
    check_keys(rule, path, keys, m);
    text_of(rule, path, "name", true, m);
    text_of(rule, path, "note", false, m);
    char *at = tl_format("%s.phase", path);
    const char *phase = text_of(rule, path, "phase", true, m);
    if (phase && !listed(phases, phase))
        tl_sim_mistake(m, at, "expected generate, load, compile, execute or check, not %s", phase);
    free(at);
    const char *action = NULL;
    size_t n = 0;
    for (size_t i = 0; actions[i]; i++)
        if (json_object_get(rule, actions[i])) {
            action = actions[i];
            n++;
        }
    if (n == 1)
        check_action(rule, path, action, has_heap, m);
    else
        tl_sim_mistake(m, path,
                       "expected exactly one of signal, error, hang, exit_status, wrong and fallback");
    bool goes_on = n == 1 && (!strcmp(action, "wrong") || !strcmp(action, "fallback"));
    if (goes_on && phase && strcmp(phase, "execute"))
        tl_sim_mistake(m, path, "%s belongs to the phase execute", action);
    if (json_object_get(rule, "devices")) {
        at = tl_format("%s.devices", path);
        check_devices(json_object_get(rule, "devices"), at, m);
        free(at);
    }
    if (json_object_get(rule, "when")) {
        at = tl_format("%s.when", path);
        tl_sim_condition_check(json_object_get(rule, "when"), at, has_heap, m);
        free(at);
    }
    if (json_object_get(rule, "message"))
        check_message(json_object_get(rule, "message"), path, has_heap, m);
    const char *in = text_of(rule, path, "in", false, m);
    at = tl_format("%s.in", path);
    if (in && tl_sim_site(in, "") < 0)
        tl_sim_mistake(m, at, "there is no such place (trapline-sim --list): %s", in);
    free(at);
    text_of(rule, path, "thread", false, m);
    number_of(rule, path, "delay_s", 0, SECONDS_MOST, 0, false, m);
    number_of(rule, path, "rate", 0, 1, 1, false, m);
}

void tl_sim_document_check(const json_t *document, struct tl_sim_scratch *scratch, struct tl_sim_mistakes *m)
{
    static const char *const keys[] = {"trapline_profile", "name", "title", "note", "heap", "rules", NULL};
    const json_t *version = json_object_get(document, "trapline_profile"),
                 *heap = json_object_get(document, "heap"), *rules = json_object_get(document, "rules");
    *scratch = (struct tl_sim_scratch){0};
    if (!json_is_object(document)) {
        tl_sim_mistake(m, "$", "expected an object");
        return;
    }
    check_keys(document, "$", keys, m);
    if (!json_is_integer(version) || json_integer_value(version) != 1)
        tl_sim_mistake(m, "$.trapline_profile", "expected the version of the format: 1");
    text_of(document, "$", "name", true, m);
    text_of(document, "$", "title", false, m);
    text_of(document, "$", "note", false, m);
    if (heap)
        check_heap(heap, scratch, m);
    if (!json_is_array(rules) || json_array_size(rules) > RULES_MOST) {
        tl_sim_mistake(m, "$.rules", "expected a list of at most %d rules", RULES_MOST);
        return;
    }
    size_t i;
    json_t *rule;
    json_array_foreach((json_t *)rules, i, rule) {
        char *path = tl_format("$.rules[%zu]", i);
        check_rule(rule, path, heap != NULL, m);
        free(path);
    }
}
