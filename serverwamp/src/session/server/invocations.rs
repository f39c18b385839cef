//! What a session says about procedures that its client offers, and hears of their invocations.

use super::{Action, ServerSession};
use crate::wire::{
    self, CancelMode, EncodeError, ErrorMessage, Feature, Group, Interrupt, InterruptOptions, InvocationDetails,
    Message, MessageType, Passthru, Payload, Registered, RegistrationId, RequestId, Unregistered, UnregisteredDetails,
    Yield,
};

impl ServerSession {
    /// Answers a REGISTER.
    pub(crate) fn registered(&mut self, request: RequestId, registration: RegistrationId) {
        self.write_established(&Message::Registered(Registered { request, registration }));
    }

    /// Answers an UNREGISTER.
    pub(crate) fn unregistered(&mut self, request: RequestId) {
        let answer = Unregistered { request: Some(request), details: UnregisteredDetails::default().into() };
        self.write_established(&Message::Unregistered(Box::new(answer)));
    }

    /// Tells a client that understands it that it has lost a registration; others hear no more of it.
    ///
    /// WAMP: registration revocation, advanced profile.
    pub(crate) fn registration_revoked(&mut self, registration: RegistrationId, reason: &str) {
        if !self.client.callee.contains(Feature::RegistrationRevocation) {
            return;
        }
        let details = UnregisteredDetails { registration: Some(registration), reason: Some(reason.into()) };
        self.write_established(&Message::Unregistered(Box::new(Unregistered {
            request: None,
            details: details.into(),
        })));
    }

    /// Hands a call, or a part of it, to the client.
    ///
    /// # Errors
    /// It cannot be sent, and the client does not get it.
    pub(crate) fn invoke(
        &mut self,
        request: RequestId,
        registration: RegistrationId,
        details: Option<&InvocationDetails>,
        payload: &Payload,
    ) -> Result<(), EncodeError> {
        if !self.is_in_session() {
            return Ok(());
        }
        self.last_invocation = self.last_invocation.max(request.get());
        let codec = self.codec;
        self.output.write(|buffer| wire::write_invocation(codec, request, registration, details, payload, buffer))?;
        match self.takes_back_too_large() {
            true => Err(EncodeError::new("it does not fit into what the callee takes")),
            false => Ok(()),
        }
    }

    /// Asks the client to stop an invocation.
    ///
    /// WAMP: call canceling, advanced profile.
    pub(crate) fn interrupt(&mut self, request: RequestId, mode: CancelMode) {
        let options = InterruptOptions { mode: Some(mode), ..InterruptOptions::default() };
        self.write_established(&Message::Interrupt(Box::new(Interrupt { request, options: options.into() })));
    }

    pub(super) fn handle_yield(&mut self, result: Box<Yield>) {
        if self.accept_answer(MessageType::Yield, result.request, &result.options.passthru) {
            self.actions.push_back(Action::Yield(result));
        }
    }

    pub(super) fn handle_failure(&mut self, failure: Box<ErrorMessage>) {
        if self.accept_answer(MessageType::Error, failure.request, &failure.details.passthru) {
            self.actions.push_back(Action::Fail(failure));
        }
    }

    /// Whether a client may answer this invocation; if not, the session is aborted. An answer that comes when the
    /// invocation is over, because its call was canceled for instance, is no violation.
    fn accept_answer(&mut self, kind: MessageType, request: RequestId, passthru: &Group<Passthru>) -> bool {
        if request.get() > self.last_invocation {
            self.violation(&format!("{}.Request: there was no invocation {request}", kind.name()));
            return false;
        }
        if uses_passthru(passthru) && !self.client.callee.contains(Feature::PayloadPassthruMode) {
            self.violation(&format!("{}: payload passthru mode was not announced", kind.name()));
            return false;
        }
        true
    }
}

/// Whether a payload is in the payload passthru mode; the older scheme need not be announced.
pub(super) fn uses_passthru(passthru: &Group<Passthru>) -> bool {
    passthru.get().is_some_and(|passthru| passthru.ppt_scheme.is_some())
}
