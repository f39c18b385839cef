//! What must not be seen, and comparisons that give nothing of it away.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// A password, ticket or key of any length: wiped when dropped, hidden from `Debug`.
#[derive(Clone)]
pub struct Secret(Zeroizing<Vec<u8>>);

impl Secret {
    /// The octets.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The text, if it is one.
    pub fn as_str(&self) -> Option<&str> {
        std::str::from_utf8(&self.0).ok()
    }
}

impl From<Vec<u8>> for Secret {
    fn from(octets: Vec<u8>) -> Self {
        Self(Zeroizing::new(octets))
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        text.into_bytes().into()
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        text.as_bytes().to_vec().into()
    }
}

/// In the same time for all secrets of one length; the length itself may show.
impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for Secret {}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Secret")
    }
}

/// Thirty-two secret octets: wiped when dropped, hidden from `Debug`, compared in constant time.
#[derive(Clone)]
pub(crate) struct Key(Zeroizing<[u8; 32]>);

impl Key {
    /// HMAC-SHA-256 (RFC 2104) of the parts, one after the other.
    pub(super) fn hmac(key: &[u8], parts: &[&[u8]]) -> Self {
        const BLOCK: usize = 64;
        let mut block = Zeroizing::new([0; BLOCK]);
        let hashed;
        let short = if key.len() > BLOCK {
            hashed = Self::sha256(key);
            hashed.as_bytes().as_slice()
        } else {
            key
        };
        block.iter_mut().zip(short).for_each(|(to, from)| *to = *from);
        let mut mac = Hmac::<Sha256>::new(&(*block).into());
        parts.iter().for_each(|part| mac.update(part));
        mac.finalize().into_bytes().0.into()
    }

    /// The SHA-256 hash of a secret.
    pub(super) fn sha256(secret: &[u8]) -> Self {
        Sha256::digest(secret).0.into()
    }

    /// Each bit differs from this key's where the other's is set.
    pub(super) fn xor(&self, other: &Self) -> Self {
        let mut result = self.clone();
        result.0.iter_mut().zip(other.0.iter()).for_each(|(octet, other)| *octet ^= other);
        result
    }

    /// The octets.
    pub(crate) fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl From<[u8; 32]> for Key {
    fn from(octets: [u8; 32]) -> Self {
        Self(Zeroizing::new(octets))
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&*other.0).into()
    }
}

impl Eq for Key {}

impl fmt::Debug for Key {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Key")
    }
}

#[cfg(test)]
mod tests {
    use super::super::text::hex;
    use super::*;

    /// RFC 4231, test cases 1, 2 and 6: a short key, a text, and a key longer than a block.
    #[test]
    fn hmac_is_that_of_the_rfc() {
        let check = |key: &[u8], parts: &[&[u8]], expected| {
            assert_eq!(hex(Key::hmac(key, parts).as_bytes()), expected);
        };
        check(&[0x0b; 20], &[b"Hi There"], "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
        check(
            b"Jefe",
            &[b"what do ya want ", b"for nothing?"],
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
        );
        check(
            &[0xaa; 131],
            &[b"Test Using Larger Than Block-Size Key - Hash Key First"],
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
        );
    }

    #[test]
    fn secrets_are_not_shown() {
        assert_eq!(format!("{:?} {:?}", Secret::from("pencil"), Key::from([7; 32])), "Secret Key");
    }

    #[test]
    fn comparisons_see_every_octet() {
        let key = Key::from([7; 32]);
        for index in 0..32 {
            let mut other = [7; 32];
            other[index] = 6;
            assert_ne!(key, Key::from(other));
        }
        assert_eq!(key, Key::from([7; 32]));
        assert_eq!(Secret::from("ab"), Secret::from("ab"));
        for other in ["", "a", "abc", "aB"] {
            assert_ne!(Secret::from("ab"), Secret::from(other));
        }
    }
}
