"""The one way in which the product says no, and the shape of every reason that it gives."""

from dataclasses import dataclass
from enum import StrEnum

from certificates.sentence import together


class Refused(Exception):  # noqa: N818 - a refusal is an answer, not an error
    """An operator's request can't be done as it is. Nothing was changed.

    Args:
        code: stable name of the reason, for tests, audit and `--json` ("key.size").
        sentence: what is wrong, with the input; never a secret.
        cure: what to do next.
    """

    def __init__(self, code: str, sentence: str, cure: str) -> None:
        super().__init__(code, sentence, cure)
        self.code = code
        self.sentence = sentence
        self.cure = cure

    def __str__(self) -> str:
        return together(self.sentence, self.cure)


class Outcome(StrEnum):
    """What one check came to."""

    PASS = "pass"  # noqa: S105 - no password
    WARN = "warn"  # goes through when the operator confirms it
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Finding:
    """One check and what it came to; several are told together, where `Refused` tells one.

    `cure` is "" where nothing is to be done. `is_legacy`: a WARN about weak cryptography, which
    one setting turns into a FAIL (CCXSEC_ALLOW_LEGACY, DESIGN rule 3).
    """

    code: str
    sentence: str
    cure: str = ""
    outcome: Outcome = Outcome.FAIL
    is_legacy: bool = False

    def __str__(self) -> str:
        return together(self.sentence, self.cure)
