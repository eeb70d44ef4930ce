"""The quick way of reading ordinary certificates says what the long way says, or nothing."""

import base64
import lzma
import random
from collections.abc import Callable, Iterator

import pytest

from certificates.refusal import Refused
from certificates.x509.der import DerError
from certificates.x509.uploads.limits import ELEMENTS
from certificates.x509.uploads.one_certificate import (
    ReadCertificate,
    read_certificate,
    read_the_long_way,
)
from certificates.x509.uploads.ordinary import read_ordinary
from certificates.x509.uploads.strict_der import Walk
from tests.certificates.authority import Authority
from tests.certificates.crafting import craft, craft_ca
from tests.certificates.test_reading_corpora import BLOCK, shared
from tests.fuzz.mutations import mutate
from tests.fuzz.seeds import seeds

pytestmark = pytest.mark.spec("CM-12", "CM-13")


def told(read: Callable[[bytes, Walk], ReadCertificate], der: bytes) -> object:
    """What was read, or why it was not; and how many elements that took from the file's."""
    walk = Walk()
    try:
        return read(der, walk), walk.left
    except Refused as refused:
        return refused.args
    except DerError as error:
        return error.args


def assert_both_ways_agree(ders: Iterator[bytes]) -> tuple[int, int]:
    """How many were read, and how many of them quickly."""
    count = quick = 0
    for der in ders:
        count += 1
        if read_ordinary(der) is None:
            continue
        quick += 1
        assert told(read_certificate, der) == told(read_the_long_way, der), der.hex()
    return count, quick


def test_real_ca_certificates_are_read_alike() -> None:
    pem = lzma.decompress(shared("ccadb-dev-to2014.pem.xz").read_bytes()).decode()

    count, quick = assert_both_ways_agree(map(base64.b64decode, BLOCK.findall(pem)))

    assert quick > count / 4  # most of the others are roots, which sign themselves


def test_damaged_certificates_are_read_alike(ca: Authority) -> None:
    """Every octet of one is changed, and others are mutated."""
    chance = random.Random(20261126)
    whole = ca.der(ca.sub)

    def damaged() -> Iterator[bytes]:
        for place in range(len(whole)):
            for change in (0x01, 0x20, 0x80):
                yield whole[:place] + bytes([whole[place] ^ change]) + whole[place + 1 :]
        start = [whole, *seeds(chance)]
        for _ in range(3_000):
            yield mutate(chance, chance.choice(start), chance.choice(start))[:20_000]

    count, quick = assert_both_ways_agree(damaged())

    assert 0 < quick < count


@pytest.mark.parametrize("name", ["self-signed", "server", "nothing", "text"])
def test_what_is_not_ordinary_is_left_to_the_long_way(name: str, ca: Authority) -> None:
    others = {"self-signed": ca.der(ca.root), "server": craft(serial=b"\2\0"), "nothing": b""}

    assert read_ordinary(others.get(name, b"no certificate")) is None


def test_its_elements_count_for_the_file(ca: Authority) -> None:
    der = ca.der(ca.sub)
    ordinary = read_ordinary(der)
    assert ordinary is not None
    walk = Walk(ordinary.elements - 1)

    with pytest.raises(Refused, match=f"more than {ELEMENTS:,} elements"):
        read_certificate(der, walk)


def test_a_crafted_one_keeps_its_columns(ca: Authority) -> None:
    for der in (craft(), craft_ca(), ca.der(ca.sub)):
        assert told(read_certificate, der) == told(read_the_long_way, der)
