//! The attribute macros of serverwamp.
