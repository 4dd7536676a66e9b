/* The environment of a trial, and the words in which its case names its scratch directory. */
#ifndef TL_TRIAL_ENVIRONMENT_H
#define TL_TRIAL_ENVIRONMENT_H

char *tl_scratch_replace(const char *text,
                         const char *scratch); /* a new string: "{scratch}" is that directory */

/* What a child is given: our own environment, TMPDIR in its scratch directory, and what is added ("{scratch}"
 * in it is replaced). Release with tl_strings_free. */
char **tl_trial_environment(char *const *added, const char *scratch);

#endif
