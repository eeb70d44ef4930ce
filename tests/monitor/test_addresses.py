"""E-mail IDs: each address of its own, or a reason why not (MO-1)."""

import pytest

from certificates.expiry.addresses import read_addresses
from certificates.refusal import Refused

pytestmark = pytest.mark.spec("MO-1")


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("a@x.example", ["a@x.example"]),
        ("a@x.example;b@x.example", ["a@x.example", "b@x.example"]),
        (
            " a@x.example , b@x.example\r\nc@x.example\n",
            ["a@x.example", "b@x.example", "c@x.example"],
        ),
        ("A@X.Example;a@x.example", ["A@x.example"]),
        ("o'brien+tag@x.example", ["o'brien+tag@x.example"]),
        ("root@localhost", ["root@localhost"]),
        ("", []),
        (";,\n", []),
    ],
)
def test_lists_are_read_and_doubles_dropped(typed: str, read: list[str]) -> None:
    assert read_addresses(typed).addresses == read


def test_a_domain_in_other_letters_is_converted_and_said() -> None:
    read = read_addresses("a@bücher.example;b@faß.example")

    assert read.addresses == ["a@xn--bcher-kva.example", "b@xn--fa-hia.example"]
    assert read.converted[0] == "a@bücher.example is written a@xn--bcher-kva.example."


@pytest.mark.parametrize(
    "typed",
    [
        "root",
        "@x.example",
        "a@",
        "a@x.",
        "a b@x.example",
        "Ops <a@x.example>",
        '"a b"@x.example',
        "a@[127.0.0.1]",
        "a@127.0.0.1",
        "jörg@x.example",
        "a@x.example\x0bBcc: b@x.example",
        "a@x.example\x00",
        "a\u2028@x.example",
        "a@b@x.example",
        "-oQ@x.example",
        ".a@x.example",
        "a..b@x.example",
        f"{'a' * 65}@x.example",
        f"a@{'b' * 64}.example",
        "a@-x.example",
        "a@\udc80x.example",
    ],
)
def test_what_is_no_address_is_refused_by_name(typed: str) -> None:
    with pytest.raises(Refused) as refusal:
        read_addresses(f"ok@x.example;{typed}")

    assert refusal.value.code == "email.syntax"
    assert "is not one e-mail address" in refusal.value.sentence
    assert refusal.value.sentence.isprintable()


def test_more_than_fifty_are_refused() -> None:
    with pytest.raises(Refused) as refusal:
        read_addresses(";".join(f"a{number}@x.example" for number in range(51)))

    assert refusal.value.code == "email.count"
