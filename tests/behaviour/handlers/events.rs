//! The functions of events.

use super::*;

#[wamp::event("sensors.", match = "prefix")]
async fn measured(value: f64, unit: Option<String>, details: EventDetails, session: Session, seen: Inject<Seen>) {
    let publisher = details.publisher().map(|publisher| publisher == session.id());
    seen.note(format!("{} {value} {unit:?} {publisher:?}", details.topic()));
}

#[wamp::event("slow")]
async fn slow(gate: Inject<Gate>, seen: Inject<Seen>) {
    gate.0.acquire().await.unwrap().forget();
    seen.note("slow is done");
}

#[wamp::event("broken")]
async fn broken() {
    panic!("on purpose");
}

#[wamp::event("first")]
async fn first(seen: Inject<Seen>) {
    seen.note("first");
}

#[wamp::event("fir", match = "prefix")]
async fn wider(seen: Inject<Seen>) -> Result<(), RpcError> {
    seen.note("wider");
    Err(RpcError::new("my.error.logged"))
}

fn world(limits: Limits) -> (App, Seen, Gate) {
    let (seen, gate) = (Seen::default(), Gate(Arc::new(Semaphore::new(0))));
    let app = App::discover_in(module_path!()).inject(seen.clone()).inject(gate.clone()).limits(limits);
    (app, seen, gate)
}

#[tokio::test(start_paused = true)]
async fn functions_run_for_what_clients_publish() {
    for serializer in Serializer::ALL {
        let (app, seen, _) = world(Limits::default());
        let (mut publisher, mut subscriber) = (Peer::join(&app, serializer).await, Peer::join(&app, serializer).await);
        assert_eq!(ask(&mut subscriber, json!([32, 1, {}, "sensors.a"])).await[0], 33, "{serializer}");
        let acknowledged = json!({"acknowledge": true});
        assert_eq!(ask(&mut publisher, json!([16, 1, acknowledged, "sensors.a", [1.5]])).await[0], 17);
        assert_eq!(subscriber.receive().await.unwrap()[4], json!([1.5]));
        publisher.send(json!([16, 2, {"disclose_me": true}, "sensors.b", [2], {"unit": "K"}])).await;
        assert_eq!(
            seen.take().await,
            ["sensors.a 1.5 None None", "sensors.b 2 Some(\"K\") Some(true)"],
            "{serializer}"
        );
        // What a function cannot take, its subscribers get all the same.
        assert_eq!(ask(&mut publisher, json!([16, 3, acknowledged, "sensors.a", ["warm"]])).await[0], 17);
        assert_eq!(subscriber.receive().await.unwrap()[4], json!(["warm"]));
        for topic in ["broken", "first"] {
            assert_eq!(ask(&mut publisher, json!([16, 4, acknowledged, topic])).await[0], 17);
        }
        assert_eq!(seen.take().await, ["first", "wider"]);
        assert_eq!(ask(&mut publisher, json!([16, 5, acknowledged, "other"])).await[4], "wamp.error.not_authorized");
    }
}

#[tokio::test(start_paused = true)]
async fn the_program_publishes_to_subscribers_only() {
    let (app, seen, _) = world(Limits::default());
    let mut subscriber = Peer::join(&app, Serializer::Json).await;
    assert_eq!(ask(&mut subscriber, json!([32, 1, {}, "first"])).await[0], 33);
    app.handle().realm("realm1").publish("first", 1).await.unwrap();
    assert_eq!(subscriber.receive().await.unwrap()[4], json!([1]));
    assert_eq!(seen.take().await, [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_function_goes_on_without_its_publisher() {
    let (app, seen, gate) = world(Limits::default());
    let mut publisher = Peer::join(&app, Serializer::Json).await;
    assert_eq!(ask(&mut publisher, json!([16, 1, {"acknowledge": true}, "slow"])).await[0], 17);
    drop(publisher);
    assert_eq!(seen.take().await, [""; 0]);
    gate.0.add_permits(1);
    assert_eq!(seen.take().await, ["slow is done"]);
}

#[tokio::test(start_paused = true)]
async fn calls_in_flight_limit_counts_event_functions() {
    let (app, _, gate) = world(Limits { calls_in_flight: 2, ..Limits::default() });
    let mut publisher = Peer::join(&app, Serializer::Json).await;
    publisher.send(json!([16, 1, {}, "slow"])).await;
    assert_eq!(ask(&mut publisher, json!([16, 2, {"acknowledge": true}, "slow"])).await[0], 17);
    publisher.send(json!([16, 3, {}, "slow"])).await;
    let refused = ask(&mut publisher, json!([16, 4, {"acknowledge": true}, "slow"])).await;
    assert_eq!(
        (&refused[4], &refused[6]["limit"]),
        (&json!("serverwamp.error.limit_exceeded"), &json!("calls_in_flight"))
    );
    let statistics = app.handle().statistics();
    assert_eq!((statistics.refused_publications, statistics.limits["calls_in_flight"]), (2, 2));
    gate.0.add_permits(2);
    sleep(Duration::from_millis(10)).await;
    assert_eq!(ask(&mut publisher, json!([16, 5, {"acknowledge": true}, "slow"])).await[0], 17);
}
