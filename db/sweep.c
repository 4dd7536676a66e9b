#include "db/sweep.h"

#include "db/sql.h"
#include "harness/base/buffer.h"

static const char *const sweeping[] = {
    "DELETE FROM main.stack WHERE id NOT IN (SELECT stack_id FROM main.thread WHERE stack_id IS NOT NULL)",
    "DELETE FROM main.module_set WHERE id NOT IN (SELECT module_set_id FROM main.capture WHERE module_set_id "
    "IS NOT NULL)",
    "DELETE FROM main.signature WHERE NOT EXISTS (SELECT 1 FROM main.trial WHERE signature_id = "
    "signature.id)",
    "DELETE FROM main.system_report WHERE id NOT IN (SELECT report_id FROM main.report_of_trial)",
};

int tl_content_sweep(sqlite3 *db, const char *what, struct tl_error *e)
{
    for (size_t i = 0; i < TL_COUNT(sweeping); i++)
        if (tl_sql_exec(db, sweeping[i], what, e))
            return -1;
    return 0;
}
