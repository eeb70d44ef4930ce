"""What each recorded log of `logs/` means: the cases of `test_explain.py`."""

from typing import Any

from ipsec.policy.choices import Authentication, IkeVersion, PeerType, Protocol

CERT: dict[str, Any] = {"authentication": Authentication.CERTIFICATE}
PINNED: dict[str, Any] = CERT | {"peer_type": PeerType.DIFFERENT, "certificate_name": "host-b.pem"}
HTTPS: dict[str, Any] = {"destination_port": 443, "protocol": Protocol.TCP}


NOT_VALID = "is not valid now: it is valid from"
NOT_ACCEPTED = "does not accept the certificate of this server"
WRONG_CERTIFICATE = "shows another certificate than host-b.pem, which this policy names"
DECRYPT = "two different pre-shared keys"
PHASE_ONE = "refuses phase one. Most likely Encryption Algorithm, Hash Algorithm or Phase One DH"
NO_VERSION_1, NO_VERSION_2 = "does not speak IKEv1", "does not speak IKEv2"
AUTH = "authentication"
# Log, the fields of this server's policy, the field to look at, and a part of the sentence.
FAILED: list[tuple[str, dict[str, Any], str, str]] = [
    # The host and the way to it.
    (
        "no-resolve.initiator",
        {"destination_address": "nosuch.invalid"},
        "destination_address",
        "nosuch.invalid can't be resolved",
    ),
    (
        "no-resolve.initiator",
        {"source_address": "nosuch.invalid"},
        "source_address",
        "nosuch.invalid can't be resolved",
    ),
    ("no-daemon.initiator", {}, "destination_address", "Nobody answers at 10.98.0.2, UDP port 500"),
    ("no-daemon.initiator", {"remote_port": 1500}, "remote_port", "UDP port 1500"),
    ("silent-host.daemon", {}, "destination_address", "Nobody answers at 10.98.0.2"),
    ("no-source.daemon", {}, "source_address", "does not have the address 10.98.0.1"),
    ("route-unreachable.daemon", {}, "destination_address", "There is no way to 10.98.0.2"),
    ("route-prohibit.daemon", {}, "destination_address", "forbids to send to 10.98.0.2"),
    ("route-blackhole.daemon", {}, "destination_address", "a blackhole route"),
    ("limit-half-open.responder", {}, "", "half-open IKE_SA limit of 1 reached"),
    ("temporary-failure.initiator", {}, "", "in the middle of something else"),
    ("no-additional-sas.initiator", {}, "", "a limit of its own"),
    ("invalid-syntax.initiator", {}, "", "does not understand this server: INVALID_SYNTAX"),
    # Versions.
    ("invalid-major.initiator", {}, "ike_version", NO_VERSION_2),
    ("v1-answers-v2.initiator", {}, "ike_version", NO_VERSION_2),
    ("v1-invalid-major.initiator", {"ike_version": IkeVersion.IKEV1}, "ike_version", NO_VERSION_1),
    ("v2-answers-v1.initiator", {"ike_version": IkeVersion.IKEV1}, "ike_version", NO_VERSION_1),
    ("version-3.responder", {}, "ike_version", "10.98.0.1 asked for IKE version 3.0"),
    ("ikev1-version.initiator", {}, "encryption", "or only one for IKEv2"),
    ("ikev2-version.initiator", {}, "encryption", "or only one for IKEv1"),
    (
        "ikev1-unknown-peer.responder",
        {},
        "ike_version",
        "came from 10.98.0.1 to 10.98.0.2, and the daemon here has no policy",
    ),
    ("ikev2-unknown-peer.responder", {}, "ike_version", "has no policy for these two addresses"),
    # Algorithms of phase one: who answered knows both sides.
    ("ikev1-phase-one-encryption.initiator", {}, "encryption", PHASE_ONE),
    ("ikev2-phase-one-encryption.initiator", {}, "encryption", PHASE_ONE),
    (
        "ikev1-phase-one-encryption.responder",
        {},
        "encryption",
        "Encryption Algorithm is AES-256 there and AES-128 here.",
    ),
    (
        "ikev2-phase-one-encryption.responder",
        {},
        "encryption",
        "Encryption Algorithm is AES-256-GCM there and AES-128-GCM here.",
    ),
    (
        "ikev1-phase-one-hash.responder",
        {},
        "hash",
        "Hash Algorithm is SHA-256 there and SHA1 here.",
    ),
    (
        "ikev2-phase-one-hash.responder",
        {},
        "hash",
        "Hash Algorithm is SHA-384 there and SHA-256 here.",
    ),
    (
        "ikev1-phase-one-dh.responder",
        {},
        "phase_one_dh",
        "Phase One DH is MODP 2048 there and MODP 1536 here.",
    ),
    (
        "ikev2-phase-one-dh.responder",
        {},
        "phase_one_dh",
        "Phase One DH is ECP 384 there and ECP 256 here.",
    ),
    (
        "ikev2-phase-one-several.responder",
        {},
        "encryption",
        "there and SHA-256 here; Phase One DH is ECP 384 there and MODP 2048 here.",
    ),
    (
        "invalid-ke.initiator",
        {},
        "phase_one_dh",
        "does not take Phase One DH ECP 384; it asks for MODP 2048",
    ),
    # Keys.
    ("ikev1-wrong-key.initiator", {}, AUTH, DECRYPT),
    ("ikev1-wrong-key.responder", {}, AUTH, DECRYPT),
    ("ikev1-payload-malformed.initiator", {}, AUTH, DECRYPT),
    ("ikev2-wrong-key.initiator", {}, AUTH, "does not accept the pre-shared key"),
    ("ikev2-wrong-key.responder", {}, AUTH, "key of 10.98.0.1 is another one"),
    ("ikev1-no-key-here.initiator", {}, AUTH, "has no pre-shared key for 10.98.0.2"),
    ("ikev2-no-key-here.initiator", {}, AUTH, "has no pre-shared key for 10.98.0.2"),
    ("ikev1-no-key-here.responder", {}, AUTH, "broke off in the middle of phase one"),
    ("ikev1-no-key-there.initiator", {}, AUTH, "no pre-shared key for 10.98.0.1"),
    ("ikev2-no-key-there.initiator", {}, AUTH, "or none for 10.98.0.1"),
    ("ikev1-no-key-there.responder", {}, AUTH, "The daemon here has no pre-shared key"),
    ("ikev2-no-key-there.responder", {}, AUTH, "The daemon here has no pre-shared key"),
    ("ikev1-psk-against-certificate.initiator", {}, AUTH, "or uses certificates"),
    ("ikev2-psk-against-certificate.initiator", {}, AUTH, "most likely it is set to certificates"),
    ("ikev1-psk-against-certificate.responder", CERT, AUTH, "wants a pre-shared key"),
    ("ikev2-psk-against-certificate.responder", CERT, AUTH, "wants a pre-shared key"),
    ("ikev1-certificate-against-psk.initiator", CERT, AUTH, "or use a pre-shared key"),
    ("ikev2-certificate-against-psk.initiator", CERT, AUTH, "or use a pre-shared key"),
    ("ikev1-certificate-against-psk.responder", {}, AUTH, "authenticates by RSA signature"),
    ("ikev2-certificate-against-psk.responder", {}, AUTH, "uses a certificate, and this policy"),
    # Certificates.
    *[
        (f"{version}-{log}", fields, field, said)
        for version in ("ikev1", "ikev2")
        for log, fields, field, said in [
            ("cert-expired-here.initiator", CERT, AUTH, f"CN=host b of the peer {NOT_VALID}"),
            ("cert-not-yet-here.initiator", CERT, AUTH, f"CN=host b of the peer {NOT_VALID}"),
            ("cert-expired-there.initiator", CERT, AUTH, NOT_ACCEPTED),
            (
                "cert-untrusted-here.initiator",
                CERT,
                AUTH,
                "CN=host b of the peer was issued by CN=Other CA",
            ),
            ("cert-untrusted-here.responder", CERT, AUTH, "as soon as it was made"),
            (
                "cert-untrusted-there.responder",
                CERT,
                AUTH,
                "CN=host a of the peer was issued by CN=Other CA",
            ),
            (
                "cert-self-signed-here.initiator",
                CERT,
                "certificate_name",
                "CN=host b of the peer is self-signed",
            ),
            ("no-ca-here.initiator", CERT, AUTH, "calls itself CN=host b"),
            (
                "cert-no-key-here.initiator",
                CERT,
                AUTH,
                "no private key for the certificate CN=host a",
            ),
            (
                "cert-no-key-there.responder",
                CERT,
                AUTH,
                "no private key for the certificate CN=host b",
            ),
            ("cert-none-here.initiator", CERT, AUTH, "has no certificate of this server"),
            ("cert-none-there.responder", CERT, AUTH, "has no certificate of this server"),
            ("cert-other-pinned-here.initiator", PINNED, "certificate_name", WRONG_CERTIFICATE),
            ("cert-identity-there.initiator", CERT, AUTH, NOT_ACCEPTED),
            (
                "cert-identity-there.responder",
                CERT,
                "certificate_name",
                "came as CN=host a, which no policy here expects",
            ),
        ]
    ],
    (
        "ikev1-cert-identity.initiator",
        CERT,
        "certificate_name",
        "calls itself CN=host b; CN=host c was expected",
    ),
    ("ikev2-cert-identity.responder", CERT, "certificate_name", "under another identity"),
    # Phase two.
    (
        "ikev1-phase-two-esp.initiator",
        {},
        "esp",
        "ESP Algorithm, Hash Algorithm or Phase Two DH differ",
    ),
    ("ikev2-phase-two-esp.initiator", {}, "esp", "ESP Algorithm or Hash Algorithm differ"),
    (
        "ikev1-phase-two-esp.responder",
        {},
        "esp",
        "ESP Algorithm is AES-256-GCM there and AES-128-GCM here",
    ),
    (
        "ikev2-phase-two-esp.responder",
        {},
        "esp",
        "ESP Algorithm is AES-256-GCM there and AES-128-GCM here",
    ),
    ("ikev1-phase-two-dh.initiator", {}, "esp", "Phase Two DH differ"),
    (
        "ikev1-phase-two-dh.responder",
        {},
        "phase_two_dh",
        "Phase Two DH is ECP 384 there and ECP 256 here",
    ),
    ("ikev2-rekey-dh.daemon", {}, "phase_two_dh", "could not be renewed"),
    ("ikev1-selectors.initiator", HTTPS, "destination_port", "does not protect the traffic"),
    ("ikev2-selectors.initiator", HTTPS, "destination_port", "does not protect the traffic"),
    ("ikev1-selectors.responder", {"source_port": 8443}, "source_port", "10.98.0.2/32[tcp/https]"),
    ("ikev2-selectors.responder", {"source_port": 8443}, "source_port", "10.98.0.2/32[tcp/https]"),
    ("ikev2-selectors.initiator", {"protocol": Protocol.UDP}, "protocol", "the traffic"),
    ("ikev1-mode.initiator", {}, "mode", "does not protect the traffic"),
    ("ikev1-mode.responder", {}, "mode", "traffic or a mode"),
    (
        "ikev1-no-esp.initiator",
        {},
        "esp",
        "kernel of this server did not take the result (Function not implemented (38))",
    ),
    ("ikev2-no-esp.responder", {}, "esp", "kernel of this server did not take the result"),
    ("ikev2-no-esp.initiator", {}, "esp", "when its kernel lacks the algorithm"),
    # The end of what was there.
    ("ikev1-dpd.daemon", {}, "", "dead peer detection"),
    ("ikev2-dpd.daemon", {}, "", "dead peer detection"),
    ("ikev1-deleted-there.daemon", {}, "", "The peer 10.98.0.2 ended the connection"),
    ("ikev2-deleted-there.daemon", {}, "", "The peer 10.98.0.2 ended the connection"),
    ("ikev1-child-deleted-there.daemon", {}, "", "The peer 10.98.0.2 ended the connection"),
    ("ikev2-child-deleted-there.daemon", {}, "", "The peer 10.98.0.2 ended the connection"),
]
# The same of what was agreed.
UP: list[tuple[str, dict[str, Any], str, str]] = [
    ("ikev1-cert-good.initiator", CERT, "", "between 10.98.0.1/32 and 10.98.0.2/32 is protected"),
    ("ikev2-cert-good.initiator", CERT, "", "between 10.98.0.1/32 and 10.98.0.2/32 is protected"),
    ("ikev1-cert-good.responder", CERT, "", "between 10.98.0.2/32 and 10.98.0.1/32 is protected"),
    ("ikev2-cert-good.responder", CERT, "", "between 10.98.0.2/32 and 10.98.0.1/32 is protected"),
    ("ipv6-good.initiator", {}, "", "between fd00:98::1/128 and fd00:98::2/128"),
    ("ikev1-narrower-here.initiator", HTTPS, "", "10.98.0.2/32[tcp/https] is protected"),
    ("ikev2-narrower-here.initiator", HTTPS, "", "10.98.0.2/32[tcp/https] is protected"),
    ("ikev1-narrowed.initiator", {}, "destination_port", "protects less than this policy says"),
    ("ikev2-narrowed.initiator", {}, "destination_port", "protects less than this policy says"),
    ("ikev2-narrowed.responder", {}, "source_port", "protects less than this policy says"),
    ("ikev2-narrowed.initiator", HTTPS | {"protocol": Protocol.ANY}, "protocol", "protects less"),
    ("ikev2-mode.initiator", {}, "mode", "in tunnel mode"),
    ("ikev1-rekey-good.daemon", {}, "", "It is connected"),
    ("ikev2-rekey-good.daemon", {}, "", "It is connected"),
    ("ikev1-again.initiator", {}, "", "It is connected"),
    ("ikev2-again.initiator", {}, "", "It was connected already"),
]
