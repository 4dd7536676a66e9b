/* How far the outputs of each unit are from the reference of the case: a table, and a list for the document.
 */
#include "harness/cli/matrix_show.h"

#include "harness/base/buffer.h"
#include "harness/base/quantile.h"
#include "harness/cli/table.h"

#include <math.h>
#include <stdlib.h>

static char *error_text(double e)
{
    return isinf(e) ? tl_strdup("not finite") : tl_format("%.2g", e);
}

void tl_cli_matrix_print_numerics(const struct tl_matrix *m, const struct tl_matrix_case *k, bool colour)
{
    static const char *const head[] = {"unit", "compared", "median", "largest", "with"};
    struct tl_table t = {.n_columns = 5, .n_headers = 1};
    size_t compared = 0;
    for (size_t i = 0; i < 5; i++)
        tl_table_add(&t, tl_strdup(head[i]), NULL);
    for (size_t u = 0; u < m->n_units; u++) {
        struct tl_matrix_numerics z = tl_matrix_numerics_of(m, k, u);
        if (z.n) {
            tl_table_add(&t, tl_strdup(m->names.list[u]), NULL);
            tl_table_add(&t, tl_format("%zu", z.n), NULL);
            tl_table_add(&t, error_text(tl_median(z.list, z.n)), NULL);
            tl_table_add(&t, error_text(z.list[z.n - 1]), NULL);
            tl_table_add(&t, tl_matrix_row_name(k, &k->rows[z.largest]), NULL);
        }
        compared += z.n;
        free(z.list);
    }
    if (compared) {
        printf("numerics: the largest error relative to the largest magnitude, against %s\n",
               k->c->reference_unit);
        tl_table_print(&t, stdout, colour);
        putchar('\n');
    }
    tl_table_free(&t);
}

json_t *tl_cli_matrix_numerics_json(const struct tl_matrix *m, const struct tl_matrix_case *k)
{
    json_t *list = json_array();
    for (size_t u = 0; u < m->n_units && k->c->reference_unit; u++) {
        struct tl_matrix_numerics z = tl_matrix_numerics_of(m, k, u);
        double largest = z.n ? z.list[z.n - 1] : 0, median = tl_median(z.list, z.n);
        if (z.n) /* what is not finite has no number in JSON */
            json_array_append_new(list,
                                  json_pack("{s:s,s:I,s:o,s:o,s:o}", "unit", m->names.list[u], "compared",
                                            (json_int_t)z.n, "median_error",
                                            isinf(median) ? json_null() : json_real(median), "max_error",
                                            isinf(largest) ? json_null() : json_real(largest), "variant",
                                            tl_variant_object(k->c, &k->rows[z.largest])));
        free(z.list);
    }
    return list;
}
