"""`python -m tests.screenshots`: takes every picture of the documentation anew."""

import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import sync_playwright

from tests.browser.chromium import ARGUMENTS, sign_in
from tests.ipsec.charon import add_addresses, running
from tests.parts import needs
from tests.product import Product
from tests.screenshots.camera import Camera
from tests.screenshots.scenes import POLICY_SCENES, SCENES, Scene


def main() -> None:
    """Play all scenes."""
    with tempfile.TemporaryDirectory() as folder:
        settings = {"CCXSEC_ADDRESSES": "192.0.2.10"}
        play(SCENES, Product(Path(folder) / "data", settings=settings))
    with tempfile.TemporaryDirectory() as folder, running(Path(folder)) as daemon, daemon.entered():
        add_addresses()
        settings = {"CCXSEC_IPSEC_SOCKET": str(daemon.socket)}
        play(POLICY_SCENES, Product(Path(folder) / "data", settings=settings))


def play(scenes: list[Scene], product: Product) -> None:
    """On a product that runs meanwhile."""
    with watched(product) as camera:
        for scene in scenes:
            camera.taken.clear()
            scene.play(camera)
            if tuple(camera.taken) != scene.pictures:
                sys.exit(f"{scene.play.__name__} took {camera.taken}, and should {scene.pictures}")


@contextmanager
def watched(product: Product) -> Iterator[Camera]:
    """A camera at a product that is started for it and stopped after it."""
    product.start()
    try:
        with sync_playwright() as playwright:
            chromium = needs("chromium-headless-shell", "chromium-headless-shell")
            browser = playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
            context = browser.new_context(ignore_https_errors=True, color_scheme="light")
            paths = {str(product.data): "/var/lib/ccxsec"}
            yield Camera(sign_in(context.new_page(), product), product, paths)
            browser.close()
    finally:
        product.stop()


if __name__ == "__main__":
    main()
