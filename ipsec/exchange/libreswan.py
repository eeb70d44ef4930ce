"""The export as `ipsec.conf` of Libreswan 4 or later."""

from collections.abc import Iterator

from certificates.sentence import say
from ipsec.exchange.heading import KEY_PLACEHOLDER, heading
from ipsec.exchange.leaving_out import Sorted, sort_out
from ipsec.exchange.mirror import Connection, Mirror
from ipsec.policy.choices import DhGroup, Esp, Hash, IkeVersion, Protocol
from ipsec.policy.definition import ANY_PORT, IKE_PORT, Definition
from ipsec.policy.rules import is_name
from ipsec.policy.terms import NAT_PORT

OWN_NICKNAME, PEER_NICKNAME = "ccxsec-own", "ccxsec-peer"
_LONGEST_LIFE = 86_400  # seconds; Libreswan takes no longer ones
# Phase one and phase two have their ciphers by the same names. DES and Blowfish are gone.
_CIPHERS = {
    "NULL_ENC": "null",
    "3DES": "3des",
    "RIJNDAEL": "aes128",
    "AES-128": "aes128",
    "AES-256": "aes256",
    "AES-128-GCM": "aes_gcm128",
    "AES-256-GCM": "aes_gcm256",
    "CHACHA20-POLY1305": "chacha20_poly1305",
}
_HASHES = {
    Hash.MD5: "md5",
    Hash.SHA1: "sha1",
    Hash.SHA256: "sha2_256",
    Hash.SHA384: "sha2_384",
    Hash.SHA512: "sha2_512",
}
_MODP = {2: 1024, 5: 1536, 14: 2048, 15: 3072, 16: 4096, 17: 6144, 18: 8192}


def ipsec_conf(mirror: Mirror) -> str:
    """One `conn` for each policy; those of one pair of hosts share an IKE SA by themselves.

    Raises:
        Refused: export.impossible.
    """
    found = sort_out(mirror, "Libreswan", _obstacle)
    top = heading(
        mirror, mark="#", what="ipsec.conf of Libreswan 4 or later", by_hand=_by_hand(found)
    )
    left_out = "".join(f"# {sentence}\n" for sentence in found.left_out)
    conns = [
        "\n" + "".join(_conn(connection, policy))
        for connection in found.connections
        for policy in connection.policies
    ]
    return top + left_out + "".join(conns)


def _obstacle(_: Connection, policy: Definition) -> str:  # noqa: PLR0911 - one a line
    is_old = policy.ike_version is IkeVersion.IKEV1
    for cipher in (policy.encryption, policy.esp):
        if cipher.value not in _CIPHERS:
            return say("has no {choice}", choice=cipher.label)
    if is_old and policy.encryption.is_combined:
        return say("has no {choice} in {version}", choice=policy.encryption.label, version="IKEv1")
    if is_old and policy.esp is Esp.CHACHA20_POLY1305:
        return say("has no {choice} in {version}", choice=policy.esp.label, version="IKEv1")
    for group in (policy.phase_one_dh, policy.phase_two_dh):
        if group is DhGroup.GROUP_1:
            return say("has no Diffie-Hellman group {group}", group=group.label)
    if is_old and policy.phase_two_dh and policy.phase_two_dh not in _MODP:
        return say(
            "has no Diffie-Hellman group {group} in phase two of IKEv1",
            group=policy.phase_two_dh.label,
        )
    if policy.protocol is Protocol.ANY and (policy.source_port or policy.destination_port):
        return say("takes a port only with TCP or UDP")
    return ""


def _by_hand(found: Sorted) -> Iterator[str]:
    yield "Save this file as /etc/ipsec.d/ccxsec.conf (ipsec.conf includes /etc/ipsec.d/*.conf)."
    if any(one.shared.ike_version is IkeVersion.IKEV1 for one in found.connections):
        yield (
            "Write ikev1-policy=accept under config setup of /etc/ipsec.conf: many builds of"
            " Libreswan refuse IKEv1 otherwise."
        )
    for connection in found.connections:
        shared = connection.shared
        if connection.is_by_key:
            yield (
                "Write this line into /etc/ipsec.d/ccxsec.secrets, readable by root only, with the "
                f"pre-shared key of these policies in the place of {KEY_PLACEHOLDER}:\n"
                f"{_identity(shared.source_address)} {_identity(shared.destination_address)} "
                f': PSK "{KEY_PLACEHOLDER}"'
            )
        else:
            yield (
                f"Import this host's own certificate and key under the nickname {OWN_NICKNAME} "
                "(ipsec import), and the CA of the other host (certutil -A -t CT,, ...)."
            )
        if connection.is_pinned:
            yield (
                f"Import the certificate of {shared.destination_address} under the nickname "
                f"{PEER_NICKNAME}: it alone is accepted."
            )
        if DhGroup.GROUP_2 in {shared.phase_one_dh, *_groups(connection)}:
            yield "Many builds of Libreswan leave group 2 out; then choose a stronger group."
        if max(shared.phase_one_life_time, *_lives(connection)) > _LONGEST_LIFE:
            yield (
                f"Life times over {_LONGEST_LIFE:,} seconds are written as {_LONGEST_LIFE:,}, the "
                "most that Libreswan takes; the two sides need not agree in them."
            )
    yield (
        "Run this for each conn below; without its last part its traffic leaves in the clear:\n"
        "ipsec auto --rereadsecrets; ipsec auto --add NAME; ipsec auto --route NAME"
    )


def _groups(connection: Connection) -> list[DhGroup]:
    return [policy.phase_two_dh for policy in connection.policies]


def _lives(connection: Connection) -> list[int]:
    return [policy.phase_two_life_time for policy in connection.policies]


def _conn(connection: Connection, policy: Definition) -> Iterator[str]:
    yield f"conn {conn_name(policy)}\n"
    for option, value in _options(connection, policy):
        yield f"    {option}={value}\n"


def conn_name(policy: Definition) -> str:
    """A conn begins with a letter; neither group nor name contains a dot."""
    return f"ccxsec.{policy.group}.{policy.name}"


def _options(connection: Connection, policy: Definition) -> Iterator[tuple[str, str]]:
    yield "type", policy.mode.value
    yield "left", policy.source_address
    yield "right", policy.destination_address
    if policy.protocol is not Protocol.ANY:
        yield "leftprotoport", _protoport(policy.protocol, policy.source_port)
        yield "rightprotoport", _protoport(policy.protocol, policy.destination_port)
    if connection.listens_at not in {IKE_PORT, NAT_PORT}:
        yield "leftikeport", str(connection.listens_at)
    if policy.remote_port != IKE_PORT:
        yield "rightikeport", str(policy.remote_port)
    yield from _authentication(connection)
    is_old = policy.ike_version is IkeVersion.IKEV1
    yield "ikev2", "no" if is_old else "yes"
    yield "ike", ike_algorithms(policy)
    yield "ikelifetime", f"{min(policy.phase_one_life_time, _LONGEST_LIFE)}s"
    yield "esp", esp_algorithms(policy)
    yield "pfs", "yes" if policy.phase_two_dh else "no"
    yield "salifetime", f"{min(policy.phase_two_life_time, _LONGEST_LIFE)}s"
    yield "auto", "ondemand"


def _authentication(connection: Connection) -> Iterator[tuple[str, str]]:
    if connection.is_by_key:
        yield "authby", "secret"
        yield "leftid", _identity(connection.shared.source_address)
        yield "rightid", _identity(connection.shared.destination_address)
        return
    if connection.shared.ike_version is IkeVersion.IKEV1:
        yield "authby", "rsasig"  # IKEv2 finds the signature by the certificate
    yield "leftcert", OWN_NICKNAME
    yield "leftid", "%fromcert"
    if connection.is_pinned:
        yield "rightcert", PEER_NICKNAME
    yield "rightid", "%fromcert"


def _identity(host: str) -> str:
    """A host name stands for itself, not for the address that it resolves to."""
    return f"@{host}" if is_name(host) else host


def _protoport(protocol: Protocol, port: int) -> str:
    """Any port is written as none: `%any` stands for one that the other side chooses.

    Such a conn is a template, which holds no traffic before the other side has negotiated it.
    """
    return protocol.value if port == ANY_PORT else f"{protocol}/{port}"


def ike_algorithms(policy: Definition) -> str:
    """Such as `aes_gcm256-sha2_384;dh20`."""
    parts = f"{_CIPHERS[policy.encryption.value]}-{_HASHES[policy.hash]}"
    return f"{parts};{_group(policy.phase_one_dh)}"


def esp_algorithms(policy: Definition) -> str:
    """Such as `aes_gcm256;dh20` or `3des-sha1`."""
    parts = _CIPHERS[policy.esp.value]
    if not policy.esp.is_combined:
        parts += f"-{_HASHES[policy.hash]}"
    return f"{parts};{_group(policy.phase_two_dh)}" if policy.phase_two_dh else parts


def _group(group: DhGroup) -> str:
    return f"modp{_MODP[group]}" if group in _MODP else f"dh{group.value}"
