"""Logs in with autobahn-python: with_autobahn.py URL CODEC TABLE."""

import sys
from pathlib import Path

from autobahn.asyncio.wamp import ApplicationRunner
from autobahn.wamp.auth import create_authenticator
from autobahn.wamp.serializer import create_transport_serializer

from run import run

sys.path.append(str(Path(__file__).parents[1]))
from autobahn_python import Caller, opened  # noqa: E402

# What autobahn calls the secret of each method.
SECRETS = {"anonymous": None, "ticket": "ticket", "wampcra": "secret", "scram": "password", "cryptosign": "privkey"}


def authenticator(method, secret, authid):
    secrets = {SECRETS[method]: secret} if secret else {}
    return create_authenticator(method, **secrets, **({"authid": authid} if authid else {}))


async def log_in(url, codec, realm, authid, offers):
    def member(config):
        session = Caller(config)
        for method, secret in offers.items():
            session.add_authenticator(authenticator(method, secret, authid))
        return session

    runner = ApplicationRunner(url, realm, serializers=[create_transport_serializer(codec)])
    _, protocol = await runner.run(member, start_loop=False)
    joined = await opened(protocol)
    if not isinstance(joined, Caller):
        return {"aborts": [joined.reason, joined.message]}
    details = joined._session_details
    welcome = {name: getattr(details, name) for name in ("authid", "authrole", "authmethod", "authprovider")}
    user = await joined.call("whoami")
    joined.leave()
    await joined.closed
    return {"joins": welcome, "user": user}


if __name__ == "__main__":
    run(log_in, methods=SECRETS)
