/* Which variants next to the minimal one are a way around the failure, and which only lie at its edge. */
#ifndef TL_FINDING_EDGES_H
#define TL_FINDING_EDGES_H

#include <jansson.h>
#include <stdbool.h>

/* Of a row that passes (rows.h): whether its value lies well away from every value of its axis that was seen to
 * fail. Values of a choice do; of an ordered axis those that are a quarter away at least, of the value or of the axis. */
bool tl_row_is_away(const json_t *finding, const json_t *rows, const json_t *row);
/* The value of an axis that failed nearest to that of the row: borrowed. */
const json_t *tl_row_nearest_failing(const json_t *finding, const json_t *rows, const json_t *row);
/* The rows that are ways around: each passed more than once, passes for all that is known, and lies away from the edges; of an ordered axis the one
 * that lies farthest. *edges: passing rows of axes that have no such one, nearest to the failure. New arrays, whose elements
 * are those of rows. */
void tl_rows_around(const json_t *finding, const json_t *rows, json_t **around, json_t **edges);

#endif
