"""What becomes of a packet: protected, blocked, or in the clear (IP-7)."""

from dataclasses import replace

import pytest

from ipsec.associations import Loaded, Trap
from ipsec.policy.choices import Protocol
from ipsec.standing import Heard, Intended, Leak, Word, judge
from tests.ipsec.definitions import WEB
from tests.ipsec.hearing import (
    BACK,
    CHILD,
    HOSTS,
    INTENDED,
    KEYS,
    NAME,
    NOW,
    ORPHAN,
    OUT,
    PASS,
    UP,
    heard,
)

pytestmark = pytest.mark.spec("IP-7")


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
