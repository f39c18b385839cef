//! What the tests of serverwamp share.
