/* How parts of a record become one column each, and back. For the inside of db/.
 *
 * Modules, frames, symbols and registers are lists that are always read whole, so each is JSON in one column,
 * which any tool can read, and not a table of its own with a row for each frame. Text of TL_PACK_LONG bytes
 * and more is a frame of zstd at level 1 instead, if that is smaller. Unpacking does not believe the file:
 * sizes are bounded, and text that does not parse leaves its part of the record empty. */
#ifndef TL_PACK_H
#define TL_PACK_H

#include "harness/base/buffer.h"
#include "harness/base/error.h"
#include "harness/base/record.h"

#include <sqlite3.h>
#include <stdbool.h>
#include <zstd.h>

#define TL_PACK_LONG 1024         /* shorter text is stored as it is */
#define TL_PACK_MOST (256u << 20) /* nothing larger is unpacked */

struct tl_packer {
    ZSTD_CCtx *compress;
    ZSTD_DCtx *decompress;
};
void tl_packer_free(struct tl_packer *p);

/* Binds text (NULL: NULL) to a packed column. The text must live until the statement is reset. */
void tl_pack_text(struct tl_packer *p, sqlite3_stmt *st, int at, const char *text, size_t size);
/* Binds bytes; true when they were compressed. */
bool tl_pack_bytes(struct tl_packer *p, sqlite3_stmt *st, int at, const char *data, size_t size);
/* A value of a column that holds bytes or text, as it is stored; SQLite's, until the next row. data NULL:
 * NULL. */
struct tl_bytes {
    const void *data;
    size_t size;
    bool is_blob;
};
struct tl_bytes tl_bytes_of(sqlite3_stmt *st, int column);

/* A packed value as a new NUL-terminated string in *text, NULL for NULL; -1 when it is damaged. compressed:
 * whether it is a zstd frame; TL_PACKED_BLOB when a blob is one and text is none. size may be NULL. */
#define TL_PACKED_BLOB (-1)
int tl_unpack(struct tl_packer *p, const struct tl_bytes *bytes, int compressed, char **text, size_t *size);

/* Content id of a list of modules, load addresses left out. */
void tl_module_set_id(const struct tl_capture *c, char id[TL_ID_SIZE]);
void tl_module_id(const struct tl_module *m, char id[TL_ID_SIZE]);

/* JSON that schema.sql describes, appended to *b. */
void tl_pack_modules(struct tl_buffer *b, const struct tl_capture *c);
void tl_pack_bases(struct tl_buffer *b, const struct tl_capture *c);
void tl_pack_registers(struct tl_buffer *b, const struct tl_capture *c);
char *tl_pack_fault(const struct tl_capture *c); /* the caller's; NULL: it has none */
void tl_pack_frames(struct tl_buffer *b, const struct tl_capture *c, const struct tl_thread *t);
void tl_pack_symbols(struct tl_buffer *b, const struct tl_thread *t);

/* And back. They return -1 when the text is not what it should be; what was read by then is kept. */
int tl_unpack_registers(const char *text, struct tl_capture *c);
void tl_unpack_fault(const char *text, struct tl_capture *c);
int tl_unpack_frames(const char *text, const struct tl_capture *c, struct tl_thread *t);
int tl_unpack_symbols(const char *text, struct tl_thread *t);

#endif
