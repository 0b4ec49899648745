"""A limit on the work of one check, so that no certificate keeps a reader waiting forever."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from isoloss.checker.errors import LimitError

__all__ = ["bounded", "spend"]


class _Account:
    """The operations that a check may still do."""

    def __init__(self, most: int) -> None:
        self.most = self.left = most


_account: ContextVar[_Account | None] = ContextVar("account", default=None)


@contextmanager
def bounded(most: int) -> Iterator[None]:
    """Allow so many operations inside, each about as long as one on numbers of 128 bits."""
    token = _account.set(_Account(most))
    try:
        yield
    finally:
        _account.reset(token)


def spend(operations: int) -> None:
    """Count operations before they are done; raise `LimitError` if they are too many."""
    account = _account.get()
    if account is None:
        return
    account.left -= operations
    if account.left < 0:
        raise LimitError(
            f"the check needs more than {account.most} operations, the limit; allow more with "
            "--max-work (in Python, max_work=)"
        )
