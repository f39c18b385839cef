//! How sessions end: GOODBYE, ABORT, violations, lost connections.

use std::time::Instant;

use super::{Action, Ending, ServerSession, State};
use crate::session::words::{abort, goodbye};
use crate::wire::{Message, Uri, uris};

impl ServerSession {
    /// Ends the session or the attempt to join; the connection is closed.
    pub(crate) fn abort(&mut self, reason: &Uri, message: Option<&str>) {
        if self.state == State::Closed {
            return;
        }
        self.write(&abort(reason.clone(), message));
        self.close(Ending::Aborted);
    }

    pub(super) fn handle_goodbye(&mut self, now: Instant) {
        self.forget_calls();
        self.state = State::Leaving;
        self.deadline = now.checked_add(self.limits.goodbye_timeout);
        self.actions.push_back(Action::Leave);
    }

    /// Whether the peer has said GOODBYE and waits for the answer. What it says after that is not for this session, and
    /// must not be handed in before `Action::Left`.
    pub(crate) fn is_leaving(&self) -> bool {
        self.state == State::Leaving
    }

    /// Answers the peer's GOODBYE, which ends the session.
    pub(crate) fn part(&mut self, now: Instant) {
        if self.is_leaving() {
            self.write(&goodbye(Uri::known(uris::GOODBYE_AND_OUT), None));
            self.leave(now);
        }
    }

    /// Ends the session with GOODBYE. The connection stays until the peer has answered.
    pub(crate) fn goodbye(&mut self, reason: &Uri, message: Option<&str>, now: Instant) {
        match self.state {
            State::Established => {
                self.write(&goodbye(reason.clone(), message));
                self.state = State::ShuttingDown;
                self.deadline = now.checked_add(self.limits.goodbye_timeout);
                self.forget_calls();
                self.actions.push_back(Action::Left(Ending::Closed));
            }
            State::Joining | State::Challenging => self.abort(reason, message),
            State::AwaitingHello => self.close(Ending::Closed),
            State::Leaving => self.part(now),
            State::ShuttingDown | State::Closed => {}
        }
    }

    #[cold]
    pub(super) fn unexpected(&mut self, message: &Message, expected: &str) {
        self.violation(&format!("expected {expected}, got {}", message.kind().name()));
    }

    #[cold]
    pub(super) fn violation(&mut self, message: &str) {
        self.abort_with(uris::PROTOCOL_VIOLATION, message, Ending::Violation);
    }

    #[cold]
    pub(super) fn abort_with(&mut self, reason: &str, message: &str, ending: Ending) {
        let reason = Uri::new(reason).unwrap_or_else(|_| Uri::known(uris::RUNTIME_ERROR));
        self.write(&abort(reason, Some(message)));
        if ending == Ending::Violation {
            self.actions.push_back(Action::Violated(message.to_owned()));
        }
        self.close(ending);
    }

    /// The session ended in peace: the connection may be used for another.
    pub(super) fn leave(&mut self, now: Instant) {
        if self.state == State::Leaving {
            self.actions.push_back(Action::Left(Ending::Goodbye));
        }
        self.forget_calls();
        self.state = State::AwaitingHello;
        self.deadline = now.checked_add(self.limits.hello_timeout);
        self.welcome_by = now.checked_add(self.limits.welcome_timeout);
    }

    pub(super) fn close(&mut self, ending: Ending) {
        match self.state {
            State::Closed => return,
            State::Established | State::Leaving | State::Joining | State::Challenging => {
                self.actions.push_back(Action::Left(ending))
            }
            State::AwaitingHello | State::ShuttingDown => {}
        }
        self.forget_calls();
        self.state = State::Closed;
        self.deadline = None;
        self.actions.push_back(Action::Close(ending));
    }
}
