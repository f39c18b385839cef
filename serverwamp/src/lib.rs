//! A server framework for WAMP, the Web Application Messaging Protocol.
#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]

// Lets the code that the macros generate name this crate from within itself.
extern crate self as serverwamp;

#[allow(dead_code, unreachable_pub, unused_imports)]
mod wire;
