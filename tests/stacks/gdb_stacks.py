# Inside of gdb: the stacks of a program that a signal has stopped, as JSON in the file $STACKS.
import json
import os

import gdb

MOST = 400


def frames_of():
    frames, frame = [], gdb.newest_frame()
    while frame is not None and len(frames) < MOST:
        sal = frame.find_sal()
        frames.append({"name": frame.name(), "inlined": frame.type() == gdb.INLINE_FRAME,
                       "signal": frame.type() == gdb.SIGTRAMP_FRAME, "tail": frame.type() == gdb.TAILCALL_FRAME,
                       "file": sal.symtab.filename if sal.symtab else None, "line": sal.line})
        try:
            frame = frame.older()
        except gdb.error:
            break
    return frames


crashed = gdb.selected_thread()
if crashed is not None:
    try:
        number = int(gdb.parse_and_eval("$_siginfo.si_signo"))
    except gdb.error:
        number = 0
    stacks = []
    for thread in sorted(gdb.selected_inferior().threads(), key=lambda t: (t.num != crashed.num, t.num)):
        thread.switch()
        stacks.append(frames_of())
    with open(os.environ["STACKS"], "w") as out:
        json.dump({"signal": number, "stacks": stacks}, out)
