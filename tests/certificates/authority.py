"""A real certification authority: the `openssl` command line, in a folder of its own."""

import subprocess
from pathlib import Path

from tests.parts import needs

SERVER = ("keyUsage=critical,digitalSignature,keyEncipherment", "extendedKeyUsage=serverAuth")
ISSUING = (
    "basicConstraints=critical,CA:true",
    "keyUsage=critical,keyCertSign,cRLSign",
    "subjectKeyIdentifier=hash",
)


class Authority:
    """A root and its subordinate; signs requests, and packs what it hands out."""

    def __init__(self, folder: Path, name: str = "Lab", key: str = "rsa:2048") -> None:
        self.openssl = needs("openssl", "apt-get install openssl")
        self.folder, self.name = folder, name
        folder.mkdir(parents=True, exist_ok=True)
        extensions = [part for text in ISSUING for part in ("-addext", text)]
        subject = f"/O={name}/CN={name} Root"
        make = ["req", "-x509", *_new_key(key), "-keyout", "root.key", "-out", "root.pem"]
        self.run(*make, "-subj", subject, "-days", "3650", *extensions)
        make = ["req", "-new", *_new_key(key), "-keyout", "sub.key", "-out", "sub.csr"]
        self.run(*make, "-subj", f"/O={name}/CN={name} Sub")
        self._sign("sub.csr", "sub.pem", "root", 1000, [*ISSUING, "authorityKeyIdentifier=keyid"])

    def run(self, *arguments: str, given: bytes | None = None) -> bytes:
        """Whatever else is to be asked of openssl, in the CA's folder."""
        done = subprocess.run(
            [self.openssl, *arguments],
            cwd=self.folder,
            input=given,
            capture_output=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout

    @property
    def root(self) -> bytes:
        return (self.folder / "root.pem").read_bytes()

    @property
    def sub(self) -> bytes:
        return (self.folder / "sub.pem").read_bytes()

    def sign(
        self,
        request: str,
        *extensions: str,
        by: str = "sub",
        days: int = 90,
        names: str = "DNS:ccx1.example.com,IP:192.0.2.10",
        subject: str = "",
        digest: str = "sha256",
    ) -> bytes:
        """The answer to a request in PEM; its extensions are those of a server by default."""
        (self.folder / "request.csr").write_text(request)
        lines = [*(extensions or SERVER), *([f"subjectAltName={names}"] if names else [])]
        more = [f"-{digest}", *(["-subj", subject] if subject else [])]
        self._sign("request.csr", "answer.pem", by, days, lines, more)
        return (self.folder / "answer.pem").read_bytes()

    def _sign(
        self,
        request: str,
        out: str,
        by: str,
        days: int,
        extensions: list[str],
        more: list[str] | None = None,
    ) -> None:
        (self.folder / "extensions").write_text("\n".join(extensions))
        issuer = ["-CA", f"{by}.pem", "-CAkey", f"{by}.key", "-CAcreateserial"]
        what = ["x509", "-req", "-in", request, "-out", out, "-days", str(days)]
        self.run(*what, *issuer, "-extfile", "extensions", *(more or []))

    def der(self, pem: bytes) -> bytes:
        return self.run("x509", "-outform", "der", given=pem)

    def pkcs7(self, *pems: bytes, form: str = "der") -> bytes:
        """A chain of certificates alone, as CAs hand it out."""
        (self.folder / "all.pem").write_bytes(b"".join(pems))
        return self.run("crl2pkcs7", "-nocrl", "-certfile", "all.pem", "-outform", form)


def _new_key(kind: str) -> list[str]:
    if kind == "ec":
        return ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    return ["-newkey", kind, "-nodes"]
