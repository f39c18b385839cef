//! `wamp.subscription.get_events`: events of the past.

use std::sync::Arc;
use std::time::SystemTime;

use super::super::history::{PastEvent, Query, QueryError};
use super::super::kept::encoded_details;
use super::super::realm::RealmState;
use super::Answer;
use super::arguments::{Arguments, no_such_subscription};
use crate::handler::{Action, RpcError, RpcResult};
use crate::wire::{
    Codec, Dict, EventDetails, MatchPolicy, PublicationId, RawDict, SubscriptionId, Timestamp, Uri, Value, uris,
};

/// What was published on a subscription.
pub(super) async fn get_events(realm: Arc<RealmState>, arguments: Arguments) -> Answer {
    let id = arguments.subscription()?;
    let (topic, policy) = realm.broker().topic_of(id).ok_or_else(no_such_subscription)?;
    let query = query(&arguments, topic.clone(), policy)?;
    check_readable(&realm, &arguments, id, &topic, policy).await?;
    let history = realm.broker().history_of(&topic, policy).ok_or_else(|| {
        RpcError::new(uris::HISTORY_UNAVAILABLE).message(format!("no history is kept of `{topic}` ({policy})"))
    })?;
    let events = history.query(query, arguments.caller(), Timestamp::from(SystemTime::now())).await;
    let events = events.map_err(|error| match error {
        QueryError::UnknownPublication(id) => {
            RpcError::invalid_argument(format!("publication {id} is not in the history"))
        }
        QueryError::Unavailable => RpcError::new(uris::HISTORY_UNAVAILABLE).message("the history cannot be read now"),
    })?;
    let events: Vec<Value> = events.iter().map(|past| described(past, id, policy)).collect();
    Ok(RpcResult::new().arg(events))
}

/// Whoever has the subscription may read its past; others if they could subscribe, and no function has a say in that.
async fn check_readable(
    realm: &RealmState,
    arguments: &Arguments,
    id: SubscriptionId,
    topic: &Uri,
    policy: MatchPolicy,
) -> Result<(), RpcError> {
    let caller = arguments.caller();
    if realm.broker().is_subscribed(caller.id(), id) {
        return Ok(());
    }
    let action = Action::subscribe(Some(policy));
    let is_open =
        realm.topics().may_subscribe(topic, policy) && realm.dealer().endpoints().deciding(topic, policy).is_empty();
    if !is_open {
        return Err(RpcError::not_authorized(format!("to read what came before, {}", action.in_words(topic))));
    }
    realm.access().authorities.ask(caller, topic, action, realm.limits().authorization_timeout).await.map(|_| ())
}

fn query(arguments: &Arguments, topic: Uri, policy: MatchPolicy) -> Result<Query, RpcError> {
    Ok(Query {
        reverse: arguments.keyword("reverse")?.unwrap_or_default(),
        limit: arguments.keyword("limit")?,
        topic: arguments.keyword::<String>("topic")?.map(|topic| uri(&topic)).transpose()?,
        from_time: time(arguments, "from_time")?,
        after_time: time(arguments, "after_time")?,
        before_time: time(arguments, "before_time")?,
        until_time: time(arguments, "until_time")?,
        from_publication: publication(arguments, "from_publication")?,
        after_publication: publication(arguments, "after_publication")?,
        before_publication: publication(arguments, "before_publication")?,
        until_publication: publication(arguments, "until_publication")?,
        ..Query::of(topic, policy)
    })
}

fn uri(topic: &str) -> Result<Uri, RpcError> {
    Uri::new(topic).map_err(|error| RpcError::new(uris::INVALID_URI).message(format!("argument `topic`: {error}")))
}

fn time(arguments: &Arguments, name: &str) -> Result<Option<Timestamp>, RpcError> {
    let Some(text) = arguments.keyword::<String>(name)? else { return Ok(None) };
    let expected = || RpcError::invalid_argument(format!("argument `{name}`: expected a time as in RFC 3339"));
    Timestamp::from_rfc3339(&text).map(Some).ok_or_else(expected)
}

fn publication(arguments: &Arguments, name: &str) -> Result<Option<PublicationId>, RpcError> {
    let Some(id) = arguments.keyword::<u64>(name)? else { return Ok(None) };
    let expected = || RpcError::invalid_argument(format!("argument `{name}`: expected an id from 1 to 2^53"));
    PublicationId::new(id).map(Some).ok_or_else(expected)
}

/// An event as it is told of: with the details that EVENT had.
fn described(past: &PastEvent, id: SubscriptionId, policy: MatchPolicy) -> Value {
    let PastEvent { time, event } = past;
    let topic = (policy != MatchPolicy::Exact).then(|| event.topic.clone());
    let details = encoded_details(&EventDetails { topic, ..event.details.clone() });
    let mut described = Dict::new();
    described.insert("timestamp", time.to_rfc3339().unwrap_or_default());
    described.insert("subscription", id.get());
    described.insert("publication", event.id.get());
    described.insert("details", RawDict::new(Codec::Cbor, details.into()).to_dict().unwrap_or_default());
    described.insert("args", event.payload.to_opaque().unwrap_or_else(|| Value::Array(event.payload.to_args())));
    described.insert("kwargs", event.payload.to_kwargs());
    Value::Map(described)
}
