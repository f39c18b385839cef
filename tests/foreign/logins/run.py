"""Runs a table of logins, as far as a Python client has their methods."""

import asyncio
import json
import sys
from pathlib import Path

LOGIN_SECONDS = 10


def run(log_in, methods, shows=lambda seen: seen):
    """Prints each login that came out otherwise than expected, and ends the process accordingly.

    `log_in(url, codec, realm, authid, offers)` comes to `{"joins": …, "user": …}` or `{"aborts": …}`, of which the
    client shows some: `shows` leaves the rest of the expectation out.
    """
    sys.exit(asyncio.run(all_logins(log_in, methods, shows)))


async def all_logins(log_in, methods, shows):
    url, codec, table = sys.argv[1:]
    table = json.loads(Path(table).read_text(encoding="utf-8"))
    logins = [login for login in table if login["offers"].keys() <= set(methods)]
    failures = 0
    for login in logins:
        realm, authid, offers = login.get("realm", "members"), login.get("authid"), login["offers"]
        try:
            got = await asyncio.wait_for(log_in(url, codec, realm, authid, offers), LOGIN_SECONDS)
        except Exception as error:
            got = error
        expected = shows(expectation(login))
        if got_random_authid(got, expected) or got == expected:
            continue
        failures += 1
        print(f"FAILED {login['name']}\n  expected {expected!r}\n  got      {got!r}")
    print(f"{len(logins) - failures} of {len(logins)} logins passed")
    return 1 if failures or not logins else 0


def expectation(login):
    if "aborts" in login:
        return {"aborts": login["aborts"]}
    # Anonymous clients are no user.
    return {"joins": login["joins"], "user": login["joins"]["authid"]}


def got_random_authid(got, expected):
    """Whether all is as expected, where the server makes the authid up."""
    try:
        joins = got["joins"]
        return bool(joins["authid"]) and {**got, "joins": {**joins, "authid": None}} == expected
    except (KeyError, TypeError):
        return False
