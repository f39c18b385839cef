//! What both sides sign: the three messages that they exchanged.

use super::{AuthenticationError, ChannelBinding, Kdf, ScramDialect, text};

/// The longest nonce of a peer in octets: far more than anybody needs.
const MOST_NONCE: usize = 128;

/// Checks that a client's nonce is base64, and of a sensible length, and returns its octets.
pub(super) fn client_nonce(nonce: &str) -> Result<Vec<u8>, AuthenticationError> {
    text::from_base64(nonce)
        .filter(|octets| (1..=MOST_NONCE).contains(&octets.len()))
        .ok_or(AuthenticationError::Malformed { name: "nonce", expected: "1 to 128 octets in base64" })
}

/// The client's nonce with the server's appended.
pub(super) fn append_nonce(
    dialect: ScramDialect,
    client: &str,
    server: [u8; 16],
) -> Result<String, AuthenticationError> {
    let mut octets = client_nonce(client)?;
    Ok(match dialect {
        ScramDialect::Specification => format!("{client}{}", text::base64(&server)),
        ScramDialect::Autobahn => {
            octets.extend(server);
            text::base64(&octets)
        }
    })
}

/// Whether the nonce is the client's with something appended.
pub(super) fn continues_nonce(dialect: ScramDialect, client: &str, nonce: &str) -> bool {
    match dialect {
        ScramDialect::Specification => nonce.len() > client.len() && nonce.starts_with(client) && !nonce.contains(','),
        ScramDialect::Autobahn => match (text::from_base64(client), text::from_base64(nonce)) {
            (Some(client), Some(nonce)) => nonce.len() > client.len() && nonce.starts_with(&client),
            _ => false,
        },
    }
}

/// All that the two sides have told one another.
pub(super) struct Exchange<'a> {
    pub(super) dialect: ScramDialect,
    /// The user, after SASLprep.
    pub(super) authid: &'a str,
    /// The client's nonce.
    pub(super) client_nonce: &'a str,
    /// The client's nonce with the server's appended.
    pub(super) nonce: &'a str,
    /// The salt as it stands in the challenge.
    pub(super) salt: &'a str,
    pub(super) kdf: Kdf,
    pub(super) binding: Option<&'a ChannelBinding>,
}

impl Exchange<'_> {
    /// `AuthMessage` (RFC 5802, section 3).
    pub(super) fn auth_message(&self) -> String {
        let Self { client_nonce, nonce, salt, .. } = self;
        let iterations = self.kdf.iterations();
        let (user, binding) = match self.dialect {
            ScramDialect::Specification => {
                // The equals signs first, or those of escaped commas would be escaped again.
                let user = self.authid.replace('=', "=3D").replace(',', "=2C");
                (user, text::base64(&gs2_header(self.binding)))
            }
            ScramDialect::Autobahn => (self.authid.to_owned(), String::new()),
        };
        format!("n={user},r={client_nonce},r={nonce},s={salt},i={iterations},c={binding},r={nonce}")
    }
}

/// The type and data of the channel binding, or that there is none.
fn gs2_header(binding: Option<&ChannelBinding>) -> Vec<u8> {
    match binding {
        Some(binding) => [format!("p={},,", binding.kind.name()).as_bytes(), &binding.data].concat(),
        None => b"n,,".to_vec(),
    }
}
