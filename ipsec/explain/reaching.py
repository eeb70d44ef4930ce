"""Whether the peer is reached at all, and whether the two speak the same protocol."""

import re

from ipsec.explain.diagnosis import Case, Rule, Told

_GAVE_UP = r"giving up after \d+ retransmit|peer not responding"
_SEND_ERRORS = {
    "Network is unreachable": (
        "This server has no route to {peer}, or does not have the address {source}.",
        "source_address",
    ),
    "No route to host": ("There is no way to {peer}: a router or this server says so.", ""),
    "Permission denied": ("A firewall or a route of this server forbids to send to {peer}.", ""),
    "Operation not permitted": ("A firewall of this server forbids to send to {peer}.", ""),
    "Invalid argument": ("This server throws away what goes to {peer} (a blackhole route).", ""),
}


def _unresolved(found: re.Match[str], case: Case) -> Told:
    is_source = found[1] == case.definition.source_address
    return Told(
        f"The host name {found[1]} can't be resolved, so nothing was sent.",
        "Look at the name and at the DNS servers of this host, or enter an IP address.",
        field="source_address" if is_source else "destination_address",
    )


def _not_sent(found: re.Match[str], case: Case) -> Told:
    definition = case.definition
    wording, field = _SEND_ERRORS.get(found[1], ("", ""))
    sentence = wording.format(peer=case.peer, source=definition.source_address)
    cure = f"Look at the routes and the firewall of this host: ip route get {case.peer}."
    if field == "source_address":
        cure = f"See first that Source Address is an address of this server. {cure}"
    return Told(
        sentence or f"Nothing can be sent to {case.peer}: {found[1]}.",
        cure,
        field=field or "destination_address",
        also=_GAVE_UP,
    )


def _version_refused(_: re.Match[str], case: Case) -> Told:
    version = case.definition.ike_version.label
    return Told(
        f"The peer {case.peer} does not speak {version}.",
        "Set IKE Version alike on both sides.",
        field="ike_version",
    )


def _version_refused_here(found: re.Match[str], case: Case) -> Told:
    return Told(
        f"{found[2]} asked for IKE version {found[1]}, which the daemon here does not know.",
        "Set IKE Version alike on both sides.",
        field="ike_version",
    )


def _busy(_: re.Match[str], case: Case) -> Told:
    return Told(
        f"The peer {case.peer} is in the middle of something else, such as renewing its keys.",
        "Try it again in some seconds.",
    )


def _no_more(_: re.Match[str], case: Case) -> Told:
    return Told(
        f"The peer {case.peer} takes no further connection: it has reached a limit of its own.",
        "Disconnect what is not needed there, or raise its limit.",
    )


def _limit_here(found: re.Match[str], _: Case) -> Told:
    return Told(
        f"The daemon here ignores {found[1]}: {found[2]}.",
        "Wait until the open negotiations have ended; if it lasts, look who begins so many of "
        "them, or raise the limit in strongswan.conf.",
    )


def _not_understood(found: re.Match[str], case: Case) -> Told:
    return Told(
        f"The peer {case.peer} says that it does not understand this server: {found[1]}.",
        "Read the log of the peer: it names the part that it does not take.",
    )


def _silent(_: re.Match[str], case: Case) -> Told:
    definition = case.definition
    if case.find("selected proposal: IKE"):
        return _silent_later(case)
    port = definition.remote_port
    return Told(
        f"Nobody answers at {case.peer}, UDP port {port}: the host is off, a firewall drops it, no "
        "IKE daemon listens there, or it ignores this server.",
        f"Look whether the host is up, whether UDP ports {port} and 4500 are open on the way and "
        "back, and whether its IKE daemon runs.",
        field="destination_address" if port == 500 else "remote_port",  # noqa: PLR2004 - RFC 7296
        also="initiating |retransmit",
    )


def _silent_later(case: Case) -> Told:
    likely = (
        "In IKEv1 a wrong pre-shared key can look so. "
        if case.is_ikev1 and case.is_by_key
        else "Large packets or UDP port 4500 may be blocked. "
    )
    return Told(
        f"The peer {case.peer} answered at first and then stopped. {likely}".rstrip(),
        "Read the log of the peer; look whether UDP port 4500 and fragments pass the firewalls.",
        field="authentication",
        also="selected proposal: IKE|retransmit",
    )


REACHING = (
    Rule(r"unable to resolve (\S+?), initiate aborted", _unresolved),
    Rule(r"received unsupported IKE version (\S+) from ([^,\s]+)", _version_refused_here),
    Rule(r"ignoring IKE_SA setup from ([^,\s]+), (.+)", _limit_here),
    Rule(r"received INVALID_MAJOR_VERSION", _version_refused),
    Rule(r"ignoring \S+ IKEv\d exchange on IKEv\d SA", _version_refused),
    Rule(r"received TEMPORARY_FAILURE", _busy),
    Rule(r"received NO_ADDITIONAL_SAS", _no_more),
)
# Looked at last: a peer that is not heard any more may have said why before.
UNREACHED = (
    Rule(r"error writing to socket: (.+)", _not_sent),
    Rule(r"received (INVALID_SYNTAX|UNSUPPORTED_CRITICAL_PAYLOAD|INVALID_\w+)", _not_understood),
    Rule(_GAVE_UP, _silent),
)
