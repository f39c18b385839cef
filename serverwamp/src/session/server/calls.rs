//! Calls, from CALL to their one final reply.

use std::collections::VecDeque;

use rustc_hash::FxHashMap;

use super::invocations::uses_passthru;
use super::{Action, OpenCall, ServerSession};
use crate::wire::{
    self, Cancel, CancelMode, ErrorDetails, ErrorMessage, Feature, Message, MessageType, Payload, RequestId,
    ResultDetails, ResultMessage, Uri, Yield, uris,
};

impl ServerSession {
    pub(super) fn handle_call(&mut self, call: Box<wire::Call>) {
        let is_progressive = call.options.progress == Some(true);
        if is_progressive && !(self.is_router && self.client.caller.contains(Feature::ProgressiveCallInvocations)) {
            self.violation("CALL.Options.progress: progressive call invocations were not announced");
            return;
        }
        if self.is_router && uses_passthru(&call.options.passthru) && !self.caller_has_passthru() {
            self.violation("CALL.Options.ppt_scheme: payload passthru mode was not announced");
            return;
        }
        if self.running >= self.limits.calls_in_flight {
            self.refuse_call(call.request);
            return;
        }
        self.next_call += 1;
        let serial = self.next_call;
        self.newest = Some((call.request, OpenCall { serial, is_progressive }));
        self.running += 1;
        self.actions.push_back(Action::Call { call, serial });
    }

    /// Takes more of a progressive call's arguments. Gives back what is a call of its own.
    ///
    /// WAMP: progressive call invocations, advanced profile.
    pub(super) fn handle_part(&mut self, call: Box<wire::Call>) -> Option<Box<wire::Call>> {
        let is_progressive = call.options.progress == Some(true);
        if !self.calls.is_empty()
            && let Some(open) = self.calls.get_mut(&call.request)
            && open.is_progressive
        {
            open.is_progressive = is_progressive;
            let serial = open.serial;
            self.actions.push_back(Action::Continue { call, serial });
            return None;
        }
        if self.unfinished.is_empty() {
            return Some(call);
        }
        let Some(place) = self.unfinished.iter().position(|unfinished| *unfinished == call.request) else {
            return Some(call);
        };
        if !is_progressive {
            self.unfinished.remove(place);
        }
        None
    }

    pub(super) fn handle_cancel(&mut self, cancel: &Cancel) {
        let Some(&OpenCall { serial, .. }) = self.calls.get(&cancel.request) else { return };
        let mode = cancel.options.mode.unwrap_or(CancelMode::KillNoWait);
        self.actions.push_back(Action::Cancel { serial, mode });
        if mode != CancelMode::Kill {
            self.error(cancel.request, serial, &Uri::known(uris::CANCELED), &Payload::empty(self.codec));
        }
    }

    /// Sends a progressive result, unless the call has been answered.
    pub(crate) fn progress(&mut self, request: RequestId, serial: u64, payload: &Payload) {
        if self.open_call(request).is_some_and(|call| call.serial == serial) {
            self.write_result(request, true, payload);
        }
    }

    /// Answers a call, unless it has been answered.
    pub(crate) fn result(&mut self, request: RequestId, serial: u64, payload: &Payload) {
        if self.close_call(request, serial) {
            self.write_result(request, false, payload);
        }
    }

    /// Answers a call with an error, unless it has been answered.
    pub(crate) fn error(&mut self, request: RequestId, serial: u64, error: &Uri, payload: &Payload) {
        if self.close_call(request, serial) {
            self.write_error(MessageType::Call, request, error, payload);
        }
    }

    /// Passes on what a callee has yielded, unless the call has been answered.
    pub(crate) fn yielded(&mut self, request: RequestId, serial: u64, result: &Yield) {
        let progress = result.options.progress == Some(true);
        if self.open_call(request).is_none_or(|call| call.serial != serial) {
            return;
        }
        if uses_passthru(&result.options.passthru) && !self.caller_has_passthru() {
            return self.end_without_feature(request, serial, "payload_passthru_mode");
        }
        if !progress {
            self.forget_call(request);
        }
        self.write_yielded(request, progress, result);
    }

    /// Passes on that a callee has failed, unless the call has been answered.
    pub(crate) fn failed(&mut self, request: RequestId, serial: u64, failure: &ErrorMessage) {
        if !self.close_call(request, serial) {
            return;
        }
        if uses_passthru(&failure.details.passthru) && !self.caller_has_passthru() {
            return self.refuse_feature(request, "payload_passthru_mode");
        }
        if failure.details.passthru.get().is_none() || failure.payload.is_larger_than(self.limits.reply_size) {
            return self.write_error(MessageType::Call, request, &failure.error, &failure.payload);
        }
        let details = ErrorDetails { passthru: failure.details.passthru.clone(), ..ErrorDetails::default() };
        let (error, payload) = (failure.error.clone(), failure.payload.clone());
        let message =
            ErrorMessage { request_type: MessageType::Call, request, details: details.into(), error, payload };
        let message = Message::Error(Box::new(message));
        let written = self.output.write(|buffer| message.write(self.codec, buffer));
        if written.is_err() || self.takes_back_too_large() {
            self.write_shorter_error(MessageType::Call, request, &failure.error);
        }
    }

    /// Does not start a call after all: too many handlers go on without their callers.
    pub(crate) fn refuse_started(&mut self, request: RequestId, serial: u64) {
        self.handler_ended();
        if self.close_call(request, serial) {
            self.refuse_call(request);
        }
    }

    /// A call's handler does not run any more.
    pub(crate) fn handler_ended(&mut self) {
        self.running = self.running.saturating_sub(1);
    }

    /// Refuses a call because too many run.
    fn refuse_call(&mut self, request: RequestId) {
        self.refuse_over_limit(MessageType::Call, request, "calls_in_flight", self.limits.calls_in_flight);
    }

    /// Whether the client understands payloads that are passed through.
    fn caller_has_passthru(&self) -> bool {
        self.client.caller.contains(Feature::PayloadPassthruMode)
    }

    /// Ends a call whose caller lacks what its result takes.
    #[cold]
    fn end_without_feature(&mut self, request: RequestId, serial: u64, feature: &str) {
        self.forget_call(request);
        self.actions.push_back(Action::Cancel { serial, mode: CancelMode::KillNoWait });
        self.refuse_feature(request, feature);
    }

    fn refuse_feature(&mut self, request: RequestId, feature: &str) {
        let message = format!("the result takes {feature}, which you have not announced");
        self.refuse(MessageType::Call, request, uris::FEATURE_NOT_SUPPORTED, &message);
    }

    pub(super) fn forget_calls(&mut self) {
        self.unfinished = VecDeque::new();
        self.calls = FxHashMap::default();
        self.newest = None;
        self.running = 0;
    }

    fn close_call(&mut self, request: RequestId, serial: u64) -> bool {
        if self.open_call(request).is_none_or(|call| call.serial != serial) {
            return false;
        }
        self.forget_call(request);
        true
    }

    fn open_call(&self, request: RequestId) -> Option<OpenCall> {
        match self.newest {
            Some((newest, call)) if newest == request => Some(call),
            _ => self.calls.get(&request).copied(),
        }
    }

    fn forget_call(&mut self, request: RequestId) {
        let forgotten = match self.newest {
            Some((newest, call)) if newest == request => {
                self.newest = None;
                Some(call)
            }
            _ => self.calls.remove(&request),
        };
        if forgotten.is_some_and(|call| call.is_progressive) {
            if self.unfinished.len() >= self.limits.calls_in_flight {
                self.unfinished.pop_front();
            }
            self.unfinished.push_back(request);
        }
    }

    fn write_yielded(&mut self, request: RequestId, progress: bool, result: &Yield) {
        if result.options.passthru.get().is_none() {
            return self.write_result(request, progress, &result.payload);
        }
        if result.payload.is_larger_than(self.limits.reply_size) {
            return self.write_too_large(request, progress);
        }
        let passthru = result.options.passthru.clone();
        let details = ResultDetails { progress: progress.then_some(true), passthru, ..ResultDetails::default() };
        let message = ResultMessage { request, details: details.into(), payload: result.payload.clone() };
        let message = Message::Result(Box::new(message));
        let written = self.output.write(|buffer| message.write(self.codec, buffer));
        if written.is_err() {
            self.write_unencodable(request, progress);
        } else if self.takes_back_too_large() {
            self.write_too_large(request, progress);
        }
    }

    fn write_result(&mut self, request: RequestId, progress: bool, payload: &Payload) {
        if payload.is_larger_than(self.limits.reply_size) {
            return self.write_too_large(request, progress);
        }
        let codec = self.codec;
        let written = self.output.write(|buffer| wire::write_result(codec, request, progress, payload, buffer));
        if written.is_err() {
            self.write_unencodable(request, progress);
        } else if self.takes_back_too_large() {
            self.write_too_large(request, progress);
        }
    }

    /// Ends a call with a progressive result that cannot be sent: without it the caller would see a gap.
    fn end_at_gap(&mut self, request: RequestId, progress: bool) {
        if let Some(OpenCall { serial, .. }) = self.open_call(request).filter(|_| progress) {
            self.forget_call(request);
            self.actions.push_back(Action::Cancel { serial, mode: CancelMode::KillNoWait });
        }
    }

    #[cold]
    fn write_unencodable(&mut self, request: RequestId, progress: bool) {
        self.end_at_gap(request, progress);
        let codec = self.codec;
        self.write_error(MessageType::Call, request, &Uri::known(uris::RUNTIME_ERROR), &Payload::empty(codec));
    }

    #[cold]
    fn write_too_large(&mut self, request: RequestId, progress: bool) {
        self.end_at_gap(request, progress);
        let maximum = self.limits.reply_size.min(self.peer_message_size);
        let message = format!("the result is larger than {maximum} octets");
        self.refuse(MessageType::Call, request, uris::PAYLOAD_SIZE_EXCEEDED, &message);
    }
}
