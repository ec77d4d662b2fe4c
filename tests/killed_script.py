"""Runs a script and lets it be killed at an exact moment: when it asks the system for something.

    python tests/killed_script.py SCRIPT EVENT PATTERN COUNT

EVENT is one of Python's audit events, such as `open` (for writing) or `os.rename`. When it is
raised for the COUNT-th time with a path that ends with PATTERN, a regular expression, the process
is gone before the event happens: SIGKILL cannot be caught. With `cut` as the EVENT, the COUNT-th
such file is opened and grows to 1000 bytes; the system then ends the process in the midst of the
write.
"""

import os
import re
import resource
import runpy
import signal
import sys
from pathlib import Path

CUT_AT_BYTES = 1000


def main() -> None:
    """Sets the trap and runs the script as Python would have run it."""
    script, event, pattern, count = sys.argv[1:]
    audited, left = "open" if event == "cut" else event, int(count)

    def trap(name: str, args: tuple[object, ...]) -> None:
        nonlocal left
        if name != audited or not re.search(f"{pattern}$", str(args[0])):
            return
        if name == "open" and "w" not in str(args[1]):
            return
        left -= 1
        if left == 0 and event == "cut":
            signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            resource.setrlimit(resource.RLIMIT_FSIZE, (CUT_AT_BYTES, CUT_AT_BYTES))
        elif left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(trap)
    sys.path[0] = str(Path(script).parent)
    sys.argv = [script]
    runpy.run_path(script, run_name="__main__")


if __name__ == "__main__":
    main()
