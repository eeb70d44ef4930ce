"""How a policy stands: every word and every fate of its packets, from what was heard."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ipsec.associations import Association, Child, Loaded, Trap
from ipsec.kernel import KernelPolicy
from ipsec.policy.choices import DhGroup, Encryption, Esp, Hash, IkeVersion, Protocol
from ipsec.policy.definition import Definition
from ipsec.policy.terms import Credentials, connection
from ipsec.standing import Heard, Intended, LastFailure, Leak, Standing, Word, judge
from tests.ipsec.definitions import UNIFIED_CCX, WEB

pytestmark = pytest.mark.spec("IP-7")
NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
MADE = connection([WEB], Credentials(key_mark="00"))
NAME, CHILD = MADE.name, MADE.children[str(WEB)]
HOSTS = ("10.0.0.1/32", "10.0.0.2/32")
LOADED = {NAME: Loaded(NAME, "IKEv2", ("10.0.0.1",), ("10.0.0.2",), frozenset([CHILD]))}
TRAP = Trap(NAME, CHILD, (f"{HOSTS[0]}[tcp]",), (f"{HOSTS[1]}[tcp/https]",))
OUT = KernelPolicy("out", *HOSTS, "tcp", 0, 443, False, True, "transport")
BACK = KernelPolicy("in", *HOSTS[::-1], "tcp", 443, 0, False, True, "transport")
KEYS = frozenset([("10.0.0.1", "10.0.0.2"), ("10.0.0.2", "10.0.0.1")])
# Of somebody else: everything to that network passes as it is.
PASS = KernelPolicy("out", "0.0.0.0/0", "10.0.0.0/16", "", 0, 0, False, False, "", priority=8)
INTENDED = Intended(
    definition=WEB,
    is_enabled=True,
    connection=NAME,
    child=CHILD,
    trouble="",
    changed_at=NOW - timedelta(minutes=1),
    failure=None,
)
FAILURE = LastFailure(NOW, "The peer refused the proposal.", "Set both alike.", "esp")


def child(**differences: Any) -> Child:
    """What was negotiated for `WEB` as it is configured."""
    whole = Child(
        name=CHILD,
        unique_id="7",
        state="INSTALLED",
        mode="TRANSPORT",
        encryption="AES_GCM_16",
        key_size=256,
        integrity="",
        dh_group="",
        local_selectors=(f"{HOSTS[0]}[tcp]",),
        remote_selectors=(f"{HOSTS[1]}[tcp/https]",),
        spi_in="c1",
        spi_out="c2",
        bytes_in=1,
        bytes_out=2,
        packets_in=3,
        packets_out=4,
        installed_at=NOW,
        rekeys_at=None,
        expires_at=None,
    )
    return replace(whole, **differences)


def association(*children: Child, **differences: Any) -> Association:
    whole = Association(
        connection=NAME,
        unique_id="3",
        version=2,
        state="ESTABLISHED",
        local_host="10.0.0.1",
        remote_host="10.0.0.2",
        remote_identity="10.0.0.2",
        encryption="AES_GCM_16",
        key_size=256,
        integrity="",
        pseudo_random="PRF_HMAC_SHA2_384",
        dh_group="ECP_384",
        established_at=NOW,
        rekeys_at=None,
        children=children,
    )
    return replace(whole, **differences)


def heard(**differences: Any) -> Heard:
    """A daemon that holds `WEB`, a kernel that holds its traffic, and nothing negotiated."""
    whole: dict[str, Any] = {
        "connections": LOADED,
        "traps": [TRAP],
        "kernel": [OUT, BACK],
        "keys": KEYS,
    }
    return Heard(at=NOW, **(whole | differences))


UP = association(child())
ORPHAN = replace(INTENDED, is_enabled=False, connection="", child="")
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


# --- What happens to a packet --------------------------------------------------------------------
NAMED = replace(WEB, destination_address="ccx2.example.com")
NAMED_TRAP = Trap(NAME, CHILD, (HOSTS[0],), (HOSTS[1],))
FATES: dict[str, tuple[Intended, Heard, Leak, str]] = {
    "protected": (INTENDED, heard(associations=[UP]), Leak.PROTECTED, "4 packets out, 3 in"),
    "protected by a wider one": (
        INTENDED,
        heard(associations=[UP], kernel=[replace(OUT, destination_port=0), BACK]),
        Leak.PROTECTED,
        "packets",
    ),
    "held": (INTENDED, heard(), Leak.BLOCKED, "until a negotiation succeeds"),
    "blocked though it is negotiated": (
        INTENDED,
        heard(associations=[UP], kernel=[replace(OUT, is_block=True, is_ipsec=False), BACK]),
        Leak.BLOCKED,
        "",
    ),
    "an orphan": (ORPHAN, heard(connections={}, traps=[]), Leak.BLOCKED, "orphan"),
    "negotiated without keys in the kernel": (
        INTENDED,
        heard(associations=[UP], keys=frozenset()),
        Leak.BLOCKED,
        "it has no keys",
    ),
    "keys one way only": (
        INTENDED,
        heard(associations=[UP], keys=frozenset([("10.0.0.1", "10.0.0.2")])),
        Leak.BLOCKED,
        "it has no keys",
    ),
    "left by a daemon that is gone": (
        INTENDED,
        Heard(at=NOW, silence="No daemon.", kernel=[OUT, BACK]),
        Leak.BLOCKED,
        "until",
    ),
    "left with its keys by a daemon that is gone": (
        INTENDED,
        Heard(at=NOW, silence="No daemon.", kernel=[OUT, BACK], keys=KEYS),
        Leak.PROTECTED,
        "until they expire",
    ),
    "no trap": (INTENDED, heard(traps=[], kernel=[]), Leak.CLEAR, "leaves unprotected"),
    "one way only": (INTENDED, heard(kernel=[OUT]), Leak.CLEAR, "is let in unprotected"),
    "the other way only": (INTENDED, heard(kernel=[BACK]), Leak.CLEAR, "leaves unprotected"),
    "a narrower one": (
        replace(INTENDED, definition=replace(WEB, destination_port=0)),
        heard(),
        Leak.CLEAR,
        "leaves",
    ),
    "another port": (
        replace(INTENDED, definition=replace(WEB, destination_port=80)),
        heard(),
        Leak.CLEAR,
        "leaves",
    ),
    "another protocol": (
        replace(INTENDED, definition=replace(WEB, protocol=Protocol.UDP)),
        heard(),
        Leak.CLEAR,
        "leaves",
    ),
    "a name that was not resolved": (
        replace(INTENDED, definition=NAMED),
        heard(traps=[]),
        Leak.CLEAR,
        "ccx2.example.com was not resolved",
    ),
    "a name that nobody has tried to resolve": (
        replace(INTENDED, definition=NAMED),
        heard(connections={}, traps=[]),
        Leak.CLEAR,
        "leaves",
    ),
    "a name that was resolved": (
        replace(INTENDED, definition=NAMED),
        heard(traps=[NAMED_TRAP]),
        Leak.BLOCKED,
        "until",
    ),
    "disabled": (
        ORPHAN,
        heard(connections={}, traps=[], kernel=[]),
        Leak.CLEAR,
        "leaves",
    ),
    "the kernel is silent": (
        INTENDED,
        heard(kernel=None, kernel_silence="ip is missing"),
        Leak.UNKNOWN,
        "ip is missing",
    ),
    # A policy of the kernel's that lets traffic pass as it is protects nothing.
    "let pass by the kernel": (
        INTENDED,
        heard(kernel=[replace(OUT, is_ipsec=False), BACK]),
        Leak.CLEAR,
        "leaves",
    ),
    "let pass before ours": (
        INTENDED,
        heard(kernel=[replace(OUT, priority=9), PASS, BACK]),
        Leak.CLEAR,
        "leaves",
    ),
    "let pass behind ours": (
        INTENDED,
        heard(kernel=[OUT, replace(PASS, priority=9), BACK]),
        Leak.BLOCKED,
        "until",
    ),
    "let pass elsewhere": (
        INTENDED,
        heard(kernel=[OUT, replace(PASS, destination="10.1.0.0/16"), BACK]),
        Leak.BLOCKED,
        "until",
    ),
    "held by a policy of networks": (
        INTENDED,
        heard(kernel=[replace(PASS, is_block=True), BACK]),
        Leak.BLOCKED,
        "wider",
    ),
    "let in by the kernel": (
        INTENDED,
        heard(kernel=[OUT, replace(BACK, is_ipsec=False)]),
        Leak.CLEAR,
        "is let in",
    ),
}


@pytest.mark.parametrize(("intended", "what", "fate", "why"), [*FATES.values()], ids=[*FATES])
def test_the_fate_of_a_packet(intended: Intended, what: Heard, fate: Leak, why: str) -> None:
    standing = judge(intended, what)

    assert standing.leak is fate
    assert why in standing.leak_sentence


def test_every_fate_is_tried() -> None:
    assert {fate for _, _, fate, _ in FATES.values()} == {*Leak}


def test_a_name_is_taken_as_its_own_policys_daemon_resolved_it() -> None:
    """Another policy's traps say nothing of this one."""
    stranger = replace(NAMED_TRAP, connection="theirs", child="other")

    standing = judge(replace(INTENDED, definition=NAMED), heard(traps=[stranger]))

    assert standing.leak is Leak.CLEAR


def test_what_others_loaded_is_no_policy_of_ours() -> None:
    theirs = Loaded("theirs", "IKEv2", (), (), frozenset([CHILD]))

    assert judge(INTENDED, heard(connections={"theirs": theirs})).word is Word.DRIFT
