//! Tickets: a password or token in clear text, for encrypted lines only.
//!
//! CHALLENGE has no extra, and `AUTHENTICATE.Signature` is the ticket.
//!
//! WAMP: ticket-based authentication, advanced profile.

use super::{Key, Secret};

/// Whether the ticket that a client sent is the expected one, in a time that does not depend on where they differ.
///
/// Hashes are compared, so that the expected ticket's length does not show either.
pub(crate) fn ticket_matches(given: &str, expected: &Secret) -> bool {
    Key::sha256(given.as_bytes()) == Key::sha256(expected.as_bytes())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn only_the_ticket_itself_matches(ticket: String, other: String) {
            let expected = Secret::from(ticket.as_str());
            prop_assert!(ticket_matches(&ticket, &expected));
            prop_assert_eq!(ticket_matches(&other, &expected), ticket == other);
            prop_assert!(!ticket_matches(&(ticket + " "), &expected));
        }
    }
}
