use std::fmt;

use serde::{Serialize, Serializer};

/// An integer of any width up to 128 bits, signed or unsigned.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Integer(Repr);

/// `Unsigned` holds only what `Signed` cannot, so that equal integers are equal and the derived order is right.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Repr {
    Signed(i128),
    Unsigned(u128),
}

impl Integer {
    /// The integer as an `i64`, if it fits.
    pub fn as_i64(&self) -> Option<i64> {
        self.as_i128()?.try_into().ok()
    }

    /// The integer as a `u64`, if it fits.
    pub fn as_u64(&self) -> Option<u64> {
        self.as_i128()?.try_into().ok()
    }

    /// The integer as an `i128`, if it fits.
    pub fn as_i128(&self) -> Option<i128> {
        match self.0 {
            Repr::Signed(value) => Some(value),
            Repr::Unsigned(_) => None,
        }
    }

    /// The integer as a `u128`, if it fits.
    pub fn as_u128(&self) -> Option<u128> {
        match self.0 {
            Repr::Signed(value) => value.try_into().ok(),
            Repr::Unsigned(value) => Some(value),
        }
    }

    /// The nearest `f64`.
    pub fn as_f64(&self) -> f64 {
        match self.0 {
            Repr::Signed(value) => value as f64,
            Repr::Unsigned(value) => value as f64,
        }
    }

    pub(crate) fn from_sign_and_magnitude(negative: bool, magnitude: u128) -> Option<Self> {
        if negative { 0_i128.checked_sub_unsigned(magnitude).map(Self::from) } else { Some(magnitude.into()) }
    }
}

impl From<i128> for Integer {
    fn from(value: i128) -> Self {
        Self(Repr::Signed(value))
    }
}

impl From<u128> for Integer {
    fn from(value: u128) -> Self {
        Self(i128::try_from(value).map_or(Repr::Unsigned(value), Repr::Signed))
    }
}

macro_rules! from_smaller {
    ($($type:ty)*) => {$(
        impl From<$type> for Integer {
            fn from(value: $type) -> Self {
                Self(Repr::Signed(value.into()))
            }
        }
    )*};
}

from_smaller!(i8 i16 i32 i64 u8 u16 u32 u64);

impl fmt::Display for Integer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Repr::Signed(value) => value.fmt(formatter),
            Repr::Unsigned(value) => value.fmt(formatter),
        }
    }
}

impl fmt::Debug for Integer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

impl Serialize for Integer {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Repr::Signed(value) => match (i64::try_from(value), u64::try_from(value)) {
                (Ok(value), _) => serializer.serialize_i64(value),
                (_, Ok(value)) => serializer.serialize_u64(value),
                _ => serializer.serialize_i128(value),
            },
            Repr::Unsigned(value) => serializer.serialize_u128(value),
        }
    }
}
