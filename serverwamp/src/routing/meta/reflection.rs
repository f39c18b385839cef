//! `wamp.reflection.…`: what the program's functions are. Callers are told of those that they may use, and nothing of the
//! others: what is not there and what is not for the caller look alike.
//!
//! WAMP: reflection, advanced profile, whose procedures these are; what they describe is as this project has it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures_util::stream::{self, StreamExt};

use super::super::realm::{Realm, RealmState};
use super::Answer;
use super::arguments::Arguments;
use crate::handler::{Action, Endpoint, ErrorDescription, RouteKind, RpcError, RpcResult, Session};
use crate::wire::{Dict, MatchPolicy, Uri, Value};

/// Questions to the authorizer at one time.
const ASKED_AT_ONCE: usize = 16;

impl Realm {
    /// Lets clients ask what the realm's functions are: their names, arguments, results, errors and doc comments. A
    /// [router](Realm::router) does so without being asked to, other realms do not.
    ///
    /// `wamp.reflection.procedure.list`, `wamp.reflection.topic.list` and `wamp.reflection.error.list` answer with URIs,
    /// `wamp.reflection.procedure.describe`, `wamp.reflection.topic.describe` and `wamp.reflection.error.describe` with all
    /// that is known of one. Each client is told of what it may call, subscribe or publish to, as its role,
    /// [`rules`](Realm::rules) and the [`authorizer`](Realm::authorizer) have it, and of the errors of those procedures;
    /// of anything else the answer is null, as if it were not there. Where a [`call_handler`](Realm::call_handler) takes all
    /// calls, there are no such procedures.
    ///
    /// The description of a procedure is a dict with its `uri`, `match`, `documentation`, `arguments`, `result` (the type as
    /// it is written), the URIs of its `errors`, and `timeout` in milliseconds if it has one. An argument has `name`, `type`
    /// as it is written, `schema` in the words of JSON Schema as far as its type tells, `required`, and, where they apply,
    /// `default` (the expression), `keyword: true` (it has no position), `component` (it is that component of the URI, counted
    /// from 0) or `rest` (`positional` or `keyword`: it takes what is left). A procedure whose URI several match policies
    /// share is chosen by the option `match`, as in `[uri, {"match": "prefix"}]`.
    ///
    /// WAMP: procedure reflection, topic reflection, advanced profile.
    #[must_use]
    pub fn reflection(mut self) -> Realm {
        self.reflection = true;
        self
    }

    /// Whether clients may ask what its functions are: those of a router always.
    pub(crate) fn reflects(&self) -> bool {
        self.reflection || self.router_options().is_some()
    }
}

/// What a caller may do with a function.
struct Visible {
    function: Arc<Endpoint>,
    /// Whether it may be called, or its topic subscribed to.
    used: bool,
    published: bool,
}

pub(super) async fn list_procedures(realm: Arc<RealmState>, arguments: Arguments) -> Answer {
    let visible = procedures(&realm, arguments.caller(), |_| true).await;
    Ok(list(visible.iter().filter_map(|visible| visible.function.route().uri)))
}

pub(super) async fn describe_procedure(realm: Arc<RealmState>, arguments: Arguments) -> Answer {
    let wanted = wanted(&arguments, "procedure")?;
    let visible = procedures(&realm, arguments.caller(), |function| wanted.is(function)).await;
    Ok(RpcResult::new().arg(visible.first().map(|visible| visible.function.description())))
}

pub(super) async fn list_topics(realm: Arc<RealmState>, arguments: Arguments) -> Answer {
    let visible = topics(&realm, arguments.caller(), |_| true).await;
    Ok(list(visible.iter().filter_map(|visible| visible.function.route().uri)))
}

pub(super) async fn describe_topic(realm: Arc<RealmState>, arguments: Arguments) -> Answer {
    let wanted = wanted(&arguments, "topic")?;
    let visible = topics(&realm, arguments.caller(), |function| wanted.is(function)).await;
    Ok(RpcResult::new().arg(topic_description(&visible)))
}

pub(super) async fn list_errors(realm: Arc<RealmState>, arguments: Arguments) -> Answer {
    let visible = procedures(&realm, arguments.caller(), |_| true).await;
    Ok(list(errors(&visible).into_keys()))
}

pub(super) async fn describe_error(realm: Arc<RealmState>, arguments: Arguments) -> Answer {
    let wanted: String = arguments.required(0, "error")?;
    let returns_it = |function: &Endpoint| function.errors().iter().any(|error| error.uri == wanted);
    let visible = procedures(&realm, arguments.caller(), returns_it).await;
    let description = errors(&visible).remove(wanted.as_str()).map(|(error, procedures)| {
        let mut description = error.description();
        description.insert("procedures", procedures.into_iter().map(Value::from).collect::<Vec<_>>());
        description
    });
    Ok(RpcResult::new().arg(description))
}

/// The URI that is to be described, and how it is compared, if that matters.
struct Wanted {
    uri: String,
    policy: Option<String>,
}

fn wanted(arguments: &Arguments, name: &str) -> Result<Wanted, RpcError> {
    let options: Option<Dict> = arguments.optional(1, "options")?;
    let policy = options.and_then(|mut options| options.remove("match")).filter(|policy| !policy.is_null());
    let expected = || RpcError::invalid_argument("argument `options`: expected a text as `match`");
    let policy = policy.map(|policy| policy.as_str().map(str::to_owned).ok_or_else(expected)).transpose()?;
    Ok(Wanted { uri: arguments.required(0, name)?, policy })
}

impl Wanted {
    fn is(&self, function: &Endpoint) -> bool {
        let route = function.route();
        route.uri == Some(&*self.uri) && self.policy.as_deref().is_none_or(|policy| policy == route.match_policy.name())
    }
}

fn list<'u>(uris: impl IntoIterator<Item = &'u str>) -> RpcResult {
    let uris: BTreeSet<&str> = uris.into_iter().collect();
    RpcResult::new().arg(uris)
}

/// The procedures that a session may call, of those that are wanted.
async fn procedures(realm: &Arc<RealmState>, session: &Session, wanted: impl Fn(&Endpoint) -> bool) -> Vec<Visible> {
    let is_one = |function: &&Arc<Endpoint>| function.route().kind == RouteKind::Procedure && wanted(function);
    visible(realm, session, realm.dealer().endpoints().all.iter().filter(is_one)).await
}

/// The functions of topics that a session may subscribe to, or publish to.
async fn topics(realm: &Arc<RealmState>, session: &Session, wanted: impl Fn(&Endpoint) -> bool) -> Vec<Visible> {
    let is_one = |function: &&Arc<Endpoint>| {
        let route = function.route();
        matches!(route.kind, RouteKind::Subscribe | RouteKind::Event) && route.uri.is_some() && wanted(function)
    };
    visible(realm, session, realm.dealer().endpoints().all.iter().filter(is_one)).await
}

async fn visible<'f>(
    realm: &Arc<RealmState>,
    session: &Session,
    functions: impl Iterator<Item = &'f Arc<Endpoint>>,
) -> Vec<Visible> {
    let asked: Vec<_> =
        functions.map(|function| look(Arc::clone(realm), session.clone(), Arc::clone(function))).collect();
    let mut looks = stream::iter(asked).buffered(ASKED_AT_ONCE);
    let mut visible = Vec::new();
    while let Some(look) = looks.next().await {
        visible.extend(Some(look).filter(|look| look.used || look.published));
    }
    visible
}

/// Asks what a session may do with a function.
async fn look(realm: Arc<RealmState>, session: Session, function: Arc<Endpoint>) -> Visible {
    let mut visible = Visible { function, used: false, published: false };
    let route = visible.function.route();
    // A regular expression stands for URIs of any kind: it is for those who may use all.
    let (uri, policy) = match route.match_policy.protocol() {
        Some(policy) => (route.uri.unwrap_or_default(), policy),
        None => ("", MatchPolicy::Prefix),
    };
    let Ok(uri) = Uri::pattern(uri, policy) else { return visible };
    let may = async |action: Action| {
        let within = realm.limits().authorization_timeout;
        realm.access().authorities.ask(&session, &uri, action.on(policy), within).await.is_ok()
    };
    let admits = visible.function.admits(&session);
    match route.kind {
        RouteKind::Procedure => visible.used = admits && may(Action::call(None)).await,
        RouteKind::Subscribe | RouteKind::Event => {
            let deciding = realm.dealer().endpoints().deciding(&uri, policy);
            let is_open =
                realm.topics().may_subscribe(&uri, policy) && deciding.iter().all(|function| function.admits(&session));
            visible.used = is_open && may(Action::subscribe(None)).await;
            visible.published = route.kind == RouteKind::Event && admits && may(Action::publish(None)).await;
        }
        RouteKind::Unsubscribe | RouteKind::Join | RouteKind::Leave => {}
    }
    visible
}

/// A topic by all functions that it has; of several match policies the first function's.
fn topic_description(visible: &[Visible]) -> Option<Dict> {
    let first = visible.first()?.function.route();
    let same: Vec<&Visible> =
        visible.iter().filter(|visible| visible.function.route().match_policy == first.match_policy).collect();
    let documentation: Vec<&str> = same.iter().map(|visible| visible.function.route().documentation.trim()).collect();
    let event = same.iter().find(|visible| visible.function.route().kind == RouteKind::Event);
    let mut description = Dict::new();
    description.insert("uri", first.uri.unwrap_or_default());
    description.insert("match", first.match_policy.name());
    description.insert(
        "documentation",
        documentation.into_iter().filter(|text| !text.is_empty()).collect::<Vec<_>>().join("\n\n"),
    );
    description.insert("subscribe", same.iter().any(|visible| visible.used));
    description.insert("publish", same.iter().any(|visible| visible.published));
    if let Some(event) = event {
        description.insert("arguments", event.function.arguments());
    }
    Some(description)
}

/// The errors that functions return, each with the procedures that do, by their URIs.
fn errors(visible: &[Visible]) -> BTreeMap<&'static str, (&'static ErrorDescription, BTreeSet<&'static str>)> {
    let mut errors = BTreeMap::new();
    for Visible { function, .. } in visible {
        for error in function.errors() {
            let (_, procedures) = errors.entry(error.uri).or_insert_with(|| (error, BTreeSet::new()));
            procedures.extend(function.route().uri);
        }
    }
    errors
}
