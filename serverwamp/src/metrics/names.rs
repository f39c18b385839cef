//! The names of all metrics, and what they say of themselves.

use ::metrics::{Unit, describe_counter, describe_gauge, describe_histogram};

pub(super) const CONNECTIONS: &str = "wamp_connections";
pub(super) const CONNECTIONS_TOTAL: &str = "wamp_connections_total";
pub(super) const SESSIONS: &str = "wamp_sessions";
pub(super) const AUTHENTICATIONS: &str = "wamp_authentications_total";
pub(super) const CALLS: &str = "wamp_calls_total";
pub(super) const CALL_DURATION: &str = "wamp_call_duration_seconds";
pub(super) const CALLS_IN_FLIGHT: &str = "wamp_calls_in_flight";
pub(super) const EVENTS_PUBLISHED: &str = "wamp_events_published_total";
pub(super) const EVENTS_DELIVERED: &str = "wamp_events_delivered_total";
pub(super) const QUEUE: &str = "wamp_queue_bytes";
pub(super) const LIMITS: &str = "wamp_limit_reached_total";
pub(super) const VIOLATIONS: &str = "wamp_protocol_violations_total";
pub(super) const PUBLICATIONS_REFUSED: &str = "wamp_publications_refused_total";
pub(super) const REQUESTS_DENIED: &str = "wamp_requests_denied_total";
pub(super) const AUTHORIZATIONS_FAILED: &str = "wamp_authorizations_failed_total";

/// Tells the recorder what the metrics are.
pub(super) fn describe() {
    for (name, unit, description) in [
        (CONNECTIONS, Unit::Count, "Connections that are open, by transport and serializer."),
        (SESSIONS, Unit::Count, "Sessions that are joined."),
        (
            CALLS_IN_FLIGHT,
            Unit::Count,
            "Calls whose handlers wait for something; one that does not wait is never among them.",
        ),
        (QUEUE, Unit::Bytes, "Octets that wait for peers to take them."),
    ] {
        describe_gauge!(name, unit, description);
    }
    for (name, description) in [
        (CONNECTIONS_TOTAL, "Connections that were opened, by transport and serializer."),
        (AUTHENTICATIONS, "Logins, by method and outcome: accepted or refused."),
        (
            CALLS,
            "Calls that ended, by procedure as it was annotated and outcome: result, error, canceled (by the caller, its \
             leaving, or the shutdown), timeout, or refused (by roles, rules or an authorizer).",
        ),
        (EVENTS_PUBLISHED, "Publications of clients and of the program."),
        (EVENTS_DELIVERED, "Events that were handed to the transports of subscribers."),
        (LIMITS, "How often limits were met, by their names."),
        (VIOLATIONS, "Sessions that were aborted because their peer broke the protocol."),
        (PUBLICATIONS_REFUSED, "Publications that were refused, acknowledged or not."),
        (REQUESTS_DENIED, "Requests that an authorizer, the rules or the roles of a function denied."),
        (AUTHORIZATIONS_FAILED, "Requests that were refused because an authorizer failed, panicked or took too long."),
    ] {
        describe_counter!(name, Unit::Count, description);
    }
    describe_histogram!(
        CALL_DURATION,
        Unit::Seconds,
        "From the turn of a connection that read a CALL to that in which its final reply was handed to the transport, by \
         procedure as it was annotated; what is read in one turn counts from its beginning."
    );
}
