"""One function an operator's verb: the only writers of policies.

Importing this package registers the functions of the background jobs.
"""

from ipsec.operations.apply import Applied, apply, request_apply
from ipsec.operations.examine import PolicyRefused, examine, warnings
from ipsec.operations.mirror import PeerFile, compare_peer, export_peer, read_peer
from ipsec.operations.negotiate import disconnect, rekey, request_connect, request_diagnose
from ipsec.operations.plan import Plan, planned
from ipsec.operations.preflight import preflight
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
    "PeerFile",
    "Plan",
    "PolicyRefused",
    "add_policy",
    "apply",
    "change_policy",
    "compare_peer",
    "confirm_trial",
    "delete_policies",
    "disconnect",
    "end_trials",
    "examine",
    "export_peer",
    "listen",
    "planned",
    "preflight",
    "read_peer",
    "rekey",
    "request_apply",
    "request_connect",
    "request_diagnose",
    "set_enabled",
    "standings",
    "switch_upgrade",
    "warnings",
]
