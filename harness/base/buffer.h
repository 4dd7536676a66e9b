/* A growable byte buffer that is always NUL-terminated, and growing arrays. Running out of memory for
 * these small things ends the process (abort): there is nothing useful left to do. */
#ifndef TL_BUFFER_H
#define TL_BUFFER_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

struct tl_buffer {
    char *data; /* never NULL after the first add; data[size] == '\0' */
    size_t size;
    size_t capacity;
};
#define TL_BUFFER_INIT                                                                                       \
    {                                                                                                        \
        NULL, 0, 0                                                                                           \
    }

void tl_buffer_add(struct tl_buffer *b, const void *data, size_t size);
void tl_buffer_add_string(struct tl_buffer *b, const char *s);
void tl_buffer_printf(struct tl_buffer *b, const char *format, ...) __attribute__((format(printf, 2, 3)));
void tl_buffer_drop_front(struct tl_buffer *b,
                          size_t n);       /* forgets the first n bytes (all, if there are fewer) */
void tl_buffer_clear(struct tl_buffer *b); /* size 0, memory kept */
char *tl_buffer_take(struct tl_buffer *b); /* the string, the caller's to free; b is empty after */
void tl_buffer_free(struct tl_buffer *b);

/* malloc, calloc, realloc and strdup that never return NULL. */
void *tl_malloc(size_t size);
void *tl_calloc(size_t n, size_t size);
void *tl_realloc(void *p, size_t n, size_t size); /* n * size is checked for overflow */
char *tl_strdup(const char *s);                   /* NULL gives NULL */
char *tl_format(const char *format, ...)
    __attribute__((format(printf, 1, 2))); /* a new string, the caller's */

/* Releases a list of strings that ends with NULL; NULL is fine. */
void tl_strings_free(char **list);
/* Whether a text is in a list of n. */
bool tl_is_one_of(const char *text, const char *const *list, size_t n);
/* The order of a list of strings, for qsort. */
int tl_by_text(const void *a, const void *b);

/* How many elements an array has; not of a pointer. */
#define TL_COUNT(array) (sizeof(array) / sizeof *(array))

/* Room for one more element at the end of a list of n, which is counted: *TL_GROW(list, n) = element. What is in
 * it is not set. The element may use neither list nor n: it may be computed before or after. */
#define TL_GROW(list, n) ((list) = tl_realloc((list), (n) + 1, sizeof *(list)), &(list)[(n)++])

/* Reads a whole file of at most `most` bytes. Returns a NUL-terminated buffer, the caller's to free, and its
 * size; or NULL with errno set (EFBIG when it is larger, EISDIR for a directory). */
char *tl_read_file(const char *path, size_t most, size_t *size);
/* The same of standard input, to its end. There is one: the second time it is NULL with errno EALREADY. */
char *tl_read_input(size_t most, size_t *size);

#endif
