//! Single values and the frames of lists and dictionaries in the three codecs. The libraries write the bytes.

use std::convert::Infallible;

use base64::{Engine, engine::general_purpose::STANDARD};
use cbor4ii::core::{
    enc::{Encode, Write},
    types,
};
use num_bigint::BigInt;
use serde::Serializer as _;

use super::{EncodeError, bignum};
use crate::wire::codec::{Codec, TAG_NEGATIVE_BIGNUM, TAG_POSITIVE_BIGNUM};

/// Stands before the type and the bytes of an extension in CBOR that stays within the process.
pub(crate) const EXTENSION_TAG: u64 = 0x7365_7276_6572_7761;

/// Appends encoded values to a buffer.
pub(crate) struct Output<'b> {
    codec: Codec,
    /// Whether CBOR carries extensions of MessagePack under a tag of ours, for bytes that stay within the process.
    marks_extensions: bool,
    bytes: &'b mut Vec<u8>,
}

/// What a container holds.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum ContainerKind {
    List,
    Dict,
}

/// A list or dictionary that is being written. Its length is corrected at the end, so that one announced wrongly or
/// not at all cannot spoil the message.
pub(crate) struct Container {
    kind: ContainerKind,
    start: usize,
    header_length: usize,
    announced: usize,
    count: usize,
}

/// Lets cbor4ii write into the buffer.
struct Sink<'b>(&'b mut Vec<u8>);

impl Write for Sink<'_> {
    type Error = Infallible;

    #[inline]
    fn push(&mut self, input: &[u8]) -> Result<(), Infallible> {
        self.0.extend_from_slice(input);
        Ok(())
    }
}

impl<'b> Output<'b> {
    pub(crate) fn new(codec: Codec, bytes: &'b mut Vec<u8>) -> Self {
        Self { codec, marks_extensions: false, bytes }
    }

    /// For CBOR that stays within the process: nothing that `Value` can hold is lost.
    pub(crate) fn lossless(bytes: &'b mut Vec<u8>) -> Self {
        Self { codec: Codec::Cbor, marks_extensions: true, bytes }
    }

    pub(crate) fn codec(&self) -> Codec {
        self.codec
    }

    /// Appends what is encoded in this codec already.
    pub(crate) fn encoded(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    fn cbor(&mut self, value: impl Encode) -> Result<(), EncodeError> {
        value.encode(&mut Sink(self.bytes)).map_err(EncodeError::new)
    }

    fn message_pack(&mut self) -> rmp_serde::Serializer<&mut Vec<u8>> {
        rmp_serde::Serializer::new(self.bytes)
    }

    fn json<T: serde::Serialize + ?Sized>(&mut self, value: &T) -> Result<(), EncodeError> {
        serde_json::to_writer(&mut *self.bytes, value).map_err(EncodeError::new)
    }

    pub(crate) fn null(&mut self) -> Result<(), EncodeError> {
        match self.codec {
            Codec::Json => self.encoded(b"null"),
            Codec::MessagePack => self.message_pack().serialize_unit()?,
            Codec::Cbor => self.cbor(types::Null)?,
        }
        Ok(())
    }

    pub(crate) fn bool(&mut self, value: bool) -> Result<(), EncodeError> {
        match self.codec {
            Codec::Json => self.json(&value),
            Codec::MessagePack => Ok(self.message_pack().serialize_bool(value)?),
            Codec::Cbor => self.cbor(value),
        }
    }

    pub(crate) fn signed(&mut self, value: i64) -> Result<(), EncodeError> {
        match self.codec {
            Codec::Json => self.json(&value),
            Codec::MessagePack => Ok(self.message_pack().serialize_i64(value)?),
            Codec::Cbor => self.cbor(value),
        }
    }

    pub(crate) fn unsigned(&mut self, value: u64) -> Result<(), EncodeError> {
        match self.codec {
            Codec::Json => self.json(&value),
            Codec::MessagePack => Ok(self.message_pack().serialize_u64(value)?),
            Codec::Cbor => self.cbor(value),
        }
    }

    pub(crate) fn wide_signed(&mut self, value: i128) -> Result<(), EncodeError> {
        match self.codec {
            Codec::Json => self.json(&value),
            Codec::MessagePack => match (i64::try_from(value), u64::try_from(value)) {
                (Ok(value), _) => self.signed(value),
                (_, Ok(value)) => self.unsigned(value),
                _ => Err(beyond_message_pack(value)),
            },
            Codec::Cbor => self.cbor(value),
        }
    }

    pub(crate) fn wide_unsigned(&mut self, value: u128) -> Result<(), EncodeError> {
        match self.codec {
            Codec::Json => self.json(&value),
            Codec::MessagePack => self.unsigned(u64::try_from(value).map_err(|_| beyond_message_pack(value))?),
            Codec::Cbor => self.cbor(value),
        }
    }

    /// An integer of any size.
    pub(super) fn bignum(&mut self, value: &BigInt) -> Result<(), EncodeError> {
        match (i128::try_from(value), u128::try_from(value)) {
            (Ok(value), _) => self.wide_signed(value),
            (_, Ok(value)) => self.wide_unsigned(value),
            _ => match self.codec {
                Codec::Json => {
                    self.encoded(value.to_string().as_bytes());
                    Ok(())
                }
                Codec::MessagePack => Err(beyond_message_pack(value)),
                Codec::Cbor => {
                    let (negative, octets) = bignum::to_octets(value);
                    self.tag(if negative { TAG_NEGATIVE_BIGNUM } else { TAG_POSITIVE_BIGNUM })?;
                    self.binary(&octets)
                }
            },
        }
    }

    pub(crate) fn single(&mut self, value: f32) -> Result<(), EncodeError> {
        match self.codec {
            Codec::Json if !value.is_finite() => Err(beyond_json(value)),
            Codec::Json => self.json(&value),
            Codec::MessagePack => Ok(self.message_pack().serialize_f32(value)?),
            Codec::Cbor => self.cbor(value),
        }
    }

    pub(crate) fn double(&mut self, value: f64) -> Result<(), EncodeError> {
        match self.codec {
            Codec::Json if !value.is_finite() => Err(beyond_json(value)),
            Codec::Json => self.json(&value),
            Codec::MessagePack => Ok(self.message_pack().serialize_f64(value)?),
            Codec::Cbor => self.cbor(value),
        }
    }

    pub(crate) fn string(&mut self, value: &str) -> Result<(), EncodeError> {
        if self.codec == Codec::Json && value.starts_with('\0') {
            return Err(EncodeError::new("a JSON string that begins with U+0000 would be binary"));
        }
        self.text(value)
    }

    fn text(&mut self, value: &str) -> Result<(), EncodeError> {
        match self.codec {
            Codec::Json => self.json(value),
            Codec::MessagePack => Ok(self.message_pack().serialize_str(value)?),
            Codec::Cbor => self.cbor(value),
        }
    }

    /// Binary; in JSON a string of U+0000 and base64.
    pub(crate) fn binary(&mut self, value: &[u8]) -> Result<(), EncodeError> {
        match self.codec {
            Codec::Json => {
                self.encoded(b"\"\\u0000");
                let start = self.bytes.len();
                let length = base64::encoded_len(value.len(), true).unwrap_or(usize::MAX);
                self.bytes.resize(start.saturating_add(length), 0);
                if let Some(text) = self.bytes.get_mut(start..) {
                    STANDARD.encode_slice(value, text).map_err(EncodeError::new)?;
                }
                self.bytes.push(b'"');
                Ok(())
            }
            Codec::MessagePack => Ok(self.message_pack().serialize_bytes(value)?),
            Codec::Cbor => self.cbor(types::Bytes(value)),
        }
    }

    /// An extension of MessagePack; the others have only its bytes.
    pub(crate) fn extension(&mut self, kind: i8, value: &[u8]) -> Result<(), EncodeError> {
        match self.codec {
            Codec::Cbor if self.marks_extensions => {
                self.tag(EXTENSION_TAG)?;
                let kind = kind.to_be_bytes();
                self.binary(&[&kind, value].concat())
            }
            Codec::Json | Codec::Cbor => self.binary(value),
            Codec::MessagePack => Ok(self
                .message_pack()
                .serialize_newtype_struct(rmp_serde::MSGPACK_EXT_STRUCT_NAME, &(kind, ExtensionBytes(value)))?),
        }
    }

    /// The number of a CBOR tag, before its value; the others have only the value.
    pub(crate) fn tag(&mut self, tag: u64) -> Result<(), EncodeError> {
        match self.codec {
            Codec::Json | Codec::MessagePack => Ok(()),
            Codec::Cbor => self.cbor(types::Tag(tag, types::Nothing)),
        }
    }

    /// Begins a list or dictionary; a length that is not known yet is found at the end.
    pub(crate) fn begin(&mut self, kind: ContainerKind, length: Option<usize>) -> Result<Container, EncodeError> {
        let start = self.bytes.len();
        let announced = length.unwrap_or(0);
        self.header(kind, announced)?;
        Ok(Container { kind, start, header_length: self.bytes.len().saturating_sub(start), announced, count: 0 })
    }

    fn header(&mut self, kind: ContainerKind, length: usize) -> Result<(), EncodeError> {
        match (self.codec, kind) {
            (Codec::Json, ContainerKind::List) => self.bytes.push(b'['),
            (Codec::Json, ContainerKind::Dict) => self.bytes.push(b'{'),
            (Codec::MessagePack, ContainerKind::List) => {
                self.message_pack().serialize_seq(Some(length))?;
            }
            (Codec::MessagePack, ContainerKind::Dict) => {
                self.message_pack().serialize_map(Some(length))?;
            }
            (Codec::Cbor, ContainerKind::List) => {
                types::Array::bounded(length, &mut Sink(self.bytes)).map_err(EncodeError::new)?;
            }
            (Codec::Cbor, ContainerKind::Dict) => {
                types::Map::bounded(length, &mut Sink(self.bytes)).map_err(EncodeError::new)?;
            }
        }
        Ok(())
    }

    /// Before each value of a list.
    #[inline]
    pub(crate) fn item(&mut self, container: &mut Container) {
        if container.count > 0 && self.codec == Codec::Json {
            self.bytes.push(b',');
        }
        container.count = container.count.saturating_add(1);
    }

    /// Before each value of a dictionary.
    #[inline]
    pub(crate) fn key(&mut self, container: &mut Container, key: &str) -> Result<(), EncodeError> {
        self.item(container);
        self.text(key)?;
        if self.codec == Codec::Json {
            self.bytes.push(b':');
        }
        Ok(())
    }

    /// Ends a list or dictionary.
    pub(crate) fn end(&mut self, container: &Container) -> Result<(), EncodeError> {
        match (self.codec, container.kind) {
            (Codec::Json, ContainerKind::List) => self.bytes.push(b']'),
            (Codec::Json, ContainerKind::Dict) => self.bytes.push(b'}'),
            _ if container.count == container.announced => {}
            _ => self.replace_header(container)?,
        }
        Ok(())
    }

    /// Corrects the length in the head of a container. The new head is written behind everything, then moved.
    fn replace_header(&mut self, container: &Container) -> Result<(), EncodeError> {
        let Container { start, header_length: old_length, .. } = *container;
        let end = self.bytes.len();
        self.header(container.kind, container.count)?;
        let new_length = self.bytes.len().saturating_sub(end);
        if new_length == old_length {
            self.bytes.copy_within(end.., start);
            self.bytes.truncate(end);
        } else if let Some(written) = self.bytes.get_mut(start..) {
            written.rotate_right(new_length);
            let old_start = start.saturating_add(new_length);
            self.bytes.drain(old_start..old_start.saturating_add(old_length));
        }
        Ok(())
    }
}

/// What rmp-serde wants to be given as the bytes of an extension.
struct ExtensionBytes<'b>(&'b [u8]);

impl serde::Serialize for ExtensionBytes<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(self.0)
    }
}

#[cold]
fn beyond_message_pack(value: impl std::fmt::Display) -> EncodeError {
    EncodeError::new(format_args!("MessagePack has no integer as large as {value}"))
}

#[cold]
fn beyond_json(value: impl std::fmt::Display) -> EncodeError {
    EncodeError::new(format_args!("JSON has no number {value}"))
}
