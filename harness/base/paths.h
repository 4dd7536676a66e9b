/* Where trapline's own files are: beside the program when it is run from its build tree, else where it was
 * installed; and the user's directories by the XDG rules. All results are the caller's to free. */
#ifndef TL_PATHS_H
#define TL_PATHS_H

char *tl_runner_directories(void);      /* of the runners that come with trapline, ':' between */
char *tl_case_directory(void);          /* of the case files that come with it */
char *tl_data_home(const char *below);  /* $XDG_DATA_HOME/trapline/BELOW; NULL without a home */
char *tl_cache_home(const char *below); /* $XDG_CACHE_HOME/trapline/BELOW; NULL without a home */

#endif
