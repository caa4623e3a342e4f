"""Runs a command on a terminal of its own (a pseudo-terminal), as a person would see it.

    python3 terminal.py TEXT COUNT COMMAND...

Waits until TEXT was written COUNT times, presses Ctrl-C, and prints {"status": exit code, "output": everything written}.
"""

import json
import os
import pty
import select
import sys
import time

PATIENCE_S = 60

text, count, command = sys.argv[1].encode(), int(sys.argv[2]), sys.argv[3:]
child, terminal = pty.fork()
if child == 0:
    os.execvp(command[0], command)

deadline = time.monotonic() + PATIENCE_S
output, pressed = b"", False
while True:
    if not select.select([terminal], [], [], max(deadline - time.monotonic(), 0))[0]:
        os.kill(child, 9)
        sys.exit(f"gave up waiting for {text!r}: {output!r}")
    try:
        chunk = os.read(terminal, 65536)
    except OSError:  # Linux says EIO when the other side has ended.
        chunk = b""
    if not chunk:
        break
    output += chunk
    if not pressed and output.count(text) >= count:
        os.write(terminal, b"\x03")
        pressed = True
_, status = os.waitpid(child, 0)
print(json.dumps({"status": os.waitstatus_to_exitcode(status), "output": output.decode()}))
