/* A case over builds: builds down, the newest first; runner and device across; in each cell how many failed of the failing
 * variant, of the baseline and of all others, and of these the shares of the outcomes as a bar. */
#include "harness/base/buffer.h"
#include "harness/base/unit_name.h"
#include "harness/base/version.h"
#include "reports/page/page.h"
#include "reports/site/case.h"
#include "reports/site/outcomes.h"
#include "reports/site/page.h"
#include "reports/site/text.h"

#include <stdlib.h>
#include <string.h>

#define BUILDS_MOST 4000

/* "runner:device" of a unit, and the build that it names or else the runtime's version or, then true, the
 * OS's. */
static bool name_build(const struct tl_site_cell *c, char **runner_device, char **build)
{
    struct tl_unit_name unit = tl_unit_name_of(c->unit ? c->unit : "");
    *runner_device = tl_unit_without_build(&unit);
    if (unit.build.n)
        *build = tl_unit_part_text(unit.build);
    else
        *build = tl_strdup(c->runtime_version && *c->runtime_version ? c->runtime_version
                           : c->os_build && *c->os_build             ? c->os_build
                                                                     : "unknown");
    return !unit.build.n && !(c->runtime_version && *c->runtime_version) && c->os_build && *c->os_build;
}

void tl_site_trend_add(struct tl_site_matrix *m, const struct tl_site_cell *c, int shown,
                       enum tl_site_role role)
{
    char *runner_device, *build;
    size_t i;
    bool of_os = name_build(c, &runner_device, &build);
    for (i = m->n_builds; i > 0;
         i--) /* cells of one variant follow one another, so it is near the end or known */
        if (!strcmp(m->builds[i - 1].build, build) && !strcmp(m->builds[i - 1].runner_device, runner_device))
            break;
    if (i == 0 && m->n_builds < BUILDS_MOST) {
        *TL_GROW(m->builds, m->n_builds) =
            (struct tl_site_build){.runner_device = runner_device, .build = build, .of_os = of_os};
        i = m->n_builds;
    } else {
        free(runner_device);
        free(build);
    }
    if (i) {
        m->builds[i - 1].by_outcome[shown] += role == TL_SITE_REDUCTION ? 0 : c->trials;
        tl_site_roles_add(&m->builds[i - 1].roles, role, c->variant_hash ? c->variant_hash : "", shown,
                          c->trials);
    }
}

/* Newest first. */
static int by_build(const void *a, const void *b)
{
    const struct tl_site_build *x = a, *y = b;
    int order = -tl_version_compare(x->build, y->build);
    order = order ? order : -strcmp(x->build, y->build);
    return order ? order : strcmp(x->runner_device, y->runner_device);
}

static void add_cell(struct tl_buffer *b, const struct tl_site_build *x)
{
    if (!x) {
        tl_buffer_add_string(b, "<td class=\"x\"><span class=\"vh\">not run</span></td>");
        return;
    }
    tl_buffer_add_string(b, "<td title=\"");
    tl_site_counts(b, x->by_outcome);
    tl_buffer_add_string(b, "\">");
    if (x->roles.others) /* shares say nothing of a variant that always fails beside one that passes */
        tl_site_bar(b, x->roles.by_outcome[TL_SITE_OTHER]);
    tl_site_roles_lines(b, &x->roles);
    tl_buffer_add_string(b, "</td>");
}

void tl_site_trend_write(struct tl_site_matrix *m, struct tl_buffer *b)
{
    if (!m->n_builds)
        return;
    size_t n_columns = 0, before = b->size;
    char **columns = tl_calloc(m->n_builds, sizeof *columns);
    for (size_t i = 0; i < m->n_builds; i++) {
        size_t k = 0;
        while (k < n_columns && strcmp(columns[k], m->builds[i].runner_device))
            k++;
        if (k == n_columns)
            columns[n_columns++] = m->builds[i].runner_device;
    }
    qsort(columns, n_columns, sizeof *columns, tl_by_text);
    qsort(m->builds, m->n_builds, sizeof *m->builds, by_build);
    tl_buffer_add_string(b, "<section aria-labelledby=\"builds\"><h2 id=\"builds\">Over builds</h2>\n");
    tl_site_wide(b, "builds");
    tl_buffer_add_string(b, "<table class=\"trend\">\n<thead><tr><th scope=\"col\">build, newest first</th>");
    for (size_t k = 0; k < n_columns; k++) {
        tl_buffer_add_string(b, "<th scope=\"col\">");
        tl_site_html(m->w, b, columns[k], 80);
        tl_buffer_add_string(b, "</th>");
    }
    tl_buffer_add_string(b, "</tr></thead>\n<tbody>\n");
    for (size_t i = 0, end; i < m->n_builds && b->size - before < TL_SITE_PART; i = end) {
        tl_buffer_add_string(b, "<tr><th scope=\"row\">");
        tl_site_html(m->w, b, m->builds[i].build, 80);
        tl_buffer_add_string(b,
                             m->builds[i].of_os ? " <span class=\"quiet\">of the OS</span></th>" : "</th>");
        for (end = i; end < m->n_builds && !strcmp(m->builds[end].build, m->builds[i].build);)
            end++;
        for (size_t k = 0; k < n_columns; k++) {
            const struct tl_site_build *x = NULL;
            for (size_t j = i; j < end; j++)
                x = strcmp(m->builds[j].runner_device, columns[k]) ? x : &m->builds[j];
            add_cell(b, x);
        }
        tl_buffer_add_string(b, "</tr>\n");
    }
    tl_buffer_add_string(b, "</tbody></table></div></section>\n");
    free(columns);
}

void tl_site_trend_free(struct tl_site_matrix *m)
{
    for (size_t i = 0; i < m->n_builds; i++) {
        free(m->builds[i].runner_device);
        free(m->builds[i].build);
    }
    free(m->builds);
}
