"""A program that has to end, and a second Ctrl-C at the worst moment."""

import subprocess
import sys
from pathlib import Path

from devkit.home import PROJECT

# The signal comes while the first stop asks for the end of the program, as a second Ctrl-C under load may.
STOPPED_TWICE = """
import os, signal, sys
from pathlib import Path
from devkit.processes import Child

class Deaf(Child):
    def command(self):
        code = 'import signal as s, time; s.signal(s.SIGTERM, s.SIG_IGN); print(1, flush=True); time.sleep(99)'
        return [sys.executable, '-c', code]
    def is_ready(self):
        return bool(self.said)

child, ask, asked = Deaf(Path(sys.argv[1])), os.waitpid, []
child.start()
child.wait()
signal.signal(signal.SIGINT, lambda *_: child.kill())

def interrupted(pid, options):
    if not asked:
        asked.append(pid)
        signal.raise_signal(signal.SIGINT)
    return ask(pid, options)

os.waitpid = interrupted
child.stop()
print('ended', asked == [child.pid])
"""


def test_a_second_ctrl_c_while_the_first_waits_ends_it_at_once(tmp_path: Path) -> None:
    command = [sys.executable, "-c", STOPPED_TWICE, str(tmp_path / "log")]

    answer = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=30, check=False)

    assert answer.stdout == "ended True\n", answer.stderr
