"""Files of any number of certificates, taken apart one by one: PEM, or PKCS#7 in DER.

Only the command line reads such files, and no more of them than it is about to judge. Each member
then goes through the same door as a file of its own (`read_upload`).
"""

import re
from collections.abc import Iterable, Iterator
from typing import BinaryIO

from certificates.refusal import Refused
from certificates.sentence import say
from certificates.x509.der import DerError
from certificates.x509.uploads.limits import CERTIFICATE_BYTES
from certificates.x509.uploads.private_key_traces import shows_private_key
from certificates.x509.uploads.signed_data import each_certificate_of
from certificates.x509.uploads.wrong_kinds import refuse_key

_PIECE = 1024 * 1024  # octets that are searched for a key at once
_OVERLAP = 200  # more than the longest mark of a key
_BEGIN, _END = re.compile(rb"-----BEGIN [^\r\n]*"), re.compile(rb"-----END [^\r\n]*")
_REWRITE = say("Rewrite it: openssl pkcs7 -inform der -in FILE -outform der -out FILE.p7b")


def refuse_keys_in(file: BinaryIO) -> None:
    """Search a whole file for private keys, before anything of it is taken.

    Raises:
        Refused: key.included.
    """
    before = b""
    while piece := file.read(_PIECE):
        if shows_private_key(before + piece):
            raise refuse_key()
        before = piece[-_OVERLAP:]


def pem_members(lines: Iterable[bytes]) -> Iterator[bytes]:
    """Each PEM block with its two boundaries, whatever it is; text around them is left out.

    Raises:
        Refused: parse, upload.size, bundle.empty; each where it is reached.
    """
    block: list[bytes] = []
    octets, number = 0, 0
    for line in lines:
        if not block and not _BEGIN.search(line):
            continue
        block.append(line)
        octets += len(line)
        if octets > CERTIFICATE_BYTES:
            wrong = say(
                "Certificate {number} of the file has more than {most} bytes.",
                number=number + 1,
                most=f"{CERTIFICATE_BYTES:,}",
            )
            raise Refused("upload.size", wrong, say("Look whether its END line is missing."))
        if _END.search(line):
            yield b"".join(block)
            block, octets, number = [], 0, number + 1
    if block:
        wrong = say("The file is cut: block {number} has no END line.", number=number + 1)
        raise Refused("parse", wrong, say("Export it again."))
    if not number:
        wrong = say("There is no certificate in the file.")
        raise Refused("bundle.empty", wrong, say("Choose a file in PEM, or PKCS#7 in DER."))


def der_members(data: bytes) -> Iterator[bytes]:
    """Each certificate of a PKCS#7.

    Args:
        data: the file's octets; a mapped file will do.

    Raises:
        Refused: parse, bundle.content, bundle.empty, upload.size; each where it is reached.
    """
    try:
        yield from each_certificate_of(data)
    except DerError as error:
        wrong = say(
            "The file ({count} bytes) is not a PKCS#7 chain in DER: {error}.",
            count=f"{len(data):,}",
            error=error,
        )
        raise Refused("parse", wrong, _REWRITE) from error
