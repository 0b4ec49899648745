"""Numbers as short texts; NaN becomes a dash."""

from __future__ import annotations

import math

__all__ = ["percent", "short", "signed_percent", "tenths"]

_PLAIN = (1e-3, 1e6)
_NOTHING = "-"


def short(value: float, digits: int = 4) -> str:
    """Return a number to a few significant digits, without an exponent unless it needs one.

    Examples
    --------
    >>> short(0.343512), short(28194.2), short(2.5e-7), short(float("inf")), short(float("nan"))
    ('0.3435', '28194', '2.5e-07', 'inf', '-')
    """
    if math.isnan(value):
        return _NOTHING
    if math.isfinite(value) and _PLAIN[0] <= abs(value) < _PLAIN[1]:
        places = digits - 1 - math.floor(math.log10(abs(value)))
        return f"{value:.{max(places, 0)}f}"
    return f"{value:.{digits - 1}g}"


def percent(share: float) -> str:
    """Return a share in per cent, and at least 0.01%.

    Examples
    --------
    >>> percent(0.0651), percent(0.123), percent(0.00002), percent(0.9994)
    ('6.5%', '12%', '0.01%', '100%')
    """
    if share < 1e-4:
        return "0.01%"
    return f"{100 * share:.2g}%" if share < 0.099 else f"{100 * share:.0f}%"


def tenths(share: float) -> str:
    """Return a share in per cent, to one decimal place.

    Examples
    --------
    >>> tenths(0.0651), tenths(1.0), tenths(float("nan"))
    ('6.5%', '100.0%', '-')
    """
    return _NOTHING if math.isnan(share) else f"{100 * share:.1f}%"


def signed_percent(share: float) -> str:
    """Return a change in per cent, with its sign.

    Examples
    --------
    >>> signed_percent(0.0651), signed_percent(-0.042), signed_percent(-1e-9)
    ('+6.5%', '-4.2%', '0.0%')
    """
    if math.isnan(share):
        return _NOTHING
    text = f"{100 * share:+.1f}%"
    return text[1:] if text[1:] == "0.0%" else text
