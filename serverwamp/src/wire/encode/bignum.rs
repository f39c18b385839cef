//! Integers beyond 128 bits on their way from one codec to another: digits in JSON, tagged octets in CBOR.

use num_bigint::{BigInt, BigUint, Sign};

use super::EncodeError;

/// The largest integer that is converted, in octets: the time which that takes grows with the square of its length.
const MOST_OCTETS: usize = 1_785;

/// What so many octets can have of digits, with a sign. It is also the longest integer that Python reads.
const MOST_DIGITS: usize = 4_300;

/// Reads an integer's digits.
///
/// # Errors
/// What is no integer, and integers of more than 1,785 octets.
pub(super) fn from_digits(digits: &str) -> Result<BigInt, EncodeError> {
    match digits.len() {
        ..=MOST_DIGITS => digits.parse().map_err(EncodeError::new).and_then(bounded),
        length => Err(too_large(length, "digits")),
    }
}

/// Reads the octets of an integer, or of how far it is below -1.
///
/// # Errors
/// Integers of more than 1,785 octets.
pub(super) fn from_octets(negative: bool, octets: &[u8]) -> Result<BigInt, EncodeError> {
    let zeros = octets.iter().take_while(|&&octet| octet == 0).count();
    match octets.get(zeros..).unwrap_or_default() {
        octets if octets.len() <= MOST_OCTETS => {
            let magnitude = BigInt::from(BigUint::from_bytes_be(octets));
            Ok(if negative { !magnitude } else { magnitude })
        }
        octets => Err(too_large(octets.len(), "octets")),
    }
}

/// Whether an integer is negative, and the octets that say how far it is from 0 or below -1.
pub(super) fn to_octets(integer: &BigInt) -> (bool, Vec<u8>) {
    match integer.sign() {
        Sign::Minus => (true, (!integer).to_bytes_be().1),
        _ => (false, integer.to_bytes_be().1),
    }
}

fn bounded(integer: BigInt) -> Result<BigInt, EncodeError> {
    match to_octets(&integer).1.len() {
        ..=MOST_OCTETS => Ok(integer),
        length => Err(too_large(length, "octets")),
    }
}

#[cold]
fn too_large(length: usize, unit: &str) -> EncodeError {
    EncodeError::new(format_args!("an integer of {length} {unit} is too large for another codec"))
}
