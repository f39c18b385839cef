//! Bytes ⇄ messages, without async and without IO.

mod codec;
mod decode;
mod encode;
mod id;
mod integer;
mod options;
mod payload;
mod scan;
mod uri;
mod value;
