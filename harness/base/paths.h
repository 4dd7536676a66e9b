/* Where trapline's own files are: beside the program when it is run from its build tree, else where they stood
 * from it when it was installed, so that a prefix can be moved; and the user's directories by the XDG
 * rules. All results are the caller's to free. */
#ifndef TL_PATHS_H
#define TL_PATHS_H

/* Of the runners that come with trapline, ':' between. NULL with errno where they cannot be found. */
char *tl_runner_directories(void);
char *tl_case_directory(void); /* of the case files that come with it */
char *tl_fleet_link_program(
    void); /* that holds the connection to a fleet, whether or not this build has it; NULL with errno */
/* NULL without a home. */
char *tl_home(const char *below);        /* $HOME/BELOW */
char *tl_data_home(const char *below);   /* $XDG_DATA_HOME/trapline/BELOW */
char *tl_cache_home(const char *below);  /* $XDG_CACHE_HOME/trapline/BELOW */
char *tl_state_home(const char *below);  /* $XDG_STATE_HOME/trapline/BELOW */
char *tl_config_home(const char *below); /* $XDG_CONFIG_HOME/BELOW: of any program */

/* Takes the first directory off a list with ':' between, as $PATH is one; NULL at its end. */
char *tl_next_directory(const char **list);

#endif
