//! `wamp.session.add_testament`, `wamp.session.flush_testaments`.

use std::sync::Arc;

use super::super::coverage::is_reserved;
use super::super::realm::RealmState;
use super::super::testaments::{Scope, TooMany};
use super::Answer;
use super::arguments::Arguments;
use crate::handler::{Action, IntoPayload, RpcError, RpcResult};
use crate::wire::{Dict, Options, Publish, PublishOptions, RequestId, Uri, Value, uris};

/// Keeps an event that is published when the session is over. Whether the session may publish it is decided now.
pub(super) async fn add(realm: Arc<RealmState>, arguments: Arguments) -> Answer {
    let session = arguments.caller();
    let scope = scope(&arguments)?;
    let publish = publication(&arguments)?;
    let Publish { topic, options, .. } = &publish;
    may_publish(&realm, topic)?;
    let action = Action::publish(options.disclose_me);
    let functions = realm.dealer().endpoints().events.matching(topic);
    if !functions.into_iter().all(|function| function.admits(session)) {
        return Err(RpcError::not_authorized(format!("you may not {}", action.in_words(topic))));
    }
    let decision = realm.access().authorities.ask(session, topic, action, realm.limits().authorization_timeout).await?;
    let mut publish = publish;
    if decision.disclosure() == Some(true) {
        publish.options.disclose_me = Some(true);
    }
    let added = realm.testaments().add(session.id(), scope, publish, realm.limits());
    added.map_err(|TooMany { limit, maximum }| {
        session.outbox().note_limit(limit);
        let error = RpcError::new(uris::LIMIT_EXCEEDED).kwarg("limit", limit);
        error.message(format!("a session may have testaments up to {maximum} {}", limit_in_words(limit)))
    })?;
    Ok(RpcResult::new())
}

/// Forgets the testaments of one scope.
pub(super) fn flush(realm: &RealmState, arguments: &Arguments) -> Answer {
    let scope = scope(arguments)?;
    realm.testaments().flush(arguments.caller().id(), scope);
    Ok(RpcResult::new())
}

fn scope(arguments: &Arguments) -> Result<Scope, RpcError> {
    match arguments.keyword::<String>("scope")?.as_deref() {
        None | Some("destroyed") => Ok(Scope::Destroyed),
        Some("detached") => Ok(Scope::Detached),
        Some(_) => Err(RpcError::invalid_argument("argument `scope`: expected `destroyed` or `detached`")),
    }
}

/// The PUBLISH that the arguments stand for.
fn publication(arguments: &Arguments) -> Result<Publish, RpcError> {
    let codec = arguments.caller().codec();
    let topic = arguments.uri(0, "topic")?;
    let args: Vec<Value> = arguments.optional(1, "args")?.unwrap_or_default();
    let kwargs: Dict = arguments.optional(2, "kwargs")?.unwrap_or_default();
    let options: Dict = arguments.keyword("publish_options")?.unwrap_or_default();
    let options = Options::<PublishOptions>::from_dict(codec, &options)
        .map_err(|error| RpcError::invalid_argument(format!("argument `publish_options`: {error}")))?;
    let payload = RpcResult::from_parts(args, kwargs).into_payload(codec);
    let payload = payload.map_err(|error| RpcError::invalid_argument(error.to_string()))?;
    Ok(Publish { request: RequestId::FIRST, options, topic, payload })
}

fn may_publish(realm: &RealmState, topic: &Uri) -> Result<(), RpcError> {
    if is_reserved(topic) {
        return Err(RpcError::new(uris::INVALID_URI).message(format!("`{topic}` is a topic of the protocol")));
    }
    match realm.topics().may_publish(topic) {
        true => Ok(()),
        false => Err(RpcError::not_authorized(format!("clients may not publish to `{topic}`"))),
    }
}

fn limit_in_words(limit: &str) -> &'static str {
    if limit == "testaments" { "in number" } else { "octets" }
}
