"""Names in the directory on the SFTP server (docs/exchange-format.md).

Each published file has a number of its own, and the highest one counts: nothing is overwritten. A
name that is not written exactly as here is not ours, and is neither read nor removed.
"""

import re
from dataclasses import dataclass
from typing import TypeAlias

SERVICES = ("tomcat", "ipsec")
HIGHEST_NUMBER = 10**12 - 1
_CLUSTER = r"(?P<cluster_id>[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})"
# At least six digits, and no more zeros in front than that takes: one number, one name.
_NUMBER = r"(?P<number>[0-9]{6}|[1-9][0-9]{6,11})"
_EXPORT = re.compile(rf"ccxsec\.(?P<service>{'|'.join(SERVICES)})\.{_CLUSTER}\.{_NUMBER}\.tar\.gz")
_CONSOLIDATED = re.compile(rf"ccxsec\.consolidated\.{_NUMBER}\.tar")
_PART = re.compile(rf"\.ccxsec\.part\.{_CLUSTER}\.(?P<token>[0-9a-f]{{16}})")
_LOCK = re.compile(rf"\.ccxsec\.lock\.{_NUMBER}")
_CLUSTER_ID = re.compile(_CLUSTER)
_LONGEST = 100  # characters; ours are shorter


@dataclass(frozen=True, slots=True)
class ExportName:
    """The export of one cluster and service; `cluster_id` is a UUID in lower case."""

    service: str
    cluster_id: str
    number: int


@dataclass(frozen=True, slots=True)
class ConsolidatedName:
    """The exports of several clusters in one file; `number`: of the lock it was made under."""

    number: int


@dataclass(frozen=True, slots=True)
class PartName:
    """An upload that is under way, or was left behind; `token` is 16 hexadecimal digits."""

    cluster_id: str
    token: str


@dataclass(frozen=True, slots=True)
class LockName:
    number: int


Name: TypeAlias = ExportName | ConsolidatedName | PartName | LockName


def is_cluster_id(text: str) -> bool:
    """Whether it is a UUID as we write it: lower case, with hyphens."""
    return _CLUSTER_ID.fullmatch(text) is not None


def export_name(service: str, cluster_id: str, number: int) -> str:
    """Raises ValueError for what no export is named after."""
    return _checked(f"ccxsec.{service}.{cluster_id}.{number:06d}.tar.gz")


def consolidated_name(number: int) -> str:
    """Raises ValueError for a number out of range."""
    return _checked(f"ccxsec.consolidated.{number:06d}.tar")


def part_name(cluster_id: str, token: str) -> str:
    """Raises ValueError unless the token is 16 digits in lower-case hexadecimal."""
    return _checked(f".ccxsec.part.{cluster_id}.{token}")


def lock_name(number: int) -> str:
    """Raises ValueError for a number out of range."""
    return _checked(f".ccxsec.lock.{number:06d}")


def _checked(name: str) -> str:
    if read_name(name) is None:
        raise ValueError(f"{name!r} can't be read back")
    return name


def read_name(text: str) -> Name | None:
    """What a file of this name is, or None where it is none of ours."""
    if len(text) > _LONGEST:
        return None
    if found := _EXPORT.fullmatch(text):
        return ExportName(found["service"], found["cluster_id"], int(found["number"]))
    if found := _CONSOLIDATED.fullmatch(text):
        return ConsolidatedName(int(found["number"]))
    if found := _PART.fullmatch(text):
        return PartName(found["cluster_id"], found["token"])
    if found := _LOCK.fullmatch(text):
        return LockName(int(found["number"]))
    return None
