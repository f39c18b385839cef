//! What clients are told of each other.

use super::*;

pub(super) async fn play(scene: &mut Scene) {
    sessions(scene).await;
    comings_and_goings(scene).await;
    subscriptions(scene).await;
    registrations(scene).await;
}

async fn sessions(scene: &mut Scene) {
    for player in ALL {
        let name = scene.name(player);
        let count = scene.call(player, "wamp.session.count", json!([])).await;
        scene.is(format!("{name} counts the sessions"), count["args"].clone(), json!([ALL.len()]));
        let list = scene.call(player, "wamp.session.list", json!([])).await;
        let listed = ALL.iter().filter(|other| has(&list["args"][0], &json!(scene.session(**other)))).count();
        scene.is(format!("{name} lists the sessions"), json!(listed), json!(ALL.len()));
        let other = json!([scene.session((player + 1) % ALL.len())]);
        let details = scene.call(player, "wamp.session.get", other.clone()).await;
        let (session, role) = (&details["args"][0]["session"], &details["args"][0]["authrole"]);
        scene.is(format!("{name} looks at a session"), json!([session, role]), json!([other[0], "guest"]));
        let unknown = scene.call(player, "wamp.session.get", json!([123])).await;
        scene.is(
            format!("{name} asks for a session that is not there"),
            unknown["error"].clone(),
            json!("wamp.error.no_such_session"),
        );
    }
}

fn has(list: &Value, item: &Value) -> bool {
    list.as_array().is_some_and(|list| list.contains(item))
}

async fn comings_and_goings(scene: &mut Scene) {
    for player in ALL {
        scene.subscribe(player, "wamp.session.on_join", json!({})).await;
        scene.subscribe(player, "wamp.session.on_leave", json!({})).await;
    }
    let other = scene.double(AUTOBAHN).await;
    let session = other.session;
    for player in ALL {
        let events = scene.events(player, "wamp.session.on_join", 1).await;
        let told = [&first(&events)["args"][0]["session"], &first(&events)["args"][0]["authrole"]];
        scene.is(format!("{} is told who joins", scene.name(player)), json!(told), json!([session, "guest"]));
    }
    let killed =
        json!({"do": "call", "uri": "wamp.session.kill", "args": [session], "kwargs": {"reason": "my.reason"}});
    scene.please(JS, killed).await;
    for player in ALL {
        let events = scene.events(player, "wamp.session.on_leave", 1).await;
        scene.is(
            format!("{} is told who leaves", scene.name(player)),
            first(&events)["args"][0].clone(),
            json!(session),
        );
    }
    drop(other);
}

async fn subscriptions(scene: &mut Scene) {
    let id = scene.subscribe(JS, "meta.topic", json!({"match": "prefix"})).await;
    scene.subscribe(WAMPY, "meta.topic", json!({"match": "prefix"})).await;
    for player in ALL {
        let name = scene.name(player);
        let found = scene.call(player, "wamp.subscription.lookup", json!(["meta.topic", {"match": "prefix"}])).await;
        scene.is(format!("{name} looks up a subscription"), found["args"].clone(), json!([id]));
        let matching = scene.call(player, "wamp.subscription.match", json!(["meta.topic.a"])).await;
        scene.is(format!("{name} asks who would hear"), json!(has(&matching["args"][0], &id)), json!(true));
        let count = scene.call(player, "wamp.subscription.count_subscribers", json!([id])).await;
        scene.is(format!("{name} counts subscribers"), count["args"].clone(), json!([2]));
        let subscribers = scene.call(player, "wamp.subscription.list_subscribers", json!([id])).await;
        let are_listed = [JS, WAMPY].iter().all(|one| has(&subscribers["args"][0], &json!(scene.session(*one))));
        scene.is(format!("{name} lists subscribers"), json!(are_listed), json!(true));
        let details = scene.call(player, "wamp.subscription.get", json!([id])).await;
        let (uri, policy) = (&details["args"][0]["uri"], &details["args"][0]["match"]);
        scene.is(format!("{name} looks at a subscription"), json!([uri, policy]), json!(["meta.topic", "prefix"]));
        let unknown = scene.call(player, "wamp.subscription.get", json!([123])).await;
        let expected = json!("wamp.error.no_such_subscription");
        scene.is(format!("{name} asks for a subscription that is not there"), unknown["error"].clone(), expected);
    }
}

async fn registrations(scene: &mut Scene) {
    let registered = scene.register_with(JS, "meta.procedure", "name", json!({"invoke": "roundrobin"})).await;
    let id = registered["id"].clone();
    scene.register_with(WAMPY, "meta.procedure", "name", json!({"invoke": "roundrobin"})).await;
    for player in ALL {
        let name = scene.name(player);
        let found = scene.call(player, "wamp.registration.lookup", json!(["meta.procedure"])).await;
        scene.is(format!("{name} looks up a registration"), found["args"].clone(), json!([id]));
        let matching = scene.call(player, "wamp.registration.match", json!(["meta.procedure"])).await;
        scene.is(format!("{name} asks who would answer"), matching["args"].clone(), json!([id]));
        let count = scene.call(player, "wamp.registration.count_callees", json!([id])).await;
        scene.is(format!("{name} counts callees"), count["args"].clone(), json!([2]));
        let callees = scene.call(player, "wamp.registration.list_callees", json!([id])).await;
        let are_listed = [JS, WAMPY].iter().all(|one| has(&callees["args"][0], &json!(scene.session(*one))));
        scene.is(format!("{name} lists callees"), json!(are_listed), json!(true));
        let details = scene.call(player, "wamp.registration.get", json!([id])).await;
        let (uri, policy) = (&details["args"][0]["uri"], &details["args"][0]["invoke"]);
        scene.is(
            format!("{name} looks at a registration"),
            json!([uri, policy]),
            json!(["meta.procedure", "roundrobin"]),
        );
        let unknown = scene.call(player, "wamp.registration.get", json!([123])).await;
        let expected = json!("wamp.error.no_such_registration");
        scene.is(format!("{name} asks for a registration that is not there"), unknown["error"].clone(), expected);
    }
}
