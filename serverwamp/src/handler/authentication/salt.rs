//! Salts for new users.

use crate::session::Salt;

impl Salt {
    /// Sixteen random octets, for a new user.
    pub fn random() -> Salt {
        let octets: [u8; 16] = rand::random();
        Salt::from(octets)
    }
}
