/* What a run says to a program that calls it as its judge.
 *
 * git bisect run (git-bisect(1)) takes 0 for good, 1 to 124, 126 and 127 for bad, 125 for a revision that cannot be tested, and
 * ends at anything from 128 on. So only a pass is 0, and only the failure that is looked for is 1: another failure hides whether it
 * would have come, and so does what could not be tried. What is wrong with the command, the case or the machine is wrong at every
 * revision, and ends the bisection with 128.
 *
 * cvise (and C-Reduce) takes 0 for "still interesting" and anything else for not. It is bound to slip into another failure where
 * it is not told which one, so here the signature is a must. */
#include "harness/cli/run_for.h"

#include <ctype.h>
#include <string.h>

enum { GOOD = 0, BAD = 1, CANNOT_TELL = 125, NO_ANSWER = 128, INTERESTING = 0, NOT_INTERESTING = 1 };
#define SIGNATURE_LEAST 4 /* digits, so that it is no accident when they agree */

static const char git_bisect[] = "git-bisect", cvise[] = "cvise";

/* Printed ids are cut after 12 digits; whole ones have 32. */
static bool is_signature(const char *text)
{
    size_t n = strlen(text);
    for (size_t i = 0; i < n; i++)
        if (!isxdigit((unsigned char)text[i]) || isupper((unsigned char)text[i]))
            return false;
    return n >= SIGNATURE_LEAST && n < TL_ID_SIZE;
}

int tl_run_for(const struct tl_command *c, const struct tl_options *o, struct tl_verdicts *v)
{
    *v = (struct tl_verdicts){.signature = o->signature};
    if (!o->purpose)
        return o->signature
                   ? tl_usage_error(c, "--signature goes with --for: it says which failure is asked for")
                   : -1;
    if (!strcmp(o->purpose, git_bisect))
        v->purpose = TL_FOR_GIT_BISECT;
    else if (!strcmp(o->purpose, cvise))
        v->purpose = TL_FOR_CVISE;
    else
        return tl_usage_error(c, "--for %s: git-bisect or cvise was expected", o->purpose);
    if (!o->signature && v->purpose == TL_FOR_CVISE)
        return tl_usage_error(
            c,
            "--for cvise: --signature ID was expected as well, or it would end at some other failure; "
            "`trapline run` of what fails prints it with --json, and `trapline list signatures` lists all");
    if (o->signature && !strncmp(o->signature, "last", 4))
        return tl_usage_error(c,
                              "--for %s: --signature %s would be another one at each revision: its id was "
                              "expected, which `trapline list signatures` shows",
                              o->purpose, o->signature);
    if (o->signature && !is_signature(o->signature))
        return tl_usage_error(
            c, "--signature %s: expected the id of a signature, or its beginning: at least %d of 0-9 and a-f",
            o->signature, SIGNATURE_LEAST);
    return -1;
}

static bool is_asked_for(const struct tl_verdicts *v, const struct tl_signature *s)
{
    size_t n = v->signature ? strlen(v->signature) : 0;
    return !strncmp(s->id, v->signature ? v->signature : "", n) ||
           !strncmp(s->coarse_id, v->signature ? v->signature : "", n);
}

void tl_run_for_trial(struct tl_verdicts *v, const struct tl_trial_record *t, bool failed)
{
    v->trials++;
    if (t->outcome == TL_OUTCOME_LOST || (!failed && t->outcome == TL_OUTCOME_UNSUPPORTED))
        return; /* it says nothing */
    if (!failed)
        v->passed++;
    else if (is_asked_for(v, &t->signature))
        v->wanted++;
    else
        v->other++;
}

int tl_run_for_status(const struct tl_verdicts *v, int status)
{
    if (v->purpose == TL_FOR_PEOPLE || status == TL_EXIT_ENVIRONMENT || status == TL_EXIT_INTERRUPTED)
        return status;
    bool bisect = v->purpose == TL_FOR_GIT_BISECT, passed = v->trials && v->passed == v->trials;
    const char *word = v->wanted    ? "the failure that is looked for"
                       : v->other   ? "another failure than the one that is looked for"
                       : passed     ? "it passes"
                       : !v->trials ? "nothing could be tried"
                                    : "some of it could not be tried or judged";
    int said = bisect      ? v->wanted ? BAD
                             : passed  ? GOOD
                                       : CANNOT_TELL
               : v->wanted ? INTERESTING
                           : NOT_INTERESTING;
    fprintf(stderr, "trapline: for %s: %s (%s): exit status %d\n", bisect ? git_bisect : cvise,
            bisect      ? v->wanted ? "bad"
                          : passed  ? "good"
                                    : "cannot tell"
            : v->wanted ? "interesting"
                        : "not interesting",
            word, said);
    return said;
}

int tl_run_for_no_answer(int argc, char *const *argv, int status)
{
    bool asked = false;
    for (int i = 1; i < argc && strcmp(argv[i], "--"); i++)
        asked |= (!strcmp(argv[i], "--for") && i + 1 < argc && !strcmp(argv[i + 1], git_bisect)) ||
                 (!strncmp(argv[i], "--for=", 6) && !strcmp(argv[i] + 6, git_bisect));
    return asked && (status == TL_EXIT_INPUT || status == TL_EXIT_ENVIRONMENT) ? NO_ANSWER : status;
}
