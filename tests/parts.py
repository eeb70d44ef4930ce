"""What a test needs of the machine: without it, it fails in CI and is skipped elsewhere."""

import os
import shutil
from pathlib import Path
from typing import NoReturn

import pytest


def in_ci() -> bool:
    return bool(os.environ.get("CI"))


def is_missing(what: str, package: str) -> NoReturn:
    """A part is not there: the test fails in CI, and is skipped elsewhere."""
    message = f"{what} is missing: apt-get install {package}"
    pytest.fail(message) if in_ci() else pytest.skip(message)


def needs(program: str, package: str) -> str:
    """The path of a program; without it the test fails in CI, and is skipped elsewhere."""
    found = _found(program)
    if found is None:
        is_missing(program, package)
    return str(found)


PLUGINS = "/usr/lib/ipsec/plugins/libstrongswan-"
IPSEC_PARTS = {
    "/usr/sbin/charon-systemd": "charon-systemd",
    f"{PLUGINS}vici.so": "strongswan-swanctl",
    f"{PLUGINS}openssl.so": "libstrongswan-standard-plugins",
    f"{PLUGINS}chapoly.so": "libstrongswan-extra-plugins",
    f"{PLUGINS}updown.so": "libcharon-extra-plugins",
    "ip": "iproute2",
    "ping": "iputils-ping",
    "tcpdump": "tcpdump",
}
ESP_PARTS = {"linux.uml": "user-mode-linux", "modprobe": "kmod"}


def needs_ipsec(*, esp: bool = False) -> None:
    """What the laboratory of IPsec is made of; all that is missing is named in one line.

    Args:
        esp: also the kernel that has ESP.
    """
    if os.geteuid():
        message = "the laboratory of IPsec makes network namespaces: it needs root"
        pytest.fail(message) if in_ci() else pytest.skip(message)
    parts = IPSEC_PARTS | (ESP_PARTS if esp else {})
    missing = [package for part, package in parts.items() if not _is_there(part)]
    if missing:
        is_missing("a part of the laboratory of IPsec", " ".join(missing))


def _is_there(part: str) -> bool:
    return Path(part).exists() if part.startswith("/") else _found(part) is not None


def _found(program: str) -> str | None:
    return shutil.which(program, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
