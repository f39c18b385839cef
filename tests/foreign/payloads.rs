//! Payloads that are encrypted from end to end, by Autobahn|Python's `KeyRing` at the other end.

use std::future::IntoFuture;

use serverwamp::client::{BoxKeys, BoxSecretKey, CryptoBox};
use serverwamp::{App, Client, Component, Progress, RpcError, RpcResult, WampError, routes, wamp};

use super::{AUTOBAHN_PYTHON, Server, assert_success, finish, start, timeout};
use crate::SCRIPT_TIME;

#[derive(Debug, WampError)]
#[wamp(prefix = "rust.error")]
enum VaultError {
    TooMuch { number: i64 },
}

/// What the script fails with.
#[derive(Debug)]
enum HalfError {
    Odd(i64, String),
}

impl WampError for HalfError {
    fn into_rpc_error(self) -> RpcError {
        RpcError::new("python.error.odd")
    }

    fn from_rpc_error(error: &RpcError) -> Option<HalfError> {
        let why = error.kwargs().get("why")?.as_str()?;
        let number = error.args().first()?.as_i64()?;
        (error.uri() == "python.error.odd").then(|| HalfError::Odd(number, why.to_owned()))
    }
}

#[wamp::rpc("rust.double", manual)]
async fn double(number: i64) -> Result<i64, VaultError> {
    if number > 100 { Err(VaultError::TooMuch { number }) } else { Ok(2 * number) }
}

#[wamp::rpc("rust.octets", manual)]
async fn octets(octets: Vec<u8>) -> Vec<u8> {
    octets.into_iter().rev().collect()
}

#[wamp::rpc("rust.count", manual)]
async fn count(to: u32, progress: Progress<u32>) -> &'static str {
    for number in 0..to {
        progress.send(number).await.ok();
    }
    "done"
}

/// Asks the other end; its errors are those of this function's caller.
#[wamp::rpc("rust.relay", manual)]
async fn relay(number: i64, client: Client) -> Result<String, RpcError> {
    let half: RpcResult = client.call("python.half", [number]).await.map_err(|error| match error.to() {
        Some(HalfError::Odd(number, why)) => RpcError::new("rust.error.odd").arg(number).kwarg("why", why),
        None => RpcError::from(error),
    })?;
    let unit = half.kwargs().get("unit").and_then(|unit| unit.as_str()).unwrap_or_default();
    Ok(format!("{} {unit}", half.args().first().cloned().unwrap_or_default()))
}

#[wamp::event("rust.noted", manual)]
async fn noted(text: String, number: i64, client: Client) {
    client.publish("python.noted", (text, number)).await.expect("a publication");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn autobahn_python_with_a_key_ring() {
    let (own, theirs) = (BoxSecretKey::generate(), BoxSecretKey::generate());
    let codec = CryptoBox::new()
        .keys("rust.", BoxKeys::responder(&own, &theirs.public_key()))
        .keys("python.", BoxKeys::originator(&own, &theirs.public_key()))
        .autobahn();
    let server = Server::start(App::new().router()).await;
    for codec_of_script in ["json", "msgpack", "cbor"] {
        let component = Component::new(server.web_socket())
            .routes(routes![double, octets, count, relay, noted])
            .payload_codec(codec.clone());
        let client = component.client();
        let running = tokio::spawn(component.into_future());
        timeout(SCRIPT_TIME, client.joined()).await.expect("a session in time").expect("a session");
        let keys = format!("{},{}", theirs.to_base64(), own.public_key().to_base64());
        let output = finish(start(AUTOBAHN_PAYLOADS, &server, codec_of_script, Some(&keys))).await;
        assert_success(AUTOBAHN_PAYLOADS, codec_of_script, &output);
        client.stop().await;
        running.await.expect("no panic").expect("a clean end");
    }
    server.stop().await;
}

const AUTOBAHN_PAYLOADS: super::Client = super::Client { script: "payloads.py", ..AUTOBAHN_PYTHON };
