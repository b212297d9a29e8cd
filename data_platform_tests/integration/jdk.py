"""A Java to run a server on, among those of the machine."""

from __future__ import annotations

import os
import re
from pathlib import Path

from data_platform_tests.integration.cache import CannotBeHadError

_NAMED = ("JAVA_HOME_25", "JAVA_HOME_24", "JAVA_HOME")
_RELEASE = re.compile(r'^JAVA_VERSION="(\d+)', re.MULTILINE)


def java(what: str, least: int, most: int = 999) -> Path:
    """The program ``java`` of a JDK.

    Args:
        what: what runs on it.
        least: the first version that it runs on.
        most: the last one.

    Raises:
        CannotBeHadError: there is none.
    """
    named = [os.environ[name] for name in _NAMED if os.environ.get(name)]
    for home in [*map(Path, named), *sorted(Path("/usr/lib/jvm").glob("*"), reverse=True)]:
        release = home / "release"
        match = _RELEASE.search(release.read_text()) if release.is_file() else None
        if match and least <= int(match[1]) <= most:
            return home / "bin" / "java"
    versions = f"{least} or later" if most == 999 else f"{least} to {most}"
    raise CannotBeHadError(
        f"{what} needs a JDK {versions}; none is in /usr/lib/jvm nor named by {', '.join(_NAMED[:-1])} or {_NAMED[-1]}"
    )
