"""The comment at the top of every export: what it is, which policies, what to put in by hand."""

import textwrap
from collections.abc import Iterable

from certificates.x509.visible import visible
from ipsec.exchange.mirror import Mirror

KEY_PLACEHOLDER = "PUT-THE-PRE-SHARED-KEY-HERE"
_COLUMNS = 92


def heading(mirror: Mirror, *, mark: str, what: str, by_hand: Iterable[str]) -> str:
    """The lines of the comment, each with `mark` in front.

    Args:
        what: the format and its product ("swanctl.conf of strongSwan 5.9 or later").
        by_hand: the steps, in their order; what follows on a line feed is to be copied as it is.
    """
    names = ", ".join(str(policy) for policy in mirror.policies)
    paragraphs = [
        f"{what}, for the host {mirror.peer}.",
        f"Made by ccxsec on {visible(mirror.made_by)}, {mirror.made_at:%Y-%m-%d %H:%M:%S} UTC.",
        f"Policies: {names}",
        "",
        "By hand:",
    ]
    lines = [line for text in paragraphs for line in textwrap.wrap(text, _COLUMNS) or [""]]
    for number, step in enumerate(by_hand, start=1):
        prose, _, literal = step.partition("\n")
        lines += textwrap.wrap(
            f"{number}. {prose}", _COLUMNS, subsequent_indent="   ", break_on_hyphens=False
        )
        lines += [f"       {literal}"] if literal else []
    return "".join(f"{mark} {line}".rstrip() + "\n" for line in lines)
