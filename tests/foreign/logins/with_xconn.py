"""Logs in with xconn: with_xconn.py URL CODEC TABLE."""

from wampproto.exception import ApplicationError
from xconn import (
    AnonymousAuthenticator,
    AsyncClient,
    CBORSerializer,
    CryptoSignAuthenticator,
    JSONSerializer,
    MsgPackSerializer,
    TicketAuthenticator,
    WAMPCRAAuthenticator,
)

from run import run

SERIALIZERS = {"json": JSONSerializer, "msgpack": MsgPackSerializer, "cbor": CBORSerializer}
AUTHENTICATORS = {
    "anonymous": lambda authid, _: AnonymousAuthenticator(authid),
    "ticket": TicketAuthenticator,
    "wampcra": WAMPCRAAuthenticator,
    "cryptosign": CryptoSignAuthenticator,
}


async def log_in(url, codec, realm, authid, offers):
    [(method, secret)] = offers.items()
    # Without an authid it says that it is "".
    client = AsyncClient(AUTHENTICATORS[method](authid or "", secret), SERIALIZERS[codec]())
    try:
        session = await client.connect(url, realm)
    except ApplicationError as error:
        return {"aborts": [error.message]}
    details = session._base_session.session_details
    user = (await session.call("whoami")).args[0]
    await session.leave()
    return {"joins": {"authid": details.authid, "authrole": details.authrole}, "user": user}


def shows(expected):
    """It keeps but some of WELCOME, and but the reason of ABORT."""
    if "aborts" in expected:
        return {"aborts": expected["aborts"][:1]}
    return {**expected, "joins": {name: expected["joins"][name] for name in ("authid", "authrole")}}


if __name__ == "__main__":
    # It can offer but one method.
    run(log_in, methods=AUTHENTICATORS, can_offer=lambda login: len(login["offers"]) == 1, shows=shows)
