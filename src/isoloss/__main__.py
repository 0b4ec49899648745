"""The command ``isoloss``, also run by ``python -m isoloss``."""

from __future__ import annotations

import errno
import os
import signal
import sys

__all__ = ["main"]


def main() -> None:
    """Run the command line, whatever the terminal's encoding and Matplotlib's backend are.

    Raises
    ------
    SystemExit
        With the command's exit status.
    """
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        # An exception inside an import may be swallowed or leave a traceback. Nothing is written
        # before the command itself starts and handles Ctrl-C (`Commands.invoke`).
        signal.signal(signal.SIGINT, _stop_at_once)
    # The commands only write figures to files. A notebook sets MPLBACKEND to its own backend,
    # which may not be installed here.
    os.environ["MPLBACKEND"] = "agg"

    from isoloss.cli import app
    from isoloss.cli.encoding import spell_out_symbols

    spell_out_symbols()
    try:
        app(prog_name="isoloss")
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise
        # Flushing the remaining buffer must not fail a second time when Python exits.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        sys.stderr.write(f"isoloss: error: cannot write the output: {error.strerror}\n")
        sys.exit(2)


def _stop_at_once(number: int, frame: object) -> None:
    del number, frame
    os.write(2, b"isoloss: stopped\n")
    os._exit(130)


if __name__ == "__main__":
    main()
