#!/bin/sh
# Ends a job as its suite did, or well where $TRAPLINE_FAIL is never. That trapline itself failed is never well.
set -eu
status=${TRAPLINE_STATUS:-}
[ -n "$status" ] || status=$(cat "${TRAPLINE_RESULTS:-trapline-results}/status" 2>/dev/null) || status=3
case $status in
0) exit 0 ;;
1) why="something is worse than before" ;;
2) why="something could not be tried, or the suite or a case has a mistake" ;;
*) why="trapline itself or its environment failed" ;;
esac
echo "trapline: $why (exit status $status)" >&2
[ "${TRAPLINE_FAIL:-worse}" = never ] && [ "$status" -le 1 ] && exit 0
exit "$status"
