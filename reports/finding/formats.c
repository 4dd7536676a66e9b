/* A report as Markdown and HTML. Both are made from one page of blocks (reports/page/page.h), so that they say the same. */
#include "reports/finding/finding.h"
#include "reports/finding/page.h"
#include "reports/members.h"
#include "reports/page/page.h"

#include <stdlib.h>

char *tl_report_markdown(const json_t *report, enum tl_extent extent)
{
    json_t *page = tl_report_page(report, extent);
    char *text = tl_page_markdown_within(page, extent == TL_EXTENT_FULL ? 0 : TL_EXTENT_WIDTH);
    json_decref(page);
    return text;
}

char *tl_report_html(const json_t *report, enum tl_extent extent)
{
    json_t *page = tl_report_page(report, extent);
    const char *title = tl_member_text(report, "title");
    char *text = tl_page_html(page, title ? title : "trapline");
    json_decref(page);
    return text;
}
