"""What a call costs the processor, whatever else the machine and this process do."""

import time
from collections.abc import Callable
from functools import cache

from cryptography import x509

from tests.certificates.authorities import root

CROWD = 2_000
QUIET = 0.05  # seconds that a quiet machine takes to read a crowd
TRIES = 4


def takes_at_most(seconds: float, call: Callable[[], object]) -> bool:
    """Whether `call` takes the processor of a quiet machine `seconds` at most.

    A neighbour on the same core, or Python's tidying up of all that a test run has made, slows
    any of them: one of a few tries is enough, against what the library takes just after it.
    """
    for _ in range(TRIES):
        took = _seconds(call)
        if took <= seconds or took <= seconds * slowness():
            return True
    return False


def slowness() -> float:
    """How many times slower than a quiet one this machine is now; never below one."""
    return max(1.0, _seconds(_read_a_crowd) / QUIET)


def _seconds(call: Callable[[], object]) -> float:
    begun = time.process_time()
    call()
    return time.process_time() - begun


@cache
def _one() -> bytes:
    return root("Measure").issue_ca("Measure CA").certificate


def _read_a_crowd() -> None:
    der = _one()
    for _ in range(CROWD):
        read = x509.load_der_x509_certificate(der)
        _ = read.subject, read.issuer, read.public_key(), list(read.extensions)
