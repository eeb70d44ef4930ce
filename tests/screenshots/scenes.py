"""Each scene: what is done before a picture is taken, and the pictures that it takes."""

from collections.abc import Callable
from dataclasses import dataclass

from tests.certificates.authority import Authority
from tests.screenshots.camera import Camera
from tests.ssh_server import ssh_server

LIST = "certificates/certificate/"
NODE = "ccx2.example.com"


@dataclass(frozen=True)
class Scene:
    """One function, and the names of the pictures that it takes, in this order."""

    pictures: tuple[str, ...]
    play: Callable[[Camera], None]


SCENES: list[Scene] = []  # of the product on this machine, in the order in which they are played
POLICY_SCENES: list[Scene] = []  # of one beside an IKE daemon, in a network of its own


def takes(
    *pictures: str, of: list[Scene] = SCENES
) -> Callable[[Callable[[Camera], None]], Callable[[Camera], None]]:
    """Say which pictures a scene takes."""

    def register(play: Callable[[Camera], None]) -> Callable[[Camera], None]:
        of.append(Scene(pictures, play))
        return play

    return register


@takes("certificate-list", "certificate-details", "generate", "trust-stores", "find")
def certificates(camera: Camera) -> None:
    """What there is, before anything is changed."""
    camera.fill("cluster")
    camera.take("certificate-list", 860, LIST)
    camera.page.get_by_role("link", name="Example_Root_CA.pem").first.click()
    camera.take("certificate-details", 900)
    camera.go(LIST)
    camera.page.get_by_role("link", name="Generate Self-signed").click()
    camera.page.get_by_role("button", name="Generate").wait_for()
    camera.take("generate", 900)
    camera.take("trust-stores", 860, f"{LIST}trust-stores/")
    camera.take("find", 860, "find/?q=ccx")


@takes("discovery", "users", "tokens", "second-factor")
def system(camera: Camera) -> None:
    """Pages of the menu System that stand for themselves."""
    camera.fill("discovery")
    camera.take("discovery", 800, "certificates/endpoint/")
    camera.take("users", 640, "auth/user/")
    token = ["token", "add", "nightly report", "--user", "admin", "--scope"]
    camera.each([*token, "certificates.view_certificate", "--days", "90"])
    camera.take("tokens", 640, "tokens/")
    camera.take("second-factor", 560, "second-factor/")


@takes("csr", "third-party-ca", "upload", "roll-back", "delete")
def third_party(camera: Camera) -> None:
    """The pages of the procedure, each where it is worth a picture."""
    page, ca = camera.page, Authority(camera.product.data.parent / "ca", "Example")
    camera.run("csr", "gen", "tomcat", "--organization", "Example")
    request = camera.run("csr", "show", "tomcat", "--pem")
    camera.take("csr", 900, "certificates/signingrequest/1/")
    page.get_by_role("button", name="Download CSR").click()
    camera.take("third-party-ca", 900, f"{LIST}guide/")
    chain = ca.folder / "answer.p7b"
    answer = ca.sign(request, names="DNS:ccx1.example.com")
    chain.write_bytes(ca.pkcs7(answer, ca.sub, ca.root))
    camera.go(f"{LIST}upload/")
    page.set_input_files("#id_file", chain)
    page.get_by_role("button", name="Upload and check").click()
    page.locator(".checks").first.wait_for()
    camera.take("upload", 1100)
    camera.run("cert", "import", "tomcat", str(chain))
    camera.take("roll-back", 760, f"{LIST}roll-back/?purpose=tomcat")
    camera.go(f"{LIST}?field=common_name&op=contains&value=Example+Sub")
    page.get_by_role("link", name="Example_Sub.pem").click()
    page.get_by_role("link", name="Delete").click()
    page.get_by_role("button", name="Delete 1 certificate").wait_for()
    camera.take("delete", 860)


@takes("restart", "backup", "audit", "dashboard")
def afterwards(camera: Camera) -> None:
    """What is left to do once certificates have changed, and what is on record."""
    camera.take("restart", 760, "certificates/restartnotice/")
    keys = camera.product.data.parent / "backup.key"
    said = camera.run("backup", "keygen", str(keys)).split()
    public = next(word for word in said if word.startswith("ccxsec-pub-"))
    camera.run("backup", "create", "--recipient", public)
    camera.take("backup", 900, "certificates/backupsettings/")
    camera.take("audit", 860, "certificates/event/")
    camera.take("dashboard", 860, "")


@takes("bulk", "bulk-import")
def exchange(camera: Camera) -> None:
    """Three clusters, and what an import would change."""
    camera.fill("exchange")
    camera.take("bulk", 1000, "bulk/")
    camera.take("bulk-import", 960, "bulk/plan/1/")


@takes("node")
def node(camera: Camera) -> None:
    """The second node, reached over SSH; somebody has changed a file in its store."""
    with ssh_server() as server:
        key = camera.product.data.parent / "key"
        key.write_text(server.key)
        store = ["--folder", f"{server.home}/tomcat", "--probe-port", "8443"]
        restart = ["--restart-command", "/usr/bin/systemctl restart tomcat10"]
        where = ["--ssh-host", "127.0.0.1", "--ssh-port", str(server.port)]
        login = ["--ssh-user", server.user, "--key-file", str(key)]
        camera.each(
            ["node", "service", NODE, "ipsec", "--folder", f"{server.home}/ipsec"],
            ["node", "service", NODE, "tomcat", *store, *restart],
            ["node", "reach", NODE, "ssh", *where, *login],
            ["node", "pin", NODE, server.fingerprint],
            ["cert", "deploy", "--node", NODE],
        )
        with (server.home / "ipsec" / "current" / "chain.pem").open("a") as file:
            file.write("# by hand\n")
        camera.product.run("cert", "deploy", "--node", NODE, "--check")
        camera.renamed |= {
            f"127.0.0.1 port {server.port} as {server.user}": f"{NODE} port 22 as ccxsec",
            str(server.home): "/var/lib/ccxsec/store",
        }
        camera.take("node", 1100, "certificates/node/2/")
        camera.run("node", "reach", NODE, "by-hand")


@takes("monitor")
def monitor(camera: Camera) -> None:
    """Set, with a mail server."""
    settings = ["--start-time", "30", "--frequency", "1", "--unit", "days", "--email", "on"]
    smtp = ["--smtp-host", "smtp.example.com", "--smtp-user", "ccx", "--smtp-password-file", "-"]
    to = ["--to", "ops@example.com; security@example.com"]
    camera.run("monitor", "set", *settings, *to, *smtp, given="an-example\n")
    camera.take("monitor", 900, "monitor/")


@takes("ipsec", "ipsec-policy", of=POLICY_SCENES)
def policies(camera: Camera) -> None:
    """The list of policies, and the form of one."""
    camera.fill("policies")
    camera.run("ipsec", "apply")
    camera.take("ipsec", 1040, "ipsec/policy/")
    camera.take("ipsec-policy", 1000, "ipsec/policy/add/")
