"""BER as older software writes PKCS#12, turned into DER that our strict reader takes.

Lengths of every form, and texts of octets in pieces (ITU-T X.690, 8.1.3 and 8.7.3); nothing inside
of an octet string is looked at.
"""

from certificates.x509 import der
from certificates.x509.der import DerError

_CONSTRUCTED, _LONG_TAG, _INDEFINITE = 0x20, 0x1F, 0x80
_IN_PIECES = der.OCTET_STRING | _CONSTRUCTED
_END = b"\0\0"
_LONGEST_LENGTH = 8  # octets
_MOST_ELEMENTS = 20_000  # a key store of 1 MiB has some hundred


def as_der(data: bytes) -> bytes:
    """The one element that `data` is, in DER. Raises `DerError`."""
    reader = _Reader(data)
    tag, content = reader.element(len(data), 0)
    if reader.position != len(data):
        raise DerError(reader.position, "something stands behind the end")
    return der.encode(tag, content)


class _Reader:
    def __init__(self, data: bytes) -> None:
        self.position, self._data, self._elements = 0, data, 0

    def element(self, end: int, depth: int) -> tuple[int, bytes]:
        """The element that begins here, as a tag and its content in DER."""
        self._elements += 1
        if depth > der.MAXIMUM_DEPTH or self._elements > _MOST_ELEMENTS:
            raise DerError(self.position, "nested too deeply, or of too many elements")
        start = self.position
        if start + 2 > end or self._data[start] & _LONG_TAG == _LONG_TAG:
            raise DerError(start, "cut short, or a tag that is not known")
        tag = self._data[start]
        inner_end = self._after(end)
        if not tag & _CONSTRUCTED:
            if inner_end is None:
                raise DerError(start, "a length that is indefinite where none may be")
            content = self._data[self.position : inner_end]
            self.position = inner_end
            return tag, content
        parts = list(self._children(end, inner_end, depth))
        if tag != _IN_PIECES:
            return tag, b"".join(der.encode(*part) for part in parts)
        if any(inner != der.OCTET_STRING for inner, _ in parts):
            raise DerError(start, "octets in pieces that are none")
        return der.OCTET_STRING, b"".join(content for _, content in parts)

    def _children(self, end: int, inner_end: int | None, depth: int) -> list[tuple[int, bytes]]:
        found = []
        while self.position != inner_end:
            if inner_end is None and self._data.startswith(_END, self.position):
                self.position += len(_END)
                break
            found.append(self.element(end if inner_end is None else inner_end, depth + 1))
        return found

    def _after(self, end: int) -> int | None:
        """Past the header; where the content ends, None if its end is marked."""
        start = self.position
        first, self.position = self._data[start + 1], start + 2
        if first == _INDEFINITE:
            return None
        length = first
        if first > _INDEFINITE:
            self.position += first & 0x7F
            if self.position > end or first & 0x7F > _LONGEST_LENGTH:
                raise DerError(start, "a length that is cut short or too long")
            length = int.from_bytes(self._data[start + 2 : self.position], "big")
        if length > end - self.position:
            raise DerError(start, "cut short")
        return self.position + length
