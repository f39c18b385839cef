//! What a client offers to others: REGISTER, UNREGISTER, and the invocations of that.

use std::sync::Arc;
use std::task::Context;

use tokio::time::Instant;

use super::{Connection, Joined};
use crate::handler::{Answer, Invocation};
use crate::routing::{Callee, RegisterError, Registered, is_reserved};
use crate::transport::Transport;
use crate::wire::{EncodeError, ErrorMessage, MessageType, Payload, Register, Unregister, Uri, Yield, uris};

impl<T> Connection<T> {
    /// What the client is as a callee, if it has ever been one.
    pub(super) fn callee(&self) -> Option<&Arc<Callee>> {
        self.joined.as_ref()?.callee.as_ref()
    }
}

impl<T: Transport> Connection<T> {
    /// A client offers a procedure.
    pub(super) fn register(&mut self, register: &Register) {
        let (procedure, request) = (&register.procedure, register.request);
        let Some(Joined { session, realm, callee, .. }) = &mut self.joined else { return };
        if is_reserved(procedure) {
            let message = format!("`{procedure}` is a procedure of the protocol");
            return self.session.refuse(MessageType::Register, request, uris::INVALID_URI, &message);
        }
        let callee = callee.get_or_insert_with(|| realm.dealer().callee(session, realm.limits()));
        match realm.dealer().register(callee, register, realm.broker()) {
            Ok(Registered { id, octets }) => {
                self.fanned_out = self.fanned_out.saturating_add(octets);
                self.session.registered(request, id);
            }
            Err(RegisterError::Refused(error, message)) => {
                self.session.refuse(MessageType::Register, request, error, &message);
            }
            Err(RegisterError::TooMany) => {
                let maximum = realm.limits().registrations;
                self.session.refuse_over_limit(MessageType::Register, request, "registrations", maximum);
            }
        }
    }

    /// A client withdraws a procedure.
    pub(super) fn unregister(&mut self, unregister: &Unregister, context: &mut Context<'_>, now: Instant) {
        let Some(Joined { realm, callee, .. }) = &self.joined else { return };
        let Unregister { request, registration } = *unregister;
        if callee.as_ref().is_some_and(|callee| realm.dealer().unregister(callee, registration, realm.broker())) {
            // What was queued until now comes before UNREGISTERED, nothing after it.
            self.fetch_commands(context, now);
            self.session.unregistered(request);
        } else {
            let message = format!("there is no registration {registration}");
            self.session.refuse(MessageType::Unregister, request, uris::NO_SUCH_REGISTRATION, &message);
        }
    }

    /// Hands a call to the client.
    pub(super) fn invoke(&mut self, invocation: &Invocation) {
        let Invocation { request, registration, details, payload } = invocation;
        if let Err(error) = self.session.invoke(*request, *registration, details.as_ref(), payload) {
            self.fail_invocation(invocation, &error);
        }
    }

    /// Tells a caller that its call could not be sent, though it looked as if it could.
    #[cold]
    fn fail_invocation(&mut self, invocation: &Invocation, error: &EncodeError) {
        tracing::debug!(invocation = %invocation.request, %error, "an invocation could not be sent");
        let caller = self.callee().and_then(|callee| callee.failed(invocation.request));
        if let Some(caller) = caller {
            caller.answer(Answer::Error(Box::new(ErrorMessage {
                request_type: MessageType::Invocation,
                request: invocation.request,
                details: Default::default(),
                error: Uri::known(uris::PAYLOAD_SIZE_EXCEEDED),
                payload: Payload::empty(invocation.payload.codec()),
            })));
        }
    }

    /// The client has a result, or a part of it.
    pub(super) fn handle_yield(&mut self, result: Box<Yield>) {
        let progress = result.options.progress == Some(true);
        let caller = self.callee().and_then(|callee| callee.yielded(result.request, progress));
        if let Some(caller) = caller {
            self.fanned_out = self.fanned_out.saturating_add(result.payload.bytes().len());
            caller.answer(Answer::Yield(result));
        }
    }

    /// The client has failed.
    pub(super) fn handle_failure(&mut self, failure: Box<ErrorMessage>) {
        let caller = self.callee().and_then(|callee| callee.failed(failure.request));
        if let Some(caller) = caller {
            self.fanned_out = self.fanned_out.saturating_add(failure.payload.bytes().len());
            let is_unavailable = caller.may_be_rerouted(&failure.error);
            caller.answer(if is_unavailable { Answer::Unavailable } else { Answer::Error(failure) });
        }
    }
}
