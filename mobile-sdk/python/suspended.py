"""A process that is suspended between two effects of a refresh, and ten minutes later wakes up in a world that went on:

    suspended.py --postern FILE [--lease flock|always|never]

At each place in turn, while another process rotates twice from the same store. The session lives in every case."""
import argparse
import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile

import driver
import postern_mobile as sdk
from server import Server, config, fresh, happened, judge, lease


class Hasty(driver.Lease):
    """Who holds it sleeps: nobody waits for that as long as the core would."""

    def take(self, name, wait_ms):
        return super().take(name, min(wait_ms, 20))


class Driver(driver.Driver):
    """A driver whose clocks can be moved, and which stops before an effect."""

    def __init__(self, issuer, folder, leased, stop_at=None):
        super().__init__(config(issuer), folder, lease=lease(leased) or Hasty(folder))
        self.moved, self.stop_at, self.effects = pathlib.Path(folder) / "moved", stop_at, 0

    def now(self):
        now, moved = super().now(), int(self.moved.read_text() or 0)
        return sdk.Moment(wall_ms=now.wall_ms + moved, monotonic_ms=now.monotonic_ms + moved, boot_id=now.boot_id)

    def perform(self, effect):
        if self.effects == self.stop_at:
            os.kill(os.getpid(), signal.SIGSTOP)
        self.effects += 1
        return super().perform(effect)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--postern", required=True)
    parser.add_argument("--lease", choices=["flock", "always", "never"], default="flock")
    parser.add_argument("--app", nargs=3, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.app:
        issuer, folder, number = arguments.app
        return 0 if isinstance(fresh(Driver(issuer, folder, arguments.lease, int(number))), sdk.Outcome.TOKEN) else 1
    with tempfile.TemporaryDirectory() as work, Server(arguments.postern, pathlib.Path(work)) as server:
        return drive(arguments, server)


def drive(arguments, server):
    server.app()
    moved = server.store / "moved"
    moved.write_text("0")

    def other():
        return Driver(server.issuer, server.store, arguments.lease)

    whole = other()
    fresh(whole)
    lost = []
    for number in range(whole.effects):
        command = [sys.executable, __file__, "--postern", arguments.postern, "--lease", arguments.lease]
        command += ["--app", server.issuer, str(server.store), str(number)]
        sleeper = subprocess.Popen(command, stdout=server.log, stderr=server.log)
        try:
            _, status = os.waitpid(sleeper.pid, os.WUNTRACED)
            if not os.WIFSTOPPED(status):
                sys.exit(f"it did not stop before effect {number}")
            fresh(other())
            moved.write_text(str(int(moved.read_text()) + 600_000))
            fresh(other())
            sleeper.send_signal(signal.SIGCONT)
            if sleeper.wait(60) != 0:
                lost.append(number)
        finally:
            sleeper.kill()
    fresh(other())
    events = server.events()
    bad = {"lost": lost} | judge(events, server.stop())
    slow = happened(events, "refresh.slow_process")
    print(json.dumps({"suspended": whole.effects, "lease": arguments.lease, "slow processes refused": slow} | bad))
    return 1 if any(bad.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
