"""Certificates checked by code of its own: it shares python-flint with the prover, no more."""

try:
    import flint
except ImportError as error:
    from isoloss._extras import install_command

    raise ImportError(
        f"checking certificates needs python-flint: {install_command('proof')} ({error})"
    ) from error
del flint

from isoloss.checker.check import Checked, check, verify
from isoloss.checker.errors import LimitError, RejectedError, UndecidedError

__all__ = ["Checked", "LimitError", "RejectedError", "UndecidedError", "check", "verify"]
