"""The verdict on a policy. Pure: everything that was heard comes in, one verdict comes out."""

from ipsec.standing.judge import judge
from ipsec.standing.negotiated import Compared, compared
from ipsec.standing.words import Heard, Intended, LastFailure, Leak, Standing, Word

__all__ = [
    "Compared",
    "Heard",
    "Intended",
    "LastFailure",
    "Leak",
    "Standing",
    "Word",
    "compared",
    "judge",
]
