"""Whether an IKE daemon answers at an address, asked with the smallest message that tells.

A message of a version that nobody speaks is answered with INVALID_MAJOR_VERSION before any
configuration is looked at (RFC 7296, 2.5), and sets up nothing.
"""

import os
import struct
from enum import StrEnum

from certificates.outgoing import ForbiddenAddressError, datagrams
from certificates.sentence import say

HEADER = struct.Struct("!8s8sBBBBII")
VERSION = 0x30  # 3.0
IKE_SA_INIT, INITIATOR = 34, 0x08
NON_ESP_MARKER = bytes(4)  # RFC 3948, 2.2: on every port but 500
TRIES = 2


class Answer(StrEnum):
    IKE = "an IKE daemon answers"
    REFUSED = "nothing listens there"
    UNREACHABLE = "there is no way to it"
    SILENCE = "nothing came back"
    FORBIDDEN = "the product does not ask there"

    @property
    def label(self) -> str:
        """The same for people."""
        return _LABELS[self]


_LABELS = {
    Answer.IKE: say("an IKE daemon answers"),
    Answer.REFUSED: say("nothing listens there"),
    Answer.UNREACHABLE: say("there is no way to it"),
    Answer.SILENCE: say("nothing came back"),
    Answer.FORBIDDEN: say("the product does not ask there"),
}


def ask(address: str, port: int, *, patience: float) -> Answer:
    """Send it to `address` (no name), and wait `patience` seconds for each of two tries."""
    header = HEADER.pack(
        os.urandom(8), bytes(8), 0, VERSION, IKE_SA_INIT, INITIATOR, 0, HEADER.size
    )
    message = header if port == 500 else NON_ESP_MARKER + header  # noqa: PLR2004 - RFC 7296, 2
    try:
        with datagrams(address, port, timeout=patience) as channel:
            for _ in range(TRIES):
                channel.send(message)
                try:
                    channel.recv(2048)
                except TimeoutError:
                    continue
                return Answer.IKE
    except ForbiddenAddressError:
        return Answer.FORBIDDEN
    except ConnectionRefusedError:
        return Answer.REFUSED
    except OSError:
        return Answer.UNREACHABLE
    return Answer.SILENCE
