//! The table of users.
//!
//! No password is in it. Whoever steals it can neither log in with what it knows for SCRAM nor find the passwords, other
//! than by trying, which SCRAM makes expensive. What it knows for WAMP-CRA is weaker: with that key one can log in to this
//! server, though not find the password. A server whose clients all have SCRAM should leave those columns out.

use std::error::Error;
use std::fmt::{self, Display};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::{Connection, OptionalExtension, Row, params};
use serverwamp::{CraCredential, Kdf, Salt, ScramCredential, WampError};
use tokio::task::spawn_blocking;

/// What clients in JavaScript do within a second. More would make it harder for a thief of the table to try passwords.
const CRA_ITERATIONS: u32 = 10_000;
const CRA_KEY_LENGTH: u32 = 32;

const TABLE: &str = "CREATE TABLE IF NOT EXISTS users (
    name TEXT PRIMARY KEY,
    role TEXT NOT NULL,
    scram TEXT NOT NULL,
    cra_key TEXT NOT NULL,
    cra_salt TEXT NOT NULL
) STRICT";

/// A user, as functions get it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct User {
    pub(crate) name: String,
    pub(crate) role: String,
}

/// Anything that goes wrong; clients are told nothing of it.
#[derive(WampError)]
#[wamp(internal)]
pub(crate) struct Failure(pub(crate) Box<dyn Error + Send + Sync>);

impl<E: Error + Send + Sync + 'static> From<E> for Failure {
    fn from(error: E) -> Failure {
        Failure(Box::new(error))
    }
}

/// What is logged, and what `main` ends with.
impl fmt::Debug for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        Display::fmt(&self.0, formatter)
    }
}

/// The users, in a file. SQLite waits for the disk, so all of it runs on threads that may.
#[derive(Debug, Clone)]
pub(crate) struct Users(Arc<Mutex<Connection>>);

impl Users {
    /// Opens the table, and makes it if it is not there.
    pub(crate) fn open(path: impl AsRef<Path>) -> Result<Users, Failure> {
        Users::in_connection(Connection::open(path)?)
    }

    pub(crate) fn in_connection(connection: Connection) -> Result<Users, Failure> {
        connection.execute(TABLE, [])?;
        Ok(Users(Arc::new(Mutex::new(connection))))
    }

    /// Adds a user, or changes the one of this name.
    pub(crate) async fn add(&self, name: &str, role: &str, password: &str) -> Result<(), Failure> {
        let (name, role, password) = (name.to_owned(), role.to_owned(), password.to_owned());
        let salts: ([u8; 16], u128) = rand::random();
        self.run(move |connection| {
            let scram = ScramCredential::derive(&password, Kdf::default(), Salt::new(salts.0)?)?;
            let cra_salt = format!("{:032x}", salts.1);
            let cra = CraCredential::derive(&password, &cra_salt, CRA_ITERATIONS)?;
            connection.execute(
                "INSERT OR REPLACE INTO users VALUES (?, ?, ?, ?, ?)",
                params![name, role, scram.to_stored().as_str(), cra.secret().as_str(), cra_salt],
            )?;
            Ok(())
        })
        .await
    }

    /// The user of this name.
    pub(crate) async fn find(&self, name: &str) -> Result<Option<User>, Failure> {
        self.get("SELECT name, role FROM users WHERE name = ?", name, |row| {
            Ok(User { name: row.get(0)?, role: row.get(1)? })
        })
        .await
    }

    /// The names of all users.
    pub(crate) async fn names(&self) -> Result<Vec<String>, Failure> {
        self.run(|connection| {
            let mut names = connection.prepare_cached("SELECT name FROM users ORDER BY name")?;
            let names = names.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
            Ok(names)
        })
        .await
    }

    /// By what a user is recognised with SCRAM.
    pub(crate) async fn scram(&self, name: &str) -> Result<Option<ScramCredential>, Failure> {
        let stored: Option<String> = self.get("SELECT scram FROM users WHERE name = ?", name, |row| row.get(0)).await?;
        Ok(stored.map(|stored| ScramCredential::from_stored(&stored)).transpose()?)
    }

    /// By what a user is recognised with WAMP-CRA.
    pub(crate) async fn cra(&self, name: &str) -> Result<Option<CraCredential>, Failure> {
        let stored: Option<(String, String)> = self
            .get("SELECT cra_key, cra_salt FROM users WHERE name = ?", name, |row| Ok((row.get(0)?, row.get(1)?)))
            .await?;
        let credential =
            stored.map(|(key, salt)| CraCredential::salted(key, salt, CRA_ITERATIONS, CRA_KEY_LENGTH)).transpose()?;
        Ok(credential)
    }

    async fn get<T: Send + 'static>(
        &self,
        query: &'static str,
        name: &str,
        read: impl FnOnce(&Row<'_>) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<Option<T>, Failure> {
        let name = name.to_owned();
        self.run(move |connection| Ok(connection.prepare_cached(query)?.query_row([name], read).optional()?)).await
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Failure> {
        let connection = Arc::clone(&self.0);
        let working = spawn_blocking(move || work(&connection.lock().unwrap_or_else(PoisonError::into_inner)));
        working.await?
    }
}
