# What the machine of scripts/arm64.sh runs before what it was asked for. `source`, `build`, `python` and `slower` are set above
# this. Nothing that is written to its disks is kept.
mkdir -p "$source" /tmp/work /root
chmod 1777 /tmp/work
mount --bind /mnt/source "$source"
mkdir -p "$build"
mount --bind /mnt/build "$build"
# The Python that the build was configured with is another system's.
[ -e "$python" ] || { mkdir -p "${python%/*}" && ln -s /usr/bin/python3 "$python"; }
export PATH="$build/harness/cli:$PATH" TMPDIR=/tmp/work TRAPLINE_REQUIRE_POINTER_CODES=1
# Says which parts are skipped, and why.
export CRITERION_VERBOSITY_LEVEL=1 TRAPLINE_TESTS_SLOWER=$slower
hostname trapline-arm64 2>/dev/null
cd "$source" || exit 125
: >/tmp/results
. /mnt/words.sh
