//! URIs of procedures, topics, realms and errors, PROTOCOL 1.3.

use std::{borrow::Borrow, fmt, ops::Deref, sync::Arc};

use serde::{Deserialize, Serialize, Serializer};

/// The most bytes a URI may have.
pub(crate) const MAX_URI_LENGTH: usize = 255;

/// How the URI of a subscription or a registration is compared with the URIs of publications or calls.
///
/// Read from text (TOML, say) by the name that it has in the option `match`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MatchPolicy {
    /// Both are the same.
    #[default]
    Exact,
    /// The pattern is a string prefix of the URI.
    Prefix,
    /// Component by component, where an empty component of the pattern stands for any.
    Wildcard,
}

impl MatchPolicy {
    /// The policy's name in the option `match`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Exact => "exact",
            Self::Prefix => "prefix",
            Self::Wildcard => "wildcard",
        }
    }

    /// The policy with that name.
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        [Self::Exact, Self::Prefix, Self::Wildcard].into_iter().find(|policy| policy.name() == name)
    }
}

impl fmt::Display for MatchPolicy {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// Why a string is not a URI.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UriError {
    /// It is longer than 255 bytes.
    #[error("a URI has at most {MAX_URI_LENGTH} bytes")]
    TooLong,
    /// It has whitespace or a `#`.
    #[error("a URI has neither whitespace nor '#'")]
    ForbiddenCharacter,
    /// It is empty or has an empty component where none may be.
    #[error("a URI has no empty component here")]
    EmptyComponent,
}

/// A URI or a URI pattern that satisfies the loose rule of the protocol. Cheap to clone.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Uri(Arc<str>);

impl Uri {
    /// The URI as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// A URI that is part of the protocol.
    pub(crate) fn known(uri: &'static str) -> Self {
        Self(uri.into())
    }

    /// Checks a URI that names one procedure, topic, realm or error.
    ///
    /// # Errors
    /// Empty components, whitespace, `#` and more than 255 bytes are refused.
    pub fn new(uri: &str) -> Result<Self, UriError> {
        Self::pattern(uri, MatchPolicy::Exact)
    }

    /// Checks the URI of a subscription or registration: the last component of a prefix and any component of a
    /// wildcard pattern may be empty.
    ///
    /// # Errors
    /// Other empty components, whitespace, `#` and more than 255 bytes are refused.
    pub fn pattern(uri: &str, policy: MatchPolicy) -> Result<Self, UriError> {
        check_uri(uri, policy)?;
        Ok(Self(Arc::from(uri)))
    }
}

const FORBIDDEN: u8 = 1;
const BEYOND_ASCII: u8 = 2;

/// What each byte means for the loose rule.
const CLASSES: [u8; 256] = {
    let mut classes = [0; 256];
    let mut rest: &mut [u8] = &mut classes;
    let mut byte = 0_u8;
    while let [class, following @ ..] = rest {
        *class = match byte {
            b'\t'..=b'\r' | b' ' | b'#' => FORBIDDEN,
            0x80.. => BEYOND_ASCII,
            _ => 0,
        };
        byte = byte.wrapping_add(1);
        rest = following;
    }
    classes
};

/// Checks without keeping.
pub(crate) fn check_uri(uri: &str, policy: MatchPolicy) -> Result<(), UriError> {
    if uri.len() > MAX_URI_LENGTH {
        return Err(UriError::TooLong);
    }
    let mut classes = 0;
    let mut empty_inside = false;
    let mut previous = b'.';
    for &byte in uri.as_bytes() {
        classes |= CLASSES.get(usize::from(byte)).copied().unwrap_or(FORBIDDEN);
        empty_inside |= byte == b'.' && previous == b'.';
        previous = byte;
    }
    if classes & FORBIDDEN != 0 || (classes & BEYOND_ASCII != 0 && uri.chars().any(char::is_whitespace)) {
        return Err(UriError::ForbiddenCharacter);
    }
    let separated = previous == b'.';
    let refused = match policy {
        MatchPolicy::Exact => empty_inside || separated,
        MatchPolicy::Prefix => empty_inside,
        MatchPolicy::Wildcard => false,
    };
    if refused { Err(UriError::EmptyComponent) } else { Ok(()) }
}

impl Deref for Uri {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl AsRef<str> for Uri {
    fn as_ref(&self) -> &str {
        self
    }
}

impl Borrow<str> for Uri {
    fn borrow(&self) -> &str {
        self
    }
}

impl PartialEq<str> for Uri {
    fn eq(&self, other: &str) -> bool {
        **self == *other
    }
}

impl PartialEq<&str> for Uri {
    fn eq(&self, other: &&str) -> bool {
        **self == **other
    }
}

impl fmt::Display for Uri {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&**self, formatter)
    }
}

impl fmt::Debug for Uri {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, formatter)
    }
}

impl Serialize for Uri {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self)
    }
}

impl TryFrom<&str> for Uri {
    type Error = UriError;

    fn try_from(uri: &str) -> Result<Self, UriError> {
        Self::new(uri)
    }
}

impl std::str::FromStr for Uri {
    type Err = UriError;

    fn from_str(uri: &str) -> Result<Self, UriError> {
        Self::new(uri)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;
    use regex::Regex;

    use super::*;

    /// The regular expressions of the specification, by match policy.
    fn judges() -> [(MatchPolicy, Regex); 3] {
        let vectors: serde_json::Value = serde_json::from_str(include_str!(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../tests/vectors/routing/routing.json"
        )))
        .unwrap();
        [
            (MatchPolicy::Exact, "regex_loose"),
            (MatchPolicy::Prefix, "regex_loose_last_empty"),
            (MatchPolicy::Wildcard, "regex_loose_empty"),
        ]
        .map(|(policy, name)| (policy, Regex::new(vectors["uri"][name].as_str().unwrap()).unwrap()))
    }

    fn check_against_judges(uri: &str, judges: &[(MatchPolicy, Regex)]) {
        for (policy, judge) in judges {
            assert_eq!(Uri::pattern(uri, *policy).is_ok(), judge.is_match(uri), "{uri:?} as {policy}");
        }
    }

    #[test]
    fn the_loose_rule_is_that_of_the_specification() {
        let judges = judges();
        for uri in [
            "",
            ".",
            "..",
            "a",
            "a.",
            ".a",
            "a.b",
            "a..b",
            "a.b.",
            "a.b..",
            "..a",
            "a b",
            "a\tb",
            "a\u{b}b",
            "a\rb",
            "a\u{1c}b",
            "a\0b",
            "a#",
            "#",
            "a.#",
            "ä.ö",
            "a\u{a0}b",
            "a\u{2028}",
            "a\u{85}b",
            "\u{3000}",
            "a\u{200b}b",
            "com.example.ümlaut",
            "A-B_c!$%",
            "wamp.error.invalid_uri",
            "a\n",
            "\u{feff}",
        ] {
            check_against_judges(uri, &judges);
        }
    }

    proptest! {
        #[test]
        fn arbitrary_strings_are_judged_as_by_the_regular_expressions(uri in "[a#. \\t\\u{a0}ü]{0,12}|\\PC{0,20}") {
            check_against_judges(&uri, &judges());
        }
    }

    #[test]
    fn the_limit_is_255_bytes() {
        assert!(Uri::new(&"a".repeat(255)).is_ok());
        assert_eq!(Uri::new(&"a".repeat(256)), Err(UriError::TooLong));
        assert_eq!(Uri::new(&"ü".repeat(128)), Err(UriError::TooLong));
    }

    #[test]
    fn a_refusal_says_why() {
        for (uri, policy, expected) in [
            ("a b", MatchPolicy::Exact, UriError::ForbiddenCharacter),
            ("a..b", MatchPolicy::Exact, UriError::EmptyComponent),
            ("", MatchPolicy::Exact, UriError::EmptyComponent),
            (".a", MatchPolicy::Prefix, UriError::EmptyComponent),
            ("a.#", MatchPolicy::Wildcard, UriError::ForbiddenCharacter),
        ] {
            assert_eq!(Uri::pattern(uri, policy), Err(expected), "{uri:?}");
        }
    }

    #[test]
    fn a_map_of_uris_is_searched_by_string() {
        let map = HashMap::from([(Uri::new("a.b").unwrap(), 1)]);
        assert_eq!(map.get("a.b"), Some(&1));
        assert_eq!(*map.keys().next().unwrap(), "a.b");
    }

    #[test]
    fn policies_have_the_names_of_the_option() {
        for policy in [MatchPolicy::Exact, MatchPolicy::Prefix, MatchPolicy::Wildcard] {
            assert_eq!(MatchPolicy::from_name(policy.name()), Some(policy));
        }
        assert_eq!(MatchPolicy::from_name("regex"), None);
    }
}
