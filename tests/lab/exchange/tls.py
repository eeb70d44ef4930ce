"""Two real TLS clients that trust one file and nothing else, and what they say of a server."""

import socket
import ssl
import subprocess
from pathlib import Path

from tests.parts import needs


def python_trusts(port: int, host_name: str, trust: Path) -> bool:
    """Whether Python's `ssl`, with this file alone, takes the server for `host_name`."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if trust.stat().st_size:
        context.load_verify_locations(trust)
    with socket.create_connection(("127.0.0.1", port), 10) as connection:
        try:
            context.wrap_socket(connection, server_hostname=host_name).close()
        except ssl.SSLCertVerificationError:
            return False
    return True


def openssl_trusts(port: int, host_name: str, trust: Path) -> bool:
    """Whether `openssl s_client`, with this file alone, takes the server for `host_name`."""
    words = ["s_client", "-connect", f"127.0.0.1:{port}", "-verify_return_error"]
    words += ["-verify_hostname", host_name, *alone(trust)]
    done = subprocess.run(
        [needs("openssl", "openssl"), *words],
        input=b"",
        capture_output=True,
        timeout=30,
        check=False,
    )
    is_verified = b"Verify return code: 0 (ok)" in done.stdout
    assert is_verified == (done.returncode == 0), done.stderr
    return is_verified


def openssl_verifies(chain: Path, trust: Path) -> bool:
    """Whether `openssl verify`, with this file alone, ends the path of a chain's first one."""
    words = ["verify", *alone(trust), "-untrusted", str(chain), str(chain)]
    done = subprocess.run(
        [needs("openssl", "openssl"), *words], capture_output=True, timeout=30, check=False
    )
    return done.returncode == 0


def alone(trust: Path) -> list[str]:
    """An empty file can't be given; without one nothing is trusted."""
    given = ["-CAfile", str(trust)] if trust.stat().st_size else ["-no-CAfile"]
    return [*given, "-no-CApath", "-no-CAstore"]
