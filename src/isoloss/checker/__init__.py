"""Certificates checked by code of its own: only python-flint is shared with the prover."""

try:
    import flint
except ImportError as error:
    from isoloss._extras import install_command

    raise ImportError(
        f"checking certificates needs python-flint: {install_command('proof')} ({error})"
    ) from error
del flint

from isoloss.checker.check import Checked, UndecidedError, check, verify
from isoloss.checker.runs import RejectedError

__all__ = ["Checked", "RejectedError", "UndecidedError", "check", "verify"]
