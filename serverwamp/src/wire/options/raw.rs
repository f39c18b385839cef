//! A dict whose keys the protocol does not know, or not all of them.

use bytes::Bytes;
use serde::Serialize;

use super::{Problem, Source};
use crate::wire::{
    codec::{Codec, Read, Token},
    decode::{Arena, DecodeError, decode},
    encode::{Container, ContainerKind, EncodeError, Output, transcode_value},
    value::Dict,
};

/// A dict as it came from the peer. Cheap to clone.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct RawDict(Option<(Codec, Bytes)>);

impl RawDict {
    /// Takes an encoded dict that a scan has found to be well-formed.
    pub(crate) fn new(codec: Codec, dict: Bytes) -> Self {
        Self(Some((codec, dict)))
    }

    /// Encodes anything that serialises as a map.
    ///
    /// # Errors
    /// What the codec cannot hold, and values of another shape.
    pub(crate) fn encode<T: Serialize + ?Sized>(codec: Codec, map: &T) -> Result<Self, EncodeError> {
        let mut dict = Vec::new();
        crate::wire::encode::encode_into(codec, map, &mut dict)?;
        match crate::wire::codec::Reader::new(codec, &dict).token() {
            Ok(Token::Map(_)) => Ok(Self::new(codec, dict.into())),
            _ => Err(EncodeError::new("options and details are a map")),
        }
    }

    /// The dict in memory of its own, so that the message that it came in need not be kept.
    pub(crate) fn detached(&self) -> Self {
        Self(self.0.as_ref().map(|(codec, dict)| (*codec, Bytes::copy_from_slice(dict))))
    }

    /// How many octets the dict takes as it came.
    pub(crate) fn octets(&self) -> usize {
        self.0.as_ref().map_or(0, |(_, dict)| dict.len())
    }

    /// Decodes the dict.
    ///
    /// # Errors
    /// A value that no [`Value`](crate::wire::value::Value) can hold.
    pub(crate) fn to_dict(&self) -> Result<Dict, DecodeError> {
        match &self.0 {
            Some((codec, dict)) => decode(*codec, dict, &Arena::default()),
            None => Ok(Dict::new()),
        }
    }

    /// Writes the dict.
    pub(super) fn write(&self, output: &mut Output<'_>) -> Result<(), EncodeError> {
        match &self.0 {
            Some((codec, dict)) if *codec == output.codec() => {
                output.encoded(dict);
                Ok(())
            }
            _ => {
                let mut dict = output.begin(ContainerKind::Dict, None)?;
                self.write_entries(output, &mut dict, |_| true)?;
                output.end(&dict)
            }
        }
    }

    /// Writes those entries whose key is wanted.
    pub(super) fn write_entries(
        &self,
        output: &mut Output<'_>,
        dict: &mut Container,
        wanted: impl Fn(&str) -> bool,
    ) -> Result<(), EncodeError> {
        let Some((codec, bytes)) = &self.0 else { return Ok(()) };
        let mut source = Source::new(*codec, bytes);
        self.copy(&mut source, output, dict, wanted).map_err(EncodeError::new)?
    }

    /// Reading fails in one way, writing in another.
    fn copy(
        &self,
        source: &mut Source<'_>,
        output: &mut Output<'_>,
        dict: &mut Container,
        wanted: impl Fn(&str) -> bool,
    ) -> Result<Result<(), EncodeError>, Problem> {
        let Token::Map(mut items) = source.token()? else { return Ok(Ok(())) };
        while source.more(&mut items)? {
            let key = source.key()?;
            let value = source.value()?;
            if wanted(&key) {
                let written = output.key(dict, &key).and_then(|()| transcode_value(source.codec, value, output));
                if written.is_err() {
                    return Ok(written);
                }
            }
        }
        Ok(Ok(()))
    }
}
