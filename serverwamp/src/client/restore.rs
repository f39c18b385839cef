//! Bringing a new session to where the last one was: registering and subscribing everything, then telling the program.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::{StreamExt, stream};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{sleep, timeout};

use super::error::CallError;
use super::handle::WeakClient;
use super::request::{Interests, Reply, Request};
use super::settings::Settings;
use super::shared::Key;
use crate::connection::Guarded;
use crate::error::{ConnectError, Problem};
use crate::handler::{Call, Endpoint, RpcError, Session};

/// What a router answers that has not noticed yet that the session before is gone.
const STALE: &str = "wamp.error.procedure_already_exists";
/// How often a procedure is registered again that the session before still has: for about a minute.
const STALE_RETRIES: u32 = 8;
/// How many requests wait for their answers at a time, so that a slow router is not taken for a silent one.
const AT_A_TIME: usize = 32;
const STALE_FIRST: Duration = Duration::from_millis(250);

/// What is to be done before a session is as it should be.
pub(super) struct Restoring<'i> {
    pub(super) interests: &'i Interests,
    pub(super) requests: mpsc::Sender<Request>,
    pub(super) settings: Arc<Settings>,
    pub(super) client: WeakClient,
    /// The program's functions for new sessions.
    pub(super) functions: Vec<Arc<Endpoint>>,
    pub(super) session: Session,
    /// Whether there was no session before, whose registrations may still be there.
    pub(super) is_first: bool,
}

/// Why a session cannot be as it should be.
#[derive(Debug)]
pub(super) enum Refused {
    /// The session has ended meanwhile.
    Ended,
    /// The router answers nothing to what is registered or subscribed.
    Silent { function: String },
    /// The router refuses something of this function, or the function refuses the session.
    By { function: String, location: Option<String>, error: Box<RpcError> },
}

/// Something that is registered or subscribed.
struct Wanted {
    key: Key,
    function: String,
    location: Option<String>,
}

impl Wanted {
    /// A function that is annotated is known by its place in the program; another one by the URI.
    fn new(key: Key, endpoint: Option<&Arc<Endpoint>>, kind: &str, uri: &str) -> Wanted {
        match endpoint.filter(|endpoint| !endpoint.route().manual || endpoint.route().uri.is_some()) {
            Some(endpoint) => {
                let route = endpoint.route();
                Wanted { key, function: route.title(), location: Some(route.location()) }
            }
            None => Wanted { key, function: format!("{kind} `{uri}`"), location: None },
        }
    }
}

impl Restoring<'_> {
    pub(super) fn run(self) -> BoxFuture<'static, Result<(), Refused>> {
        let Restoring { interests, requests, settings, client, functions, session, is_first } = self;
        let offers = interests
            .offers
            .iter()
            .map(|(key, offer)| Wanted::new(*key, Some(&offer.endpoint), "procedure", &offer.procedure));
        let subscribers = interests
            .subscribers
            .iter()
            .map(|(key, subscriber)| Wanted::new(*key, subscriber.sink.function(), "subscription", &subscriber.topic));
        let (offers, subscribers): (Vec<_>, Vec<_>) = (offers.collect(), subscribers.collect());
        Box::pin(async move {
            let patience = settings.timeout;
            let registering = offers.into_iter().map(|wanted| register(wanted, &requests, patience, is_first));
            first_error(stream::iter(registering).buffer_unordered(AT_A_TIME).collect().await)?;
            let subscribing = subscribers.into_iter().map(|wanted| subscribe(wanted, &requests, patience));
            first_error(stream::iter(subscribing).buffer_unordered(AT_A_TIME).collect().await)?;
            // The driver need not look for more.
            drop(requests);
            for endpoint in functions {
                let call = Call::for_session(Arc::clone(&endpoint), session.clone());
                Guarded::start(&endpoint, call).await.map_err(|error| {
                    let route = endpoint.route();
                    Refused::By { function: route.title(), location: Some(route.location()), error: Box::new(error) }
                })?;
            }
            settings.callbacks.join(&client).await;
            Ok(())
        })
    }
}

/// The first of several errors that has a cause of its own.
fn first_error(results: Vec<Result<(), Refused>>) -> Result<(), Refused> {
    let mut errors = results.into_iter().filter_map(Result::err).collect::<Vec<_>>();
    errors.sort_by_key(|error| (error.is_end(), error.is_silence()));
    errors.into_iter().next().map_or(Ok(()), Err)
}

async fn register(
    wanted: Wanted,
    requests: &mpsc::Sender<Request>,
    patience: Duration,
    is_first: bool,
) -> Result<(), Refused> {
    let mut retries = 0;
    loop {
        let key = wanted.key;
        match ask(requests, patience, |reply| Request::Reregister { key, reply }).await {
            Err(CallError::Remote(error)) if error.uri() == STALE && !is_first && retries < STALE_RETRIES => {
                tracing::info!(function = wanted.function, "registered by the session before still: trying again");
                sleep(STALE_FIRST.saturating_mul(2_u32.saturating_pow(retries))).await;
                retries = retries.saturating_add(1);
            }
            result => return outcome(result.map(drop), wanted),
        }
    }
}

async fn subscribe(wanted: Wanted, requests: &mpsc::Sender<Request>, patience: Duration) -> Result<(), Refused> {
    let key = wanted.key;
    let result = ask(requests, patience, |reply| Request::Resubscribe { key, reply }).await;
    outcome(result.map(drop), wanted)
}

fn outcome(result: Result<(), CallError>, wanted: Wanted) -> Result<(), Refused> {
    match result {
        // What nobody wants any more need not be there.
        Ok(()) | Err(CallError::Over) => Ok(()),
        Err(CallError::Remote(error)) => {
            Err(Refused::By { function: wanted.function, location: wanted.location, error: Box::new(error) })
        }
        Err(CallError::Unsendable(message)) => {
            let error = RpcError::invalid_argument(message);
            Err(Refused::By { function: wanted.function, location: wanted.location, error: Box::new(error) })
        }
        Err(CallError::TimedOut) => Err(Refused::Silent { function: wanted.function }),
        Err(_) => Err(Refused::Ended),
    }
}

/// Asks the router, and waits as long for its answer.
async fn ask<T>(
    requests: &mpsc::Sender<Request>,
    patience: Duration,
    request: impl FnOnce(Reply<T>) -> Request,
) -> Result<T, CallError> {
    let (reply, answer) = oneshot::channel();
    if requests.send(request(reply)).await.is_ok() {
        return match timeout(patience, answer).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) => Err(CallError::NotConnected),
            Err(_) => Err(CallError::TimedOut),
        };
    }
    Err(CallError::NotConnected)
}

impl Refused {
    /// Whether the router may do better next time, also where it is the first time.
    pub(super) fn is_silence(&self) -> bool {
        matches!(self, Refused::Silent { .. })
    }

    /// Whether the session's end is all that is wrong.
    pub(super) fn is_end(&self) -> bool {
        matches!(self, Refused::Ended)
    }

    pub(super) fn message(&self) -> String {
        match self {
            Refused::Ended => "the session has ended".to_owned(),
            Refused::Silent { function } => format!("the router does not answer to {function}"),
            Refused::By { function, error, .. } => format!("{function} is refused: {error}"),
        }
    }
}

impl From<Refused> for ConnectError {
    fn from(refused: Refused) -> ConnectError {
        let message = refused.message();
        ConnectError::SetUp(match refused {
            Refused::By { location: Some(location), .. } => Problem::at(location, message),
            _ => Problem::new(message),
        })
    }
}
