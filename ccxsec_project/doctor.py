"""Every check of every app, in one list: what `./ccxsec doctor` asks."""

from collections.abc import Iterator

from bulk.operations.doctor import exchange_problems
from certificates.operations.doctor import CHECKS, Asked, Check, examine
from certificates.refusal import Finding
from ipsec.operations.doctor import policy_problems

ALL_CHECKS: tuple[Check, ...] = (*CHECKS, policy_problems, exchange_problems)


def findings(asked: Asked) -> Iterator[Finding]:
    """What is wrong in this installation now; nothing is changed."""
    return examine(ALL_CHECKS, asked)
