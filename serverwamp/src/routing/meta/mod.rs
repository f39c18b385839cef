//! The procedures that a full router has of its own; those that describe functions any realm may have.
//!
//! WAMP: meta API, advanced profile.

mod arguments;
mod history;
mod reflection;
mod registrations;
mod sessions;
mod subscriptions;
mod testaments;

use std::pin::Pin;
use std::sync::{Arc, Weak};

use self::arguments::Arguments;
pub(super) use self::sessions::SessionInfo;
use super::realm::RealmState;
use crate::handler::{Call, CustomHandler, Endpoint, RpcError, RpcResult};
use crate::wire::uris;

/// What a procedure of the protocol answers.
type Answer = Result<RpcResult, RpcError>;
/// An answer that is yet to come.
type LaterAnswer = Pin<Box<dyn Future<Output = Answer> + Send>>;

/// One procedure of the protocol.
enum Procedure {
    /// It answers at once.
    Prompt(fn(&RealmState, &Arguments) -> Answer),
    /// It may have to ask an authorizer.
    Waiting(fn(Arc<RealmState>, Arguments) -> LaterAnswer),
}

/// The procedures of the protocol in one realm. They are called as those of the program are: a handler runs.
#[derive(Debug)]
pub(super) struct MetaProcedures {
    endpoint: Arc<Endpoint>,
    /// Whether there are no others than those that describe functions.
    only_reflection: bool,
}

impl MetaProcedures {
    pub(super) fn new(realm: Weak<RealmState>, only_reflection: bool) -> MetaProcedures {
        let handler = move |call: Call| answer(realm.upgrade(), call);
        let endpoint = Arc::new(CustomHandler::of_calls(handler).endpoint());
        MetaProcedures { endpoint, only_reflection }
    }

    /// The handler of a procedure of the protocol.
    pub(super) fn find(&self, uri: &str) -> Option<&Arc<Endpoint>> {
        let is_served = procedure(uri).is_some() && (!self.only_reflection || uri.starts_with("wamp.reflection."));
        is_served.then_some(&self.endpoint)
    }
}

fn procedure(uri: &str) -> Option<Procedure> {
    use Procedure::{Prompt, Waiting};
    Some(match uri.strip_prefix("wamp.")? {
        "session.count" => Prompt(sessions::count),
        "session.list" => Prompt(sessions::list),
        "session.get" => Prompt(sessions::get),
        "session.kill" => Prompt(sessions::kill),
        "session.kill_by_authid" => Prompt(sessions::kill_by_authid),
        "session.kill_by_authrole" => Prompt(sessions::kill_by_authrole),
        "session.kill_all" => Prompt(sessions::kill_all),
        "session.add_testament" => Waiting(|realm, arguments| Box::pin(testaments::add(realm, arguments))),
        "session.flush_testaments" => Prompt(testaments::flush),
        "reflection.procedure.list" => Waiting(|realm, call| Box::pin(reflection::list_procedures(realm, call))),
        "reflection.procedure.describe" => Waiting(|realm, call| Box::pin(reflection::describe_procedure(realm, call))),
        "reflection.topic.list" => Waiting(|realm, call| Box::pin(reflection::list_topics(realm, call))),
        "reflection.topic.describe" => Waiting(|realm, call| Box::pin(reflection::describe_topic(realm, call))),
        "reflection.error.list" => Waiting(|realm, call| Box::pin(reflection::list_errors(realm, call))),
        "reflection.error.describe" => Waiting(|realm, call| Box::pin(reflection::describe_error(realm, call))),
        "registration.list" => Prompt(registrations::list),
        "registration.lookup" => Prompt(registrations::lookup),
        "registration.match" => Prompt(registrations::matching),
        "registration.get" => Prompt(registrations::get),
        "registration.list_callees" => Prompt(registrations::list_callees),
        "registration.count_callees" => Prompt(registrations::count_callees),
        "registration.remove_callee" => Prompt(registrations::remove_callee),
        "subscription.list" => Prompt(subscriptions::list),
        "subscription.lookup" => Prompt(subscriptions::lookup),
        "subscription.match" => Prompt(subscriptions::matching),
        "subscription.get" => Prompt(subscriptions::get),
        "subscription.list_subscribers" => Prompt(subscriptions::list_subscribers),
        "subscription.count_subscribers" => Prompt(subscriptions::count_subscribers),
        "subscription.get_events" => Waiting(|realm, arguments| Box::pin(history::get_events(realm, arguments))),
        "subscription.remove_subscriber" => Prompt(subscriptions::remove_subscriber),
        _ => return None,
    })
}

async fn answer(realm: Option<Arc<RealmState>>, call: Call) -> Answer {
    let realm = realm.ok_or_else(|| RpcError::new(uris::NO_SUCH_REALM))?;
    let arguments = Arguments::of(&call);
    match procedure(call.uri()) {
        Some(Procedure::Prompt(run)) => run(&realm, &arguments),
        Some(Procedure::Waiting(run)) => run(realm, arguments).await,
        None => Err(RpcError::new(uris::NO_SUCH_PROCEDURE)),
    }
}
