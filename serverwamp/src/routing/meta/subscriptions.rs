//! `wamp.subscription.…`: who is subscribed to what, and ending that.

use super::super::realm::RealmState;
use super::Answer;
use super::arguments::{Arguments, no_such_session, no_such_subscription};
use crate::handler::RpcResult;
use crate::wire::uris;

pub(super) fn list(realm: &RealmState, _: &Arguments) -> Answer {
    Ok(RpcResult::new().arg(realm.broker().list()))
}

pub(super) fn lookup(realm: &RealmState, arguments: &Arguments) -> Answer {
    let policy = arguments.match_policy()?;
    let topic = arguments.pattern(0, "topic", policy)?;
    Ok(RpcResult::new().arg(realm.broker().lookup(&topic, policy)))
}

pub(super) fn matching(realm: &RealmState, arguments: &Arguments) -> Answer {
    let ids = realm.broker().matching(&arguments.uri(0, "topic")?);
    Ok(RpcResult::new().arg(Some(ids).filter(|ids| !ids.is_empty())))
}

pub(super) fn get(realm: &RealmState, arguments: &Arguments) -> Answer {
    let info = realm.broker().describe(arguments.subscription()?).ok_or_else(no_such_subscription)?;
    Ok(RpcResult::new().arg(info))
}

pub(super) fn list_subscribers(realm: &RealmState, arguments: &Arguments) -> Answer {
    let subscribers = realm.broker().subscribers(arguments.subscription()?).ok_or_else(no_such_subscription)?;
    Ok(RpcResult::new().arg(subscribers))
}

pub(super) fn count_subscribers(realm: &RealmState, arguments: &Arguments) -> Answer {
    let count = realm.broker().count_subscribers(arguments.subscription()?).ok_or_else(no_such_subscription)?;
    Ok(RpcResult::new().arg(count))
}

pub(super) fn remove_subscriber(realm: &RealmState, arguments: &Arguments) -> Answer {
    let (subscription, session) = (arguments.subscription()?, arguments.session(1)?);
    let reason = arguments.reason(uris::CLOSE_NORMAL)?;
    realm.broker().describe(subscription).ok_or_else(no_such_subscription)?;
    match realm.broker().revoke(session, subscription, &reason) {
        true => Ok(RpcResult::new()),
        false => Err(no_such_session()),
    }
}
