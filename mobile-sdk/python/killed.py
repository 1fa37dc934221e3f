"""Refreshes from processes that share one store: killed at random, while half of the answers are lost, or left alone.

    killed.py --postern FILE [--refreshes 10000] [--processes 2] [--lease flock|always|never]
              [--kills 0] [--seed NUMBER] [--steady]

Nobody is made to sign in again, no session ends, no token is in any log, and the server rotates no token that is not stored
here: one rotation for each generation. With --steady nothing is lost and nobody killed, and the books balance exactly. A seed brings the same order of kills; when
each comes, the machine decides."""
import argparse
import json
import pathlib
import random
import signal
import subprocess
import sys
import tempfile
import time

import driver
import postern_mobile as sdk
from server import Server, config, fresh, judge, lease


def refresh_until_stopped(issuer, folder, leased, steady):
    """What a process of the app does."""

    def count(name, times=1):
        with open(folder / name, "a") as file:
            file.write("." * times)

    def send(request):
        answer = driver.send(request)
        if request.url.endswith("/token"):
            count("asked")
            if isinstance(answer, sdk.Input.HTTP) and answer.response.status == 200:
                count("granted")
            if not steady and random.random() < 0.5:
                return sdk.Input.HTTP_FAILED(failure=sdk.HttpFailure.AMBIGUOUS)
        return answer

    app = driver.Driver(config(issuer), folder, send, lease(leased))
    while not (folder / "stop").exists():
        try:
            fresh(app)
        except driver.Failed as failed:
            print(failed.error, flush=True)
            if failed.error.action != sdk.Action.RETRY_LATER:
                with open(folder / "forced", "a") as forced:
                    forced.write(failed.error.code.name + "\n")
                time.sleep(1)
        count("rotated", sum(isinstance(event, sdk.Event.TOKENS_ROTATED) for event in app.events))
        app.events.clear()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--postern", required=True)
    parser.add_argument("--refreshes", type=int, default=10000)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--lease", choices=["flock", "always", "never"], default="flock")
    parser.add_argument("--steady", action="store_true")
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 32))
    parser.add_argument("--kills", type=int, default=0, help="at least that many")
    parser.add_argument("--app", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.app:
        issuer, folder = arguments.app
        return refresh_until_stopped(issuer, pathlib.Path(folder), arguments.lease, arguments.steady)
    with tempfile.TemporaryDirectory() as work, Server(arguments.postern, pathlib.Path(work)) as server:
        return drive(arguments, server)


def drive(arguments, server):
    began, kills = time.monotonic(), 0
    random.seed(arguments.seed)
    app, folder = server.app(), server.store
    rotations_before, _ = server.counted()
    for name in ("asked", "granted", "rotated", "forced"):
        (folder / name).touch()

    def counted(name):
        return (folder / name).stat().st_size

    def start():
        command = [sys.executable, __file__, "--postern", arguments.postern, "--lease", arguments.lease]
        command += ["--app", server.issuer, str(folder)] + ["--steady"] * arguments.steady
        return subprocess.Popen(command, stdout=server.log, stderr=server.log)

    apps = [start() for _ in range(arguments.processes)]
    try:
        while counted("asked") < arguments.refreshes or kills < arguments.kills:
            if arguments.steady:
                time.sleep(0.01)
                continue
            time.sleep(random.uniform(0.3, 1.2))
            victim = random.randrange(len(apps))
            apps[victim].send_signal(signal.SIGKILL)
            apps[victim].wait()
            apps[victim] = start()
            kills += 1
        if arguments.steady:
            (folder / "stop").touch()
            for process in apps:
                process.wait(60)
    finally:
        for process in apps:
            process.kill()
            process.wait()
    rotations, again = server.counted()
    rotations -= rotations_before
    stored, granted = counted("rotated"), counted("granted")
    alive = isinstance(fresh(app), sdk.Outcome.TOKEN)
    events = server.events()
    forced = (folder / "forced").read_text()
    bad = {"forced sign-ins": forced.count("\n")} | judge(events, server.stop())
    result = {
        "refreshes": counted("asked"),
        "kills": kills,
        "seed": arguments.seed,
        "rotations at the server": rotations,
        "rotations stored here": stored,
        "successors given again": again,
        "processes": arguments.processes,
        "lease": arguments.lease,
    }
    print(json.dumps(result | bad | {"seconds": round(time.monotonic() - began)}))
    if arguments.steady:
        # Each rotation is stored once, by one of those who were given it.
        balanced = rotations == stored and granted == rotations + again and (again == 0 or arguments.lease != "flock")
    else:
        # A process that is killed between storing and counting has not counted, nor has one stored what was not.
        balanced = stored <= rotations <= stored + kills + arguments.processes
    if alive and balanced and not any(bad.values()):
        return 0
    print(forced + "\n".join(line for line in events.splitlines() if "session.ended" in line), file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
