/* Of what kind a failure is.
 *
 * A signature names a place: a message, or the functions at the fault. The kind is what is left when the place
 * is taken away. For a crash that is the signal and how far it got, and not the message either, as its wording
 * changes from build to build. An error has no signal: there it is the text, which stays the same when only the
 * domain or the code of it changes, or the function of C++ that wrote it moves to another file or namespace, gets another name
 * or has its arguments spelled otherwise by another compiler. For a wrong result it is how it differs, whichever output shows it. */
#include "harness/verdict/kind.h"

#include "harness/base/ascii.h"
#include "harness/base/buffer.h"
#include "harness/verdict/normalise.h"
#include "harness/verdict/title_frames.h"
#include "harness/verdict/wrong.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

/* Digits within words: a name that a layer's number is part of is the name of every layer. */
static void blank_digits(char *text)
{
    char *to = text;
    for (const char *from = text; *from; from++) {
        if (!tl_is_digit(*from))
            *to++ = *from;
        else if (to == text || to[-1] != '#')
            *to++ = '#';
    }
    *to = '\0';
}

/* What stands at `at` and opens with a bracket, to its end; at itself where it does not end. */
static const char *bracket_end(const char *at)
{
    const char open = *at, close = open == '(' ? ')' : ']';
    int depth = 0;
    for (const char *end = at; *end; end++) {
        depth += (*end == open) - (*end == close);
        if (!depth)
            return end + 1;
    }
    return at;
}

/* The end of what a compiler puts behind the name of a function: its arguments, "const", a lambda in it, what a template
 * was made with. */
static const char *signature_end(const char *at)
{
    static const char *const more[] = {" const", "::<lambda", "::operator()", ">", " "};
    const char *end;
    while ((*at == '(' || *at == '[') && (end = bracket_end(at)) != at) {
        at = end;
        for (size_t i = 0; i < TL_COUNT(more); i++) {
            size_t n = strlen(more[i]);
            if (!strncmp(at, more[i], n) && (strcmp(more[i], " ") != 0 || !strncmp(at, " [with ", 7)))
                at += n;
        }
    }
    return at;
}

/* Takes functions of C++ away that a text names with their arguments, "ns::Class::function(const T&) const": they are a
 * place. A text that is nothing else stays. */
static void take_functions_away(char *text)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    bool left = false;
    for (const char *at = text; *at;) {
        size_t n = strcspn(at, " (");
        const char *scope = strstr(at, "::");
        if (at[n] == '(' && scope && scope < at + n) {
            at = signature_end(at + n);
            continue;
        }
        left = left || tl_is_letter(*at);
        n += !n; /* a blank, or a bracket of its own */
        tl_buffer_add(&b, at, n);
        at += n;
    }
    if (left)
        memcpy(text, b.data, b.size + 1); /* it is no longer than the text */
    tl_buffer_free(&b);
}

/* The text of an error; NULL when there is none. */
static char *words(const struct tl_trial_record *r)
{
    char *bare = r->message && *r->message ? tl_words_without_places(r->message) : NULL,
         *text = bare ? tl_normalise_message(bare) : NULL;
    free(bare);
    if (text) {
        take_functions_away(text);
        blank_digits(text);
    }
    if (text && !*text) {
        free(text);
        text = NULL;
    }
    return text;
}

static bool is_failure(const struct tl_trial_record *r)
{
    return tl_outcome_is_failure(r->outcome) && r->outcome != TL_OUTCOME_LOST;
}

char *tl_failure_kind(const struct tl_trial_record *r)
{
    if (!is_failure(r))
        return NULL;
    struct tl_buffer b = TL_BUFFER_INIT;
    tl_buffer_printf(&b, "%s in %s", tl_outcome_name(r->outcome), tl_phase_name(r->phase));
    if (r->signal)
        tl_buffer_printf(&b, ", %s", tl_signal_name(r->signal));
    char *text = r->outcome == TL_OUTCOME_ERROR ? words(r) : NULL;
    if (text)
        tl_buffer_printf(&b, ": %s", text);
    else if (r->outcome == TL_OUTCOME_WRONG)
        tl_buffer_printf(&b, ": %s", tl_wrong_kind(r));
    free(text);
    return tl_buffer_take(&b);
}

bool tl_failure_same_kind(const struct tl_trial_record *a, const struct tl_trial_record *b)
{
    if (!is_failure(a) || a->outcome != b->outcome || a->phase != b->phase || a->signal != b->signal)
        return false;
    if (a->outcome == TL_OUTCOME_WRONG)
        return !strcmp(tl_wrong_kind(a), tl_wrong_kind(b));
    if (a->outcome != TL_OUTCOME_ERROR)
        return true;
    char *x = words(a), *y = words(b);
    bool same = !x || !y || !strcmp(x, y);
    free(x);
    free(y);
    return same;
}

/* The faulting function of the runtime and its caller. */
static void innermost(const struct tl_trial_record *r, struct tl_title_frames *frames)
{
    const struct tl_capture *c = r->n_captures ? &r->captures[0] : NULL;
    const struct tl_thread *t = c ? tl_title_thread(c) : NULL;
    *frames = (struct tl_title_frames){0};
    if (t && t->n_frames)
        tl_title_frames_find(c, t, r->signal == SIGABRT ? TL_TITLE_RAISED : 0, frames);
}

/* What everything is called from: the outermost function of the runtime, as main() is in a small program. NULL where
 * the stack ends with it, and has no callers. */
static const char *entry(const struct tl_title_stack *stack)
{
    return stack->n > 1 ? stack->name[stack->n - 1] : NULL;
}

bool tl_failure_shares_place(const struct tl_trial_record *a, const struct tl_trial_record *b)
{
    enum { LOOKED_AT = 2 };
    struct tl_title_frames x, y;
    innermost(a, &x);
    innermost(b, &y);
    struct tl_title_stack of_a, of_b;
    tl_title_stack_find(a, &of_a);
    tl_title_stack_find(b, &of_b);
    const char *outer_a = entry(&of_a), *outer_b = entry(&of_b);
    bool shares = false;
    for (size_t i = 0; i < x.n && i < LOOKED_AT && !x.guessed && !y.guessed; i++) {
        if (i > 0 && outer_a && !strcmp(x.name[i], outer_a))
            continue;
        for (size_t k = 0; k < y.n && k < LOOKED_AT; k++) {
            bool outermost = k > 0 && outer_b && !strcmp(y.name[k], outer_b);
            shares = shares || (!outermost && !strcmp(x.name[i], y.name[k]));
        }
    }
    tl_title_stack_free(&of_a);
    tl_title_stack_free(&of_b);
    tl_title_frames_free(&x);
    tl_title_frames_free(&y);
    return shares;
}
