"""HashiCorp's Vault, built once from Go modules into the user's cache.

For tests only: nothing of it is part of the package or of this repository.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

from data_platform_tests.integration.cache import CannotBeHadError, cached, say

VERSION = "1.21.4"
_MODULE = "github.com/hashicorp/vault"
_PUBLISHED = ("api", "api/auth/approle", "api/auth/kubernetes", "api/auth/userpass", "sdk")

# The module replaces five of its parts by folders that a module download does not have. These are their published
# versions that fit each other.
_GO_MOD = (
    *(f"-dropreplace={_MODULE}/{part}" for part in _PUBLISHED),
    f"-require={_MODULE}/api@v1.23.0",
    f"-require={_MODULE}/sdk@v0.25.1",
    f"-require={_MODULE}/api/auth/approle@v0.11.0",
    f"-require={_MODULE}/api/auth/userpass@v0.10.0",
    f"-require={_MODULE}/api/auth/kubernetes@v0.10.0",
    f"-replace={_MODULE}/sdk={_MODULE}/sdk@v0.21.0",
    f"-replace={_MODULE}/api={_MODULE}/api@v1.22.0",
)

# What the published parts want otherwise, and the minimal build with Kubernetes' auth method in it.
_EDITS = (
    (
        "vault/identity_store_util.go",
        r"activateDeduplication\(ctx context\.Context, req \*logical\.Request\)",
        "activateDeduplication(ctx context.Context, req *logical.Request, _ string)",
    ),
    ("vault/logical_system_activation_flags.go", r"ActivationFunc\(ctx, nil\)", 'ActivationFunc(ctx, nil, "")'),
    ("helper/builtinplugins/registry.go", r'\n\tlogicalTransit "[^"]*"', ""),
    ("helper/builtinplugins/registry.go", r"\n\t\t\t\"transit\":[^\n]*", ""),
    (
        "helper/builtinplugins/registry.go",
        r'(\n\tcredJWT "[^"]*")',
        r'\1' '\n\tcredKube "github.com/hashicorp/vault-plugin-auth-kubernetes"',
    ),
    (
        "helper/builtinplugins/registry.go",
        r'(\n\t\t\t"jwt": )',
        '\n\t\t\t"kubernetes": {Factory: credKube.Factory},' r"\1",
    ),
)  # fmt: skip


def vault_program() -> Path:
    """Path of the program ``vault``; the first call on a machine builds it, for some minutes.

    Raises:
        CannotBeHadError: there is no Go, or a module cannot be downloaded or compiled.
    """
    with cached(f"vault-{VERSION}") as cache:
        program = cache / "vault"
        if not program.is_file():
            _build(program)
    return program


def _build(program: Path) -> None:
    if shutil.which("go") is None:
        raise CannotBeHadError("building Vault needs Go, which is not installed")
    started = time.monotonic()
    say(f"building Vault {VERSION} into {program.parent} (about 7 minutes, this once)")
    with tempfile.TemporaryDirectory(dir=program.parent) as scratch:
        source = Path(scratch) / "source"
        answer = json.loads(_go(program.parent, "mod", "download", "-json", f"{_MODULE}@v{VERSION}"))
        shutil.copytree(answer["Dir"], source, copy_function=shutil.copyfile)
        for path in (source, *source.rglob("*/")):
            path.chmod(0o700)
        _go(source, "mod", "edit", *_GO_MOD)
        for name, pattern, replacement in _EDITS:
            _edit(source / name, pattern, replacement)
        built = Path(scratch) / "vault"
        _go(source, "build", "-tags", "minimal", "-ldflags", "-s -w", "-o", str(built), ".")
        built.rename(program)
    say(f"built Vault in {time.monotonic() - started:.0f} seconds")


def _edit(file: Path, pattern: str, replacement: str) -> None:
    text, edits = re.subn(pattern, replacement, file.read_text(), count=1)
    if edits != 1:
        raise CannotBeHadError(f"Vault {VERSION} has another {file.name} than expected")
    file.write_text(text)


def _go(folder: Path, *arguments: str) -> str:
    """What ``go`` printed; it runs with low priority, because it takes every processor for minutes."""
    environment = {**os.environ, "GOTOOLCHAIN": "local", "GOFLAGS": "-mod=mod -buildvcs=false"}
    ended = subprocess.run(
        ["nice", "go", *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    if ended.returncode != 0:
        last = (ended.stderr or ended.stdout).strip().splitlines()[-3:]
        raise CannotBeHadError(f"building Vault failed at 'go {arguments[0]}': {' | '.join(last)}")
    return ended.stdout
