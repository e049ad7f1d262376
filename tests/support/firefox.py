"""Stock Firefox, driven by WebDriver BiDi: Playwright's own Firefox is another build, and asks stock ones for commands that they lack."""

from __future__ import annotations

import base64
import contextlib
import itertools
import json
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from support.records import wait_until
from websockets.sync.client import ClientConnection, connect

KEYS = {"ArrowLeft": "\ue012", "ArrowRight": "\ue014", "Tab": "\ue004", "Home": "\ue011"}

# A new profile fetches news, add-ons and settings otherwise.
PREFERENCES = {
    "app.normandy.enabled": False,
    "app.update.disabledForTesting": True,
    "browser.shell.checkDefaultBrowser": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "extensions.update.enabled": False,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "services.settings.server": "data:,",
    "toolkit.telemetry.reportingpolicy.firstRun": False,
}


def installed() -> str | None:
    return shutil.which("firefox-esr") or shutil.which("firefox")


class Tab:
    """One page in Firefox; `frame` is a window inside it."""

    def __init__(self, socket: ClientConnection, downloads: Path) -> None:
        self.downloads = downloads
        self._socket = socket
        self._numbers = itertools.count(1)
        self.complaints: list[str] = []
        self.ask("session.new", capabilities={})
        self.ask("session.subscribe", events=["log.entryAdded"])
        self.window = self.ask("browsingContext.create", type="tab")["context"]

    def ask(self, method: str, **params: Any) -> dict[str, Any]:
        number = next(self._numbers)
        self._socket.send(json.dumps({"id": number, "method": method, "params": params}))
        while True:
            message: dict[str, Any] = json.loads(self._socket.recv(timeout=60))
            if message.get("method") == "log.entryAdded":
                self._note(message["params"])
            if message.get("id") == number:
                if message["type"] == "error":
                    raise AssertionError(f"{method}: {message['error']}: {message['message']}")
                return message["result"]

    def _note(self, entry: dict[str, Any]) -> None:
        if entry["level"] == "error" and "favicon" not in str(entry.get("text")):
            self.complaints.append(str(entry["text"]))

    def size(self, width: int, height: int) -> None:
        self.ask("browsingContext.setViewport", context=self.window, viewport={"width": width, "height": height})

    def go(self, address: str) -> None:
        self.ask("browsingContext.navigate", context=self.window, url=address, wait="complete")

    def frame(self, part: str) -> str:
        """The window whose address holds that, however deep, once it is there."""

        def found() -> str | None:
            def walk(trees: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
                for tree in trees:
                    yield tree
                    yield from walk(tree["children"] or [])

            trees = self.ask("browsingContext.getTree", root=self.window)["contexts"]
            return next((tree["context"] for tree in walk(trees) if part in tree["url"]), None)

        return wait_until(found)  # type: ignore[return-value]

    def evaluate(self, code: str, window: str | None = None) -> Any:
        """A value of JSON that an expression, or a promise, comes to."""
        wrapped = f"(async () => JSON.stringify(await ({code})))()"
        done = self.ask("script.evaluate", expression=wrapped, target={"context": window or self.window}, awaitPromise=True)
        if done["type"] == "exception":
            raise AssertionError(done["exceptionDetails"]["text"])
        return json.loads(done["result"].get("value", "null"))

    def wait(self, code: str, window: str | None = None, seconds: float = 60) -> Any:
        return wait_until(lambda: self.evaluate(code, window), seconds)

    def press(self, key: str, window: str | None = None) -> None:
        value = KEYS.get(key, key)
        actions = [{"type": "keyDown", "value": value}, {"type": "keyUp", "value": value}]
        self.ask("input.performActions", context=window or self.window, actions=[{"type": "key", "id": "keys", "actions": actions}])

    def click(self, x: int, y: int, window: str | None = None) -> None:
        moves = [{"type": "pointerMove", "x": x, "y": y}, {"type": "pointerDown", "button": 0}, {"type": "pointerUp", "button": 0}]
        self.ask("input.performActions", context=window or self.window, actions=[{"type": "pointer", "id": "mouse", "actions": moves}])

    def picture(self, path: Path) -> Path:
        """A screenshot of what is in view, as PNG."""
        path.write_bytes(base64.b64decode(self.ask("browsingContext.captureScreenshot", context=self.window)["data"]))
        return path

    def paper(self) -> bytes:
        """The page as PDF."""
        return base64.b64decode(self.ask("browsingContext.print", context=self.window)["data"])


@contextlib.contextmanager
def firefox(dark: bool = False) -> Iterator[Tab]:
    """A new Firefox with a profile of its own, ended afterwards."""
    program = installed()
    assert program, "firefox-esr is not installed"
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        downloads = Path(profile) / "saved"
        downloads.mkdir()
        saving = {"browser.download.dir": str(downloads), "browser.download.folderList": 2}
        preferences = {
            **PREFERENCES,
            **saving,
            "ui.systemUsesDarkTheme": int(dark),
            "layout.css.prefers-color-scheme.content-override": 0 if dark else 1,
        }
        lines = [f"user_pref({json.dumps(name)}, {json.dumps(value)});" for name, value in preferences.items()]
        (Path(profile) / "user.js").write_text("\n".join(lines), encoding="utf-8")
        log = Path(profile) / "log.txt"
        command = [program, "--headless", "--no-remote", "--profile", profile, "--remote-debugging-port=0"]
        with log.open("wb") as output:
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT)
        try:
            address = wait_until(lambda: re.search(r"BiDi listening on (ws://\S+)", log.read_text(encoding="utf-8", errors="replace")), 60)[
                1
            ]
            with connect(f"{address}/session", max_size=None, proxy=None) as socket:
                yield Tab(socket, downloads)
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
