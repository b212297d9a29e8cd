"""Logs that never show a secret.

:class:`Redactor` knows the values that were resolved and takes them out of text. It is installed over the
process's output streams, because what writes there (other people's loggers, stack traces, ``print``) cannot be
asked to be careful.
"""

from __future__ import annotations

import json
import logging
import re
import sys
from base64 import b64encode
from collections.abc import Iterable
from io import TextIOBase
from typing import Any, Final, TextIO, cast
from urllib.parse import quote, quote_plus

PLACEHOLDER: Final = "*****"
# Shorter values would blank out ordinary words, and are no secrets anyway.
_SHORTEST: Final = 4
# Shorter parts of a value are words that a log needs, such as "postgresql" of a whole URL.
_LONG_PART: Final = 12
_DELIMITERS: Final = re.compile(r"[/@:?#&=%+;,'\"\s]+")
_URL_SAFE: Final = str.maketrans("+/", "-_")
# Where a message was too long for whoever wrote it: pydantic cuts the middle out of a value, others cut its end.
_CUT: Final = re.compile(r"\.\.\.|…")


def _forms(value: str) -> Iterable[str]:
    """The ways a value may be spelled in a log: as it is, in a URL, in JSON, in Python, in base64, in parts."""
    yield from (value, quote(value, safe=""), quote(value), quote_plus(value))
    yield from (json.dumps(value)[1:-1], repr(value)[1:-1])
    yield from (line for line in value.splitlines() if len(line) > 2 * _SHORTEST)
    # A password inside a URL is taken apart where the URL is, and an error shows the part that it cannot read.
    yield from (part for part in _DELIMITERS.split(value) if len(part) >= _LONG_PART)
    yield from (form for form in _encoded(value.encode(errors="surrogateescape")) if len(form) >= 2 * _SHORTEST)


def _encoded(value: bytes) -> Iterable[str]:
    """What base64 makes of a value, wherever it stands in what was encoded, such as ``user:password`` for HTTP."""
    for shift in range(3):
        whole = b64encode(b" " * shift + value).decode()
        # The first and the last four characters are also of what stands beside the value.
        inner = whole[4 if shift else 0 : -4 if (shift + len(value)) % 3 else None]
        yield from (inner, inner.translate(_URL_SAFE))


class Redactor:
    """Replaces known secret values in text."""

    def __init__(self, values: Iterable[str] = ()) -> None:
        self._forms: list[str] = []
        self.add(values)

    def add(self, values: Iterable[str]) -> None:
        """Learn more values; the longest are replaced first, so that no part of one survives another."""
        forms = {form for value in values for form in _forms(value) if len(form) >= _SHORTEST}
        self._forms = sorted(forms | set(self._forms), key=len, reverse=True)

    def text(self, text: str) -> str:
        """``text`` without the known values."""
        for form in self._forms:
            text = text.replace(form, PLACEHOLDER)
        for cut in reversed([*_CUT.finditer(text)]):
            before, after = self._without_a_beginning(text[: cut.start()]), self._without_an_end(text[cut.end() :])
            text = f"{before}{cut[0]}{after}"
        return text

    def _without_a_beginning(self, text: str) -> str:
        """``text`` without the beginning of a value that it ends with."""
        for form in self._forms:
            for length in range(min(len(form), len(text)), _SHORTEST - 1, -1):
                if text.endswith(form[:length]):
                    return text[:-length] + PLACEHOLDER
        return text

    def _without_an_end(self, text: str) -> str:
        """``text`` without the end of a value that it starts with."""
        for form in self._forms:
            for length in range(min(len(form), len(text)), _SHORTEST - 1, -1):
                if text.startswith(form[-length:]):
                    return PLACEHOLDER + text[length:]
        return text

    def data(self, value: Any) -> Any:
        """Nested dicts and lists without the known values, in keys as well."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {self.text(key): self.data(inner) for key, inner in cast(dict[str, Any], value).items()}
        if isinstance(value, list):
            return [self.data(inner) for inner in cast(list[Any], value)]
        return value


class RedactingFilter(logging.Filter):
    """Takes the known values out of a record's message and its stack trace."""

    def __init__(self, redactor: Redactor) -> None:
        super().__init__()
        self._redactor = redactor

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg = self._redactor.text(record.getMessage())
        record.args = None
        if record.exc_info and not record.exc_text:
            record.exc_text = self._redactor.text(logging.Formatter().formatException(record.exc_info))
        return True


class RedactingStream(TextIOBase):
    """A text stream that writes to another one, without the known values."""

    def __init__(self, stream: TextIO, redactor: Redactor) -> None:
        super().__init__()
        self._stream = stream
        self._redactor = redactor

    def write(self, s: str, /) -> int:
        self._stream.write(self._redactor.text(s))
        return len(s)

    def flush(self) -> None:
        self._stream.flush()

    def fileno(self) -> int:
        return self._stream.fileno()

    def isatty(self) -> bool:
        return self._stream.isatty()


def redact_output(redactor: Redactor) -> None:
    """From now on nothing that Python writes to this process's output shows a known value."""
    sys.stdout = RedactingStream(sys.stdout, redactor)
    sys.stderr = RedactingStream(sys.stderr, redactor)
    for handler in logging.getLogger().handlers:
        handler.addFilter(RedactingFilter(redactor))
