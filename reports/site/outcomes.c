/* Outcomes on the pages of a site: a letter and a colour each, so that it is not the colour alone that tells,
 * and sums of them as words, as a cell of a table and as a bar of shares. */
#include "reports/site/outcomes.h"

static const char letters[TL_OUTCOME_COUNT] = {
    [TL_OUTCOME_PASS] = 'P',     [TL_OUTCOME_CRASH] = 'C',       [TL_OUTCOME_HANG] = 'H',
    [TL_OUTCOME_OOM] = 'O',      [TL_OUTCOME_ERROR] = 'E',       [TL_OUTCOME_WRONG] = 'W',
    [TL_OUTCOME_FALLBACK] = 'F', [TL_OUTCOME_UNSUPPORTED] = 'U', [TL_OUTCOME_LOST] = 'L',
};

char tl_site_letter(enum tl_outcome o)
{
    return letters[o];
}

void tl_site_mark(struct tl_buffer *b, enum tl_outcome o)
{
    const char *name = tl_outcome_name(o);
    tl_buffer_printf(b, "<span class=\"o %s\"><b aria-hidden=\"true\">%c</b> %s</span>", name, letters[o],
                     name);
}

void tl_site_legend(struct tl_buffer *b)
{
    tl_buffer_add_string(b, "<ul class=\"legend\" aria-label=\"What the letters mean\">");
    for (int o = 0; o < TL_OUTCOME_COUNT; o++) {
        tl_buffer_add_string(b, "<li>");
        tl_site_mark(b, (enum tl_outcome)o);
        tl_buffer_add_string(b, "</li>");
    }
    tl_buffer_add_string(b, "</ul>\n");
}

enum tl_outcome tl_site_worst(const uint64_t by_outcome[TL_OUTCOME_COUNT], uint64_t *failed)
{
    enum tl_outcome worst = TL_OUTCOME_PASS;
    *failed = 0;
    for (int o = 0; o < TL_OUTCOME_COUNT; o++) {
        if (!tl_outcome_is_failure((enum tl_outcome)o) || !by_outcome[o])
            continue;
        *failed += by_outcome[o];
        if (worst == TL_OUTCOME_PASS || by_outcome[o] > by_outcome[worst])
            worst = (enum tl_outcome)o;
    }
    if (worst == TL_OUTCOME_PASS && !by_outcome[TL_OUTCOME_PASS] && by_outcome[TL_OUTCOME_UNSUPPORTED])
        return TL_OUTCOME_UNSUPPORTED;
    return worst;
}

void tl_site_counts(struct tl_buffer *b, const uint64_t by_outcome[TL_OUTCOME_COUNT])
{
    const char *glue = "";
    for (int k = 0; k < TL_OUTCOME_COUNT; k++) {
        int o = (k + 1) % TL_OUTCOME_COUNT; /* failures first, pass last */
        if (!by_outcome[o])
            continue;
        tl_buffer_printf(b, "%s%llu %s", glue, (unsigned long long)by_outcome[o],
                         tl_outcome_name((enum tl_outcome)o));
        glue = ", ";
    }
}

void tl_site_cell(struct tl_buffer *b, const uint64_t by_outcome[TL_OUTCOME_COUNT], const char *link)
{
    uint64_t failed, all = 0;
    enum tl_outcome worst = tl_site_worst(by_outcome, &failed);
    for (int o = 0; o < TL_OUTCOME_COUNT; o++)
        all += by_outcome[o];
    if (!all) {
        tl_buffer_add_string(b, "<td class=\"x\"><span class=\"vh\">not run</span></td>");
        return;
    }
    /* What the filter goes by: every outcome in it, by its letter. */
    tl_buffer_add_string(b, "<td data-o=\"");
    for (int o = 0; o < TL_OUTCOME_COUNT; o++)
        if (by_outcome[o])
            tl_buffer_add(b, &letters[o], 1);
    tl_buffer_printf(b, "\"><a class=\"o %s\" href=\"%s\" title=\"", tl_outcome_name(worst), link);
    tl_site_counts(b, by_outcome);
    tl_buffer_printf(b, "\"><b>%c</b>", letters[worst]);
    if (failed && failed < all)
        tl_buffer_printf(b, " %llu/%llu", (unsigned long long)failed, (unsigned long long)all);
    else
        tl_buffer_printf(b, " %llu", (unsigned long long)all);
    tl_buffer_add_string(b, "</a></td>");
}

void tl_site_bar(struct tl_buffer *b, const uint64_t by_outcome[TL_OUTCOME_COUNT])
{
    uint64_t all = 0, before = 0;
    for (int o = 0; o < TL_OUTCOME_COUNT; o++)
        all += by_outcome[o];
    tl_buffer_add_string(
        b, "<svg class=\"bar\" viewBox=\"0 0 100 8\" preserveAspectRatio=\"none\" aria-hidden=\"true\">");
    for (int k = 0; k < TL_OUTCOME_COUNT && all; k++) {
        int o = (k + 1) % TL_OUTCOME_COUNT;
        if (!by_outcome[o])
            continue;
        tl_buffer_printf(b, "<rect class=\"f-%s\" x=\"%.2f\" width=\"%.2f\" height=\"8\"/>",
                         tl_outcome_name((enum tl_outcome)o), 100.0 * (double)before / (double)all,
                         100.0 * (double)by_outcome[o] / (double)all);
        before += by_outcome[o];
    }
    tl_buffer_add_string(b, "</svg>");
}
