"""One function an operator's verb: the only writers of policies.

Importing this package registers the functions of the background jobs.
"""

from ipsec.operations.apply import Applied, apply, request_apply
from ipsec.operations.examine import PolicyRefused, examine, warnings
from ipsec.operations.save import add_policy, change_policy
from ipsec.operations.state import listen, standings
from ipsec.operations.switch import (
    confirm_trial,
    delete_policies,
    end_trials,
    set_enabled,
    switch_upgrade,
)

__all__ = [
    "Applied",
    "PolicyRefused",
    "add_policy",
    "apply",
    "change_policy",
    "confirm_trial",
    "delete_policies",
    "end_trials",
    "examine",
    "listen",
    "request_apply",
    "set_enabled",
    "standings",
    "switch_upgrade",
    "warnings",
]
