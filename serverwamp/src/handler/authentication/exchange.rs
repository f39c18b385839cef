//! Challenges and answers on their way between a function of the program and the client's connection.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

use crate::session::Answer;
use crate::wire::RawDict;

/// The one challenge that may be under way.
#[derive(Debug, Default)]
pub(super) struct Exchange(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    stage: Stage,
    /// The method of the last challenge.
    method: Option<String>,
}

#[derive(Debug, Default)]
enum Stage {
    /// Nobody waits for anything.
    #[default]
    Idle,
    /// A function wants a challenge sent.
    Wanted(RawDict, oneshot::Sender<Answer>),
    /// The challenge was sent.
    Sent(oneshot::Sender<Answer>),
    /// The client has joined, or is gone.
    Over,
}

/// The client cannot be challenged now.
#[derive(Debug)]
pub(super) struct Unavailable;

impl Exchange {
    /// Wants a challenge sent.
    pub(super) fn want(&self, method: String, extra: RawDict) -> Result<oneshot::Receiver<Answer>, Unavailable> {
        let mut state = self.state();
        match &state.stage {
            Stage::Idle => {}
            // Whoever wanted this one has given up before it was sent.
            Stage::Wanted(_, sender) if sender.is_closed() => {}
            Stage::Wanted(..) | Stage::Sent(_) | Stage::Over => return Err(Unavailable),
        }
        let (sender, receiver) = oneshot::channel();
        state.method = Some(method);
        state.stage = Stage::Wanted(extra, sender);
        Ok(receiver)
    }

    /// The challenge that is to be sent.
    pub(super) fn take(&self) -> Option<(String, RawDict)> {
        let mut state = self.state();
        match std::mem::take(&mut state.stage) {
            Stage::Wanted(_, sender) if sender.is_closed() => None,
            Stage::Wanted(extra, sender) => {
                state.stage = Stage::Sent(sender);
                Some((state.method.clone()?, extra))
            }
            other => {
                state.stage = other;
                None
            }
        }
    }

    /// The client has answered.
    pub(super) fn answer(&self, answer: Answer) {
        let mut state = self.state();
        match std::mem::take(&mut state.stage) {
            // Nobody may wait for it any more.
            Stage::Sent(sender) => drop(sender.send(answer)),
            other => state.stage = other,
        }
    }

    /// No more challenges.
    pub(super) fn end(&self) {
        self.state().stage = Stage::Over;
    }

    /// The method of the last challenge.
    pub(super) fn method(&self) -> Option<String> {
        self.state().method.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
