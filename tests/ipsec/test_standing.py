"""How a policy stands: every word and every fate of its packets, from what was heard."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from ipsec.associations import Loaded
from ipsec.policy.choices import DhGroup, Encryption, Esp, Hash, IkeVersion, Protocol
from ipsec.policy.definition import Definition
from ipsec.policy.terms import Credentials, connection
from ipsec.standing import Heard, Intended, Standing, Word, judge
from tests.ipsec.definitions import UNIFIED_CCX, WEB
from tests.ipsec.hearing import (
    FAILURE,
    HOSTS,
    INTENDED,
    LOADED,
    NAME,
    NOW,
    ORPHAN,
    UP,
    association,
    child,
    heard,
)

pytestmark = pytest.mark.spec("IP-7")


EARLIER = f"{WEB}@00000000"
WORDS: dict[str, tuple[Intended, Heard, Word, str]] = {
    "in force": (INTENDED, heard(associations=[UP]), Word.IN_FORCE, ""),
    "in force while it is renewed": (
        INTENDED,
        heard(associations=[association(child(state="REKEYING"))]),
        Word.IN_FORCE,
        "",
    ),
    "in force beside an older one": (
        INTENDED,
        heard(
            associations=[
                association(child(mode="TUNNEL", installed_at=NOW - timedelta(hours=1)), child())
            ]
        ),
        Word.IN_FORCE,
        "",
    ),
    "waiting": (INTENDED, heard(), Word.WAITING, ""),
    "waiting with phase one up": (
        INTENDED,
        heard(associations=[association()]),
        Word.WAITING,
        "",
    ),
    "waiting after a failure of an earlier definition": (
        replace(INTENDED, failure=replace(FAILURE, at=NOW - timedelta(minutes=2))),
        heard(),
        Word.WAITING,
        "",
    ),
    "negotiating phase one": (
        INTENDED,
        heard(associations=[association(state="CONNECTING")]),
        Word.NEGOTIATING,
        "",
    ),
    "negotiating phase two": (
        INTENDED,
        heard(associations=[association(child(state="CREATED"))]),
        Word.NEGOTIATING,
        "",
    ),
    "failed": (replace(INTENDED, failure=FAILURE), heard(), Word.FAILED, "esp"),
    "failed with phase one up": (
        replace(INTENDED, failure=FAILURE),
        heard(associations=[association()]),
        Word.FAILED,
        "esp",
    ),
    "failed as nothing holds its traffic": (
        INTENDED,
        heard(traps=[]),
        Word.FAILED,
        "destination_address",
    ),
    "failed as it could not be installed": (
        replace(INTENDED, trouble="Its traffic is not held."),
        heard(traps=[]),
        Word.FAILED,
        "",
    ),
    "drift: not loaded": (INTENDED, heard(connections={}), Word.DRIFT, ""),
    "drift: an earlier definition": (
        INTENDED,
        heard(connections={NAME: replace(LOADED[NAME], children=frozenset([EARLIER]))}),
        Word.DRIFT,
        "",
    ),
    "drift: disabled and loaded": (ORPHAN, heard(), Word.DRIFT, ""),
    "drift: disabled and up": (
        ORPHAN,
        heard(connections={}, traps=[], associations=[UP]),
        Word.DRIFT,
        "",
    ),
    "drift: disabled and trapped": (ORPHAN, heard(connections={}), Word.DRIFT, ""),
    "disabled": (ORPHAN, heard(connections={}, traps=[], kernel=[]), Word.DISABLED, ""),
    "disabled without a daemon": (
        ORPHAN,
        Heard(at=NOW, silence="No IKE daemon answers."),
        Word.DISABLED,
        "",
    ),
    "not in force: no daemon": (
        INTENDED,
        Heard(at=NOW, silence="No IKE daemon answers.", silence_cure="Start it."),
        Word.NOT_IN_FORCE,
        "",
    ),
    "not in force: no certificate": (
        replace(INTENDED, connection="", child="", trouble="This server has no certificate."),
        heard(),
        Word.NOT_IN_FORCE,
        "",
    ),
}


@pytest.mark.parametrize(("intended", "what", "word", "field"), [*WORDS.values()], ids=[*WORDS])
def test_the_word(intended: Intended, what: Heard, word: Word, field: str) -> None:
    standing = judge(intended, what)

    assert (standing.word, standing.field) == (word, field)
    assert standing.sentence
    assert bool(standing.since) == (word is Word.IN_FORCE)


def test_every_word_is_tried() -> None:
    assert {word for _, _, word, _ in WORDS.values()} == {*Word}


def test_what_is_said_is_why() -> None:
    silent = judge(INTENDED, Heard(at=NOW, silence="No daemon.", silence_cure="Start it."))
    failed = judge(replace(INTENDED, failure=FAILURE), heard())
    earlier = judge(*WORDS["drift: an earlier definition"][:2])

    assert (silent.sentence, silent.cure) == ("No daemon.", "Start it.")
    assert (failed.sentence, failed.cure) == (FAILURE.sentence, FAILURE.cure)
    assert "earlier definition" in earlier.sentence


# --- What was negotiated against what is configured ----------------------------------------------
def negotiated(definition: Definition, phase_one: dict[str, Any], two: dict[str, Any]) -> Standing:
    made = connection([definition], Credentials(key_mark="00"))
    name, own = made.name, made.children[str(definition)]
    loaded = Loaded(name, "", (), (), frozenset([own]))
    up = association(child(name=own, **two), connection=name, **phase_one)
    intended = replace(INTENDED, definition=definition, connection=name, child=own)
    return judge(intended, heard(connections={name: loaded}, associations=[up]))


OLD_PHASE_ONE = {
    "version": 1,
    "encryption": "3DES_CBC",
    "key_size": 0,
    "integrity": "HMAC_SHA1_96",
    "dh_group": "MODP_1024",
}
OLD_PHASE_TWO = {
    "encryption": "3DES_CBC",
    "key_size": 0,
    "integrity": "HMAC_SHA1_96",
    "dh_group": "MODP_1024",
}
BOTH_OLD = (OLD_PHASE_ONE, OLD_PHASE_TWO)
OFF = replace(WEB, phase_two_dh=DhGroup.OFF)
FALLBACKS: dict[str, tuple[Definition, dict[str, Any], dict[str, Any], str]] = {
    "as configured": (WEB, {}, {}, ""),
    "as configured, keys renewed": (WEB, {}, {"dh_group": "ECP_384"}, ""),
    "as configured, the manual's": (UNIFIED_CCX, *BOTH_OLD, ""),
    "other version": (WEB, {"version": 1}, {}, "ike_version"),
    "other cipher in phase one": (WEB, {"encryption": "AES_CBC"}, {}, "encryption"),
    "shorter key in phase one": (WEB, {"key_size": 128}, {}, "encryption"),
    "other group in phase one": (WEB, {"dh_group": "MODP_1024"}, {}, "phase_one_dh"),
    "other hash in phase one": (
        UNIFIED_CCX,
        OLD_PHASE_ONE | {"integrity": "HMAC_MD5_96"},
        OLD_PHASE_TWO,
        "hash",
    ),
    "other cipher in phase two": (WEB, {}, {"encryption": "NULL", "key_size": 0}, "esp"),
    "shorter key in phase two": (WEB, {}, {"key_size": 128}, "esp"),
    "other integrity in phase two": (
        UNIFIED_CCX,
        OLD_PHASE_ONE,
        OLD_PHASE_TWO | {"integrity": "HMAC_MD5_96"},
        "hash",
    ),
    "other group in phase two": (WEB, {}, {"dh_group": "MODP_1024"}, "phase_two_dh"),
    "forward secrecy that is off": (OFF, {}, {"dh_group": "ECP_384"}, "phase_two_dh"),
    "tunnel": (WEB, {}, {"mode": "TUNNEL"}, "mode"),
    "narrowed at the source": (
        WEB,
        {},
        {"local_selectors": (f"{HOSTS[0]}[tcp/1024]",)},
        "source_port",
    ),
    "narrowed at the destination": (
        replace(WEB, destination_port=0),
        {},
        {"remote_selectors": (f"{HOSTS[1]}[tcp/https]",)},
        "destination_port",
    ),
    "narrowed to a protocol": (
        replace(WEB, protocol=Protocol.ANY, destination_port=0),
        {},
        {"remote_selectors": (f"{HOSTS[1]}[tcp]",)},
        "source_port",
    ),
    "nothing left": (WEB, {}, {"remote_selectors": ()}, "destination_port"),
    "a service of no name": (
        WEB,
        {},
        {"remote_selectors": (f"{HOSTS[1]}[tcp/no-such-service]",)},
        "destination_port",
    ),
}


@pytest.mark.parametrize(
    ("definition", "phase_one", "phase_two", "field"), [*FALLBACKS.values()], ids=[*FALLBACKS]
)
def test_a_fallback_is_a_failure(
    definition: Definition, phase_one: dict[str, Any], phase_two: dict[str, Any], field: str
) -> None:
    standing = negotiated(definition, phase_one, phase_two)

    assert standing.word is (Word.FAILED if field else Word.IN_FORCE)
    assert standing.field == field
    assert bool(standing.cure) == bool(field)


PHASE_TWO_NAMES = {
    Esp.NULL_ENC: ("NULL", 0),
    Esp.DES: ("DES_CBC", 0),
    Esp.TRIPLE_DES: ("3DES_CBC", 0),
    Esp.BLOWFISH: ("BLOWFISH_CBC", 128),
    Esp.RIJNDAEL: ("AES_CBC", 128),
    Esp.AES_128: ("AES_CBC", 128),
    Esp.AES_256: ("AES_CBC", 256),
    Esp.AES_128_GCM: ("AES_GCM_16", 128),
    Esp.AES_256_GCM: ("AES_GCM_16", 256),
    Esp.CHACHA20_POLY1305: ("CHACHA20_POLY1305", 0),
}


@pytest.mark.parametrize("esp", [*Esp])
def test_each_cipher_by_the_daemons_name(esp: Esp) -> None:
    name, bits = PHASE_TWO_NAMES[esp]
    integrity = "" if esp.is_combined else "HMAC_SHA2_384_192"
    two = {"encryption": name, "key_size": bits, "integrity": integrity}

    assert negotiated(replace(WEB, esp=esp), {}, two).word is Word.IN_FORCE
    other = {"encryption": "CAMELLIA_CBC", "key_size": 128, "integrity": integrity}
    assert negotiated(replace(WEB, esp=esp), {}, other).field == "esp"


def test_versions_and_hashes_by_the_daemons_names() -> None:
    names = {
        Hash.MD5: "HMAC_MD5_96",
        Hash.SHA1: "HMAC_SHA1_96",
        Hash.SHA256: "HMAC_SHA2_256_128",
        Hash.SHA384: "HMAC_SHA2_384_192",
        Hash.SHA512: "HMAC_SHA2_512_256",
    }
    for hash_, name in names.items():
        old = replace(
            WEB,
            ike_version=IkeVersion.IKEV1,
            encryption=Encryption.AES_256,
            esp=Esp.AES_256,
            hash=hash_,
        )
        both = {"encryption": "AES_CBC", "key_size": 256, "integrity": name}
        assert negotiated(old, {"version": 1, **both}, both).word is Word.IN_FORCE
