//! Configurations as they are written, in TOML or YAML: trees of values with their lines, and how they are read, so that
//! everything that is wrong with one is told at once.

mod node;
mod reader;
mod secret;
mod toml;
#[cfg(feature = "yaml")]
mod yaml;

pub(crate) use reader::{Document, Entry, Format, Table};
