"""What `ip xfrm policy` prints, read: the text of real kernels, and no policy of a socket."""

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from ipsec import kernel
from ipsec.kernel import KernelPolicy, KernelUnreadable, installed_policies, read_policies
from tests.ipsec.charon import Charon
from tests.parts import needs

pytestmark = pytest.mark.spec("IP-7")
HOSTS = ("192.0.2.1/32", "192.0.2.2/32")
PRINTED = """\
src 192.0.2.1/32 dst 192.0.2.2/32 proto tcp dport 443 \n\
\tdir out action allow index 65 priority 366974 ptype main share any flag  (0x00000000)\n\
\ttmpl src 192.0.2.1 dst 192.0.2.2\n\
\t\tproto esp spi 0xc1a2b3d4 reqid 1 mode transport\n\
src 192.0.2.2/32 dst 192.0.2.1/32 proto udp sport 53 dport 1024 \n\
\tdir in action allow index 72 priority 366974 ptype main share any flag  (0x00000000)\n\
\ttmpl src 192.0.2.2 dst 192.0.2.1\n\
\t\tproto esp reqid 1 mode tunnel\n\
src 2001:db8::1/128 dst 2001:db8::2/128 \n\
\tdir out action block priority 383615 ptype main \n\
src ::/0 dst ::/0 \n\
\tsocket out priority 0 ptype main \n\
src 0.0.0.0/0 dst 0.0.0.0/0 \n\
\tsocket in priority 0 ptype main \n\
src 10.0.0.0/8 dst 10.1.0.0/16 \n\
\tdir fwd priority 1 \n\
"""


def test_what_a_kernel_prints() -> None:
    assert list(read_policies(PRINTED.splitlines())) == [
        KernelPolicy(
            "out", *HOSTS, "tcp", 0, 443, False, True, "transport", index=65, priority=366974
        ),
        KernelPolicy(
            "in", *HOSTS[::-1], "udp", 53, 1024, False, True, "tunnel", index=72, priority=366974
        ),
        KernelPolicy(
            "out", "2001:db8::1/128", "2001:db8::2/128", "", 0, 0, True, False, "", priority=383615
        ),
        KernelPolicy("fwd", "10.0.0.0/8", "10.1.0.0/16", "", 0, 0, False, False, "", priority=1),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n\n",
        "nonsense",
        "src a\n\tdir out",
        "src a dst b",
        "src a dst b \n\n\tptype main",
        "\0",
    ],
    ids=["nothing", "blank", "nonsense", "no destination", "no body", "no direction", "nul"],
)
def test_what_is_no_policy_is_left_out(text: str) -> None:
    assert list(read_policies(text.splitlines())) == []


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (
            "src 192.0.2.1/32 dst 192.0.2.9/32 proto tcp dport 443 dir out"
            " tmpl proto esp mode transport",
            KernelPolicy(
                "out", "192.0.2.1/32", "192.0.2.9/32", "tcp", 0, 443, False, True, "transport"
            ),
        ),
        (
            "src 2001:db8::1/128 dst 2001:db8::9/128 dir in action block",
            KernelPolicy("in", "2001:db8::1/128", "2001:db8::9/128", "", 0, 0, True, False, ""),
        ),
        (
            "src 192.0.2.1/32 dst 192.0.2.9/32 dir out action allow",
            KernelPolicy("out", "192.0.2.1/32", "192.0.2.9/32", "", 0, 0, False, False, ""),
        ),
        (
            "src 192.0.2.1/32 dst 192.0.2.9/32 dir out priority 77"
            " tmpl proto esp mode transport level use",
            KernelPolicy(
                "out",
                "192.0.2.1/32",
                "192.0.2.9/32",
                "",
                0,
                0,
                False,
                False,
                "transport",
                priority=77,
            ),
        ),
    ],
    ids=["transport", "block", "allow", "optional"],
)
def test_what_this_kernel_prints(daemon: Charon, words: str, expected: KernelPolicy) -> None:
    ip = needs("ip", "iproute2")
    with daemon.entered():
        subprocess.run([ip, "xfrm", "policy", "add", *words.split()], check=True)
        try:
            assert expected in [replace(one, index=0) for one in installed_policies()]
        finally:
            subprocess.run([ip, "xfrm", "policy", "flush"], check=True)


def test_without_ip_it_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(kernel, "_PATH", str(tmp_path))
    with pytest.raises(KernelUnreadable, match="iproute2"):
        installed_policies()


def test_what_ip_complains_of_is_told_harmlessly(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    script = tmp_path / "ip"
    script.write_text("#!/bin/sh\nprintf 'not\\033[31m permitted' >&2\nexit 2\n")
    script.chmod(0o755)
    monkeypatch.setattr(kernel, "_PATH", f"{tmp_path}:/bin:/usr/bin")
    with pytest.raises(KernelUnreadable, match=r"permitted") as error:
        installed_policies()
    assert str(error.value).isprintable()
