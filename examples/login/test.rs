//! Users of the table log in, others do not.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[cfg(feature = "foreign")]
mod process;
#[allow(dead_code, reason = "the server is started here, not by `main`")]
#[path = "main.rs"]
mod program;

use program::server;
use program::users::{User, Users};
use rusqlite::Connection;
use serverwamp::Credentials;
use serverwamp::testing::{CallError, TestClient};

async fn users() -> Users {
    let users = Users::in_connection(Connection::open_in_memory().unwrap()).unwrap();
    users.add("joe", "user", "sesame").await.unwrap();
    users.add("ada", "admin", "öffne dich").await.unwrap();
    users
}

async fn log_in(users: &Users, credentials: Credentials) -> Result<TestClient, CallError> {
    TestClient::build(&server(users)).credentials(credentials).await
}

#[tokio::test]
async fn users_log_in_with_their_passwords() {
    let users = users().await;
    for (name, password, role) in [("joe", "sesame", "user"), ("ada", "öffne dich", "admin")] {
        for (credentials, method) in
            [(Credentials::scram(name, password), "wamp-scram"), (Credentials::cra(name, password), "wampcra")]
        {
            let client = log_in(&users, credentials).await.unwrap();
            let known = (client.authid(), client.authrole(), client.authmethod(), client.authprovider());
            assert_eq!(known, (name, role, method, "users.sqlite"));
            assert_eq!(client.call("whoami", ()).await, Ok(name.to_owned()));
        }
    }
}

#[tokio::test]
async fn wrong_passwords_and_unknown_users_are_refused_alike() {
    let users = users().await;
    for (name, password) in [("joe", "sesam"), ("joe", "öffne dich"), ("eve", "sesame"), ("' OR 1=1 --", "sesame")] {
        for credentials in [Credentials::scram(name, password), Credentials::cra(name, password)] {
            let refused = log_in(&users, credentials).await.unwrap_err();
            assert_eq!(refused.to_string(), REFUSED, "{name}");
        }
    }
    for (credentials, error) in [
        (Credentials::anonymous(), "wamp.error.authentication_required"),
        (Credentials::ticket("joe", "sesame"), "wamp.error.no_matching_auth_method"),
    ] {
        assert_eq!(log_in(&users, credentials).await.unwrap_err().uri(), Some(error));
    }
}

const REFUSED: &str = "the session ended: wamp.error.authentication_denied: the credentials are wrong";

#[tokio::test]
async fn some_functions_are_for_some_roles() {
    let users = users().await;
    let list = async |credentials| -> Result<Vec<String>, CallError> {
        log_in(&users, credentials).await?.call("users.list", ()).await
    };
    assert_eq!(list(Credentials::scram("ada", "öffne dich")).await, Ok(vec!["ada".to_owned(), "joe".to_owned()]));
    let refused = list(Credentials::scram("joe", "sesame")).await.unwrap_err();
    assert_eq!(refused.uri(), Some("wamp.error.not_authorized"));
}

#[tokio::test]
async fn a_new_password_takes_the_place_of_the_old_one() {
    let users = users().await;
    users.add("joe", "admin", "simsim").await.unwrap();
    assert_eq!(users.find("joe").await.unwrap(), Some(User { name: "joe".to_owned(), role: "admin".to_owned() }));
    assert!(log_in(&users, Credentials::scram("joe", "sesame")).await.is_err());
    assert!(log_in(&users, Credentials::scram("joe", "simsim")).await.is_ok());
}

/// What a thief of the table would find.
#[tokio::test]
async fn no_password_is_in_the_table() {
    let directory = std::env::temp_dir().join(format!("serverwamp-login-{}", std::process::id()));
    std::fs::create_dir_all(&directory).unwrap();
    let file = directory.join("users.sqlite");
    let users = Users::open(&file).unwrap();
    users.add("joe", "user", "open sesame").await.unwrap();
    let octets = std::fs::read(&file).unwrap();
    std::fs::remove_dir_all(&directory).unwrap();
    let found = |text: &str| octets.windows(text.len()).any(|window| window == text.as_bytes());
    assert!(found("joe") && found("scram$"));
    assert!(!found("open sesame") && !found("sesame"));
}
