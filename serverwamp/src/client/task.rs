//! The task of a client: one session after the other.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;

use futures_util::future::BoxFuture;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep, timeout};

use super::callbacks::Left;
use super::dial::dial;
use super::driver::{Driver, Lasting, Lingering};
use super::error::{CallError, Over};
use super::handle::{Client, WeakClient};
use super::login::Login;
use super::realm::{CurrentRealm, RouterRealm};
use super::reconnect::{Attempt, Attempts};
use super::request::{Interests, Request};
use super::restore::{Refused, Restoring};
use super::settings::Settings;
use super::shared::{Release, Shared};
use super::state::{Details, State};
use crate::connection::Guarded;
use crate::error::ConnectError;
use crate::handler::{Call, Endpoint};
use crate::log::Shown;
use crate::wire::{Uri, uris};

/// Requests of what restores a session that may wait.
const RESTORING: usize = 64;

/// The program's functions for the beginning and the end of its sessions.
#[derive(Clone, Default)]
pub(super) struct Functions {
    pub(super) join: Vec<Arc<Endpoint>>,
    pub(super) leave: Vec<Arc<Endpoint>>,
}

/// A client at work.
pub(super) struct Task {
    settings: Arc<Settings>,
    shared: Arc<Shared>,
    client: WeakClient,
    requests: mpsc::Receiver<Request>,
    pub(super) interests: Interests,
    functions: Functions,
    current: Arc<CurrentRealm>,
    pub(super) lingering: Lingering,
}

/// A session that the router has welcomed.
struct Welcomed {
    driver: Driver,
    details: Arc<Details>,
    realm: Arc<RouterRealm>,
}

/// How a session came to its end.
enum End {
    /// This side wanted it.
    Left(Over),
    Lost(Over),
    /// What the program wants of the router is refused.
    Refused(Refused),
}

/// Who waits for the first session.
pub(super) type First = Option<oneshot::Sender<Result<Arc<Details>, ConnectError>>>;

impl Task {
    pub(super) fn new(
        settings: Settings,
        client: &Client,
        requests: mpsc::Receiver<Request>,
        functions: Functions,
    ) -> Task {
        client.shared.report_to(settings.error_hook.as_ref());
        Task {
            settings: Arc::new(settings),
            shared: Arc::clone(&client.shared),
            client: client.downgrade(),
            requests,
            interests: Interests::default(),
            functions,
            current: Arc::default(),
            lingering: Lingering::default(),
        }
    }

    /// Runs until the client is over for good.
    ///
    /// # Errors
    /// Why it ended, though nobody wanted it to; not where somebody waits for the first session and is told.
    pub(super) async fn run(mut self, mut first: First) -> Result<(), ConnectError> {
        let result = self.sessions(&mut first).await;
        self.shared.end(match &result {
            Ok(over) => over.clone(),
            Err(error) => error.into(),
        });
        if let Some(hook) = self.shared.error_hook() {
            hook.flush().await;
        }
        match (first, result) {
            (None, result) => result.map(drop),
            (Some(first), result) => {
                // Whoever waited may be gone.
                let _ = first.send(Err(result.err().unwrap_or(ConnectError::Stopped)));
                Ok(())
            }
        }
    }

    async fn sessions(&mut self, first: &mut First) -> Result<Over, ConnectError> {
        let mut attempts = Attempts::new(self.settings.reconnect.clone(), self.settings.urls.len());
        let mut attempt = attempts.first();
        let mut is_first = true;
        loop {
            self.shared.enter(State::Connecting);
            let reached = Arc::new(Reached::default());
            let connecting = connect(
                Arc::clone(&self.settings),
                Arc::clone(&self.shared),
                self.client.clone(),
                Arc::clone(&self.current),
                self.lingering.clone(),
                attempt,
                Arc::clone(&reached),
            );
            let failure = match self.unless_left(connecting).await {
                Err(over) => {
                    // It is to end already.
                    let _ = self.after_connection(&reached, over.clone()).await;
                    return Ok(over);
                }
                Ok(Err(error)) => {
                    if let Err(over) = self.after_connection(&reached, (&error).into()).await {
                        return Ok(over);
                    }
                    error
                }
                Ok(Ok(welcomed)) => {
                    attempts.joined(Instant::now().into_std());
                    match self.session(welcomed, is_first, first).await {
                        End::Left(over) => return Ok(over),
                        End::Lost(over) => over.into(),
                        End::Refused(refused) if is_first => return Err(refused.into()),
                        End::Refused(refused) => refused.into(),
                    }
                }
            };
            is_first &= self.shared.state().borrow().to_owned() != State::Lost;
            if failure.is_final() {
                return Err(failure);
            }
            match attempts.again(Instant::now().into_std(), rand::random()) {
                None => return Err(failure),
                Some(next) => {
                    tracing::warn!(failure = %Shown(&failure), after = ?next.after, "connecting again");
                    attempt = next;
                }
            }
        }
    }

    /// Runs one session from WELCOME to its end.
    async fn session(&mut self, welcomed: Welcomed, is_first: bool, first: &mut First) -> End {
        let Welcomed { mut driver, details, realm } = welcomed;
        tracing::debug!(session = %details.session(), realm = %Shown(details.realm()), "joined");
        self.shared.set_session(Some(Arc::clone(&details)));
        self.forget_released();
        let (requests, mut restoring) = mpsc::channel(RESTORING);
        let restore = Restoring {
            interests: &self.interests,
            requests,
            settings: Arc::clone(&self.settings),
            client: self.client.clone(),
            functions: self.functions.join.clone(),
            session: realm.session().clone(),
            is_first,
        };
        let mut beginning: Option<BoxFuture<'static, Result<(), Refused>>> = Some(restore.run());
        let mut refused = None;
        let mut lasting =
            Lasting { interests: &mut self.interests, requests: &mut self.requests, restoring: &mut restoring };
        let (shared, settings, client) = (&self.shared, &self.settings, &self.client);
        let over = poll_fn(|context| {
            if let Some(future) = &mut beginning
                && let Poll::Ready(result) = shared.polling(|| future.as_mut().poll(context))
            {
                beginning = None;
                match result {
                    Ok(()) if *shared.state().borrow() == State::Connecting => {
                        shared.enter(State::Joined);
                        if let Some(first) = first.take() {
                            // Whoever waited may be gone.
                            let _ = first.send(Ok(Arc::clone(&details)));
                        }
                        beginning = Some(ready(Arc::clone(settings), client.clone()));
                        context.waker().wake_by_ref();
                    }
                    Ok(()) => {}
                    Err(error) => {
                        // A session that the router has ended is nothing that this side has left.
                        if !driver.is_over() {
                            driver.give_up(&error);
                        }
                        refused = Some(error);
                    }
                }
            }
            driver.poll(&mut lasting, context)
        })
        .await;
        drop(beginning);
        self.shared.set_session(None);
        self.interests.forget_ids();
        let left_by_us = driver.has_left();
        drop(driver);
        let end = match refused {
            Some(refused) if refused.is_silence() => {
                End::Lost(Over { message: Some(refused.message()), ..Over::lost() })
            }
            Some(refused) if !refused.is_end() => End::Refused(refused),
            _ if left_by_us => End::Left(over.clone()),
            _ => End::Lost(over.clone()),
        };
        if !matches!(end, End::Left(_)) {
            self.shared.enter(State::Lost);
        }
        let message = over.message.as_deref().map(|message| tracing::field::display(Shown(message)));
        tracing::debug!(reason = %Shown(&over.reason), message, "left");
        match self.after(realm, over).await {
            Err(over) => End::Left(over),
            Ok(()) => end,
        }
    }

    /// Runs what is to run at the end of a session.
    async fn after(&mut self, realm: Arc<RouterRealm>, over: Over) -> Result<(), Over> {
        let (settings, client, functions) =
            (Arc::clone(&self.settings), self.client.clone(), self.functions.leave.clone());
        let ending = async move {
            let session = realm.session();
            for endpoint in functions {
                let call = Call::for_session(Arc::clone(&endpoint), session.clone());
                Guarded::start(&endpoint, call).finish().await;
            }
            session.forget();
            let left = Left { reason: over.reason.to_string(), message: over.message };
            settings.callbacks.leave(&client, &left).await;
            settings.callbacks.disconnect(&client).await;
        };
        self.unless_left(ending).await
    }

    /// Runs what is to run at the end of a connection that came to no session.
    ///
    /// # Errors
    /// The client is to end.
    async fn after_connection(&mut self, reached: &Reached, over: Over) -> Result<(), Over> {
        let (settings, client) = (Arc::clone(&self.settings), self.client.clone());
        let (connected, welcomed) = (reached.connected(), reached.welcomed());
        let ending = async move {
            if welcomed {
                let left = Left { reason: over.reason.to_string(), message: over.message };
                settings.callbacks.leave(&client, &left).await;
            }
            if connected {
                settings.callbacks.disconnect(&client).await;
            }
        };
        self.unless_left(ending).await
    }

    /// Waits for a future without a session: what is asked meanwhile fails.
    ///
    /// # Errors
    /// The client is to end.
    async fn unless_left<T>(&mut self, future: impl Future<Output = T>) -> Result<T, Over> {
        let shared = Arc::clone(&self.shared);
        let mut future = pin!(future);
        let polled = poll_fn(|context| shared.polling(|| future.as_mut().poll(context)));
        let mut polled = pin!(polled);
        loop {
            tokio::select! {
                biased;
                result = &mut polled => return Ok(result),
                request = self.requests.recv() => match request {
                    Some(request) => self.refuse(request)?,
                    None => return Err(Over::new(uris::CLOSE_NORMAL)),
                },
            }
        }
    }

    /// What was dropped without a session is not wanted in the next one.
    fn forget_released(&mut self) {
        for release in self.shared.take_released() {
            match release {
                Release::Subscription(key) => drop(self.interests.subscribers.remove(&key)),
                Release::Registration(key) => drop(self.interests.offers.remove(&key)),
                // Its session is over.
                Release::Call { .. } => {}
            }
        }
    }

    /// Answers a request without a session.
    ///
    /// # Errors
    /// The client is to end.
    fn refuse(&mut self, request: Request) -> Result<(), Over> {
        let none = CallError::NotConnected;
        match request {
            Request::Call(call) => call.fail(none),
            Request::Publish(publication) => publication.reply.fail(none),
            Request::Subscribe { reply, .. } | Request::Resubscribe { reply, .. } => drop(reply.send(Err(none))),
            Request::Register { reply, .. } | Request::Reregister { reply, .. } => drop(reply.send(Err(none))),
            Request::Unsubscribe { key, reply } => {
                self.interests.subscribers.remove(&key);
                drop(reply.send(Ok(())));
            }
            Request::Unregister { key, reply } => {
                self.interests.offers.remove(&key);
                drop(reply.send(Ok(())));
            }
            Request::Leave { .. } | Request::Disconnect | Request::Stop => {
                return Err(Over::new(uris::CLOSE_NORMAL));
            }
        }
        Ok(())
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        // A task that is dropped with its runtime, or its program's future, has told nobody.
        if self.shared.is_over().is_none() {
            self.shared.end(Over::lost());
        }
    }
}

fn ready(settings: Arc<Settings>, client: WeakClient) -> BoxFuture<'static, Result<(), Refused>> {
    Box::pin(async move {
        settings.callbacks.ready(&client).await;
        Ok(())
    })
}

/// How far an attempt to join has come, for those who were told.
#[derive(Debug, Default)]
struct Reached {
    connected: AtomicBool,
    welcomed: AtomicBool,
}

impl Reached {
    fn connected(&self) -> bool {
        self.connected.load(Ordering::Relaxed)
    }

    fn welcomed(&self) -> bool {
        self.welcomed.load(Ordering::Relaxed)
    }
}

/// Connects and joins.
async fn connect(
    settings: Arc<Settings>,
    shared: Arc<Shared>,
    client: WeakClient,
    current: Arc<CurrentRealm>,
    lingering: Lingering,
    attempt: Attempt,
    reached: Arc<Reached>,
) -> Result<Welcomed, ConnectError> {
    sleep(attempt.after).await;
    let url = settings.urls.get(attempt.address).map_or("", String::as_str);
    let joining = async {
        let realm = Uri::new(&settings.realm)
            .map_err(|error| ConnectError::Unusable(format!("realm `{}`: {error}", settings.realm)))?;
        let dialed = dial(&settings, url).await?;
        reached.connected.store(true, Ordering::Relaxed);
        settings.callbacks.connect(&client).await;
        let (info, codec) = (dialed.info.clone(), dialed.subprotocol.codec);
        let cannot = |error: CallError| {
            ConnectError::Unusable(match error {
                CallError::Unsendable(problem) => problem,
                error => error.to_string(),
            })
        };
        let mut login = Login::new(&settings.credentials, &info.channel_bindings()).map_err(cannot)?;
        let driver = Driver::new(dialed, realm.clone(), &login, &settings, Arc::clone(&shared), lingering);
        let mut driver = driver.map_err(cannot)?;
        let welcome = driver.join(&mut login).await?;
        let details = Arc::new(Details::new(&welcome, &realm, codec));
        // Crossbar's RawSocket takes a ping for the length of a message, and waits for that for ever.
        if info.kind == "rawsocket" && details.is_crossbar() {
            driver.send_no_pings();
        }
        reached.welcomed.store(true, Ordering::Relaxed);
        if let Err(message) = settings.callbacks.welcome(&client).await {
            return Err(driver.refuse(&message).await.into());
        }
        let realm = RouterRealm::new(&details, info, settings.limits.outbound_bytes, &current);
        realm.session().set(client.clone());
        driver.enter(Arc::clone(&realm));
        Ok(Welcomed { driver, details, realm })
    };
    match timeout(settings.timeout, joining).await {
        Ok(result) => result,
        Err(_) => Err(ConnectError::TimedOut { url: url.to_owned(), after: settings.timeout }),
    }
}
