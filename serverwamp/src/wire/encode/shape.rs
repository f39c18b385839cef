//! The shape rule: what a result, an event or an error becomes as arguments.

use std::fmt;

use bytes::Bytes;
use serde::{Serialize, Serializer};

use super::{
    Container, ContainerKind, EncodeError, Output,
    binary::is_binary,
    encode_into,
    serializer::{Compound, Encoder},
};
use crate::wire::{codec::Codec, payload::Payload, scan::Span};

/// Enough for most results, so that the buffer is allocated once.
const USUAL_LENGTH: usize = 64;

/// What a value turned out to be.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shape {
    Nothing,
    Arguments,
    Keywords,
}

impl Payload {
    /// Encodes a value as arguments: nothing for `()` and `None`, positional arguments for a sequence, keyword
    /// arguments for a struct or map, one positional argument for everything else.
    ///
    /// # Errors
    /// As [`encode_into`].
    pub(crate) fn encode<T: Serialize + ?Sized>(codec: Codec, value: &T) -> Result<Self, EncodeError> {
        let mut bytes = Vec::with_capacity(USUAL_LENGTH);
        let mut encoder = Encoder::new(Output::new(codec, &mut bytes));
        let mut shape = Shape::Nothing;
        ShapeEncoder { encoder: &mut encoder, shape: &mut shape }.value(value)?;
        if is_empty_container(codec, &bytes) {
            return Ok(Self::empty(codec));
        }
        let whole = Some(Span::new(0, bytes.len()).map_err(EncodeError::new)?);
        Ok(match shape {
            Shape::Nothing => Self::empty(codec),
            Shape::Arguments => Self { args: whole, bytes: bytes.into(), ..Self::empty(codec) },
            Shape::Keywords => Self { kwargs: whole, bytes: bytes.into(), ..Self::empty(codec) },
        })
    }
}

fn is_empty_container(codec: Codec, bytes: &[u8]) -> bool {
    match codec {
        Codec::Json => matches!(bytes, b"[]" | b"{}"),
        Codec::MessagePack => matches!(bytes, [0x80 | 0x90]),
        Codec::Cbor => matches!(bytes, [0x80 | 0xa0]),
    }
}

/// Finds the shape of the outermost value, everything within is the encoder's.
struct ShapeEncoder<'s, 'b> {
    encoder: &'s mut Encoder<'b>,
    shape: &'s mut Shape,
}

impl<'s, 'b> ShapeEncoder<'s, 'b> {
    #[inline]
    fn value<T: Serialize + ?Sized>(self, value: &T) -> Result<(), EncodeError> {
        if is_binary::<T>() { self.single(value) } else { value.serialize(self) }
    }

    /// One positional argument.
    #[inline]
    fn single<T: Serialize + ?Sized>(self, value: &T) -> Result<(), EncodeError> {
        let encoder = self.with(Shape::Arguments);
        let mut arguments = encoder.output().begin(ContainerKind::List, Some(1))?;
        encoder.output().item(&mut arguments);
        encoder.value(value)?;
        encoder.output().end(&arguments)
    }

    #[inline]
    fn with(self, shape: Shape) -> &'s mut Encoder<'b> {
        *self.shape = shape;
        self.encoder
    }
}

/// Binary that serde hands over as such.
struct Binary<'b>(&'b [u8]);

impl Serialize for Binary<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(self.0)
    }
}

macro_rules! singles {
    ($($method:ident($argument:ty);)+) => {$(
        #[inline]
        fn $method(self, value: $argument) -> Result<(), EncodeError> {
            self.single(&value)
        }
    )+};
}

impl<'s, 'b> Serializer for ShapeEncoder<'s, 'b> {
    type Ok = ();
    type Error = EncodeError;
    type SerializeSeq = Compound<'s, 'b>;
    type SerializeTuple = Compound<'s, 'b>;
    type SerializeTupleStruct = Compound<'s, 'b>;
    type SerializeTupleVariant = Compound<'s, 'b>;
    type SerializeMap = Compound<'s, 'b>;
    type SerializeStruct = Compound<'s, 'b>;
    type SerializeStructVariant = Compound<'s, 'b>;

    singles! {
        serialize_bool(bool);
        serialize_i8(i8);
        serialize_i16(i16);
        serialize_i32(i32);
        serialize_i64(i64);
        serialize_i128(i128);
        serialize_u8(u8);
        serialize_u16(u16);
        serialize_u32(u32);
        serialize_u64(u64);
        serialize_u128(u128);
        serialize_f32(f32);
        serialize_f64(f64);
        serialize_char(char);
        serialize_str(&str);
    }

    fn serialize_bytes(self, value: &[u8]) -> Result<(), EncodeError> {
        self.single(&Binary(value))
    }

    fn serialize_none(self) -> Result<(), EncodeError> {
        Ok(())
    }

    fn serialize_unit(self) -> Result<(), EncodeError> {
        Ok(())
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<(), EncodeError> {
        Ok(())
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, variant: &'static str) -> Result<(), EncodeError> {
        self.single(variant)
    }

    #[inline]
    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), EncodeError> {
        self.value(value)
    }

    #[inline]
    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, value: &T) -> Result<(), EncodeError> {
        self.value(value)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<(), EncodeError> {
        self.with(Shape::Keywords).serialize_newtype_variant(name, index, variant, value)
    }

    fn serialize_seq(self, length: Option<usize>) -> Result<Compound<'s, 'b>, EncodeError> {
        self.with(Shape::Arguments).serialize_seq(length)
    }

    fn serialize_tuple(self, length: usize) -> Result<Compound<'s, 'b>, EncodeError> {
        self.with(Shape::Arguments).serialize_tuple(length)
    }

    fn serialize_tuple_struct(self, name: &'static str, length: usize) -> Result<Compound<'s, 'b>, EncodeError> {
        self.with(Shape::Arguments).serialize_tuple_struct(name, length)
    }

    fn serialize_tuple_variant(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        length: usize,
    ) -> Result<Compound<'s, 'b>, EncodeError> {
        self.with(Shape::Keywords).serialize_tuple_variant(name, index, variant, length)
    }

    fn serialize_map(self, length: Option<usize>) -> Result<Compound<'s, 'b>, EncodeError> {
        self.with(Shape::Keywords).serialize_map(length)
    }

    fn serialize_struct(self, name: &'static str, length: usize) -> Result<Compound<'s, 'b>, EncodeError> {
        self.with(Shape::Keywords).serialize_struct(name, length)
    }

    fn serialize_struct_variant(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        length: usize,
    ) -> Result<Compound<'s, 'b>, EncodeError> {
        self.with(Shape::Keywords).serialize_struct_variant(name, index, variant, length)
    }
}

/// Builds a payload argument by argument.
pub(crate) struct PayloadBuilder {
    codec: Codec,
    args: Part,
    kwargs: Part,
}

/// A list or dictionary that is being built.
struct Part {
    bytes: Vec<u8>,
    container: Option<Container>,
}

impl fmt::Debug for PayloadBuilder {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("PayloadBuilder").field("codec", &self.codec).finish_non_exhaustive()
    }
}

impl Part {
    fn new() -> Self {
        Self { bytes: Vec::new(), container: None }
    }

    /// Appends an item; what fails halfway is taken back.
    fn item(
        &mut self,
        codec: Codec,
        kind: ContainerKind,
        write: impl FnOnce(&mut Vec<u8>) -> Result<(), EncodeError>,
    ) -> Result<(), EncodeError> {
        let mut output = Output::new(codec, &mut self.bytes);
        if self.container.is_none() {
            self.container = Some(output.begin(kind, None)?);
        }
        if let Some(container) = &mut self.container {
            output.item(container);
        }
        write(&mut self.bytes)
    }

    fn finish(mut self, codec: Codec) -> Result<Option<Vec<u8>>, EncodeError> {
        match self.container {
            Some(container) => {
                Output::new(codec, &mut self.bytes).end(&container)?;
                Ok(Some(self.bytes))
            }
            None => Ok(None),
        }
    }
}

impl PayloadBuilder {
    pub(crate) fn new(codec: Codec) -> Self {
        Self { codec, args: Part::new(), kwargs: Part::new() }
    }

    /// Adds a positional argument.
    ///
    /// # Errors
    /// As [`encode_into`].
    pub(crate) fn arg<T: Serialize + ?Sized>(mut self, value: &T) -> Result<Self, EncodeError> {
        let codec = self.codec;
        self.args.item(codec, ContainerKind::List, |bytes| encode_into(codec, value, bytes))?;
        Ok(self)
    }

    /// Adds a keyword argument.
    ///
    /// # Errors
    /// As [`encode_into`].
    pub(crate) fn kwarg<T: Serialize + ?Sized>(mut self, name: &str, value: &T) -> Result<Self, EncodeError> {
        let codec = self.codec;
        self.kwargs.item(codec, ContainerKind::Dict, |bytes| {
            let mut output = Output::new(codec, bytes);
            output.string(name)?;
            output.key_end();
            encode_into(codec, value, bytes)
        })?;
        Ok(self)
    }

    /// The payload; without arguments it is empty.
    ///
    /// # Errors
    /// The codec has no container as long as the arguments.
    pub(crate) fn finish(self) -> Result<Payload, EncodeError> {
        let args = self.args.finish(self.codec)?;
        let kwargs = self.kwargs.finish(self.codec)?;
        let mut payload = Payload::empty(self.codec);
        let mut bytes = Vec::new();
        for (part, span) in [(args, &mut payload.args), (kwargs, &mut payload.kwargs)] {
            let Some(part) = part else { continue };
            let start = bytes.len();
            bytes.extend_from_slice(&part);
            *span = Some(Span::new(start, bytes.len()).map_err(EncodeError::new)?);
        }
        payload.bytes = Bytes::from(bytes);
        Ok(payload)
    }
}
