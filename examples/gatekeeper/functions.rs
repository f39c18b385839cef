//! Two procedures that a router calls: who a client is that logs in with a ticket, and what it may do.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use serverwamp::{Inject, RpcError, Secret, Single, wamp};

/// Who may join: the ticket and the role of each user.
pub(crate) struct Users(HashMap<String, (Secret, String)>);

impl Users {
    /// These users: name, ticket and role.
    pub(crate) fn new(users: &[(&str, &str, &str)]) -> Users {
        let user = |(name, ticket, role): &(&str, &str, &str)| {
            ((*name).to_owned(), (Secret::from(*ticket), (*role).to_owned()))
        };
        Users(users.iter().map(user).collect())
    }
}

/// What of a login the decision needs. Routers tell more.
#[derive(Deserialize)]
pub(crate) struct Login {
    ticket: String,
}

/// Who a client is.
#[derive(Serialize)]
pub(crate) struct Principal {
    role: String,
}

/// Decides who a client is. The answer is one positional value, whatever its shape: routers take nothing else.
#[wamp::rpc("gate.authenticate", lenient)]
pub(crate) async fn authenticate(
    realm: String,
    authid: String,
    details: Login,
    users: Inject<Users>,
) -> Result<Single<Principal>, RpcError> {
    match users.0.get(&authid) {
        Some((ticket, role)) if *ticket == Secret::from(details.ticket) => Ok(Single(Principal { role: role.clone() })),
        _ => {
            println!("{realm}: a login failed");
            Err(RpcError::new("wamp.error.authentication_failed").message("unknown user or wrong ticket"))
        }
    }
}

/// Who asks for something.
#[derive(Deserialize)]
pub(crate) struct Asking {
    authid: String,
    authrole: String,
}

/// What a client may do, and whether others are told who did it.
///
/// The router may keep the answer: Crossbar does for the whole role, so that only what depends on nothing else may be kept.
/// It needs all three: a publisher gets no answer at all where `disclose` is missing.
#[derive(Serialize)]
pub(crate) struct Permission {
    allow: bool,
    cache: bool,
    disclose: bool,
}

/// Decides what a client may do: users call what the shop offers and hear its news, clerks publish them and offer procedures.
#[wamp::rpc("gate.authorize", lenient)]
pub(crate) async fn authorize(session: Asking, uri: String, action: String) -> Single<Permission> {
    let is_clerk = session.authrole == "clerk";
    let allow = match action.as_str() {
        "call" | "subscribe" => uri.starts_with("shop."),
        "register" | "publish" => is_clerk && uri.starts_with("shop."),
        _ => false,
    };
    if !allow {
        println!("{} may not {action} {uri}", session.authid);
    }
    Single(Permission { allow, cache: true, disclose: false })
}
