//! How long functions of topics and sessions may take, and how much they may send at once.

use super::*;

/// Notes when a function is given up.
struct Given(Seen, &'static str);

impl Drop for Given {
    fn drop(&mut self) {
        self.0.note(self.1);
    }
}

async fn for_ever(seen: &Seen, what: &'static str) {
    let _given = Given(seen.clone(), what);
    std::future::pending().await
}

#[wamp::subscribe("slow", timeout = "5s")]
async fn slow(seen: Inject<Seen>) {
    for_ever(&seen, "subscribe given up").await;
}

/// Decides in time, and sends later.
#[wamp::subscribe("stream", timeout = "5s")]
async fn stream() -> impl Stream<Item = u32> {
    sleep(Duration::from_secs(4)).await;
    stream::iter(0..2).then(async |number| {
        sleep(Duration::from_secs(60)).await;
        number
    })
}

#[wamp::unsubscribe("stream", timeout = "5s")]
async fn ended(seen: Inject<Seen>) {
    for_ever(&seen, "unsubscribe given up").await;
}

#[wamp::on_join(timeout = "5s")]
async fn joined(session: Session, seen: Inject<Seen>) {
    if session.realm() == "slow" {
        for_ever(&seen, "on_join given up").await;
    }
}

#[wamp::on_leave(timeout = "5s")]
async fn left(seen: Inject<Seen>) {
    for_ever(&seen, "on_leave given up").await;
}

/// As many events of a size as are taken before the subscription is accepted.
#[wamp::subscribe("held.", match = "prefix")]
async fn held(subscription: Subscription, topic: Topic, seen: Inject<Seen>) {
    let octets = topic.rsplit('.').next().unwrap().parse().unwrap();
    // To a pattern, events come with their topics.
    let event = || subscription.send_event(format!("{}.{}", &*topic, "x".repeat(200)), "x".repeat(octets));
    let mut taken = 0;
    while event().is_ok() {
        taken += 1;
    }
    seen.note(taken.to_string());
}

fn world() -> (App, Seen) {
    let seen = Seen::default();
    (App::discover_in(module_path!()).inject(seen.clone()), seen)
}

#[tokio::test(start_paused = true)]
async fn a_subscribe_function_has_its_timeout() {
    for serializer in Serializer::ALL {
        let (app, seen) = world();
        let mut peer = Peer::join(&app, serializer).await;
        peer.send(json!([32, 1, {}, "slow"])).await;
        sleep(Duration::from_millis(4_900)).await;
        assert!(seen.take().await.is_empty(), "{serializer}");
        assert_eq!(peer.receive().await, Some(json!([8, 32, 1, {}, "wamp.error.timeout"])), "{serializer}");
        assert_eq!(seen.take().await, ["subscribe given up"]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_timeout_is_for_deciding_and_not_for_a_stream() {
    let (app, seen) = world();
    let mut peer = Peer::join(&app, Serializer::Json).await;
    assert_eq!(ask(&mut peer, json!([32, 1, {}, "stream"])).await, json!([33, 1, 1]));
    for number in 0..2 {
        assert_eq!(peer.receive().await.unwrap()[4], json!([number]));
    }
    assert_eq!(ask(&mut peer, json!([34, 2, 1])).await, json!([35, 2]));
    sleep(Duration::from_secs(5)).await;
    assert_eq!(seen.take().await, ["unsubscribe given up"]);
}

#[tokio::test(start_paused = true)]
async fn functions_of_sessions_have_theirs() {
    let (app, seen) = world();
    let mut peer = Peer::connect(&app, Serializer::Json);
    assert_eq!(ask(&mut peer, hello("slow")).await, json!([3, {}, "wamp.error.timeout"]));
    assert_eq!(seen.take().await, ["on_join given up"]);
    let peer = Peer::join(&app, Serializer::Json).await;
    drop(peer);
    assert!(seen.take().await.is_empty());
    sleep(Duration::from_secs(5)).await;
    assert_eq!(seen.take().await, ["on_leave given up"]);
}

#[tokio::test(start_paused = true)]
async fn what_is_held_for_a_subscription_does_not_cut_the_session() {
    for serializer in Serializer::ALL {
        for (policy, octets) in
            [("exact", 1), ("prefix", 1), ("prefix", 1_000), ("exact", 100_000), ("prefix", 100_000)]
        {
            let (app, seen) = world();
            let limits = Limits { outbound_bytes: 1024 * 1024, ..Limits::default() };
            let app = app.limits(limits);
            let mut peer = Peer::join(&app, serializer).await;
            let request = json!([32, 1, {"match": policy}, format!("held.{octets}")]);
            assert_eq!(ask(&mut peer, request).await, json!([33, 1, 1]), "{serializer}: {octets} octets");
            let taken: usize = seen.take().await[0].parse().unwrap();
            assert!(
                taken >= 512 * 1024 / (octets + 500),
                "{taken} events of {octets} octets are half of what may wait"
            );
            for number in 0..taken {
                let event = peer.receive().await.unwrap_or_else(|| panic!("cut after {number} of {taken} events"));
                assert_eq!(event[4][0].as_str().unwrap().len(), octets);
            }
            assert_eq!(ask(&mut peer, json!([34, 2, 1])).await, json!([35, 2]), "{serializer}: {octets} octets");
        }
    }
}
