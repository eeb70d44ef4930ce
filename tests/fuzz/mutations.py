"""Ways to damage a certificate: blind ones, and those that know DER or PEM."""

import base64
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

from certificates.x509.der import DerError, elements, encode

_CONSTRUCTED, _OCTET_STRING = 0x20, 4
_LONGEST_INSERT = 40
_MOST_CHANGES = 4


@dataclass
class _Node:
    """One element; `children` where its content is made of elements."""

    tag: int
    content: bytes
    children: list["_Node"] = field(default_factory=list)

    def encoded(self) -> bytes:
        if self.children:
            return encode(self.tag, b"".join(child.encoded() for child in self.children))
        return encode(self.tag, self.content)

    def all(self) -> list["_Node"]:
        return [self, *(inner for child in self.children for inner in child.all())]


def mutate(random: Random, seed: bytes, other: bytes) -> bytes:
    """`seed` with one to four damages."""
    data = seed
    for _ in range(random.randint(1, _MOST_CHANGES)):
        ways = _ANY + (_OF_PEM if b"-----BEGIN" in data else _OF_DER * 2)
        data = random.choice(ways)(random, data, other) or seed
    return data


def mutate_blindly(random: Random, seed: bytes, other: bytes) -> bytes:
    """`seed` with one to four damages that know nothing of its form."""
    data = seed
    for _ in range(random.randint(1, _MOST_CHANGES)):
        data = random.choice(_ANY)(random, data, other) or seed
    return data


def _flip_bits(random: Random, data: bytes, _other: bytes) -> bytes:
    changed = bytearray(data)
    for _ in range(random.randint(1, 8)):
        changed[random.randrange(len(changed))] ^= 1 << random.randrange(8)
    return bytes(changed)


def _change_bytes(random: Random, data: bytes, _other: bytes) -> bytes:
    changed = bytearray(data)
    for _ in range(random.randint(1, 4)):
        value = random.choice([0, 1, 0x7F, 0x80, 0x81, 0xFF, random.randrange(256)])
        changed[random.randrange(len(changed))] = value
    return bytes(changed)


def _truncate(random: Random, data: bytes, _other: bytes) -> bytes:
    return data[: random.randint(1, len(data))]


def _cut_out(random: Random, data: bytes, _other: bytes) -> bytes:
    start = random.randrange(len(data))
    return data[:start] + data[start + random.randint(1, _LONGEST_INSERT) :]


def _insert(random: Random, data: bytes, _other: bytes) -> bytes:
    place = random.randrange(len(data) + 1)
    return data[:place] + random.randbytes(random.randint(1, _LONGEST_INSERT)) + data[place:]


def _splice(random: Random, data: bytes, other: bytes) -> bytes:
    return data[: random.randint(0, len(data))] + other[random.randrange(len(other)) :]


def _append(_random: Random, data: bytes, other: bytes) -> bytes:
    return data + other


def _edit_length(random: Random, data: bytes, _other: bytes) -> bytes:
    """The length octets of one element, whatever they mean afterwards."""
    places = [place for place in range(len(data) - 1) if data[place] in (0x30, 0x31, 2, 3, 4, 6)]
    if not places:
        return data
    changed, place = bytearray(data), random.choice(places) + 1
    changed[place] = random.choice([0, 0x80, 0x84, 0xFF, (changed[place] + 1) % 256])
    return bytes(changed)


def _edit_tree(random: Random, data: bytes, _other: bytes) -> bytes:
    """One element removed, doubled, swapped, emptied or changed; all lengths are right."""
    roots = _tree(data, 0)
    if not roots:
        return data
    nodes = [node for root in roots for node in root.all()]
    node = random.choice(nodes)
    if node.children and random.random() < 0.5:
        _edit_children(random, node)
    else:
        _edit_value(random, node, random.choice(nodes))
    return b"".join(root.encoded() for root in roots)


def _edit_children(random: Random, node: _Node) -> None:
    child = random.choice(node.children)
    way = random.randrange(4)
    if way == 0 and len(node.children) > 1:
        node.children.remove(child)
    elif way == 1:
        node.children += [child] * random.choice([1, 1, 1, 70])
    elif way == 2:
        random.shuffle(node.children)
    else:
        child.tag = random.choice([2, 3, 4, 5, 6, 0x0C, 0x13, 0x17, 0x30, 0x31, 0x80, 0xA0, 0xA3])


def _edit_value(random: Random, node: _Node, other: _Node) -> None:
    """A value that was made of elements becomes octets."""
    content = node.encoded() if node.children else node.content
    node.children = []
    node.content = random.choice(
        [
            b"",
            other.encoded(),
            content[:-1],
            b"\0" + content,
            content + b"\xff",
            content * random.choice([2, 2, 2, 100]),
            random.randbytes(len(content) or 1),
            b"\0\r\n\xe2\x80\xae",
        ]
    )


def _tree(data: bytes, depth: int) -> list[_Node]:
    """The elements of `data` as far as it is DER; [] if it is none."""
    try:
        found = list(elements(data))
    except DerError:
        return []
    if any(element.tag > 0xFF for element in found):
        return []
    nodes = [_Node(element.tag, element.content) for element in found]
    for node in nodes:
        if depth < 20 and (node.tag & _CONSTRUCTED or node.tag == _OCTET_STRING):
            node.children = _tree(node.content, depth + 1)
    return nodes


def _edit_lines(random: Random, data: bytes, _other: bytes) -> bytes:
    lines = data.split(b"\n")
    place = random.randrange(len(lines))
    way = random.randrange(5)
    if way == 0:
        del lines[place]
    elif way == 1:
        lines.insert(place, lines[random.randrange(len(lines))])
    elif way == 2:
        random.shuffle(lines)
    elif way == 3:
        lines[place] = lines[place].lower()
    else:
        lines[place] = b" " * random.randrange(5) + lines[place] + b"\t"
    return random.choice([b"\n", b"\r\n", b"\r"]).join(lines)


def _edit_label(random: Random, data: bytes, _other: bytes) -> bytes:
    labels = (b"X509 CERTIFICATE", b"PKCS7", b"PRIVATE KEY", b"TRUSTED CERTIFICATE", b"", b"a-b")
    return data.replace(b"CERTIFICATE", random.choice(labels), random.choice([1, 2, 9]))


def _edit_inside(random: Random, data: bytes, other: bytes) -> bytes:
    """The DER of a PEM file is damaged; the PEM around it is right."""
    start, end = data.find(b"-----\n"), data.find(b"-----END")
    if not 0 <= start < end:
        return data
    try:
        der = base64.b64decode(data[start + 6 : end])
    except ValueError:
        return data
    changed = random.choice(_ANY + _OF_DER)(random, der, other) if der else b"0"
    return data[: start + 6] + base64.encodebytes(changed) + data[end:]


_Way = Callable[[Random, bytes, bytes], bytes]
_ANY: tuple[_Way, ...] = (
    _flip_bits,
    _change_bytes,
    _truncate,
    _cut_out,
    _insert,
    _splice,
    _append,
)
_OF_DER: tuple[_Way, ...] = (_edit_length, _edit_tree, _edit_tree, _edit_tree)
_OF_PEM: tuple[_Way, ...] = (_edit_lines, _edit_label, _edit_inside, _edit_inside)
