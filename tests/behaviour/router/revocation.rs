//! Subscriptions that the router takes away.

use std::sync::{Arc, Mutex};

use serde_json::json;
use serverwamp::{Inject, MatchPolicy, Subscription, routes, wamp};
use serverwamp_tests::Serializer;

use super::*;

type Kept = Arc<Mutex<Vec<Subscription>>>;

#[wamp::subscribe("kept", manual)]
async fn keep(subscription: Subscription, kept: Inject<Kept>) {
    assert!(!subscription.revoke("too.early"));
    kept.lock().unwrap().push(subscription);
}

#[wamp::unsubscribe("kept", manual)]
async fn forget(subscription: Subscription, kept: Inject<Kept>) {
    kept.lock().unwrap().retain(|other| *other != subscription);
}

#[tokio::test]
async fn the_program_revokes() {
    let revoked = |id: u64, reason: &str| json!([35, 0, {"subscription": id, "reason": reason}]);
    for serializer in Serializer::ALL {
        let kept = Kept::default();
        let app = super::app().routes(routes![keep, forget]).inject(Arc::clone(&kept));
        let realm = app.handle().realm("realm1");
        let features = json!({"subscription_revocation": true});
        let (mut told, _) = join_as(&app, serializer, "realm1", features.clone()).await;
        let (mut other, _) = join_as(&app, serializer, "realm1", features).await;
        let mut untold = join(&app, serializer, "realm1").await;
        for peer in [&mut told, &mut other, &mut untold] {
            assert_eq!(subscribe(peer, 1, "kept", json!({})).await, 1);
            assert_eq!(subscribe(peer, 2, "a", json!({"match": "prefix"})).await, 2);
        }
        // One of them, by the subscription that a function has kept; what was sent before comes before.
        realm.publish("kept", "before");
        let subscription = kept.lock().unwrap()[0].clone();
        assert!(subscription.revoke("my.reason"));
        assert!(!subscription.revoke("my.reason") && subscription.is_closed());
        realm.publish("kept", "after");
        assert_eq!(told.receive().await.unwrap()[4], json!(["before"]), "{serializer}");
        assert_eq!(told.receive().await, Some(revoked(1, "my.reason")), "{serializer}");
        assert_nothing_else(&mut told, 3).await;
        for text in ["before", "after"] {
            assert_eq!(other.receive().await.unwrap()[4], json!([text]), "{serializer}");
            assert_eq!(untold.receive().await.unwrap()[4], json!([text]), "{serializer}");
        }
        let error = ask(&mut told, json!([34, 4, 1])).await;
        assert_eq!(error[4], "wamp.error.no_such_subscription", "{serializer}");
        assert_eq!(kept.lock().unwrap().len(), 2, "the function for its end has run");
        // Whoever subscribes again is told in that order.
        let subscription = kept
            .lock()
            .unwrap()
            .iter()
            .find(|it| it.session().announces("subscriber", "subscription_revocation"))
            .unwrap()
            .clone();
        other.send(json!([48, 5, {}, "alive"])).await;
        assert!(subscription.revoke("no URI"));
        other.send(json!([32, 6, {}, "kept"])).await;
        let mut messages = Vec::new();
        for _ in 0..3 {
            messages.push(other.receive().await.unwrap());
        }
        let place =
            |wanted: &Value| messages.iter().position(|it| it == wanted).unwrap_or_else(|| panic!("{messages:?}"));
        assert!(place(&revoked(1, "wamp.close.normal")) < place(&json!([33, 6, 1])), "{messages:?}");
        // All of one pattern.
        assert_eq!(realm.revoke("a", MatchPolicy::Exact, "my.reason"), 0);
        assert_eq!(realm.revoke("a", MatchPolicy::Prefix, "my.reason"), 3);
        assert_eq!(told.receive().await, Some(revoked(2, "my.reason")));
        assert_eq!(other.receive().await, Some(revoked(2, "my.reason")));
        realm.publish("a.b", "x");
        for peer in [&mut told, &mut other, &mut untold] {
            assert_nothing_else(peer, 7).await;
        }
    }
}
