//! Events from each to all, by all that the broker has.

use super::*;

pub(super) async fn play(scene: &mut Scene) {
    to_all(scene).await;
    patterns(scene).await;
    audiences(scene).await;
    disclosure(scene).await;
    retained(scene).await;
    testaments(scene).await;
}

async fn to_all(scene: &mut Scene) {
    for player in ALL {
        scene.subscribe(player, "news", json!({"match": "prefix"})).await;
    }
    for player in ALL {
        for number in 0..3 {
            let topic = format!("news.{player}");
            scene.publish(player, &topic, json!([number, "ä", 1.5, [null]]), json!({})).await;
        }
    }
    for player in ALL {
        let events = scene.events(player, "news", 3 * (ALL.len() - 1)).await;
        let mut told = BTreeMap::<String, Vec<Value>>::new();
        for event in &events {
            told.entry(event["topic"].as_str().unwrap_or_default().to_owned()).or_default().push(event["args"].clone());
        }
        let others = ALL.into_iter().filter(|other| *other != player);
        let payloads = [0, 1, 2].map(|number| json!([number, "ä", 1.5, [null]]));
        let expected: BTreeMap<_, _> = others.map(|other| (format!("news.{other}"), &payloads)).collect();
        scene.is(format!("{} hears the others, in order", scene.name(player)), json!(told), json!(expected));
    }
    for player in EXACT {
        scene.subscribe(player, "exact.event", json!({})).await;
    }
    let payload = json!([{"integer": "9007199254740993"}, {"octets": "00ff"}]);
    for player in EXACT {
        scene.publish(player, "exact.event", payload.clone(), json!({})).await;
    }
    for player in EXACT {
        let events = scene.events(player, "exact.event", EXACT.len() - 1).await;
        let exact = events.iter().filter(|event| event["args"] == payload).count();
        let case = format!("{} gets large integers and octets", scene.name(player));
        scene.is(case, json!(exact), json!(EXACT.len() - 1));
    }
}

async fn patterns(scene: &mut Scene) {
    for (player, topic, policy) in [
        (JS, "topic.a.b", "exact"),
        (WAMPY, "topic", "prefix"),
        (ASPHALT, "topic..b", "wildcard"),
        (RAW, "topic.a", "prefix"),
    ] {
        scene.subscribe(player, topic, json!({"match": policy})).await;
    }
    for topic in ["topic.a.b", "topic.c.b", "topic.ab", "topic.a.b.c"] {
        scene.publish(AUTOBAHN, topic, json!([topic]), json!({})).await;
    }
    for (player, pattern, expected) in [
        (JS, "topic.a.b", vec!["topic.a.b"]),
        (WAMPY, "topic", vec!["topic.a.b", "topic.c.b", "topic.ab", "topic.a.b.c"]),
        (ASPHALT, "topic..b", vec!["topic.a.b", "topic.c.b"]),
        (RAW, "topic.a", vec!["topic.a.b", "topic.ab", "topic.a.b.c"]),
    ] {
        let events = scene.events(player, pattern, expected.len()).await;
        let topics: Vec<_> = events.iter().map(|event| event["args"][0].clone()).collect();
        scene.is(format!("{} hears {pattern}", scene.name(player)), json!(topics), json!(expected));
    }
    scene.please(JS, json!({"do": "unsubscribe", "uri": "topic.a.b"})).await;
}

async fn audiences(scene: &mut Scene) {
    for player in ALL {
        scene.subscribe(player, "audience", json!({})).await;
    }
    let (js, wampy, raw) = (scene.session(JS), scene.session(WAMPY), scene.session(RAW));
    // Autobahn-js and wampy have no roles but that of all, so those of them that have to be left out are named.
    let audiences = [
        (AUTOBAHN, "excluded", json!({"exclude": [js, raw]}), vec![WAMPY, ASPHALT]),
        (WAMPY, "eligible", json!({"eligible": [js, raw]}), vec![RAW, JS]),
        (JS, "both", json!({"eligible": [wampy, raw], "exclude": [raw]}), vec![WAMPY]),
        (ASPHALT, "nobody's role", json!({"exclude_authrole": ["guest"]}), vec![]),
        (RAW, "everybody's role", json!({"eligible_authrole": ["guest"]}), vec![AUTOBAHN, JS, WAMPY, ASPHALT]),
        (JS, "its own", json!({"exclude_me": false, "eligible": [js]}), vec![JS]),
        (RAW, "the last", json!({"exclude_me": false}), ALL.to_vec()),
    ];
    let mut expected = ALL.map(|_| Vec::new());
    for (publisher, text, options, audience) in audiences {
        scene.publish(publisher, "audience", json!([text]), options).await;
        audience.into_iter().for_each(|player| expected[player].push(text));
    }
    for player in ALL {
        let events = scene.events(player, "audience", expected[player].len()).await;
        let texts: Vec<_> = events.iter().map(|event| event["args"][0].clone()).collect();
        scene.is(format!("{} hears what is for it", scene.name(player)), json!(texts), json!(expected[player]));
    }
}

async fn disclosure(scene: &mut Scene) {
    for (topic, options, is_told) in [
        ("quiet.event", json!({}), false),
        ("disclosed.event", json!({}), true),
        ("asked.event", json!({"disclose_me": true}), true),
    ] {
        for player in [AUTOBAHN, RAW, JS, ASPHALT] {
            scene.subscribe(player, topic, json!({})).await;
        }
        scene.publish(WAMPY, topic, json!([]), options).await;
        for player in [AUTOBAHN, RAW, JS, ASPHALT] {
            let events = scene.events(player, topic, 1).await;
            let told = first(&events)["publisher"] == json!(scene.session(WAMPY));
            scene.is(format!("{} is told the publisher: {topic}", scene.name(player)), json!(told), json!(is_told));
        }
    }
}

async fn retained(scene: &mut Scene) {
    // Wampy does not send the option.
    for (publisher, topic) in [(AUTOBAHN, "kept.a"), (JS, "kept.b"), (ASPHALT, "kept.c")] {
        scene.publish(publisher, topic, json!(["old"]), json!({"retain": true})).await;
        scene.publish(publisher, topic, json!(["new"]), json!({"retain": true})).await;
        scene.publish(publisher, topic, json!(["not kept"]), json!({})).await;
        // Its own events are not for the publisher, nor later; asphalt-wamp does not tell which are retained.
        for player in [RAW, WAMPY, JS].into_iter().filter(|player| *player != publisher) {
            scene.subscribe(player, topic, json!({"get_retained": true})).await;
            let events = scene.events(player, topic, 1).await;
            let case = format!("what {} has retained, for {}", scene.name(publisher), scene.name(player));
            scene.is(case, json!([first(&events)["args"], first(&events)["retained"]]), json!([["new"], true]));
        }
    }
}

async fn testaments(scene: &mut Scene) {
    for player in ALL {
        scene.subscribe(player, "testament", json!({})).await;
    }
    let mut gone = scene.double(AUTOBAHN).await;
    let testament = json!(["testament", ["bye", 7], {"key": "value"}]);
    gone.ask(json!({"do": "call", "uri": "wamp.session.add_testament", "args": testament})).await;
    gone.kill().await;
    for player in ALL {
        let events = scene.events(player, "testament", 1).await;
        let case = format!("{} gets a testament", scene.name(player));
        scene.is(
            case,
            json!([first(&events)["args"], first(&events)["kwargs"]]),
            json!([["bye", 7], {"key": "value"}]),
        );
    }
}
