"""Whether a path may be used for something: key usages of the leaf, extended ones of everybody.

RFC 5280, 4.2.1.3 and 4.2.1.12. An extended key usage of a CA binds what is below it, as all
implementations have it; a trust anchor's binds, too, as with OpenSSL.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from certificates.refusal import Finding
from certificates.sentence import say
from certificates.x509.object_names import KEY_PURPOSES
from certificates.x509.paths.certificate import PathCertificate
from certificates.x509.paths.extension_reading import KeyUsageBit

_ANY_EXTENDED_KEY_USAGE = "2.5.29.37.0"
_SERVER, _CLIENT = "1.3.6.1.5.5.7.3.1", "1.3.6.1.5.5.7.3.2"


@dataclass(frozen=True, slots=True)
class Usage:
    """What a leaf needs: one of each, where the certificate says anything at all about it."""

    words: str
    extended: frozenset[str]
    bits: frozenset[KeyUsageBit]


_SIGN, _EXCHANGE = KeyUsageBit.DIGITAL_SIGNATURE, KeyUsageBit.KEY_AGREEMENT
USAGES = {
    "server": Usage(
        say("a TLS server"),
        frozenset({_SERVER}),
        frozenset({_SIGN, KeyUsageBit.KEY_ENCIPHERMENT, _EXCHANGE}),
    ),
    "client": Usage(say("a TLS client"), frozenset({_CLIENT}), frozenset({_SIGN, _EXCHANGE})),
    # RFC 4945, 5.1.3.12 and 5.1.3.2; servers' certificates are used for IKE as well. strongSwan
    # itself asks for no usage at all.
    "ipsec": Usage(
        "IPsec",
        frozenset(
            {
                _SERVER,
                "1.3.6.1.5.5.7.3.5",
                "1.3.6.1.5.5.7.3.6",
                "1.3.6.1.5.5.7.3.7",
                "1.3.6.1.5.5.7.3.17",
                "1.3.6.1.5.5.8.2.2",
            }
        ),
        frozenset(
            {
                _SIGN,
                KeyUsageBit.CONTENT_COMMITMENT,
                KeyUsageBit.KEY_ENCIPHERMENT,
                _EXCHANGE,
            }
        ),
    ),
    "any": Usage(say("anything"), frozenset(), frozenset()),
}


def usage_findings(path: Sequence[PathCertificate], usage: str) -> Iterator[Finding]:
    """Where the path may not be used so: its leaf, and the first CA that stands in the way."""
    wanted = USAGES[usage]
    yield from _key_usage(path[0], wanted)
    left = wanted.extended
    for certificate in path if wanted.extended else ():
        given = certificate.extended_key_usage
        if given is None or _ANY_EXTENDED_KEY_USAGE in given:
            continue
        left &= given
        if not left:
            label, is_leaf = certificate.label, certificate is path[0]
            names = ", ".join(sorted(KEY_PURPOSES.get(oid, oid) for oid in given))[:200]
            whom = label if is_leaf else say("what {label} issues", label=label)
            wrong = say(
                "The extended key usage does not let {whom} be {words}: {names}.",
                whom=whom,
                words=wanted.words,
                names=names,
            )
            cure = (
                say("Have it issued again for {words}.", words=wanted.words)
                if is_leaf
                else say(
                    "Have it issued again for {words}, by a CA whose certificate allows it.",
                    words=wanted.words,
                )
            )
            yield Finding("path.extended-key-usage", wrong, cure)
            return


def _key_usage(leaf: PathCertificate, wanted: Usage) -> Iterator[Finding]:
    """Of a CA it isn't asked: its key usage speaks of the certificates and lists that it signs."""
    if leaf.basic_constraints and leaf.basic_constraints.is_ca:
        return
    given = leaf.key_usage
    if given is not None and wanted.bits and not given & wanted.bits:
        wrong = say(
            "The key usage of {leaf} does not let it be {words}.",
            leaf=leaf.label,
            words=wanted.words,
        )
        cure = say("Have it issued again with digital signature among its key usages.")
        yield Finding("path.key-usage", wrong, cure)
