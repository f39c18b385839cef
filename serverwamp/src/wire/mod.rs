//! Bytes ⇄ messages, without async and without IO.

mod codec;
mod integer;
mod payload;
mod scan;
