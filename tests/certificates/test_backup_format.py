"""The file of a backup: what was written comes back, and nothing else is taken for it (CM-10)."""

import io
import json
import struct
from collections.abc import Callable
from typing import Any

import pytest

from certificates.backup_format.chunks import CHUNK_BYTES, TAG_BYTES, ChunkWriter, read_chunks
from certificates.backup_format.header import read_header, write_header
from certificates.backup_format.keys import (
    Identity,
    Lock,
    Opener,
    Passphrase,
    Recipient,
    ScryptCost,
    checked_passphrase,
    new_identity,
    read_identity,
    read_recipient,
    unwrap,
    wrap,
)
from certificates.backup_format.lines import LineWriter, read_lines
from certificates.refusal import Refused

pytestmark = pytest.mark.spec("CM-10")
QUICK = ScryptCost(n=2**14)
WORDS = Passphrase("seven words that nobody else knows", QUICK)
IDENTITY = new_identity()
SEALED = CHUNK_BYTES + TAG_BYTES


def written(plain: bytes, *locks: Lock) -> bytes:
    stream, key = io.BytesIO(), b"k" * 32
    wrapped = [wrap(key, lock) for lock in locks or (IDENTITY.recipient,)]
    digest = write_header(
        stream, made_at="2026-11-26T12:00:00+00:00", node="n", product="p", locks=wrapped
    )
    chunks = ChunkWriter(stream, key, digest)
    chunks.write(plain)
    chunks.finish()
    return stream.getvalue()


def read(file: bytes, opener: Opener = IDENTITY) -> bytes:
    stream = io.BytesIO(file)
    header = read_header(stream)
    return b"".join(read_chunks(stream, unwrap(header.locks, opener), header.digest))


def refusal(file: bytes, opener: Opener = IDENTITY) -> str:
    with pytest.raises(Refused) as refused:
        read(file, opener)
    assert refused.value.sentence
    assert refused.value.cure
    return refused.value.code


def body_at(file: bytes) -> int:
    """Where the first chunk begins."""
    return 18 + int(struct.unpack(">I", file[14:18])[0])


THREE = bytes(range(256)) * (CHUNK_BYTES * 5 // 2 // 256)  # two chunks and a half


@pytest.mark.parametrize("size", [0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, len(THREE)])
def test_every_length_comes_back(size: int) -> None:
    assert read(written(THREE[:size])) == THREE[:size]


def test_each_of_several_locks_opens_it() -> None:
    other = new_identity()
    file = written(b"plain", WORDS, IDENTITY.recipient, other.recipient)

    assert [read(file, opener) for opener in (WORDS, IDENTITY, other)] == [b"plain"] * 3


def test_a_passphrase_is_the_same_however_the_keyboard_composes_it() -> None:
    file = written(b"plain", Passphrase("caf\u00e9 caf\u00e9 caf\u00e9", QUICK))

    assert read(file, Passphrase("cafe\u0301 caf\u00e9 cafe\u0301")) == b"plain"


@pytest.mark.parametrize(
    ("opener", "code"),
    [
        (Passphrase("another one, as long as the other"), "backup.passphrase"),
        (Passphrase(""), "backup.passphrase"),
        (new_identity(), "backup.lock"),
    ],
)
def test_a_wrong_key_is_refused(opener: Opener, code: str) -> None:
    assert refusal(written(b"plain", WORDS), opener) == code


def test_a_passphrase_for_a_file_that_has_none_is_refused() -> None:
    assert refusal(written(b"plain"), WORDS) == "backup.lock"


def test_no_bit_of_the_header_can_be_changed() -> None:
    file = written(b"plain")
    for index in range(body_at(file)):
        changed = bytearray(file)
        changed[index] ^= 1 << index % 8

        assert refusal(bytes(changed)).startswith("backup."), index


def test_no_bit_of_a_lock_by_passphrase_can_be_changed_either() -> None:
    file = written(b"plain", WORDS)
    for index in range(18, body_at(file), 7):
        changed = bytearray(file)
        changed[index] ^= 4

        assert refusal(bytes(changed), WORDS).startswith("backup."), index


@pytest.mark.parametrize("place", [0, 1, SEALED - 1, SEALED, 2 * SEALED, -1, -TAG_BYTES - 1])
def test_no_bit_of_a_chunk_or_its_tag_can_be_changed(place: int) -> None:
    file = bytearray(written(THREE))
    file[body_at(file) + place if place >= 0 else place] ^= 1

    assert refusal(bytes(file)) == "backup.changed"


@pytest.mark.parametrize("chunks", [1, 2])
def test_a_file_that_ends_at_the_border_of_a_chunk_is_cut(chunks: int) -> None:
    file = written(THREE)

    assert refusal(file[: body_at(file) + chunks * SEALED]) == "backup.cut"


@pytest.mark.parametrize("missing", [1, TAG_BYTES, 1000])
def test_a_file_that_ends_within_a_chunk_is_refused(missing: int) -> None:
    assert refusal(written(THREE)[:-missing]) == "backup.changed"


def test_a_file_without_a_body_is_refused() -> None:
    file = written(THREE)

    assert refusal(file[: body_at(file)]) == "backup.changed"


def test_chunks_that_changed_places_are_refused() -> None:
    file = written(THREE)
    start = body_at(file)
    first, second = file[start : start + SEALED], file[start + SEALED : start + 2 * SEALED]

    assert refusal(file[:start] + second + first + file[start + 2 * SEALED :]) == "backup.changed"
    assert refusal(file[:start] + first + first + file[start + 2 * SEALED :]) == "backup.changed"
    assert refusal(file[:start] + file[start + SEALED :]) == "backup.changed"


def test_what_is_added_is_refused() -> None:
    exact = written(THREE[: 2 * CHUNK_BYTES])

    assert refusal(exact + b"more") == "backup.longer"
    assert refusal(written(THREE) + b"x") == "backup.changed"  # the last chunk grew


def test_chunks_of_another_backup_with_the_same_key_are_refused() -> None:
    one, other = written(THREE), written(THREE)
    start = body_at(other)

    assert refusal(one[: body_at(one)] + other[start:]) == "backup.changed"


def with_fields(file: bytes, change: Callable[[dict[str, Any]], object]) -> bytes:
    fields = json.loads(file[18 : body_at(file)])
    change(fields)
    text = json.dumps(fields).encode()
    return file[:14] + struct.pack(">I", len(text)) + text + file[body_at(file) :]


@pytest.mark.parametrize(
    "cost", [(2**30, 8, 1), (2**17, 8, 2**30), (2**17, 2**20, 1), (0, 8, 1), (-1, 8, 1), (3, 8, 1)]
)
def test_a_file_that_asks_for_memory_or_time_gets_none(cost: tuple[int, int, int]) -> None:
    names = dict(zip(("n", "r", "p"), cost, strict=True))
    file = with_fields(written(b"plain", WORDS), lambda fields: fields["locks"][0].update(names))

    assert refusal(file, WORDS) == "backup.cost"


FORMS: dict[str, Callable[[dict[str, Any]], object]] = {
    "no lock": lambda fields: fields.update(locks=[]),
    "many locks": lambda fields: fields.update(locks=fields["locks"] * 17),
    "cipher": lambda fields: fields.update(cipher="none"),
    "node": lambda fields: fields.update(node=7),
    "kind": lambda fields: fields["locks"][0].update(kind="rot13"),
    "text": lambda fields: fields["locks"][0].update(n="131072"),
    "truth": lambda fields: fields["locks"][0].update(n=True),
    "salt": lambda fields: fields["locks"][0].update(salt="AAAA"),
    "number": lambda fields: fields["locks"].append(7),
}


@pytest.mark.parametrize("form", FORMS)
def test_a_header_of_another_form_is_refused(form: str) -> None:
    assert refusal(with_fields(written(b"plain", WORDS), FORMS[form]), WORDS) == "backup.header"


def test_a_second_lock_by_passphrase_is_no_way_to_burn_time() -> None:
    file = with_fields(
        written(b"plain", WORDS), lambda fields: fields.update(locks=fields["locks"] * 2)
    )

    assert refusal(file, WORDS) == "backup.cost"


@pytest.mark.parametrize(
    ("file", "code"),
    [
        (b"", "backup.not-one"),
        (b"-----BEGIN CERTIFICATE-----\n", "backup.not-one"),
        (b"CCXSECBACKUP", "backup.not-one"),
        (b"CCXSECBACKUP" + struct.pack(">HI", 2, 10), "backup.version"),
        (b"CCXSECBACKUP" + struct.pack(">HI", 1, 2**31), "backup.header"),
        (b"CCXSECBACKUP" + struct.pack(">HI", 1, 8) + b"[[[[[[[[", "backup.header"),
    ],
)
def test_what_is_no_backup_is_told(file: bytes, code: str) -> None:
    assert refusal(file) == code


def test_keys_come_back_from_their_text_and_a_typing_error_is_seen() -> None:
    public, private = str(IDENTITY.recipient), IDENTITY.to_text()

    assert read_recipient(f" {public.upper()} ") == IDENTITY.recipient
    assert read_identity(f"# a comment\n{private}\n") == IDENTITY
    assert private not in repr(IDENTITY)
    assert "seven words" not in repr(WORDS)
    other = "7" if public[20] != "7" else "6"
    for text in (public[:-1], public + "a", public[:20] + other + public[21:], private, ""):
        with pytest.raises(Refused, match="mistyped"):
            read_recipient(text)
    for text in ("", f"{private}\n{private}", private[:-1], public):
        with pytest.raises(Refused, match="identity file"):
            read_identity(text)


@pytest.mark.parametrize("public", [bytes(32), bytes([1]) + bytes(31)])
def test_a_public_key_that_everybody_can_agree_with_is_refused(public: bytes) -> None:
    with pytest.raises(Refused, match="none that can be used"):
        wrap(bytes(32), Recipient(public))


def test_a_short_passphrase_is_refused() -> None:
    with pytest.raises(Refused, match="fewer than 12"):
        checked_passphrase("short")


class Collected:
    def __init__(self) -> None:
        self.data = b""

    def write(self, data: bytes) -> None:
        self.data += data

    def finish(self) -> None:
        """Nothing is buffered."""


def packed(*values: Any) -> bytes:
    sink = Collected()
    lines = LineWriter(sink)
    for value in values:
        lines.write(value)
    lines.finish()
    return sink.data


def test_lines_come_back_in_whatever_portions_they_arrive() -> None:
    values = [{"a": "ü\n\0"}, [1, None, "x" * 600_000], []]
    data = packed(*values)

    assert list(read_lines(data[i : i + 1000] for i in range(0, len(data), 1000))) == values


def test_lines_that_were_not_written_so_are_refused() -> None:
    data = packed([1], [2])
    for spoiled in (data[:-1], data + b"x", b"x" + data, b""):
        with pytest.raises(Refused) as refused:
            list(read_lines(iter([spoiled])))

        assert refused.value.code == "backup.content"


def test_a_line_without_end_takes_no_memory_without_end() -> None:
    with pytest.raises(Refused, match="understands"):
        list(read_lines(iter([packed("x" * 70_000_000)])))


def test_the_private_key_has_its_public_one() -> None:
    assert Identity(IDENTITY.private).recipient == IDENTITY.recipient
