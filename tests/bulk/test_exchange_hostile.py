"""Archives that are broken or were made to do harm end in a refusal that says why."""

import gzip
from collections.abc import Callable

import pytest

from tests.bulk.archives import export
from tests.bulk.crafting import BLOCK, END, entry, files, packed, patched, refusal_of, tar

pytestmark = pytest.mark.spec("BK-5")


def _more(*entries: bytes) -> bytes:
    """Behind what the manifest lists."""
    return packed(tar(files(), *entries))


def _instead(name: str, **header: int | bytes) -> bytes:
    """An entry in the place of the first certificate."""
    good = files()
    content = good.pop("certificates/00001.pem")
    head = dict(list(good.items())[:3])
    return packed(tar(head, entry(name, content, **header)))  # type: ignore[arg-type]


def _patched(place: int, octets: bytes) -> bytes:
    """The first certificate's header with other octets."""
    good = list(files().items())
    head = tar(dict(good[:3]), end=b"")
    return packed(head + patched(entry(*good[3]), place, octets) + END)


def _broken_checksum() -> bytes:
    data = bytearray(gzip.decompress(export()))
    data[20] ^= 1
    return packed(bytes(data))


ENTRIES: list[tuple[str, Callable[[], bytes], str, str]] = [
    ("traversal", lambda: _instead("../../etc/passwd"), "archive.entry", "another folder"),
    ("traversal inside", lambda: _instead("a/../../b"), "archive.entry", "another folder"),
    ("a dot", lambda: _instead("./manifest.json"), "archive.entry", "another folder"),
    ("two slashes", lambda: _instead("a//b"), "archive.entry", "another folder"),
    ("absolute", lambda: _instead("/etc/passwd"), "archive.entry", "absolute"),
    ("no name", lambda: _instead(""), "archive.entry", "absolute"),
    ("backslashes", lambda: _instead("..\\..\\evil"), "archive.entry", "characters"),
    ("a drive", lambda: _instead("C:evil"), "archive.entry", "characters"),
    ("a line feed", lambda: _instead("a\nb"), "archive.entry", "characters"),
    ("not ASCII", lambda: _instead("\u202eevil"), "archive.form", "header"),
    ("behind a NUL", lambda: _patched(30, b"x"), "archive.entry", "NUL"),
    ("a prefix", lambda: _patched(345, b"../.."), "archive.entry", "another folder"),
    ("a symbolic link", lambda: _instead("a", kind=b"2"), "archive.entry", "a symbolic link"),
    ("a hard link", lambda: _instead("a", kind=b"1"), "archive.entry", "a hard link"),
    ("a character device", lambda: _instead("a", kind=b"3"), "archive.entry", "a device"),
    ("a block device", lambda: _instead("a", kind=b"4"), "archive.entry", "a device"),
    ("a folder", lambda: _instead("a", kind=b"5"), "archive.entry", "a folder"),
    ("a pipe", lambda: _instead("a", kind=b"6"), "archive.entry", "a named pipe"),
    ("a sparse file", lambda: _instead("a", kind=b"S"), "archive.entry", "a sparse file"),
    ("an old plain file", lambda: _instead("a", kind=b"\0"), "archive.entry", "unknown type"),
    (
        "pax of gigabytes",
        lambda: _instead("a", kind=b"x", size=8**11 - 1),
        "archive.entry",
        "a pax header",
    ),
    (
        "pax for all",
        lambda: _instead("a", kind=b"g", size=8**11 - 1),
        "archive.entry",
        "a pax header",
    ),
    (
        "a GNU name of gigabytes",
        lambda: _instead("a", kind=b"L", size=2**40),
        "archive.entry",
        "a GNU header",
    ),
    ("a GNU link", lambda: _instead("a", kind=b"K"), "archive.entry", "a GNU header"),
    ("a binary size", lambda: _instead("a", size=2**40), "archive.entry", "octal"),
    ("a negative size", lambda: _patched(124, b"\xff" * 12), "archive.entry", "octal"),
    ("a size of letters", lambda: _patched(124, b"z" * 11), "archive.form", "header"),
    ("a size below zero", lambda: _patched(124, b"-0000000777"), "archive.entry", "octal"),
    ("a wrong checksum", _broken_checksum, "archive.form", "header"),
    ("GNU's magic", lambda: _patched(257, b"ustar  \0"), "archive.form", "ustar"),
    ("no magic", lambda: _patched(257, bytes(8)), "archive.form", "ustar"),
    ("an unlisted file", lambda: _more(entry("evil")), "archive.entry", "not in its manifest"),
    (
        "a file twice",
        lambda: _more(entry("certificates/00001.pem")),
        "archive.entry",
        "twice",
    ),
    ("another file", lambda: _instead("evil"), "archive.entry", "where its manifest has"),
    ("an exact larger size", lambda: _patched(124, b"00000200001"), "archive.hash", "bytes; its"),
    (
        "200,000 entries",
        lambda: packed(tar(files(), entry("x") * 200_000)),
        "archive.entry",
        "not in its manifest",
    ),
]


@pytest.mark.parametrize(
    ("make", "code", "words"), [pytest.param(*rest, id=name) for name, *rest in ENTRIES]
)
def test_an_entry_that_is_none_of_ours(make: Callable[[], bytes], code: str, words: str) -> None:
    refused = refusal_of(make())

    assert (refused.code, words in refused.sentence) == (code, True), refused.sentence


def _without(name: str) -> bytes:
    good = files()
    del good[name]
    return packed(tar(good))


def _changed(name: str) -> bytes:
    good = files()
    good[name] = good[name][:-2] + b"?\n"
    return packed(tar(good))


FORMS: list[tuple[str, Callable[[], bytes], str, str]] = [
    ("nothing", lambda: b"", "archive.form", "cut short"),
    ("no gzip", lambda: b"ccxsec" * 100, "archive.form", "not gzip"),
    ("a bare tar", lambda: gzip.decompress(export()), "archive.form", "not gzip"),
    ("gzip in gzip", lambda: packed(export()), "archive.form", ""),
    ("two gzips", lambda: export() + export(), "archive.form", "behind the end of the gzip"),
    ("a byte behind", lambda: export() + b"\0", "archive.form", "behind the end of the gzip"),
    ("an empty gzip", lambda: packed(b""), "archive.form", "cut short"),
    ("an empty tar", lambda: packed(bytes(10240)), "archive.manifest", "begins with nothing"),
    (
        "behind the end",
        lambda: packed(gzip.decompress(export()) + bytes(512)),
        "archive.form",
        "behind the end of the archive",
    ),
    (
        "one block of zeros",
        lambda: packed(tar(files(), end=bytes(512))[:-512] + b"x" * 512),
        "archive.form",
        "behind the end of the archive",
    ),
    ("no end", lambda: packed(tar(files(), end=b"")), "archive.form", "cut short"),
    (
        "between two files",
        lambda: packed(tar(files(), end=b"").rstrip(b"\0") + b"x" * 9 + END),
        "archive.form",
        "",
    ),
    (
        "manifest not first",
        lambda: packed(tar({"a": b""} | files())),
        "archive.manifest",
        "'a', not",
    ),
    ("no manifest", lambda: _without("manifest.json"), "archive.manifest", "'signers/tomcat.pem'"),
    ("a file is missing", lambda: _without("certificates/00002.pem"), "archive.entry", "where"),
    ("the last is missing", lambda: _without("certificates/00003.pem"), "archive.count", "ends"),
    ("an item changed", lambda: _changed("certificates/00003.pem"), "archive.hash", "SHA-256"),
    ("the manifest changed", lambda: _changed("manifest.json"), "archive.manifest", "JSON"),
    (
        "a huge manifest",
        lambda: packed(entry("manifest.json", size=2**31)),
        "archive.size",
        "2,147,483,648",
    ),
    (
        "a manifest of 8 MiB and a byte",
        lambda: packed(tar({"manifest.json": b" " * (2**23 + 1)})),
        "archive.size",
        "8,388,609",
    ),
]


@pytest.mark.parametrize(
    ("make", "code", "words"), [pytest.param(*rest, id=name) for name, *rest in FORMS]
)
def test_a_file_of_another_form(make: Callable[[], bytes], code: str, words: str) -> None:
    refused = refusal_of(make())

    assert (refused.code, words in refused.sentence) == (code, True), refused.sentence


def test_an_archive_cut_at_any_block_is_refused() -> None:
    data = gzip.decompress(export())
    blocks = [data[:place] for place in range(0, len(data), BLOCK)]

    codes = {refusal_of(packed(part)).code for part in blocks}

    assert codes == {"archive.form"}


def test_a_file_cut_at_any_byte_is_refused() -> None:
    data = export()

    assert {refusal_of(data[:place]).code for place in range(len(data))} == {"archive.form"}
