//! Reading what a peer put into `authextra` or `Extra`; null is as good as absent.

use super::AuthenticationError;
use crate::wire::{Dict, Value};

/// The largest integer that every peer's floating-point numbers can hold.
const MAX_INTEGRAL: f64 = 9_007_199_254_740_992.0;

fn present<'a>(extra: &'a Dict, name: &str) -> Option<&'a Value> {
    extra.get(name).filter(|value| !value.is_null())
}

/// A string, if there is one.
pub(super) fn string<'a>(extra: &'a Dict, name: &'static str) -> Result<Option<&'a str>, AuthenticationError> {
    let Some(value) = present(extra, name) else { return Ok(None) };
    value.as_str().map(Some).ok_or(AuthenticationError::Malformed { name, expected: "a string" })
}

/// A string that has to be there.
pub(super) fn required_string<'a>(extra: &'a Dict, name: &'static str) -> Result<&'a str, AuthenticationError> {
    string(extra, name)?.ok_or(AuthenticationError::Malformed { name, expected: "a string" })
}

/// An integer that is not negative, if there is one; some peers send it as a float.
pub(super) fn integer(extra: &Dict, name: &'static str) -> Result<Option<u64>, AuthenticationError> {
    let Some(value) = present(extra, name) else { return Ok(None) };
    let integral = |float: f64| (float.fract() == 0.0 && (0.0..=MAX_INTEGRAL).contains(&float)).then_some(float as u64);
    value
        .as_u64()
        .or_else(|| value.as_f64().and_then(integral))
        .map(Some)
        .ok_or(AuthenticationError::Malformed { name, expected: "an integer from 0" })
}

/// Thirty-two octets in hexadecimal, if they are there.
pub(super) fn hex32(extra: &Dict, name: &'static str) -> Result<Option<[u8; 32]>, AuthenticationError> {
    let Some(text) = string(extra, name)? else { return Ok(None) };
    super::text::from_hex(text)
        .map(Some)
        .ok_or(AuthenticationError::Malformed { name, expected: "64 hexadecimal digits" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_checked() {
        let extra = Dict::from([
            ("text", Value::from("a")),
            ("null", Value::Null),
            ("integer", 7.into()),
            ("float", 4096.0.into()),
            ("fraction", 1.5.into()),
            ("negative", (-1).into()),
            ("huge", 1e300.into()),
        ]);
        let malformed = |name, expected| Err(AuthenticationError::Malformed { name, expected });
        assert_eq!(string(&extra, "text"), Ok(Some("a")));
        assert_eq!(string(&extra, "null"), Ok(None));
        assert_eq!(string(&extra, "absent"), Ok(None));
        assert_eq!(string(&extra, "integer"), malformed("integer", "a string"));
        assert_eq!(required_string(&extra, "null").map(Some), malformed("null", "a string"));
        assert_eq!(integer(&extra, "integer"), Ok(Some(7)));
        assert_eq!(integer(&extra, "float"), Ok(Some(4096)));
        assert_eq!(integer(&extra, "null"), Ok(None));
        for name in ["text", "fraction", "negative", "huge"] {
            assert_eq!(
                integer(&extra, name),
                Err(AuthenticationError::Malformed { name, expected: "an integer from 0" })
            );
        }
    }
}
