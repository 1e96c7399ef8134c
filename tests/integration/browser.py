"""A headless Chromium, driven by the DevTools protocol over a pipe:
https://chromedevtools.github.io/devtools-protocol/."""
import base64
import fcntl
import json
import os
import select
import shutil
import subprocess
import tempfile
import time

from lab import lack

PATIENCE = 120  # seconds for one answer: a loaded machine starts a browser slowly
NAMES = ("chromium", "chromium-browser", "google-chrome")


def program():
    found = [path for path in map(shutil.which, NAMES) if path]
    return found[0] if found else lack("chromium is not installed")


class Gone(Exception):
    """The browser itself ended or does not answer; that says nothing about the page."""


class Browser:
    """One browser with one page: `with Browser() as b: b.open(file)`."""

    FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
             "--no-default-browser-check", "--disable-background-networking", "--disable-component-update",
             "--disable-sync", "--disable-extensions", "--disable-breakpad", "--no-proxy-server",
             "--host-resolver-rules=MAP * ~NOTFOUND", "--hide-scrollbars", "--remote-debugging-pipe")

    def __init__(self):
        self.home = tempfile.mkdtemp(prefix="slct-browser.")
        to_child, self.send_fd = os.pipe()
        self.read_fd, from_child = os.pipe()
        self.buffer, self.number, self.events, self.session = b"", 0, [], None

        def descriptors():
            """The browser reads commands from 3 and writes answers to 4."""
            ours = [fcntl.fcntl(fd, fcntl.F_DUPFD, 10) for fd in (to_child, from_child)]
            os.dup2(ours[0], 3)
            os.dup2(ours[1], 4)

        self.process = subprocess.Popen([program(), *self.FLAGS, f"--user-data-dir={self.home}", "about:blank"],
                                        preexec_fn=descriptors, close_fds=False, stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                        env={**os.environ, "HOME": self.home})
        os.close(to_child)
        os.close(from_child)

    def __enter__(self):
        try:
            target = self.call("Target.createTarget", url="about:blank")["targetId"]
            self.session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
            for domain in ("Page", "Network", "Runtime", "Log"):
                self.call(f"{domain}.enable")
        except Gone:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        os.close(self.send_fd)  # the browser ends with its pipe
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        os.close(self.read_fd)
        shutil.rmtree(self.home, ignore_errors=True)

    # --- the protocol: JSON objects, each with a NUL behind it

    def _receive(self, deadline):
        while b"\0" not in self.buffer:
            ready, _, _ = select.select([self.read_fd], [], [], max(0, deadline - time.monotonic()))
            data = os.read(self.read_fd, 1 << 20) if ready else b""
            if not data:
                raise Gone("no answer" if not ready else "it has ended")
            self.buffer += data
        text, _, self.buffer = self.buffer.partition(b"\0")
        return json.loads(text)

    def call(self, method, **params):
        self.number += 1
        message = {"id": self.number, "method": method, "params": params}
        if self.session:
            message["sessionId"] = self.session
        try:
            os.write(self.send_fd, json.dumps(message).encode() + b"\0")
        except BrokenPipeError as e:
            raise Gone("it has ended") from e
        deadline = time.monotonic() + PATIENCE
        while True:
            answer = self._receive(deadline)
            if answer.get("id") == self.number:
                assert "error" not in answer, answer
                return answer["result"]
            if "method" in answer:
                self.events.append(answer)

    def wait(self, method):
        deadline = time.monotonic() + PATIENCE
        while not any(e["method"] == method for e in self.events):
            self.events.append(self._receive(deadline))

    # --- a page

    def open(self, file, dark=False, script=True, width=1280, height=900, anchor=""):
        # From another page: within one, an anchor alone loads nothing.
        self.events.clear()
        self.call("Page.navigate", url="about:blank")
        self.wait("Page.loadEventFired")
        self.events.clear()
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        self.call("Emulation.setEmulatedMedia",
                  features=[{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}])
        self.call("Emulation.setScriptExecutionDisabled", value=not script)
        self.call("Page.navigate", url=f"file://{file}{anchor}")
        self.wait("Page.loadEventFired")

    def run(self, expression):
        """The value of a JavaScript expression in the page."""
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def html(self):
        root = self.call("DOM.getDocument", depth=-1)["root"]
        return self.call("DOM.getOuterHTML", nodeId=root["nodeId"])["outerHTML"]

    @property
    def requests(self):
        """Addresses that were asked for since the page was opened."""
        return [e["params"]["request"]["url"] for e in self.events if e["method"] == "Network.requestWillBeSent"]

    @property
    def complaints(self):
        """What the console shows as an error or warning."""
        found = [e["params"] for e in self.events if e["method"] in ("Runtime.exceptionThrown", "Log.entryAdded")]
        return found + [e["params"] for e in self.events if e["method"] == "Runtime.consoleAPICalled"]

    def screenshot(self, path, whole=True):
        """A PNG of the page."""
        shot = self.call("Page.captureScreenshot", captureBeyondViewport=whole,
                         **({"clip": {**self._size(), "x": 0, "y": 0, "scale": 1}} if whole else {}))
        path.write_bytes(base64.b64decode(shot["data"]))

    def _size(self):
        size = self.call("Page.getLayoutMetrics")["cssContentSize"]
        return {"width": size["width"], "height": size["height"]}

    def pdf(self):
        return base64.b64decode(self.call("Page.printToPDF", printBackground=True)["data"])
