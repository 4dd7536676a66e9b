#!/usr/bin/env python3
"""Prints Homebrew's formula of a release: scripts/formula.py URL TARBALL [HOMEPAGE]

URL is where the source tarball TARBALL (`git archive` makes it, or `meson dist`) will be fetched from; it ends in
trapline-VERSION.tar.gz with the version of meson.build. The rest of the formula is packaging/homebrew/trapline.rb.in."""

import hashlib
import os
import re
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def main():
    if len(sys.argv) not in (3, 4):
        print(__doc__.split("\n")[0], file=sys.stderr)
        return 2
    url, tarball = sys.argv[1:3]
    with open(os.path.join(ROOT, "meson.build"), encoding="utf-8") as f:
        version = re.search(r"version: '([^']+)'", f.read()).group(1)
    if not re.fullmatch(r"https?://[^\s\"\\#]+/trapline-%s\.tar\.gz" % re.escape(version), url):
        print("formula: %s: a URL that ends in /trapline-%s.tar.gz was expected" % (url, version), file=sys.stderr)
        return 2
    try:
        with open(tarball, "rb") as f:
            sha256 = hashlib.sha256(f.read()).hexdigest()
    except OSError as error:
        print("formula: %s: %s" % (tarball, error.strerror), file=sys.stderr)
        return 2
    homepage = sys.argv[3] if len(sys.argv) > 3 else re.sub(r"/(-/)?(releases|archive)/.*|/[^/]*$", "", url)
    with open(os.path.join(ROOT, "packaging", "homebrew", "trapline.rb.in"), encoding="utf-8") as f:
        text = f.read()
    sys.stdout.write(text.replace("@URL@", url).replace("@SHA256@", sha256).replace("@HOMEPAGE@", homepage))
    return 0


sys.exit(main())
