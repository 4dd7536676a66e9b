/* The section of a report that says what stood at the place of a fault: the instruction, what it did, the operator that was
 * in flight, the registers. */
#include "reports/fault_words.h"
#include "reports/finding/sections.h"

#include <stdlib.h>
#include <string.h>

/* Of a model that has one node and nothing in it, that node is in flight while the model is executed. */
static char *only_operator(const struct tl_sections *r)
{
    const json_t *model = json_object_get(r->finding, "model"), *counts = json_object_get(model, "operators");
    const char *phase = tl_member_text(r->finding, "phase");
    if (!phase || strcmp(phase, "execute") || tl_member_integer(model, "node_count") != 1 ||
        tl_member_integer(model, "subgraphs") || tl_member_integer(model, "functions"))
        return NULL;
    const char *name = json_object_iter_key(json_object_iter((json_t *)counts));
    return name ? tl_format("%s, the only operator of the model", name) : NULL;
}

static void add_operator(const struct tl_sections *r)
{
    char *words = tl_operator_words(json_object_get(r->failing, "operator"));
    struct tl_buffer b = TL_BUFFER_INIT;
    words = words ? words : only_operator(r);
    if (!words)
        return;
    tl_buffer_add_string(&b, TL_BOLD_ON "Operator in flight:" TL_BOLD_OFF " ");
    tl_inline_text(&b, words);
    tl_buffer_add_string(&b, ".");
    tl_page_paragraph(r->page, tl_buffer_take(&b));
    free(words);
}

static void add_instruction(const struct tl_sections *r, const json_t *fault)
{
    const char *instruction = tl_member_text(fault, "instruction"), *code = tl_member_text(fault, "code"),
               *did = tl_member_text(fault, "did");
    struct tl_buffer b = TL_BUFFER_INIT;
    tl_buffer_add_string(&b, TL_BOLD_ON "Faulting instruction:" TL_BOLD_OFF " ");
    size_t bare = b.size;
    if (instruction)
        tl_inline_code(&b, instruction);
    else if (code && *code) {
        tl_buffer_add_string(&b, "the bytes ");
        tl_inline_code(&b, code);
    }
    if (did) {
        tl_buffer_add_string(&b, b.size > bare ? ": " : "");
        tl_inline_text(&b, did);
    }
    if (b.size > bare) {
        tl_buffer_add_string(&b, ".");
        tl_page_paragraph(r->page, tl_buffer_take(&b));
    }
    tl_buffer_free(&b);
}

/* Puts a text below that of the fold with which the section before this one ended, which costs fewer lines than another
 * fold; its summary then says so. False, when it ended with none. */
static bool add_to_fold(json_t *fold, const char *more)
{
    const char *summary = tl_member_text(fold, "summary");
    json_t *blocks = json_object_get(fold, "blocks"), *block = json_array_get(blocks, 0);
    const char *text = tl_member_text(block, "text");
    if (!summary || json_array_size(blocks) != 1 || !text ||
        strcmp(tl_member_or(block, "is", ""), "code") != 0)
        return false;
    size_t n = strlen(text);
    char *whole = tl_format("%s%s\n%s", text, n && text[n - 1] == '\n' ? "" : "\n", more),
         *title = tl_format("%s; registers", summary);
    json_object_set_new(block, "text", json_string(whole));
    json_object_set_new(fold, "summary", json_string(title));
    free(whole);
    free(title);
    return true;
}

void tl_section_machine(const struct tl_sections *r)
{
    const json_t *capture = json_object_get(r->failing, "capture"),
                 *fault = json_object_get(capture, "fault");
    json_t *last = json_array_get(r->page, json_array_size(r->page) - 1);
    add_operator(r);
    if (!json_is_object(fault))
        return;
    add_instruction(r, fault);
    char *registers =
        tl_registers_words(r->extent == TL_EXTENT_SHORT ? NULL : json_object_get(capture, "registers"));
    if (*registers && !add_to_fold(last, registers))
        tl_page_fold(r->page, tl_strdup("Registers"), tl_strdup(registers));
    free(registers);
}
