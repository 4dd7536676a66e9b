/* ELF files as libelf has them: opened, made of parts, and what is in them. Nothing is mapped; elf_image.c says why. */
#ifndef TL_IMAGE_H
#define TL_IMAGE_H

#include <gelf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TL_DEBUG_DIRECTORY "/usr/lib/debug"
#define TL_MOST_DEBUG ((uint64_t)2 << 30) /* of debug information that is read */

struct tl_image {
    int fd;
    Elf *elf;
    char *bytes; /* for an image that is no file */
};

#define TL_IMAGE_NONE ((struct tl_image){-1, NULL, NULL})

bool tl_image_open(struct tl_image *i, const char *path);
bool tl_image_open_fd(struct tl_image *i, int fd); /* which is the image's then, whatever comes of it */
bool tl_image_of_bytes(struct tl_image *i, char *bytes, size_t size); /* the same */
void tl_image_close(struct tl_image *i);

/* Sections by name; its data, uncompressed, or NULL. */
Elf_Scn *tl_image_section(Elf *elf, const char *name, GElf_Shdr *header);
Elf_Data *tl_image_data(Elf *elf, const char *name);
bool tl_image_size_is_sane(Elf *elf); /* of what is not loaded */

void tl_image_build_id(Elf *elf, char text[65]); /* "" when it has none */
void tl_image_hex(const void *bytes, size_t n, char text[65]);
char *tl_image_debug_path(const char *build_id); /* where its debug file would be; NULL without one */

/* An ELF file made of sections: its bytes, the caller's. */
struct tl_image_part {
    const char *name;
    uint32_t type;
    uint64_t entry_size;
    uint32_t link; /* 1: the first part */
    const void *data;
    size_t size;
};
char *tl_image_bytes(const struct tl_image_part *parts, size_t n, size_t *size);

#endif
