//! Our own client logs in by every method.

use serverwamp::testing::TestClient;
use serverwamp::{
    Answer, App, Authenticated, Challenge, CraCredential, Credentials, Kdf, PublicKey, Realm, Salt, ScramCredential,
    Session, SigningKey,
};

async fn joe(session: Session) -> Option<Authenticated> {
    (session.claims().authid() == Some("joe")).then(|| Authenticated::new(()).role("user"))
}

fn app() -> App {
    let scram = |kdf| ScramCredential::derive("pencil", kdf, Salt::random()).unwrap();
    let (argon2, pbkdf2) = (scram(Kdf::argon2id(1, 8 << 10).unwrap()), scram(Kdf::pbkdf2(4096).unwrap()));
    let key = SigningKey::from_bytes(&[7; 32]).public_key();
    let realm = |name| Realm::new(name).topics("news.");
    let credential = |known: ScramCredential| {
        move |session: Session| {
            let known = known.clone();
            async move { (session.claims().authid() == Some("joe")).then_some(known) }
        }
    };
    App::new()
        .realm(realm("ticket").ticket_authenticator(async |session: Session, ticket: String| match ticket.as_str() {
            "pencil" => joe(session).await,
            _ => None,
        }))
        .realm(realm("cra").cra_authenticator(
            async |session: Session| joe(session).await.map(|_| CraCredential::password("pencil")),
            joe,
        ))
        .realm(realm("salted").cra_authenticator(
            async |session: Session| {
                joe(session).await?;
                CraCredential::derive("pencil", "salt", 100).ok()
            },
            joe,
        ))
        .realm(realm("argon2").scram_authenticator(credential(argon2), joe))
        .realm(realm("pbkdf2").scram_authenticator(credential(pbkdf2), joe))
        .realm(realm("cryptosign").cryptosign_authenticator(move |session, given: PublicKey| {
            let known = given == key;
            async move { joe(session).await.filter(|_| known) }
        }))
        .realm(realm("custom").authentication_handler(async |session: Session| {
            let answer = session.challenge("riddle", [("question", "?")].into()).await?;
            if answer.signature == "pencil" {
                session.mark_authenticated(Authenticated::new(()).authid("joe").role("user"));
            }
            Ok::<_, serverwamp::RpcError>(())
        }))
}

/// What a client knows for each realm, with which it is to be let in or refused.
fn credentials(realm: &str, authid: &str, right: bool) -> Credentials {
    let password = if right { "pencil" } else { "pen" };
    match realm {
        "ticket" => Credentials::ticket(authid, password),
        "cra" | "salted" => Credentials::cra(authid, password),
        "cryptosign" => {
            Credentials::cryptosign(SigningKey::from_bytes(&[if right { 7 } else { 8 }; 32])).authid(authid)
        }
        "custom" => {
            let answer = move |_: Challenge| async move { Ok::<_, std::io::Error>(Answer::from(password)) };
            Credentials::custom("riddle", answer).authid(authid)
        }
        _ => Credentials::scram(authid, password),
    }
}

#[tokio::test]
async fn every_method() {
    let app = app();
    for realm in ["ticket", "cra", "salted", "argon2", "pbkdf2", "cryptosign", "custom"] {
        for serializer in ["wamp.2.json", "wamp.2.msgpack", "wamp.2.cbor"] {
            for (authid, right) in [("joe", true), ("joe", false), ("jim", true)] {
                let joining = TestClient::build(&app).realm(realm).serializer(serializer);
                let joined = joining.credentials(credentials(realm, authid, right)).await;
                match joined {
                    Ok(client) => {
                        assert!(right && (authid == "joe" || realm == "custom"), "{realm}");
                        assert_eq!((client.authid(), client.authrole()), ("joe", "user"), "{realm}");
                    }
                    Err(error) => {
                        assert!(!right || authid == "jim", "{realm}: {error}");
                        assert_eq!(error.uri(), Some("wamp.error.authentication_denied"), "{realm}: {error}");
                    }
                }
            }
        }
    }
}
