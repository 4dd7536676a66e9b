/* Names of C++ and Rust functions as their source has them. One of two libraries, chosen in meson.build. */
#ifndef TL_DEMANGLE_H
#define TL_DEMANGLE_H

/* A new string, the caller's; NULL when the symbol is not a mangled name. */
char *tl_demangle(const char *symbol);

#endif
