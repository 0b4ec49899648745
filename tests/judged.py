"""The paper's claims for the usual parameters, judged once for all tests of a process."""

from __future__ import annotations

import functools

from isoloss.paper import Claim, claims

__all__ = ["judged_claims"]


@functools.cache
def judged_claims() -> dict[str, Claim]:
    """Return the claims by their ids; they cannot be changed."""
    return {claim.id: claim for claim in claims()}
