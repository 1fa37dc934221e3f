"""The driver in Python: a store in files with compare-and-swap, a lease by flock, HTTP by the standard library. For tests."""
import contextlib
import fcntl
import hashlib
import http.client
import os
import pathlib
import secrets
import tempfile
import time
import urllib.parse

import p256
import postern_mobile as sdk


class FileStore:
    """Records in files of one folder, shared by processes. A write is a new file that takes the old one's name."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)

    def _path(self, key):
        return self.folder / ("r-" + urllib.parse.quote(key, safe=""))

    @staticmethod
    def version(value):
        return int.from_bytes(hashlib.sha256(value).digest()[:8], "big") >> 1 or 1

    @contextlib.contextmanager
    def _swap(self):
        with open(self.folder / "swap.lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def get(self, key):
        try:
            return self._path(key).read_bytes()
        except FileNotFoundError:
            return None

    def _there(self, key):
        value = self.get(key)
        return 0 if value is None else self.version(value)

    def put(self, key, value, expect):
        with self._swap():
            if self._there(key) != expect:
                return None
            with tempfile.NamedTemporaryFile(dir=self.folder, prefix="t-", delete=False) as new:
                new.write(value)
                new.flush()
                os.fsync(new.fileno())
            os.rename(new.name, self._path(key))
            return self.version(value)

    def delete(self, key, expect):
        with self._swap():
            if expect is not None and self._there(key) != expect:
                return False
            self._path(key).unlink(missing_ok=True)
            return True

    def keys(self, prefix):
        names = (urllib.parse.unquote(path.name[2:]) for path in self.folder.glob("r-*"))
        return [name for name in names if name.startswith(prefix)]


class Lease:
    """A lock of the operating system: it falls when its process does."""

    def __init__(self, folder):
        self.folder, self.held = pathlib.Path(folder), {}

    def take(self, name, wait_ms):
        file = open(self.folder / ("l-" + urllib.parse.quote(name, safe="")), "w")
        until = time.monotonic() + wait_ms / 1000
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                self.held[name] = file
                return True
            except BlockingIOError:
                if time.monotonic() > until:
                    file.close()
                    return False
                time.sleep(0.002)

    def give(self, name):
        if file := self.held.pop(name, None):
            file.close()


class Keys:
    """Private keys in files: what the hardware does elsewhere."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)

    def _path(self, key):
        return self.folder / ("k-" + urllib.parse.quote(key, safe=""))

    def ensure(self, key):
        if not self._path(key).exists():
            self._path(key).write_text(str(p256.make()))
        x, y = p256.public(int(self._path(key).read_text()))
        return sdk.KeyInfo(x=x, y=y, level=sdk.KeyLevel.SOFTWARE)

    def sign(self, key, message):
        return p256.sign(int(self._path(key).read_text()), message)

    def delete(self, key):
        self._path(key).unlink(missing_ok=True)


def send(request):
    """One request: nothing followed, nothing repeated."""
    url = urllib.parse.urlsplit(request.url)
    connection = http.client.HTTPConnection("127.0.0.1", url.port, timeout=30)
    try:
        connection.connect()
    except OSError:
        return sdk.Input.HTTP_FAILED(failure=sdk.HttpFailure.NOT_SENT)
    try:
        target = url.path + (f"?{url.query}" if url.query else "")
        headers = {header.name: header.value.decode() for header in request.headers}
        connection.request(request.method, target, request.body or None, headers | {"Host": url.netloc})
        answer = connection.getresponse()
        body = answer.read(1 << 20)
        headers = [sdk.Header(name=name, value=value.encode()) for name, value in answer.getheaders()]
        return sdk.Input.HTTP(response=sdk.HttpResponse(status=answer.status, headers=headers, body=body))
    except (OSError, http.client.HTTPException):
        return sdk.Input.HTTP_FAILED(failure=sdk.HttpFailure.AMBIGUOUS)
    finally:
        connection.close()


class Failed(Exception):
    """An operation failed; `error` says how and what to do."""

    def __init__(self, error):
        super().__init__(error.code.name)
        self.error = error


class Driver:
    """Does what the core asks for."""

    def __init__(self, config, folder, http=send, lease=None):
        self.core = sdk.Core(config)
        self.store, self.keys, self.lease = FileStore(folder), Keys(folder), lease or Lease(folder)
        self.http, self.events = http, []

    @staticmethod
    def now():
        boot = pathlib.Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        passed = time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1_000_000
        return sdk.Moment(wall_ms=time.time_ns() // 1_000_000, monotonic_ms=passed, boot_id=boot)

    def run(self, operation):
        answer = None
        while True:
            step = operation.step(answer, self.now())
            self.events += step.events
            if isinstance(step.next, sdk.Next.DONE):
                return step.next.outcome
            if isinstance(step.next, sdk.Next.FAILED):
                raise Failed(step.next.error)
            answer = sdk.Answer(id=step.next.id, input=self.perform(step.next.effect))

    def perform(self, effect):
        try:
            return self._perform(effect)
        except FileNotFoundError:
            return sdk.Input.FAILED(error=sdk.HookError.NOT_FOUND)
        except OSError:
            return sdk.Input.FAILED(error=sdk.HookError.IO)
        except Exception:
            return sdk.Input.FAILED(error=sdk.HookError.UNKNOWN)

    def _perform(self, effect):
        kind, inputs = sdk.Effect, sdk.Input
        match effect:
            case kind.HTTP():
                return self.http(effect.request)
            case kind.GET():
                value = self.store.get(effect.key)
                return inputs.ABSENT() if value is None else inputs.VALUE(value=value, version=FileStore.version(value))
            case kind.PUT():
                version = self.store.put(effect.key, effect.value, effect.expect)
                return inputs.CONFLICT() if version is None else inputs.STORED(version=version)
            case kind.DELETE():
                return inputs.DONE() if self.store.delete(effect.key, effect.expect) else inputs.CONFLICT()
            case kind.KEYS():
                return inputs.KEYS(keys=self.store.keys(effect.prefix))
            case kind.LOCK():
                return inputs.LOCK_HELD() if self.lease.take(effect.name, effect.wait_ms) else inputs.LOCK_TIMEOUT()
            case kind.UNLOCK():
                self.lease.give(effect.name)
            case kind.KEY_ENSURE():
                return inputs.KEY(key=self.keys.ensure(effect.key))
            case kind.SIGN():
                return inputs.SIGNATURE(signature=self.keys.sign(effect.key, effect.message))
            case kind.KEY_DELETE():
                self.keys.delete(effect.key)
            case kind.ATTEST():
                return inputs.FAILED(error=sdk.HookError.UNAVAILABLE)
            case kind.RANDOM():
                return inputs.RANDOM(bytes=secrets.token_bytes(effect.len))
            case kind.SLEEP():
                time.sleep(effect.ms / 1000)
        return inputs.DONE()
