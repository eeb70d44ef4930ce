"""Which algorithm the two sides do not have in common."""

import re

from ipsec.explain.diagnosis import Case, Rule, Told
from ipsec.policy.definition import FIELD_LABELS

_RECEIVED, _CONFIGURED = r"received proposals: (.+)", r"configured proposals: (.+)"
_IKE_UP = r"IKE_SA \S+ established between"
_PHASES = {
    "IKE": {"cipher": "encryption", "hash": "hash", "group": "phase_one_dh"},
    "ESP": {"cipher": "esp", "hash": "hash", "group": "phase_two_dh"},
}
_NAMES = {
    "NULL": "NULL_ENC",
    "DES_CBC": "DES",
    "3DES_CBC": "3DES",
    "BLOWFISH_CBC_128": "BLOWFISH",
    "AES_CBC_128": "AES-128",
    "AES_CBC_256": "AES-256",
    "AES_GCM_16_128": "AES-128-GCM",
    "AES_GCM_16_256": "AES-256-GCM",
    "CHACHA20_POLY1305": "ChaCha20-Poly1305",
    "CURVE_25519": "Curve25519",
}
_HASH = re.compile(r"^(?:PRF_)?HMAC_(MD5|SHA1|SHA2_\d+)")
_GROUP = re.compile(r"^(?:MODP|ECP)_(\d+)$|^CURVE_25519$")


def _parts(text: str) -> dict[str, set[str]]:
    """The transforms of all proposals, by kind, under the names of the screens."""
    found: dict[str, set[str]] = {"cipher": set(), "hash": set(), "group": set()}
    for proposal in text.split(", "):
        for token in proposal.partition(":")[2].split("/"):
            used = _HASH.match(token)
            if used:
                found["hash"].add(used[1].replace("SHA2_", "SHA-"))
            elif _GROUP.match(token):
                found["group"].add(_NAMES.get(token, token.replace("_", " ")))
            elif token not in {"NO_EXT_SEQ", "EXT_SEQ"}:
                found["cipher"].add(_NAMES.get(token, token))
    return found


def _compared(found: re.Match[str], case: Case) -> Told | None:
    """This server has answered: its log has both sides."""
    received = case.find(_RECEIVED)
    if not received:
        return None
    theirs, ours = _parts(received[1]), _parts(found[1])
    fields = _PHASES["ESP" if found[1].startswith("ESP") else "IKE"]
    differing = [
        (field, theirs[kind], ours[kind])
        for kind, field in fields.items()
        if theirs[kind] and ours[kind] and not theirs[kind] & ours[kind]
    ]
    if not differing and bool(theirs["group"]) is not bool(ours["group"]):
        differing = [(fields["group"], theirs["group"] or {"Off"}, ours["group"] or {"Off"})]
    told = "; ".join(
        f"{FIELD_LABELS[field]} is {_list(them)} there and {_list(us)} here"
        for field, them, us in differing
    )
    told = told or "each one is known here, but not together"
    return Told(
        f"The peer {case.peer} offers other algorithms: {told}.",
        "Make them the same on both sides.",
        field=differing[0][0] if differing else fields["cipher"],
        also=_RECEIVED,
    )


def _list(names: set[str]) -> str:
    return ", ".join(sorted(names))


def _refused(_: re.Match[str], case: Case) -> Told:
    """The notify says no more than no; when it came tells which phase it is about."""
    is_phase_two = case.find(_IKE_UP) or case.find("no CHILD_SA built|CHILD_SA .* reqid")
    return _phase_two(case) if is_phase_two or not case.find("initiating ") else _phase_one(case)


def _phase_one(case: Case) -> Told:
    other = "IKEv2" if case.is_ikev1 else "IKEv1"
    algorithms = "Encryption Algorithm, Hash Algorithm or Phase One DH"
    return Told(
        f"The peer {case.peer} answers and refuses phase one. Most likely {algorithms} differ; it "
        f"says the same when it has no policy for {case.definition.source_address}, or only one "
        f"for {other}.",
        "See first that the counterpart is enabled on the peer; then compare these fields with the "
        "peer's. Its own log names both proposals.",
        field="encryption",
        also="initiating ",
    )


def _phase_two(case: Case) -> Told:
    fields = "ESP Algorithm or Hash Algorithm"
    # The first one of an IKE SA takes its keys from phase one; a later one has its own exchange.
    if case.is_ikev1 or not case.find("initiating IKE_SA"):
        fields = "ESP Algorithm, Hash Algorithm or Phase Two DH"
    return Told(
        f"The peer {case.peer} authenticated this server and refuses phase two. Most likely "
        f"{fields} differ; it says the same when its kernel lacks the algorithm.",
        "Compare these fields with the peer's; its own log names both proposals.",
        field="esp",
        also=_IKE_UP,
    )


def _group_refused(found: re.Match[str], case: Case) -> Told:
    return Told(
        f"The peer {case.peer} does not take {FIELD_LABELS['phase_one_dh']} "
        f"{found[1].replace('_', ' ')}; it asks for {found[2].replace('_', ' ')}.",
        f"Make {FIELD_LABELS['phase_one_dh']} the same on both sides.",
        field="phase_one_dh",
    )


def _key_exchange(_: re.Match[str], case: Case) -> Told:
    """Charon says so in IKEv1 when it has no pre-shared key for the one who asks."""
    if case.is_ikev1 and case.is_by_key and case.find("selected proposal: IKE"):
        return Told(
            f"The peer {case.peer} agreed on the algorithms and then stopped. Most likely it has "
            f"no pre-shared key for {case.definition.source_address}, or uses certificates.",
            "Look there at Authentication Method, at the addresses, and at the pre-shared key.",
            field="authentication",
        )
    return Told(
        f"The peer {case.peer} does not take the Diffie-Hellman group.",
        f"Make {FIELD_LABELS['phase_one_dh']} and {FIELD_LABELS['phase_two_dh']} the same on both "
        "sides.",
        field="phase_one_dh",
    )


def _nobody_here(found: re.Match[str], case: Case) -> Told:
    version = case.definition.ike_version.label
    return Told(
        f"A negotiation came from {found[2]} to {found[1]}, and the daemon here has no policy for "
        f"these two addresses, or has one for {version} and was asked for another version.",
        f"Compare the addresses and IKE Version ({version} here) with the peer's.",
        field="ike_version",
    )


PROPOSALS = (
    Rule(_CONFIGURED, _compared),
    Rule(r"no IKE config found for (\S+?)\.\.\.([^,\s]+)", _nobody_here),
    Rule(r"received INVALID_KE_PAYLOAD", _key_exchange),
    Rule(r"peer didn't accept DH group (\w+), it requested (\w+)", _group_refused),
    Rule(r"received NO_PROPOSAL_CHOSEN", _refused),
)
