//! The shape rule: what a result, an event or an error becomes as arguments.

use serde::{Serialize, Serializer};

use super::{
    Container, ContainerKind, EncodeError, Output,
    binary::is_binary,
    qualified::Qualified,
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
    /// As [`encode_into`](super::encode_into).
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

/// A newtype whose name matters.
struct Newtype<'v, T: ?Sized>(&'static str, &'v T);

impl<T: Serialize + ?Sized> Serialize for Newtype<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_newtype_struct(self.0, self.1)
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
        self.encoder.wrap()?;
        self.value(value)
    }

    #[inline]
    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, name: &'static str, value: &T) -> Result<(), EncodeError> {
        if Qualified::from_name(name).is_some() {
            return self.single(&Newtype(name, value));
        }
        self.encoder.wrap()?;
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

/// A list or dictionary that is being built, once it has items.
struct Part {
    kind: ContainerKind,
    bytes: Vec<u8>,
    container: Option<Container>,
}

impl Part {
    const fn new(kind: ContainerKind) -> Self {
        Self { kind, bytes: Vec::new(), container: None }
    }

    /// Where the next item goes.
    fn open(&mut self, codec: Codec) -> Result<(Output<'_>, &mut Container), EncodeError> {
        let mut output = Output::new(codec, &mut self.bytes);
        let container = match self.container.take() {
            Some(container) => container,
            None => output.begin(self.kind, None)?,
        };
        Ok((output, self.container.insert(container)))
    }

    /// Appends the finished container and says where it is.
    fn append_to(mut self, codec: Codec, bytes: &mut Vec<u8>) -> Result<Option<Span>, EncodeError> {
        let Some(container) = self.container else { return Ok(None) };
        Output::new(codec, &mut self.bytes).end(&container)?;
        let start = bytes.len();
        bytes.append(&mut self.bytes);
        Span::new(start, bytes.len()).map(Some).map_err(EncodeError::new)
    }
}

impl PayloadBuilder {
    pub(crate) const fn new(codec: Codec) -> Self {
        Self { codec, args: Part::new(ContainerKind::List), kwargs: Part::new(ContainerKind::Dict) }
    }

    /// Adds a positional argument.
    ///
    /// # Errors
    /// As [`encode_into`](super::encode_into).
    pub(crate) fn arg<T: Serialize + ?Sized>(mut self, value: &T) -> Result<Self, EncodeError> {
        let (mut output, args) = self.args.open(self.codec)?;
        output.item(args);
        Encoder::new(output).value(value)?;
        Ok(self)
    }

    /// Adds a keyword argument.
    ///
    /// # Errors
    /// As [`encode_into`](super::encode_into).
    pub(crate) fn kwarg<T: Serialize + ?Sized>(mut self, name: &str, value: &T) -> Result<Self, EncodeError> {
        let (mut output, kwargs) = self.kwargs.open(self.codec)?;
        output.key(kwargs, name)?;
        Encoder::new(output).value(value)?;
        Ok(self)
    }

    /// The payload; without arguments it is empty.
    ///
    /// # Errors
    /// The arguments are longer than any message may be.
    pub(crate) fn finish(self) -> Result<Payload, EncodeError> {
        let mut bytes = Vec::new();
        let args = self.args.append_to(self.codec, &mut bytes)?;
        let kwargs = self.kwargs.append_to(self.codec, &mut bytes)?;
        Ok(Payload { args, kwargs, bytes: bytes.into(), ..Payload::empty(self.codec) })
    }
}
