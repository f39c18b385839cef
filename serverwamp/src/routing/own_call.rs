//! Calls that the router itself makes, of whatever answers a procedure of one of its realms.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll};

use super::dealer::{Callee, Registration, RoutedCall, Target, Unavailable};
use super::realm::RealmState;
use crate::handler::{
    Announcement, Answer, Call, Claims, Command, Endpoint, IntoPayload, Principal, RpcError, RpcResult, Session,
    SessionDetails, TransportInfo,
};
use crate::wire::{CallOptions, CancelMode, Codec, Payload, RequestId, SessionId, Uri, uris};

impl RealmState {
    /// Calls a procedure on behalf of the router itself: nobody authorizes that. Dropped while it waits, the call is
    /// canceled.
    ///
    /// # Errors
    /// What the callee, or the dealer, answers.
    pub(super) async fn call(self: Arc<Self>, procedure: Uri, arguments: RpcResult) -> Result<RpcResult, RpcError> {
        let session = self.own_session();
        let payload = arguments.into_payload(session.codec()).map_err(|error| RpcError::internal(&error))?;
        let slots = payload.slots();
        let message = crate::wire::Call {
            request: RequestId::FIRST,
            options: CallOptions::default().into(),
            procedure,
            payload,
            slots,
        };
        let answer = match self.find(&message.procedure).0 {
            Target::Function(endpoint) => run(Arc::clone(endpoint), session, message).await?,
            Target::Clients(registration) => route(&registration, session, &message).await?,
        };
        Ok(RpcResult::from_parts(answer.to_args(), answer.to_kwargs()))
    }

    /// A session for one call, which no client is behind. CBOR holds whatever a callee may answer.
    fn own_session(&self) -> Session {
        let details = SessionDetails { realm: self.name().clone(), announcement: Announcement::default() };
        let info = TransportInfo { kind: "memory", serializer: "cbor", ..TransportInfo::default() };
        let id = SessionId::from_random(rand::random());
        let (handle, octets) = (self.handle().clone(), self.limits().outbound_bytes);
        let session = Session::new(id, details, Claims::default(), Arc::new(info), Codec::Cbor, handle, octets);
        // Nobody else has had the session.
        let _ = session.settle_as(Principal {
            authid: "router".to_owned(),
            authrole: "router".to_owned(),
            authmethod: "internal".to_owned(),
            authprovider: "static".to_owned(),
            authextra: None,
            identity: None,
        });
        session.end_authentication();
        session
    }
}

/// Runs a function of the program, one of those of it that may run at a time.
async fn run(endpoint: Arc<Endpoint>, session: Session, message: crate::wire::Call) -> Result<Payload, RpcError> {
    let ending = Ending(session.clone());
    let mut call = Call::new(Arc::clone(&endpoint), session, Box::new(message), 0);
    if let Some(permits) = endpoint.concurrency().cloned() {
        call.held().permit = Some(permits.acquire_owned().await.map_err(|error| RpcError::internal(&error))?);
    }
    let run = endpoint.start(call);
    let reply = match endpoint.timeout() {
        Some(timeout) => tokio::time::timeout(timeout, run).await.map_err(|_| RpcError::new(uris::TIMEOUT))?,
        None => run.await,
    };
    drop(ending);
    reply.map(|reply| reply.0)
}

/// Has a client answer.
async fn route(
    registration: &Registration,
    session: Session,
    message: &crate::wire::Call,
) -> Result<Payload, RpcError> {
    let ending = Ending(session);
    let mut tried = Vec::new();
    loop {
        let call = RoutedCall { caller: &ending.0, message, serial: 0, disclosed: Some(false) };
        let (callee, begun) =
            registration.route(&call, &tried, || rand::random::<u64>() as usize).map_err(unavailable)?;
        let mut invoked = Invoked { callee: Arc::clone(&callee), request: begun.request, is_answered: false };
        let answer = poll_fn(|context| poll_answer(&ending.0, context)).await;
        invoked.is_answered = answer.is_some();
        match answer {
            Some(Answer::Yield(result)) => return Ok(result.payload),
            Some(Answer::Error(failure)) => {
                let (args, kwargs) = (failure.payload.to_args(), failure.payload.to_kwargs());
                return Err(RpcError::from_parts(&failure.error, args, kwargs));
            }
            Some(Answer::Unavailable) => tried.push(callee),
            Some(Answer::Gone) => return Err(RpcError::new(uris::CANCELED).message("the callee is gone")),
            None => return Err(RpcError::new(uris::PAYLOAD_SIZE_EXCEEDED)),
        }
    }
}

/// What the callee says; none if that is more than there is room for.
fn poll_answer(session: &Session, context: &mut Context<'_>) -> Poll<Option<Answer>> {
    session.outbox().register(context.waker());
    let Ok(commands) = session.outbox().take() else { return Poll::Ready(None) };
    let answer = commands.into_iter().find_map(|command| match command {
        Command::Answer { answer, .. } => Some(answer),
        _ => None,
    });
    answer.map_or(Poll::Pending, |answer| Poll::Ready(Some(answer)))
}

fn unavailable(reason: Unavailable) -> RpcError {
    match reason {
        Unavailable::Gone => RpcError::new(uris::NO_SUCH_PROCEDURE).message("the callee is gone"),
        Unavailable::Busy(_) => RpcError::new(uris::NO_AVAILABLE_CALLEE).message("no callee takes the call"),
        reason => RpcError::new(uris::INVALID_ARGUMENT).message(format!("{reason:?}")),
    }
}

/// Ends the session of a call, however that ends.
struct Ending(Session);

impl Drop for Ending {
    fn drop(&mut self) {
        self.0.end();
        self.0.forget();
    }
}

/// An invocation, which is canceled unless it was answered.
struct Invoked {
    callee: Arc<Callee>,
    request: RequestId,
    is_answered: bool,
}

impl Drop for Invoked {
    fn drop(&mut self) {
        if !self.is_answered {
            self.callee.cancel(self.request, CancelMode::KillNoWait);
        }
    }
}
