//! Bytes ⇄ messages, without async and without IO.

mod codec;
mod decode;
mod integer;
mod payload;
mod scan;
mod value;
