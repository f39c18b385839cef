//! Properties of whatever value and message.
