"""Calls, is called, publishes and subscribes with encrypted payloads: payloads.py URL CODEC OWN_KEY,THEIR_PUBLIC_KEY."""

import asyncio
import sys
import traceback

from autobahn.asyncio.wamp import ApplicationRunner, ApplicationSession
from autobahn.wamp.cryptobox import Key, KeyRing
from autobahn.wamp.exception import ApplicationError
from autobahn.wamp.serializer import create_transport_serializer
from autobahn.wamp.types import CallOptions, CallResult, PublishOptions

failed = True


class Caller(ApplicationSession):
    async def onJoin(self, details):
        global failed
        try:
            await asyncio.wait_for(self.judge(), 30)
            failed = False
        except Exception:
            traceback.print_exc()
        self.leave()

    async def judge(self):
        own, theirs = keys.split(",")
        ring = KeyRing()
        # Who calls "rust." and publishes there is this script; who is called at "python." and subscribes there, too.
        ring.set_key("rust.", Key(originator_priv=own, responder_pub=theirs))
        ring.set_key("python.", Key(originator_pub=theirs, responder_priv=own))
        self.set_payload_codec(ring)

        async def half(number):
            if number % 2:
                raise ApplicationError("python.error.odd", number, why="ä")
            return CallResult(number // 2, unit="ä")

        noted = asyncio.get_event_loop().create_future()
        await self.register(half, "python.half")
        await self.subscribe(lambda *args, **kwargs: noted.set_result((args, kwargs)), "python.noted")

        assert await self.call("rust.double", 21) == 42
        assert await self.call("rust.octets", b"\x00\x01\xff") == b"\xff\x01\x00"
        parts = []
        assert await self.call("rust.count", 3, options=CallOptions(on_progress=parts.append)) == "done"
        assert parts == [0, 1, 2], parts
        error = await self.fails("rust.error.too_much", "rust.double", 101)
        assert error.kwargs == {"number": 101}, error

        assert await self.call("rust.relay", 8) == "4 ä"
        error = await self.fails("rust.error.odd", "rust.relay", 7)
        assert (list(error.args), error.kwargs) == ([7], {"why": "ä"}), error

        await self.publish("rust.noted", "ä", number=1, options=PublishOptions(acknowledge=True))
        assert await noted == (("ä", 1), {}), await noted

    async def fails(self, uri, procedure, *args):
        try:
            result = await self.call(procedure, *args)
        except ApplicationError as error:
            assert error.error == uri, error
            return error
        raise AssertionError(f"{procedure}: {result} instead of {uri}")

    def onDisconnect(self):
        asyncio.get_event_loop().stop()


url, codec, keys = sys.argv[1:]
ApplicationRunner(url, "realm1", serializers=[create_transport_serializer(codec)]).run(Caller)
sys.exit(failed)
