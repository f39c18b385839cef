//! From HELLO to WELCOME.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_util::FutureExt;
use futures_util::stream::FuturesUnordered;
use tokio::time::Instant;

use super::{Driver, Lingering, Stage};
use crate::client::credentials::Challenge;
use crate::client::dial::Dialed;
use crate::client::error::{CallError, Over};
use crate::client::login::{Answered, Answering, Login, Refusal};
use crate::client::realm::RouterRealm;
use crate::client::settings::Settings;
use crate::client::shared::Shared;
use crate::connection::{Framing, RunningCalls, Timers};
use crate::metrics::Tally;
use crate::session::{ClientSession, Notification, PayloadFeatures};
use crate::transport::Close;
use crate::wire::{self, ScanLimits, Uri};

/// Values and keys that a router adds to the largest message that it has taken from somebody else: who called or published it,
/// by which procedure or topic, and the like.
const ADDED_BY_ROUTERS: usize = 64;

const AGENT: &str = concat!("serverwamp/", env!("CARGO_PKG_VERSION"));

impl Driver {
    /// A session that says HELLO.
    ///
    /// # Errors
    /// HELLO cannot be encoded.
    pub(in crate::client) fn new(
        dialed: Dialed,
        realm: Uri,
        login: &Login,
        settings: &Settings,
        shared: Arc<Shared>,
        lingering: Lingering,
    ) -> Result<Driver, CallError> {
        let limits = settings.limits.clone();
        let Dialed { transport, subprotocol, info } = dialed;
        let scan = ScanLimits { depth: limits.depth, nodes: limits.nodes.saturating_add(ADDED_BY_ROUTERS) };
        let payloads = match settings.payload_codec {
            Some(_) => PayloadFeatures::Coded,
            None => PayloadFeatures::None,
        };
        let mut session = ClientSession::join(subprotocol.codec, scan, realm, AGENT, login.offer(), payloads)?;
        if let Some(octets) = info.peer_message_size {
            session.set_peer_message_size(octets);
        }
        let timers = Timers::new(&limits, Instant::now());
        Ok(Driver {
            transport,
            framing: Framing::new(subprotocol),
            session,
            timers,
            limits,
            shared,
            pending: Default::default(),
            answered: Vec::new(),
            subscribers: Default::default(),
            callees: Default::default(),
            waiting: FuturesUnordered::new(),
            calls: RunningCalls::default(),
            tally: Tally::default(),
            events: FuturesUnordered::new(),
            lingering,
            stop_timeout: settings.stop_timeout,
            payload_codec: settings.payload_codec.clone(),
            realm: None,
            stage: Stage::Open,
            held: Default::default(),
            farewell: None,
            has_left: false,
            over: None,
        })
    }

    /// Answers challenges until the session is welcomed. The connection is looked after meanwhile: the router may not wait
    /// for long. Joins no realm, and closes the connection, if it is dropped before it is done.
    ///
    /// # Errors
    /// Why the router did not welcome the session, or this side could not prove who it is.
    pub(in crate::client) async fn join(&mut self, login: &mut Login) -> Result<Box<wire::Welcome>, Over> {
        let mut answering: Option<Answering> = None;
        let mut cause = None;
        let joined = poll_fn(|context| self.poll_join(login, &mut answering, &mut cause, context)).await;
        if joined.is_err() {
            self.closed().await;
        }
        joined
    }

    /// The session as handlers are to see it.
    pub(in crate::client) fn enter(&mut self, realm: Arc<RouterRealm>) {
        self.realm = Some(realm);
    }

    fn poll_join(
        &mut self,
        login: &mut Login,
        answering: &mut Option<Answering>,
        cause: &mut Option<String>,
        context: &mut Context<'_>,
    ) -> Poll<Result<Box<wire::Welcome>, Over>> {
        let now = Instant::now();
        loop {
            match self.session.poll_notification() {
                Some(Notification::Challenge { method, extra }) => {
                    *answering = Some(login.answer(Challenge { method: method.into(), extra }));
                }
                Some(Notification::Welcome(welcome)) => return Poll::Ready(Ok(welcome)),
                Some(Notification::Ended { reason, message }) => {
                    let over = Over { reason, message: cause.take().or(message) };
                    self.over = Some(over.clone());
                    self.close(Close::Normal, now);
                    return Poll::Ready(Err(over));
                }
                Some(_) => {}
                None => {
                    let answered = answering.as_mut().map(|answering| answering.poll_unpin(context));
                    if let Some(Poll::Ready(answered)) = answered {
                        *answering = None;
                        *cause = self.answer(answered);
                    } else if !self.read_message(context, now) {
                        break;
                    }
                }
            }
        }
        self.hand_on(context, now);
        self.handle_timers(context, now);
        Poll::Pending
    }

    /// Sends the answer to a challenge, or gives up. Returns what only this side is told about why.
    fn answer(&mut self, answered: Answered) -> Option<String> {
        let sent = answered.and_then(|(answer, proof)| {
            self.session.authenticate(answer, proof).map_err(|error| Refusal::unsendable(&error))
        });
        let refusal = sent.err()?;
        self.session.cannot_authenticate(&refusal.message);
        refusal.cause.map(|cause| format!("{}: {cause}", refusal.message))
    }
}
