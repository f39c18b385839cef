"""Calls functions that are hosted on a router, and is called by them: hosted.py URL CODEC."""

import asyncio
import sys
import traceback

from autobahn.asyncio.wamp import ApplicationRunner, ApplicationSession
from autobahn.wamp.exception import ApplicationError
from autobahn.wamp.serializer import create_transport_serializer
from autobahn.wamp.types import CallOptions, PublishOptions

failed = True


class Caller(ApplicationSession):
    async def onJoin(self, details):
        global failed
        try:
            await asyncio.wait_for(self.judge(details), 30)
            failed = False
        except Exception:
            traceback.print_exc()
        self.leave()

    async def judge(self, details):
        assert await self.call("hosted.add", 1, 2) == 3
        assert await self.call("hosted.add", a=1) == 11
        assert await self.call("hosted.octets", b"\x00\x01\xff") == b"\xff\x01\x00"
        await self.fails("wamp.error.invalid_argument", "hosted.add", "x", 1)
        error = await self.fails("hosted.error.on_purpose", "hosted.fail")
        assert (list(error.args), error.kwargs) == ([1], {"why": "x"}), error

        for procedure, args, result in [("hosted.count", [5], "done"), ("hosted.stream", [], None)]:
            parts = []
            options = CallOptions(on_progress=parts.append)
            assert await self.call(procedure, *args, options=options) == result
            assert parts == list(range(len(parts))) and len(parts) >= 3, parts
        assert await self.call("hosted.count", 5) == "done"

        who = await self.call("hosted.who.am.i")
        assert list(who.results) == ["hosted.who.am.i", details.session, "guest"], who
        assert who.kwresults["realm"] == "realm1" and who.kwresults["own"] != details.session, who
        assert await self.call("hosted.guarded") is True

        async def multiply(a, b):
            return a * b

        await self.register(multiply, "python.multiply")
        assert await self.call("hosted.relay", "python.multiply", 6, 7) == 42
        await self.fails("wamp.error.no_such_procedure", "hosted.relay", "python.unknown", 6, 7)

        endless = asyncio.ensure_future(self.call("hosted.endless"))
        await asyncio.sleep(0.5)
        endless.cancel()
        acknowledged = PublishOptions(acknowledge=True)
        await self.publish("python.event", "ä", options=acknowledged)
        await self.publish("python.x.any", "b", options=acknowledged)
        # What was published and canceled before is on its way to the callee before this is.
        assert await self.call("hosted.add", 1, 1) == 2

    async def fails(self, uri, procedure, *args):
        try:
            result = await self.call(procedure, *args)
        except ApplicationError as error:
            assert error.error == uri, error
            return error
        raise AssertionError(f"{procedure}: {result} instead of {uri}")

    def onDisconnect(self):
        asyncio.get_event_loop().stop()


url, codec = sys.argv[1:]
ApplicationRunner(url, "realm1", serializers=[create_transport_serializer(codec)]).run(Caller)
sys.exit(failed)
