//! Payloads on their way through the program's codec.

use std::panic::AssertUnwindSafe;

use super::Driver;
use crate::client::payload_codec::{
    ClearPayload, EncodedPayload, Envelope, PayloadAttributes, PayloadError, PayloadKind,
};
use crate::handler::encode_parts;
use crate::session::{ClientSession, Invoked};
use crate::wire::{Codec, EncryptionAlgorithm, Feature, Group, Passthru, Payload, PayloadBuilder, Value, uris};

/// What a message says of its payload, and the payload.
pub(super) type Sealed = (Group<Passthru>, Payload);

impl Driver {
    /// The payload as it is sent.
    ///
    /// # Errors
    /// The codec cannot encode it, or the router knows nothing of such payloads.
    pub(super) fn seal(&self, envelope: &Envelope<'_>, payload: Payload) -> Result<Sealed, PayloadError> {
        let Some(codec) = self.payload_codec.as_deref() else { return Ok((Group::default(), payload)) };
        let encoded = unpanicked(|| {
            if !codec.covers(envelope) {
                return Ok(None);
            }
            let clear = ClearPayload { args: payload.to_args(), kwargs: payload.to_kwargs() };
            codec.encode(envelope, &clear).map(Some)
        })?;
        let Some(EncodedPayload { octets, attributes }) = encoded else { return Ok((Group::default(), payload)) };
        let feature = match &attributes {
            PayloadAttributes::Passthru { .. } => Feature::PayloadPassthruMode,
            PayloadAttributes::Transparency { .. } => Feature::PayloadTransparency,
        };
        if !announces(&self.session, envelope, feature) {
            let message = format!("the router does not announce `{}`", feature.name());
            return Err(PayloadError::known(uris::FEATURE_NOT_SUPPORTED, message));
        }
        pack(attributes, octets, self.session.codec())
    }

    /// The payload of an answer as it is sent: in clear to a call that came in clear, where that is allowed.
    ///
    /// # Errors
    /// As [`seal`](Driver::seal).
    pub(super) fn seal_answer(
        &self,
        invoked: &Invoked,
        envelope: &Envelope<'_>,
        payload: Payload,
    ) -> Result<Sealed, PayloadError> {
        let came_as = Envelope::new(PayloadKind::Call, &invoked.procedure);
        match !invoked.is_coded && self.may_be_clear(&came_as)? {
            true => Ok((Group::default(), payload)),
            false => self.seal(envelope, payload),
        }
    }

    fn may_be_clear(&self, envelope: &Envelope<'_>) -> Result<bool, PayloadError> {
        match self.payload_codec.as_deref() {
            Some(codec) => unpanicked(|| Ok(codec.accepts_clear(envelope))),
            None => Ok(true),
        }
    }

    /// The payload that came, as it was before it was encoded.
    ///
    /// # Errors
    /// There is no codec for it, it cannot be decoded, or it is in clear where it should not be.
    pub(super) fn open(
        &self,
        envelope: &Envelope<'_>,
        passthru: &Group<Passthru>,
        payload: Payload,
    ) -> Result<Payload, PayloadError> {
        let attributes = passthru.get().and_then(attributes);
        match (attributes, self.payload_codec.as_deref()) {
            (None, _) if self.may_be_clear(envelope)? => Ok(payload),
            (None, _) => Err(PayloadError::undecodable("the payload came in clear, and should not have")),
            (Some(_), None) => {
                let message = "the payload is encoded, and the client has no codec for it";
                Err(PayloadError::known("wamp.error.no_payload_codec", message))
            }
            (Some(attributes), Some(codec)) => {
                let octets = unpack(&attributes, &payload)?;
                let clear = unpanicked(|| codec.decode(envelope, &EncodedPayload { octets, attributes }))?;
                // A session's codec may hold less than what was encoded.
                let payload = encode_parts(Codec::Cbor, &clear.args, &clear.kwargs);
                payload.map_err(|error| PayloadError::undecodable(error.to_string()))
            }
        }
    }
}

/// Runs the program's codec. What others have sent must not end the client, whatever the codec makes of it.
fn unpanicked<T>(run: impl FnOnce() -> Result<T, PayloadError>) -> Result<T, PayloadError> {
    let outcome = std::panic::catch_unwind(AssertUnwindSafe(run));
    outcome.unwrap_or_else(|_| Err(PayloadError::known(uris::RUNTIME_ERROR, "the payload codec panicked")))
}

fn announces(session: &ClientSession, envelope: &Envelope<'_>, feature: Feature) -> bool {
    match envelope.kind {
        PayloadKind::Event => session.broker_has(feature),
        PayloadKind::Call | PayloadKind::Result | PayloadKind::Error => session.dealer_has(feature),
    }
}

fn pack(attributes: PayloadAttributes, octets: Vec<u8>, codec: Codec) -> Result<Sealed, PayloadError> {
    let text = |text: Option<String>| text.map(String::into_boxed_str);
    let unsendable = |problem: String| PayloadError::known(uris::RUNTIME_ERROR, problem);
    let octets = Value::Bytes(octets);
    let (passthru, payload) = match attributes {
        PayloadAttributes::Passthru { scheme, serializer, cipher, keyid } => {
            let passthru = Passthru {
                ppt_scheme: Some(scheme.into_boxed_str()),
                ppt_serializer: text(serializer),
                ppt_cipher: text(cipher),
                ppt_keyid: text(keyid),
                ..Passthru::default()
            };
            (passthru, PayloadBuilder::new(codec).arg(&octets).and_then(PayloadBuilder::finish))
        }
        PayloadAttributes::Transparency { algorithm, serializer, key } => {
            let known = EncryptionAlgorithm::from_name(&algorithm);
            let Some(algorithm) = known else {
                return Err(unsendable(format!("`enc_algo`: `{algorithm}` is none that there is")));
            };
            let passthru = Passthru {
                enc_algo: Some(algorithm),
                enc_serializer: text(serializer),
                enc_key: text(key),
                ..Passthru::default()
            };
            (passthru, Payload::opaque(codec, &octets))
        }
    };
    Ok((passthru.into(), payload.map_err(|error| unsendable(error.to_string()))?))
}

/// How a payload is encoded, if it is.
fn attributes(passthru: &Passthru) -> Option<PayloadAttributes> {
    let text = |text: &Option<Box<str>>| text.as_deref().map(str::to_owned);
    match (&passthru.enc_algo, &passthru.ppt_scheme) {
        (Some(algorithm), _) => Some(PayloadAttributes::Transparency {
            algorithm: algorithm.name().to_owned(),
            serializer: text(&passthru.enc_serializer),
            key: text(&passthru.enc_key),
        }),
        (None, Some(scheme)) => Some(PayloadAttributes::Passthru {
            scheme: scheme.to_string(),
            serializer: text(&passthru.ppt_serializer),
            cipher: text(&passthru.ppt_cipher),
            keyid: text(&passthru.ppt_keyid),
        }),
        (None, None) => None,
    }
}

/// The one binary that is in the place of the arguments, or the only argument.
fn unpack(attributes: &PayloadAttributes, payload: &Payload) -> Result<Vec<u8>, PayloadError> {
    let value = match attributes {
        PayloadAttributes::Transparency { .. } => payload.to_opaque(),
        PayloadAttributes::Passthru { .. } => {
            let mut args = payload.to_args();
            args.pop().filter(|_| args.is_empty() && payload.kwargs_bytes().is_none())
        }
    };
    match value {
        Some(Value::Bytes(octets)) => Ok(octets),
        _ => Err(PayloadError::undecodable("expected one binary in the place of the arguments")),
    }
}
