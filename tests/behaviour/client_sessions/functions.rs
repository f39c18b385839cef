//! Functions that a client registers and subscribes at run time.

use std::future::IntoFuture;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::json;
use serverwamp::{Call, Client, InvokePolicy, Progress, Request, RpcError, RpcResult, Session};
use serverwamp_tests::{RouterPeer, Serializer};

use super::client;

/// Answers a REGISTER, whose id it also gives to the registration.
async fn grant(peer: &mut RouterPeer, id: u64, options: serde_json::Value) {
    let request = peer.expect(json!([64, id, options, "…"])).await;
    peer.send(json!([65, request[1], id])).await;
}

#[tokio::test(start_paused = true)]
async fn closures_take_what_annotated_functions_take() {
    for serializer in Serializer::ALL {
        let (client, mut peer, _router) = client(serializer).await;
        macro_rules! register {
            ($id:literal, $function:expr) => {{
                let (registration, ()) = tokio::join!(
                    client.register(format!("p{}", $id), $function).into_future(),
                    grant(&mut peer, $id, json!({}))
                );
                registration.unwrap().keep();
            }};
        }
        register!(1, || async { 7 });
        register!(2, |a: i64, b: Option<i64>| async move { (a, b) });
        register!(3, |text: String| async move {
            if text.is_empty() { Err(RpcError::new("my.empty")) } else { Ok(text.len()) }
        });
        register!(4, |to: u32, progress: Progress<u32>| async move {
            for number in 0..to {
                progress.send(number).await.unwrap();
            }
        });
        register!(5, |session: Session, request: Request, client: Client| async move {
            (session.id().get(), request.uri().to_string(), client.is_connected())
        });
        register!(6, |call: Call| async move {
            let request = call.request();
            request.args().iter().fold(RpcResult::new().kwarg("uri", call.uri()), RpcResult::arg)
        });
        register!(7, |call: Call| async move { Err::<(), _>(RpcError::new("my.error").arg(call.id())) });
        let progress = json!({"receive_progress": true});
        for (invocation, answers) in [
            (json!([1, {}]), json!([[70, {}, [7]]])),
            (json!([1, {}, [1]]), json!([[8, {}, "wamp.error.invalid_argument", [], "…"]])),
            (json!([2, {}, [1]]), json!([[70, {}, [1, null]]])),
            (json!([2, {}, [1, 2]]), json!([[70, {}, [1, 2]]])),
            (json!([2, {}]), json!([[8, {}, "wamp.error.invalid_argument", [], "…"]])),
            (json!([3, {}, ["abc"]]), json!([[70, {}, [3]]])),
            (json!([3, {}, [""]]), json!([[8, {}, "my.empty"]])),
            (json!([4, progress, [1]]), json!([[70, {"progress": true}, [0]], [70, {}]])),
            (json!([5, {}]), json!([[70, {}, [7, "p5", true]]])),
            (json!([6, {}, [1, "b"]]), json!([[70, {}, [1, "b"], {"uri": "p6"}]])),
            (json!([7, {}]), json!([[8, {}, "my.error", ["…"]]])),
        ] {
            let id = peer.next_id();
            let mut message = vec![json!(68), json!(id)];
            message.extend(invocation.as_array().unwrap().iter().cloned());
            peer.send(json!(message)).await;
            for answer in answers.as_array().unwrap() {
                let mut answer = answer.as_array().unwrap().clone();
                match answer[0] == 8 {
                    true => answer.splice(1..1, [json!(68), json!(id)]).for_each(drop),
                    false => answer.insert(1, json!(id)),
                }
                let got = peer.receive().await.unwrap();
                for (got, wanted) in got.as_array().unwrap().iter().zip(&answer) {
                    assert!(wanted == "…" || wanted == &json!(["…"]) || got == wanted, "{serializer}: {got} {wanted}");
                }
                assert_eq!(got.as_array().unwrap().len(), answer.len(), "{got}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn registrations_end() {
    let (client, mut peer, _router) = client(Serializer::Json).await;
    let shared = client.register("a", || async {}).invoke(InvokePolicy::RoundRobin).concurrency(2);
    let shared = shared.force_reregister(true).disclose_caller(true).into_future();
    let options = json!({"invoke": "roundrobin", "concurrency": 2, "force_reregister": true, "disclose_caller": true});
    let (one, ()) = tokio::join!(shared, grant(&mut peer, 1, options));
    let prefix = client.register("b.", || async {}).prefix().into_future();
    let (other, ()) = tokio::join!(prefix, grant(&mut peer, 2, json!({"match": "prefix"})));
    let (third, ()) = tokio::join!(client.register("c", || async {}).into_future(), grant(&mut peer, 3, json!({})));
    let (one, other, third) = (one.unwrap(), other.unwrap(), third.unwrap());
    assert_eq!((one.id().get(), one.procedure(), other.procedure()), (1, "a", "b."));
    let (withdrawn, ()) = tokio::join!(one.unregister(), async {
        peer.expect(json!([66, 4, 1])).await;
        peer.send(json!([67, 4])).await;
    });
    assert_eq!(withdrawn, Ok(()));
    drop(other);
    peer.expect(json!([66, 5, 2])).await;
    assert!(third.is_active());
    peer.send(json!([67, 0, {"registration": 3, "reason": "gone"}])).await;
    third.ended().await;
    assert!(!third.is_active());
    drop(third);
    assert!(peer.is_silent_for(Duration::from_secs(5)).await, "what has ended need not be withdrawn");

    let (refused, ()) = tokio::join!(client.register("d", || async {}).into_future(), async {
        peer.expect(json!([64, 6, {}, "d"])).await;
        peer.send(json!([8, 64, 6, {}, "wamp.error.procedure_already_exists"])).await;
    });
    assert_eq!(refused.unwrap_err().uri(), Some("wamp.error.procedure_already_exists"));
}

#[tokio::test(start_paused = true)]
async fn functions_for_events() {
    let (client, mut peer, _router) = client(Serializer::Json).await;
    let seen = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&seen);
    let subscribe = client.subscribe("topic").get_retained(true).each(move |event| {
        let log = Arc::clone(&log);
        async move {
            let number: u32 = event.arg(0).unwrap();
            assert_ne!(number, 1, "on purpose");
            log.lock().unwrap().push(number);
        }
    });
    let (listener, ()) = tokio::join!(subscribe, async {
        peer.expect(json!([32, 1, {"get_retained": true}, "topic"])).await;
        peer.send(json!([33, 1, 20])).await;
    });
    let listener = listener.unwrap();
    for number in 0..3 {
        peer.send(json!([36, 20, number + 1, {}, [number]])).await;
    }
    let (unsubscribed, ()) = tokio::join!(
        async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            listener.unsubscribe().await
        },
        async {
            peer.expect(json!([34, 2, 20])).await;
            peer.send(json!([35, 2])).await;
        }
    );
    assert_eq!(unsubscribed, Ok(()));
    assert_eq!(*seen.lock().unwrap(), [0, 2], "a panic costs one event");
}

#[tokio::test(start_paused = true)]
async fn a_subscription_that_the_router_ends_is_over() {
    let (client, mut peer, _router) = client(Serializer::Json).await;
    let (subscription, ()) = tokio::join!(client.subscribe("topic").into_future(), async {
        peer.receive().await.unwrap();
        peer.send(json!([33, 1, 20])).await;
    });
    let mut subscription = subscription.unwrap();
    peer.send(json!([36, 20, 1, {}, [1]])).await;
    peer.send(json!([35, 0, {"subscription": 20, "reason": "gone"}])).await;
    assert!(subscription.next().await.is_some());
    assert!(subscription.next().await.is_none());
}
