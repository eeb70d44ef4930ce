"""Form: what RFC 5280 forbids plainly, and no private CA does by being sloppy.

What they do is let pass: missing key identifiers and key usages, basic constraints, name and
policy constraints that are not critical, underscores in host names, roots with odd serial numbers.
"""

from collections import Counter
from collections.abc import Iterator

from certificates.refusal import Finding
from certificates.sentence import say
from certificates.x509.object_names import EXTENSIONS
from certificates.x509.paths import extension_reading
from certificates.x509.paths.certificate import LONGEST_SERIAL, PathCertificate
from certificates.x509.paths.extension_reading import KeyUsageBit

_VERSION_3 = 3
_NEVER_CRITICAL = (
    extension_reading.AUTHORITY_KEY_IDENTIFIER,
    extension_reading.SUBJECT_KEY_IDENTIFIER,
)


def malformed(certificate: PathCertificate, *, is_leaf: bool, is_anchor: bool) -> Iterator[Finding]:
    """The first rule that the certificate breaks; its section is named."""
    wrong = next(_broken_rules(certificate, is_leaf=is_leaf, is_anchor=is_anchor), None)
    if wrong:
        sentence = say(
            "The certificate of {certificate} breaks RFC 5280: {wrong}.",
            certificate=certificate.label,
            wrong=wrong,
        )
        cure = say("Ask the CA for a certificate that follows RFC 5280.")
        yield Finding("path.malformed", sentence, cure)


def _broken_rules(certificate: PathCertificate, *, is_leaf: bool, is_anchor: bool) -> Iterator[str]:
    yield from _frame(certificate)
    yield from _extensions(certificate)
    if not is_leaf and not certificate.has_subject:
        yield say("a CA has a subject (4.1.2.6)")
    if not is_anchor and not certificate.has_issuer:
        yield say("the issuer is empty (4.1.2.4)")
    if is_leaf and not is_anchor:
        yield from _issued_leaf(certificate)


def _frame(certificate: PathCertificate) -> Iterator[str]:
    if not certificate.has_one_algorithm:
        yield say("the signature algorithms inside and outside differ (4.1.1.2)")
    if certificate.extensions and certificate.version != _VERSION_3:
        yield say("version {number} has no extensions (4.1.2.1)", number=certificate.version)


def _extensions(certificate: PathCertificate) -> Iterator[str]:
    """What holds for everybody, trust anchors as well."""
    oid, count = next(iter(Counter(x.oid for x in certificate.extensions).most_common(1)), ("", 0))
    if count > 1:
        name = EXTENSIONS.get(oid, oid)
        yield say("an extension stands there twice, {name} (4.2)", name=name)
    for extension in certificate.extensions:
        name = EXTENSIONS.get(extension.oid, extension.oid)
        if extension.is_critical and extension.oid in _NEVER_CRITICAL:
            yield say("{name} is marked critical (4.2.1)", name=name)
    basic = certificate.basic_constraints
    is_ca = basic is not None and basic.is_ca
    if certificate.name_constraints is not None and not is_ca:
        yield say("it is not a CA, but has name constraints (4.2.1.10)")
    if basic and basic.path_length is not None and not is_ca:
        yield say("it is not a CA, but has a path length (4.2.1.9)")


def _issued_leaf(certificate: PathCertificate) -> Iterator[str]:
    """What a CA must not issue; in a self-signed certificate of the trust store it is harmless."""
    if certificate.serial_number <= 0:
        yield say("the serial number is not positive (4.1.2.2)")
    if certificate.serial_octets > LONGEST_SERIAL:
        yield say("the serial number is longer than {most} octets (4.1.2.2)", most=LONGEST_SERIAL)
    basic, usage = certificate.basic_constraints, certificate.key_usage or frozenset()
    if KeyUsageBit.KEY_CERT_SIGN in usage and not (basic and basic.is_ca):
        yield say("it may sign certificates (keyCertSign), but is not a CA (4.2.1.9)")
    if not certificate.has_subject:
        names = certificate.extension(extension_reading.SUBJECT_ALTERNATIVE_NAME)
        if names is None or not names.is_critical:
            yield say("without subject it needs a critical subject alternative name (4.1.2.6)")
