"""How it ended well, and how an SA that was there ended."""

import re

from ipsec.explain.diagnosis import Case, Diagnosis, Rule, Told
from ipsec.policy.choices import Protocol
from ipsec.policy.definition import ANY_PORT, FIELD_LABELS

_UP = r"CHILD_SA \S+ established with SPIs .* and TS (.+) === (.+)"
_THERE = r"not establishing CHILD_SA .* due to existing duplicate"
_GONE = (
    r"received DELETE for|closing CHILD_SA|DPD check timed out|giving up after|"
    r"CHILD_SA rekeying failed|unable to install"
)
_ANSWER = r"(?:IKE_AUTH|CREATE_CHILD_SA) response \d+ \[.* SA .*TSi"
_IKE_UP = r"IKE_SA \S+ established between"
_PORTS = re.compile(r"\[(\w*)(/?)")


def established(case: Case) -> Diagnosis | None:
    """An SA that nothing ended afterwards. What it replaced may well be closed (rekeying)."""
    up, there = case.find(_UP), case.find(_THERE)
    if there:
        sentence = "It was connected already."
        return case.diagnosis(sentence, "", proofs=case.proofs(_THERE), up=True)
    if not up or _ended_after(case):
        return None
    if _is_tunnel(case):
        sentence = "It is connected in tunnel mode: the peer is not set to transport mode."
        cure = "Set transport mode on the peer; strongSwan: mode = transport in the child."
        return case.diagnosis(sentence, cure, proofs=case.proofs(_UP), field="mode", up=True)
    field = _narrowed(case, up[1], up[2])
    if not field:
        sentence = f"It is connected: traffic between {up[1]} and {up[2]} is protected."
        return case.diagnosis(sentence, "", proofs=case.proofs(_UP), up=True)
    sentence = (
        f"It is connected, but protects less than this policy says: only traffic between {up[1]} "
        f"and {up[2]}. The peer names less in {FIELD_LABELS[field]}."
    )
    cure = f"Make {FIELD_LABELS[field]} the same on both sides."
    return case.diagnosis(sentence, cure, proofs=case.proofs(_UP), field=field, up=True)


def _is_tunnel(case: Case) -> bool:
    """RFC 7296, 1.3.1: a responder agrees to transport mode by saying so, else it is a tunnel."""
    answers = [line for line in case.all_lines if re.search(_ANSWER, line)]
    return bool(answers) and "N(USE_TRANSP)" not in answers[-1]


def _ended_after(case: Case) -> bool:
    """A rekeying closes the SA that it replaced: that is no end."""
    later = case.lines[case.position(_UP) + 1 :]
    is_rekeying = any("outbound CHILD_SA" in line for line in case.lines)
    gone = [line for line in later if re.search(_GONE, line)]
    is_replaced = all("DELETE for ESP" in line or "closing" in line for line in gone)
    return bool(gone) and not (is_rekeying and is_replaced)


def _narrowed(case: Case, local: str, remote: str) -> str:
    """The field in which the negotiated traffic is less than the configured; "" for none."""
    definition = case.definition
    for field, configured, selector in (
        ("source_port", definition.source_port, local),
        ("destination_port", definition.destination_port, remote),
    ):
        found = _PORTS.search(selector)
        if not found:
            continue
        if configured == ANY_PORT and found[2]:
            return field
        if definition.protocol is Protocol.ANY and found[1] not in {"", "0", "any"}:
            return "protocol"
    return ""


def _deleted(_: re.Match[str], case: Case) -> Told:
    if not case.is_by_key and case.find(_IKE_UP):
        return Told(
            f"The peer {case.peer} ended the connection as soon as it was made: most likely it "
            "does not accept the certificate of this server.",
            "Read the log of the peer; give it this server's ipsec certificate and its CA.",
            field="authentication",
            also=_IKE_UP,
        )
    return Told(
        f"The peer {case.peer} ended the connection.",
        "Ask there why: the policy may be disabled, changed or restarted. New traffic tries again.",
        also=r"deleting IKE_SA|closing CHILD_SA",
    )


def _dead(_: re.Match[str], case: Case) -> Told:
    return Told(
        f"The peer {case.peer} was connected and then stopped to answer (dead peer detection).",
        "Look whether it runs and is reachable; new traffic tries again by itself.",
        also=r"sending DPD request|giving up after",
    )


def _dead_if_asked(_: re.Match[str], case: Case) -> Told | None:
    asked = case.position("sending DPD request")
    return _dead(_, case) if asked > case.position("initiating .*IKE_SA") else None


def _rekeying(_: re.Match[str], case: Case) -> Told:
    return Told(
        f"The keys of phase two could not be renewed with {case.peer}, though it had connected. In "
        f"IKEv2 {FIELD_LABELS['phase_two_dh']} is compared at the first renewal only.",
        f"Make {FIELD_LABELS['phase_two_dh']} the same on both sides.",
        field="phase_two_dh",
        also="received .* notify",
    )


REKEYING = Rule(r"CHILD_SA rekeying failed", _rekeying)
DEAD = (
    Rule(r"DPD check timed out", _dead),
    Rule(r"giving up after \d+ retransmit", _dead_if_asked),
)
ENDED = (Rule(r"received DELETE for (?:IKE_SA|ESP CHILD_SA)", _deleted),)
