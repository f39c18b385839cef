//! When a client connects again. Time is a parameter.

use std::time::{Duration, Instant};

/// How a client connects again when it could not, or when it has lost its session.
///
/// Each wait is drawn at random from nothing up to a bound that doubles each time, so that not all clients of a router
/// that was restarted come back at once. Several addresses are tried one after the other without a wait in between. Wrong
/// credentials, an unknown realm and errors of protocol are final: nobody connects again after them.
///
/// ```
/// use serverwamp::client::Reconnect;
/// use std::time::Duration;
///
/// let patient = Reconnect { longest: Duration::from_secs(300), ..Reconnect::default() };
/// let impatient = Reconnect { max_retries: Some(3), ..Reconnect::default() };
/// # let _ = (patient, impatient);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reconnect {
    /// The longest first wait. Default 0.5 s.
    pub first: Duration,
    /// The longest wait of all. Default 30 s.
    pub longest: Duration,
    /// After a session of this length, counting begins anew. Default 10 s.
    pub reset_after: Duration,
    /// How often it is tried again in a row; of several addresses, how often all of them are. Default: for ever.
    pub max_retries: Option<u32>,
}

impl Default for Reconnect {
    fn default() -> Reconnect {
        Reconnect {
            first: Duration::from_millis(500),
            longest: Duration::from_secs(30),
            reset_after: Duration::from_secs(10),
            max_retries: None,
        }
    }
}

impl Reconnect {
    /// Never.
    pub fn never() -> Reconnect {
        Reconnect { max_retries: Some(0), ..Reconnect::default() }
    }
}

/// How often a client has tried to connect in a row.
#[derive(Debug)]
pub(super) struct Attempts {
    policy: Reconnect,
    addresses: usize,
    /// Attempts after the first one.
    retries: u32,
    /// The address of the next attempt.
    next: usize,
    joined_at: Option<Instant>,
}

/// When and where to connect next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Attempt {
    pub(super) after: Duration,
    /// Which of the addresses.
    pub(super) address: usize,
}

impl Attempts {
    pub(super) fn new(policy: Reconnect, addresses: usize) -> Attempts {
        Attempts { policy, addresses: addresses.max(1), retries: 0, next: 0, joined_at: None }
    }

    /// The first attempt.
    pub(super) fn first(&mut self) -> Attempt {
        self.at(Duration::ZERO)
    }

    /// The client has joined.
    pub(super) fn joined(&mut self, now: Instant) {
        self.joined_at = Some(now);
    }

    /// The attempt failed, or the session was lost: the next attempt, if there is to be one. `random` is from 0 to 1.
    pub(super) fn again(&mut self, now: Instant, random: f64) -> Option<Attempt> {
        if let Some(joined_at) = self.joined_at.take()
            && now.saturating_duration_since(joined_at) >= self.policy.reset_after
        {
            self.retries = 0;
        }
        self.retries = self.retries.saturating_add(1);
        let addresses = u32::try_from(self.addresses).unwrap_or(u32::MAX);
        let round = self.retries.checked_div(addresses).unwrap_or_default();
        if self.policy.max_retries.is_some_and(|most| round > most) {
            return None;
        }
        let begins_round = self.retries.checked_rem(addresses) == Some(0);
        let doubled = 2_u32.saturating_pow(round.saturating_sub(1).min(31));
        let longest = self.policy.first.saturating_mul(doubled).min(self.policy.longest);
        let after = if begins_round { longest.mul_f64(random.clamp(0.0, 1.0)) } else { Duration::ZERO };
        Some(self.at(after))
    }

    fn at(&mut self, after: Duration) -> Attempt {
        let address = self.next;
        self.next = address.saturating_add(1).checked_rem(self.addresses).unwrap_or_default();
        Attempt { after, address }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn waits(attempts: &mut Attempts, now: Instant, random: f64, count: usize) -> Vec<f64> {
        (0..count).map_while(|_| attempts.again(now, random)).map(|attempt| attempt.after.as_secs_f64()).collect()
    }

    #[test]
    fn waits_double_up_to_the_longest() {
        let now = Instant::now();
        let mut attempts = Attempts::new(Reconnect::default(), 1);
        assert_eq!(attempts.first(), Attempt { after: Duration::ZERO, address: 0 });
        assert_eq!(waits(&mut attempts, now, 1.0, 9), [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0, 30.0]);
        assert_eq!(waits(&mut attempts, now, 0.5, 1), [15.0]);
        assert_eq!(waits(&mut attempts, now, 0.0, 1), [0.0]);
        assert_eq!(waits(&mut attempts, now, 1.0, 100).last(), Some(&30.0));
    }

    #[test]
    fn a_session_of_ten_seconds_begins_anew() {
        let start = Instant::now();
        let mut attempts = Attempts::new(Reconnect::default(), 1);
        attempts.first();
        waits(&mut attempts, start, 1.0, 5);
        attempts.joined(start);
        assert_eq!(waits(&mut attempts, start + 9 * SECOND, 1.0, 1), [16.0]);
        attempts.joined(start);
        assert_eq!(waits(&mut attempts, start + 10 * SECOND, 1.0, 2), [0.5, 1.0]);
    }

    #[test]
    fn it_is_tried_again_so_often() {
        let now = Instant::now();
        let mut attempts = Attempts::new(Reconnect { max_retries: Some(3), ..Reconnect::default() }, 1);
        attempts.first();
        assert_eq!(waits(&mut attempts, now, 1.0, 9).len(), 3);
        attempts.joined(now);
        assert_eq!(
            attempts.again(now + 10 * SECOND, 1.0).unwrap().after,
            SECOND / 2,
            "after a session, as often again"
        );
        let mut never = Attempts::new(Reconnect::never(), 1);
        never.first();
        assert_eq!(never.again(now, 1.0), None);
    }

    #[test]
    fn addresses_are_tried_in_turn() {
        let now = Instant::now();
        let mut attempts = Attempts::new(Reconnect::default(), 3);
        let mut tried = vec![attempts.first()];
        tried.extend((0..8).map_while(|_| attempts.again(now, 1.0)));
        let tried: Vec<_> = tried.iter().map(|attempt| (attempt.address, attempt.after.as_secs_f64())).collect();
        let none = 0.0;
        assert_eq!(
            tried,
            [(0, none), (1, none), (2, none), (0, 0.5), (1, none), (2, none), (0, 1.0), (1, none), (2, none)]
        );
        let mut never = Attempts::new(Reconnect::never(), 3);
        never.first();
        assert_eq!(waits(&mut never, now, 1.0, 9), [none, none], "each of them once");
    }
}
