# Of scripts/arm64.sh and scripts/tarball-arm64.sh: what comes from Debian and from npm. Wants cache, root, skip, need and fail.

# What is compiled against.
arm64_libraries="libc6-dev libuv1-dev libsqlite3-dev libjansson-dev libssl-dev libunwind-dev libdw-dev libelf-dev libzstd-dev libarchive-dev
    libprotobuf-c-dev libpcre2-dev libcapstone-dev libiberty-dev libcriterion-dev"
# What the machine runs. libc6-dbg: tests of stacks want the names of functions that the C library does not export. gcc, binutils, dwz,
# xz-utils: they make programs. gdb: stacks are held against its. libxml2-utils: what is written is held against schemas.
arm64_system="dash bash coreutils mawk grep sed findutils libc-bin libc6-dbg mount util-linux procps python3 gcc binutils dwz xz-utils gdb
    libxml2-utils linux-image-arm64"
arm64_onnxruntime=1.22.0

# The mark of what was made says of what it was made, so that it is made anew when that is another.
is_made() {
    [ "$(cat "$cache/$1.made" 2>/dev/null)" = "$2" ]
}

mark_made() {
    printf '%s\n' "$2" >"$cache/$1.made"
}

# One at a time: two that fetch would unpack into one another.
lock_cache() {
    mkdir -p "$cache"
    exec 9>"$cache/lock"
    flock 9
}

# Whoever is started later would hold it as long as it runs.
unlock_cache() {
    exec 9>&-
}

# apt finds out what belongs to it all, for a system of arm64 in which nothing is installed. Every package is then unpacked where it
# belongs, and none is configured: nothing of it can be run here.
fetch_packages() {
    wanted=$(echo $arm64_libraries $arm64_system)
    need apt-get dpkg-deb flock tar
    lock_cache
    sources=$(sha256sum <scripts/arm64/fetch.sh)
    if is_made packages "$sources"; then return; fi
    keys=/usr/share/keyrings/debian-archive-keyring.gpg
    [ -e "$keys" ] || skip "Debian's keys are missing: apt-get install debian-archive-keyring"
    echo "arm64: fetching Debian's packages for arm64, into $cache"
    apt=$cache/apt
    log=$cache/log
    mirror=${ARM64_MIRROR:-http://deb.debian.org}
    mkdir -p "$apt/lists/partial" "$apt/archives/partial"
    : >"$apt/status"
    cat >"$apt/sources.list" <<END
deb [signed-by=$keys] $mirror/debian bookworm main
deb [signed-by=$keys] $mirror/debian-security bookworm-security main
END
    set -- -o APT::Architecture=arm64 -o APT::Architectures=arm64 -o "Dir::Etc::SourceList=$apt/sources.list" \
        -o Dir::Etc::SourceParts=/dev/null -o "Dir::State=$apt" -o "Dir::State::Lists=$apt/lists" -o "Dir::State::status=$apt/status" \
        -o "Dir::Cache=$apt" -o "Dir::Cache::Archives=$apt/archives" -o "APT::Sandbox::User=$(id -un)" -o Debug::NoLocking=1 \
        -o Acquire::Languages=none -o Acquire::Retries=2 -o APT::Update::Error-Mode=any -o APT::Install-Recommends=false -o APT::Get::Assume-Yes=1
    apt-get "$@" update >"$log" 2>&1 || skip "Debian's archive cannot be reached ($mirror): $(grep '^[EW]:' "$log" | head -n 1)"
    # shellcheck disable=SC2086
    apt-get "$@" --download-only install $wanted >"$log" 2>&1 || fail "$log" "Debian's packages could not be fetched"

    rm -f "$cache/packages.made"
    rm -rf "$root" "$cache/kernel" "$cache/first"
    mkdir -p "$cache/kernel" "$root/usr/bin" "$root/usr/sbin" "$root/usr/lib"
    for name in bin sbin lib; do ln -s "usr/$name" "$root/$name"; done
    for deb in "$apt"/archives/*.deb; do
        name=$(dpkg-deb -f "$deb" Package)
        case $name in
        linux-image-*)
            dpkg-deb --fsys-tarfile "$deb" | tar -x -C "$cache/kernel" -f -
            ;;
        *)
            dpkg-deb --fsys-tarfile "$deb" | tar -x -v -C "$root" --keep-directory-symlink -f - >"$cache/names"
            # Whose license is whose, for scripts/tarball.py.
            sed -n "s|.*/\(lib[^/]*\.so[^/]*\)\$|$name \1|p" "$cache/names" >>"$root/owners"
            ;;
        esac
    done
    rm -f "$cache/names"
    # Links to an absolute path would lead out of the tree.
    find "$root/usr" -type l -lname '/*' | while IFS= read -r link; do
        ln -snf -r "$root$(readlink "$link")" "$link"
    done
    # What maintainers' scripts would have made.
    ln -sf mawk "$root/usr/bin/awk"
    ln -sf gcc "$root/usr/bin/cc"
    # Nobody reads these there; of what Debian has in usr/share/doc the licenses are wanted.
    rm -rf "$root/usr/share/man" "$root/usr/share/locale" "$root/usr/share/info" "$root/boot"
    find "$root/usr/share/doc" -type f ! -name copyright -delete
    rm -rf "$apt"
    mark_made packages "$sources"
}

# Its disk, its kernel, and its first process with the modules that it wants.
fetch_machine() {
    lock_cache
    sources=$(cat scripts/arm64/first.c scripts/arm64/fetch.sh | sha256sum)
    if is_made machine "$sources"; then return; fi
    need aarch64-linux-gnu-gcc mke2fs cpio gzip
    rm -f "$cache/machine.made"
    echo "arm64: making the disk of the machine"
    rm -rf "$cache/first" "$cache/disk"
    mkdir "$cache/first"
    modules=
    for module in drivers/virtio/virtio drivers/virtio/virtio_ring drivers/virtio/virtio_pci_modern_dev drivers/virtio/virtio_pci_legacy_dev \
        drivers/virtio/virtio_pci drivers/block/virtio_blk lib/crc16 crypto/crc32c_generic lib/libcrc32c fs/mbcache fs/jbd2/jbd2 fs/ext4/ext4; do
        # What is not a module is in the kernel.
        file=$(find "$cache/kernel/lib/modules" -path "*/kernel/$module.ko")
        [ -z "$file" ] || { cp "$file" "$cache/first/"; modules="$modules\"/${module##*/}.ko\", "; }
    done
    aarch64-linux-gnu-gcc -static -O2 -Wall -Wextra -Werror "-DMODULES=$modules" -o "$cache/first/init" scripts/arm64/first.c ||
        skip "the cross compiler does not work: scripts/packages.sh arm64"
    mkdir -p "$cache/first/disk" "$root/proc" "$root/sys" "$root/dev" "$root/run" "$root/tmp" "$root/mnt"
    (cd "$cache/first" && find . | cpio -o -H newc --quiet --owner=0:0) | gzip >"$cache/initrd.gz"
    cp "$cache"/kernel/boot/vmlinuz-* "$cache/vmlinuz"
    printf 'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/nonexistent:/bin/sh\n' >"$root/etc/passwd"
    printf 'root:x:0:\nnogroup:x:65534:\n' >"$root/etc/group"
    rm -f "$cache/root.img"
    # Headers and archives of libraries are for the compiler alone.
    mke2fs -q -t ext4 -O ^has_journal -E root_owner=0:0 -d "$root" "$cache/root.img" 1200M >"$cache/log" 2>&1 ||
        fail "$cache/log" "the disk of the machine could not be made"
    rm -rf "$cache/first"
    mark_made machine "$sources"
}

# npm's package holds the libraries of all processors.
fetch_runtime() {
    lock_cache
    if [ -e "$cache/onnxruntime-$arm64_onnxruntime/libonnxruntime.so.1" ]; then return; fi
    need npm
    echo "arm64: fetching ONNX Runtime $arm64_onnxruntime"
    rm -rf "$cache/npm"
    mkdir -p "$cache/npm"
    (cd "$cache/npm" && npm pack --silent "onnxruntime-node@$arm64_onnxruntime") >"$cache/log" 2>&1 ||
        skip "npm's registry cannot be reached: $(tail -n 1 "$cache/log")"
    tar -x -z -C "$cache/npm" -f "$cache/npm/onnxruntime-node-$arm64_onnxruntime.tgz"
    library=$(find "$cache/npm/package/bin" -path '*/linux/arm64/libonnxruntime.so.1')
    [ -n "$library" ] || { echo "arm64: onnxruntime-node@$arm64_onnxruntime has no library for Linux on arm64" >&2; exit 1; }
    mkdir -p "$cache/onnxruntime-$arm64_onnxruntime"
    mv "$library" "$cache/onnxruntime-$arm64_onnxruntime/"
    rm -rf "$cache/npm"
}
