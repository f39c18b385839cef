//! Details of the messages that open and close sessions, PROTOCOL 1.5.

use super::{Features, RawDict, dictionary::dictionary};
use crate::wire::uri::Uri;

dictionary! {
    HelloDetails {
        roles: Option<Roles>,
        agent: Option<Box<str>>,
        authmethods: Option<Box<[Box<str>]>>,
        authid: Option<Box<str>>,
        authrole: Option<Box<str>>,
        authextra: Option<RawDict>,
        transport: Option<RawDict>,
        resumable: Option<bool>,
        resume_session = "resume-session": Option<u64>,
        resume_token = "resume-token": Option<Box<str>>,
    }
}

dictionary! {
    WelcomeDetails {
        roles: Option<Roles>,
        agent: Option<Box<str>>,
        realm: Option<Uri>,
        authid: Option<Box<str>>,
        authrole: Option<Box<str>>,
        authmethod: Option<Box<str>>,
        authprovider: Option<Box<str>>,
        authextra: Option<RawDict>,
    }
}

dictionary! {
    /// The roles of a peer, with the features of each.
    Roles {
        subscriber: Option<Features>,
        publisher: Option<Features>,
        caller: Option<Features>,
        callee: Option<Features>,
        broker: Option<Features>,
        dealer: Option<Features>,
    }
}

dictionary! {
    AbortDetails {
        message: Option<Box<str>>,
    }
}

dictionary! {
    GoodbyeDetails {
        message: Option<Box<str>>,
    }
}
