"""The export as Cisco IOS configuration: a crypto map with its policies, in transport mode."""

from collections.abc import Iterator
from ipaddress import IPv4Address, ip_address

from certificates.sentence import say
from ipsec.exchange.heading import KEY_PLACEHOLDER, heading
from ipsec.exchange.leaving_out import Sorted, sort_out
from ipsec.exchange.mirror import Connection, Mirror
from ipsec.policy.choices import Hash, IkeVersion, Protocol
from ipsec.policy.definition import ANY_PORT, IKE_PORT, Definition
from ipsec.policy.terms import NAT_PORT

_SHORTEST_LIFE, _LONGEST_LIFE = 120, 86_400  # seconds
_ISAKMP_SHORTEST = 60  # seconds
_GROUPS = {1, 2, 5, 14, 15, 16, 19, 20, 21}
_ISAKMP_CIPHERS = {"DES": "des", "3DES": "3des", "AES-128": "aes 128", "AES-256": "aes 256"}
_IKEV2_CIPHERS = {
    "DES": "des",
    "3DES": "3des",
    "AES-128": "aes-cbc-128",
    "AES-256": "aes-cbc-256",
    "AES-128-GCM": "aes-gcm-128",
    "AES-256-GCM": "aes-gcm-256",
}
_TRANSFORMS = {
    "NULL_ENC": "esp-null",
    "DES": "esp-des",
    "3DES": "esp-3des",
    "RIJNDAEL": "esp-aes",
    "AES-128": "esp-aes",
    "AES-256": "esp-aes 256",
    "AES-128-GCM": "esp-gcm",
    "AES-256-GCM": "esp-gcm 256",
}
_HMACS = {
    Hash.MD5: "esp-md5-hmac",
    Hash.SHA1: "esp-sha-hmac",
    Hash.SHA256: "esp-sha256-hmac",
    Hash.SHA384: "esp-sha384-hmac",
    Hash.SHA512: "esp-sha512-hmac",
}
_MAP, _TRUSTPOINT, _FIRST_NUMBER = "CCXSEC", "CCXSEC-CA", 10


def ios_configuration(mirror: Mirror) -> str:
    """IKE, transform sets, access lists and one crypto map with an entry for each policy.

    Raises:
        Refused: export.impossible.
    """
    found = sort_out(mirror, "Cisco IOS", _obstacle)
    what = "Configuration of Cisco IOS 15 or IOS XE"
    top = heading(mirror, mark="!", what=what, by_hand=_by_hand(found))
    left_out = "".join(f"! {sentence}\n" for sentence in found.left_out)
    parts, number = [], _FIRST_NUMBER
    for place, connection in enumerate(found.connections, start=1):
        make = _isakmp if connection.shared.ike_version is IkeVersion.IKEV1 else _ikev2
        parts.append("".join(f"{line}\n" for line in make(connection, place)))
        for policy in connection.policies:
            parts.append("".join(f"{line}\n" for line in _entry(policy, number, place)))
            number += 10
    return top + left_out + "!\n" + "!\n".join(parts) + "!\nend\n"


def _obstacle(connection: Connection, policy: Definition) -> str:  # noqa: PLR0911 - one a line
    is_old = policy.ike_version is IkeVersion.IKEV1
    if policy.encryption.value not in (_ISAKMP_CIPHERS if is_old else _IKEV2_CIPHERS):
        return say(
            "has no {choice} in {version}",
            choice=policy.encryption.label,
            version=policy.ike_version.label,
        )
    if policy.esp.value not in _TRANSFORMS:
        return say("has no {choice}", choice=policy.esp.label)
    for group in (policy.phase_one_dh, policy.phase_two_dh):
        if group and group.value not in _GROUPS:
            return say("has no Diffie-Hellman group {group}", group=group.label)
    if policy.protocol is Protocol.ANY and (policy.source_port or policy.destination_port):
        return say("takes a port only with TCP or UDP")
    if not (_is_ipv4(policy.source_address) and _is_ipv4(policy.destination_address)):
        return say("protects in a crypto map only what has IPv4 addresses")
    if connection.listens_at not in {IKE_PORT, NAT_PORT}:
        return say("can't listen for IKE at the port {port}", port=connection.listens_at)
    if is_old and not _ISAKMP_SHORTEST <= policy.phase_one_life_time <= _LONGEST_LIFE:
        # In IKEv1 it accepts no proposal whose life time is longer than its own.
        return say(
            "takes no Phase One Life Time of {seconds} seconds",
            seconds=f"{policy.phase_one_life_time:,}",
        )
    return ""


def _is_ipv4(text: str) -> bool:
    try:
        return isinstance(ip_address(text), IPv4Address)
    except ValueError:
        return False


def _by_hand(found: Sorted) -> Iterator[str]:
    if any(connection.is_by_key for connection in found.connections):
        yield (
            f"Put the pre-shared key of these policies in the place of {KEY_PLACEHOLDER} and take "
            "the ! away from its line. It is not in this file."
        )
    if not all(connection.is_by_key for connection in found.connections):
        yield (
            f"Enrol this router in the trustpoint {_TRUSTPOINT}, and authenticate there the CA of "
            "the other host (crypto pki authenticate, crypto pki enroll)."
        )
        yield (
            "IOS trusts a CA, not one certificate: complete the certificate map, which names the "
            "subject that is accepted, and take the ! away from its lines."
        )
    if any(_clamped(policy) for connection in found.connections for policy in connection.policies):
        yield (
            f"Life times outside {_SHORTEST_LIFE} to {_LONGEST_LIFE:,} seconds are written as the "
            "nearest that IOS takes; the two sides need not agree in them."
        )
    yield "Enter it in configuration mode, and see that the numbers of the policies are free."
    yield f"On the interface that leads to the other host: crypto map {_MAP}"


def _clamped(policy: Definition) -> bool:
    lives = (policy.phase_one_life_time, policy.phase_two_life_time)
    return any(_within(life) != life for life in lives)


def _within(seconds: int) -> int:
    return min(max(seconds, _SHORTEST_LIFE), _LONGEST_LIFE)


def _isakmp(connection: Connection, place: int) -> Iterator[str]:
    shared = connection.shared
    yield f"crypto isakmp policy {place * 10}"
    yield f" encryption {_ISAKMP_CIPHERS[shared.encryption.value]}"
    yield f" hash {'sha' if shared.hash is Hash.SHA1 else shared.hash.value.lower()}"
    yield f" authentication {'pre-share' if connection.is_by_key else 'rsa-sig'}"
    yield f" group {shared.phase_one_dh.value}"
    yield f" lifetime {shared.phase_one_life_time}"
    if connection.is_by_key:
        yield f"! crypto isakmp key {KEY_PLACEHOLDER} address {shared.destination_address}"


def _ikev2(connection: Connection, place: int) -> Iterator[str]:
    shared, name = connection.shared, f"{_MAP}-{place}"
    used = shared.hash.value.lower()
    yield f"crypto ikev2 proposal {name}"
    yield f" encryption {_IKEV2_CIPHERS[shared.encryption.value]}"
    yield f" {'prf' if shared.encryption.is_combined else 'integrity'} {used}"
    yield f" group {shared.phase_one_dh.value}"
    yield f"crypto ikev2 policy {name}"
    yield f" match address local {shared.source_address}"
    yield f" proposal {name}"
    if connection.is_by_key:
        yield f"crypto ikev2 keyring {name}"
        yield " peer ccxsec"
        yield f"  address {shared.destination_address}"
        yield f"! pre-shared-key {KEY_PLACEHOLDER}"
    else:
        yield f"! crypto pki certificate map {name} 10"
        yield "!  subject-name co COMMON-NAME-OF-THE-OTHER-HOST"
    yield f"crypto ikev2 profile {name}"
    yield from _identities(connection, name)
    yield f" lifetime {_within(shared.phase_one_life_time)}"


def _identities(connection: Connection, name: str) -> Iterator[str]:
    if connection.is_by_key:
        yield f" match identity remote address {connection.shared.destination_address}"
        yield " authentication remote pre-share"
        yield " authentication local pre-share"
        yield f" keyring local {name}"
        return
    yield f" match certificate {name}"
    yield " identity local dn"
    yield " authentication remote rsa-sig"
    yield " authentication local rsa-sig"
    yield f" pki trustpoint {_TRUSTPOINT}"


def _entry(policy: Definition, number: int, place: int) -> Iterator[str]:
    name = f"{_MAP}-{number}"
    integrity = "" if policy.esp.is_combined else f" {_HMACS[policy.hash]}"
    yield f"! {policy}"
    yield f"crypto ipsec transform-set {name} {_TRANSFORMS[policy.esp.value]}{integrity}"
    yield " mode transport"
    yield f"ip access-list extended {name}"
    yield f" permit {_traffic(policy)}"
    yield f"crypto map {_MAP} {number} ipsec-isakmp"
    yield f" description {policy}"
    yield f" match address {name}"
    yield f" set peer {policy.destination_address}"
    yield f" set transform-set {name}"
    if policy.phase_two_dh:
        yield f" set pfs group{policy.phase_two_dh.value}"
    yield f" set security-association lifetime seconds {_within(policy.phase_two_life_time)}"
    if policy.ike_version is not IkeVersion.IKEV1:
        yield f" set ikev2-profile {_MAP}-{place}"


def _traffic(policy: Definition) -> str:
    protocol = "ip" if policy.protocol is Protocol.ANY else policy.protocol.value
    source = _end(policy.source_address, policy.source_port)
    return f"{protocol} {source} {_end(policy.destination_address, policy.destination_port)}"


def _end(address: str, port: int) -> str:
    return f"host {address}" + (f" eq {port}" if port != ANY_PORT else "")
