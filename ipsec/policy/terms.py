"""A policy in the terms of strongSwan (swanctl.conf(5) and its vici protocol) (IP-7).

All enabled policies of one pair of hosts are children of one connection: as several connections
the responder would pick one of them, and the others would fail.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ipsec.policy.choices import Authentication, Encryption, Esp, Hash, Protocol
from ipsec.policy.definition import ANY_PORT, IKE_PORT, Definition

OURS = "ccxsec/"  # each name in the daemon that is ours begins so
NAT_PORT = 4500  # RFC 3947: IKE there carries a marker, as it must on every port but 500
DPD_DELAY = 30  # seconds without a packet before the peer is asked whether it is there
NOBODY = "nobody.invalid"  # RFC 2606: the identity of a guard, for which there is no key
HELD = "held-"
LONGEST_NAME = 200  # of the 255 bytes that vici has for a name

_CIPHERS: Mapping[str, str] = {
    Encryption.DES: "des",
    Encryption.TRIPLE_DES: "3des",
    Esp.NULL_ENC: "null",
    Esp.BLOWFISH: "blowfish128",
    Esp.RIJNDAEL: "aes128",
    Encryption.AES_128: "aes128",
    Encryption.AES_256: "aes256",
    Encryption.AES_128_GCM: "aes128gcm16",
    Encryption.AES_256_GCM: "aes256gcm16",
    Encryption.CHACHA20_POLY1305: "chacha20poly1305",
}
_HASHES: Mapping[str, str] = {
    Hash.MD5: "md5",
    Hash.SHA1: "sha1",
    Hash.SHA256: "sha256",
    Hash.SHA384: "sha384",
    Hash.SHA512: "sha512",
}
_GROUPS: Mapping[int, str] = {
    1: "modp768",
    2: "modp1024",
    5: "modp1536",
    14: "modp2048",
    15: "modp3072",
    16: "modp4096",
    17: "modp6144",
    18: "modp8192",
    19: "ecp256",
    20: "ecp384",
    21: "ecp521",
    31: "x25519",
}


@dataclass(frozen=True, slots=True)
class Credentials:
    """What proves who the two hosts are, beside the definitions.

    Args:
        key_mark: changes whenever the pre-shared key does, and tells nothing of it; "" with
            certificates.
        certificate: our own, DER; b"" with a pre-shared key.
        authorities: certificates of CAs that a peer's certificate may chain to, DER.
        peers: certificates of peers that are trusted as they are, DER.
    """

    key_mark: str = ""
    certificate: bytes = b""
    authorities: Sequence[bytes] = ()
    peers: Sequence[bytes] = ()


@dataclass(frozen=True, slots=True)
class Connection:
    """One connection as the daemon is to hold it.

    Args:
        name: begins with `OURS` and ends with a digest of all that concerns phase one and
            authentication: what has another name has another content.
        body: the section that vici's `load-conn` takes.
        children: policy ("group/name") -> name of its child, which ends with a digest, too.
        key_name: name of the pre-shared key; "" with certificates.
        owners: identities that the pre-shared key is for.
    """

    name: str
    body: dict[str, Any]
    children: dict[str, str]
    key_name: str = ""
    owners: tuple[str, ...] = field(default=())


def ike_proposal(definition: Definition) -> str:
    """Phase one: cipher, hash (a pseudo-random function alone with a combined cipher), group."""
    cipher, digest = _CIPHERS[definition.encryption], _HASHES[definition.hash]
    digest = f"prf{digest}" if definition.encryption.is_combined else digest
    return f"{cipher}-{digest}-{_GROUPS[definition.phase_one_dh]}"


def esp_proposal(definition: Definition) -> str:
    """Phase two: cipher, integrity unless the cipher brings it, group unless it is off."""
    parts = [_CIPHERS[definition.esp]]
    if not definition.esp.is_combined:
        parts.append(_HASHES[definition.hash])
    if definition.phase_two_dh:
        parts.append(_GROUPS[definition.phase_two_dh])
    return "-".join(parts)


def selector(protocol: Protocol, port: int) -> str:
    """A traffic selector: the host's own address, with protocol and port where they are said."""
    if protocol is Protocol.ANY and port == ANY_PORT:
        return "dynamic"
    return f"dynamic[{protocol.value}/{port}]" if port else f"dynamic[{protocol.value}]"


def connection(definitions: Sequence[Definition], credentials: Credentials) -> Connection:
    """The connection of all enabled policies of one pair; they agree in what is shared."""
    first = definitions[0]
    body = _phase_one(first) | _authentication(first, credentials)
    digest = _digest([_printable(body), credentials.key_mark])
    children = {str(one): _child(one) for one in definitions}
    body["children"] = {_child_name(name, child): child for name, child in children.items()}
    name = _connection_name(first, digest)
    has_key = first.authentication is Authentication.PRESHARED_KEY
    return Connection(
        name=name,
        body=body,
        children={name: _child_name(name, child) for name, child in children.items()},
        key_name=name if has_key else "",
        owners=first.pair if has_key else (),
    )


def guard(definitions: Sequence[Definition]) -> Connection:
    """What holds the traffic of policies of one pair that can't be negotiated as things are.

    Their kernel policies are there, and no key fits: nothing of it leaves in the clear.
    """
    first = definitions[0]
    nobody = {"auth": "psk", "id": NOBODY}
    body: dict[str, Any] = {
        "version": "2",
        "local_addrs": [first.source_address],
        "remote_addrs": [first.destination_address],
        "local": nobody,
        "remote": nobody,
    }
    names = {}
    children = {}
    for one in definitions:
        child = _child(one) | {"start_action": "trap", "esp_proposals": ["default"]}
        names[str(one)] = _child_name(str(one), child)
        children[names[str(one)]] = child
    name = _connection_name(first, f"{HELD}{_digest(body)}")
    return Connection(name=name, body=body | {"children": children}, children=names)


def is_guard(connection_name: str) -> bool:
    """Whether a connection of ours only holds its traffic."""
    return connection_name.rpartition("@")[2].startswith(HELD)


def policy_of(child_name: str) -> str:
    """The policy, as "group/name", that a child in the daemon is loaded for."""
    return child_name.rpartition("@")[0]


def masked(body: Mapping[str, Any]) -> dict[str, Any]:
    """A connection's section for people: certificates by their fingerprint."""
    shown: dict[str, Any] = _printable(body)
    return shown


def _phase_one(definition: Definition) -> dict[str, Any]:
    life = definition.phase_one_life_time
    ports: dict[str, str] = {}
    if definition.remote_port != IKE_PORT:
        ports = {"remote_port": str(definition.remote_port), "local_port": str(NAT_PORT)}
    return {
        "version": str(definition.ike_version.value),
        "local_addrs": [definition.source_address],
        "remote_addrs": [definition.destination_address],
        **ports,
        "proposals": [ike_proposal(definition)],
        "rekey_time": f"{life * 9 // 10}s",
        "over_time": f"{life // 10}s",
        "rand_time": f"{life // 20}s",
        "dpd_delay": f"{DPD_DELAY}s",
        "mobike": "no",
        "encap": "no",
    }


def _authentication(definition: Definition, credentials: Credentials) -> dict[str, Any]:
    if definition.authentication is Authentication.PRESHARED_KEY:
        return {
            "local": {"auth": "psk", "id": definition.source_address},
            "remote": {"auth": "psk", "id": definition.destination_address},
        }
    # Without an identity the daemon would take the first certificate's subject for the only one.
    remote: dict[str, Any] = {"auth": "pubkey", "id": "%any"}
    if credentials.authorities:
        remote["cacerts"] = list(credentials.authorities)
    if credentials.peers:
        remote["certs"] = list(credentials.peers)
    return {"local": {"auth": "pubkey", "certs": [credentials.certificate]}, "remote": remote}


def _child(definition: Definition) -> dict[str, Any]:
    life = definition.phase_two_life_time
    return {
        "mode": definition.mode.value,
        "esp_proposals": [esp_proposal(definition)],
        "local_ts": [selector(definition.protocol, definition.source_port)],
        "remote_ts": [selector(definition.protocol, definition.destination_port)],
        "life_time": f"{life}s",
        "rekey_time": f"{life * 9 // 10}s",
        "rand_time": f"{life // 20}s",
        "start_action": "trap|start",
        "close_action": "trap",
        "dpd_action": "trap",
    }


def _child_name(policy: str, child: dict[str, Any]) -> str:
    return f"{policy}@{_digest(child)}"


def _connection_name(definition: Definition, digest: str) -> str:
    hosts = "/".join(definition.pair)
    if len(hosts) > LONGEST_NAME:
        hosts = hashlib.sha256(hosts.encode()).hexdigest()[:32]
    return f"{OURS}{hosts}@{digest}"


def _digest(content: object) -> str:
    text = json.dumps(content, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def _printable(value: Any) -> Any:
    if isinstance(value, bytes):
        return f"certificate {hashlib.sha256(value).hexdigest()}"
    if isinstance(value, Mapping):
        return {key: _printable(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_printable(one) for one in value]
    return value
