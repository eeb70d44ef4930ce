"""The decoded value of each kind of extension in words, one function a kind (RFC 5280, 4.2)."""

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import Any

from cryptography import x509

from certificates.sentence import listed, say
from certificates.x509 import der
from certificates.x509.decoding import decimal, hexadecimal, octets
from certificates.x509.general_names import general_name
from certificates.x509.object_names import ACCESS_METHODS, KEY_PURPOSES, POLICIES, named
from certificates.x509.strings import text

_KEY_USAGES = (  # 4.2.1.3, in the order of their bits
    say("Digital Signature"),
    say("Non Repudiation"),
    say("Key Encipherment"),
    say("Data Encipherment"),
    say("Key Agreement"),
    say("Certificate Sign"),
    say("CRL Sign"),
    say("Encipher Only"),
    say("Decipher Only"),
)
_NETSCAPE_TYPES = (
    say("SSL Client"),
    say("SSL Server"),
    "S/MIME",
    say("Object Signing"),
    say("Unused"),
    say("SSL CA"),
    say("S/MIME CA"),
    say("Object Signing CA"),
)
_TLS_FEATURES = {5: say("Status request (must staple)"), 17: say("Status request, version 2")}


def _key_usage(value: der.Element) -> Iterator[str]:
    """By hand, as the library refuses to say "encipher only" without key agreement."""
    return _bits(value, _KEY_USAGES)


def _netscape_type(value: der.Element) -> Iterator[str]:
    return _bits(value, _NETSCAPE_TYPES)


def _bits(value: der.Element, names: tuple[str, ...]) -> Iterator[str]:
    """The names of the bits that are set; the first octet says how many at the end don't count."""
    content = value.expect(der.BIT_STRING).content
    unused = content[0] if content else 8
    if unused > 7 or (len(content) == 1 and unused):  # noqa: PLR2004 - bits of an octet
        raise der.DerError(value.start, say("broken bit string"))
    for bit in range(8 * (len(content) - 1) - unused):
        if content[1 + bit // 8] & (0x80 >> bit % 8):
            yield names[bit] if bit < len(names) else say("Bit {bit}", bit=bit)


def _string(value: der.Element) -> Iterator[str]:
    yield text(value)


def _null(sentence: str) -> Callable[[der.Element], Iterator[str]]:
    def words(value: der.Element) -> Iterator[str]:
        if value.expect(der.NULL).content:
            raise der.DerError(value.start, say("NULL with a value"))
        yield sentence

    return words


def _integer(value: der.Element) -> int:
    content = value.expect(der.INTEGER).content
    if not content:
        raise der.DerError(value.start, say("INTEGER without a value"))
    return int.from_bytes(content, "big", signed=True)


def _microsoft_ca_version(value: der.Element) -> Iterator[str]:
    """The low half counts the CA's certificates, the high half its keys (MS-WCCE, 2.2.2.7.8)."""
    version = _integer(value)
    certificate, key = decimal(version & 0xFFFF), decimal(version >> 16)
    yield say("Certificate {certificate}, key {key}", certificate=certificate, key=key)


def _tls_features(value: der.Element) -> Iterator[str]:
    """RFC 7633, by hand, as the library knows only two of them."""
    for feature in value.expect(der.SEQUENCE).children():
        number = _integer(feature)
        name = _TLS_FEATURES.get(number, say("TLS extension"))
        yield say("{name} ({number})", name=name, number=decimal(number))


def _policy_mappings(value: der.Element) -> Iterator[str]:
    """4.2.1.5."""
    for mapping in value.expect(der.SEQUENCE).children():
        issuer, subject = (named(der.dotted(part), POLICIES) for part in mapping.children())
        yield say("{issuer} is equivalent to {subject}", issuer=issuer, subject=subject)


def _names(value: Iterable[x509.GeneralName]) -> Iterator[str]:
    """4.2.1.6 and 4.2.1.7."""
    return map(general_name, value)


def _extended_key_usage(value: x509.ExtendedKeyUsage) -> Iterator[str]:
    """4.2.1.12."""
    return (named(purpose.dotted_string, KEY_PURPOSES) for purpose in value)


def _basic_constraints(value: x509.BasicConstraints) -> Iterator[str]:
    """4.2.1.9."""
    if value.path_length is None:
        yield say("CA: yes") if value.ca else say("CA: no")
    elif value.ca:
        yield say("CA: yes, path length {length}", length=decimal(value.path_length))
    else:
        yield say("CA: no, path length {length}", length=decimal(value.path_length))


def _subject_key_identifier(value: x509.SubjectKeyIdentifier) -> Iterator[str]:
    """4.2.1.2."""
    yield octets(value.digest)


def _authority_key_identifier(value: x509.AuthorityKeyIdentifier) -> Iterator[str]:
    """4.2.1.1."""
    if value.key_identifier is not None:
        yield say("Key ID: {octets}", octets=octets(value.key_identifier))
    for name in value.authority_cert_issuer or ():
        yield say("Issuer: {name}", name=general_name(name))
    if value.authority_cert_serial_number is not None:
        number = hexadecimal(value.authority_cert_serial_number)
        yield say("Serial number: {number}", number=number)


def _distribution_points(value: Iterable[x509.DistributionPoint]) -> Iterator[str]:
    """4.2.1.13 and 4.2.1.15: where a list of revoked certificates is."""
    for point in value:
        yield from map(general_name, point.full_name or ())
        if point.relative_name is not None:
            yield say("Relative name: {name}", name=point.relative_name.rfc4514_string())
        if point.reasons is not None:
            reasons = sorted(flag.value for flag in point.reasons)
            yield say("Only for these reasons: {reasons}", reasons=", ".join(reasons))
        for issuer in point.crl_issuer or ():
            yield say("CRL issuer: {name}", name=general_name(issuer))


def _information_access(value: Iterable[x509.AccessDescription]) -> Iterator[str]:
    """4.2.2: the addresses are shown, never fetched."""
    for access in value:
        method = named(access.access_method.dotted_string, ACCESS_METHODS)
        yield listed((method, general_name(access.access_location)))


def _policies(names: dict[str, str]) -> Callable[[x509.CertificatePolicies], Iterator[str]]:
    def words(value: x509.CertificatePolicies) -> Iterator[str]:
        """4.2.1.4."""
        for policy in value:
            yield named(policy.policy_identifier.dotted_string, names)
            for qualifier in policy.policy_qualifiers or ():
                if isinstance(qualifier, str):
                    yield say("CPS: {address}", address=qualifier)
                else:
                    yield from _user_notice(qualifier)

    return words


def _user_notice(notice: x509.UserNotice) -> Iterator[str]:
    if notice.explicit_text is not None:
        yield say("User notice: {text}", text=notice.explicit_text)
    reference = notice.notice_reference
    if reference is not None:
        numbers = ", ".join(map(decimal, reference.notice_numbers))
        yield say(
            "User notice reference: {organization}, {numbers}",
            organization=reference.organization or "",
            numbers=numbers,
        )


def _policy_constraints(value: x509.PolicyConstraints) -> Iterator[str]:
    """4.2.1.11; the numbers count certificates that may stand between."""
    if value.require_explicit_policy is not None:
        yield say(
            "Explicit policy required after: {count}",
            count=decimal(value.require_explicit_policy),
        )
    if value.inhibit_policy_mapping is not None:
        yield say(
            "Policy mapping inhibited after: {count}",
            count=decimal(value.inhibit_policy_mapping),
        )


def _inhibit_any_policy(value: x509.InhibitAnyPolicy) -> Iterator[str]:
    """4.2.1.14."""
    yield say("anyPolicy inhibited after: {count}", count=decimal(value.skip_certs))


def _name_constraints(value: x509.NameConstraints) -> Iterator[str]:
    """4.2.1.10."""
    for name in value.permitted_subtrees or ():
        yield say("Permitted {name}", name=general_name(name))
    for name in value.excluded_subtrees or ():
        yield say("Excluded {name}", name=general_name(name))


def _private_key_usage_period(value: x509.PrivateKeyUsagePeriod) -> Iterator[str]:
    """RFC 3280, 4.2.1.4."""
    if value.not_before is not None:
        yield say("Not before: {moment}", moment=_moment(value.not_before))
    if value.not_after is not None:
        yield say("Not after: {moment}", moment=_moment(value.not_after))


def _moment(at: datetime) -> str:
    """The library's times here are UTC without saying so."""
    return f"{at:%Y-%m-%d %H:%M:%S} UTC"


def _timestamps(value: Iterable[Any]) -> Iterator[str]:
    """RFC 6962, 3.3."""
    for number, sct in enumerate(value, start=1):
        yield say(
            "SCT {number}: version {version}, {moment}",
            number=number,
            version=sct.version.name,
            moment=_moment(sct.timestamp),
        )
        yield say("Log ID: {octets}", octets=octets(sct.log_id))
        if sct.extension_bytes:
            yield say("Extensions: {octets}", octets=octets(sct.extension_bytes))
        hash_name = sct.signature_hash_algorithm.name.upper().replace("SHA", "SHA-")
        yield say(
            "Signature: {hash_name} with {algorithm}",
            hash_name=hash_name,
            algorithm=sct.signature_algorithm.name,
        )
        yield say("Signature value: {octets}", octets=octets(sct.signature))


def _microsoft_template(value: x509.MSCertificateTemplate) -> Iterator[str]:
    """MS-WCCE, 2.2.2.7.7.2."""
    yield say("Template: {number}", number=value.template_id.dotted_string)
    if value.major_version is not None:
        yield say("Major version: {number}", number=decimal(value.major_version))
    if value.minor_version is not None:
        yield say("Minor version: {number}", number=decimal(value.minor_version))


def _each(value: der.Element) -> Iterator[tuple[der.Element, bytes]]:
    """Each element of a sequence, and the value that has no other one."""
    for element in value.expect(der.SEQUENCE).children():
        yield element, der.encode(der.SEQUENCE, element.raw)


def _each_subtree(value: der.Element) -> Iterator[tuple[der.Element, bytes]]:
    """The same for name constraints: permitted [0] and excluded [1] names."""
    for side in value.expect(der.SEQUENCE).children():
        for subtree in side.children():
            yield subtree, der.encode(der.SEQUENCE, der.encode(side.tag & 0xFF, subtree.raw))


# What our own reader decodes: simple values, and those where the library is too strict.
BY_HAND: dict[str, Callable[[der.Element], Iterable[str]]] = {
    "2.5.29.15": _key_usage,
    "2.5.29.33": _policy_mappings,
    "1.3.6.1.5.5.7.1.24": _tls_features,
    "1.3.6.1.5.5.7.48.1.5": _null(say("The revocation of this OCSP responder is not checked.")),
    "1.3.6.1.4.1.11129.2.4.3": _null(say("A precertificate: no client may accept it.")),
    "1.3.6.1.4.1.311.20.2": _string,
    "1.3.6.1.4.1.311.21.1": _microsoft_ca_version,
    "2.16.840.1.113730.1.1": _netscape_type,
    **dict.fromkeys((f"2.16.840.1.113730.1.{n}" for n in (2, 3, 4, 7, 8, 12, 13)), _string),
}
# What the library decodes; each function is given the class that the library has for it.
BY_LIBRARY: dict[str, Callable[[Any], Iterable[str]]] = {
    "2.5.29.14": _subject_key_identifier,
    "2.5.29.16": _private_key_usage_period,
    "2.5.29.17": _names,
    "2.5.29.18": _names,
    "2.5.29.19": _basic_constraints,
    "2.5.29.30": _name_constraints,
    "2.5.29.31": _distribution_points,
    "2.5.29.32": _policies(POLICIES),
    "2.5.29.35": _authority_key_identifier,
    "2.5.29.36": _policy_constraints,
    "2.5.29.37": _extended_key_usage,
    "2.5.29.46": _distribution_points,
    "2.5.29.54": _inhibit_any_policy,
    "1.3.6.1.5.5.7.1.1": _information_access,
    "1.3.6.1.5.5.7.1.11": _information_access,
    "1.3.6.1.4.1.11129.2.4.2": _timestamps,
    "1.3.6.1.4.1.11129.2.4.5": _timestamps,
    "1.3.6.1.4.1.311.21.7": _microsoft_template,
    "1.3.6.1.4.1.311.21.10": _policies(KEY_PURPOSES),
}
# Where one broken element does not hide the others.
DIVISIBLE: dict[str, Callable[[der.Element], Iterator[tuple[der.Element, bytes]]]] = {
    "2.5.29.17": _each,
    "2.5.29.18": _each,
    "2.5.29.30": _each_subtree,
    "2.5.29.31": _each,
    "2.5.29.32": _each,
    "2.5.29.35": _each,
    "2.5.29.37": _each,
    "2.5.29.46": _each,
    "1.3.6.1.5.5.7.1.1": _each,
    "1.3.6.1.5.5.7.1.11": _each,
    "1.3.6.1.4.1.311.21.10": _each,
}
# Built like another one, by which name the library knows it: object identifier in DER.
LIKE = {"1.3.6.1.4.1.311.21.10": bytes.fromhex("0603551d20")}
