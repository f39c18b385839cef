//! `wamp.registration.…`: who offers what, and ending that.

use super::super::realm::RealmState;
use super::Answer;
use super::arguments::{Arguments, no_such_registration, no_such_session};
use crate::handler::RpcResult;
use crate::wire::uris;

pub(super) fn list(realm: &RealmState, _: &Arguments) -> Answer {
    Ok(RpcResult::new().arg(realm.dealer().list()))
}

pub(super) fn lookup(realm: &RealmState, arguments: &Arguments) -> Answer {
    let policy = arguments.match_policy()?;
    let procedure = arguments.pattern(0, "procedure", policy)?;
    Ok(RpcResult::new().arg(realm.dealer().lookup(&procedure, policy)))
}

pub(super) fn matching(realm: &RealmState, arguments: &Arguments) -> Answer {
    Ok(RpcResult::new().arg(realm.dealer().matching(&arguments.uri(0, "procedure")?)))
}

pub(super) fn get(realm: &RealmState, arguments: &Arguments) -> Answer {
    let info = realm.dealer().describe(arguments.registration()?).ok_or_else(no_such_registration)?;
    Ok(RpcResult::new().arg(info))
}

pub(super) fn list_callees(realm: &RealmState, arguments: &Arguments) -> Answer {
    let callees = realm.dealer().callees(arguments.registration()?).ok_or_else(no_such_registration)?;
    Ok(RpcResult::new().arg(callees))
}

pub(super) fn count_callees(realm: &RealmState, arguments: &Arguments) -> Answer {
    let callees = realm.dealer().callees(arguments.registration()?).ok_or_else(no_such_registration)?;
    Ok(RpcResult::new().arg(callees.len()))
}

pub(super) fn remove_callee(realm: &RealmState, arguments: &Arguments) -> Answer {
    let (registration, session) = (arguments.registration()?, arguments.session(1)?);
    let reason = arguments.reason(uris::CLOSE_NORMAL)?;
    realm.dealer().describe(registration).ok_or_else(no_such_registration)?;
    match realm.dealer().revoke(session, registration, &reason, realm.broker()) {
        true => Ok(RpcResult::new()),
        false => Err(no_such_session()),
    }
}
