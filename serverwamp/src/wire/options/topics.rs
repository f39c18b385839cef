//! Options and details of publications and subscriptions, PROTOCOL 2.2.

use super::{Forwarder, Group, Passthru, dictionary::dictionary};
use crate::wire::{
    id::{SessionId, SubscriptionId},
    uri::{MatchPolicy, Uri},
};

dictionary! {
    PublishOptions {
        acknowledge: Option<bool>,
        /// Whether the publisher does not get its own event; it does not by default.
        exclude_me: Option<bool>,
        disclose_me: Option<bool>,
        retain: Option<bool>,
        audience: Group<Audience>,
        rkey: Option<Box<str>>,
        transaction_hash: Option<Box<str>>,
        passthru: Group<Passthru>,
        forward_for: Option<Box<[Forwarder]>>,
    }
}

dictionary! {
    /// Who gets an event: those whom each present `eligible` list names and no `exclude` list does.
    Audience {
        exclude: Option<Box<[SessionId]>>,
        exclude_authid: Option<Box<[Box<str>]>>,
        exclude_authrole: Option<Box<[Box<str>]>>,
        eligible: Option<Box<[SessionId]>>,
        eligible_authid: Option<Box<[Box<str>]>>,
        eligible_authrole: Option<Box<[Box<str>]>>,
    }
}

dictionary! {
    SubscribeOptions {
        match_policy = "match": Option<MatchPolicy>,
        get_retained: Option<bool>,
        nkey: Option<Box<str>>,
        forward_for: Option<Box<[Forwarder]>>,
    }
}

dictionary! {
    EventDetails {
        /// The topic of the event, where the subscription is a pattern.
        topic: Option<Uri>,
        publisher: Option<SessionId>,
        publisher_authid: Option<Box<str>>,
        publisher_authrole: Option<Box<str>>,
        trustlevel: Option<u64>,
        retained: Option<bool>,
        /// The event was too large for the transport and comes without its arguments.
        payload_limit_exceeded: Option<bool>,
        transaction_hash: Option<Box<str>>,
        x_acknowledged_delivery: Option<bool>,
        forward_for: Option<Box<[Forwarder]>>,
        passthru: Group<Passthru>,
    }
}

dictionary! {
    /// Which subscription the router has revoked.
    UnsubscribedDetails {
        subscription: Option<SubscriptionId>,
        reason: Option<Box<str>>,
    }
}
