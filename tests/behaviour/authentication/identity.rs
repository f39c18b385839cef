//! What handlers are told of who a client is.

use serde_json::json;
use serverwamp::{App, Authenticated, Identity, MaybeIdentity, Session, wamp};
use serverwamp_tests::Serializer;
use serverwamp_tests::login::{authenticate, login};

struct Customer {
    number: u64,
}

struct Clerk;

#[wamp::rpc]
async fn number(customer: Identity<Customer>) -> u64 {
    customer.number
}

#[wamp::rpc]
async fn perhaps(customer: MaybeIdentity<Customer>, more: u64) -> (Option<u64>, u64) {
    (customer.get().map(|customer| customer.number), more)
}

#[wamp::rpc]
async fn who(session: Session) -> Vec<String> {
    let number = session.identity::<Customer>().map(|customer| customer.number.to_string()).unwrap_or_default();
    let names = [session.authid(), session.authrole(), session.authmethod(), session.authprovider(), &number];
    names.map(str::to_owned).into()
}

fn app() -> App {
    App::discover_in(module_path!()).allow_anonymous("guest").ticket_authenticator(
        async |_: Session, ticket: String| match ticket.as_str() {
            "customer" => Some(Authenticated::new(Customer { number: 7 }).role("customer")),
            "clerk" => Some(Authenticated::new(Clerk)),
            _ => None,
        },
    )
}

#[tokio::test]
async fn handlers_are_given_the_identity() {
    let refused = |request| {
        let message = "this client has no identity of that kind";
        json!([8, 48, request, {}, "wamp.error.not_authorized", [], {"message": message}])
    };
    for serializer in Serializer::ALL {
        for (ticket, number, perhaps, who) in [
            ("customer", json!([50, 1, {}, [7]]), json!(7), json!(["joe", "customer", "ticket", "dynamic", "7"])),
            ("clerk", refused(1), json!(null), json!(["joe", "authenticated", "ticket", "dynamic", ""])),
        ] {
            let details = json!({"authmethods": ["ticket"], "authid": "joe"});
            let (welcome, mut peer) = login(&app(), serializer, &details, |_, _| authenticate(ticket)).await;
            assert_eq!(welcome[0], 2);
            peer.send(json!([48, 1, {}, "number"])).await;
            assert_eq!(peer.receive().await, Some(number), "{serializer}: {ticket}");
            peer.send(json!([48, 2, {}, "perhaps", [5]])).await;
            assert_eq!(peer.receive().await, Some(json!([50, 2, {}, [perhaps, 5]])), "{serializer}: {ticket}");
            peer.send(json!([48, 3, {}, "who"])).await;
            assert_eq!(peer.receive().await, Some(json!([50, 3, {}, who])), "{serializer}: {ticket}");
        }
        let (welcome, mut peer) = login(&app(), serializer, &json!({}), super::unasked).await;
        assert_eq!((&welcome[2]["authrole"], &welcome[2]["authmethod"]), (&json!("guest"), &json!("anonymous")));
        peer.send(json!([48, 1, {}, "number"])).await;
        assert_eq!(peer.receive().await, Some(refused(1)));
        // Nobody can give an identity as an argument.
        peer.send(json!([48, 2, {}, "number", [{"number": 7}]])).await;
        assert_eq!(peer.receive().await.unwrap()[4], "wamp.error.invalid_argument");
    }
}

/// An annotated function stays a function.
#[tokio::test]
async fn functions_are_called_with_an_identity() {
    assert_eq!(number(Customer { number: 3 }.into()).await, 3);
    assert_eq!(perhaps(None.into(), 1).await, (None, 1));
}
