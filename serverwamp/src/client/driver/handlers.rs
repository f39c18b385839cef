//! The program's functions that run for the router.

use std::sync::Arc;
use std::task::{Context, Poll};

use futures_util::StreamExt;
use tokio::time::Instant;

use super::{Driver, Lasting};
use crate::client::payload_codec::{Envelope, PayloadError, PayloadKind};
use crate::connection::{Ended, Guarded, NewCall, Trackers};
use crate::handler::{Call, Command, Endpoint, Farewell, ProgressiveResult, RpcError};
use crate::log::Shown;
use crate::metrics::CallOutcome;
use crate::wire::{self, Group, Payload, RequestId, Uri, uris};

impl Driver {
    /// Starts the function of a registration.
    pub(super) fn invoke(
        &mut self,
        invocation: &wire::Invocation,
        procedure: Uri,
        serial: u64,
        lasting: &Lasting<'_>,
        context: &mut Context<'_>,
    ) {
        let (request, codec) = (invocation.request, self.session.codec());
        let endpoint = self.callees.get(&invocation.registration).and_then(|key| lasting.interests.offers.get(key));
        let refusal = match (endpoint, &self.realm) {
            (None, _) | (_, None) => RpcError::new(uris::NO_SUCH_PROCEDURE),
            (Some(offer), _) if !offer.endpoint.admits_role(invocation.details.caller_authrole.as_deref()) => {
                self.tally.call_ended(offer.endpoint.metrics(), CallOutcome::Refused, Instant::now());
                RpcError::not_authorized("the procedure is for other roles, or the router does not tell the caller's")
            }
            _ if self.calls.len().max(self.calls.lingering()) >= self.limits.calls_in_flight => {
                RpcError::new(uris::LIMIT_EXCEEDED).kwarg("limit", "calls_in_flight")
            }
            (Some(offer), Some(realm)) => {
                let endpoint = Arc::clone(&offer.endpoint);
                let session = realm.session().clone();
                let call = Call::for_invocation(Arc::clone(&endpoint), session, invocation, procedure, serial);
                let trackers = Trackers { detached: &self.lingering.detached, blocking: &self.lingering.blocking };
                let came = Instant::now();
                let new = NewCall { endpoint: &endpoint, call, serial, admission: None, came };
                let calls = &mut self.calls;
                if let Some(ended) = self.shared.polling(|| calls.start(new, trackers, context)) {
                    self.tally.call_ended(endpoint.metrics(), ended.outcome.counted(), came);
                    self.end_call(ended);
                }
                return;
            }
        };
        self.end_call(Ended::refused(request, serial, codec, refusal));
    }

    /// Starts an event function.
    pub(super) fn run_for_event(&mut self, endpoint: &Arc<Endpoint>, call: Call) {
        let run = self.shared.polling(|| Guarded::start(endpoint, call));
        self.events.push(Box::pin(run.finish()));
    }

    /// Goes on with all that run.
    pub(super) fn poll_handlers(&mut self, context: &mut Context<'_>) {
        let shared = Arc::clone(&self.shared);
        while let Some(ended) = shared.polling(|| self.calls.poll(context, &mut self.tally)) {
            self.end_call(ended);
        }
        while let Poll::Ready(Some(())) = shared.polling(|| self.events.poll_next_unpin(context)) {}
    }

    pub(super) fn end_call(&mut self, ended: Ended) {
        // A final result never overtakes the call's progress.
        self.fetch_commands();
        ended.end();
        let Ended { request, serial, codec, outcome, .. } = ended;
        let Some(invoked) = self.session.invocation(request, serial).cloned() else { return };
        let procedure = &invoked.procedure;
        let sealed = match outcome.into_reply(codec) {
            Ok(reply) => {
                let sealed = self.seal_answer(&invoked, &Envelope::new(PayloadKind::Result, procedure), reply.0);
                sealed.map(|sealed| (None, sealed))
            }
            Err((uri, payload)) => {
                let sealed = self.seal_answer(&invoked, &Envelope::of_error(procedure, &uri), payload);
                sealed.map(|sealed| (Some(uri), sealed))
            }
        };
        match sealed {
            Ok((None, (passthru, payload))) => self.session.result(request, serial, passthru, &payload),
            Ok((Some(uri), (passthru, payload))) => self.session.error(request, serial, &uri, passthru, &payload),
            Err(error) => self.refuse_payload(request, serial, procedure, &error),
        }
    }

    /// Answers an invocation whose payload, or whose result's, cannot be coded. The caller is told no more than the URI.
    pub(super) fn refuse_payload(&mut self, request: RequestId, serial: u64, procedure: &Uri, error: &PayloadError) {
        tracing::warn!(procedure = %Shown(procedure), error = %Shown(error), "a payload cannot be coded");
        let uri = Uri::new(error.uri()).unwrap_or_else(|_| Uri::known(uris::RUNTIME_ERROR));
        let payload = Payload::empty(self.session.codec());
        self.session.error(request, serial, &uri, Group::default(), &payload);
    }

    fn send_progress(&mut self, result: &ProgressiveResult) {
        let (request, serial) = (result.request, result.call.serial());
        let Some(invoked) = self.session.invocation(request, serial).cloned() else { return };
        let envelope = Envelope::new(PayloadKind::Result, &invoked.procedure);
        match self.seal_answer(&invoked, &envelope, result.payload.clone()) {
            Ok((passthru, payload)) => self.session.progress(request, serial, passthru, &payload),
            Err(error) => {
                self.refuse_payload(request, serial, &invoked.procedure, &error);
                self.calls.cancel(serial, false);
            }
        }
    }

    /// Sends what handlers and tasks have sent through the session, and ends it where they asked for that.
    pub(super) fn fetch_commands(&mut self) {
        let Some(realm) = self.realm.as_ref().filter(|realm| realm.session().outbox().is_waiting()) else { return };
        let realm = Arc::clone(realm);
        let outbox = realm.session().outbox();
        for command in outbox.take().into_iter().flatten() {
            match command {
                Command::Progress(result) if result.call.has_ended() => {}
                Command::Progress(result) => self.send_progress(&result),
                Command::Publish(publication) => {
                    let topic = publication.topic.clone();
                    let published = self.send_event(publication.topic, publication.options, publication.payload);
                    if let Err(error) = published {
                        tracing::error!(topic = %Shown(&topic), %error, "an event cannot be published");
                    }
                }
                // These are for sessions that this process serves.
                Command::Event(_)
                | Command::Revoked(_)
                | Command::LimitMet(_)
                | Command::Invocation(_)
                | Command::Answer { .. }
                | Command::Interrupt { .. }
                | Command::Unregistered { .. } => {}
            }
        }
        match outbox.take_farewell() {
            Some(Farewell::Goodbye { reason, message } | Farewell::Abort { reason, message }) => {
                self.farewell = Some((reason, message));
            }
            None => {}
        }
    }
}
