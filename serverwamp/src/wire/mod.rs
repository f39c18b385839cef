//! Bytes ⇄ messages, without async and without IO.

mod batch;
mod codec;
mod decode;
mod encode;
mod id;
mod integer;
mod messages;
mod options;
mod parse;
mod payload;
mod scan;
#[cfg(test)]
mod tests;
mod uri;
mod value;
mod write;
