"""The real server, Alice's browser, and an app of theirs. For tests."""
import html.parser
import http.cookiejar
import pathlib
import re
import socket
import sqlite3
import subprocess
import time
import urllib.parse
import urllib.request

import driver
import postern_mobile as sdk

PASSWORD = "correct horse battery staple"


def config(issuer):
    return sdk.Config(
        issuer=issuer, client_id="app", redirect_uri="http://127.0.0.1/callback",
        scopes=["openid", "offline_access"], resources=[], dpop=sdk.DpopPolicy.REQUIRED, par=sdk.ParPolicy.REQUIRED,
        attestation=sdk.AttestationPolicy.OFF, require_hardware_key=False, allow_custom_scheme=False,
        allow_loopback=True, read_only=False,
    )


class Broken:
    """A lease that is always granted, or never."""

    def __init__(self, granted):
        self.granted = granted

    def take(self, name, wait_ms):
        return self.granted

    def give(self, name):
        pass


def lease(name):
    """`flock` is the driver's own; the others are broken on purpose."""
    return {"flock": None, "always": Broken(True), "never": Broken(False)}[name]


class Form(html.parser.HTMLParser):
    """The fields of the form with an action."""

    def __init__(self, page, actions):
        super().__init__()
        self.actions, self.action, self.fields = actions, None, {}
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        if tag == "form":
            self.inside = attributes.get("action") in self.actions
            self.action = attributes["action"] if self.inside else self.action
        if tag == "input" and getattr(self, "inside", False) and "name" in attributes:
            self.fields[attributes["name"]] = attributes.get("value") or ""


class Outside(Exception):
    """The browser was sent to an app."""


def sign_in(url, issuer):
    """Alice's browser; where it comes back to."""

    class Follow(urllib.request.HTTPRedirectHandler):
        def redirect_request(self, request, fp, code, msg, headers, to):
            if not to.startswith(issuer):
                raise Outside(to)
            return urllib.request.Request(to)

    jar = http.cookiejar.CookieJar(http.cookiejar.DefaultCookiePolicy(secure_protocols=("http", "https")))
    opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(jar), Follow)
    try:
        page = opener.open(url).read().decode()
        for _ in range(3):
            form = Form(page, ["/sign-in", "/consent"])
            extra = {"email": "alice@example.com", "password": PASSWORD} if form.action == "/sign-in" else {"decision": "allow"}
            body = urllib.parse.urlencode(form.fields | extra).encode()
            request = urllib.request.Request(issuer + form.action, body, {"Origin": issuer, "Sec-Fetch-Site": "same-origin"})
            page = opener.open(request).read().decode()
    except Outside as outside:
        return str(outside)
    raise SystemExit("no way back to the app")


class Server:
    """`postern` as a process with a folder of its own; the app's is `store`."""

    def __init__(self, postern, work):
        self.postern, self.data, self.log = postern, work / "data", open(work / "log", "w")
        self.process, self.issuer = serve(postern, self.data, self.log)
        self.store = work / "store"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()

    def app(self):
        """Signs Alice in."""
        app = driver.Driver(config(self.issuer), self.store)
        nothing = sdk.AuthorizeParams(login_hint=None, prompt=None, acr_values=None, max_age=None, ui_locales=None, scopes=None)
        ready = app.run(app.core.begin(nothing)).ready
        app.run(app.core.handle_redirect(sign_in(ready.url, self.issuer).encode()))
        return app

    def counted(self):
        """How often the one session's refresh token was rotated, and how often a successor was given again."""
        for path in self.data.rglob("*"):
            if path.is_file() and path.open("rb").read(15) == b"SQLite format 3":
                with sqlite3.connect(path) as database:
                    if database.execute("SELECT name FROM sqlite_master WHERE name = 'device_sessions'").fetchall():
                        return database.execute("SELECT sum(generation), sum(retries) FROM device_sessions").fetchone()
        raise SystemExit("no database")

    def events(self):
        """What happened, as lines of JSON."""
        command = [self.postern, "events", "export", "--since", "2000-01-01T00:00:00Z", "--data", self.data]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    def stop(self):
        """What it and its apps have logged."""
        self.process.terminate()
        self.process.wait()
        self.log.close()
        return pathlib.Path(self.log.name).read_text()


def fresh(app):
    """A refresh."""
    return app.run(app.core.access_token(None, sdk.Want(min_ttl_ms=0, resource=None, scopes=None, fresh=True)))


def happened(events, name):
    return sum(name in line for line in events.splitlines())


def judge(events, logged):
    """What must not have happened, and how often it did."""
    return {
        "sessions ended": happened(events, "session.ended"),
        "reuse alarms": happened(events, "refresh_reuse"),
        "tokens in logs": len(re.findall(r"pst_(?:rt|ac|ds)_\w|eyJ[\w-]{8,}\.", logged + events)),
    }


def serve(postern, data, log):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    issuer = f"http://localhost:{port}"

    def run(*arguments, given=""):
        subprocess.run([postern, *arguments, "--data", data], input=given, text=True, check=True, capture_output=True)

    run("init", "--public-url", issuer)
    run("user", "add", "alice@example.com", "--password-stdin", given=PASSWORD)
    run("client", "add", "app", "--name", "Notes", "--redirect-uri", "http://127.0.0.1/callback", "--consent", "never",
        "--dpop", "required")
    server = subprocess.Popen([postern, "serve", "--listen", f"127.0.0.1:{port}", "--data", data], stdout=log, stderr=log)
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            return server, issuer
        except OSError:
            time.sleep(0.01)
