//! `wamp.session.…`: who is in the realm, and ending their sessions.

use serde::Serialize;

use super::super::realm::RealmState;
use super::Answer;
use super::arguments::{Arguments, no_such_session};
use crate::handler::{RpcError, RpcResult, Session};
use crate::wire::{SessionId, Uri, uris};

/// A session, as the meta API describes it.
#[derive(Serialize)]
pub(crate) struct SessionInfo<'s> {
    session: SessionId,
    authid: &'s str,
    authrole: &'s str,
    authmethod: &'s str,
    authprovider: &'s str,
}

impl SessionInfo<'_> {
    pub(crate) fn of(session: &Session) -> SessionInfo<'_> {
        SessionInfo {
            session: session.id(),
            authid: session.authid(),
            authrole: session.authrole(),
            authmethod: session.authmethod(),
            authprovider: session.authprovider(),
        }
    }
}

pub(super) fn count(realm: &RealmState, arguments: &Arguments) -> Answer {
    Ok(RpcResult::new().arg(with_roles(realm, arguments)?.len()))
}

pub(super) fn list(realm: &RealmState, arguments: &Arguments) -> Answer {
    let mut ids: Vec<SessionId> = with_roles(realm, arguments)?.iter().map(Session::id).collect();
    ids.sort_unstable();
    Ok(RpcResult::new().arg(ids))
}

pub(super) fn get(realm: &RealmState, arguments: &Arguments) -> Answer {
    let session = realm.session(arguments.session(0)?).ok_or_else(no_such_session)?;
    Ok(RpcResult::new().arg(SessionInfo::of(&session)))
}

pub(super) fn kill(realm: &RealmState, arguments: &Arguments) -> Answer {
    let id = arguments.session(0)?;
    let session = realm.session(id).filter(|_| id != arguments.caller().id()).ok_or_else(no_such_session)?;
    Farewell::of(arguments)?.say_to([&session]);
    Ok(RpcResult::new())
}

pub(super) fn kill_by_authid(realm: &RealmState, arguments: &Arguments) -> Answer {
    let authid: String = arguments.required(0, "authid")?;
    let sessions = others(realm, arguments, |session| session.authid() == authid);
    Farewell::of(arguments)?.say_to(&sessions);
    let ids: Vec<SessionId> = sessions.iter().map(Session::id).collect();
    Ok(RpcResult::new().arg(ids))
}

pub(super) fn kill_by_authrole(realm: &RealmState, arguments: &Arguments) -> Answer {
    let authrole: String = arguments.required(0, "authrole")?;
    let sessions = others(realm, arguments, |session| session.authrole() == authrole);
    Farewell::of(arguments)?.say_to(&sessions);
    Ok(RpcResult::new().arg(sessions.len()))
}

/// Those who are ended together have no testaments.
pub(super) fn kill_all(realm: &RealmState, arguments: &Arguments) -> Answer {
    let farewell = Farewell::of(arguments)?;
    let sessions = others(realm, arguments, |_| true);
    sessions.iter().for_each(|session| realm.testaments().forget(session.id()));
    farewell.say_to(&sessions);
    Ok(RpcResult::new().arg(sessions.len()))
}

/// The sessions with one of the roles that are asked for; all, where none are.
fn with_roles(realm: &RealmState, arguments: &Arguments) -> Result<Vec<Session>, RpcError> {
    let roles: Option<Vec<String>> = arguments.optional(0, "filter_authroles")?;
    let has_role =
        |session: &Session| roles.as_ref().is_none_or(|roles| roles.iter().any(|role| role == session.authrole()));
    Ok(realm.all_sessions().into_iter().filter(has_role).collect())
}

/// All but the caller, who is never ended.
fn others(realm: &RealmState, arguments: &Arguments, wanted: impl Fn(&Session) -> bool) -> Vec<Session> {
    let own = arguments.caller();
    realm.all_sessions().into_iter().filter(|session| session != own && wanted(session)).collect()
}

/// What sessions are told that are ended.
struct Farewell {
    reason: Uri,
    message: String,
}

impl Farewell {
    fn of(arguments: &Arguments) -> Result<Farewell, RpcError> {
        let message = arguments.keyword("message")?.unwrap_or_default();
        Ok(Farewell { reason: arguments.reason(uris::KILLED)?, message })
    }

    fn say_to<'s>(&self, sessions: impl IntoIterator<Item = &'s Session>) {
        sessions.into_iter().for_each(|session| session.close(&*self.reason, self.message.as_str()));
    }
}
