use serde::de::value::BorrowedBytesDeserializer;
use serde::de::{
    Deserialize, DeserializeSeed, Deserializer, EnumAccess, Error, IntoDeserializer, MapAccess, SeqAccess, Unexpected,
    VariantAccess, Visitor,
};

use super::DecodeError;
use super::decoder::Decoder;
use super::key::Key;
use crate::wire::codec::{Items, Read};
use crate::wire::value::{EXTENSION_NAME, TAG_NAME};

/// The values of a list.
pub(super) struct Elements<'a, 'de> {
    pub(super) decoder: &'a mut Decoder<'de>,
    pub(super) items: Items,
    pub(super) ended: bool,
}

impl Elements<'_, '_> {
    fn more(&mut self) -> Result<bool, DecodeError> {
        self.ended = self.ended || !self.decoder.reader.more(&mut self.items)?;
        Ok(!self.ended)
    }

    /// Refuses values that the type had no use for.
    pub(super) fn finish(mut self) -> Result<(), DecodeError> {
        if self.more()? { Err(DecodeError::new("invalid length: the list has too many elements")) } else { Ok(()) }
    }
}

impl<'de> SeqAccess<'de> for &mut Elements<'_, 'de> {
    type Error = DecodeError;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, DecodeError> {
        if self.more()? { seed.deserialize(&mut *self.decoder).map(Some) } else { Ok(None) }
    }

    fn size_hint(&self) -> Option<usize> {
        self.items.remaining()
    }
}

/// The entries of a map.
pub(super) struct Entries<'a, 'de> {
    pub(super) decoder: &'a mut Decoder<'de>,
    pub(super) items: Items,
    pub(super) ended: bool,
}

impl Entries<'_, '_> {
    fn more(&mut self) -> Result<bool, DecodeError> {
        self.ended = self.ended || !self.decoder.reader.more(&mut self.items)?;
        Ok(!self.ended)
    }

    /// Refuses entries that the type had no use for.
    pub(super) fn finish(mut self) -> Result<(), DecodeError> {
        if self.more()? { Err(DecodeError::new("invalid length: the dict has too many entries")) } else { Ok(()) }
    }
}

impl<'de> MapAccess<'de> for &mut Entries<'_, 'de> {
    type Error = DecodeError;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, DecodeError> {
        if !self.more()? {
            return Ok(None);
        }
        seed.deserialize(Key::read(self.decoder)?).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, DecodeError> {
        self.decoder.reader.separator()?;
        seed.deserialize(&mut *self.decoder)
    }

    fn size_hint(&self) -> Option<usize> {
        self.items.remaining()
    }
}

/// A map with one entry: an enum's variant and its data.
pub(super) struct SingleEntry<'a, 'de> {
    pub(super) decoder: &'a mut Decoder<'de>,
}

impl<'de> EnumAccess<'de> for SingleEntry<'_, 'de> {
    type Error = DecodeError;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self), DecodeError> {
        let variant = seed.deserialize(Key::read(self.decoder)?)?;
        self.decoder.reader.separator()?;
        Ok((variant, self))
    }
}

impl<'de> VariantAccess<'de> for SingleEntry<'_, 'de> {
    type Error = DecodeError;

    fn unit_variant(self) -> Result<(), DecodeError> {
        <()>::deserialize(self.decoder)
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, DecodeError> {
        seed.deserialize(self.decoder)
    }

    fn tuple_variant<V: Visitor<'de>>(self, length: usize, visitor: V) -> Result<V::Value, DecodeError> {
        self.decoder.deserialize_tuple(length, visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        self.decoder.deserialize_struct("", fields, visitor)
    }
}

/// What only some codec has, for the visitor of `Value` alone: a variant with two fields.
pub(super) enum Special<'a, 'de> {
    /// The value that the tag qualifies is to be read.
    Tag(u64, &'a mut Decoder<'de>),
    Extension(i8, &'de [u8]),
}

impl<'de> EnumAccess<'de> for Special<'_, 'de> {
    type Error = DecodeError;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self), DecodeError> {
        let name = match self {
            Self::Tag(..) => TAG_NAME,
            Self::Extension(..) => EXTENSION_NAME,
        };
        let variant = seed.deserialize(IntoDeserializer::<DecodeError>::into_deserializer(name))?;
        Ok((variant, self))
    }
}

impl<'de> VariantAccess<'de> for Special<'_, 'de> {
    type Error = DecodeError;

    fn unit_variant(self) -> Result<(), DecodeError> {
        Err(DecodeError::invalid_type(Unexpected::TupleVariant, &"unit variant"))
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, _seed: T) -> Result<T::Value, DecodeError> {
        Err(DecodeError::invalid_type(Unexpected::TupleVariant, &"newtype variant"))
    }

    fn tuple_variant<V: Visitor<'de>>(self, _length: usize, visitor: V) -> Result<V::Value, DecodeError> {
        visitor.visit_seq(SpecialFields { special: self, read: 0 })
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _fields: &'static [&'static str],
        _visitor: V,
    ) -> Result<V::Value, DecodeError> {
        Err(DecodeError::invalid_type(Unexpected::TupleVariant, &"struct variant"))
    }
}

struct SpecialFields<'a, 'de> {
    special: Special<'a, 'de>,
    /// How many fields have been read.
    read: u8,
}

impl<'de> SeqAccess<'de> for SpecialFields<'_, 'de> {
    type Error = DecodeError;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, DecodeError> {
        let field = match (&mut self.special, self.read) {
            (Special::Tag(tag, _), 0) => seed.deserialize((*tag).into_deserializer()),
            (Special::Tag(_, decoder), 1) => seed.deserialize(&mut **decoder),
            (Special::Extension(kind, _), 0) => seed.deserialize((*kind).into_deserializer()),
            (Special::Extension(_, data), 1) => seed.deserialize(BorrowedBytesDeserializer::new(data)),
            _ => return Ok(None),
        };
        self.read = self.read.wrapping_add(1);
        field.map(Some)
    }
}
