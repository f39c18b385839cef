//! Binding an authentication to the TLS connection that it came over (RFC 5056).

use super::{AuthenticationError, extra};
use crate::wire::Dict;

/// What of a TLS connection an authentication is bound to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum ChannelBindingType {
    /// Keying material that both ends export: 32 octets, for TLS 1.3 (RFC 9266).
    Exporter,
    /// A hash of the server's certificate (RFC 5929).
    #[allow(dead_code, reason = "the vectors have it, no connection does")]
    ServerEndPoint,
    /// The first Finished message: not in TLS 1.3 (RFC 5929).
    Unique,
}

impl ChannelBindingType {
    #[cfg(test)]
    const ALL: [Self; 3] = [Self::Exporter, Self::ServerEndPoint, Self::Unique];

    /// The type's name in `channel_binding`.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Exporter => "tls-exporter",
            Self::ServerEndPoint => "tls-server-end-point",
            Self::Unique => "tls-unique",
        }
    }
}

/// One end's view of the TLS connection: equal on both ends, unless somebody sits between them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ChannelBinding {
    /// What the data is.
    pub(crate) kind: ChannelBindingType,
    /// The channel binding data, or channel id.
    pub(crate) data: Vec<u8>,
}

const NAME: &str = "channel_binding";

impl ChannelBinding {
    /// The one of the available bindings that a client of this crate asks for.
    ///
    /// # Errors
    /// A connection that does not have it.
    pub(crate) fn exporter(available: &[Self]) -> Result<Self, AuthenticationError> {
        let kind = ChannelBindingType::Exporter;
        let found = available.iter().find(|binding| binding.kind == kind).cloned();
        let unavailable = || AuthenticationError::Unavailable { name: NAME, value: kind.name().to_owned() };
        found.ok_or_else(unavailable)
    }

    /// The one of the available bindings that the client asks for in `authextra`, if it asks for any.
    ///
    /// The specification lets a server go on without a binding that it does not have. This one does not: what the
    /// client wanted protected would not be.
    pub(super) fn requested(authextra: &Dict, available: &[Self]) -> Result<Option<Self>, AuthenticationError> {
        let Some(name) = extra::string(authextra, NAME)? else { return Ok(None) };
        match available.iter().find(|binding| binding.kind.name() == name) {
            Some(binding) => Ok(Some(binding.clone())),
            None => Err(AuthenticationError::Unavailable { name: NAME, value: name.to_owned() }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bindings_are_chosen_by_name() {
        let available = ChannelBindingType::ALL.map(|kind| ChannelBinding { kind, data: vec![1] });
        for binding in &available {
            let authextra = Dict::from([("channel_binding", binding.kind.name())]);
            assert_eq!(ChannelBinding::requested(&authextra, &available), Ok(Some(binding.clone())));
            let refused =
                AuthenticationError::Unavailable { name: "channel_binding", value: binding.kind.name().to_owned() };
            assert_eq!(ChannelBinding::requested(&authextra, &[]), Err(refused));
        }
        assert_eq!(ChannelBinding::requested(&Dict::new(), &available), Ok(None));
        assert_eq!(ChannelBinding::requested(&Dict::from([("channel_binding", ())]), &available), Ok(None));
    }
}
