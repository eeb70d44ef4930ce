"""Whatever a pool or a certificate holds: an answer, within a second (CM-20)."""

from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from certificates.x509 import der
from certificates.x509.chain import PathVerdict, find_path
from tests.certificates.authorities import NOW, Authority, common_name, new_key, root
from tests.effort import takes_at_most

CROWD = 2_000
TOP, GONE = root("Lab Root"), Authority(common_name("Gone"))
SUB = TOP.issue_ca("Crowd")
LEAF = SUB.issue_leaf("ccx1.example.com")


def judge(leaf: bytes, intermediates: list[bytes]) -> PathVerdict:
    """The verdict, twice the promised second at most on a quiet machine."""
    verdicts = []
    anchors = [TOP.certificate]
    assert takes_at_most(
        2.0,
        lambda: verdicts.append(
            find_path(leaf, anchors=anchors, intermediates=intermediates, at=NOW, usage="server")
        ),
    )
    return verdicts[-1]


def of_one_key() -> bytes:
    return SUB.issue(SUB.name, key=SUB.key, ca=True).certificate


def of_other_keys() -> bytes:
    return TOP.issue_ca("Crowd").certificate


def signed_by_nobody() -> bytes:
    return GONE.issue(SUB.name, key=SUB.key, ca=True, issuer=TOP.name).certificate


@pytest.mark.parametrize("member", [of_one_key, of_other_keys, signed_by_nobody])
def test_a_crowd_of_one_name(member: Callable[[], bytes]) -> None:
    crowd = [member() for _ in range(CROWD)]

    with_the_right_one = judge(LEAF, [*crowd, SUB.certificate])
    without = judge(LEAF, crowd)

    assert with_the_right_one.path == (LEAF, SUB.certificate, TOP.certificate)
    assert not without.trusted
    assert without.findings[0].code in {"path.no-issuer", "path.signature"}


def test_a_maze_without_exit_is_given_up() -> None:
    keys = [new_key(), new_key()]
    maze = [
        Authority(common_name(f"Level {level + 1}"), keys[(level + 1) % 2])
        .issue_ca(f"Level {level}", key=keys[level % 2])
        .certificate
        for level in range(12)
        for _ in range(60)
    ]
    leaf = Authority(common_name("Level 0"), keys[0]).issue_leaf("ccx1.example.com")

    verdict = judge(leaf, maze)

    assert not verdict.trusted
    assert verdict.findings[-1].code == "path.effort"


def oversized_names() -> bytes:
    attribute = der.encode(der.SEQUENCE, bytes.fromhex("0603550403") + der.encode(0x13, b"a"))
    return der.encode(der.SEQUENCE, der.encode(der.SET, attribute) * 60_000)


def test_an_oversized_name_is_not_read() -> None:
    content, algorithm, signature = der.only_element(LEAF).children()
    fields = [field.raw for field in content.children()]
    fields[5] = oversized_names()
    signed = der.encode(der.SEQUENCE, b"".join(fields))
    huge = der.encode(der.SEQUENCE, signed + algorithm.raw + signature.raw)

    assert judge(huge, [SUB.certificate]).findings[0].code == "path.unreadable"


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_altered_octets_are_never_trusted_and_never_raise(data: st.DataObject) -> None:
    leaf = bytearray(LEAF)
    for place in data.draw(st.lists(st.integers(0, len(LEAF) - 1), min_size=1, max_size=4)):
        leaf[place] = data.draw(st.integers(0, 255))

    verdict = judge(bytes(leaf), [SUB.certificate])

    assert verdict.trusted is (bytes(leaf) == LEAF)
    assert verdict.trusted or verdict.findings


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=300))
def test_any_octets_are_answered(octets: bytes) -> None:
    verdict = judge(octets, [octets])

    assert [finding.code for finding in verdict.findings][:1] == ["path.unreadable"]
