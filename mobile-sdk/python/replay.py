"""Holds the recorded conversations of `transcripts/` again, by this driver: `python/run replay.py`."""
import base64
import json
import pathlib
import sys

import driver
import postern_mobile as sdk

SYNCHRONOUS = "response_seen"


def unpack(value):
    """Bytes: text, or base64url."""
    if isinstance(value, str):
        return value.encode()
    return base64.urlsafe_b64decode(value["base64url"] + "==")


def pack(value):
    """Text where it is text without control characters."""
    try:
        text = value.decode()
        if not any(ord(letter) < 0x20 or 0x7F <= ord(letter) < 0xA0 for letter in text):
            return text
    except UnicodeDecodeError:
        pass
    return {"base64url": base64.urlsafe_b64encode(value).decode().rstrip("=")}


def plain(value):
    """Members of the bindings' objects as JSON has them."""
    if isinstance(value, bytes):
        return pack(value)
    if isinstance(value, sdk.Header):
        return [value.name, pack(value.value)]
    if isinstance(value, (list, tuple)):
        return [plain(member) for member in value]
    if hasattr(value, "name") and hasattr(value, "value"):
        return value.name.lower()
    return value


def tagged(value, *inside):
    """A variant with its members; those of the named members are its own."""
    members = {"type": type(value).__name__.split(".")[-1].lower()}
    for name, member in vars(value).items():
        name = name.lstrip("_")
        members |= {key.lstrip("_"): plain(part) for key, part in vars(member).items()} if name in inside else {name: plain(member)}
    return members


def title(value):
    return "".join(word.capitalize() for word in value.name.split("_"))


def error(value):
    members = {name.lstrip("_"): member for name, member in vars(value).items()}
    return members | {"code": title(value.code), "action": title(value.action)}


def event(value):
    members = tagged(value)
    return members | {"code": title(value.code)} if "code" in members else members


def headers(pairs):
    return [sdk.Header(name=name, value=unpack(value)) for name, value in pairs]


def moment(value):
    return sdk.Moment(**value)


def answer(value):
    """An input of the bindings."""
    kind, inputs = value["type"], sdk.Input
    match kind:
        case "http":
            response = sdk.HttpResponse(status=value["status"], headers=headers(value["headers"]), body=unpack(value["body"]))
            return inputs.HTTP(response=response)
        case "http_failed":
            return inputs.HTTP_FAILED(failure=sdk.HttpFailure[value["failure"].upper()])
        case "value":
            return inputs.VALUE(value=unpack(value["value"]), version=value["version"])
        case "stored":
            return inputs.STORED(version=value["version"])
        case "keys":
            return inputs.KEYS(keys=value["keys"])
        case "key":
            key = sdk.KeyInfo(x=unpack(value["x"]), y=unpack(value["y"]), level=sdk.KeyLevel[value["level"].upper()])
            return inputs.KEY(key=key)
        case "signature":
            return inputs.SIGNATURE(signature=unpack(value["signature"]))
        case "attested":
            evidence = sdk.Evidence(attestation=unpack(value["attestation"]), proof=unpack(value["proof"]))
            return inputs.ATTESTED(evidence=evidence)
        case "random":
            return inputs.RANDOM(bytes=unpack(value["bytes"]))
        case "failed":
            return inputs.FAILED(error=sdk.HookError[value["error"].upper()])
        case _:
            return getattr(inputs, kind.upper())()


def start(core, call):
    account = call.get("account")

    def want():
        return sdk.Want(min_ttl_ms=call["min_ttl_ms"], resource=call.get("resource"), scopes=call.get("scopes"), fresh=call["fresh"])

    def params():
        names = ("login_hint", "prompt", "acr_values", "max_age", "ui_locales", "scopes")
        return sdk.AuthorizeParams(**{name: call.get(name) for name in names})

    match call["type"]:
        case "begin":
            return core.begin(params())
        case "handle_redirect":
            return core.handle_redirect(unpack(call["url"]))
        case "cancel":
            return core.cancel(call["flow_id"])
        case "begin_device":
            return core.begin_device(params())
        case "poll_device":
            return core.poll_device(call["flow_id"])
        case "access_token":
            return core.access_token(account, want())
        case "authorize_request":
            return core.authorize_request(account, call["method"], call["url"], want())
        case "logout":
            return core.logout(account, sdk.LogoutMode[call["mode"].upper()])
        case "end_session_url":
            return core.end_session_url(account, call["then"], call["state"])
        case "adopt":
            tokens = sdk.StoredTokens(refresh_token=unpack(call["refresh_token"]), id_token=unpack(call["id_token"]))
            return core.adopt(tokens)
        case "exchange":
            names = ("audience", "resource", "scopes")
            return core.exchange(account, sdk.ExchangeParams(**{name: call[name] for name in names}))
        case "native_sso":
            sso = sdk.NativeSso(id_token=unpack(call["id_token"]), device_secret=unpack(call["device_secret"]))
            return core.native_sso(sso)
        case "id_claims" | "share" | "set_default" as kind:
            return getattr(core, kind)(account)
        case kind:
            return getattr(core, kind)()


class Different(Exception):
    pass


class Killed(Exception):
    pass


class Replayed(driver.Driver):
    """The driver with clocks and hooks that say what was recorded."""

    def __init__(self, core):
        self.core, self.events = core, []

    def hold(self, call, steps):
        self.steps, self.at, self.events = steps, -1, []
        try:
            end = {"done": tagged(self.run(start(self.core, call)), "ready", "token", "sso", "headers")}
        except driver.Failed as failed:
            end = {"failed": error(failed.error)}
        except Killed:
            return
        self.same({name: steps[-1].get(name) for name in end}, end)
        self.same([heard for step in steps for heard in step["events"]], [event(heard) for heard in self.events])

    def now(self):
        self.at += 1
        if self.at == len(self.steps):
            raise Killed
        return moment(self.steps[self.at]["now"])

    def perform(self, effect):
        step = self.steps[self.at]
        self.same(step.get("effect"), tagged(effect, "request"))
        return answer(step["input"])

    def same(self, recorded, said):
        if recorded != said:
            raise Different(f"step {self.at + 1}:\nrecorded {recorded}\nnow      {said}")


def config(value):
    policies = {"dpop": sdk.DpopPolicy, "par": sdk.ParPolicy, "attestation": sdk.AttestationPolicy}
    return sdk.Config(**value | {name: kind[value[name].upper()] for name, kind in policies.items()})


def replay(transcript):
    process, core = 1, sdk.Core(config(transcript["config"]))
    for number, turn in enumerate(transcript["turns"], 1):
        call = turn["call"]
        if turn["process"] != process:
            process, core = turn["process"], sdk.Core(config(transcript["config"]))
        try:
            if call["type"] == SYNCHRONOUS:
                verdict = core.response_seen(
                    call["account"], call["url"], call["status"], headers(call["headers"]), call["tries"], moment(turn["now"])
                )
                if plain(verdict) != turn["verdict"]:
                    raise Different(verdict)
            else:
                Replayed(core).hold(call, turn["steps"])
        except Different as difference:
            raise Different(f"turn {number} ({call['type']}), {difference}") from None


def main():
    files = sorted((pathlib.Path(__file__).parent / "../transcripts").glob("*.json"))
    for file in files:
        try:
            replay(json.loads(file.read_text()))
        except Different as difference:
            sys.exit(f"{file.name}: {difference}")
    if not files:
        sys.exit("no conversations")
    print(f"{len(files)} recorded conversations held again")


if __name__ == "__main__":
    main()
