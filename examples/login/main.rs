//! A server whose users log in with passwords, of which a table in SQLite knows as little as possible.
//!
//! ```text
//! cargo run --example login -- add joe            asks for a password
//! cargo run --example login -- add ada admin      a user with a role
//! cargo run --example login                       serves them
//! ```
//!
//! `LOGIN_USERS` is the file of the table, `users.sqlite` if it is not set; `WAMP_ADDR` is where the server listens.
//! Nobody but the server should be able to read that file.
//!
//! Clients should log in with SCRAM (`wamp-scram`, `scram`). WAMP-CRA is there for those that cannot.

pub(crate) mod users;

use std::env;
use std::io::{self, Write};

use serverwamp::{App, Authenticated, CraCredential, Identity, Inject, ScramCredential, Session, Single, wamp};
use users::{Failure, User, Users};

/// Who is calling.
#[wamp::rpc]
async fn whoami(user: Identity<User>) -> String {
    user.name.clone()
}

/// The names of all users, for administrators.
#[wamp::rpc("users.list", role = "admin")]
async fn list(users: Inject<Users>) -> Result<Single<Vec<String>>, Failure> {
    users.names().await.map(Single)
}

/// A server for the users of a table.
pub(crate) fn server(users: &Users) -> App {
    let (scram, cra) = (users.clone(), users.clone());
    let (after_scram, after_cra) = (users.clone(), users.clone());
    serverwamp::serve()
        .inject(users.clone())
        .scram_authenticator(
            move |session| scram_of(scram.clone(), session),
            move |session| identity_of(after_scram.clone(), session),
        )
        .cra_authenticator(
            move |session| cra_of(cra.clone(), session),
            move |session| identity_of(after_cra.clone(), session),
        )
}

/// What the table knows of a user who logs in with SCRAM.
async fn scram_of(users: Users, session: Session) -> Result<Option<ScramCredential>, Failure> {
    match session.claims().authid() {
        Some(name) => users.scram(name).await,
        None => Ok(None),
    }
}

/// What the table knows of a user who logs in with WAMP-CRA.
async fn cra_of(users: Users, session: Session) -> Result<Option<CraCredential>, Failure> {
    match session.claims().authid() {
        Some(name) => users.cra(name).await,
        None => Ok(None),
    }
}

/// Who has logged in: asked only when the password was right.
async fn identity_of(users: Users, session: Session) -> Result<Option<Authenticated>, Failure> {
    let Some(name) = session.claims().authid() else { return Ok(None) };
    let user = users.find(name).await?;
    Ok(user.map(|user| {
        let role = user.role.clone();
        Authenticated::new(user).role(role).provider("users.sqlite")
    }))
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    tracing_subscriber::fmt().with_target(false).init();
    let users = Users::open(env::var_os("LOGIN_USERS").unwrap_or_else(|| "users.sqlite".into()))?;
    let arguments: Vec<String> = env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        [] => server(&users).await?,
        ["add", name] => users.add(name, "user", &ask_password()?).await?,
        ["add", name, role] => users.add(name, role, &ask_password()?).await?,
        _ => return Err(Failure("usage: login [add NAME [ROLE]]".into())),
    }
    Ok(())
}

/// A line of standard input.
fn ask_password() -> Result<String, Failure> {
    eprint!("password (it shows as you type): ");
    io::stderr().flush()?;
    let mut password = String::new();
    io::stdin().read_line(&mut password)?;
    match password.trim_end_matches(['\r', '\n']) {
        "" => Err(Failure("no password".into())),
        password => Ok(password.to_owned()),
    }
}
