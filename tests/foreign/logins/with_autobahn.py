"""Logs in with autobahn-python: with_autobahn.py URL CODEC TABLE."""

import asyncio

from autobahn.asyncio.wamp import ApplicationRunner, Session
from autobahn.wamp.auth import create_authenticator
from autobahn.wamp.serializer import create_transport_serializer
from autobahn.wamp.types import CloseDetails

from run import run

# What autobahn calls the secret of each method.
SECRETS = {"anonymous": None, "ticket": "ticket", "wampcra": "secret", "scram": "password", "cryptosign": "privkey"}


class Member(Session):
    """A session with credentials, that tells how its attempt to join came out."""

    def __init__(self, config, authid, offers):
        super().__init__(config)
        self.outcome, self.closed = (asyncio.get_running_loop().create_future() for _ in range(2))
        for method, secret in offers.items():
            known = {"authid": authid, SECRETS[method]: secret}
            given = {name: value for name, value in known.items() if value is not None}
            self.add_authenticator(create_authenticator(method, **given))

    def on_join(self, details):
        self.outcome.set_result(details)

    def on_leave(self, details):
        if not self.outcome.done():
            self.outcome.set_result(details)
        self.disconnect()

    def on_disconnect(self):
        self.closed.set_result(None)


async def log_in(url, codec, realm, authid, offers):
    members = []

    def make(config):
        members.append(Member(config, authid, offers))
        return members[0]

    runner = ApplicationRunner(url, realm, serializers=[create_transport_serializer(codec)])
    await runner.run(make, start_loop=False)
    while not members:
        await asyncio.sleep(0.01)
    [member] = members
    outcome = await member.outcome
    if isinstance(outcome, CloseDetails):
        return {"aborts": [outcome.reason, outcome.message]}
    welcome = {name: getattr(outcome, name) for name in ("authid", "authrole", "authmethod", "authprovider")}
    user = await member.call("whoami")
    member.leave()
    await member.closed
    return {"joins": welcome, "user": user}


if __name__ == "__main__":
    run(log_in, methods=SECRETS)
