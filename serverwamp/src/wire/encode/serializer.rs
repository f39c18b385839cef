//! The serializer of values at any depth.

use serde::{
    Serialize, Serializer,
    ser::{
        SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple, SerializeTupleStruct,
        SerializeTupleVariant,
    },
};

use super::{
    Container, ContainerKind, EncodeError, MAX_DEPTH, Output,
    binary::{collect_bytes, is_binary},
    key::KeyEncoder,
    qualified::Qualified,
};
use crate::wire::scan::MAX_WRAPPERS;

/// Writes values by the rules that hold for every codec.
pub(super) struct Encoder<'b> {
    output: Output<'b>,
    depth: usize,
    /// How many newtypes and options there are around what is written next.
    wrappers: usize,
}

impl<'b> Encoder<'b> {
    pub(super) fn new(output: Output<'b>) -> Self {
        Self { output, depth: 0, wrappers: 0 }
    }

    /// Writes elsewhere what is to be nested here.
    pub(super) fn nested<'n>(&self, output: Output<'n>) -> Encoder<'n> {
        Encoder { output, depth: self.depth, wrappers: self.wrappers }
    }

    pub(super) fn output(&mut self) -> &mut Output<'b> {
        &mut self.output
    }

    /// Writes a value of any type, bytes as binary.
    #[inline]
    pub(super) fn value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), EncodeError> {
        if is_binary::<T>() {
            let bytes = collect_bytes(value)?;
            return self.output.binary(&bytes);
        }
        value.serialize(self)
    }

    /// Goes into a newtype or an option.
    #[inline]
    pub(super) fn wrap(&mut self) -> Result<(), EncodeError> {
        if self.wrappers >= MAX_WRAPPERS {
            return Err(EncodeError::new(format_args!("newtypes and options are nested deeper than {MAX_WRAPPERS}")));
        }
        self.wrappers = self.wrappers.saturating_add(1);
        Ok(())
    }

    /// Writes what a newtype or an option holds.
    #[inline]
    fn wrapped<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), EncodeError> {
        self.wrap()?;
        self.value(value)?;
        self.wrappers = self.wrappers.saturating_sub(1);
        Ok(())
    }

    fn begin(&mut self, kind: ContainerKind, length: Option<usize>) -> Result<Container, EncodeError> {
        if self.depth >= MAX_DEPTH {
            return Err(EncodeError::new(format_args!("the value is nested deeper than {MAX_DEPTH}")));
        }
        self.depth = self.depth.saturating_add(1);
        self.output.begin(kind, length)
    }

    fn end(&mut self, container: &Container) -> Result<(), EncodeError> {
        self.depth = self.depth.saturating_sub(1);
        self.output.end(container)
    }

    fn compound(&mut self, kind: ContainerKind, length: Option<usize>) -> Result<Compound<'_, 'b>, EncodeError> {
        let container = self.begin(kind, length)?;
        Ok(Compound { encoder: self, container, outer: None })
    }

    /// Begins what a variant holds, within a dictionary whose only key is the variant's name.
    fn variant(
        &mut self,
        variant: &'static str,
        kind: ContainerKind,
        length: usize,
    ) -> Result<Compound<'_, 'b>, EncodeError> {
        let outer = self.begin_variant(variant)?;
        let container = self.begin(kind, Some(length))?;
        Ok(Compound { encoder: self, container, outer: Some(outer) })
    }

    fn begin_variant(&mut self, variant: &'static str) -> Result<Container, EncodeError> {
        let mut outer = self.begin(ContainerKind::Dict, Some(1))?;
        self.output.key(&mut outer, variant)?;
        Ok(outer)
    }
}

macro_rules! scalars {
    ($($method:ident($argument:ty) => $write:ident;)+) => {$(
        #[inline]
        fn $method(self, value: $argument) -> Result<(), EncodeError> {
            self.output.$write(value.into())
        }
    )+};
}

impl<'e, 'b> Serializer for &'e mut Encoder<'b> {
    type Ok = ();
    type Error = EncodeError;
    type SerializeSeq = Compound<'e, 'b>;
    type SerializeTuple = Compound<'e, 'b>;
    type SerializeTupleStruct = Compound<'e, 'b>;
    type SerializeTupleVariant = Compound<'e, 'b>;
    type SerializeMap = Compound<'e, 'b>;
    type SerializeStruct = Compound<'e, 'b>;
    type SerializeStructVariant = Compound<'e, 'b>;

    scalars! {
        serialize_bool(bool) => bool;
        serialize_i8(i8) => signed;
        serialize_i16(i16) => signed;
        serialize_i32(i32) => signed;
        serialize_i64(i64) => signed;
        serialize_i128(i128) => wide_signed;
        serialize_u8(u8) => unsigned;
        serialize_u16(u16) => unsigned;
        serialize_u32(u32) => unsigned;
        serialize_u64(u64) => unsigned;
        serialize_u128(u128) => wide_unsigned;
        serialize_f32(f32) => single;
        serialize_f64(f64) => double;
        serialize_str(&str) => string;
        serialize_bytes(&[u8]) => binary;
    }

    fn serialize_char(self, value: char) -> Result<(), EncodeError> {
        self.output.string(value.encode_utf8(&mut [0; 4]))
    }

    fn serialize_none(self) -> Result<(), EncodeError> {
        self.output.null()
    }

    fn serialize_unit(self) -> Result<(), EncodeError> {
        self.output.null()
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<(), EncodeError> {
        self.output.null()
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, variant: &'static str) -> Result<(), EncodeError> {
        self.output.string(variant)
    }

    #[inline]
    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), EncodeError> {
        self.wrapped(value)
    }

    #[inline]
    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, name: &'static str, value: &T) -> Result<(), EncodeError> {
        match Qualified::from_name(name) {
            Some(qualified) => qualified.write(value, self),
            None => self.wrapped(value),
        }
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<(), EncodeError> {
        let outer = self.begin_variant(variant)?;
        self.value(value)?;
        self.end(&outer)
    }

    fn serialize_seq(self, length: Option<usize>) -> Result<Compound<'e, 'b>, EncodeError> {
        self.compound(ContainerKind::List, length)
    }

    fn serialize_tuple(self, length: usize) -> Result<Compound<'e, 'b>, EncodeError> {
        self.compound(ContainerKind::List, Some(length))
    }

    fn serialize_tuple_struct(self, _: &'static str, length: usize) -> Result<Compound<'e, 'b>, EncodeError> {
        self.compound(ContainerKind::List, Some(length))
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        length: usize,
    ) -> Result<Compound<'e, 'b>, EncodeError> {
        self.variant(variant, ContainerKind::List, length)
    }

    fn serialize_map(self, length: Option<usize>) -> Result<Compound<'e, 'b>, EncodeError> {
        self.compound(ContainerKind::Dict, length)
    }

    fn serialize_struct(self, _: &'static str, length: usize) -> Result<Compound<'e, 'b>, EncodeError> {
        self.compound(ContainerKind::Dict, Some(length))
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        length: usize,
    ) -> Result<Compound<'e, 'b>, EncodeError> {
        self.variant(variant, ContainerKind::Dict, length)
    }
}

/// A list or dictionary whose items serde hands over one by one.
pub(super) struct Compound<'e, 'b> {
    encoder: &'e mut Encoder<'b>,
    container: Container,
    outer: Option<Container>,
}

impl Compound<'_, '_> {
    #[inline]
    fn element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), EncodeError> {
        self.encoder.output.item(&mut self.container);
        self.encoder.value(value)
    }

    #[inline]
    fn field<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Result<(), EncodeError> {
        self.encoder.output.key(&mut self.container, name)?;
        self.encoder.value(value)
    }

    fn finish(self) -> Result<(), EncodeError> {
        self.encoder.end(&self.container)?;
        match self.outer {
            Some(outer) => self.encoder.end(&outer),
            None => Ok(()),
        }
    }
}

macro_rules! list_items {
    ($($serialize:ident::$method:ident;)+) => {$(
        impl $serialize for Compound<'_, '_> {
            type Ok = ();
            type Error = EncodeError;

            #[inline]
            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), EncodeError> {
                self.element(value)
            }

            fn end(self) -> Result<(), EncodeError> {
                self.finish()
            }
        }
    )+};
}

list_items! {
    SerializeSeq::serialize_element;
    SerializeTuple::serialize_element;
    SerializeTupleStruct::serialize_field;
    SerializeTupleVariant::serialize_field;
}

macro_rules! dict_entries {
    ($($serialize:ident),+) => {$(
        impl $serialize for Compound<'_, '_> {
            type Ok = ();
            type Error = EncodeError;

            #[inline]
            fn serialize_field<T: Serialize + ?Sized>(
                &mut self,
                name: &'static str,
                value: &T,
            ) -> Result<(), EncodeError> {
                self.field(name, value)
            }

            fn end(self) -> Result<(), EncodeError> {
                self.finish()
            }
        }
    )+};
}

dict_entries!(SerializeStruct, SerializeStructVariant);

impl SerializeMap for Compound<'_, '_> {
    type Ok = ();
    type Error = EncodeError;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), EncodeError> {
        key.serialize(KeyEncoder { output: &mut self.encoder.output, dict: &mut self.container, wrappers: 0 })
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), EncodeError> {
        self.encoder.value(value)
    }

    fn end(self) -> Result<(), EncodeError> {
        self.finish()
    }
}
