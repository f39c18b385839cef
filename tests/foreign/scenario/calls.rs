//! Calls from each to each, by all that the dealer has.

use super::*;

/// Values that all codecs hold.
fn values() -> Value {
    json!(["ä€😀", 1, -1, 1.5, 0.1, true, null, [1, [2, []]], {"a": {"b": [null]}}, ""])
}

pub(super) async fn play(scene: &mut Scene) {
    echoes(scene).await;
    errors(scene).await;
    progress(scene).await;
    patterns(scene).await;
    shared(scene).await;
    rerouting(scene).await;
    canceling(scene).await;
    timeouts(scene).await;
    disclosure(scene).await;
    losses(scene).await;
}

async fn echoes(scene: &mut Scene) {
    for callee in ALL {
        scene.register(callee, &format!("echo.{callee}"), "echo").await;
    }
    for (caller, callee) in pairs(ALL) {
        let request =
            json!({"do": "call", "uri": format!("echo.{callee}"), "args": values(), "kwargs": {"n": 0.5, "ö": "ü"}});
        let result = scene.ask(caller, request).await;
        let case = format!("{} calls {}", scene.name(caller), scene.name(callee));
        scene.is(case, result, json!({"args": values(), "kwargs": {"n": 0.5, "ö": "ü"}}));
    }
    let large = ["9007199254740993", "-9223372036854775808", "18446744073709551615"].map(|it| json!({"integer": it}));
    let octets = json!({"octets": "0001ff"});
    for (caller, callee) in pairs(EXACT) {
        let names = format!("from {} to {} and back", scene.name(caller), scene.name(callee));
        let result = scene.call(caller, &format!("echo.{callee}"), json!(large)).await;
        scene.is(format!("integers of 64 bits {names}"), result["args"].clone(), json!(large));
        let result = scene.call(caller, &format!("echo.{callee}"), json!([octets])).await;
        scene.is(format!("octets {names}"), result["args"].clone(), json!([octets]));
    }
    // In JSON, octets are text that autobahn-js leaves to the application.
    for player in EXACT {
        let names = format!("between {} and autobahn-js", scene.name(player));
        let result = scene.call(player, &format!("echo.{JS}"), json!([octets])).await;
        scene.is(format!("octets {names}"), result["args"].clone(), json!([octets]));
        let result = scene.call(JS, &format!("echo.{player}"), json!(["\0AAH/"])).await;
        scene.is(format!("octets as text {names}"), result["args"].clone(), json!(["\0AAH/"]));
    }
    let huge = json!([{"integer": "36893488147419103232"}]);
    let result = scene.call(AUTOBAHN, &format!("echo.{ASPHALT}"), huge.clone()).await;
    scene.is("an integer of more than 64 bits in CBOR", result["args"].clone(), huge);
    for callee in ALL {
        scene.please(callee, json!({"do": "unregister", "uri": format!("echo.{callee}")})).await;
    }
    let result = scene.call(JS, &format!("echo.{WAMPY}"), json!([])).await;
    scene.is("a procedure that is withdrawn", result["error"].clone(), json!("wamp.error.no_such_procedure"));
}

/// Everybody with everybody, and with itself.
fn pairs<const N: usize>(players: [usize; N]) -> impl Iterator<Item = (usize, usize)> {
    players.into_iter().flat_map(move |caller| players.into_iter().map(move |callee| (caller, callee)))
}

async fn errors(scene: &mut Scene) {
    for (callee, caller) in ALL.into_iter().zip(ALL.into_iter().cycle().skip(1)) {
        let uri = format!("fail.{callee}");
        scene.register(callee, &uri, "fail").await;
        let request = json!({"do": "call", "uri": uri, "args": [1, "x"], "kwargs": {"why": "ä"}});
        let error = scene.ask(caller, request).await;
        let case = format!("an error of {} for {}", scene.name(callee), scene.name(caller));
        scene.is(case, error, json!({"error": "scenario.error", "args": [1, "x"], "kwargs": {"why": "ä"}}));
    }
}

async fn progress(scene: &mut Scene) {
    for (callee, caller) in ALL.into_iter().zip(ALL.into_iter().cycle().skip(2)) {
        let (names, uri) = (format!("of {} for {}", scene.name(callee), scene.name(caller)), format!("parts.{callee}"));
        scene.register(callee, &uri, "parts").await;
        let request = json!({"do": "call", "uri": uri, "args": [4], "progress": true});
        let result = scene.ask(caller, request).await;
        // What a callee does not announce, as wampy, it is not asked for.
        let parts = if callee == WAMPY { json!([]) } else { json!([0, 1, 2, 3]) };
        let expected = json!({"progress": parts, "args": ["done"], "kwargs": {}});
        scene.is(format!("progressive results {names}"), result, expected);
        let result = scene.call(caller, &uri, json!([4])).await;
        scene.is(format!("only the last result {names}"), result["args"].clone(), json!(["done"]));
    }
}

async fn patterns(scene: &mut Scene) {
    for (player, uri, policy) in [
        (JS, "match.a.b.c", "exact"),
        (AUTOBAHN, "match.a", "prefix"),
        (ASPHALT, "match.a.b", "prefix"),
        (WAMPY, "match..b.d", "wildcard"),
        (RAW, "match...d", "wildcard"),
    ] {
        let registered = scene.register_with(player, uri, "name", json!({"match": policy})).await;
        assert!(registered["id"].is_u64(), "{registered}");
    }
    for (caller, uri, callee) in [
        (WAMPY, "match.a.b.c", JS),
        (JS, "match.a.b.x", ASPHALT),
        (ASPHALT, "match.a.x", AUTOBAHN),
        (AUTOBAHN, "match.z.b.d", WAMPY),
        (WAMPY, "match.z.z.d", RAW),
        (WAMPY, "match.a.b.d", ASPHALT),
    ] {
        let result = scene.call(caller, uri, json!([])).await;
        let expected = json!([scene.name(callee)]);
        scene.is(format!("the best match for {uri}"), result["args"].clone(), expected);
    }
    // A prefix ends with a component.
    let result = scene.call(JS, "match.ab", json!([])).await;
    scene.is("half a component after a prefix", result["error"].clone(), json!("wamp.error.no_such_procedure"));
    for (callee, caller) in [(AUTOBAHN, JS), (JS, WAMPY), (WAMPY, ASPHALT), (ASPHALT, RAW)] {
        let prefix = format!("told.{callee}");
        scene.register_with(callee, &prefix, "told", json!({"match": "prefix"})).await;
        let result = scene.call(caller, &format!("{prefix}.x.y"), json!([])).await;
        let case = format!("{} is told what was called", scene.name(callee));
        scene.is(case, result["args"][0].clone(), json!(format!("{prefix}.x.y")));
    }
}

async fn shared(scene: &mut Scene) {
    let callees = [AUTOBAHN, JS, WAMPY, ASPHALT];
    let names = callees.map(|callee| scene.name(callee));
    for policy in ["single", "first", "last", "roundrobin", "random"] {
        let uri = format!("shared.{policy}");
        let mut refused = Vec::new();
        for callee in callees {
            let answer = scene.register_with(callee, &uri, "name", json!({"invoke": policy})).await;
            refused.extend(answer.get("error").cloned());
        }
        let expected = match policy {
            "single" => vec!["wamp.error.procedure_already_exists"; 3],
            _ => vec![],
        };
        scene.is(format!("who may share a procedure: {policy}"), json!(refused), json!(expected));
        let mut answered = BTreeMap::<String, u32>::new();
        for _ in 0..10 {
            for caller in callees {
                let result = scene.call(caller, &uri, json!([])).await;
                *answered.entry(result["args"][0].as_str().unwrap_or("nobody").to_owned()).or_default() += 1;
            }
        }
        let case = format!("who answers: {policy}");
        match policy {
            "single" | "first" => scene.is(case, json!(answered), json!({names[0]: 40})),
            "last" => scene.is(case, json!(answered), json!({names[3]: 40})),
            "roundrobin" => scene.is(
                case,
                json!(answered),
                json!(names.map(|name| (name, 10)).into_iter().collect::<BTreeMap<_, _>>()),
            ),
            // All but always; one in 25,000 has somebody left out.
            _ => scene.is(case, json!(answered.len() > 1), json!(true)),
        }
    }
    let other = scene.register_with(RAW, "shared.first", "name", json!({"invoke": "last"})).await;
    scene.is("another policy", other["error"].clone(), json!("wamp.error.procedure_already_exists"));

    let limited =
        scene.register_with(AUTOBAHN, "shared.limited", "slow", json!({"invoke": "roundrobin", "concurrency": 1}));
    assert!(limited.await["id"].is_u64());
    let call = json!({"do": "call", "uri": "shared.limited", "args": [1]});
    let running = scene.players[WAMPY].begin(call.clone()).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    let refused = scene.ask(JS, call).await;
    let first = scene.players[WAMPY].answer(running).await;
    let expected = json!([names[0], "wamp.error.no_available_callee"]);
    scene.is("more calls than a callee takes", json!([first["args"][0], refused["error"]]), expected);

    let kicked = json!({"force_reregister": true});
    assert!(scene.register_with(AUTOBAHN, "shared.forced", "name", kicked.clone()).await["id"].is_u64());
    assert!(scene.register_with(RAW, "shared.forced", "name", kicked).await["id"].is_u64());
    let result = scene.call(JS, "shared.forced", json!([])).await;
    let expected = json!([scene.name(RAW)]);
    scene.is("a procedure that is taken over", result["args"].clone(), expected);
}

async fn rerouting(scene: &mut Scene) {
    for (callee, kind) in [(AUTOBAHN, "unavailable"), (JS, "unavailable"), (WAMPY, "name")] {
        scene.register_with(callee, "busy.one", kind, json!({"invoke": "first"})).await;
    }
    let result = scene.call(ASPHALT, "busy.one", json!([])).await;
    let expected = json!([scene.name(WAMPY)]);
    scene.is("a callee that is unavailable", result["args"].clone(), expected);
    for callee in [AUTOBAHN, JS] {
        scene.register_with(callee, "busy.all", "unavailable", json!({"invoke": "roundrobin"})).await;
    }
    let result = scene.call(RAW, "busy.all", json!([])).await;
    scene.is("no callee that is available", result["error"].clone(), json!("wamp.error.no_available_callee"));
}

/// Each case has players of its own: not all of them bear what Crossbar answers late.
async fn canceling(scene: &mut Scene) {
    for (caller, callee) in [(WAMPY, AUTOBAHN), (RAW, AUTOBAHN), (WAMPY, ASPHALT), (WAMPY, JS), (AUTOBAHN, WAMPY)] {
        // Callees in JavaScript cannot be interrupted.
        let can_end = matches!(callee, AUTOBAHN | ASPHALT);
        for mode in ["kill", "killnowait", "skip"] {
            let is_interrupted = can_end && mode != "skip";
            let seconds = if is_interrupted { 30 } else { 1 };
            let call = json!({"do": "call", "uri": "slow", "args": [seconds], "cancel": mode});
            let (error, seen) = end_of_call(scene, caller, callee, call).await;
            let case = format!("{} cancels a call of {}: {mode}", scene.name(caller), scene.name(callee));
            let expected = if is_interrupted { "canceled" } else { "finished" };
            scene.is(case, json!([error, seen]), json!(["wamp.error.canceled", [expected]]));
        }
    }
}

/// What a call comes to for its caller, and for its callee.
async fn end_of_call(scene: &Scene, caller: usize, callee: usize, call: Value) -> (Value, Value) {
    let (mut caller, mut callee) = tokio::join!(scene.double(caller), scene.double(callee));
    let registered = callee.ask(json!({"do": "register", "uri": "slow", "kind": "slow"})).await;
    assert!(registered["id"].is_u64(), "{registered}");
    let error = caller.ask(call).await["error"].take();
    let seen = callee.ask(json!({"do": "seen", "count": 1})).await["seen"].take();
    callee.ask(json!({"do": "unregister", "uri": "slow"})).await;
    (error, seen)
}

async fn timeouts(scene: &mut Scene) {
    for (caller, callee, end) in [(WAMPY, AUTOBAHN, "canceled"), (JS, WAMPY, "finished")] {
        let call = json!({"do": "call", "uri": "slow", "args": [2], "timeout": 200});
        let (error, seen) = end_of_call(scene, caller, callee, call).await;
        let case = format!("a timeout of {} for {}", scene.name(caller), scene.name(callee));
        scene.is(case, json!([error, seen]), json!(["wamp.error.timeout", [end]]));
    }
}

async fn disclosure(scene: &mut Scene) {
    for callee in ALL {
        for (uri, kind) in [("quiet", json!(null)), ("disclosed", json!(true)), ("asked", json!(true))] {
            let procedure = match uri {
                "asked" => format!("asked.{callee}"),
                uri => format!("{uri}.{callee}"),
            };
            scene.register(callee, &procedure, "told").await;
            let caller = if callee == JS { WAMPY } else { JS };
            let options = if uri == "asked" { json!({"disclose_me": true}) } else { json!({}) };
            let result = scene.ask(caller, json!({"do": "call", "uri": procedure, "options": options})).await;
            let told = match &result["args"][1] {
                Value::Null => json!(null),
                caller_id => json!(*caller_id == json!(scene.session(caller))),
            };
            scene.is(format!("{} is told its caller: {uri}", scene.name(callee)), told, kind);
        }
    }
}

async fn losses(scene: &mut Scene) {
    let (mut caller, mut callee) = tokio::join!(scene.double(AUTOBAHN), scene.double(RAW));
    callee.ask(json!({"do": "register", "uri": "slow.lost", "kind": "slow"})).await;
    caller.begin(json!({"do": "call", "uri": "slow.lost", "args": [30]})).await;
    // It is under way once another call of the same caller is answered.
    caller.ask(json!({"do": "call", "uri": "shared.first"})).await;
    caller.kill().await;
    let seen = callee.ask(json!({"do": "seen", "count": 1})).await;
    scene.is("a caller that is lost", seen["seen"].clone(), json!(["canceled"]));
    callee.kill().await;

    let (mut caller, mut callee) = tokio::join!(scene.double(RAW), scene.double(AUTOBAHN));
    callee.ask(json!({"do": "register", "uri": "slow.lost", "kind": "slow"})).await;
    let call = caller.begin(json!({"do": "call", "uri": "slow.lost", "args": [30]})).await;
    caller.ask(json!({"do": "call", "uri": "shared.first"})).await;
    callee.kill().await;
    let error = caller.answer(call).await;
    scene.is("a callee that is lost", error["error"].clone(), json!("wamp.error.canceled"));
}
