//! Keys that several messages have in common.

use super::{dictionary::dictionary, entry::EncryptionAlgorithm};
use crate::wire::id::SessionId;

dictionary! {
    /// How a payload is passed through that only its end points understand.
    Passthru {
        ppt_scheme: Option<Box<str>>,
        ppt_serializer: Option<Box<str>>,
        ppt_cipher: Option<Box<str>>,
        ppt_keyid: Option<Box<str>>,
        /// With this, in the older scheme, one binary takes the place of the arguments.
        enc_algo: Option<EncryptionAlgorithm>,
        enc_key: Option<Box<str>>,
        enc_serializer: Option<Box<str>>,
    }
}

dictionary! {
    /// The session of a router-to-router link that a message came over.
    Forwarder {
        session: Option<SessionId>,
        authid: Option<Box<str>>,
        authrole: Option<Box<str>>,
    }
}
