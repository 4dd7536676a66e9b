# Of scripts/arm64.sh and scripts/tarball-arm64.sh: the cross build. Wants cache, root, build, skip, need and fail.

# write_cross_file DIRECTORY: cross.ini, and what it names
write_cross_file() {
    libraries=$root/usr/lib/aarch64-linux-gnu
    compiler="'aarch64-linux-gnu-gcc'"
    command -v ccache >/dev/null 2>&1 && compiler="'ccache', $compiler"
    mkdir -p "$1"
    cat >"$1/pkg-config" <<END
#!/bin/sh
export PKG_CONFIG_LIBDIR='$libraries/pkgconfig:$root/usr/share/pkgconfig' PKG_CONFIG_SYSROOT_DIR='$root' PKG_CONFIG_PATH=
exec pkg-config "\$@"
END
    chmod 755 "$1/pkg-config"
    cat >"$1/cross.ini" <<END
[binaries]
c = [$compiler]
ar = 'aarch64-linux-gnu-ar'
strip = 'aarch64-linux-gnu-strip'
pkgconfig = '$1/pkg-config'
pkg-config = '$1/pkg-config'
[built-in options]
c_args = ['--sysroot=$root', '-isystem', '$root/usr/include', '-isystem', '$root/usr/include/aarch64-linux-gnu']
c_link_args = ['--sysroot=$root', '-L$libraries', '-Wl,-rpath-link,$libraries']
[host_machine]
system = 'linux'
cpu_family = 'aarch64'
cpu = 'aarch64'
endian = 'little'
END
}

# cross_build DIRECTORY [OPTION of meson setup…]: in DIRECTORY/build
cross_build() {
    need aarch64-linux-gnu-gcc meson ninja pkg-config protoc-c
    directory=$1
    shift
    write_cross_file "$directory"
    if [ ! -e "$directory/build/build.ninja" ]; then
        meson setup "$directory/build" --cross-file "$directory/cross.ini" "$@" >"$directory/log" 2>&1 ||
            fail "$directory/log" "the build could not be configured"
    fi
    # Of another tree it would build what is there, and its tests would look there for their files.
    of=$(python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))["directories"]["source"])' "$directory/build/meson-info/meson-info.json")
    [ "$(cd "$of" 2>/dev/null && pwd -P)" = "$(pwd -P)" ] || { echo "arm64: $directory is a build of $of, not of this tree" >&2; exit 1; }
    nice -n 10 ninja -C "$directory/build" >"$directory/log" 2>&1 || fail "$directory/log" "the build failed"
}

build_all() {
    fetch_packages
    unlock_cache
    echo "arm64: building in $build"
    mkdir -p "$build"
    build=$(cd "$build" && pwd -P)
    cross_build "$build" -Dwerror=true
}
