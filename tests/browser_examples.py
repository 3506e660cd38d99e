"""What the tests with a real browser share: which one, how it is served, and what is looked at on every page."""

from __future__ import annotations

import shutil
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import uvicorn
from playwright.sync_api import Browser, Page, sync_playwright
from starlette.applications import Starlette

CHROMIUM = shutil.which("chromium")
OPTIONS = ["--no-sandbox", "--disable-gpu"]
"""The tests may run as root, and where there is no screen."""

IN_A_BROWSER = pytest.mark.skipif(CHROMIUM is None, reason="no chromium in the path: it is not tried in a browser")


@contextmanager
def launched() -> Iterator[Browser]:
    """A browser."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=OPTIONS)
        yield browser
        browser.close()


def signed_in(chromium: Browser, app: Starlette, address: str, role: str, name: str) -> Page:
    """A page of a new visitor who has signed in, and stands on the role's first page."""
    context = chromium.new_context()
    context.set_default_timeout(15_000)
    page = context.new_page()
    page.goto(f"{address}/signin/{app.state.signins.link(role, name)}")
    page.get_by_role("button", name="サインインする").click()
    page.wait_for_url(lambda url: "/signin/" not in url)
    return page


class served:  # noqa: N801  (read as a verb: with served(app) as address)
    """A web server in a thread, on a free port."""

    def __init__(self, app: Starlette) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._server = uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="off"))
        self._thread = threading.Thread(target=self._server.run, args=([self._socket],))

    def __enter__(self) -> str:
        self._thread.start()
        return f"http://127.0.0.1:{self._socket.getsockname()[1]}"

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = True
        self._thread.join(timeout=10)
        self._socket.close()


PALE_WORDS = """() => {
  const rgb = (text) => (text.match(/[\\d.]+/g) || []).map(Number);
  const light = ([r, g, b]) => {
    const [x, y, z] = [r, g, b].map((c) => (c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
  };
  const ground = (node) => {
    for (; node; node = node.parentElement) {
      const colour = rgb(getComputedStyle(node).backgroundColor);
      if (colour[3] !== 0) return colour;
    }
    return [255, 255, 255];
  };
  return [...document.querySelectorAll('body *')].filter((node) => {
    const own = [...node.childNodes].some((child) => child.nodeType === 3 && child.data.trim());
    if (!own || !node.checkVisibility()) return false;
    const [one, two] = [light(rgb(getComputedStyle(node).color)), light(ground(node))].sort((a, b) => b - a);
    return (one + 0.05) / (two + 0.05) < 4.5;
  }).map((node) => node.textContent.trim());
}"""


def press(page: Page, button: str, tag: str = "BUTTON") -> None:
    """Tab until the button, or the link with tag A, has the focus, then Enter."""
    for _ in range(40):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.tagName + document.activeElement.innerText") == f"{tag}{button}":
            assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
            with page.expect_navigation():
                page.keyboard.press("Enter")
            return
    raise AssertionError(f"Tab never came to {button}")


def sound(page: Page, width: int) -> bool:
    """Nothing sticks out, nothing lies over another, and every word can be read."""
    found = [page.evaluate("document.documentElement.scrollWidth"), page.evaluate(OVER), page.evaluate(PALE_WORDS)]
    assert found == [width, [], []]
    return True


OVER = """() => {
  const shown = [...document.querySelectorAll('.head *, main h1, main h2, main p, main dt, main dd')].filter((node) =>
    node.checkVisibility() && !node.closest('.visually-hidden, .skip') && !node.children.length && node.innerText);
  const boxes = shown.map((node) => [node, node.getBoundingClientRect()]);
  return boxes.flatMap(([one, a], n) => boxes.slice(n + 1).filter(([other, b]) =>
    a.left < b.right - 1 && b.left < a.right - 1 && a.top < b.bottom - 1 && b.top < a.bottom - 1)
    .map(([other]) => one.innerText + ' / ' + other.innerText));
}"""
"""Texts that lie over one another."""
