"""What can go wrong in phase two beside its algorithms: the traffic, the kernel, the renewal."""

import re

from ipsec.explain.diagnosis import Case, Rule, Told
from ipsec.explain.ending import DEAD, REKEYING
from ipsec.policy.choices import Protocol

_SAME_TRAFFIC = (
    "Make source, destination, their ports and Protocol mirror each other on the two sides; "
    "Compare with peer shows where they don't."
)


def _likely(case: Case) -> str:
    """The field of the traffic that a person sets, rather than the defaults."""
    definition = case.definition
    if definition.destination_port:
        return "destination_port"
    if definition.source_port:
        return "source_port"
    if definition.protocol is not Protocol.ANY:
        return "protocol"
    # All traffic of two hosts: nothing is left to differ but the mode, which IKEv1 compares.
    return "mode" if case.is_ikev1 else "destination_address"


def _refused_here(found: re.Match[str], case: Case) -> Told:
    return Told(
        f"The peer {case.peer} asks for other traffic than this policy names: {found[1]}.",
        _SAME_TRAFFIC,
        field=_likely(case),
    )


def _no_child_here(found: re.Match[str], case: Case) -> Told:
    return Told(
        f"The peer {case.peer} asks for traffic or a mode that no policy here has: {found[1]}.",
        f"{_SAME_TRAFFIC} Look there whether its mode is transport.",
        field=_likely(case),
    )


def _refused_there(_: re.Match[str], case: Case) -> Told:
    return Told(
        f"The peer {case.peer} authenticated this server, and does not protect the traffic that "
        "this policy names.",
        f"See first that the counterpart is enabled on the peer. {_SAME_TRAFFIC}",
        field=_likely(case),
    )


def _refused_there_in_ikev1(_: re.Match[str], case: Case) -> Told:
    told = _refused_there(_, case)
    cure = f"{told.cure} In IKEv1 this is also said when its mode is tunnel: it must be transport."
    return Told(told.sentence, cure, field=told.field)


def _kernel(_: re.Match[str], case: Case) -> Told:
    error = case.find(r"received netlink error: (.+)")
    reason = f" ({error[1]})" if error else ""
    return Told(
        f"The two sides agreed, and the kernel of this server did not take the result{reason}.",
        "Look whether this kernel has ESP and the algorithm: modprobe esp4 esp6, then dmesg.",
        field="esp",
        also=r"received netlink error|unable to add SAD entry",
    )


TRAFFIC = (
    Rule(r"unable to install .* in kernel", _kernel),
    REKEYING,
    *DEAD,
    Rule(r"traffic selectors (.+) unacceptable", _refused_here),
    Rule(r"no matching CHILD_SA config found for (.+)", _no_child_here),
    Rule(r"received TS_UNACCEPTABLE", _refused_there),
    Rule(r"received INVALID_ID_INFORMATION", _refused_there_in_ikev1),
)
