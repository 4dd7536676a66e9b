/* How far the outputs of each unit are from the reference of the case, over all variants of a matrix. */
#include "harness/cli/matrix.h"

#include "harness/base/buffer.h"
#include "harness/base/quantile.h"
#include "harness/cli/table.h"

#include <math.h>
#include <stdlib.h>

double tl_matrix_error(const json_t *result)
{
    const json_t *error = json_object_get(json_object_get(result, "reference"), "max_error");
    return !error ? NAN : json_is_number(error) ? json_number_value(error) : INFINITY; /* not finite */
}

struct numerics {
    size_t n, largest; /* variants that were compared; the row of the largest error */
    double *list;      /* of each the largest error of its trials, ascending */
};

/* Release with free(numerics.list). */
static struct numerics gather(const struct tl_matrix *m, const struct tl_matrix_case *k, size_t unit)
{
    struct numerics z = {.list = tl_calloc(k->n_rows + 1, sizeof *z.list)};
    double most = -1;
    for (size_t r = 0; r < k->n_rows; r++) {
        const struct tl_matrix_trial *t = tl_matrix_trials(m, k, r, unit);
        double error = -1;
        for (uint64_t i = 0; i < m->o->repeat; i++)
            if (t[i].ended && *t[i].id && !isnan(t[i].error))
                error = fmax(error, t[i].error);
        if (error < 0)
            continue;
        z.list[z.n++] = error;
        if (error > most) {
            most = error;
            z.largest = r;
        }
    }
    tl_sort(z.list, z.n);
    return z;
}

static char *error_text(double e)
{
    return isinf(e) ? tl_strdup("not finite") : tl_format("%.2g", e);
}

void tl_matrix_print_numerics(const struct tl_matrix *m, const struct tl_matrix_case *k, bool colour)
{
    static const char *const head[] = {"unit", "compared", "median", "largest", "with"};
    struct tl_table t = {.n_columns = 5, .n_headers = 1};
    size_t compared = 0;
    for (size_t i = 0; i < 5; i++)
        tl_table_add(&t, tl_strdup(head[i]), NULL);
    for (size_t u = 0; u < m->n_units; u++) {
        struct numerics z = gather(m, k, u);
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

json_t *tl_matrix_numerics_json(const struct tl_matrix *m, const struct tl_matrix_case *k)
{
    json_t *list = json_array();
    for (size_t u = 0; u < m->n_units && k->c->reference_unit; u++) {
        struct numerics z = gather(m, k, u);
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
