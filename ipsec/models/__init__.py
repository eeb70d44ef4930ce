"""What the operator intends, and what was heard of it."""

from ipsec.models.negotiation import Kind, Negotiation
from ipsec.models.policy import Policy, key_secret
from ipsec.models.remains import Remains
from ipsec.models.settings import IpsecSettings

__all__ = ["IpsecSettings", "Kind", "Negotiation", "Policy", "Remains", "key_secret"]
