//! Tickets: a password or token in clear text, for encrypted lines only.
//!
//! CHALLENGE has no extra, and `AUTHENTICATE.Signature` is the ticket.
//!
//! WAMP: ticket-based authentication, advanced profile.

use super::{Key, Secret};

impl Secret {
    /// Whether this is the secret that a client sent, in a time that shows neither where they differ nor how long this
    /// one is: hashes are compared. An empty secret is nobody's, and matches nothing.
    ///
    /// ```
    /// use serverwamp::Secret;
    ///
    /// let ticket = Secret::from("open sesame");
    /// assert!(ticket.matches("open sesame"));
    /// assert!(!ticket.matches("open"));
    /// ```
    pub fn matches(&self, given: &str) -> bool {
        Key::sha256(given.as_bytes()) == Key::sha256(self.as_bytes()) && !self.as_bytes().is_empty()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn nobody_has_an_empty_ticket() {
        assert!(!Secret::from("").matches(""));
    }

    proptest! {
        #[test]
        fn only_the_ticket_itself_matches(ticket: String, other: String) {
            let expected = Secret::from(ticket.as_str());
            prop_assert_eq!(expected.matches(&ticket), !ticket.is_empty());
            prop_assert_eq!(expected.matches(&other), ticket == other && !ticket.is_empty());
            prop_assert!(!expected.matches(&(ticket + " ")));
        }
    }
}
