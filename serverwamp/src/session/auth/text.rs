//! Octets as text: base64 and hexadecimal.

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use data_encoding::{HEXLOWER, HEXLOWER_PERMISSIVE};

/// Written with padding; peers may leave it off.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Base64 with padding.
pub(super) fn base64(octets: &[u8]) -> String {
    BASE64.encode(octets)
}

/// The octets of a base64 text, with or without padding.
pub(super) fn from_base64(text: &str) -> Option<Vec<u8>> {
    BASE64.decode(text).ok()
}

/// Hexadecimal in lower case.
pub(super) fn hex(octets: &[u8]) -> String {
    HEXLOWER.encode(octets)
}

/// The octets of a hexadecimal text of just this length, in either case.
pub(super) fn from_hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    HEXLOWER_PERMISSIVE.decode(text.as_bytes()).ok()?.try_into().ok()
}
