"""Damaged exchange archives: flipped, cut, spliced, at every layer from the gzip to the JSON."""

import gzip
import io
import json
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from random import Random

from bulk.exchange.consolidated import read_consolidated
from bulk.exchange.export import read_export
from certificates.refusal import Refused
from certificates.x509.signing import sign
from tests.bulk.archives import export, signer
from tests.bulk.crafting import BLOCK, consolidated, files, packed, patched, tar
from tests.effort import takes_at_most
from tests.fuzz.campaign import SLOWEST_SECONDS, Report
from tests.fuzz.mutations import mutate_blindly

Read = Callable[[io.BytesIO], object]
_JSON = [
    b"{}",
    b"[]",
    b"-1",
    b"1e9",
    b"null",
    b'"',
    b"\\u0000",
    b"\\ud800",
    b",",
    b":",
    b"9" * 5000,
]


def run(*, count: int, seed: int) -> Report:
    """Damage and read `count` archives; the same ones for the same seed, but for signatures."""
    random, report = Random(seed), Report()
    good = {"export": export(), "consolidated": consolidated()}
    unpacked = {"export": gzip.decompress(good["export"]), "consolidated": good["consolidated"]}
    for _ in range(count):
        which = random.choice(("export", "export", "consolidated"))
        way = random.choice((_anywhere, _in_a_header, _in_the_manifest))
        data = way(random, unpacked[which])
        if which == "export":
            data = packed(data)
            if random.random() < 0.3:
                data = mutate_blindly(random, random.choice((data, good[which])), data)
        _try(which, data, report)
    return report


def _anywhere(random: Random, data: bytes) -> bytes:
    return mutate_blindly(random, data, data)


def _in_a_header(random: Random, data: bytes) -> bytes:
    """One header says something else, and its checksum fits."""
    starts = [at for at in range(0, len(data), BLOCK) if data[at + 257 : at + 262] == b"ustar"]
    at, place = random.choice(starts), random.choice((0, 1, 100, 124, 125, 156, 157, 257, 345))
    octets = random.choice((b"\0", b"\xff", b"/", b"..", b"7", b"\x80", random.randbytes(4)))
    header = patched(data[at : at + BLOCK], place, octets)
    return data[:at] + header + data[at + BLOCK :]


def _in_the_manifest(random: Random, data: bytes) -> bytes:
    """Another manifest, and its signature is right."""
    contents = files(data)
    text = random.choice((_other_octets, _another_value))(random, contents["manifest.json"])
    contents["manifest.json"] = text
    contents["signers/tomcat.sig"] = sign(signer().private_key, text)
    return tar(contents)


def _other_octets(random: Random, data: bytes) -> bytes:
    text = bytearray(data)
    for _ in range(random.randint(1, 3)):
        at = random.randrange(len(text))
        text[at : at + random.choice((0, 1, 1, 5, 60))] = random.choice((*_JSON, b"", b"1", b"x"))
    return bytes(text)


def _another_value(random: Random, data: bytes) -> bytes:
    """JSON still; one field of one object holds something else, or is gone."""
    content = json.loads(data)
    rows = [row for value in content.values() if isinstance(value, list) for row in value]
    changed = random.choice((content, content, content["cluster"], *rows))
    name = random.choice(list(changed))
    others = (0, 2, -1, 10**300, 0.5, True, None, "", "x" * 300, "\u202e", [], [[]], {})
    changed[name] = random.choice((*others, *changed.values()))
    if random.random() < 0.1:
        del changed[name]
    return json.dumps(content).encode()


_READ: dict[str, Read] = {"export": read_export, "consolidated": read_consolidated}


def _again(which: str, data: bytes) -> None:
    with suppress(Refused):
        _READ[which](io.BytesIO(data))


def _try(which: str, data: bytes, report: Report) -> None:
    """Whatever is raised here but a refusal is a failure of the product."""
    report.inputs += 1
    before = time.process_time()
    try:
        _READ[which](io.BytesIO(data))
        report.accepted += 1
    except Refused as refused:
        report.refused[refused.code] += 1
    except Exception as error:  # noqa: BLE001 - to be told with the input that caused it
        report.failures.append(f"{which} raised {error!r} for {data.hex()}")
    seconds = time.process_time() - before
    report.slowest_seconds = max(report.slowest_seconds, seconds)
    if seconds > SLOWEST_SECONDS and not takes_at_most(
        SLOWEST_SECONDS, partial(_again, which, data)
    ):
        report.failures.append(f"{which} took {seconds:.2f} s of the processor for {data.hex()}")
