"""How long a packet of SSH may be."""

from paramiko import SSHException
from paramiko.packet import Packetizer

LONGEST_PACKET = 2**18  # bytes that OpenSSH sends and takes
_FRAME = 1024  # bytes around them at most: padding, code of authentication


class BoundedPacketizer(Packetizer):
    """paramiko's own believes a length of four gigabytes, before anybody has signed in."""

    def read_all(self, n: int, check_rekey: bool = False) -> bytes:
        if n > LONGEST_PACKET + _FRAME:
            raise SSHException(f"the server announces a packet of {n:,} bytes")
        data: bytes = super().read_all(n, check_rekey)
        return data
