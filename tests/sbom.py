"""`./ccxsec sbom [FILE]`: the software bill of materials, CycloneDX in JSON.

Every package of `requirements/run.txt` with its version, the digests of the lock, who needs it, and
its licence as the installed package states it. It is checked against the schema before it is
written.
"""

import re
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from os import environ
from pathlib import Path

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model import HashAlgorithm, HashType
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.model.license import License
from cyclonedx.output.json import JsonV1Dot6
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packageurl import PackageURL

ROOT = Path(__file__).resolve().parent.parent
LOCK = ROOT / "requirements" / "run.txt"
_PACKAGE = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^]]*\])?==([^\s;]+)(?:\s*;\s*(.*?))?\s*\\?$")
_OURS = "License :: OSI Approved :: "


@dataclass(frozen=True, slots=True)
class Locked:
    """A package of the lock; `marker`: where it is installed, "" everywhere."""

    name: str
    version: str
    marker: str
    digests: tuple[str, ...]
    needed_by: tuple[str, ...]


def locked(text: str) -> Iterator[Locked]:
    """The packages of a compiled requirements file."""
    for block in re.split(r"\n(?=[A-Za-z0-9])", text):
        lines = block.splitlines()
        found = _PACKAGE.match(lines[0]) if lines else None
        if found:
            parents = re.findall(r"^\s+#\s+(?:via\s+)?(\S+)(?:\s\(.*\))?$", block, re.MULTILINE)
            yield Locked(
                found[1],
                found[2],
                found[3] or "",
                tuple(re.findall(r"--hash=sha256:([0-9a-f]{64})", block)),
                tuple(one for one in parents if one != "via"),
            )


def licences(name: str) -> list[License]:
    """As the installed package states them; none for one that is for another system."""
    try:
        about = metadata.metadata(name)
    except metadata.PackageNotFoundError:
        return []
    stated = about.get("License-Expression") or ""
    classed = [c.removeprefix(_OURS) for c in about.get_all("Classifier", []) if _OURS in c]
    short = (about.get("License") or "").strip().splitlines()[:1]
    words = [stated] if stated else classed or short
    return [LicenseFactory().make_from_string(one) for one in words if one][: 1 if stated else None]


def bill() -> Bom:
    """The product and what it is made of."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    product = Component(
        name=project["name"],
        version=project["version"],
        type=ComponentType.APPLICATION,
        description=project["description"],
        licenses=[LicenseFactory().make_from_string(project["license"])],
        bom_ref=project["name"],
    )
    bom = Bom()
    bom.metadata.component = product
    packages = list(locked(LOCK.read_text()))
    parts = {one.name: _component(one) for one in packages}
    for part in parts.values():
        bom.components.add(part)
    for one in packages:
        for parent in one.needed_by:
            bom.register_dependency(parts.get(parent, product), [parts[one.name]])
    return bom


def _component(package: Locked) -> Component:
    """One of its several licences is named, where a package states them in words alone."""
    return Component(
        name=package.name,
        version=package.version,
        type=ComponentType.LIBRARY,
        purl=PackageURL("pypi", None, package.name, package.version),
        bom_ref=f"{package.name}=={package.version}",
        licenses=licences(package.name),
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=digest) for digest in package.digests],
        description=f"Only where {package.marker}" if package.marker else None,
    )


def text() -> str:
    """The bill; raises `ValueError` where it does not fit the schema."""
    written: str = JsonV1Dot6(bill()).output_as_string(indent=2)
    problem = JsonStrictValidator(SchemaVersion.V1_6).validate_str(written)
    if problem:
        raise ValueError(f"the bill does not fit the schema: {problem}")
    return written + "\n"


def main() -> None:
    if len(sys.argv) > 1:
        Path(environ.get("CCXSEC_CALLED_FROM", ""), sys.argv[1]).write_text(text())
    else:
        print(text(), end="")


if __name__ == "__main__":
    main()
