//! Everything about a connection that depends on time, behind one timer.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::task::coop::has_budget_remaining;
use tokio::time::{Instant, Sleep, sleep_until};

use crate::limits::Limits;

/// How long a peer may take to close once all is said and sent.
const CLOSING: Duration = Duration::from_secs(2);
/// Octets that a peer has to take within `write_stall`, where that many wait: one by one they would hold the rest for ever.
const TRICKLE: u64 = 4 * 1024;
/// For when nothing is due: any time will do.
const SELDOM: Duration = Duration::from_secs(3600);

/// The deadlines of one connection.
#[derive(Debug)]
pub(crate) struct Timers {
    sleep: Pin<Box<Sleep>>,
    /// The sleep wakes the task then, and nothing that was to be due is due before.
    armed_until: Option<Instant>,
    ping_interval: Duration,
    pong_timeout: Duration,
    write_stall: Duration,
    next_ping: Option<Instant>,
    pong_by: Option<Instant>,
    heard: bool,
    sent: u64,
    stalled_at: Option<Instant>,
    /// What the peer has to have taken in all for that to be put off.
    sent_by_then: u64,
    closing: bool,
    close_by: Option<Instant>,
    finished: bool,
}

/// What it is time for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Due {
    Session,
    Ping,
    NoPong,
    Stalled,
}

impl Timers {
    pub(crate) fn new(limits: &Limits, now: Instant) -> Timers {
        let next_ping = first_ping(limits, now);
        Timers {
            sleep: Box::pin(sleep_until(next_ping.unwrap_or(now + SELDOM).min(now + SELDOM))),
            armed_until: None,
            ping_interval: limits.ping_interval,
            pong_timeout: limits.pong_timeout,
            write_stall: limits.write_stall,
            next_ping,
            pong_by: None,
            heard: false,
            sent: 0,
            stalled_at: None,
            sent_by_then: 0,
            closing: false,
            close_by: None,
            finished: false,
        }
    }

    /// Lets other limits hold from now on; what is timed already goes on as it was.
    pub(crate) fn set_limits(&mut self, limits: &Limits, now: Instant) {
        self.armed_until = None;
        if limits.ping_interval != self.ping_interval {
            self.next_ping = first_ping(limits, now);
        }
        self.ping_interval = limits.ping_interval;
        self.pong_timeout = limits.pong_timeout;
        self.write_stall = limits.write_stall;
    }

    /// The peer sent something.
    pub(crate) fn heard(&mut self) {
        self.heard = true;
    }

    /// Notes how much the peer has taken in all, and how much waits.
    pub(crate) fn note_sent(&mut self, sent: u64, unsent: usize, now: Instant) {
        if unsent == 0 {
            self.stalled_at = None;
        } else if self.stalled_at.is_none() || sent >= self.sent_by_then {
            self.stalled_at = now.checked_add(self.write_stall);
            self.sent_by_then = sent.saturating_add(TRICKLE);
        }
        self.sent = sent;
        if self.closing && unsent == 0 && self.close_by.is_none() {
            self.close_by = Some(now + CLOSING);
        }
    }

    /// The transport is closing: once all is sent, the peer has a moment to close as well.
    pub(crate) fn close(&mut self, now: Instant, unsent: usize) {
        self.closing = true;
        self.note_sent(self.sent, unsent, now);
    }

    /// Nothing is left to do.
    pub(crate) fn finish(&mut self) {
        self.finished = true;
    }

    pub(crate) fn is_finished(&self, now: Instant) -> bool {
        self.finished || self.close_by.is_some_and(|deadline| now >= deadline)
    }

    /// What is due; if nothing is, the task, which has to be the same one always, is woken when something will be.
    #[inline]
    pub(crate) fn poll(&mut self, context: &mut Context<'_>, now: Instant, session: Option<Instant>) -> Option<Due> {
        let is_usual = session.is_none() && self.stalled_at.is_none() && !self.closing && !self.finished;
        match self.armed_until {
            Some(armed_until) if is_usual && now < armed_until => None,
            _ => self.look(context, now, session),
        }
    }

    fn look(&mut self, context: &mut Context<'_>, now: Instant, session: Option<Instant>) -> Option<Due> {
        self.armed_until = None;
        if self.finished {
            return None;
        }
        let is_due = |deadline: Option<Instant>| deadline.is_some_and(|deadline| now >= deadline);
        if is_due(self.stalled_at) {
            return Some(Due::Stalled);
        }
        if !self.closing {
            if is_due(session) {
                return Some(Due::Session);
            }
            if is_due(self.pong_by) {
                self.pong_by = None;
                if !self.heard {
                    return Some(Due::NoPong);
                }
            }
            if is_due(self.next_ping) {
                self.next_ping = now.checked_add(self.ping_interval);
                if self.pong_by.is_none() {
                    self.pong_by = now.checked_add(self.pong_timeout);
                    self.heard = false;
                }
                return Some(Due::Ping);
            }
        }
        let deadlines = match self.closing {
            true => [self.stalled_at, self.close_by, None, None],
            false => [self.stalled_at, session, self.pong_by, self.next_ping],
        };
        let seldom = now + SELDOM;
        let next = deadlines.into_iter().flatten().min().unwrap_or(seldom).min(seldom);
        // A timer that fires early costs one look; moving it with every message would cost more.
        if next < self.sleep.deadline() || self.sleep.is_elapsed() {
            self.sleep.as_mut().reset(next);
        }
        // A task that has used up its budget is not told by the sleep when to wake up, but woken at once.
        let has_budget = has_budget_remaining();
        match self.sleep.as_mut().poll(context) {
            Poll::Ready(()) => context.waker().wake_by_ref(),
            Poll::Pending => self.armed_until = has_budget.then(|| self.sleep.deadline()),
        }
        None
    }
}

/// When to send the first ping, if there are any.
fn first_ping(limits: &Limits, now: Instant) -> Option<Instant> {
    now.checked_add(limits.ping_interval).filter(|_| !limits.ping_interval.is_zero())
}
