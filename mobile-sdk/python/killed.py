"""Refreshes from processes that are killed at random, while half of the answers are lost and all share one store.

    killed.py --postern FILE [--refreshes 10000] [--processes 2] [--lease flock|always|never]

Nobody is made to sign in again, no session ends, no token is in any log, and the server rotates no token that is not stored
here: one rotation for each generation."""
import argparse
import html.parser
import http.cookiejar
import json
import pathlib
import random
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
import urllib.error
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


def refresh_until_killed(issuer, folder, lease):
    """What a process of the app does."""

    def half(request):
        answer = driver.send(request)
        if request.url.endswith("/token"):
            with open(folder + "/asked", "a") as asked:
                asked.write(".")
            if random.random() < 0.5:
                return sdk.Input.HTTP_FAILED(failure=sdk.HttpFailure.AMBIGUOUS)
        return answer

    leases = {"flock": None, "always": Broken(True), "never": Broken(False)}
    app = driver.Driver(config(issuer), folder, half, leases[lease])
    while True:
        try:
            app.run(app.core.access_token(None, sdk.Want(min_ttl_ms=0, resource=None, scopes=None, fresh=True)))
        except driver.Failed as failed:
            print(failed.error, flush=True)
            if failed.error.action != sdk.Action.RETRY_LATER:
                with open(folder + "/forced", "a") as forced:
                    forced.write(failed.error.code.name + "\n")
                time.sleep(1)
        stored = sum(isinstance(event, sdk.Event.TOKENS_ROTATED) for event in app.events)
        app.events.clear()
        with open(folder + "/rotated", "a") as rotated:
            rotated.write("." * stored)


def rotations(data):
    """How often the server has rotated the one session's refresh token."""
    for path in pathlib.Path(data).rglob("*"):
        if path.is_file() and path.open("rb").read(15) == b"SQLite format 3":
            with sqlite3.connect(path) as database:
                tables = database.execute("SELECT name FROM sqlite_master WHERE name = 'device_sessions'").fetchall()
                if tables:
                    return database.execute("SELECT sum(generation) FROM device_sessions").fetchone()[0]
    raise SystemExit("no database")


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


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--postern", required=True)
    parser.add_argument("--refreshes", type=int, default=10000)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--lease", choices=["flock", "always", "never"], default="flock")
    parser.add_argument("--app", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.app:
        return refresh_until_killed(*arguments.app, arguments.lease)
    with tempfile.TemporaryDirectory() as work:
        return drive(arguments, pathlib.Path(work))


def drive(arguments, work):
    folder, log, kills, began = work / "store", open(work / "log", "w"), 0, time.monotonic()
    server, issuer = serve(arguments.postern, work / "data", log)
    apps = []
    try:
        app = driver.Driver(config(issuer), folder)
        nothing = sdk.AuthorizeParams(login_hint=None, prompt=None, acr_values=None, max_age=None, ui_locales=None, scopes=None)
        ready = app.run(app.core.begin(nothing)).ready
        app.run(app.core.handle_redirect(sign_in(ready.url, issuer).encode()))
        asked = folder / "asked"
        asked.touch()

        def start():
            command = [sys.executable, __file__, "--postern", arguments.postern, "--lease", arguments.lease]
            return subprocess.Popen([*command, "--app", issuer, str(folder)], stdout=log, stderr=log)

        apps = [start() for _ in range(arguments.processes)]
        while asked.stat().st_size < arguments.refreshes:
            time.sleep(random.uniform(0.3, 1.2))
            victim = random.randrange(len(apps))
            apps[victim].send_signal(signal.SIGKILL)
            apps[victim].wait()
            apps[victim] = start()
            kills += 1
    finally:
        for process in apps:
            process.kill()
            process.wait()
    alive = app.run(app.core.access_token(None, sdk.Want(min_ttl_ms=0, resource=None, scopes=None, fresh=True)))
    events = subprocess.run(
        [arguments.postern, "events", "export", "--since", "2000-01-01T00:00:00Z", "--data", work / "data"],
        check=True, capture_output=True, text=True,
    ).stdout
    server.terminate()
    server.wait()
    log.close()
    stored = (folder / "rotated").stat().st_size
    rotated = rotations(work / "data")
    forced = (folder / "forced").read_text() if (folder / "forced").exists() else ""
    logged = (work / "log").read_text() + events
    result = {
        "refreshes": asked.stat().st_size,
        "kills": kills,
        "rotations at the server": rotated,
        "rotations stored here": stored,
        "processes": arguments.processes,
        "lease": arguments.lease,
        "forced sign-ins": forced.count("\n"),
        "sessions ended": events.count("session.ended"),
        "tokens in logs": len(re.findall(r"pst_(?:rt|ac|ds)_\w|eyJ[\w-]{8,}\.", logged)),
        "seconds": round(time.monotonic() - began),
    }
    print(json.dumps(result))
    good = isinstance(alive, sdk.Outcome.TOKEN) and not any(result[name] for name in ("forced sign-ins", "sessions ended", "tokens in logs"))
    # A process that is killed between storing and counting has not counted; the last one is that of `alive`.
    good = good and stored <= rotated <= stored + kills + arguments.processes + 1
    if not good:
        print(forced + "\n".join(line for line in events.splitlines() if "session.ended" in line), file=sys.stderr)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
