"""Writes a text file as a NUL-terminated C array: embed.py INPUT OUTPUT NAME."""
import sys

source, target, name = sys.argv[1:]
with open(source, "rb") as f:
    data = f.read() + b"\0"
with open(target, "w") as f:
    f.write(f"extern const char {name}[{len(data)}];\nconst char {name}[{len(data)}] = {{\n")
    for i in range(0, len(data), 24):
        # chars are signed on some machines: write bytes above 127 as negative numbers, cast once
        f.write(" ".join(f"(char){b}," for b in data[i:i + 24]) + "\n")
    f.write("};\n")
