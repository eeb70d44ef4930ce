"""A negotiation's lines are gathered until one tells that it has failed (IP-7)."""

import pytest

from ipsec.transcripts import LINES, NEGOTIATIONS, Failure, Transcripts

pytestmark = pytest.mark.spec("IP-7")
NAME = "ccxsec/192.0.2.1/192.0.2.2@0123abcd"
BEGIN = "initiating IKE_SA x[1] to 192.0.2.2"
SENT = "sending packet: from 192.0.2.1[500] to 192.0.2.2[500] (100 bytes)"
RECEIVED = "received packet: from 192.0.2.2[500] to 192.0.2.1[500] (36 bytes)"
REFUSED = "received NO_PROPOSAL_CHOSEN notify error"


def told(
    *lines: str, number: str = "1", name: str = NAME, to: Transcripts | None = None
) -> list[Failure]:
    transcripts = to or Transcripts()
    found = []
    for line in lines:
        message = {"msg": line.encode(), "ikesa-uniqueid": number.encode()}
        if name:
            message["ikesa-name"] = name.encode()
        failure = transcripts.add(message if number else {"msg": line.encode()})
        found += [failure] if failure else []
    return found


def test_a_failure_tells_connection_hosts_and_lines() -> None:
    [failure] = told(BEGIN, SENT, RECEIVED, REFUSED)

    assert failure.connection == NAME
    assert failure.hosts == ("192.0.2.1", "192.0.2.2")
    assert failure.lines == (BEGIN, SENT, RECEIVED, REFUSED)


def test_several_lines_of_one_failure_are_one_failure() -> None:
    no_child = "received NO_PROPOSAL_CHOSEN notify, no CHILD_SA built"
    kept = "failed to establish CHILD_SA, keeping IKE_SA"

    assert len(told(BEGIN, no_child, kept)) == 1
    assert len(told(BEGIN, no_child, kept, "establishing CHILD_SA g/w@0123abcd{2}", no_child)) == 2


def test_the_reason_of_one_policy_is_not_told_of_the_next() -> None:
    """Several policies share an IKE SA, and its lines come under one number."""
    established = "IKE_SA x[1] established between 192.0.2.1[a]...192.0.2.2[b]"
    first = "received TS_UNACCEPTABLE notify, no CHILD_SA built"
    again = "establishing CHILD_SA g/w@0123abcd{2}"
    second = "received NO_PROPOSAL_CHOSEN notify, no CHILD_SA built"

    _, failure = told(BEGIN, established, first, again, second)

    assert failure.lines == (established, again, second)


def test_the_child_is_known_by_its_name() -> None:
    [failure] = told("establishing CHILD_SA g/w@0123abcd{6}", REFUSED)

    assert failure.child == "g/w@0123abcd"


def test_who_answers_has_no_name_yet_but_hosts() -> None:
    [failure] = told(RECEIVED, "no IKE config found for 192.0.2.1...192.0.2.2", name="(unnamed)")

    assert (failure.connection, failure.hosts) == ("", ("192.0.2.1", "192.0.2.2"))


@pytest.mark.parametrize("line", [BEGIN, SENT, "authentication of 'x' (myself) successful"])
def test_what_is_no_failure_is_none(line: str) -> None:
    assert told(line) == []


def test_negotiations_of_others_are_left_to_them() -> None:
    assert told(BEGIN, REFUSED, name="site") == []


def test_a_packet_that_could_not_be_sent_belongs_to_its_sender() -> None:
    transcripts = Transcripts()
    told(BEGIN, SENT, to=transcripts)

    [failure] = told(
        "error writing to socket: Network is unreachable", number="", name="", to=transcripts
    )

    assert failure.connection == NAME


def test_memory_is_bounded() -> None:
    transcripts = Transcripts()
    for number in range(NEGOTIATIONS * 2):
        told(*[SENT] * LINES, number=str(number), to=transcripts)
    told(*["x"] * LINES * 3, number="last", to=transcripts)

    assert len(transcripts._open) == NEGOTIATIONS
    assert max(len(one.lines) for one in transcripts._open.values()) == LINES
