//! Tickets: a password or token in clear text, for encrypted lines only.
//!
//! CHALLENGE has no extra, and `AUTHENTICATE.Signature` is the ticket.
//!
//! WAMP: ticket-based authentication, advanced profile.

use super::{Key, Secret};

impl Secret {
    /// Whether the ticket that a client sent is this one, in a time that does not depend on where they differ.
    ///
    /// Hashes are compared, so that this ticket's length does not show either.
    pub fn matches(&self, given: &str) -> bool {
        Key::sha256(given.as_bytes()) == Key::sha256(self.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn only_the_ticket_itself_matches(ticket: String, other: String) {
            let expected = Secret::from(ticket.as_str());
            prop_assert!(expected.matches(&ticket));
            prop_assert_eq!(expected.matches(&other), ticket == other);
            prop_assert!(!expected.matches(&(ticket + " ")));
        }
    }
}
