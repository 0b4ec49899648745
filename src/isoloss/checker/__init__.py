"""An independent checker of certificates that shares only python-flint with the prover."""

try:
    import flint
except ImportError as error:
    from isoloss._messages.extras import install_command

    raise ImportError(
        f"checking certificates needs python-flint: {install_command('proof')} ({error})"
    ) from error
del flint

from isoloss.checker.checking import Checked, check, verify
from isoloss.checker.errors import LimitError, RejectedError, UndecidedError

__all__ = ["Checked", "LimitError", "RejectedError", "UndecidedError", "check", "verify"]
