//! Bytes ⇄ messages, without async and without IO.
