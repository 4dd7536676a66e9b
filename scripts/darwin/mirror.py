"""A copy of the source at one place for all copies of the repository, whose files keep their time while their content is
the same: so ninja compiles what differs from the last run, wherever that was."""

import filecmp
import os
import shutil


def sources(root):
    """Paths of all files, relative. git is not asked, so that it works in an unpacked archive, too."""
    for folder, folders, names in os.walk(root):
        here = os.path.relpath(folder, root)
        folders[:] = [name for name in folders if not name.startswith(".") and name != "__pycache__" and
                      not os.path.exists(os.path.join(folder, name, "meson-private")) and
                      not (here == "." and (name == "build" or name.startswith("build-")))]
        for name in names:
            path = os.path.normpath(os.path.join(here, name))
            if not name.startswith(".") and os.path.isfile(os.path.join(root, path)):
                yield path


def update(root, copy):
    """Makes the copy equal; returns how many files were written or removed."""
    wanted = set(sources(root))
    changed = 0
    for path in wanted:
        source, to = os.path.join(root, path), os.path.join(copy, path)
        if os.path.isfile(to) and filecmp.cmp(source, to, shallow=False):
            continue
        os.makedirs(os.path.dirname(to), exist_ok=True)
        shutil.copyfile(source, to)
        shutil.copymode(source, to)
        changed += 1
    for path in set(sources(copy)) - wanted:
        os.unlink(os.path.join(copy, path))
        changed += 1
    return changed
