#!/usr/bin/env python3
"""The picture of a session for README.md: a command and what it wrote to a terminal, as an SVG.

usage: script -qec "stty cols 114; COMMAND" /dev/null | scripts/picture.py "COMMAND" "WHAT IT SHOWS" >docs/NAME.svg

It draws what a real terminal was written, without the line of the progress, and runs nothing itself."""
import re
import sys
from xml.sax.saxutils import escape, quoteattr

WIDTH, COLUMN, LINE, LEFT, TOP = 114, 8, 18, 14, 58
STYLE = ('text{font:13.3px ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace;fill:#c9d1d9;white-space:pre}'
         ".b{font-weight:bold;fill:#fff}.p{fill:#7ee787}")


def line(text, y, kind):
    """One line, as wide as its characters whatever font there is."""
    shown = text.lstrip(" ")
    x = LEFT + COLUMN * (len(text) - len(shown))
    return (f'<text x="{x}" y="{y}" textLength="{COLUMN * len(shown)}" lengthAdjust="spacingAndGlyphs"'
            + (f' class="{kind}"' if kind else "") + f">{escape(shown)}</text>")


def wrapped(text):
    """What is longer than the terminal goes on below."""
    while len(text) > WIDTH:
        yield text[:WIDTH]
        text = text[WIDTH:]
    yield text


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    lines = [(part, "p") for part in wrapped("$ " + sys.argv[1])]
    for text in sys.stdin.read().split("\n"):
        text = re.split("\r|\x1b\\[K", text.rstrip("\r"))[-1]
        bold = "\x1b[1m" in text
        text = re.sub("\x1b\\[[0-9;]*m", "", text)
        if text.strip():
            lines += [(part, "b" if bold else "") for part in wrapped(text)]
    width, height = 2 * LEFT + COLUMN * WIDTH, TOP + LINE * (len(lines) - 1) + 24
    print(f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img" '
          f"aria-label={quoteattr(sys.argv[2])}>")
    print(f"<style>{STYLE}</style>")
    print('<rect width="100%" height="100%" rx="8" fill="#0d1117"/>' + "".join(
        f'<circle cx="{x}" cy="18" r="6" fill="#484f58"/>' for x in (18, 38, 58)))
    for i, (text, kind) in enumerate(lines):
        print(line(text, TOP + LINE * i, kind))
    print("</svg>")


if __name__ == "__main__":
    main()
