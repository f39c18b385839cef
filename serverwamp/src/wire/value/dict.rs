use std::collections::{HashMap, HashSet};
use std::fmt;

use super::{Value, write_text};

/// Values by name, in the order of their insertion.
#[derive(Clone, Default)]
pub struct Dict(Vec<(String, Value)>);

impl Dict {
    /// An empty map.
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// Of entries with the same name the last one counts. Takes linear time, since peers choose the number of names.
    pub(super) fn from_entries(entries: Vec<(String, Value)>) -> Self {
        let names = entries.iter().enumerate().map(|(index, (name, _))| (name.as_str(), index));
        let last: HashMap<&str, usize> = names.collect();
        if last.len() == entries.len() {
            return Self(entries);
        }
        let last: HashSet<usize> = last.into_values().collect();
        let kept = entries.into_iter().enumerate().filter(|(index, _)| last.contains(index));
        Self(kept.map(|(_, entry)| entry).collect())
    }

    /// The value of a name.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.iter().find_map(|(key, value)| (key == name).then_some(value))
    }

    /// Whether there is a value of this name.
    pub fn contains_key(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// Sets the value of a name, and returns the one that it had.
    pub fn insert(&mut self, name: impl Into<String>, value: impl Into<Value>) -> Option<Value> {
        let (name, value) = (name.into(), value.into());
        match self.0.iter_mut().find(|(key, _)| *key == name) {
            Some((_, old)) => Some(std::mem::replace(old, value)),
            None => {
                self.0.push((name, value));
                None
            }
        }
    }

    /// Removes a name, and returns the value that it had.
    pub fn remove(&mut self, name: &str) -> Option<Value> {
        let index = self.0.iter().position(|(key, _)| key == name)?;
        Some(self.0.remove(index).1)
    }

    /// How many names there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are no names.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn values_mut(&mut self) -> impl Iterator<Item = &mut Value> {
        self.0.iter_mut().map(|(_, value)| value)
    }

    /// The names and their values, in the order of their insertion.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &Value)> {
        self.0.iter().map(|(key, value)| (key.as_str(), value))
    }
}

/// Equal maps have equal values for the same names, in whatever order.
impl PartialEq for Dict {
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len() && self.iter().all(|(key, value)| other.get(key) == Some(value))
    }
}

impl<K: Into<String>, V: Into<Value>> FromIterator<(K, V)> for Dict {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(entries: I) -> Self {
        Self::from_entries(entries.into_iter().map(|(name, value)| (name.into(), value.into())).collect())
    }
}

impl<const N: usize, K: Into<String>, V: Into<Value>> From<[(K, V); N]> for Dict {
    fn from(entries: [(K, V); N]) -> Self {
        entries.into_iter().collect()
    }
}

impl IntoIterator for Dict {
    type Item = (String, Value);
    type IntoIter = std::vec::IntoIter<(String, Value)>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl fmt::Debug for Dict {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_map().entries(self.iter()).finish()
    }
}

/// Writes the map as JSON where JSON has a form for its values.
impl fmt::Display for Dict {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("{")?;
        for (index, (key, value)) in self.iter().enumerate() {
            formatter.write_str(if index == 0 { "" } else { "," })?;
            write_text(key, formatter)?;
            write!(formatter, ":{value}")?;
        }
        formatter.write_str("}")
    }
}
