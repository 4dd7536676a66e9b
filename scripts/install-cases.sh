#!/bin/sh
# Installs the case files and what lies beside them for their use: install-cases.sh DATADIR. Run by `meson install`.
set -eu
cd "$MESON_SOURCE_ROOT/cases"
to=$MESON_INSTALL_DESTDIR_PREFIX/$1/trapline/cases
find . -type f ! -name '*.[ch]' ! -name meson.build ! -name '*.pyc' | while IFS= read -r file; do
    mkdir -p "$to/$(dirname "$file")"
    cp "$file" "$to/$file"
    if [ -x "$file" ]; then chmod 755 "$to/$file"; else chmod 644 "$to/$file"; fi
done
