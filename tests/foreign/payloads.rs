//! Payloads that are encrypted from end to end, by Autobahn|Python's `KeyRing` at the other end.

use std::future::IntoFuture;
use std::path::Path;
use std::process::Stdio;

use serverwamp::client::{BoxKeys, BoxSecretKey, CryptoBox};
use serverwamp::{Client, Component, Progress, RpcError, RpcResult, WampError, routes, wamp};

use tokio::process::Command;

use super::routers::{Brand, Router, START_TIME};
use super::{finish, python, timeout};

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

/// Lets the script judge functions that are hosted on a router, with a new pair of keys.
async fn judge(url: &str, codec: &str) {
    let (own, theirs) = (BoxSecretKey::generate(), BoxSecretKey::generate());
    let component = Component::new(url).routes(routes![double, octets, count, relay, noted]).payload_codec(
        CryptoBox::new()
            .keys("rust.", BoxKeys::responder(&own, &theirs.public_key()))
            .keys("python.", BoxKeys::originator(&own, &theirs.public_key()))
            .autobahn(),
    );
    let client = component.client();
    let running = tokio::spawn(component.into_future());
    timeout(START_TIME, client.joined()).await.expect("a session in time").expect("a session");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("foreign").join("payloads.py");
    let process = Command::new(python())
        .arg(script)
        .args([url, codec, &format!("{},{}", theirs.to_base64(), own.public_key().to_base64())])
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("Python");
    let output = finish(process).await;
    let (said, wrong) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{url} {codec}: {said}{wrong}");
    client.stop().await;
    running.await.expect("no panic").expect("a clean end");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_ring_over_both_routers() {
    for (brand, codecs) in [(Brand::Ours, &["json", "msgpack", "cbor"] as &[_]), (Brand::Crossbar, &["json", "cbor"])] {
        let router = Router::start(brand, "").await;
        for codec in codecs {
            judge(&router.web_socket(), codec).await;
        }
        router.stop().await;
    }
}
