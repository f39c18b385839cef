//! Encryption from end to end, as Autobahn has it.

mod keys;

use crypto_box::aead::Aead;

use super::payload_codec::{
    ClearPayload, EncodedPayload, Envelope, PayloadAttributes, PayloadCodec, PayloadError, PayloadKind,
};
use crate::wire::{Codec, Dict, ScanLimits, Value, decode_bounded, encode_into};
pub use keys::{BoxKeys, BoxPublicKey, BoxSecretKey};

/// Octets of a nonce, which goes before what it was used for.
const NONCE: usize = 24;
/// As deep as messages may be, with as many values, by default.
const LIMITS: ScanLimits = ScanLimits { depth: 64, nodes: 100_000 };
const SCHEME: &str = "x_cryptobox";
const CIPHER: &str = "xsalsa20poly1305";

/// Encrypts payloads from end to end with the keys of both ends (NaCl `crypto_box`: X25519, XSalsa20, Poly1305).
///
/// Keys are given for beginnings of URIs, of which the longest counts. Payloads of procedures and topics without keys
/// travel in clear, and so do those of `wamp.`, which routers serve themselves. A payload that should be encrypted and is
/// not is refused, other than an error's: routers make errors too.
///
/// ```
/// use serverwamp::Client;
/// use serverwamp::client::{BoxKeys, BoxSecretKey, CryptoBox};
///
/// # fn connects() -> Result<(), serverwamp::client::PayloadError> {
/// let mine = BoxSecretKey::generate();
/// let theirs = BoxSecretKey::generate().public_key(); // sent by somebody who is to be trusted
/// let codec = CryptoBox::new()
///     .keys("com.example.secret.", BoxKeys::originator(&mine, &theirs)) // we call and publish
///     .keys("com.example.mine.", BoxKeys::responder(&mine, &theirs)) // we are called, and subscribe
///     .clear("com.example.secret.status");
/// let connecting = Client::connect("ws://localhost:8080/ws").payload_codec(codec);
/// # let _ = connecting;
/// # Ok(())
/// # }
/// ```
///
/// The attributes are `ppt_*`, of the scheme `x_cryptobox`. What is encrypted names the procedure or topic, the error, and
/// the kind of message, so that nobody can put a payload into the place of another one. With
/// [`autobahn`](CryptoBox::autobahn) they are `enc_*`, and what is encrypted is what the `KeyRing` of Autobahn|Python reads
/// and writes. Both are understood in any case. Nothing keeps a router from delivering a message twice, or from dropping it.
#[cfg_attr(docsrs, doc(cfg(feature = "cryptobox")))]
#[derive(Debug, Clone, Default)]
pub struct CryptoBox {
    /// The longest first.
    prefixes: Vec<(String, Option<BoxKeys>)>,
    is_autobahn: bool,
    accepts_clear: bool,
}

impl CryptoBox {
    /// A codec without keys.
    pub fn new() -> CryptoBox {
        CryptoBox::default()
    }

    /// The keys for procedures and topics that begin with this text: the empty one for all.
    pub fn keys(self, prefix: impl Into<String>, keys: BoxKeys) -> CryptoBox {
        self.with(prefix.into(), Some(keys))
    }

    /// Leaves procedures and topics that begin with this text in clear, though shorter beginnings have keys.
    pub fn clear(self, prefix: impl Into<String>) -> CryptoBox {
        self.with(prefix.into(), None)
    }

    /// Encrypts as Autobahn|Python does, with the attributes `enc_*` and JSON within.
    ///
    /// That format does not say what kind of message a payload is for: a router could answer a call with its own arguments.
    pub fn autobahn(mut self) -> CryptoBox {
        self.is_autobahn = true;
        self
    }

    /// Takes payloads in clear as well, where there are keys: while not everybody has them yet.
    pub fn accept_clear(mut self) -> CryptoBox {
        self.accepts_clear = true;
        self
    }

    fn with(mut self, prefix: String, keys: Option<BoxKeys>) -> CryptoBox {
        self.prefixes.retain(|(known, _)| *known != prefix);
        let place = self.prefixes.partition_point(|(known, _)| known.len() >= prefix.len());
        self.prefixes.insert(place, (prefix, keys));
        self
    }

    fn find(&self, uri: &str) -> Option<&BoxKeys> {
        if uri.starts_with("wamp.") {
            return None;
        }
        self.prefixes.iter().find(|(prefix, _)| uri.starts_with(prefix.as_str()))?.1.as_ref()
    }

    /// What is encrypted: whose payload it is, and the payload.
    fn content(&self, envelope: &Envelope<'_>, payload: &ClearPayload) -> Dict {
        let mut content =
            Dict::from([("args", Value::Array(payload.args.clone())), ("kwargs", Value::Map(payload.kwargs.clone()))]);
        if self.is_autobahn {
            // There, an error is known by its own URI only.
            content.insert("uri", envelope.error.unwrap_or(envelope.uri));
        } else {
            content.insert("uri", envelope.uri);
            content.insert("kind", kind(envelope));
            if let Some(error) = envelope.error {
                content.insert("error", error);
            }
        }
        content
    }

    /// The octets in clear: by the keys of the procedure or topic; in Autobahn an error has those of its own URI.
    fn decrypt(&self, envelope: &Envelope<'_>, octets: &[u8]) -> Result<Vec<u8>, PayloadError> {
        let (nonce, sealed) = octets
            .split_first_chunk::<NONCE>()
            .ok_or_else(|| PayloadError::undecodable("there are too few octets for what is encrypted"))?;
        let uris = [Some(envelope.uri), envelope.error];
        let found = uris.into_iter().flatten().filter_map(|uri| self.find(uri));
        // What an originator has sent is for the responder, and the other way round.
        let mut boxes = found.filter_map(|keys| keys.end(!envelope.is_from_originator())).peekable();
        if boxes.peek().is_none() {
            return Err(PayloadError::undecodable(format!(
                "there is no key to decrypt what belongs to `{}`",
                envelope.uri
            )));
        }
        let clear = boxes.find_map(|key| key.decrypt((&*nonce).into(), sealed).ok());
        clear.ok_or_else(|| {
            PayloadError::undecodable("the payload was not encrypted with the key for it, or was changed")
        })
    }
}

impl PayloadCodec for CryptoBox {
    fn covers(&self, envelope: &Envelope<'_>) -> bool {
        self.find(envelope.uri).is_some()
    }

    fn accepts_clear(&self, envelope: &Envelope<'_>) -> bool {
        self.accepts_clear || envelope.kind == PayloadKind::Error || !self.covers(envelope)
    }

    fn encode(&self, envelope: &Envelope<'_>, payload: &ClearPayload) -> Result<EncodedPayload, PayloadError> {
        let key = self.find(envelope.uri).and_then(|keys| keys.end(envelope.is_from_originator()));
        let key = key.ok_or_else(|| {
            let end = if envelope.is_from_originator() { "originator" } else { "responder" };
            PayloadError::new("wamp.error.encryption.no_key", format!("there is no key to encrypt as {end}"))
        })?;
        let codec = if self.is_autobahn { Codec::Json } else { Codec::Cbor };
        let mut content = Vec::new();
        let unencodable = |error: String| PayloadError::known(crate::wire::uris::RUNTIME_ERROR, error);
        encode_into(codec, &Value::Map(self.content(envelope, payload)), &mut content)
            .map_err(|error| unencodable(error.to_string()))?;
        let nonce: [u8; NONCE] = rand::random();
        let sealed = key.encrypt((&nonce).into(), content.as_slice());
        let sealed = sealed.map_err(|_| unencodable("the payload is too large to be encrypted".to_owned()))?;
        let octets = [nonce.as_slice(), &sealed].concat();
        let attributes = match self.is_autobahn {
            true => PayloadAttributes::Transparency {
                algorithm: "cryptobox".to_owned(),
                serializer: Some("json".to_owned()),
                key: None,
            },
            false => PayloadAttributes::Passthru {
                scheme: SCHEME.to_owned(),
                serializer: Some("cbor".to_owned()),
                cipher: Some(CIPHER.to_owned()),
                keyid: None,
            },
        };
        Ok(EncodedPayload { octets, attributes })
    }

    fn decode(&self, envelope: &Envelope<'_>, payload: &EncodedPayload) -> Result<ClearPayload, PayloadError> {
        let (is_known, serializer, is_autobahn) = match &payload.attributes {
            PayloadAttributes::Passthru { scheme, serializer, cipher, .. } => {
                let is_known = scheme == SCHEME && cipher.as_deref().is_none_or(|cipher| cipher == CIPHER);
                (is_known, serializer.as_deref(), false)
            }
            PayloadAttributes::Transparency { algorithm, serializer, .. } => {
                (algorithm == "cryptobox", serializer.as_deref(), true)
            }
        };
        if !is_known {
            return Err(PayloadError::undecodable(format!("it is not known how to decrypt {:?}", payload.attributes)));
        }
        let codec = match serializer {
            Some("cbor") => Codec::Cbor,
            Some("msgpack") => Codec::MessagePack,
            Some("json") | None => Codec::Json,
            Some(other) => return Err(PayloadError::undecodable(format!("the serializer `{other}` is not known"))),
        };
        let octets = self.decrypt(envelope, &payload.octets)?;
        let content = decode_bounded(codec, &octets, LIMITS)
            .map_err(|error| PayloadError::undecodable(format!("what was encrypted cannot be read: {error}")))?;
        let Value::Map(mut content) = content else {
            return Err(PayloadError::undecodable("what was encrypted is no dict"));
        };
        check_place(envelope, &content, is_autobahn)?;
        let args = match content.remove("args") {
            Some(Value::Array(args)) => args,
            Some(Value::Null) | None => Vec::new(),
            Some(_) => return Err(PayloadError::undecodable("`args` is no list")),
        };
        let kwargs = match content.remove("kwargs") {
            Some(Value::Map(kwargs)) => kwargs,
            Some(Value::Null) | None => Dict::default(),
            Some(_) => return Err(PayloadError::undecodable("`kwargs` is no dict")),
        };
        Ok(ClearPayload { args, kwargs })
    }
}

/// Whether what was encrypted was encrypted for this message.
fn check_place(envelope: &Envelope<'_>, content: &Dict, is_autobahn: bool) -> Result<(), PayloadError> {
    let text = |name: &str| content.get(name).and_then(Value::as_str);
    let is_here = match is_autobahn {
        true => text("uri").is_some_and(|uri| uri == envelope.error.unwrap_or(envelope.uri)),
        false => {
            text("uri") == Some(envelope.uri) && text("error") == envelope.error && text("kind") == Some(kind(envelope))
        }
    };
    match is_here {
        true => Ok(()),
        false => Err(PayloadError::misplaced(format!("the payload is not one of `{}`", envelope.uri))),
    }
}

fn kind(envelope: &Envelope<'_>) -> &'static str {
    match envelope.kind {
        PayloadKind::Call => "call",
        PayloadKind::Result => "result",
        PayloadKind::Error => "error",
        PayloadKind::Event => "event",
    }
}
