//! What goes out: messages of handlers, tasks and others become frames, and are handed on.

use std::ops::ControlFlow;
use std::task::{Context, Poll};

use tokio::time::Instant;

use super::{Connection, Joined};
use crate::handler::Command;
use crate::transport::Transport;

/// Octets queued for a peer above which they are handed on at once.
const FLUSH_ABOVE: usize = 64 * 1024;
/// Octets of messages above which they are made frames of at once.
const OUTPUT: usize = 4 * 1024;

impl<T: Transport> Connection<T> {
    /// Sends what handlers, tasks and publishers have sent.
    #[inline]
    pub(super) fn fetch_commands(&mut self, context: &mut Context<'_>, now: Instant) {
        if self.joined.as_ref().is_some_and(|joined| joined.session.outbox().is_waiting()) {
            self.perform_commands(context, now);
        }
    }

    fn perform_commands(&mut self, context: &mut Context<'_>, now: Instant) {
        let Some(Joined { session, .. }) = &self.joined else { return };
        let Ok(commands) = session.outbox().take() else {
            self.cut("outbound_bytes", context);
            return;
        };
        let mut flush_above = FLUSH_ABOVE;
        for command in commands {
            match command {
                Command::Progress(result) if result.call.has_ended() => {}
                Command::Progress(result) => {
                    self.session.progress(result.request, result.call.serial(), &result.payload);
                }
                // It is for sessions with other routers.
                Command::Publish(_) => {}
                Command::LimitMet(limit) => self.shared.counters.limit(limit),
                Command::Revoked(revocation) => {
                    self.end_subscription(&revocation.subscription);
                    self.session.revoked(revocation.id, &revocation.reason);
                }
                Command::Event(message) => {
                    if !self.session.admits_event(&message) {
                        return;
                    }
                    self.queue_output();
                    self.framing.push(&message, &mut self.transport);
                    self.tally.event_delivered();
                }
                Command::Invocation(invocation) => self.invoke(&invocation),
                Command::Interrupt { request, mode } => self.session.interrupt(request, mode),
                Command::Unregistered { registration, reason } => {
                    self.session.registration_revoked(registration, reason);
                }
                Command::Answer { request, serial, answer } => self.handle_answer(request, serial, answer, now),
            }
            if self.session.output_size() > OUTPUT {
                self.queue_output();
            }
            if self.transport.unsent() > flush_above {
                if self.hand_on(context, now).is_break() {
                    return;
                }
                flush_above = self.transport.unsent().saturating_add(FLUSH_ABOVE);
            }
        }
    }

    pub(super) fn queue_output(&mut self) {
        self.session.drain_output(|message| self.framing.push(message, &mut self.transport));
    }

    /// Hands on what is queued once it is much.
    #[inline]
    pub(super) fn relieve(&mut self, context: &mut Context<'_>, now: Instant) -> ControlFlow<()> {
        if self.session.output_size() > OUTPUT {
            self.queue_output();
        }
        match self.transport.unsent() > FLUSH_ABOVE {
            true => self.hand_on(context, now),
            false => ControlFlow::Continue(()),
        }
    }

    /// Hands on what is queued, as far as the peer takes it; breaks where the connection is to be dropped.
    pub(super) fn hand_on(&mut self, context: &mut Context<'_>, now: Instant) -> ControlFlow<()> {
        // Whoever has a reply finds its call counted.
        self.shared.counters.add(&mut self.tally);
        if self.timers.is_finished(now) {
            return ControlFlow::Break(());
        }
        self.queue_output();
        self.framing.finish(&mut self.transport);
        let failed = matches!(self.transport.poll_flush(context), Poll::Ready(Err(_)));
        let unsent = self.transport.unsent();
        if let Some(joined) = &self.joined {
            joined.session.outbox().set_unsent(unsent, self.transport.sent());
        }
        self.timers.note_sent(self.transport.sent(), unsent, now);
        self.observed.update(self.calls.len(), unsent);
        if failed {
            self.drop_peer(context);
            return ControlFlow::Break(());
        }
        if unsent > self.outbound_bytes {
            self.cut("outbound_bytes", context);
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    }
}
