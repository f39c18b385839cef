//! What a client offers to others: registrations, and the invocations that come for them.

use super::{ClientSession, Invoked, Notification, Pending, State};
use crate::wire::{
    CancelMode, EncodeError, ErrorDetails, ErrorMessage, Group, Invocation, Message, MessageType, Passthru, Payload,
    Register, RegisterOptions, RegistrationId, RequestId, Unregister, Uri, Yield, YieldOptions, uris,
};

impl ClientSession {
    /// Offers a procedure.
    pub(crate) fn register(&mut self, procedure: Uri, options: RegisterOptions) -> Result<RequestId, EncodeError> {
        let options = options.into();
        self.request(Some(Pending::Register(procedure.clone())), |request| {
            Message::Register(Box::new(Register { request, options, procedure }))
        })
    }

    /// Withdraws a procedure. There is no answer to wait for where it is not registered.
    pub(crate) fn unregister(&mut self, registration: RegistrationId) -> Option<RequestId> {
        if self.state != State::Established {
            return None;
        }
        self.registrations.remove(&registration)?;
        let message = |request| Message::Unregister(Unregister { request, registration });
        self.request(Some(Pending::Unregister(registration)), message).ok()
    }

    /// Sends a progressive result, unless the invocation has been answered.
    pub(crate) fn progress(&mut self, request: RequestId, serial: u64, passthru: Group<Passthru>, payload: &Payload) {
        if self.is_open(request, serial) && !self.write_yield(request, true, passthru, payload) {
            // A progressive result that cannot be sent is the call's end: without it the caller would see a gap.
            self.notifications.push_back(Notification::Interrupt { serial, mode: CancelMode::KillNoWait });
            self.invocations.remove(&request);
        }
    }

    /// Answers an invocation, unless it has been answered.
    pub(crate) fn result(&mut self, request: RequestId, serial: u64, passthru: Group<Passthru>, payload: &Payload) {
        if self.is_open(request, serial) {
            self.write_yield(request, false, passthru, payload);
            self.invocations.remove(&request);
        }
    }

    /// Answers an invocation with an error, unless it has been answered.
    pub(crate) fn error(
        &mut self,
        request: RequestId,
        serial: u64,
        error: &Uri,
        passthru: Group<Passthru>,
        payload: &Payload,
    ) {
        if self.is_open(request, serial) {
            self.write_invocation_error(request, error, passthru, payload);
            self.invocations.remove(&request);
        }
    }

    /// Takes what only a callee gets; none if nothing has asked for it.
    pub(super) fn accept_as_callee(&mut self, message: Message) -> Option<()> {
        let notification = match message {
            Message::Registered(registered) => {
                let (request, registration) = (registered.request, registered.registration);
                let Pending::Register(procedure) = self.settle(request, MessageType::Register)? else { return None };
                if self.registrations.insert(registration, procedure).is_some() {
                    return None;
                }
                Notification::Registered { request, registration }
            }
            Message::Unregistered(unregistered) => match unregistered.request {
                Some(request) => {
                    self.settle(request, MessageType::Unregister)?;
                    Notification::Unregistered { request }
                }
                None => {
                    let registration = unregistered.details.registration?;
                    if self.registrations.remove(&registration).is_none() {
                        return self.is_unregistering(registration);
                    }
                    Notification::RegistrationRevoked { registration }
                }
            },
            Message::Invocation(invocation) => return self.invoked(invocation),
            Message::Interrupt(interrupt) => {
                // One that has been answered meanwhile cannot be stopped any more.
                let Some(invoked) = self.invocations.get(&interrupt.request) else { return Some(()) };
                let serial = invoked.serial;
                Notification::Interrupt { serial, mode: interrupt.options.mode.unwrap_or(CancelMode::KillNoWait) }
            }
            _ => return None,
        };
        self.notifications.push_back(notification);
        Some(())
    }

    fn invoked(&mut self, invocation: Box<Invocation>) -> Option<()> {
        let request = invocation.request;
        // Progressive call invocations were not announced.
        if invocation.details.progress == Some(true) || self.invocations.contains_key(&request) {
            return None;
        }
        let Some(registered) = self.registrations.get(&invocation.registration) else {
            self.is_unregistering(invocation.registration)?;
            self.write_own_error(request, uris::NO_SUCH_PROCEDURE, &Payload::empty(self.codec));
            return Some(());
        };
        let procedure = invocation.details.procedure.clone().unwrap_or_else(|| registered.clone());
        let passthru = invocation.details.passthru.get();
        let is_coded = passthru.is_some_and(|passthru| passthru.ppt_scheme.is_some() || passthru.enc_algo.is_some());
        let serial = self.next_invocation;
        self.next_invocation = serial.wrapping_add(1);
        self.invocations.insert(request, Invoked { serial, procedure: procedure.clone(), is_coded });
        self.notifications.push_back(Notification::Invocation { invocation, procedure, serial });
        Some(())
    }

    fn is_open(&self, request: RequestId, serial: u64) -> bool {
        self.invocation(request, serial).is_some()
    }

    /// An invocation that has not been answered.
    pub(crate) fn invocation(&self, request: RequestId, serial: u64) -> Option<&Invoked> {
        let invoked = self.invocations.get(&request).filter(|invoked| invoked.serial == serial)?;
        (self.state == State::Established).then_some(invoked)
    }

    /// Something if the registration's UNREGISTER is on its way: what the router sends before it gets that is legal.
    fn is_unregistering(&self, registration: RegistrationId) -> Option<()> {
        let ending = |pending: &Pending| matches!(pending, Pending::Unregister(ending) if *ending == registration);
        self.pending.values().any(ending).then_some(())
    }

    /// Sends a result. One that cannot be sent becomes an error; then it returns false.
    fn write_yield(
        &mut self,
        request: RequestId,
        progress: bool,
        passthru: Group<Passthru>,
        payload: &Payload,
    ) -> bool {
        let options = YieldOptions { progress: progress.then_some(true), passthru, ..YieldOptions::default() };
        let message = Message::Yield(Box::new(Yield { request, options: options.into(), payload: payload.clone() }));
        if self.output.write(|buffer| message.write(self.codec, buffer)).is_err() {
            self.write_own_error(request, uris::RUNTIME_ERROR, &Payload::empty(self.codec));
            return false;
        }
        let most = self.peer_message_size;
        if self.output.take_back_above(most) {
            let text = format!("the result is larger than the {most} octets that the router takes");
            let payload = Payload::message(self.codec, &text);
            self.write_own_error(request, uris::PAYLOAD_SIZE_EXCEEDED, &payload);
            return false;
        }
        true
    }

    /// An error of this process's own, which is in clear.
    pub(super) fn write_own_error(&mut self, request: RequestId, error: &'static str, payload: &Payload) {
        self.write_invocation_error(request, &Uri::known(error), Group::default(), payload);
    }

    /// Sends an error, without its payload if that cannot be sent.
    fn write_invocation_error(
        &mut self,
        request: RequestId,
        error: &Uri,
        passthru: Group<Passthru>,
        payload: &Payload,
    ) {
        for (passthru, payload) in [(passthru, payload), (Group::default(), &Payload::empty(self.codec))] {
            let message = Message::Error(Box::new(ErrorMessage {
                request_type: MessageType::Invocation,
                request,
                details: ErrorDetails { passthru, ..ErrorDetails::default() }.into(),
                error: error.clone(),
                payload: payload.clone(),
            }));
            let written = self.output.write(|buffer| message.write(self.codec, buffer));
            if written.is_ok() && !self.output.take_back_above(self.peer_message_size) {
                return;
            }
        }
    }
}
