/* Outcomes on the pages of a site: a letter and a colour each, so that it is not the colour alone that tells,
 * and sums of them as words, as a cell of a table and as a bar of shares. */
#include "reports/site/outcomes.h"

static const char letters[TL_SITE_OUTCOMES] = {
    [TL_OUTCOME_PASS] = 'P',     [TL_OUTCOME_CRASH] = 'C',       [TL_OUTCOME_HANG] = 'H',
    [TL_OUTCOME_OOM] = 'O',      [TL_OUTCOME_ERROR] = 'E',       [TL_OUTCOME_WRONG] = 'W',
    [TL_OUTCOME_FALLBACK] = 'F', [TL_OUTCOME_UNSUPPORTED] = 'U', [TL_OUTCOME_LOST] = 'L',
    [TL_SITE_UNEXPECTED] = 'N',
};

bool tl_site_is_failure(int o)
{
    return o == TL_SITE_UNEXPECTED || tl_outcome_is_failure((enum tl_outcome)o);
}

const char *tl_site_outcome_name(int o)
{
    return o == TL_SITE_UNEXPECTED ? "pass, not as expected" : tl_outcome_name((enum tl_outcome)o);
}

const char *tl_site_class(int o)
{
    return o == TL_SITE_UNEXPECTED ? "unexpected" : tl_outcome_name((enum tl_outcome)o);
}

char tl_site_letter(int o)
{
    return letters[o];
}

void tl_site_mark(struct tl_buffer *b, int o)
{
    tl_buffer_printf(b, "<span class=\"o %s\"><b aria-hidden=\"true\">%c</b> %s</span>", tl_site_class(o),
                     letters[o], tl_site_outcome_name(o));
}

void tl_site_legend(struct tl_buffer *b)
{
    tl_buffer_add_string(b, "<ul class=\"legend\" aria-label=\"What the letters mean\">");
    for (int o = 0; o < TL_SITE_OUTCOMES; o++) {
        tl_buffer_add_string(b, "<li>");
        tl_site_mark(b, o);
        tl_buffer_add_string(b, "</li>");
    }
    tl_buffer_add_string(b, "</ul>\n");
}

int tl_site_worst(const uint64_t by_outcome[TL_SITE_OUTCOMES], uint64_t *failed)
{
    int worst = TL_OUTCOME_PASS;
    *failed = 0;
    for (int o = 0; o < TL_SITE_OUTCOMES; o++) {
        if (!tl_site_is_failure(o) || !by_outcome[o])
            continue;
        *failed += by_outcome[o];
        if (worst == TL_OUTCOME_PASS || by_outcome[o] > by_outcome[worst])
            worst = o;
    }
    if (worst == TL_OUTCOME_PASS && !by_outcome[TL_OUTCOME_PASS] && by_outcome[TL_OUTCOME_UNSUPPORTED])
        return TL_OUTCOME_UNSUPPORTED;
    return worst;
}

void tl_site_counts(struct tl_buffer *b, const uint64_t by_outcome[TL_SITE_OUTCOMES])
{
    const char *glue = "";
    for (int k = 0; k < TL_SITE_OUTCOMES; k++) {
        int o = (k + 1) % TL_SITE_OUTCOMES; /* failures first, pass last */
        if (!by_outcome[o])
            continue;
        tl_buffer_printf(b, "%s%llu %s", glue, (unsigned long long)by_outcome[o], tl_site_outcome_name(o));
        glue = ", ";
    }
}

void tl_site_cell(struct tl_buffer *b, const uint64_t by_outcome[TL_SITE_OUTCOMES], const char *link)
{
    uint64_t failed, all = 0;
    int worst = tl_site_worst(by_outcome, &failed);
    for (int o = 0; o < TL_SITE_OUTCOMES; o++)
        all += by_outcome[o];
    if (!all) {
        tl_buffer_add_string(b, "<td class=\"x\"><span class=\"vh\">not run</span></td>");
        return;
    }
    /* What the filter goes by: every outcome in it, by its letter. */
    tl_buffer_add_string(b, "<td data-o=\"");
    for (int o = 0; o < TL_SITE_OUTCOMES; o++)
        if (by_outcome[o])
            tl_buffer_add(b, &letters[o], 1);
    tl_buffer_printf(b, "\"><a class=\"o %s\" href=\"%s\" title=\"", tl_site_class(worst), link);
    tl_site_counts(b, by_outcome);
    tl_buffer_printf(b, "\"><b>%c</b>", letters[worst]);
    if (failed && failed < all)
        tl_buffer_printf(b, " %llu/%llu", (unsigned long long)failed, (unsigned long long)all);
    else
        tl_buffer_printf(b, " %llu", (unsigned long long)all);
    tl_buffer_add_string(b, "</a></td>");
}

void tl_site_bar(struct tl_buffer *b, const uint64_t by_outcome[TL_SITE_OUTCOMES])
{
    uint64_t all = 0, before = 0;
    for (int o = 0; o < TL_SITE_OUTCOMES; o++)
        all += by_outcome[o];
    tl_buffer_add_string(
        b, "<svg class=\"bar\" viewBox=\"0 0 100 8\" preserveAspectRatio=\"none\" aria-hidden=\"true\">");
    for (int k = 0; k < TL_SITE_OUTCOMES && all; k++) {
        int o = (k + 1) % TL_SITE_OUTCOMES;
        if (!by_outcome[o])
            continue;
        tl_buffer_printf(b, "<rect class=\"f-%s\" x=\"%.2f\" width=\"%.2f\" height=\"8\"/>", tl_site_class(o),
                         100.0 * (double)before / (double)all, 100.0 * (double)by_outcome[o] / (double)all);
        before += by_outcome[o];
    }
    tl_buffer_add_string(b, "</svg>");
}
