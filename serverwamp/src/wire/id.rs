//! The identifiers of the protocol, PROTOCOL 1.2.

use std::fmt;

use serde::{Serialize, Serializer};

/// The greatest identifier that the protocol knows, 2^53.
pub(crate) const MAX_ID: u64 = 1 << 53;

macro_rules! identifiers {
    ($($(#[$documentation:meta])* $name:ident;)+) => {$(
        $(#[$documentation])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(u64);

        impl $name {
            /// Makes an identifier of a number from 1 to 2^53; other numbers give `None`.
            #[must_use]
            pub const fn new(value: u64) -> Option<Self> {
                if 1 <= value && value <= MAX_ID { Some(Self(value)) } else { None }
            }

            /// The number.
            #[must_use]
            pub const fn get(self) -> u64 {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, formatter)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(formatter, concat!(stringify!($name), "({})"), self.0)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_u64(self.0)
            }
        }

        impl From<$name> for u64 {
            fn from(id: $name) -> Self {
                id.0
            }
        }
    )+};
}

identifiers! {
    /// Identifies a session, drawn at random from the whole range when it is welcomed.
    SessionId;
    /// Identifies a request of one peer within a session, counted from 1.
    RequestId;
    /// Identifies a publication, drawn at random from the whole range.
    PublicationId;
    /// Identifies a subscription at its router.
    SubscriptionId;
    /// Identifies a registration at its router.
    RegistrationId;
}

impl SessionId {
    /// Maps a uniformly random number uniformly onto the identifiers.
    #[must_use]
    pub(crate) const fn from_random(random: u64) -> Self {
        Self(onto_range(random))
    }
}

impl PublicationId {
    /// Maps a uniformly random number uniformly onto the identifiers.
    #[must_use]
    pub(crate) const fn from_random(random: u64) -> Self {
        Self(onto_range(random))
    }
}

impl RequestId {
    /// The identifier that a counter starts with.
    pub(crate) const FIRST: Self = Self(1);

    /// The identifier that follows this one; after 2^53 comes 1.
    #[must_use]
    pub(crate) const fn next(self) -> Self {
        if self.0 < MAX_ID { Self(self.0 + 1) } else { Self::FIRST }
    }
}

/// 2^53 divides 2^64, so that the lower bits of a random number stay uniform.
const fn onto_range(random: u64) -> u64 {
    (random & (MAX_ID - 1)) + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identifier_lies_between_1_and_2_to_the_53() {
        for (number, accepted) in
            [(0, false), (1, true), (9_007_199_254_740_992, true), (9_007_199_254_740_993, false), (u64::MAX, false)]
        {
            assert_eq!(RequestId::new(number).is_some(), accepted, "{number}");
            assert_eq!(SessionId::new(number).map(u64::from), accepted.then_some(number));
        }
    }

    #[test]
    fn random_numbers_reach_both_ends_of_the_range() {
        assert_eq!(SessionId::from_random(0).get(), 1);
        assert_eq!(SessionId::from_random(u64::MAX).get(), MAX_ID);
        assert_eq!(PublicationId::from_random(MAX_ID).get(), 1);
    }

    #[test]
    fn request_identifiers_wrap_to_1() {
        assert_eq!(RequestId::FIRST.next().get(), 2);
        assert_eq!(RequestId(MAX_ID).next(), RequestId::FIRST);
    }

    #[test]
    fn an_identifier_shows_its_number() {
        let id = SubscriptionId::new(7).unwrap();
        assert_eq!(id.to_string(), "7");
        assert_eq!(format!("{id:?}"), "SubscriptionId(7)");
        assert_eq!(serde_json::to_string(&id).unwrap(), "7");
    }
}
