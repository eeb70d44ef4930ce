"""Sections of the IKE daemon as the text of a swanctl.conf (swanctl.conf(5))."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

MASKED = "********"  # in the place of every secret
_NO_SECTION_NAME = re.compile(r"[^A-Za-z0-9/@_-]")  # a dot or a colon would begin another section
_PLAIN = re.compile(r"[A-Za-z0-9/@_.|*\[\]-]+")


def swanctl_text(sections: Mapping[str, Any]) -> str:
    """Nested sections as text: a mapping is a section, a sequence a list of values.

    A section whose name can't be written as it is gets a comment with the name that it has in the
    daemon. Nothing here is secret: who calls has masked it.
    """
    return "".join(f"{line}\n" for line in _lines(sections, ""))


def comment(text: str) -> str:
    """Text as comment lines."""
    return "".join(f"# {line}".rstrip() + "\n" for line in text.splitlines())


def _lines(section: Mapping[str, Any], indent: str) -> Iterator[str]:
    for name, value in section.items():
        if isinstance(value, Mapping):
            written = _NO_SECTION_NAME.sub("-", name)
            if written != name:
                yield f"{indent}# {name}"
            yield f"{indent}{written} {{"
            yield from _lines(value, f"{indent}  ")
            yield f"{indent}}}"
        elif isinstance(value, str):
            yield f"{indent}{name} = {_value(value)}"
        else:
            yield f"{indent}{name} = {_listed(value)}"


def _listed(values: Sequence[str]) -> str:
    return ", ".join(map(_value, values))


def _value(text: str) -> str:
    if _PLAIN.fullmatch(text):
        return text
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
