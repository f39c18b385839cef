//! Options and details of remote procedure calls, PROTOCOL 2.1.

use super::{
    Forwarder, Group, Passthru,
    dictionary::dictionary,
    entry::{CancelMode, InvokePolicy},
};
use crate::wire::{
    id::{RegistrationId, SessionId},
    uri::{MatchPolicy, Uri},
};

dictionary! {
    CallOptions {
        /// In milliseconds, between a call and its result and between progressive results; 0 is none.
        timeout: Option<u64>,
        receive_progress: Option<bool>,
        /// More of this call's arguments follow in later messages.
        progress: Option<bool>,
        disclose_me: Option<bool>,
        runmode: Option<Box<str>>,
        rkey: Option<Box<str>>,
        transaction_hash: Option<Box<str>>,
        passthru: Group<Passthru>,
        forward_for: Option<Box<[Forwarder]>>,
    }
}

dictionary! {
    CancelOptions {
        mode: Option<CancelMode>,
        forward_for: Option<Box<[Forwarder]>>,
    }
}

dictionary! {
    InterruptOptions {
        mode: Option<CancelMode>,
        reason: Option<Box<str>>,
        forward_for: Option<Box<[Forwarder]>>,
    }
}

dictionary! {
    ResultDetails {
        progress: Option<bool>,
        passthru: Group<Passthru>,
        forward_for: Option<Box<[Forwarder]>>,
    }
}

dictionary! {
    YieldOptions {
        progress: Option<bool>,
        passthru: Group<Passthru>,
        forward_for: Option<Box<[Forwarder]>>,
    }
}

dictionary! {
    ErrorDetails {
        passthru: Group<Passthru>,
        forward_for: Option<Box<[Forwarder]>>,
    }
}

dictionary! {
    InvocationDetails {
        timeout: Option<u64>,
        receive_progress: Option<bool>,
        progress: Option<bool>,
        caller: Option<SessionId>,
        caller_authid: Option<Box<str>>,
        caller_authrole: Option<Box<str>>,
        trustlevel: Option<u64>,
        /// The procedure that was called, where the registration is a pattern.
        procedure: Option<Uri>,
        transaction_hash: Option<Box<str>>,
        passthru: Group<Passthru>,
        forward_for: Option<Box<[Forwarder]>>,
    }
}

dictionary! {
    RegisterOptions {
        match_policy = "match": Option<MatchPolicy>,
        invoke: Option<InvokePolicy>,
        /// How many invocations the callee takes at a time.
        concurrency: Option<u64>,
        force_reregister: Option<bool>,
        /// The callee watches the timeouts of its calls itself.
        forward_timeout: Option<bool>,
        disclose_caller: Option<bool>,
        forward_for: Option<Box<[Forwarder]>>,
    }
}

dictionary! {
    /// Which registration the router has revoked.
    UnregisteredDetails {
        registration: Option<RegistrationId>,
        reason: Option<Box<str>>,
    }
}
