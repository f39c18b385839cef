//! Limits from a configuration, whatever format serde reads it from.

use std::fmt;
use std::marker::PhantomData;
use std::time::Duration;

use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error, MapAccess, Unexpected, Visitor};

use super::Limits;

/// What a limit may be set to.
trait Setting: Sized {
    /// What is expected, in words.
    const EXPECTED: &'static str;

    fn from_integer(_: u64) -> Option<Self> {
        None
    }

    fn from_text(_: &str) -> Option<Self> {
        None
    }

    fn from_bool(_: bool) -> Option<Self> {
        None
    }
}

/// A number of things.
struct Count(usize);

/// A number of octets.
struct Octets(usize);

impl Setting for Count {
    const EXPECTED: &'static str = "a number";

    fn from_integer(integer: u64) -> Option<Count> {
        usize::try_from(integer).ok().map(Count)
    }

    fn from_text(text: &str) -> Option<Count> {
        // Where everything is text: the environment, say.
        text.parse().ok().map(Count)
    }
}

impl Setting for Octets {
    const EXPECTED: &'static str = "a number of octets, such as 65536, \"64 KiB\" or \"1 MiB\"";

    fn from_integer(integer: u64) -> Option<Octets> {
        usize::try_from(integer).ok().map(Octets)
    }

    fn from_text(text: &str) -> Option<Octets> {
        let unit = text.find(|character: char| !character.is_ascii_digit()).unwrap_or(text.len());
        let (number, unit) = text.split_at(unit);
        let octets: usize = match unit.trim_start() {
            "" => 1,
            "KiB" => 1 << 10,
            "MiB" => 1 << 20,
            "GiB" => 1 << 30,
            _ => return None,
        };
        number.parse::<usize>().ok()?.checked_mul(octets).map(Octets)
    }
}

impl Setting for Duration {
    const EXPECTED: &'static str =
        "a number of whole milliseconds with its unit, such as \"250ms\", \"5s\", \"1.5s\", \"2m\" or \"1h\"";

    /// As in the attributes of functions.
    fn from_text(text: &str) -> Option<Duration> {
        let unit = text.find(|character: char| !character.is_ascii_digit() && character != '.')?;
        let (number, unit) = text.split_at(unit);
        let milliseconds: u64 = match unit {
            "ms" => 1,
            "s" => 1_000,
            "m" => 60_000,
            "h" => 3_600_000,
            _ => return None,
        };
        let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
        if whole.is_empty() || fraction.is_empty() || fraction.contains('.') {
            return None;
        }
        let scale = 10_u64.checked_pow(u32::try_from(fraction.len()).ok()?)?;
        let fraction = fraction.parse::<u64>().ok()?.checked_mul(milliseconds)?;
        let whole = whole.parse::<u64>().ok()?.checked_mul(milliseconds)?;
        let is_whole = fraction.checked_rem(scale) == Some(0);
        whole.checked_add(fraction.checked_div(scale)?).filter(|_| is_whole).map(Duration::from_millis)
    }
}

impl Setting for bool {
    const EXPECTED: &'static str = "true or false";

    fn from_text(text: &str) -> Option<bool> {
        text.parse().ok()
    }

    fn from_bool(value: bool) -> Option<bool> {
        Some(value)
    }
}

/// Reads the setting of this name.
struct Named<T>(&'static str, PhantomData<T>);

impl<'de, T: Setting> DeserializeSeed<'de> for Named<T> {
    type Value = T;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<T, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<T: Setting> Visitor<'_> for Named<T> {
    type Value = T;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "`{}` to be {}", self.0, T::EXPECTED)
    }

    fn visit_u64<E: Error>(self, integer: u64) -> Result<T, E> {
        T::from_integer(integer).ok_or_else(|| E::invalid_value(Unexpected::Unsigned(integer), &self))
    }

    fn visit_i64<E: Error>(self, integer: i64) -> Result<T, E> {
        let setting = u64::try_from(integer).ok().and_then(T::from_integer);
        setting.ok_or_else(|| E::invalid_value(Unexpected::Signed(integer), &self))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
        T::from_text(text).ok_or_else(|| E::invalid_value(Unexpected::Str(text), &self))
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<T, E> {
        T::from_bool(value).ok_or_else(|| E::invalid_value(Unexpected::Bool(value), &self))
    }
}

/// Reads the name of a limit, so that formats can say where it stands if there is none of that name.
struct Name;

impl<'de> DeserializeSeed<'de> for Name {
    type Value = &'static str;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<&'static str, D::Error> {
        deserializer.deserialize_identifier(self)
    }
}

impl Visitor<'_> for Name {
    type Value = &'static str;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("the name of a limit")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<&'static str, E> {
        NAMES.iter().find(|known| **known == name).copied().ok_or_else(|| E::unknown_field(name, NAMES))
    }
}

/// A number of octets, such as `64 KiB`.
#[cfg(feature = "config")]
pub(crate) fn octets(text: &str) -> Option<usize> {
    Octets::from_text(text).map(|octets| octets.0)
}

/// A duration, such as `1.5h`, as in the attributes of functions.
#[cfg(feature = "config")]
pub(crate) fn duration(text: &str) -> Option<Duration> {
    Duration::from_text(text)
}

#[cfg(feature = "config")]
impl Limits {
    /// Sets the limit of this name.
    ///
    /// # Errors
    /// There is none of that name, or the value is none of its.
    pub(crate) fn set(&mut self, name: &str, value: serde_json::Value) -> Result<(), serde_json::Error> {
        let mut map = serde::de::value::MapDeserializer::new(std::iter::once((name, value)));
        match map.next_key_seed(Name)? {
            Some(name) => read(self, name, &mut map),
            None => Ok(()),
        }
    }
}

struct LimitsVisitor;

macro_rules! settings {
    ($($name:ident: $kind:ty, $pattern:pat => $value:expr;)*) => {
        /// The names of all limits.
        const NAMES: &[&str] = &[$(stringify!($name)),*];

        /// Reads one of them.
        fn read<'de, A: MapAccess<'de>>(limits: &mut Limits, name: &str, map: &mut A) -> Result<(), A::Error> {
            // None is missing here.
            let Limits { $($name),* } = limits;
            match name {
                $(stringify!($name) => {
                    let $pattern = map.next_value_seed(Named::<$kind>(stringify!($name), PhantomData))?;
                    *$name = $value;
                })*
                unknown => return Err(A::Error::unknown_field(unknown, NAMES)),
            }
            Ok(())
        }
    };
}

settings! {
    message_size: Octets, Octets(octets) => octets;
    message_size_before_welcome: Octets, Octets(octets) => octets;
    depth: Count, Count(count) => count;
    nodes: Count, Count(count) => count;
    header_size: Octets, Octets(octets) => octets;
    header_count: Count, Count(count) => count;
    upgrade_timeout: Duration, duration => duration;
    hello_timeout: Duration, duration => duration;
    welcome_timeout: Duration, duration => duration;
    authentication_attempts: Count, Count(count) => count;
    ping_interval: Duration, duration => duration;
    pong_timeout: Duration, duration => duration;
    outbound_bytes: Octets, Octets(octets) => octets;
    write_stall: Duration, duration => duration;
    connections: Count, Count(count) => count;
    calls_in_flight: Count, Count(count) => count;
    subscriptions: Count, Count(count) => count;
    registrations: Count, Count(count) => count;
    invocations_in_flight: Count, Count(count) => count;
    retained_events: Count, Count(count) => count;
    retained_bytes: Octets, Octets(octets) => octets;
    testaments: Count, Count(count) => count;
    testament_bytes: Octets, Octets(octets) => octets;
    authorization_timeout: Duration, duration => duration;
    cached_decisions: Count, Count(count) => count;
    drain: Duration, duration => duration;
    strict_request_ids: bool, value => value;
}

impl<'de> Visitor<'de> for LimitsVisitor {
    type Value = Limits;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a table of limits")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Limits, A::Error> {
        let mut limits = Limits::default();
        while let Some(name) = map.next_key_seed(Name)? {
            read(&mut limits, name, &mut map)?;
        }
        Ok(limits)
    }
}

/// Reads a table in which every limit may be left out and nothing else may be.
impl<'de> Deserialize<'de> for Limits {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Limits, D::Error> {
        deserializer.deserialize_struct("Limits", NAMES, LimitsVisitor)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn durations_are_as_in_attributes() {
        for (text, milliseconds) in [
            ("250ms", 250),
            ("0s", 0),
            ("5s", 5_000),
            ("1.5s", 1_500),
            ("0.001s", 1),
            ("2m", 120_000),
            ("1h", 3_600_000),
            ("0.5h", 1_800_000),
        ] {
            assert_eq!(Duration::from_text(text), Some(Duration::from_millis(milliseconds)), "{text}");
        }
        for refused in
            ["", "5", "s", "5 s", "5d", "-5s", "1.s", ".5s", "1.5ms", "1..5s", "5sec", "99999999999999999999s"]
        {
            assert_eq!(Duration::from_text(refused), None, "{refused}");
        }
    }

    #[test]
    fn sizes_may_have_units() {
        for (text, octets) in [("0", 0), ("1000", 1000), ("64KiB", 65_536), ("64 KiB", 65_536), ("2 MiB", 2 << 20)] {
            assert_eq!(Octets::from_text(text).map(|octets| octets.0), Some(octets), "{text}");
        }
        assert_eq!(Octets::from_text("1 GiB").map(|octets| octets.0), Some(1 << 30));
        for refused in ["", "KiB", "1 KB", "1kib", "1.5 MiB", "-1", "1 MiB ", "99999999999 GiB"] {
            assert!(Octets::from_text(refused).is_none(), "{refused}");
        }
    }

    #[test]
    fn what_is_left_out_has_its_default() {
        let limits: Limits =
            serde_json::from_value(json!({"depth": 7, "drain": "1m", "message_size": "2 MiB"})).unwrap();
        let expected = Limits { depth: 7, drain: Duration::from_secs(60), message_size: 2 << 20, ..Limits::default() };
        assert_eq!(limits, expected);
        assert_eq!(serde_json::from_value::<Limits>(json!({})).unwrap(), Limits::default());
    }

    #[test]
    fn mistakes_name_the_limit() {
        for (table, message) in [
            (json!({"drian": "5s"}), "unknown field `drian`, expected one of `message_size`, "),
            (
                json!({"drain": 5}),
                "invalid value: integer `5`, expected `drain` to be a number of whole milliseconds with its unit, such \
                 as \"250ms\", \"5s\"",
            ),
            (json!({"drain": "soon"}), "invalid value: string \"soon\", expected `drain` to be a number of whole"),
            (json!({"depth": -1}), "invalid value: integer `-1`, expected `depth` to be a number"),
            (json!({"depth": [7]}), "invalid type: sequence, expected `depth` to be a number"),
            (json!({"depth": 1.5}), "invalid type: floating point `1.5`, expected `depth` to be a number"),
            (
                json!({"message_size": "1 MB"}),
                "invalid value: string \"1 MB\", expected `message_size` to be a number of octets, such as 65536, ",
            ),
            (
                json!({"strict_request_ids": 1}),
                "invalid value: integer `1`, expected `strict_request_ids` to be true or false",
            ),
            (json!(7), "invalid type: integer `7`, expected a table of limits"),
        ] {
            let error = serde_json::from_value::<Limits>(table).unwrap_err().to_string();
            assert!(error.starts_with(message), "{error}");
        }
    }

    #[test]
    fn everything_may_be_text() {
        let table = json!({"depth": "7", "strict_request_ids": "true"});
        let expected = Limits { depth: 7, strict_request_ids: true, ..Limits::default() };
        assert_eq!(serde_json::from_value::<Limits>(table).unwrap(), expected);
    }
}
