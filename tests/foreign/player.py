"""A player in the scenario, with autobahn-python or asphalt-wamp: player.py LIBRARY NAME URL CODEC.

What it is to do comes as lines of JSON on standard input, and what came of it goes as such to standard output. What JSON
cannot hold is `{"octets": HEX}` or `{"integer": DIGITS}`.
"""

import asyncio
import json
import sys

from autobahn.asyncio.wamp import ApplicationRunner, ApplicationSession
from autobahn.wamp.exception import ApplicationError
from autobahn.wamp.message import Cancel
from autobahn.wamp.serializer import create_transport_serializer
from autobahn.wamp.types import CallOptions, CallResult, PublishOptions, RegisterOptions, SubscribeOptions

SAFE = 2**53
# Seconds to wait for what may never come.
PATIENCE = 5


async def patience(condition):
    """Waits for something that may never come."""
    for _ in range(100 * PATIENCE):
        if condition():
            return
        await asyncio.sleep(0.01)


def packed(value):
    match value:
        case bool() | None:
            return value
        case int() if abs(value) >= SAFE:
            return {"integer": str(value)}
        case bytes() | bytearray() | memoryview():
            return {"octets": bytes(value).hex()}
        case list() | tuple():
            return [packed(item) for item in value]
        case dict():
            return {str(key): packed(item) for key, item in value.items()}
    return value


def unpacked(value):
    match value:
        case {"octets": octets}:
            return bytes.fromhex(octets)
        case {"integer": digits}:
            return int(digits)
        case list():
            return [unpacked(item) for item in value]
        case dict():
            return {key: unpacked(item) for key, item in value.items()}
    return value


class Autobahn:
    """Autobahn's own interface."""

    @classmethod
    async def open(cls, url, codec):
        joined = asyncio.get_running_loop().create_future()

        class Session(ApplicationSession):
            def onJoin(self, details):
                joined.set_result(self)

            def onUserError(self, failure, message):
                """Errors of procedures are what the scenario is about."""

        runner = ApplicationRunner(url, "realm1", serializers=[create_transport_serializer(codec)])
        await runner.run(Session, start_loop=False)
        player = cls()
        player.session = await joined
        return player

    async def register(self, function, procedure, options):
        async def run(*args, details, **kwargs):
            return await function(details.procedure or procedure, details.progress, details.caller, args, kwargs)

        return await self.session.register(run, procedure, RegisterOptions(details_arg="details", **options))

    async def subscribe(self, function, topic, options):
        def take(*args, details, **kwargs):
            function(args, kwargs, details.topic, details.publisher, details.retained)

        return await self.session.subscribe(take, topic, SubscribeOptions(details=True, **options))

    async def publish(self, topic, args, kwargs, options):
        await self.session.publish(topic, *args, options=PublishOptions(**options), **kwargs)

    def call(self, procedure, args, kwargs, options):
        return self.session.call(procedure, *args, options=CallOptions(**options), **kwargs)


class Asphalt(Autobahn):
    """Asphalt's client. It is of a time when Python's tasks had another interface."""

    @classmethod
    async def open(cls, url, codec):
        from types import SimpleNamespace
        from urllib.parse import urlsplit

        from asphalt.core import Context
        from asphalt.serialization.serializers.cbor import CBORSerializer
        from asphalt.serialization.serializers.json import JSONSerializer
        from asphalt.serialization.serializers.msgpack import MsgpackSerializer
        from asphalt.wamp import client

        client.Task = SimpleNamespace(current_task=lambda loop: asyncio.current_task(loop))
        serializer = {"json": JSONSerializer, "msgpack": MsgpackSerializer, "cbor": CBORSerializer}[codec]()
        address = urlsplit(url)
        player = cls()
        player.client = client.WAMPClient(
            address.hostname, address.port, address.path, serializer=serializer, max_reconnection_attempts=0
        )
        await player.client.start(Context())
        await player.client.connect()
        player.session = player.client._session
        player.session.onUserError = lambda failure, message: None
        return player

    async def register(self, function, procedure, options):
        async def run(context, *args, **kwargs):
            called = context.procedure or procedure
            return await function(called, context.progress, context.caller_session_id, args, kwargs)

        await self.client.register(run, procedure, options)
        return self.client._registrations[-1]

    async def subscribe(self, function, topic, options):
        def take(context, *args, **kwargs):
            function(args, kwargs, context.topic, context.publisher_session_id, None)

        await self.client.subscribe(take, topic, options)
        return self.client._subscriptions[-1]

    async def publish(self, topic, args, kwargs, options):
        await self.client.publish(topic, *args, options=options, **kwargs)

    def call(self, procedure, args, kwargs, options):
        return asyncio.ensure_future(self.client.call(procedure, *args, options=options, **kwargs))


class Player:
    def __init__(self, name, session):
        self.name = name
        self.session = session
        self.seen = []
        self.registrations = {}
        self.subscriptions = {}
        self.events = {}

    def behaviour(self, kind):
        """What the procedures do that are registered with it."""

        async def run(procedure, progress, caller, args, kwargs):
            match kind:
                case "echo":
                    return CallResult(*args, **kwargs)
                case "name":
                    return self.name
                case "told":
                    return CallResult(procedure, caller)
                case "fail":
                    raise ApplicationError("scenario.error", *args, **kwargs)
                case "unavailable":
                    raise ApplicationError("wamp.error.unavailable")
                case "parts":
                    for number in range(args[0]):
                        if progress:
                            progress(number)
                    return "done"
                case "slow":
                    try:
                        await asyncio.sleep(args[0])
                        self.seen.append("finished")
                    except asyncio.CancelledError:
                        self.seen.append("canceled")
                        raise ApplicationError("wamp.error.canceled") from None
                    return self.name

        return run

    async def do(self, what, uri="", kind="", args=(), kwargs=None, progress=False, timeout=None, cancel=None, **more):
        args, kwargs, options = unpacked(list(args)), unpacked(kwargs or {}), more.get("options", {})
        match what:
            case "register":
                self.registrations[uri] = await self.session.register(self.behaviour(kind), uri, options)
                return {"id": self.registrations[uri].id}
            case "unregister":
                await self.registrations.pop(uri).unregister()
                return {}
            case "subscribe":
                events = self.events.setdefault(uri, asyncio.Queue())

                def take(args, kwargs, topic, publisher, retained):
                    events.put_nowait({"args": list(args), "kwargs": kwargs, "topic": topic, "publisher": publisher,
                                       "retained": bool(retained)})

                self.subscriptions[uri] = await self.session.subscribe(take, uri, options)
                return {"id": self.subscriptions[uri].id}
            case "unsubscribe":
                await self.subscriptions.pop(uri).unsubscribe()
                return {}
            case "publish":
                await self.session.publish(uri, args, kwargs, {"acknowledge": True, **options})
                return {}
            case "events":
                await patience(lambda: self.events[uri].qsize() >= more["count"])
                return {"events": [self.events[uri].get_nowait() for _ in range(self.events[uri].qsize())]}
            case "seen":
                await patience(lambda: len(self.seen) >= more["count"])
                return {"seen": self.seen}
            case "call":
                return await self.call(uri, args, kwargs, progress, timeout, cancel)
        raise ValueError(what)

    async def call(self, procedure, args, kwargs, progress, timeout, cancel):
        parts = []
        options = {"on_progress": parts.append} if progress else {}
        if timeout:
            options["timeout"] = timeout
        reply = self.session.call(procedure, args, kwargs, options)
        if cancel:
            await asyncio.sleep(0.3)
            session = self.session.session
            # The modes have no interface in autobahn, only its message has.
            session._transport.send(Cancel(max(session._call_reqs), cancel))
        try:
            result = await asyncio.wait_for(reply, PATIENCE)
        except TimeoutError:
            raise ApplicationError("no answer") from None
        answer = {"progress": parts} if progress else {}
        if isinstance(result, CallResult):
            return answer | {"args": list(result.results or ()), "kwargs": result.kwresults or {}}
        # autobahn gives None both for no result and for a single null.
        return answer | {"args": [] if result is None else [result], "kwargs": {}}

    async def answer(self, request):
        number = request.pop("number")
        try:
            answer = await self.do(request.pop("do"), **request)
        except ApplicationError as error:
            answer = {"error": error.error, "args": list(error.args), "kwargs": error.kwargs}
        except Exception as error:
            answer = {"failure": repr(error)}
        print(json.dumps(packed({"number": number, **answer})), flush=True)


async def main(library, name, url, codec):
    session = await {"autobahn": Autobahn, "asphalt": Asphalt}[library].open(url, codec)
    player = Player(name, session)
    print(json.dumps({"session": session.session._session_id}), flush=True)
    lines = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    answers = set()
    while line := await lines.readline():
        answers.add(asyncio.create_task(player.answer(json.loads(line))))


asyncio.run(main(*sys.argv[1:]))
