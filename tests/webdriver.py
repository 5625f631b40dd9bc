"""A browser driven through chromedriver's WebDriver protocol, by urllib alone."""

import json
import shutil
import subprocess
import tempfile
import urllib.request

FLAGS = "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run"
FLAGS += " --disable-background-networking --disable-component-update --disable-sync"
KEYS = dict(
    left="\ue012", up="\ue013", right="\ue014", down="\ue015", home="\ue011",
    end="\ue010", tab="\ue004", enter="\ue007", escape="\ue00c", control="\ue009",
    shift="\ue008",
)  # fmt: skip


def programs():
    """The paths of Chromium and of its driver, None where one is missing."""
    found = shutil.which("chromium"), shutil.which("chromedriver")
    return found if all(found) else None


class Browser:
    """One window. Use it in a `with`: both programs end with it."""

    def __init__(self, chromium, driver):
        self.folder = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        self.driver = subprocess.Popen(
            [driver, "--port=0"], stdout=subprocess.PIPE, text=True
        )
        try:
            ready = next(x for x in self.driver.stdout if "successfully on port" in x)
            port = ready.split()[-1].rstrip(".")
            self.address = f"http://127.0.0.1:{port}/session"
            args = [*FLAGS.split(), f"--user-data-dir={self.folder.name}"]
            always = {
                "goog:chromeOptions": dict(binary=chromium, args=args),
                "goog:loggingPrefs": dict(browser="ALL"),
            }
            wanted = dict(capabilities=dict(alwaysMatch=always))
            self.address += "/" + self.ask("POST", "", wanted)["sessionId"]
        except BaseException:
            self.driver.kill()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        try:
            self.ask("DELETE", "")
        finally:
            self.driver.terminate()
            self.driver.wait()
            self.driver.stdout.close()
            self.folder.cleanup()

    def ask(self, method, path, body=None):
        """One command of the protocol; what it answers."""
        content = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.address + path, content, method=method)
        # No proxy: the driver is on this machine.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request, timeout=60) as answer:
            return json.load(answer)["value"]

    def open(self, address, width=1200, height=800, **media):
        """Show a page in a window whose inside has that size; media: CSS features."""
        size = dict(width=width, height=height, deviceScaleFactor=1, mobile=False)
        self.command("Emulation.setDeviceMetricsOverride", **size)
        features = [dict(name=k.replace("_", "-"), value=v) for k, v in media.items()]
        self.command("Emulation.setEmulatedMedia", features=features)
        self.ask("POST", "/url", dict(url="about:blank"))
        self.ask("POST", "/url", dict(url=address))

    def command(self, name, **params):
        """A command of Chromium's own protocol."""
        body = dict(cmd=name, params=params)
        return self.ask("POST", "/goog/cdp/execute", body)

    def run(self, script, *args):
        """Run JavaScript as a function's body; what it returns."""
        return self.ask("POST", "/execute/sync", dict(script=script, args=args))

    def press(self, *keys):
        """Press keys one after another: names in KEYS or characters, as control+end."""
        steps = [
            dict(type=move, value=KEYS.get(part, part))
            for key in keys
            for move in ("keyDown", "keyUp")
            for part in key.split("+")
        ]
        self.act(dict(type="key", id="keys", actions=steps))

    def click(self, x, y):
        """Click at a place of the window."""
        steps = [dict(type="pointerMove", duration=0, x=round(x), y=round(y))]
        steps += [dict(type=move, button=0) for move in ("pointerDown", "pointerUp")]
        self.act(dict(type="pointer", id="mouse", actions=steps))

    def act(self, device):
        """Let an input device do its actions."""
        self.ask("POST", "/actions", dict(actions=[device]))

    def complaints(self):
        """What the page wrote to the console, errors included, since last asked."""
        return [x["message"] for x in self.ask("POST", "/se/log", dict(type="browser"))]
