//! Payloads that only the ends understand.

use std::future::IntoFuture;

use serde_json::{Value as Json, json};
use serverwamp::client::{
    BoxKeys, BoxSecretKey, ClearPayload, CryptoBox, EncodedPayload, Envelope, PayloadAttributes, PayloadCodec,
    PayloadError, PayloadKind, Publish,
};
use serverwamp::{App, CallError, Client, Progress, Realm, RpcError, Session, WampError, routes, testing, wamp};
use serverwamp_tests::{Router, RouterPeer, Serializer};

use super::joined;

const ANNOUNCING: [&str; 2] = ["payload_passthru_mode", "payload_transparency"];

/// Turns everything round and says whose it is: no encryption, but what it does can be seen.
#[derive(Debug, Clone, Copy)]
struct Mirror {
    is_old: bool,
}

impl PayloadCodec for Mirror {
    fn covers(&self, envelope: &Envelope<'_>) -> bool {
        envelope.uri.starts_with("secret.")
    }

    fn encode(&self, envelope: &Envelope<'_>, payload: &ClearPayload) -> Result<EncodedPayload, PayloadError> {
        assert!(!payload.kwargs.contains_key("panic"), "on purpose");
        if payload.kwargs.contains_key("unencodable") {
            return Err(PayloadError::new("my.error.unencodable", "not this"));
        }
        let text = serde_json::to_string(&(kind(envelope), &payload.args, &payload.kwargs)).unwrap();
        let octets = text.bytes().rev().collect();
        let attributes = match self.is_old {
            true => PayloadAttributes::Transparency {
                algorithm: "x_mirror".to_owned(),
                serializer: Some("json".to_owned()),
                key: Some("none".to_owned()),
            },
            false => PayloadAttributes::Passthru {
                scheme: "x_mirror".to_owned(),
                serializer: Some("json".to_owned()),
                cipher: None,
                keyid: None,
            },
        };
        Ok(EncodedPayload { octets, attributes })
    }

    fn decode(&self, envelope: &Envelope<'_>, payload: &EncodedPayload) -> Result<ClearPayload, PayloadError> {
        let octets: Vec<u8> = payload.octets.iter().rev().copied().collect();
        let (said, args, kwargs): (String, Vec<Json>, serde_json::Map<String, Json>) =
            serde_json::from_slice(&octets).map_err(|error| PayloadError::undecodable(error.to_string()))?;
        if said != kind(envelope) {
            return Err(PayloadError::misplaced(said));
        }
        let result = args.iter().fold(serverwamp::RpcResult::new(), |result, arg| result.arg(arg));
        let result = kwargs.iter().fold(result, |result, (name, value)| result.kwarg(name, value));
        Ok(ClearPayload { args: result.args().to_vec(), kwargs: result.kwargs().clone() })
    }
}

fn kind(envelope: &Envelope<'_>) -> String {
    format!("{:?} {} {:?}", envelope.kind, envelope.uri, envelope.error)
}

/// What [`Mirror`] makes of a payload, as a router sees it.
fn sealed(kind: &str, args: Json, kwargs: Json) -> Json {
    let text = serde_json::to_string(&json!([kind, args, kwargs])).unwrap();
    let octets: Vec<u8> = text.bytes().rev().collect();
    json!(format!("\0{}", base64(&octets)))
}

fn base64(octets: &[u8]) -> String {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.encode(octets)
}

fn attributes(is_old: bool) -> Json {
    match is_old {
        true => json!({"enc_algo": "x_mirror", "enc_serializer": "json", "enc_key": "none"}),
        false => json!({"ppt_scheme": "x_mirror", "ppt_serializer": "json"}),
    }
}

/// A message whose options are in third place and whose payload comes last.
fn coded(is_old: bool, mut message: Json, kind: &str, args: Json, kwargs: Json) -> Json {
    let message = message.as_array_mut().unwrap();
    let place = if message[0] == 8 { 3 } else { 2 };
    let place = if [36, 68].contains(&message[0].as_u64().unwrap()) { 3 } else { place };
    for (name, value) in attributes(is_old).as_object().unwrap() {
        message[place].as_object_mut().unwrap().insert(name.clone(), value.clone());
    }
    let payload = sealed(kind, args, kwargs);
    message.push(if is_old { payload } else { json!([payload]) });
    json!(message)
}

async fn connected(serializer: Serializer, codec: Mirror, announced: &[&str]) -> (Client, RouterPeer, Router) {
    let mut router = Router::new(serializer);
    let connect = router.connect().payload_codec(codec).into_future();
    let features: Json =
        announced.iter().map(|feature| ((*feature).to_owned(), json!(true))).collect::<serde_json::Map<_, _>>().into();
    let mut roles = json!({"broker": {"features": features.clone()}, "dealer": {"features": features}});
    for feature in ["call_canceling", "progressive_call_results"] {
        roles["dealer"]["features"][feature] = json!(true);
    }
    let (client, peer) = tokio::join!(connect, async {
        let mut peer = router.accept().await;
        let hello = peer.receive().await.unwrap();
        for role in ["caller", "callee", "publisher", "subscriber"] {
            for feature in ANNOUNCING {
                assert_eq!(hello[2]["roles"][role]["features"][feature], json!(true), "{role} {feature}");
            }
        }
        peer.send(json!([2, 7, {"roles": roles}])).await;
        peer
    });
    (client.unwrap(), peer, router)
}

#[tokio::test(start_paused = true)]
async fn calls_results_progress_and_errors() {
    for serializer in Serializer::ALL {
        for is_old in [false, true] {
            let (client, mut peer, _router) = connected(serializer, Mirror { is_old }, &ANNOUNCING).await;
            let code = |message, kind: &str, args, kwargs| coded(is_old, message, kind, args, kwargs);
            // In clear where the codec says so.
            let (result, ()) = tokio::join!(client.call::<i64>("open.add", (1, 2)).into_future(), async {
                peer.expect(json!([48, 1, {}, "open.add", [1, 2]])).await;
                peer.send(json!([50, 1, {}, [3]])).await;
            });
            assert_eq!(result, Ok(3));
            let (result, ()) = tokio::join!(client.call::<i64>("secret.add", (1, 2)).into_future(), async {
                peer.expect(code(json!([48, 2, {}, "secret.add"]), "Call secret.add None", json!([1, 2]), json!({})))
                    .await;
                peer.send(code(json!([50, 2, {}]), "Result secret.add None", json!([3]), json!({}))).await;
            });
            assert_eq!(result, Ok(3), "{serializer} {is_old}");
            let counting = client.call::<String>("secret.count", ()).progress::<u32>().await.unwrap();
            let (counted, ()) = tokio::join!(counting.collect(), async {
                peer.receive().await.unwrap();
                let kind = "Result secret.count None";
                peer.send(code(json!([50, 3, {"progress": true}]), kind, json!([7]), json!({}))).await;
                peer.send(code(json!([50, 3, {}]), kind, json!(["done"]), json!({}))).await;
            });
            assert_eq!(counted, Ok((vec![7], "done".to_owned())));
            let (failed, ()) = tokio::join!(client.call::<()>("secret.fail", ()).into_future(), async {
                peer.receive().await.unwrap();
                let kind = "Error secret.fail Some(\"my.error\")";
                peer.send(code(json!([8, 48, 4, {}, "my.error"]), kind, json!([1]), json!({"a": 2}))).await;
            });
            assert_eq!(failed, Err(CallError::Remote(RpcError::new("my.error").arg(1).kwarg("a", 2))));
            // A router's own errors are in clear.
            let (failed, ()) = tokio::join!(client.call::<()>("secret.none", ()).into_future(), async {
                peer.receive().await.unwrap();
                peer.send(json!([8, 48, 5, {}, "wamp.error.no_such_procedure"])).await;
            });
            assert_eq!(failed, Err(CallError::Remote(RpcError::new("wamp.error.no_such_procedure"))));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn publications_and_events() {
    for serializer in Serializer::ALL {
        for is_old in [false, true] {
            let (client, mut peer, _router) = connected(serializer, Mirror { is_old }, &ANNOUNCING).await;
            let code = |message, kind: &str, args, kwargs| coded(is_old, message, kind, args, kwargs);
            client.publish("secret.news", [1]).await.unwrap();
            peer.expect(code(json!([16, 1, {}, "secret.news"]), "Event secret.news None", json!([1]), json!({}))).await;
            let (subscription, ()) = tokio::join!(client.subscribe("secret.").prefix().into_future(), async {
                peer.receive().await.unwrap();
                peer.send(json!([33, 2, 20])).await;
            });
            let mut subscription = subscription.unwrap();
            let details = json!({"topic": "secret.news"});
            let kind = "Event secret.news None";
            for (number, message) in [
                (1, code(json!([36, 20, 1, details]), kind, json!([1]), json!({}))),
                // In clear, of another topic, for something else, and not to be understood at all.
                (2, json!([36, 20, 2, details, [2]])),
                (3, code(json!([36, 20, 3, details]), "Event secret.other None", json!([3]), json!({}))),
                (4, code(json!([36, 20, 4, details]), "Call secret.news None", json!([4]), json!({}))),
                (5, json!([36, 20, 5, {"topic": "secret.news", "ppt_scheme": "x_mirror"}, ["x"]])),
                (6, json!([36, 20, 6, {"topic": "secret.news", "ppt_scheme": "x_mirror"}, ["\0YQ=="], {"a": 1}])),
                (7, json!([36, 20, 7, {"topic": "secret.news", "ppt_scheme": "x_mirror"}])),
                (8, code(json!([36, 20, 8, details]), kind, json!([8]), json!({}))),
            ] {
                peer.send(message).await;
                if [1, 8].contains(&number) {
                    assert_eq!(subscription.next().await.unwrap().arg(0), Ok(number), "{serializer} {is_old}");
                }
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn invocations_are_decoded_and_answers_encoded() {
    for serializer in Serializer::ALL {
        for is_old in [false, true] {
            let (client, mut peer, _router) = connected(serializer, Mirror { is_old }, &ANNOUNCING).await;
            let code = |message, kind: &str, args, kwargs| coded(is_old, message, kind, args, kwargs);
            let registering = client
                .register("secret.half", |number: i64, progress: Progress<i64>| async move {
                    let _ = progress.send(number).await;
                    match number % 2 {
                        0 => Ok(number / 2),
                        _ => Err(RpcError::new("my.error.odd").arg(number)),
                    }
                })
                .into_future();
            let (registration, ()) = tokio::join!(registering, async {
                peer.receive().await.unwrap();
                peer.send(json!([65, 1, 10])).await;
            });
            registration.unwrap().keep();
            let (call, result) = ("Call secret.half None", "Result secret.half None");
            let asking = json!({"receive_progress": true});
            peer.send(code(json!([68, 1, 10, asking]), call, json!([8]), json!({}))).await;
            peer.expect(code(json!([70, 1, {"progress": true}]), result, json!([8]), json!({}))).await;
            peer.expect(code(json!([70, 1, {}]), result, json!([4]), json!({}))).await;
            peer.send(code(json!([68, 2, 10, {}]), call, json!([7]), json!({}))).await;
            let kind = "Error secret.half Some(\"my.error.odd\")";
            peer.expect(code(json!([8, 68, 2, {}, "my.error.odd"]), kind, json!([7]), json!({}))).await;
            // Nobody learns more than that it cannot be decoded.
            peer.send(json!([68, 3, 10, {}, [7]])).await;
            peer.expect(json!([8, 68, 3, {}, "wamp.error.encryption.decrypt_error"])).await;
            peer.send(code(json!([68, 4, 10, {}]), result, json!([7]), json!({}))).await;
            peer.expect(json!([8, 68, 4, {}, "wamp.error.encryption.trusted_uri_mismatch"])).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_coded_is_a_named_error() {
    for (message, expected) in [
        (json!([50, 1, {}, [3]]), "wamp.error.encryption.decrypt_error"),
        (json!([50, 1, {"ppt_scheme": "x_mirror"}, ["garbage"]]), "wamp.error.encryption.decrypt_error"),
        (json!([50, 1, {"progress": true}, [3]]), "wamp.error.encryption.decrypt_error"),
        (
            coded(false, json!([50, 1, {}]), "Result secret.b None", json!([]), json!({})),
            "wamp.error.encryption.trusted_uri_mismatch",
        ),
    ] {
        let (client, mut peer, _router) = connected(Serializer::Json, Mirror { is_old: false }, &ANNOUNCING).await;
        let call = client.call::<i64>("secret.a", ()).on_progress(|_: i64| {});
        let (failed, ()) = tokio::join!(call.into_future(), async {
            peer.receive().await.unwrap();
            peer.send(message.clone()).await;
        });
        let failed = failed.unwrap_err();
        assert!(matches!(&failed, CallError::Payload(error) if error.uri() == expected), "{message}: {failed}");
        assert!(client.is_connected(), "the session lives");
    }
    // What the codec does not want to encode is not sent.
    let (client, mut peer, _router) = connected(Serializer::Json, Mirror { is_old: false }, &ANNOUNCING).await;
    let arguments = serverwamp::RpcResult::new().kwarg("unencodable", 1);
    assert_eq!(client.call::<()>("secret.a", arguments.clone()).await.unwrap_err().uri(), Some("my.error.unencodable"));
    assert_eq!(client.publish("secret.a", arguments).await.unwrap_err().uri(), Some("my.error.unencodable"));
    let arguments = serverwamp::RpcResult::new().kwarg("panic", 1);
    let failed = client.call::<()>("secret.a", arguments).await.unwrap_err();
    assert_eq!(failed.uri(), Some("wamp.error.runtime_error"), "nor does a codec that panics do any harm");
    client.publish("open.a", ()).await.unwrap();
    peer.expect(json!([16, 1, {}, "open.a"])).await;
}

#[tokio::test(start_paused = true)]
async fn a_router_that_does_not_announce_it_is_sent_nothing() {
    for (is_old, announced) in [(false, &ANNOUNCING[1..]), (true, &ANNOUNCING[..1])] {
        let (client, mut peer, _router) = connected(Serializer::Json, Mirror { is_old }, announced).await;
        let lacks = Some("wamp.error.feature_not_supported");
        assert_eq!(client.call::<()>("secret.a", [1]).await.unwrap_err().uri(), lacks);
        let publication: Publish<()> = client.publish("secret.a", [1]);
        assert_eq!(publication.await.unwrap_err().uri(), lacks);
        client.publish("open.a", ()).await.unwrap();
        peer.expect(json!([16, 1, {}, "open.a"])).await;
    }
}

#[tokio::test(start_paused = true)]
async fn without_a_codec_nothing_encoded_is_handed_on() {
    for serializer in Serializer::ALL {
        for is_old in [false, true] {
            let mut router = Router::new(serializer);
            let connect = router.connect();
            let (client, mut peer) = joined(&mut router, connect).await;
            let (failed, ()) = tokio::join!(client.call::<()>("p", ()).into_future(), async {
                peer.receive().await.unwrap();
                peer.send(coded(is_old, json!([50, 1, {}]), "", json!([]), json!({}))).await;
            });
            assert_eq!(failed.unwrap_err().uri(), Some("wamp.error.no_payload_codec"), "{serializer} {is_old}");
        }
    }
}

// ---------------------------------------------------------------- the codec that is there

#[wamp::rpc("vault.double", manual)]
async fn double(number: i64, session: Session) -> Result<i64, VaultError> {
    session.realm();
    if number > 100 { Err(VaultError::TooMuch { number }) } else { Ok(2 * number) }
}

#[derive(Debug, PartialEq, WampError)]
#[wamp(prefix = "vault.error")]
enum VaultError {
    TooMuch { number: i64 },
}

#[wamp::event("vault.noted", manual)]
async fn noted(text: String, client: Client) {
    let _ = client.publish("vault.echoed", text).await;
}

#[tokio::test]
async fn crypto_box_over_our_router() {
    let router = std::sync::Arc::new(App::new().default_realm(false).realm(Realm::new("realm1").router()));
    let secret = BoxSecretKey::generate();
    let (mine, theirs) = (BoxSecretKey::generate(), BoxSecretKey::generate());
    for is_autobahn in [false, true] {
        let codec = |keys: BoxKeys| {
            let codec = CryptoBox::new().keys("vault.", keys).keys("shared.", BoxKeys::shared(&secret));
            if is_autobahn { codec.autobahn() } else { codec }
        };
        let callee = codec(
            BoxKeys::responder(&theirs, &mine.public_key()).and(BoxKeys::originator(&theirs, &mine.public_key())),
        );
        let caller = codec(
            BoxKeys::originator(&mine, &theirs.public_key()).and(BoxKeys::responder(&mine, &theirs.public_key())),
        );
        let dial = || {
            let router = std::sync::Arc::clone(&router);
            move || std::future::ready(testing::socket(&router).map_err(std::io::Error::other))
        };
        let component = serverwamp::Component::new("ws://test/ws")
            .through(dial())
            .payload_codec(callee)
            .routes(routes![double, noted]);
        let hosting = component.client();
        tokio::spawn(component.into_future());
        hosting.joined().await.unwrap();
        let client = Client::connect("ws://test/ws").through(dial()).payload_codec(caller).await.unwrap();
        assert_eq!(client.call("vault.double", [21]).await, Ok(42));
        let failed = client.call::<i64>("vault.double", [101]).await.unwrap_err();
        assert_eq!(failed.to(), Some(VaultError::TooMuch { number: 101 }), "errors as well");
        let mut echoed = client.subscribe("vault.echoed").await.unwrap();
        client.publish("vault.noted", "pst").await.unwrap();
        assert_eq!(echoed.next().await.unwrap().arg(0), Ok("pst".to_owned()));
        // Who has no key, or another one, gets nowhere.
        let stranger = CryptoBox::new().keys("vault.", BoxKeys::shared(&secret));
        let stranger = Client::connect("ws://test/ws").through(dial()).payload_codec(stranger).await.unwrap();
        let refused = stranger.call::<i64>("vault.double", [21]).await.unwrap_err();
        assert_eq!(refused.uri(), Some("wamp.error.encryption.decrypt_error"));
        let plain = Client::connect("ws://test/ws").through(dial()).await.unwrap();
        let refused = plain.call::<i64>("vault.double", [21]).await.unwrap_err();
        assert_eq!(refused.uri(), Some("wamp.error.encryption.decrypt_error"));
        for client in [client, stranger, plain, hosting] {
            client.stop().await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn while_not_everybody_has_keys() {
    let key = BoxSecretKey::generate();
    let codec = CryptoBox::new().keys("", BoxKeys::shared(&key)).accept_clear();
    let mut router = Router::new(Serializer::Json);
    let connect = router.connect().payload_codec(codec);
    let (client, mut peer) = joined(&mut router, connect).await;
    let (registration, ()) = tokio::join!(client.register("p", |a: i64| async move { a }).into_future(), async {
        peer.receive().await.unwrap();
        peer.send(json!([65, 1, 10])).await;
    });
    registration.unwrap().keep();
    peer.send(json!([68, 1, 10, {}, [7]])).await;
    peer.expect(json!([70, 1, {}, [7]])).await;
}

#[test]
fn a_payload_belongs_to_its_message() {
    let key = BoxSecretKey::generate();
    let codec = CryptoBox::new().keys("", BoxKeys::shared(&key)).clear("open.");
    assert_eq!(BoxSecretKey::from_base64(&key.to_base64()).unwrap().public_key(), key.public_key());
    let observed = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let seen = Observer { codec: codec.clone(), observed: observed.clone() };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let mut router = Router::new(Serializer::Json);
        let connect = router.connect().payload_codec(seen).into_future();
        let (client, mut peer) = tokio::join!(connect, async {
            let mut peer = router.accept().await;
            peer.receive().await.unwrap();
            let features = json!({"payload_passthru_mode": true});
            peer.send(json!([2, 7, {"roles": {"dealer": {"features": features}, "broker": {}}}])).await;
            peer
        });
        let client = client.unwrap();
        // A router that answers a call with its own arguments.
        let (failed, ()) = tokio::join!(client.call::<i64>("p", [1]).into_future(), async {
            let call = peer.receive().await.unwrap();
            assert_eq!(call[2]["ppt_scheme"], json!("x_cryptobox"));
            assert_eq!(call[2]["ppt_cipher"], json!("xsalsa20poly1305"));
            peer.send(json!([50, 1, call[2], call[4]])).await;
        });
        assert_eq!(failed.unwrap_err().uri(), Some("wamp.error.encryption.trusted_uri_mismatch"));
        // What routers do themselves is in clear.
        let (count, ()) = tokio::join!(client.call::<i64>("wamp.session.count", ()).into_future(), async {
            peer.expect(json!([48, 2, {}, "wamp.session.count"])).await;
            peer.send(json!([50, 2, {}, [1]])).await;
        });
        assert_eq!(count, Ok(1));
        let (opened, ()) = tokio::join!(client.call::<i64>("open.p", ()).into_future(), async {
            peer.expect(json!([48, 3, {}, "open.p"])).await;
            peer.send(json!([50, 3, {}, [1]])).await;
        });
        assert_eq!(opened, Ok(1));
    });
    // Whatever is changed in what was encrypted shows.
    let sealed: EncodedPayload = observed.lock().unwrap().pop().unwrap();
    let text = format!("{codec:?} {key:?}");
    assert!(!text.contains(&key.to_base64()), "{text}");
    assert!(sealed.octets.len() > 40);
}

/// Keeps what was encoded.
struct Observer {
    codec: CryptoBox,
    observed: std::sync::Arc<std::sync::Mutex<Vec<EncodedPayload>>>,
}

impl PayloadCodec for Observer {
    fn covers(&self, envelope: &Envelope<'_>) -> bool {
        self.codec.covers(envelope)
    }

    fn accepts_clear(&self, envelope: &Envelope<'_>) -> bool {
        self.codec.accepts_clear(envelope)
    }

    fn encode(&self, envelope: &Envelope<'_>, payload: &ClearPayload) -> Result<EncodedPayload, PayloadError> {
        let encoded = self.codec.encode(envelope, payload)?;
        self.observed.lock().unwrap().push(encoded.clone());
        // Changed anywhere, cut anywhere.
        for index in 0..encoded.octets.len() {
            let mut changed = encoded.clone();
            changed.octets[index] ^= 1;
            let mut cut = encoded.clone();
            cut.octets.truncate(index);
            for forged in [changed, cut] {
                let error = self.codec.decode(envelope, &forged).unwrap_err();
                assert_eq!(error.uri(), "wamp.error.encryption.decrypt_error");
            }
        }
        if envelope.kind == PayloadKind::Call {
            assert_eq!(self.codec.decode(envelope, &encoded).as_ref(), Ok(payload));
        }
        Ok(encoded)
    }

    fn decode(&self, envelope: &Envelope<'_>, payload: &EncodedPayload) -> Result<ClearPayload, PayloadError> {
        self.codec.decode(envelope, payload)
    }
}
