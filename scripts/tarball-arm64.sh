#!/bin/sh
# The tarball for Linux on arm64, from another processor: scripts/tarball-arm64.sh TO, or `make tarball-arm64`.
# Debian's packages for arm64 are unpacked, and nothing in them is run: they are what is compiled and linked against. They are
# kept in $XDG_CACHE_HOME/trapline/arm64. Needs debootstrap, gcc-aarch64-linux-gnu, libc6-dev-arm64-cross, patchelf, and root (debootstrap asks for it).
set -eu
cd "$(dirname "$0")/.."
mkdir -p "$1"
to=$(cd "$1" && pwd)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/trapline/arm64
root=$cache/root
release=bookworm
packages=libuv1-dev,libsqlite3-dev,libjansson-dev,libssl-dev,libunwind-dev,libdw-dev,libelf-dev,libzstd-dev,libarchive-dev
packages=$packages,libprotobuf-c-dev,libpcre2-dev,libcapstone-dev,libiberty-dev
for tool in debootstrap aarch64-linux-gnu-gcc patchelf meson ninja pkg-config; do
    if ! command -v "$tool" >/dev/null 2>&1; then
        echo "tarball-arm64: $tool is missing: apt-get install debootstrap gcc-aarch64-linux-gnu libc6-dev-arm64-cross patchelf meson pkg-config" >&2
        exit 2
    fi
done

# Every package is unpacked where it belongs; none is configured. Done when the mark stands there.
if [ ! -e "$cache/unpacked" ]; then
    echo "tarball-arm64: fetching Debian's packages for arm64, into $cache"
    mkdir -p "$cache"
    debs=${TRAPLINE_ARM64_DEBS:-}
    if [ -z "$debs" ]; then
        rm -rf "$cache/first"
        debootstrap --arch=arm64 --foreign --variant=minbase --include="$packages" "$release" "$cache/first" >"$cache/log" 2>&1 || {
            tail -n 5 "$cache/log" >&2
            exit 1
        }
        debs=$cache/first/var/cache/apt/archives
    fi
    rm -rf "$root"
    mkdir -p "$root/usr/bin" "$root/usr/sbin" "$root/usr/lib"
    for name in bin sbin lib; do ln -s "usr/$name" "$root/$name"; done
    for deb in "$debs"/*.deb; do
        dpkg-deb --fsys-tarfile "$deb" | tar -x -C "$root" --keep-directory-symlink -f -
        # Whose license is whose, for scripts/tarball.py.
        name=$(dpkg-deb -f "$deb" Package)
        dpkg-deb --fsys-tarfile "$deb" | tar -t -f - | sed -n "s|.*/\(lib[^/]*\.so[^/]*\)\$|$name \1|p" >>"$root/owners"
    done
    # Links to an absolute path would lead out of the tree.
    find "$root/usr/lib" -type l -lname '/*' | while IFS= read -r link; do
        ln -sfn "$root$(readlink "$link")" "$link"
    done
    rm -rf "$cache/first"
    touch "$cache/unpacked"
fi

build=$to/arm64
lib=$root/usr/lib/aarch64-linux-gnu
mkdir -p "$build"
cat >"$build/pkg-config" <<EOF
#!/bin/sh
export PKG_CONFIG_LIBDIR=$lib/pkgconfig:$root/usr/share/pkgconfig PKG_CONFIG_SYSROOT_DIR=$root PKG_CONFIG_PATH=
exec pkg-config "\$@"
EOF
chmod 755 "$build/pkg-config"
cat >"$build/cross.ini" <<EOF
[binaries]
c = ['${CCACHE:-env}', 'aarch64-linux-gnu-gcc']
ar = 'aarch64-linux-gnu-ar'
strip = 'aarch64-linux-gnu-strip'
pkgconfig = '$build/pkg-config'
pkg-config = '$build/pkg-config'
[built-in options]
c_args = ['--sysroot=$root', '-isystem', '$root/usr/include', '-isystem', '$root/usr/include/aarch64-linux-gnu']
c_link_args = ['--sysroot=$root', '-L$lib', '-Wl,-rpath-link,$lib']
[host_machine]
system = 'linux'
cpu_family = 'aarch64'
cpu = 'aarch64'
endian = 'little'
EOF
if [ ! -e "$build/build/build.ninja" ]; then
    meson setup "$build/build" --cross-file "$build/cross.ini" --prefix=/usr -Dtests=false >"$build/log" 2>&1 || {
        tail -n 20 "$build/log" >&2
        exit 1
    }
fi
ninja -C "$build/build" >"$build/log" 2>&1 || {
    tail -n 20 "$build/log" >&2
    exit 1
}
exec scripts/tarball.py --sysroot "$root" --strip aarch64-linux-gnu-strip "$build/build" "$to"
