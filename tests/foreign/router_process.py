"""Lets autobahn-python clients log in to the router process: router_process.py URL CODEC.

The backend, whom the configuration knows, decides about all others: it registers the procedures that authenticate users and
authorize what they do. Prints what came out otherwise than expected, and then fails.
"""

import asyncio
import sys

from autobahn.asyncio.wamp import ApplicationRunner, Session
from autobahn.wamp.auth import create_authenticator
from autobahn.wamp.exception import ApplicationError
from autobahn.wamp.serializer import create_transport_serializer
from autobahn.wamp.types import CloseDetails

SECONDS = 20


class Member(Session):
    """A session with credentials, that tells how its attempt to join came out."""

    def __init__(self, config, method, given):
        super().__init__(config)
        self.outcome = asyncio.get_running_loop().create_future()
        self.add_authenticator(create_authenticator(method, **given))

    def on_join(self, details):
        self.outcome.set_result(details)

    def on_leave(self, details):
        if not self.outcome.done():
            self.outcome.set_result(details)
        self.disconnect()


async def log_in(method, **given):
    url, codec = sys.argv[1:]
    members = []

    def make(config):
        members.append(Member(config, method, given))
        return members[0]

    runner = ApplicationRunner(url, "realm1", serializers=[create_transport_serializer(codec)])
    await runner.run(make, start_loop=False)
    while not members:
        await asyncio.sleep(0.01)
    outcome = await members[0].outcome
    if isinstance(outcome, CloseDetails):
        return outcome.reason, members[0]
    return (outcome.authid, outcome.authrole, outcome.authprovider), members[0]


def authenticate(realm, authid, details):
    if authid == "ann" and details["authmethod"] == "ticket" and details["ticket"] == "sesame":
        return "frontend"
    if authid == "cleo" and details["authmethod"] == "wampcra":
        return {"role": "frontend", "secret": "pencil", "authid": "cleopatra"}
    raise ApplicationError("com.example.no_such_user", f"no {authid} in {realm}")


def authorize(session, uri, action):
    return {"allow": action == "call" and uri == f"com.example.of.{session['authid']}", "cache": True, "disclose": True}


async def outcome_of(call):
    try:
        return await call
    except ApplicationError as error:
        return error.error


async def main():
    who, backend = await log_in("wampcra", authid="backend", secret="sesame")
    await backend.register(authenticate, "com.example.authenticate")
    await backend.register(authorize, "com.example.authorize")
    for name in ["ann", "cleopatra"]:
        await backend.register(lambda name=name: name, f"com.example.of.{name}")
    results = [("backend", who, ("backend", "backend", "static"))]
    for name, method, given, expected in [
        ("ann", "ticket", {"ticket": "sesame"}, ("ann", "frontend", "dynamic")),
        ("cleo", "wampcra", {"secret": "pencil"}, ("cleopatra", "frontend", "dynamic")),
        ("ann", "ticket", {"ticket": "sesam"}, "wamp.error.authentication_denied"),
        ("nobody", "wampcra", {"secret": "pencil"}, "wamp.error.authentication_denied"),
        ("sue", "scram", {"password": "pencil"}, ("sue", "guest", "static")),
    ]:
        who, member = await log_in(method, authid=name, **given)
        results.append((f"{name} by {method}", who, expected))
        if who[1:] == ("frontend", "dynamic"):
            for _ in range(2):
                results.append((f"own call of {name}", await outcome_of(member.call(f"com.example.of.{who[0]}")), who[0]))
            other = await outcome_of(member.call("com.example.of.nobody"))
            results.append((f"other call of {name}", other, "wamp.error.not_authorized"))
            asked = await outcome_of(member.call("com.example.authenticate", "realm1", "cleo", {"authmethod": "wampcra"}))
            results.append((f"secrets for {name}", asked, "wamp.error.not_authorized"))
    failures = [result for result in results if result[1] != result[2]]
    for name, got, expected in failures:
        print(f"FAILED {name}\n  expected {expected!r}\n  got      {got!r}")
    print(f"{len(results) - len(failures)} of {len(results)} passed")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(asyncio.wait_for(main(), SECONDS)))
