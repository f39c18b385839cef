"""Publishing and subscribing with autobahn-python."""

import asyncio
import json
from pathlib import Path

from autobahn.wamp.exception import ApplicationError
from autobahn.wamp.types import PublishOptions, SubscribeOptions

MANY = list(range(200))
PAYLOADS = [
    (payload.get("args", []), payload.get("kwargs", {}))
    for payload in json.loads(Path(__file__).with_name("events.json").read_text(encoding="utf-8"))
]


class Subscription:
    """A subscription and the events that have come for it: arguments, keyword arguments, details."""

    def __init__(self):
        self.events = asyncio.Queue()
        self.subscription = None

    def push(self, *args, details, **kwargs):
        self.events.put_nowait((list(args), kwargs, details))

    async def next(self):
        return await self.events.get()

    async def first_arguments(self, count):
        return [(await self.next())[0][0] for _ in range(count)]


async def subscribe(session, topic, match=None):
    subscription = Subscription()
    options = SubscribeOptions(match=match, details=True)
    subscription.subscription = await session.subscribe(subscription.push, topic, options)
    return subscription


async def publish(session, topic, *args, options=None, **kwargs):
    """Publishes with an acknowledgement."""
    return await session.publish(topic, *args, options=PublishOptions(acknowledge=True, **(options or {})), **kwargs)


async def refusal(request):
    try:
        await request
    except ApplicationError as error:
        return error.error
    return None


def topic_cases(open_session):
    """Cases of a session and others that `open_session` opens: a name, a coroutine function, what it should come to."""

    async def opened(topic, match=None):
        return await subscribe(await open_session(), topic, match)

    async def in_order(session):
        subscription = await opened("open.unacknowledged")
        for number in MANY:
            session.publish("open.unacknowledged", number)
        return await subscription.first_arguments(len(MANY))

    async def acknowledged_in_order(session):
        subscription = await opened("open.acknowledged")
        await asyncio.gather(*(publish(session, "open.acknowledged", number) for number in MANY))
        return await subscription.first_arguments(len(MANY))

    async def across_topics(session):
        subscription = await opened("open.across.", "prefix")
        for number in MANY:
            session.publish(f"open.across.t{number % 7}", number)
        return await subscription.first_arguments(len(MANY))

    async def shapes(session):
        subscription = await opened("open.shapes")
        for args, kwargs in PAYLOADS:
            await publish(session, "open.shapes", *args, **kwargs)
        return [list((await subscription.next())[:2]) for _ in PAYLOADS]

    async def publication_ids(session):
        subscriptions = [await opened("open.ids"), await opened("open.ids")]
        published = (await publish(session, "open.ids")).id
        details = [(await subscription.next())[2] for subscription in subscriptions]
        return [detail.publication == published for detail in details]

    async def own_events(session):
        subscription = await subscribe(session, "open.own")
        await publish(session, "open.own", "excluded")
        await publish(session, "open.own", "included", options={"exclude_me": False})
        return await subscription.first_arguments(1)

    def pattern(subscribed, match, topics):
        """Which of the topics match; one that does comes last."""

        async def run(session):
            subscription = await opened(subscribed, match)
            for topic in topics:
                await publish(session, topic)
            matching = []
            while topics[-1] not in matching:
                matching.append((await subscription.next())[2].topic)
            return matching

        return run

    async def overlapping(session):
        other = await open_session()
        exact = await subscribe(other, "open.over.a")
        prefix = await subscribe(other, "open.over.", "prefix")
        published = (await publish(session, "open.over.a")).id
        return [(await subscription.next())[2].publication == published for subscription in (exact, prefix)]

    def targeted(topic, options_for):
        """What each of two gets when an event for the first alone is followed by one for both."""

        async def run(session):
            one, other = await open_session(), await open_session()
            subscriptions = [await subscribe(one, topic), await subscribe(other, topic)]
            await publish(session, topic, "one", options=options_for(one._session_id, other._session_id))
            await publish(session, topic, "both")
            got = []
            for subscription in subscriptions:
                texts = []
                while "both" not in texts:
                    texts += await subscription.first_arguments(1)
                got.append(texts)
            return got

        return run

    async def one_subscription(session):
        one, other = await subscribe(session, "open.twice"), await subscribe(session, "open.twice")
        await (await open_session()).publish("open.twice", "once", options=PublishOptions(acknowledge=True))
        same = one.subscription.id == other.subscription.id
        return [same, await one.first_arguments(1), await other.first_arguments(1), one.events.qsize()]

    async def unsubscribed(session):
        other = await open_session()
        subscription, marker = await subscribe(other, "open.ending"), await subscribe(other, "open.marker")
        await publish(session, "open.ending", "before")
        before = await subscription.first_arguments(1)
        await subscription.subscription.unsubscribe()
        await publish(session, "open.ending", "after")
        await publish(session, "open.marker")
        await marker.next()
        return [before, subscription.events.qsize()]

    async def untold(session):
        session.publish("closed.topic", "nobody hears this")
        return await session.call("math.add", 1, 2)

    def refused(topic):
        return lambda session: refusal(publish(session, topic))

    def not_subscribed(topic, match=None):
        return lambda session: refusal(subscribe(session, topic, match))

    for_one, not_for_other = (lambda one, _: {"eligible": [one]}), (lambda _, other: {"exclude": [other]})
    prefixed, wild = ["open.prefix", "open.pr", "open.pre.a"], ["open.w.a.c", "open.w.c", "open.w.b.c"]
    return [
        ("two hundred events in order", in_order, MANY),
        ("two hundred acknowledged events in order", acknowledged_in_order, MANY),
        ("two hundred events in order across topics", across_topics, MANY),
        ("every shape of payload", shapes, [list(payload) for payload in PAYLOADS]),
        ("one publication id for all", publication_ids, [True, True]),
        ("its own events", own_events, ["included"]),
        ("a prefix", pattern("open.pre", "prefix", prefixed), ["open.prefix", "open.pre.a"]),
        ("a wildcard", pattern("open.w..c", "wildcard", wild), ["open.w.a.c", "open.w.b.c"]),
        ("one event for each subscription", overlapping, [True, True]),
        ("only the eligible", targeted("open.eligible", for_one), [["one", "both"], ["both"]]),
        ("nobody is eligible", targeted("open.nobody", lambda *_: {"eligible": []}), [["both"], ["both"]]),
        ("not the excluded", targeted("open.excluded", not_for_other), [["one", "both"], ["both"]]),
        ("one subscription for two", one_subscription, [True, ["once"], ["once"], 0]),
        ("no event after the subscription", unsubscribed, [["before"], 0]),
        ("a topic that nobody opened", refused("closed.topic"), "wamp.error.not_authorized"),
        ("a topic that is only to be read", refused("readable.topic"), "wamp.error.not_authorized"),
        ("a refusal that nobody is told of", untold, 3),
        ("a subscription that no topic is for", not_subscribed("closed.topic"), "wamp.error.invalid_uri"),
        ("a prefix of more than is open", not_subscribed("", "prefix"), "wamp.error.invalid_uri"),
        ("a wildcard of more than is open", not_subscribed(".topic", "wildcard"), "wamp.error.invalid_uri"),
        ("a subscription to what is only to be read", not_subscribed("readable.topic"), None),
    ]


async def speak(session):
    """One half of a test with another client."""
    for args, kwargs in PAYLOADS:
        await publish(session, "open.conversation", *args, **kwargs)
    return True


async def listen(session):
    """The other half."""
    subscription = await subscribe(session, "open.conversation")
    print("listening", flush=True)
    got = [(await subscription.next())[:2] for _ in PAYLOADS]
    if got != PAYLOADS:
        print(f"got {got!r}")
    return got == PAYLOADS
