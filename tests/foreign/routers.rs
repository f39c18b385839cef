//! The routers that clients and hosted functions are tested with: Crossbar, a router in Python, and our own.

use serde_json::{Value, json};
use serverwamp::{
    ActionKind, Authenticated, CraCredential, History, Kdf, Limits, MatchPolicy, PublicKey, Realm, RpcError, Rules,
    Salt, ScramCredential, Session, SigningKey,
};

pub(super) use super::crossbar::START_TIME;
use super::crossbar::{Crossbar, free_ports, tcp};
use super::*;

/// What the only user of the realm `members` logs in with.
pub(super) const USER: &str = "joe";
pub(super) const PASSWORD: &str = "sesame";
pub(super) const PRIVATE_KEY: &str = "4d57d97a68f555696620a6d849c0ce582568518d729eb753dc7c732de2804510";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Brand {
    Crossbar,
    Ours,
}

/// A router with the realm `realm1`, which is open to all as guests, and the realm `members`, where clients log in.
pub(super) struct Router {
    pub(super) brand: Brand,
    /// What its realm `realm1` has besides, where the brand can have that.
    realm: Realm,
    /// Callers and publishers are disclosed below this URI.
    disclosed: &'static str,
    ports: [u16; 3],
    running: Running,
}

enum Running {
    Crossbar(Crossbar),
    Ours(AppHandle, Serving),
}

impl Router {
    pub(super) async fn start(brand: Brand, disclosed: &'static str) -> Router {
        Router::with(brand, Realm::new("realm1"), disclosed).await
    }

    /// One that has more in its realm, if it is ours.
    pub(super) async fn with(brand: Brand, realm: Realm, disclosed: &'static str) -> Router {
        let ports = free_ports();
        let running = run(brand, &realm, disclosed, ports).await;
        Router { brand, realm, disclosed, ports, running }
    }

    pub(super) fn web_socket(&self) -> String {
        format!("ws://127.0.0.1:{}/", self.ports[0])
    }

    pub(super) fn raw_socket(&self) -> String {
        format!("rs://127.0.0.1:{}", self.ports[1])
    }

    /// Where clients log in to the realm `members`.
    pub(super) fn members(&self) -> String {
        format!("ws://127.0.0.1:{}/", self.ports[2])
    }

    /// Ends it, and starts it again where it was.
    pub(super) async fn restart(self) -> Router {
        self.running.stop().await;
        let running = run(self.brand, &self.realm, self.disclosed, self.ports).await;
        Router { running, ..self }
    }

    pub(super) async fn stop(self) {
        self.running.stop().await;
    }
}

impl Running {
    async fn stop(self) {
        match self {
            Running::Crossbar(crossbar) => crossbar.stop().await,
            Running::Ours(handle, task) => {
                handle.shutdown();
                task.await.expect("the router panicked").expect("the router failed");
            }
        }
    }
}

async fn run(brand: Brand, realm: &Realm, disclosed: &str, ports: [u16; 3]) -> Running {
    match brand {
        Brand::Crossbar => Running::Crossbar(Crossbar::start(&ports[0].to_string(), &worker(disclosed, ports))),
        Brand::Ours => {
            let app = ours(realm.clone(), disclosed, ports);
            let (_, handle, task) = serve(app).await;
            Running::Ours(handle, task)
        }
    }
}

fn ours(realm: Realm, disclosed: &str, ports: [u16; 3]) -> App {
    let all = [ActionKind::Call, ActionKind::Register, ActionKind::Publish, ActionKind::Subscribe];
    let rules = Rules::new().allow("guest", disclosed, MatchPolicy::Prefix, all).disclose(true);
    let rules = rules.allow("guest", "", MatchPolicy::Prefix, all).allow("guest", "wamp.", MatchPolicy::Prefix, all);
    let members = Realm::new("members")
        .router()
        .allow_plain_tickets()
        .ticket_authenticator(ticket)
        .cra_authenticator(cra, |_: Session| async { Some(user()) })
        .scram_authenticator(scram, |_: Session| async { Some(user()) })
        .cryptosign_authenticator(|_: Session, key: PublicKey| async move { (key == public_key()).then(user) });
    let realm = realm.router().allow_anonymous("guest").rules(rules);
    let realm = realm.history("history.", MatchPolicy::Prefix, History::new());
    let app = App::new().default_realm(false).realm(realm).realm(members);
    // Autobahn|Python's RawSocket cannot stand pings.
    let app = app.limits(Limits { ping_interval: START_TIME, ..Limits::default() });
    ports.into_iter().fold(app, |app, port| app.bind(format!("127.0.0.1:{port}")))
}

fn user() -> Authenticated {
    Authenticated::new(()).authid(USER).role("user")
}

fn public_key() -> PublicKey {
    SigningKey::from_hex(PRIVATE_KEY).expect("a key").public_key()
}

async fn ticket(session: Session, ticket: String) -> Option<Authenticated> {
    (session.claims().authid() == Some(USER) && ticket == PASSWORD).then(user)
}

async fn cra(session: Session) -> Option<CraCredential> {
    (session.claims().authid() == Some(USER)).then(|| CraCredential::password(PASSWORD))
}

async fn scram(session: Session) -> Result<Option<ScramCredential>, RpcError> {
    match session.claims().authid() == Some(USER) {
        true => Ok(Some(ScramCredential::derive(PASSWORD, Kdf::default(), Salt::new([7; 16])?)?)),
        false => Ok(None),
    }
}

/// What Crossbar is told.
fn worker(disclosed: &str, ports: [u16; 3]) -> Value {
    let role = |name: &str, uris: &[(&str, bool)]| {
        let allow = json!({"call": true, "register": true, "publish": true, "subscribe": true});
        let permissions = uris.iter().map(|(uri, is_disclosed)| {
            let disclose = json!({"caller": is_disclosed, "publisher": is_disclosed});
            json!({"uri": uri, "match": "prefix", "allow": allow, "disclose": disclose, "cache": true})
        });
        json!({"name": name, "permissions": permissions.collect::<Vec<_>>()})
    };
    let uris = match disclosed {
        "" => vec![("", true)],
        uri => vec![("", false), (uri, true)],
    };
    let guests = json!({"anonymous": {"type": "static", "role": "guest"}});
    let members = json!({
        "ticket": {"type": "static", "principals": {USER: {"ticket": PASSWORD, "role": "user"}}},
        "wampcra": {"type": "static", "users": {USER: {"secret": PASSWORD, "role": "user"}}},
        "cryptosign": {"type": "static",
            "principals": {USER: {"realm": "members", "role": "user", "authorized_keys": [public_key().to_hex()]}}},
    });
    let [web_socket, raw_socket, logins] = ports.map(tcp);
    let serializers = json!(["cbor", "msgpack", "json"]);
    json!({
        "type": "router",
        "realms": [
            {"name": "realm1", "roles": [role("guest", &uris)]},
            {"name": "members", "roles": [role("user", &[("", false)])]},
        ],
        "transports": [
            {"type": "websocket", "endpoint": web_socket, "serializers": serializers, "auth": guests},
            {"type": "rawsocket", "endpoint": raw_socket, "serializers": serializers, "auth": guests},
            {"type": "websocket", "endpoint": logins, "serializers": serializers, "auth": members},
        ],
    })
}
