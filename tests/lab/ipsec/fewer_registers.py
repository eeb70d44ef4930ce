"""Run a program that sees of a processor's extended registers only the oldest: `... PROGRAM WORDS`.

User-Mode Linux has room for those up to AVX-512. Where the processor has AMX they are about 11,000
bytes, and it ends with its first process. Told that there are none, it saves those of SSE alone;
what runs in it must do without AVX then (`WITHOUT_AVX`).
"""

import ctypes
import errno
import os
import shutil
import struct
import sys
from pathlib import Path

# For PID 1 inside, and all that it starts: the C library, and OpenSSL.
WITHOUT_AVX = (
    "GLIBC_TUNABLES=glibc.cpu.hwcaps=-AVX,-AVX2,-AVX512F,-AVX512VL,-AVX512BW,-AVX512CD,-AVX512DQ,"
    "-AVX_Fast_Unaligned_Load,-XSAVE,-XSAVEC",
    "OPENSSL_ia32cap=~0x1C00000010000000:~0x40800000000F0020:0:0",
)
# <linux/seccomp.h>, <linux/audit.h>, <linux/prctl.h>, <linux/ptrace.h>, <linux/elf.h>
_X86_64, _PTRACE = 0xC000003E, 101
_REGISTERS, _EXTENDED = (0x4204, 0x4205), 0x202  # PTRACE_{GET,SET}REGSET, NT_X86_XSTATE
_ALLOW, _ERROR = 0x7FFF0000, 0x00050000
_NO_NEW_PRIVILEGES, _SECCOMP, _FILTER = 38, 22, 2
_LOAD, _EQUAL, _RETURN = 0x20, 0x15, 0x06  # of 32 bits; compare with a constant; a constant
# Offsets of struct seccomp_data; the lower halves of arguments.
_NUMBER, _ARCHITECTURE, _REQUEST, _WHICH = 0, 4, 16, 32


def are_many() -> bool:
    """Whether this machine's processor has more than User-Mode Linux has room for."""
    return "amx_tile" in Path("/proc/cpuinfo").read_text().split()


def wrap(program: str, folder: Path) -> Path:
    """What to mount in a program's place: for who is started with an environment of its own."""
    found = shutil.which(program)
    assert found
    kept = shutil.copy(found, folder / f"{program}.kept")
    wrapper = folder / program
    settings = "".join(f"export '{one}'\n" for one in WITHOUT_AVX)
    wrapper.write_text(f'#!/bin/sh\n{settings}exec {kept} "$@"\n')
    wrapper.chmod(0o755)
    return wrapper


def _filter() -> list[tuple[int, int, int, int]]:
    """Of the classic BPF: operation, how many to skip if equal and if not, constant."""
    return [
        (_LOAD, 0, 0, _ARCHITECTURE),
        (_EQUAL, 0, 8, _X86_64),
        (_LOAD, 0, 0, _NUMBER),
        (_EQUAL, 0, 6, _PTRACE),
        (_LOAD, 0, 0, _REQUEST),
        (_EQUAL, 1, 0, _REGISTERS[0]),
        (_EQUAL, 0, 3, _REGISTERS[1]),
        (_LOAD, 0, 0, _WHICH),
        (_EQUAL, 0, 1, _EXTENDED),
        (_RETURN, 0, 0, _ERROR | errno.EINVAL),
        (_RETURN, 0, 0, _ALLOW),
    ]


def _install() -> None:
    steps = _filter()
    code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *step) for step in steps))
    program = struct.pack("HxxxxxxP", len(steps), ctypes.addressof(code))
    library = ctypes.CDLL(None, use_errno=True)
    for words in ((_NO_NEW_PRIVILEGES, 1, 0, 0, 0), (_SECCOMP, _FILTER, program, 0, 0)):
        if library.prctl(*words):
            raise OSError(ctypes.get_errno(), "prctl")


if __name__ == "__main__":
    _install()
    os.execvp(sys.argv[1], sys.argv[1:])
