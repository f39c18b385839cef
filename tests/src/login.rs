//! The client's side of every way to log in, written down a second time as a judge of the server's.

use base64::Engine;
use base64::prelude::BASE64_STANDARD as BASE64;
use ed25519_dalek::{Signer, SigningKey};
use hmac::{Hmac, KeyInit, Mac};
use pbkdf2::pbkdf2_hmac;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::{App, Peer, Serializer};

/// HELLO of a caller with these details besides.
pub fn hello(realm: &str, details: &Value) -> Value {
    let mut all = json!({"roles": {"caller": {}}});
    let entries = all.as_object_mut().expect("a dict");
    entries.extend(details.as_object().expect("a dict").clone());
    json!([1, realm, all])
}

/// Logs in to `realm1`: sends HELLO with these details, and answers a challenge, given its method and its extra. Returns
/// the message that ends it, and the peer.
pub async fn login(
    app: &App,
    serializer: Serializer,
    details: &Value,
    answer: impl Fn(&str, &Value) -> Value,
) -> (Value, Peer) {
    let mut peer = Peer::connect(app, serializer);
    peer.send(hello("realm1", details)).await;
    loop {
        let message = peer.receive().await.expect("an end of the login");
        if message[0] != 4 {
            return (message, peer);
        }
        peer.send(answer(message[1].as_str().expect("a method"), &message[2])).await;
    }
}

/// AUTHENTICATE with a signature and nothing else.
pub fn authenticate(signature: impl Into<String>) -> Value {
    json!([5, signature.into(), {}])
}

fn hmac(key: &[u8], message: &[u8]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("any key");
    mac.update(message);
    mac.finalize().into_bytes().into()
}

/// AUTHENTICATE as WAMP-CRA has it.
pub fn cra(password: &str, challenge: &Value) -> Value {
    let text = challenge["challenge"].as_str().expect("a challenge");
    let key = match challenge["salt"].as_str() {
        Some(salt) => {
            let mut key = vec![0; challenge["keylen"].as_u64().expect("a length") as usize];
            let iterations = challenge["iterations"].as_u64().expect("iterations") as u32;
            pbkdf2_hmac::<Sha256>(password.as_bytes(), salt.as_bytes(), iterations, &mut key);
            BASE64.encode(key)
        }
        None => password.to_owned(),
    };
    authenticate(BASE64.encode(hmac(key.as_bytes(), text.as_bytes())))
}

/// A client of SCRAM with PBKDF2, and without a channel binding.
pub struct Scram {
    /// `wamp-scram` or `scram`.
    pub method: &'static str,
    /// Who it is.
    pub authid: &'static str,
    /// What it knows.
    pub password: &'static str,
}

impl Scram {
    /// Sixteen octets.
    pub const NONCE: &'static str = "AAECAwQFBgcICQoLDA0ODw==";

    /// What HELLO says.
    pub fn details(&self) -> Value {
        json!({"authmethods": [self.method], "authid": self.authid, "authextra": {"nonce": Scram::NONCE}})
    }

    /// AUTHENTICATE, and what the server has to prove in WELCOME.
    pub fn answer(&self, challenge: &Value) -> (Value, String) {
        assert_eq!(challenge["kdf"], "pbkdf2", "the judge knows nothing else");
        let (nonce, salt) =
            (challenge["nonce"].as_str().expect("a nonce"), challenge["salt"].as_str().expect("a salt"));
        let iterations = challenge["iterations"].as_u64().expect("iterations") as u32;
        let mut salted = [0; 32];
        let octets = BASE64.decode(salt).expect("base64");
        pbkdf2_hmac::<Sha256>(self.password.as_bytes(), &octets, iterations, &mut salted);
        let (user, own) = (self.authid, Scram::NONCE);
        let (binding, extra) = match self.method {
            "wamp-scram" => ("biws", json!({"nonce": nonce, "channel_binding": null, "cbind_data": null})),
            _ => ("", json!({})),
        };
        let message = format!("n={user},r={own},r={nonce},s={salt},i={iterations},c={binding},r={nonce}");
        let client_key = hmac(&salted, b"Client Key");
        let stored_key: [u8; 32] = Sha256::digest(client_key).into();
        let client_signature = hmac(&stored_key, message.as_bytes());
        let proof: Vec<u8> = client_key.iter().zip(client_signature).map(|(one, other)| one ^ other).collect();
        let verifier = hmac(&hmac(&salted, b"Server Key"), message.as_bytes());
        (json!([5, BASE64.encode(proof), extra]), BASE64.encode(verifier))
    }
}

/// A client of cryptosign.
pub struct Cryptosign(SigningKey);

impl Cryptosign {
    /// One with a private key of 32 such octets.
    pub fn new(octet: u8) -> Cryptosign {
        Cryptosign(SigningKey::from_bytes(&[octet; 32]))
    }

    /// The public key.
    pub fn key(&self) -> String {
        hex(self.0.verifying_key().as_bytes())
    }

    /// What HELLO says.
    pub fn details(&self) -> Value {
        json!({"authmethods": ["cryptosign"], "authextra": {"pubkey": self.key()}})
    }

    /// `AUTHENTICATE.Signature`.
    pub fn signature(&self, challenge: &Value) -> String {
        let text = challenge["challenge"].as_str().expect("a challenge");
        let octets: Vec<u8> =
            (0..32).map(|at| u8::from_str_radix(&text[2 * at..2 * at + 2], 16).expect("digits")).collect();
        hex(&self.0.sign(&octets).to_bytes()) + text
    }
}

fn hex(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}
