//! Clients log in with every method that they have, with right and wrong secrets.

use serverwamp::{
    App, Authenticated, CraCredential, Kdf, MaybeIdentity, PublicKey, Realm, RpcError, Salt, ScramCredential, Session,
    SigningKey, routes, wamp,
};

use super::{Client, Server, assert_success, finish, node, python, start};

const AUTOBAHN_PYTHON: Client = Client { program: python, script: "logins/with_autobahn.py", url: Server::web_socket };
const AUTOBAHN_PYTHON_RAW: Client = Client { url: Server::raw_socket, ..AUTOBAHN_PYTHON };
const AUTOBAHN_JS: Client = Client { program: node, script: "logins/with_autobahn.mjs", url: Server::web_socket };
const WAMPY: Client = Client { program: node, script: "logins/with_wampy.mjs", url: Server::web_socket };
const XCONN_PYTHON: Client = Client { program: python, script: "logins/with_xconn.py", url: Server::web_socket };

/// What they try.
const LOGINS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/foreign/logins/logins.json");

/// Declares tests in which a client logs in over a line, in a codec.
macro_rules! logins {
    ($($test:ident = $client:expr, $line:expr, $codec:literal;)*) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() {
                log_in($client, $line, $codec).await;
            }
        )*
    };
}

logins! {
    autobahn_python_over_ws = AUTOBAHN_PYTHON, Line::Plain, "json";
    autobahn_python_over_wss = AUTOBAHN_PYTHON, Line::Tls, "cbor.batched";
    autobahn_python_over_rs = AUTOBAHN_PYTHON_RAW, Line::Plain, "msgpack";
    autobahn_python_over_rss = AUTOBAHN_PYTHON_RAW, Line::Tls, "json";
    autobahn_js_over_ws = AUTOBAHN_JS, Line::Plain, "msgpack";
    autobahn_js_over_wss = AUTOBAHN_JS, Line::Tls, "json";
    wampy_over_ws = WAMPY, Line::Plain, "cbor";
    wampy_over_wss = WAMPY, Line::Tls, "msgpack";
    xconn_python_over_ws = XCONN_PYTHON, Line::Plain, "json";
    xconn_python_over_wss = XCONN_PYTHON, Line::Tls, "cbor";
}

/// What the server is reached over.
enum Line {
    Plain,
    Tls,
}

/// Serves users, and lets a client's script log in as each of them.
async fn log_in(client: Client, line: Line, codec: &str) {
    let server = match line {
        Line::Plain => Server::start(members()).await,
        Line::Tls => Server::start_with_tls(members()).await,
    };
    let output = finish(start(client, &server, codec, Some(LOGINS))).await;
    server.stop().await;
    assert_success(client, codec, &output);
}

#[derive(Debug, Clone, Copy)]
struct User {
    authid: &'static str,
    password: &'static str,
    role: &'static str,
    /// Whether what the server knows of the password is salted.
    salted: bool,
    private_key: Option<&'static str>,
}

const USERS: [User; 2] = [
    User {
        authid: "joe",
        password: "sesame",
        role: "user",
        salted: false,
        private_key: Some("4d57d97a68f555696620a6d849c0ce582568518d729eb753dc7c732de2804510"),
    },
    User { authid: "ada", password: "öffne dich", role: "admin", salted: true, private_key: None },
];

/// A realm with every method, one with tickets only, and one that lets anybody in.
fn members() -> App {
    App::new()
        .default_realm(false)
        .realm(
            Realm::new("members")
                .routes(routes![whoami])
                .ticket_authenticator(ticket)
                .cra_authenticator(cra, claimed)
                .scram_authenticator(scram, claimed)
                .cryptosign_authenticator(key),
        )
        .realm(Realm::new("tickets").routes(routes![whoami]).ticket_authenticator(ticket))
        .realm(Realm::new("public").routes(routes![whoami]).ticket_authenticator(ticket).allow_anonymous("guest"))
}

#[wamp::rpc("whoami", manual)]
async fn whoami(user: MaybeIdentity<User>) -> &'static str {
    user.get().map_or("nobody", |user| user.authid)
}

async fn ticket(session: Session, ticket: String) -> Option<Authenticated> {
    user_of(&session).filter(|user| user.password == ticket).map(authenticated)
}

async fn cra(session: Session) -> Result<Option<CraCredential>, RpcError> {
    Ok(match user_of(&session) {
        Some(user) if user.salted => Some(CraCredential::derive(user.password, "salt of the user", 1000)?),
        Some(user) => Some(CraCredential::password(user.password)),
        None => None,
    })
}

async fn scram(session: Session) -> Result<Option<ScramCredential>, RpcError> {
    Ok(match user_of(&session) {
        Some(user) => Some(ScramCredential::derive(user.password, Kdf::default(), Salt::new([7; 16])?)?),
        None => None,
    })
}

async fn claimed(session: Session) -> Option<Authenticated> {
    user_of(&session).map(authenticated)
}

async fn key(session: Session, key: PublicKey) -> Result<Option<Authenticated>, RpcError> {
    for user in USERS {
        if let Some(private_key) = user.private_key
            && SigningKey::from_hex(private_key)?.public_key() == key
        {
            let claimed = session.claims().authid();
            return Ok(claimed.is_none_or(|authid| authid == user.authid).then(|| authenticated(user)));
        }
    }
    Ok(None)
}

fn user_of(session: &Session) -> Option<User> {
    USERS.into_iter().find(|user| session.claims().authid() == Some(user.authid))
}

fn authenticated(user: User) -> Authenticated {
    Authenticated::new(user).authid(user.authid).role(user.role).provider("table")
}
