"""Output in encodings that lack the letters of formulas, such as redirected output on Windows."""

from __future__ import annotations

import codecs
import io
import sys
import unicodedata

__all__ = ["spell_out_symbols"]

_HANDLER = "isoloss.spelt_out"

_SPELT = {
    "×": "x", "·": "*", "‖": "||", "≤": "<=", "≥": ">=", "…": "...", "∂": "d", "←": "<-", "→": "->",
    "±": "+-", "≠": "!=", "∘": "o", "∇": "grad ", "½": "1/2", "−": "-", "–": "-", "√": "sqrt ",
    "⟨": "<", "⟩": ">", "⊥": "perp", "∝": "~", "∞": "inf", "“": '"', "”": '"', "’": "'", "≈": "~",
    "✓": "ok", "✗": "x", "•": "*", "＄": "$",
}  # fmt: skip  # a table, many symbols in a line


def spell_out_symbols() -> None:
    r"""Spell out symbols that the encoding of standard output and error lacks: γ as gamma.

    A character without a spelling, say in a column name, is printed as an escape such as \u4e2d, so
    that two names never become the same text.
    """
    codecs.register_error(_HANDLER, _spelt_out)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=_HANDLER)


def _spelt_out(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    text = error.object
    parts: list[str] = []
    for i in range(error.start, error.end):
        before, after = text[i - 1 : i], text[i + 1 : i + 2]
        if _is_raised(text[i]):  # one ^ for the whole exponent
            parts.append("^" * (not _is_raised(before)))
        spelt = _spelling(text[i])
        if len(spelt) > 1 and spelt.isalpha():  # unlike letters, words need spaces between them
            spelt = " " * before.isalnum() + spelt + " " * (after.isascii() and after.isalpha())
        parts.append(spelt)
    return "".join(parts), error.end


def _is_raised(character: str) -> bool:
    return unicodedata.decomposition(character or " ").startswith("<super>")


def _spelling(character: str) -> str:
    if character in _SPELT:
        return _SPELT[character]
    if unicodedata.combining(character):
        return ""  # an estimate's hat is left out
    words = unicodedata.name(character, "").split()
    if words[:1] == ["GREEK"] and words[2:3] == ["LETTER"] and len(words) == 4:
        name = "lambda" if words[3] == "LAMDA" else words[3].lower()
        return name if words[1] == "SMALL" else name.capitalize()
    if _is_raised(character) or unicodedata.decomposition(character).startswith("<sub>"):
        plain = unicodedata.normalize("NFKC", character)
        return plain if plain.isascii() else _spelling(plain)
    return character.encode("ascii", "backslashreplace").decode()
