"""What charon's log lines of a negotiation mean, in an operator's words. Pure: lines in, words out.

`explain` is the door. The rules know every message from a real daemon (tests/ipsec/logs/).
"""

from ipsec.explain.diagnosis import Diagnosis
from ipsec.explain.verdict import explain

__all__ = ["Diagnosis", "explain"]
