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

install: all
	$(MESON) install -C $(B)

# Formats the source as committed.
format:
	@scripts/sources.sh | xargs clang-format -i

clean:
	rm -rf $(B) $(CHECK) $(CHECK)-sanitizers

.PHONY: all check demo bench install format clean
