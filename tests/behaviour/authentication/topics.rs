//! What functions of topics and sessions are told of who a client is, and which events it gets for that.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use serverwamp::{App, Authenticated, Identity, Inject, MaybeIdentity, Realm, Session, wamp};
use serverwamp_tests::login::{authenticate, login};
use serverwamp_tests::{Peer, Serializer};
use tokio::time::sleep;

struct Customer(u64);

struct Clerk;

#[derive(Clone, Default)]
struct Seen(Arc<Mutex<Vec<String>>>);

impl Seen {
    fn note(&self, what: &str, customer: &Customer, clerk: &MaybeIdentity<Clerk>) {
        let clerk = if clerk.get().is_some() { " and a clerk" } else { "" };
        self.0.lock().unwrap().push(format!("{what} by {}{clerk}", customer.0));
    }

    /// What was seen since this was last asked, once all that runs has had its turn.
    async fn take(&self) -> Vec<String> {
        sleep(Duration::from_millis(10)).await;
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

#[wamp::on_join(realm = "realm1")]
async fn joined(customer: MaybeIdentity<Customer>, clerk: MaybeIdentity<Clerk>, seen: Inject<Seen>) {
    seen.note("joined", customer.get().unwrap_or(&Customer(0)), &clerk);
}

/// Others may not join the realm.
#[wamp::on_join(realm = "customers")]
async fn let_in(_customer: Identity<Customer>) {}

#[wamp::on_leave]
async fn left(customer: Identity<Customer>, clerk: MaybeIdentity<Clerk>, seen: Inject<Seen>) {
    seen.note("left", &customer, &clerk);
}

#[wamp::subscribe("orders")]
async fn subscribed(customer: Identity<Customer>, clerk: MaybeIdentity<Clerk>, seen: Inject<Seen>) {
    seen.note("subscribed", &customer, &clerk);
}

#[wamp::unsubscribe("orders")]
async fn unsubscribed(customer: Identity<Customer>, clerk: MaybeIdentity<Clerk>, seen: Inject<Seen>) {
    seen.note("unsubscribed", &customer, &clerk);
}

#[wamp::event("orders")]
async fn ordered(item: String, customer: Identity<Customer>, clerk: MaybeIdentity<Clerk>, seen: Inject<Seen>) {
    seen.note(&item, &customer, &clerk);
}

async fn by_ticket(_: Session, ticket: String) -> Option<Authenticated> {
    match ticket.as_str() {
        "customer" => Some(Authenticated::new(Customer(7))),
        "clerk" => Some(Authenticated::new(Clerk)),
        _ => None,
    }
}

fn app(seen: &Seen) -> App {
    let realm = |name| Realm::new(name).ticket_authenticator(by_ticket);
    App::discover_in(module_path!()).inject(seen.clone()).realm(realm("realm1")).realm(realm("customers"))
}

fn details() -> Value {
    json!({"authmethods": ["ticket"], "authid": "joe"})
}

async fn ask(peer: &mut Peer, request: Value) -> Value {
    peer.send(request).await;
    peer.receive().await.expect("an answer")
}

#[tokio::test(start_paused = true)]
async fn functions_are_given_the_identity() {
    for serializer in Serializer::ALL {
        let seen = Seen::default();
        let (_, mut peer) = login(&app(&seen), serializer, &details(), |_, _| authenticate("customer")).await;
        assert_eq!(ask(&mut peer, json!([32, 1, {}, "orders"])).await, json!([33, 1, 1]), "{serializer}");
        assert_eq!(ask(&mut peer, json!([16, 2, {"acknowledge": true}, "orders", ["book"]])).await[0], 17);
        assert_eq!(ask(&mut peer, json!([34, 3, 1])).await, json!([35, 3]));
        assert_eq!(seen.take().await, ["joined by 7", "subscribed by 7", "book by 7", "unsubscribed by 7"]);
        assert_eq!(ask(&mut peer, json!([32, 4, {}, "orders"])).await[0], 33);
        drop(peer);
        assert_eq!(seen.take().await, ["subscribed by 7", "unsubscribed by 7", "left by 7"], "{serializer}");
    }
}

#[tokio::test(start_paused = true)]
async fn functions_that_need_another_identity_do_not_run() {
    for serializer in Serializer::ALL {
        let seen = Seen::default();
        let app = app(&seen);
        let (_, mut customer) = login(&app, serializer, &details(), |_, _| authenticate("customer")).await;
        assert_eq!(ask(&mut customer, json!([32, 1, {}, "orders"])).await[0], 33);
        seen.take().await;
        let (_, mut clerk) = login(&app, serializer, &details(), |_, _| authenticate("clerk")).await;
        assert_eq!(ask(&mut clerk, json!([32, 1, {}, "orders"])).await[4], "wamp.error.not_authorized", "{serializer}");
        // The function does not decide who may publish.
        assert_eq!(ask(&mut clerk, json!([16, 2, {"acknowledge": true}, "orders", ["book"]])).await[0], 17);
        assert_eq!(customer.receive().await.unwrap()[4], json!(["book"]));
        drop(clerk);
        assert_eq!(seen.take().await, ["joined by 0 and a clerk"], "{serializer}");
        let mut clerk = Peer::connect(&app, serializer);
        assert_eq!(ask(&mut clerk, serverwamp_tests::login::hello("customers", &details())).await[0], 4);
        assert_eq!(ask(&mut clerk, authenticate("clerk")).await[2], "wamp.error.not_authorized", "{serializer}");
    }
}

/// Who is who is what the authenticator says, for audiences too.
#[tokio::test]
async fn audiences_by_authid_and_role() {
    for serializer in Serializer::ALL {
        let app = App::new().open_topics("chat.").ticket_authenticator(async |_: Session, ticket: String| {
            let (authid, role) = ticket.split_once(' ')?;
            Some(Authenticated::new(()).authid(authid).role(role))
        });
        let mut peers = Vec::new();
        // What HELLO claims is another authid and role for all of them.
        let claimed = json!({"authmethods": ["ticket"], "authid": "eve", "authrole": "root"});
        for ticket in ["joe admin", "amy staff", "joe staff", "bob guest"] {
            let (welcome, mut peer) = login(&app, serializer, &claimed, |_, _| authenticate(ticket)).await;
            assert_eq!(welcome[0], 2, "{serializer}");
            assert_eq!(ask(&mut peer, json!([32, 1, {}, "chat.a"])).await[0], 33);
            peers.push(peer);
        }
        let cases: [(Value, &[usize]); 11] = [
            (json!({}), &[0, 1, 2, 3]),
            (json!({"exclude_authid": ["joe"]}), &[1, 3]),
            (json!({"exclude_authid": ["eve"]}), &[0, 1, 2, 3]),
            (json!({"exclude_authrole": ["staff", "guest"]}), &[0]),
            (json!({"exclude_authrole": ["root", "authenticated", "anonymous"]}), &[0, 1, 2, 3]),
            (json!({"eligible_authid": ["joe"]}), &[0, 2]),
            (json!({"eligible_authid": ["eve"]}), &[]),
            (json!({"eligible_authrole": ["staff"]}), &[1, 2]),
            (json!({"eligible_authrole": ["root"]}), &[]),
            (json!({"eligible_authid": ["joe"], "eligible_authrole": ["staff"]}), &[2]),
            (json!({"eligible_authid": ["joe"], "exclude_authrole": ["staff"]}), &[0]),
        ];
        for (request, (mut options, expected)) in (2..).zip(cases) {
            options["exclude_me"] = json!(false);
            peers[0].send(json!([16, request, options, "chat.a", [request]])).await;
            // Everybody gets what follows, and so shows what it did not get before.
            peers[0].send(json!([16, 100, {"exclude_me": false}, "chat.a", ["end"]])).await;
            for (index, peer) in peers.iter_mut().enumerate() {
                let mut events = vec![];
                while events.last() != Some(&json!(["end"])) {
                    events.push(peer.receive().await.unwrap()[4].clone());
                }
                assert_eq!(
                    events.contains(&json!([request])),
                    expected.contains(&index),
                    "{serializer} {options} {index}"
                );
            }
        }
    }
}
