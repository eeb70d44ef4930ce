"""Who the two sides are to each other: keys, certificates, identities."""

import re

from ipsec.explain.diagnosis import Case, Rule, Told

_UNTRUSTED = r"no trusted \S+ public key found for '(.+)'"
_METHOD = "Set Authentication Method alike on both sides."


def _no_private_key(found: re.Match[str], case: Case) -> Told | None:
    if "=" not in found[1]:  # an address instead of a name: no certificate was given to the daemon
        return _no_certificate(found, case)
    return Told(
        f"The daemon here has no private key for the certificate {found[1]} of this server.",
        "Deploy the ipsec certificate of this node again, then apply the policy.",
        field="authentication",
    )


def _no_certificate(_: re.Match[str], case: Case) -> Told | None:
    if case.is_by_key:
        return None
    return Told(
        "The daemon here has no certificate of this server with its private key.",
        "Look whether this node has an ipsec certificate of its own, then apply the policy.",
        field="authentication",
        also="no .*private key found",
    )


def _no_shared_key(_: re.Match[str], case: Case) -> Told:
    if not case.is_by_key:
        return Told(
            f"The peer {case.peer} wants a pre-shared key, and this policy uses certificates.",
            _METHOD,
            field="authentication",
        )
    return Told(
        f"The daemon here has no pre-shared key for {case.peer}.",
        "Enter the pre-shared key in the policy again, then apply it.",
        field="authentication",
    )


def _wrong_key(_: re.Match[str], case: Case) -> Told:
    return Told(
        f"The pre-shared key of {case.peer} is another one than that of this policy.",
        "Enter the same pre-shared key on both sides.",
        field="authentication",
    )


def _other_method(found: re.Match[str], case: Case) -> Told:
    return Told(
        f"The peer {case.peer} authenticates by {found[1]}, which no policy for it here does.",
        _METHOD,
        field="authentication",
    )


def _invalid(found: re.Match[str], case: Case) -> Told:
    named = case.find(_UNTRUSTED)
    whose = f"The certificate {named[1]} of the peer" if named else "The certificate of the peer"
    if found[1] == "issuer":
        whose = "The certificate of the CA that issued the peer's"
    return Told(
        f"{whose} is not valid now: it is valid from {found[2]} to {found[3]}.",
        "Have it renewed there; if its dates look right, compare the clocks of the two servers.",
        field="authentication",
        also=_UNTRUSTED,
    )


def _revoked(_: re.Match[str], case: Case) -> Told:
    return Told(
        f"The certificate of the peer {case.peer} was revoked by its CA.",
        "Have a new certificate issued for the peer.",
        field="authentication",
    )


def _no_issuer(found: re.Match[str], case: Case) -> Told:
    issuer = case.find(r'issuer is "(.+)"')
    by = issuer[1] if issuer else "a CA"
    return Told(
        f"The certificate {found[1]} of the peer was issued by {by}, which is not in ipsec-trust.",
        "Upload the certificate of that CA to ipsec-trust, then apply the policy.",
        field="authentication",
        also=f"issuer is|{_UNTRUSTED}",
    )


def _self_signed(found: re.Match[str], _: Case) -> Told:
    return Told(
        f"The certificate {found[1]} of the peer is self-signed and is not in ipsec-trust.",
        "Upload it to ipsec-trust and name it in the policy: Peer Type Different.",
        field="certificate_name",
        also=_UNTRUSTED,
    )


def _other_certificate(_: re.Match[str], case: Case) -> Told:
    name = case.definition.certificate_name
    wanted = f"{name}, which this policy names" if name else "the one of this policy"
    return Told(
        f"The peer {case.peer} shows another certificate than {wanted}.",
        "Upload the peer's certificate to ipsec-trust and choose it as Certificate Name, or set "
        "Peer Type to Same.",
        field="certificate_name",
        also="authentication of '.+' with",
    )


def _other_identity(found: re.Match[str], case: Case) -> Told:
    return Told(
        f"The peer {case.peer} calls itself {found[1]}; {found[2]} was expected.",
        "Compare the certificate and the identity of the peer with what this policy names.",
        field="destination_address" if case.is_by_key else "certificate_name",
    )


def _unexpected_identity(_: re.Match[str], case: Case) -> Told:
    asked = case.find(r"looking for .*peer configs matching (.+?)\.\.\.[^\[]+\[(.+)\]$")
    who = f" as {asked[2]}" if asked else ""
    return Told(
        f"The peer {case.peer} came{who}, which no policy here expects, or it expects this server "
        "under another identity.",
        "Compare addresses, Authentication Method and Certificate Name on both sides.",
        field="destination_address" if case.is_by_key else "certificate_name",
        also="looking for .*peer configs matching",
    )


def _untrusted(found: re.Match[str], case: Case) -> Told:
    if case.is_by_key:
        return Told(
            f"The peer {case.peer} uses a certificate, and this policy a pre-shared key.",
            _METHOD,
            field="authentication",
        )
    return Told(
        f"Nothing in ipsec-trust vouches for the peer, who calls itself {found[1]}.",
        "Upload its CA (or, for Peer Type Different, its certificate) to ipsec-trust, then apply "
        "the policy.",
        field="authentication",
        also="unknown ca",
    )


def _broken_off(_: re.Match[str], case: Case) -> Told:
    """In IKEv1 a failure before the keys are agreed is told without protection, so not believed."""
    told = "pre-shared key" if case.is_by_key else "certificate or private key"
    return Told(
        f"The peer {case.peer} broke off in the middle of phase one. Most likely it has no {told} "
        "for this connection.",
        "Read the log of the peer: it has the reason.",
        field="authentication",
        also="selected proposal: IKE",
    )


def _undecipherable(_: re.Match[str], case: Case) -> Told | None:
    if not (case.is_ikev1 and case.is_by_key):
        return None
    return Told(
        f"This server and {case.peer} can't decrypt what they send each other: in IKEv1 that is "
        "how two different pre-shared keys look.",
        "Enter the same pre-shared key on both sides.",
        field="authentication",
        also="could not decrypt|giving up after",
    )


def _refused_there(_: re.Match[str], case: Case) -> Told:
    source = case.definition.source_address
    if not case.is_by_key:
        return Told(
            f"The peer {case.peer} does not accept the certificate of this server: its CA may be "
            "unknown there, it may have expired, the peer may name another one, or use a "
            "pre-shared key.",
            "Give the peer this server's ipsec certificate and its CA; its log says which it is.",
            field="authentication",
            also="sending end entity cert",
        )
    if case.find("cert requests? for (?:an )?unknown ca"):
        return Told(
            f"The peer {case.peer} does not accept the pre-shared key, and asks for a certificate: "
            "most likely it is set to certificates.",
            f"{_METHOD} If they are alike, enter the same pre-shared key on both sides.",
            field="authentication",
            also="unknown ca",
        )
    return Told(
        f"The peer {case.peer} does not accept the pre-shared key: it has another one, or none for "
        f"{source}.",
        "Enter the same pre-shared key on both sides, and compare the addresses there.",
        field="authentication",
    )


AUTHENTICATION = (
    Rule(r"no (?:\S+ )?private key found for '(.+)'", _no_private_key),
    Rule(r"configuration uses unsupported authentication", _no_certificate),
    Rule(r"tried \d+ shared keys? for .* MAC mismatched", _wrong_key),
    Rule(r"no shared key found for", _no_shared_key),
    Rule(r"but none allows (.+?) authentication", _other_method),
    Rule(r"(subject|issuer) certificate invalid \(valid from (.+) to (.+)\)", _invalid),
    Rule(r"certificate was revoked", _revoked),
    Rule(r'no issuer certificate found for "(.+)"', _no_issuer),
    Rule(r'self-signed certificate "(.+)" is not trusted', _self_signed),
    Rule(r"peer not authenticated with peer cert", _other_certificate),
    Rule(r"IDir '(.+)' does not match to '(.+)'", _other_identity),
    Rule(r"no (?:matching )?peer config found", _unexpected_identity),
    Rule(_UNTRUSTED, _untrusted),
    Rule(r"decryption failed\?|received PAYLOAD_MALFORMED", _undecipherable),
    Rule(r"ignoring unprotected INFORMATIONAL", _broken_off),
    Rule(r"received AUTHENTICATION_FAILED", _refused_there),
)
