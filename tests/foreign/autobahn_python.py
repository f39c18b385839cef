"""Calls the server with autobahn-python: autobahn_python.py URL CODEC [ROLE].

URL is ws://HOST:PORT/PATH, rs://HOST:PORT or rs://unix:PATH. CODEC is one of autobahn's serializers, or `default` for
what autobahn offers by itself. With the role `listen` or `speak` it is one half of a conversation with another client.
Otherwise it prints each case that came out otherwise than expected, and then fails; with the role `router` they are those
of a router.
"""

import asyncio
import json
import math
import sys
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from autobahn.asyncio.rawsocket import WampRawSocketClientFactory
from autobahn.asyncio.wamp import ApplicationRunner, ApplicationSession
from autobahn.wamp.exception import ApplicationError
from autobahn.wamp.message import Cancel
from autobahn.wamp.serializer import create_transport_serializer
from autobahn.wamp.types import CallOptions, CallResult, ComponentConfig

import router
import topics

REALM = "realm1"
CASE_SECONDS = 5
UNIX = "rs://unix:"


@dataclass
class Outcome:
    """What came of a call, in one form for all of autobahn's ways to tell it."""

    args: list = field(default_factory=list)
    kwargs: dict = field(default_factory=dict)
    error: str | None = None
    progress: list | None = None


async def outcome(reply):
    try:
        value = await reply
    except ApplicationError as error:
        return Outcome(list(error.args), error.kwargs, error=error.error)
    if isinstance(value, CallResult):
        return Outcome(list(value.results), value.kwresults)
    # autobahn gives None both for no result and for a single null.
    return Outcome([] if value is None else [value])


async def call(session, procedure, args=(), kwargs=None, timeout=None, progress=False):
    parts = []

    def on_progress(*args, **kwargs):
        parts.append(Outcome(list(args), kwargs))

    options = CallOptions(timeout=timeout, on_progress=on_progress if progress else None)
    result = await outcome(session.call(procedure, *args, **(kwargs or {}), options=options))
    result.progress = parts if progress else None
    return result


def same(expected, got):
    """Equality that tells integers from floats and booleans, and takes NaN for equal to itself."""
    if type(expected) is not type(got):
        return False
    if isinstance(expected, dict):
        return expected.keys() == got.keys() and all(same(value, got[key]) for key, value in expected.items())
    if isinstance(expected, list):
        return len(expected) == len(got) and all(map(same, expected, got))
    if isinstance(expected, Outcome):
        return same(vars(expected), vars(got))
    return expected == got or (isinstance(expected, float) and math.isnan(expected) and math.isnan(got))


# The cases that all clients share.


def expectation(case):
    end = case.get("result") or case.get("error") or {}
    progress = None
    if "progress" in case:
        progress = [Outcome(part.get("args", []), part.get("kwargs", {})) for part in case["progress"]]
    return Outcome(end.get("args", []), end.get("kwargs", {}), end.get("uri"), progress)


def shared_case(case):
    async def run(session):
        got = await call(
            session,
            case["call"],
            case.get("args", ()),
            case.get("kwargs"),
            timeout=case.get("timeout"),
            progress="progress" in case,
        )
        # The wording of a message is the server's, but for the parts that the case names.
        parts = case.get("error", {}).get("message")
        if parts is not None:
            message = got.kwargs.pop("message", "")
            missing = [part for part in parts if part not in message]
            if not message or missing:
                got.kwargs["message"] = f"{message!r} without {missing}"
        return got

    return case["name"], run, expectation(case)


def shared_cases():
    table = Path(__file__).with_name("cases.json").read_text(encoding="utf-8")
    return [shared_case(case) for case in json.loads(table)]


# Autobahn's own cases: a name, a coroutine function that takes the session, and what it should come to.


def echo(procedure, value):
    return lambda session: call(session, procedure, [value])


def same_value(name, procedure, value):
    return name, echo(procedure, value), Outcome([value])


def refused(name, procedure, value, uri="wamp.error.invalid_argument"):
    async def run(session):
        return (await call(session, procedure, [value])).error

    return name, run, uri


def integers(codec):
    cases = [
        same_value(f"{value} as i64", "value.signed", value)
        for value in (2**53 - 1, 2**53, 2**53 + 1, 2**63 - 1, -(2**53) - 1, -(2**63))
    ]
    cases += [
        same_value(f"{value} as u64", "value.unsigned", value)
        for value in (2**53 + 1, 2**63 - 1, 2**63, 2**63 + 1, 2**64 - 1)
    ]
    cases += [
        same_value(f"{value} in any parameter", "call.echo", value)
        for value in (2**53 + 1, 2**63 - 1, -(2**63), 2**63, 2**64 - 1)
    ]
    cases += [
        refused("2^63 for an i64", "value.signed", 2**63),
        refused("a negative number for a u64", "value.unsigned", -1),
    ]
    if codec.startswith("msgpack"):
        # MessagePack has nothing above u64: autobahn raises before it sends such an integer, and the server says so.
        cases.append(refused("2^64 as a result", "value.wide", str(2**64), "wamp.error.runtime_error"))
    else:
        cases += [same_value(f"{value} as i128", "value.wide", value) for value in (2**64, -(2**64), 2**127 - 1)]
        cases += [same_value(f"{value} in any parameter", "call.echo", value) for value in (2**64, 2**128 - 1)]
        cases.append(refused("2^64 for a u64", "value.unsigned", 2**64))
    return cases


def binary():
    content = bytes(range(256))
    parcel = {
        "label": "Päckchen",
        "content": b"\x00\xff",
        "weights": [1.0, 2.5],
        "tags": {"ä": 1},
        "inner": {"label": "", "content": b"", "weights": [], "tags": {}, "inner": None},
    }
    return [
        same_value("binary both ways", "value.bytes", content),
        same_value("no octets", "value.bytes", b""),
        same_value("binary in any parameter", "call.echo", content),
        same_value("binary within a record", "value.parcel", parcel),
        ("binary to the server", echo("value.length", content), Outcome([256])),
        ("binary from the server", lambda session: call(session, "result.bytes"), Outcome([b"\x00\x01\x7f\x80\xff"])),
        refused("a number for binary", "value.length", 7),
    ]


def dates(codec):
    if not codec.startswith(("cbor", "default")):
        # Autobahn sends dates in no other codec.
        return []
    moment = datetime(2024, 2, 29, 12, 34, 56, tzinfo=UTC)
    return [
        ("a date", echo("value.moment", moment), Outcome(["2024-02-29T12:34:56+00:00"])),
        same_value("a date both ways", "value.any", moment),
    ]


async def cancel_by_future(session):
    """Autobahn's own way: it sends CANCEL without a mode and forgets the call."""
    reply = session.call("call.linger", "cancelled future", 30000)
    await asyncio.sleep(0.05)
    reply.cancel()
    return await call(session, "call.ending", ["cancelled future"])


def cancel(mode, milliseconds):
    """The modes have no interface in autobahn, only its message has."""

    async def run(session):
        reply = session.call("call.linger", mode, milliseconds)
        request = max(session._call_reqs)
        await asyncio.sleep(0.05)
        session._transport.send(Cancel(request, mode))
        ended = await outcome(reply)
        ending = await call(session, "call.ending", [mode])
        return ended.error, ending.args

    return run


def cancelling():
    return [
        ("cancel by autobahn's future", cancel_by_future, Outcome(["dropped"])),
        ("cancel with kill", cancel("kill", 30000), ("wamp.error.canceled", ["dropped"])),
        ("cancel with killnowait", cancel("killnowait", 30000), ("wamp.error.canceled", ["dropped"])),
        ("cancel with skip", cancel("skip", 300), ("wamp.error.canceled", ["finished"])),
    ]


async def many_at_once(session):
    replies = [session.call("math.add", number, number) for number in range(500)]
    return await asyncio.gather(*replies)


async def reported_session(session):
    report = (await call(session, "call.session")).kwargs
    details = session.session_details
    return report == {
        "id": details.session,
        "realm": details.realm,
        "authid": details.authid,
        "authrole": details.authrole,
        "serializer": session._transport._serializer.SERIALIZER_ID,
    }


async def serializer(session):
    return (await call(session, "call.session")).kwargs["serializer"]


async def features(session):
    dealer = session._router_roles["dealer"]
    return [dealer.progressive_call_results, dealer.call_canceling, dealer.call_timeout]


def nested(depth):
    return [nested(depth - 1)] if depth else []


def session_cases(codec):
    return [
        ("what the client and the server know of the session", reported_session, True),
        ("the serializer", serializer, "cbor.batched" if codec == "default" else codec),
        ("the features of the dealer", features, [True, True, True]),
        ("five hundred calls at once", many_at_once, [number * 2 for number in range(500)]),
        same_value("deep nesting", "call.echo", nested(40)),
        refused("too deep a nesting", "call.echo", nested(200)),
        # Autobahn sends it in fragments of 64 KiB.
        same_value("half a megabyte", "value.text", "ä" * 250_000),
    ]


def not_a_number(codec):
    if codec.startswith("json"):
        return [("NaN", lambda session: call(session, "result.not_a_number"), Outcome(error="wamp.error.runtime_error"))]
    return [("NaN", lambda session: call(session, "result.not_a_number"), Outcome([math.nan]))]


class Caller(ApplicationSession):
    """A session that tells when it was joined and how it was left."""

    def __init__(self, config):
        super().__init__(config)
        loop = asyncio.get_running_loop()
        self.joined, self.left, self.closed = loop.create_future(), loop.create_future(), loop.create_future()

    def onJoin(self, details):
        self.joined.set_result(self)

    def onLeave(self, details):
        for future in (self.joined, self.left):
            if not future.done():
                future.set_result(details)
        self.disconnect()

    def onClose(self, was_clean):
        super().onClose(was_clean)
        self.closed.set_result(was_clean)


async def leave(session):
    session.leave()
    return (await session.left).reason, await session.closed


async def main(url, codec, role=None):
    async def open_session():
        serializers = None if codec == "default" else [create_transport_serializer(codec)]
        if url.startswith(UNIX):
            # Autobahn's runner knows no unix sockets.
            factory = WampRawSocketClientFactory(lambda: Caller(ComponentConfig(REALM)), serializer=serializers[0])
            connecting = asyncio.get_running_loop().create_unix_connection(factory, url.removeprefix(UNIX))
        else:
            connecting = ApplicationRunner(url, REALM, serializers=serializers).run(Caller, start_loop=False)
        _, protocol = await connecting
        return await asyncio.wait_for(asyncio.shield(opened(protocol)), CASE_SECONDS)

    session = await open_session()
    if role in ("listen", "speak"):
        return await {"listen": topics.listen, "speak": topics.speak}[role](session)
    cases = router.router_cases(open_session) if role == "router" else [
        *shared_cases(),
        *integers(codec),
        *binary(),
        *dates(codec),
        *topics.topic_cases(open_session),
        *cancelling(),
        *session_cases(codec),
        *not_a_number(codec),
        ("leaving", leave, ("wamp.close.goodbye_and_out", True)),
    ]

    failures = 0
    for name, run, expected in cases:
        try:
            got = await asyncio.wait_for(run(session), CASE_SECONDS)
        except Exception as error:
            got = error
        if not same(expected, got):
            failures += 1
            print(f"FAILED {name}\n  expected {expected!r}\n  got      {got!r}")
        if isinstance(got, TimeoutError):
            # Who got no answer will hardly get another.
            break
    print(f"{len(cases) - failures} of {len(cases)} cases passed")
    return failures == 0


async def opened(protocol):
    while getattr(protocol, "_session", None) is None:
        await asyncio.sleep(0.01)
    return await protocol._session.joined


if __name__ == "__main__":
    sys.exit(0 if asyncio.run(main(*sys.argv[1:])) else 1)
