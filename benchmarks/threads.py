"""`isoloss design diabetes --steps 8` with BLAS's own threads, and with one for small work.

Run: python benchmarks/threads.py [--steps K] [--data NAME] [--beside N]
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time

START = """
import sys
from isoloss._parallel import threads
if sys.argv.pop(1) == "BLAS's own":
    threads._PAYS = 0.0  # no work is small
from isoloss.cli import app
app(prog_name="isoloss")
"""
BUSY = "while True: pass"
SETTINGS = ("one", "BLAS's own")


def measured(setting: str, arguments: list[str]) -> tuple[float, float]:
    """Return the seconds that a run takes, and those that processors spend on it."""
    environment = {k: v for k, v in os.environ.items() if not k.endswith("_NUM_THREADS")}
    command = [sys.executable, "-c", START, setting, *arguments]
    started = time.perf_counter()
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL, env=environment)
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise SystemExit(f"isoloss {' '.join(arguments)} failed")
    return time.perf_counter() - started, usage.ru_utime + usage.ru_stime


def main() -> None:
    """Print seconds for both settings, and their ratios."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--steps", type=int, default=8)
    parser.add_argument("--data", default="diabetes")
    parser.add_argument("--beside", type=int, default=0, help="processes that keep cores busy")
    options = parser.parse_args()
    arguments = ["design", options.data, "--steps", str(options.steps)]
    print(f"isoloss {' '.join(arguments)}: seconds (of processors)")
    others = [subprocess.Popen([sys.executable, "-c", BUSY]) for _ in range(options.beside)]
    try:
        found = {setting: measured(setting, arguments) for setting in SETTINGS}
    finally:
        for other in others:
            other.kill()
            other.wait()
    for setting, (wall, spent) in found.items():
        print(f"  threads: {setting:12} {wall:6.1f} ({spent:.1f})")
    (wall, spent), (wall_own, spent_own) = (found[setting] for setting in SETTINGS)
    print(f"  ratio                 {wall_own / wall:6.1f} ({spent_own / spent:.1f})")


if __name__ == "__main__":
    main()
