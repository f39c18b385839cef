//! Calls, from CALL to their one final reply.

use std::collections::HashMap;

use super::{Action, OpenCall, ServerSession};
use crate::wire::{self, Cancel, CancelMode, MessageType, Payload, RequestId, Uri, uris};

impl ServerSession {
    pub(super) fn handle_call(&mut self, call: Box<wire::Call>) {
        if call.options.progress == Some(true) {
            self.violation("CALL.Options.progress: progressive call invocations were not announced");
            return;
        }
        if self.running >= self.limits.calls_in_flight {
            self.refuse_call(call.request);
            return;
        }
        self.next_call += 1;
        let serial = self.next_call;
        self.newest = Some((call.request, OpenCall { serial }));
        self.running += 1;
        self.actions.push_back(Action::Call { call, serial });
    }

    pub(super) fn handle_cancel(&mut self, cancel: &Cancel) {
        let Some(&OpenCall { serial }) = self.calls.get(&cancel.request) else { return };
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

    pub(super) fn forget_calls(&mut self) {
        self.calls = HashMap::new();
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
        match self.newest {
            Some((newest, _)) if newest == request => self.newest = None,
            _ => drop(self.calls.remove(&request)),
        }
    }

    fn write_result(&mut self, request: RequestId, progress: bool, payload: &Payload) {
        if payload.is_larger_than(self.limits.reply_size) {
            return self.write_too_large(request, progress);
        }
        let codec = self.codec;
        let written = self.output.write(|buffer| wire::write_result(codec, request, progress, payload, buffer));
        if written.is_err() {
            self.write_error(MessageType::Call, request, &Uri::known(uris::RUNTIME_ERROR), &Payload::empty(codec));
        } else if self.takes_back_too_large() {
            self.write_too_large(request, progress);
        }
    }

    #[cold]
    fn write_too_large(&mut self, request: RequestId, progress: bool) {
        // A progressive result that cannot be sent is the call's end: without it the caller would see a gap.
        if let Some(OpenCall { serial }) = self.open_call(request).filter(|_| progress) {
            self.forget_call(request);
            self.actions.push_back(Action::Cancel { serial, mode: CancelMode::KillNoWait });
        }
        let maximum = self.limits.reply_size.min(self.peer_message_size);
        let message = format!("the result is larger than {maximum} octets");
        self.refuse(MessageType::Call, request, uris::PAYLOAD_SIZE_EXCEEDED, &message);
    }
}
