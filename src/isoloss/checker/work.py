"""A limit on the work of one check, so that no certificate keeps anyone waiting forever."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from isoloss.checker.errors import LimitError

__all__ = ["bounded", "spend"]


# the number of operations that a check may do, and how many of them are left
_account: ContextVar[list[int] | None] = ContextVar("account", default=None)


@contextmanager
def bounded(most: int) -> Iterator[None]:
    """Allow ``most`` operations inside, each about as long as one on numbers of 128 bits."""
    token = _account.set([most, most])
    try:
        yield
    finally:
        _account.reset(token)


def spend(operations: int) -> None:
    """Count operations before doing them; raise `LimitError` if there are too many."""
    account = _account.get()
    if account is None:
        return
    account[1] -= operations
    if account[1] < 0:
        raise LimitError(
            f"the check needs more than {account[0]} operations, the limit; allow more with "
            "--max-work (in Python, max_work=)"
        )
