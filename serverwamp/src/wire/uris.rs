//! The URIs that the protocol itself uses, PROTOCOL 1.4, and our own.

pub(crate) const INVALID_URI: &str = "wamp.error.invalid_uri";
pub(crate) const INVALID_ARGUMENT: &str = "wamp.error.invalid_argument";
pub(crate) const NO_SUCH_PROCEDURE: &str = "wamp.error.no_such_procedure";
pub(crate) const NO_SUCH_REGISTRATION: &str = "wamp.error.no_such_registration";
pub(crate) const NO_SUCH_SUBSCRIPTION: &str = "wamp.error.no_such_subscription";
pub(crate) const NO_SUCH_REALM: &str = "wamp.error.no_such_realm";
pub(crate) const NO_SUCH_ROLE: &str = "wamp.error.no_such_role";
pub(crate) const NOT_AUTHORIZED: &str = "wamp.error.not_authorized";
pub(crate) const AUTHORIZATION_FAILED: &str = "wamp.error.authorization_failed";
pub(crate) const DISCLOSURE_DISALLOWED: &str = "wamp.error.option_disallowed.disclose_me";
pub(crate) const AUTHENTICATION_DENIED: &str = "wamp.error.authentication_denied";
pub(crate) const AUTHENTICATION_FAILED: &str = "wamp.error.authentication_failed";
pub(crate) const CANCELED: &str = "wamp.error.canceled";
pub(crate) const TIMEOUT: &str = "wamp.error.timeout";
pub(crate) const PAYLOAD_SIZE_EXCEEDED: &str = "wamp.error.payload_size_exceeded";
pub(crate) const PROTOCOL_VIOLATION: &str = "wamp.error.protocol_violation";
pub(crate) const RUNTIME_ERROR: &str = "wamp.error.runtime_error";
pub(crate) const LIMIT_EXCEEDED: &str = "serverwamp.error.limit_exceeded";
pub(crate) const SYSTEM_SHUTDOWN: &str = "wamp.close.system_shutdown";
pub(crate) const GOODBYE_AND_OUT: &str = "wamp.close.goodbye_and_out";
pub(crate) const CLOSE_REALM: &str = "wamp.close.close_realm";
pub(crate) const CLOSE_NORMAL: &str = "wamp.close.normal";
pub(crate) const TRANSPORT_LOST: &str = "wamp.close.transport_lost";
pub(crate) const SESSION_ON_JOIN: &str = "wamp.session.on_join";
pub(crate) const SESSION_ON_LEAVE: &str = "wamp.session.on_leave";
