"""What a router has besides, with autobahn-python.

A subscription is not revoked here: autobahn announces `subscription_revocation`, but takes the router's UNSUBSCRIBED for a
violation of the protocol.
"""

import asyncio

from autobahn.wamp.exception import ApplicationError
from autobahn.wamp.types import PublishOptions, SubscribeOptions

import topics


async def retain(session, topic, *args, **options):
    options = PublishOptions(acknowledge=True, retain=True, **options)
    return await session.publish(topic, *args, options=options)


async def subscribe(session, topic, match=None, get_retained=None):
    subscription = topics.Subscription()
    options = SubscribeOptions(match=match, details=True, get_retained=get_retained)
    subscription.subscription = await session.subscribe(subscription.push, topic, options)
    return subscription


async def refusal(request):
    try:
        await request
    except ApplicationError as error:
        return error.error
    return None


def router_cases(open_session):
    """Cases of a session and others that `open_session` opens: a name, a coroutine function, what it should come to."""

    async def retained(session):
        await retain(session, "retained.a", "old")
        await retain(session, "retained.a", "new", exclude_authrole=["nobody"])
        late = await subscribe(await open_session(), "retained.a", get_retained=True)
        args, _, details = await late.next()
        return args, details.retained

    async def retained_for_a_pattern(session):
        for number in range(3):
            await retain(session, f"retained.many.{number}", number)
        late = await subscribe(await open_session(), "retained.many.", "prefix", get_retained=True)
        return [(args[0], details.topic) for args, _, details in [await late.next() for _ in range(3)]]

    async def testament(session):
        listener = await subscribe(session, "testament.a")
        other = await open_session()
        await other.call("wamp.session.add_testament", "testament.a", ["bye", 7], {"key": "value"})
        other.leave()
        args, kwargs, _ = await listener.next()
        return args, kwargs

    async def flushed_testament(session):
        listener = await subscribe(session, "testament.b")
        other = await open_session()
        await other.call("wamp.session.add_testament", "testament.b", ["first"], {})
        await other.call("wamp.session.flush_testaments")
        await other.call("wamp.session.add_testament", "testament.b", ["second"], {}, scope="detached")
        other.leave()
        args, _, _ = await listener.next()
        return args

    async def sessions(session):
        other = await open_session()
        ids = await session.call("wamp.session.list")
        details = await session.call("wamp.session.get", other._session_id)
        count = await session.call("wamp.session.count")
        return other._session_id in ids, details["authrole"], count == len(ids)

    async def comings_and_goings(session):
        joined = await subscribe(session, "wamp.session.on_join")
        left = await subscribe(session, "wamp.session.on_leave")
        other = await open_session()
        (details,), _, _ = await joined.next()
        number = other._session_id
        other.leave()
        (who, _, role), _, _ = await left.next()
        for subscription in (joined, left):
            await subscription.subscription.unsubscribe()
        return details["session"] == number, who == number, role

    async def killed(session):
        other = await open_session()
        await session.call("wamp.session.kill", other._session_id, reason="my.reason", message="out")
        left = await asyncio.wait_for(other.left, 5)
        own = await refusal(session.call("wamp.session.kill", session._session_id))
        return left.reason, left.message, own

    async def subscriptions(session):
        subscription = await subscribe(session, "meta.a.", "prefix")
        number = subscription.subscription.id
        details = await session.call("wamp.subscription.get", number)
        return (
            await session.call("wamp.subscription.lookup", "meta.a.", {"match": "prefix"}) == number,
            number in await session.call("wamp.subscription.match", "meta.a.b"),
            await session.call("wamp.subscription.list_subscribers", number) == [session._session_id],
            await session.call("wamp.subscription.count_subscribers", number),
            (details["uri"], details["match"]),
            await session.call("wamp.subscription.lookup", "nobody"),
        )

    async def history(session):
        ids = []
        for number in range(3):
            publication = await session.publish("history.a", number, options=PublishOptions(acknowledge=True))
            ids.append(publication.id)
        number = await session.call("wamp.subscription.lookup", "history.", {"match": "prefix"})
        other = await open_session()

        async def told(**filters):
            events = await other.call("wamp.subscription.get_events", number, **filters)
            return [event["args"][0] for event in events]

        return [
            await told(),
            await told(limit=2, reverse=True),
            await told(after_publication=ids[0]),
            await told(topic="history.b"),
            await told(before_time="2001-01-01T00:00:00Z"),
        ]

    return [
        ("an event that was retained", retained, (["new"], True)),
        (
            "retained events for a pattern",
            retained_for_a_pattern,
            [(number, f"retained.many.{number}") for number in range(3)],
        ),
        ("a testament", testament, (["bye", 7], {"key": "value"})),
        ("a testament that was flushed", flushed_testament, ["second"]),
        ("who is there", sessions, (True, "anonymous", True)),
        ("who comes and goes", comings_and_goings, (True, True, "anonymous")),
        ("a session that is killed", killed, ("my.reason", "out", "wamp.error.no_such_session")),
        ("who listens", subscriptions, (True, True, True, 1, ("meta.a.", "prefix"), None)),
        ("events of the past", history, [[0, 1, 2], [2, 1], [1, 2], [], []]),
    ]
