# The usual words for what meson does. B is the build directory, for example `make B=build-clang CC=clang`.
B = build
CHECK = build-check
MESON = meson

all: $(B)/build.ninja
	@ninja -C $(B)

$(B)/build.ninja:
	@scripts/packages.sh build
	$(MESON) setup $(B)

# Installs what is missing, builds with warnings as errors, and runs all tests, also under sanitizers, and the checks of
# the source. The last line says how many passed.
check:
	@CHECK=$(CHECK) scripts/check.sh

# A real crash of ONNX Runtime 1.22.0, isolated and reported, in under two minutes. Its database and bundle are in B/demo.
demo:
	@BUILD=$(B) MESON=$(MESON) scripts/demo.sh

bench: all
	$(MESON) test -C $(B) --benchmark -v

# `make install PREFIX=/opt/trapline DESTDIR=/tmp/stage`: both may be left out. What was installed can be moved, and taken back
# with the same words.
install: all
	@scripts/install.py install $(B) "$(PREFIX)" "$(DESTDIR)"

uninstall:
	@scripts/install.py uninstall $(B) "$(PREFIX)" "$(DESTDIR)"

# A Debian package, and a tarball for every Linux of this processor: both are put into B.
deb:
	@scripts/deb.sh $(B)

tarball:
	@test -f $(B)-tarball/build.ninja || $(MESON) setup $(B)-tarball --prefix=/usr -Dtests=false >/dev/null
	@ninja -C $(B)-tarball >/dev/null
	@scripts/tarball.py $(B)-tarball $(B)

# Packages and tarball in systems that have nothing but what Debian installs at first. Takes minutes, the network, and root.
check-packages:
	@scripts/check-packages.sh $(B)

# Formats the source as committed.
format:
	@scripts/sources.sh | xargs clang-format -i

clean:
	rm -rf $(B) $(B)-tarball $(B)-arm64 $(CHECK) $(CHECK)-sanitizers $(CHECK)-arm64

.PHONY: all check demo bench install uninstall deb tarball check-packages format clean
