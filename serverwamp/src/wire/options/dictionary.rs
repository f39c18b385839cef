//! Sets of keys whose values have types, and how they are declared.

use super::{Entry, Group, Problem, Source};
use crate::wire::{
    codec::{Items, Read},
    encode::{Container, EncodeError, Output},
};

/// A set of keys of a dict, each of which has its type.
pub(crate) trait Dictionary: Default {
    /// Whether a key is one of the set.
    fn knows(key: &str) -> bool;

    /// Reads the value of a known key.
    fn read_entry(&mut self, key: &str, source: &mut Source<'_>) -> Result<(), Problem>;

    /// Writes what is present.
    fn write_entries(&self, output: &mut Output<'_>, dict: &mut Container) -> Result<(), EncodeError>;

    /// Reads the entries of a dict whose head has been read.
    fn read_entries(source: &mut Source<'_>, mut items: Items) -> Result<Self, Problem> {
        let mut dictionary = Self::default();
        while source.more(&mut items)? {
            let key = source.key()?;
            if Self::knows(&key) {
                dictionary.read_entry(&key, source)?;
            } else {
                source.value()?;
            }
        }
        Ok(dictionary)
    }
}

/// Declares a [`Dictionary`]. The key of a field is its name, or the one after the equals sign.
macro_rules! dictionary {
    (
        $(#[$documentation:meta])*
        $name:ident {
            $($(#[$field_documentation:meta])* $field:ident $(= $key:literal)?: $type:ty,)*
        }
    ) => {
        $(#[$documentation])*
        #[derive(Clone, Debug, Default, PartialEq)]
        pub(crate) struct $name {
            $($(#[$field_documentation])* pub(crate) $field: $type,)*
        }

        impl $crate::wire::options::Dictionary for $name {
            #[inline]
            fn knows(key: &str) -> bool {
                use $crate::wire::options::dictionary::{Field, key_of};
                $(<$type as Field>::knows(key_of!($field $(= $key)?), key) ||)* false
            }

            fn read_entry(
                &mut self,
                key: &str,
                source: &mut $crate::wire::options::Source<'_>,
            ) -> Result<(), $crate::wire::options::Problem> {
                use $crate::wire::options::dictionary::{Field, key_of};
                $(if <$type as Field>::knows(key_of!($field $(= $key)?), key) {
                    return self.$field.read(key, source);
                })*
                Ok(())
            }

            #[inline]
            fn write_entries(
                &self,
                output: &mut $crate::wire::encode::Output<'_>,
                dict: &mut $crate::wire::encode::Container,
            ) -> Result<(), $crate::wire::encode::EncodeError> {
                use $crate::wire::options::dictionary::{Field, key_of};
                $(self.$field.write(key_of!($field $(= $key)?), output, dict)?;)*
                Ok(())
            }
        }
    };
}

macro_rules! key_of {
    ($field:ident = $key:literal) => {
        $key
    };
    ($field:ident) => {
        stringify!($field)
    };
}

pub(super) use {dictionary, key_of};

/// One part of a [`Dictionary`]: the value of a key, or a [`Group`] of keys.
pub(super) trait Field {
    fn knows(name: &str, key: &str) -> bool;
    fn read(&mut self, key: &str, source: &mut Source<'_>) -> Result<(), Problem>;
    fn write(&self, name: &str, output: &mut Output<'_>, dict: &mut Container) -> Result<(), EncodeError>;
}

impl<T: Entry> Field for Option<T> {
    #[inline]
    fn knows(name: &str, key: &str) -> bool {
        name == key
    }

    fn read(&mut self, key: &str, source: &mut Source<'_>) -> Result<(), Problem> {
        if source.is_undefined() {
            source.value()?;
            return Ok(());
        }
        let value = T::read(source.token()?, source).map_err(|problem| problem.within(key))?;
        match self.replace(value) {
            Some(_) => Err(Problem::new("one value", "two").within(key)),
            None => Ok(()),
        }
    }

    #[inline]
    fn write(&self, name: &str, output: &mut Output<'_>, dict: &mut Container) -> Result<(), EncodeError> {
        let Some(value) = self else { return Ok(()) };
        output.key(dict, name)?;
        value.write(output)
    }
}

impl<T: Dictionary> Field for Group<T> {
    #[inline]
    fn knows(_: &str, key: &str) -> bool {
        T::knows(key)
    }

    fn read(&mut self, key: &str, source: &mut Source<'_>) -> Result<(), Problem> {
        self.0.get_or_insert_default().read_entry(key, source)
    }

    #[inline]
    fn write(&self, _: &str, output: &mut Output<'_>, dict: &mut Container) -> Result<(), EncodeError> {
        match &self.0 {
            Some(keys) => keys.write_entries(output, dict),
            None => Ok(()),
        }
    }
}
