"""RC2 with an effective key of 40 bits (RFC 2268), to read certificates out of old key stores.

The library has RC2 of 128 bits only. Nothing is ever encrypted with it here, and what it hides is
public anyway: it is a form of packing that old software knows.
"""

from collections.abc import Iterator

BLOCK = 8  # octets
# RFC 2268, 2: a permutation of the octets that comes from the digits of pi.
_PI = bytes.fromhex(
    "d978f9c419ddb5ed28e9fd794aa0d89dc67e37832b76538e624c6488448bfba2"
    "179a59f587b34f1361456d8d09817d32bd8f40eb86b77b0bf09521225c6b4e82"
    "54d66593ce60b21c7356c014a78cf1dc1275ca1f3bbee4d1423dd430a33cb626"
    "6fbf0eda4669075727f21d9bbc944303f811c7f690ef3ee706c3d52fc8661ed7"
    "08e8eade8052eef784aa72ac354d6a2a961ad2715a1549744b9fd05e0418a4ec"
    "c2e0416e0f51cbcc2491af50a1f47039997c3a8523b8b47afc02365b25559731"
    "2d5dfa98e38a92ae05df2910676cbac9d300e6cfe19ea82c6316013f58e289a9"
    "0d38341bab33ffb0bb480c5fb9b1cd2ec5f3db47e5a59c770aa62068fe7fc1ad"
)
_WORD = 0xFFFF
_TURNS = (1, 2, 3, 5)
_MASHED_AFTER = (4, 10)  # of 16 rounds, counted backwards


def decrypt_cbc(key: bytes, iv: bytes, data: bytes, *, effective_bits: int) -> bytes:
    """Padding is left in place. Raises ValueError where `data` is not of whole blocks."""
    if len(data) % BLOCK or len(iv) != BLOCK:
        raise ValueError("not of whole blocks")
    words, before, found = _expanded(key, effective_bits), iv, []
    for start in range(0, len(data), BLOCK):
        block = data[start : start + BLOCK]
        plain = b"".join(word.to_bytes(2, "little") for word in _decrypted(words, block))
        found.append(bytes(a ^ b for a, b in zip(plain, before, strict=True)))
        before = block
    return b"".join(found)


def _expanded(key: bytes, effective_bits: int) -> list[int]:
    """RFC 2268, 2: 64 words."""
    octets = bytearray(key)
    for place in range(len(key), 128):
        octets.append(_PI[(octets[place - 1] + octets[place - len(key)]) & 0xFF])
    size = (effective_bits + 7) // 8
    octets[128 - size] = _PI[octets[128 - size] & 0xFF >> (8 * size - effective_bits)]
    for place in range(127 - size, -1, -1):
        octets[place] = _PI[octets[place + 1] ^ octets[place + size]]
    return [octets[place] | octets[place + 1] << 8 for place in range(0, 128, 2)]


def _decrypted(words: list[int], block: bytes) -> Iterator[int]:
    """RFC 2268, 4: sixteen rounds of mixing, and two of mashing between them."""
    state = [block[place] | block[place + 1] << 8 for place in range(0, BLOCK, 2)]
    word = 63
    for turn in range(16):
        for place in (3, 2, 1, 0):
            one, two, three = state[place - 1], state[place - 2], state[place - 3]
            turned = state[place] >> _TURNS[place] | state[place] << 16 - _TURNS[place]
            mixed = words[word] + (one & two) + (~one & three)
            state[place] = (turned - mixed) & _WORD
            word -= 1
        if turn in _MASHED_AFTER:
            for place in (3, 2, 1, 0):
                state[place] = (state[place] - words[state[place - 1] & 63]) & _WORD
    return iter(state)
