//! Logins that are bound to the TLS connection they come over.

use serde_json::json;
use serverwamp::{Authenticated, PublicKey, Realm};
use serverwamp_tests::login::{Cryptosign, authenticate, hello};
use tokio_rustls::rustls::version::{TLS12, TLS13};

use super::line::{localhost, tcp};
use super::*;

/// Lets everybody in who has a key.
async fn anybody(_: Session, _: PublicKey) -> Option<Authenticated> {
    Some(Authenticated::new(()).authid("joe"))
}

fn realm() -> Realm {
    Realm::new("realm1").cryptosign_authenticator(anybody)
}

/// A client that asks for a login by its key, bound to the connection.
async fn challenged(stream: Stream, address: SocketAddr) -> (Client, Value) {
    let mut details = Cryptosign::new(7).details();
    details["authextra"]["channel_binding"] = json!("tls-exporter");
    let mut client = Client::over(stream, address, "/ws", &[]).await;
    client.send(hello("realm1", &details)).await;
    let answer = client.receive().await.unwrap();
    (client, answer)
}

/// What is signed: the challenge XOR what the connection exports.
fn bound(challenge: &Value, exported: [u8; 32]) -> Value {
    let text = challenge["challenge"].as_str().unwrap();
    let octets = (0..32).map(|at| u8::from_str_radix(&text[2 * at..2 * at + 2], 16).unwrap());
    let signed: String = octets.zip(exported).map(|(one, other)| format!("{:02x}", one ^ other)).collect();
    json!({ "challenge": signed })
}

#[tokio::test]
async fn a_signature_is_good_for_one_connection() {
    let address = Line::Tls.start(app().realm(realm())).await.address;
    let mut others = [0; 32];
    for version in [&TLS12, &TLS13] {
        for stolen in [false, true] {
            let stream = localhost().client().version(version).handshake(tcp(address).await).await.unwrap();
            let exporter = stream.get_ref().1;
            let own = exporter.export_keying_material([0; 32], b"EXPORTER-Channel-Binding", Some(b"")).unwrap();
            let (mut client, challenge) = challenged(Box::new(stream), address).await;
            assert_eq!((&challenge[0], &challenge[2]["channel_binding"]), (&json!(4), &json!("tls-exporter")));
            let message = bound(&challenge[2], if stolen { others } else { own });
            client.send(authenticate(Cryptosign::new(7).signature(&message))).await;
            let end = client.receive().await.unwrap();
            match stolen {
                false => assert_eq!((&end[0], &end[2]["authid"]), (&json!(2), &json!("joe"))),
                true => assert_eq!((&end[0], &end[2]), (&json!(3), &json!("wamp.error.authentication_denied"))),
            }
            others = own;
        }
    }
}

#[tokio::test]
async fn there_is_nothing_to_bind_to_without_tls() {
    let place = Line::Plain.start(app().realm(realm())).await;
    let (_, end) = challenged(place.connect().await, place.address).await;
    assert_eq!(end[0], 3, "{end}");
}
