"""Runs a table of logins, as far as a Python client has their methods."""

import asyncio
import json
import sys
from pathlib import Path

LOGIN_SECONDS = 10


def run(log_in, methods, can_offer=lambda login: True, shows=lambda seen: seen):
    """Prints each login that came out otherwise than expected, and ends the process accordingly.

    `log_in(url, codec, realm, authid, offers)` comes to `{"joins": …, "user": …}` or `{"aborts": …}`, of which the
    client shows some: `shows` leaves the rest of the expectation out. What it cannot say is left out: `can_offer` tells.
    """
    sys.exit(asyncio.run(all_logins(log_in, methods, can_offer, shows)))


async def all_logins(log_in, methods, can_offer, shows):
    url, codec, table = sys.argv[1:]
    table = json.loads(Path(table).read_text(encoding="utf-8"))
    logins = [login for login in table if login["offers"].keys() <= set(methods) and can_offer(login)]
    failures = 0
    for login in logins:
        try:
            got = await asyncio.wait_for(outcome(log_in, url, codec, login), LOGIN_SECONDS)
        except Exception as error:
            got = error
        expected = shows(expectation(login))
        if got != expected:
            failures += 1
            print(f"FAILED {login['name']}\n  expected {expected!r}\n  got      {got!r}")
    print(f"{len(logins) - failures} of {len(logins)} logins passed")
    return 1 if failures or not logins else 0


async def outcome(log_in, url, codec, login):
    got = await log_in(url, codec, login.get("realm", "members"), login.get("authid"), login["offers"])
    # Where the server makes the authid up, any will do.
    if "joins" in got and "joins" in login and login["joins"]["authid"] is None and got["joins"]["authid"]:
        got["joins"]["authid"] = None
    return got


def expectation(login):
    if "aborts" in login:
        return {"aborts": login["aborts"]}
    return {"joins": login["joins"], "user": login["joins"]["authid"] or "nobody"}
