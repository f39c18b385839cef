//! Exact conversions between the forms that numbers take.

use super::{Json, Read, Token};
use crate::wire::integer::Integer;

/// The most decimal digits of a 128-bit integer.
const MOST_DIGITS: usize = 39;

/// The integer that a float is equal to, if there is one within 128 bits.
pub(crate) fn integral_float(float: f64) -> Option<i128> {
    const LIMIT: f64 = 170_141_183_460_469_231_731_687_303_715_884_105_728.0;
    // The cast is exact: the float is whole and within the range.
    (float.fract() == 0.0 && (-LIMIT..LIMIT).contains(&float)).then_some(float as i128)
}

/// The integer that the text of a JSON number is exactly equal to, if there is one within 128 bits.
pub(crate) fn integral_text(text: &str) -> Option<Integer> {
    let (negative, magnitude) = text.strip_prefix('-').map_or((false, text), |magnitude| (true, magnitude));
    let (mantissa, exponent) = magnitude.split_once(['e', 'E']).unwrap_or((magnitude, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = whole.bytes().chain(fraction.bytes());
    let significant = digits.clone().collect::<Vec<_>>();
    let last = match significant.iter().rposition(|&digit| digit != b'0') {
        Some(last) => last,
        None => return Some(Integer::from(0_u64)),
    };
    // Where the decimal point stands, counted from the first digit.
    let point = i64::try_from(whole.len()).ok()?.checked_add(exponent.parse::<i64>().ok()?)?;
    let length = usize::try_from(point).ok().filter(|&length| length > last)?;
    let leading = significant.iter().take_while(|&&digit| digit == b'0').count();
    if length.checked_sub(leading)? > MOST_DIGITS {
        return None;
    }
    let mut value = 0_u128;
    for digit in digits.chain(std::iter::repeat(b'0')).take(length) {
        value = value.checked_mul(10)?.checked_add(u128::from(digit & 0x0f))?;
    }
    Integer::from_sign_and_magnitude(negative, value)
}

/// Reads a text that is a number in JSON's notation and nothing else.
pub(crate) fn parse_number(text: &str) -> Option<Token<'_>> {
    if !text.starts_with(|first: char| first == '-' || first.is_ascii_digit()) {
        return None;
    }
    let mut reader = Json::new(text.as_bytes());
    let number = reader.token().ok()?;
    (reader.position() == text.len()).then_some(number)
}
