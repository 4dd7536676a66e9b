"""A headless Chromium, driven over WebDriver: what the tests of pages need of it and nothing else."""
import json
import os
import shutil
import subprocess
import tempfile
import time
import urllib.error
import urllib.request

ELEMENT = "element-6066-11e4-a52e-4f735466cecf"
ARGUMENTS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
             "--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-default-browser-check",
             "--disable-dev-shm-usage", "--hide-scrollbars"]
KEYS = {"tab": "\ue004", "enter": "\ue007", "escape": "\ue00c", "space": " "}

# Scripts that say what is wrong with a page: text that is hard to read, and how much wider than the window it is.
CONTRAST = """
function channels(c) { const m = c.match(/[\\d.]+/g).map(Number); return m.length < 4 ? [...m, 1] : m; }
function light(c) {
  const l = c.slice(0, 3).map(v => { v /= 255; return v <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4; });
  return .2126 * l[0] + .7152 * l[1] + .0722 * l[2];
}
const poor = new Set();
for (const e of document.querySelectorAll("body *")) {
  if (e.closest("svg") || e.closest(".vh") || e.closest("select") || !e.getClientRects().length) continue;
  if (![...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim())) continue;
  let ground = null;
  for (let p = e; p && !ground; p = p.parentElement) {
    const c = channels(getComputedStyle(p).backgroundColor);
    if (c[3] === 1) ground = c;
  }
  const ink = channels(getComputedStyle(e).color), a = light(ink), b = light(ground || [255, 255, 255, 1]);
  const ratio = (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
  if (ratio < 4.5) poor.add(`${e.tagName}.${e.className} ${ratio.toFixed(2)}: ${e.textContent.slice(0, 30)}`);
}
return [...poor];
"""
OVERFLOW = "return document.documentElement.scrollWidth - document.documentElement.clientWidth;"


def find():
    """(chromium, chromedriver), or None when they are not here."""
    browser = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    driver = shutil.which("chromedriver")
    return (browser, driver) if browser and driver else None


class Browser:
    def __init__(self, patience=30):
        browser, driver = find()
        self.patience = patience
        self.profile = tempfile.mkdtemp(prefix="trapline-browser-")
        self.server = subprocess.Popen([driver, "--port=0"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                                       env=dict(os.environ, HOME=self.profile))
        self.session = None
        for line in self.server.stdout:
            if "started successfully on port" in line:
                self.base = "http://127.0.0.1:%d" % int(line.strip().rstrip(".").split()[-1])
                break
        else:
            raise RuntimeError("chromedriver did not start")
        made = self.call("POST", "/session", {"capabilities": {"alwaysMatch": {
            "browserName": "chrome", "goog:loggingPrefs": {"browser": "ALL", "performance": "ALL"},
            "goog:chromeOptions": {"binary": browser, "args": ARGUMENTS + ["--user-data-dir=" + self.profile + "/data"]}}}})
        self.session = made["sessionId"]

    def call(self, method, path, body=None):
        request = urllib.request.Request(self.base + path, method=method, headers={"Content-Type": "application/json"},
                                         data=None if body is None else json.dumps(body).encode())
        try:
            # No proxy stands between a test and its own machine.
            with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=120) as answer:
                return json.load(answer)["value"]
        except urllib.error.HTTPError as e:
            raise RuntimeError(json.load(e)["value"]["message"].splitlines()[0]) from None

    def do(self, method, path, body=None):
        return self.call(method, f"/session/{self.session}{path}", body)

    def close(self):
        try:
            if self.session:
                self.do("DELETE", "")
        finally:
            self.server.terminate()
            self.server.wait(timeout=30)
            self.server.stdout.close()
            shutil.rmtree(self.profile, ignore_errors=True)

    def open(self, url):
        self.do("POST", "/url", {"url": url})

    def url(self):
        return self.do("GET", "/url")

    def back(self):
        self.do("POST", "/back", {})

    def run(self, script, *arguments):
        return self.do("POST", "/execute/sync", {"script": script, "args": list(arguments)})

    def wait(self, script, *arguments):
        """Until the script returns something true."""
        end = time.monotonic() + self.patience
        while True:
            value = self.run(script, *arguments)
            if value:
                return value
            if time.monotonic() > end:
                raise AssertionError("it never came true: " + script)
            time.sleep(0.05)

    def find(self, selector):
        return self.do("POST", "/element", {"using": "css selector", "value": selector})[ELEMENT]

    def click(self, selector):
        self.do("POST", f"/element/{self.find(selector)}/click", {})

    def click_link(self, text):
        """As a person does: by what it says."""
        found = self.do("POST", "/element", {"using": "link text", "value": text})[ELEMENT]
        self.do("POST", f"/element/{found}/click", {})

    def type(self, selector, text):
        self.do("POST", f"/element/{self.find(selector)}/value", {"text": text})

    def press(self, *keys):
        actions = []
        for key in keys:
            value = KEYS.get(key, key)
            actions += [{"type": "keyDown", "value": value}, {"type": "keyUp", "value": value}]
        self.do("POST", "/actions", {"actions": [{"type": "key", "id": "keyboard", "actions": actions}]})

    def devtools(self, command, **parameters):
        return self.do("POST", "/goog/cdp/execute", {"cmd": command, "params": parameters})

    def size(self, width, height):
        self.devtools("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 500)

    def scheme(self, name):
        self.devtools("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": name}])

    def scripts(self, on):
        self.devtools("Emulation.setScriptExecutionDisabled", value=not on)

    def screenshot(self, path):
        import base64
        with open(path, "wb") as f:
            f.write(base64.b64decode(self.do("GET", "/screenshot")))

    def complaints(self):
        """What the console said since the last time."""
        return [entry["message"] for entry in self.do("POST", "/se/log", {"type": "browser"})]

    def requests(self):
        """What was asked for since the last time."""
        asked = []
        for entry in self.do("POST", "/se/log", {"type": "performance"}):
            message = json.loads(entry["message"])["message"]
            if message["method"] == "Network.requestWillBeSent":
                asked.append(message["params"]["request"]["url"])
        return asked
