//! An event as its subscriber gets it.

use std::sync::{Arc, OnceLock};

use serde::de::DeserializeOwned;

use super::error::CallError;
use super::result::FromPayload;
use crate::wire::{self, Arena, Dict, PublicationId, SessionId, Uri, Value, decode, missing};

/// An event of a subscription.
///
/// WAMP: EVENT, basic profile; its details, pattern-based subscription and publisher identification, advanced profile.
#[derive(Debug, Clone)]
pub struct Event {
    subscribed: Uri,
    message: Arc<wire::Event>,
    args: OnceLock<Vec<Value>>,
    kwargs: OnceLock<Dict>,
    details: OnceLock<Dict>,
}

impl Event {
    /// An event that came for a subscription to this topic or pattern.
    pub(crate) fn new(subscribed: Uri, message: Arc<wire::Event>) -> Event {
        Event { subscribed, message, args: OnceLock::new(), kwargs: OnceLock::new(), details: OnceLock::new() }
    }

    /// The topic that was published to; of interest where the subscription's is a pattern.
    pub fn topic(&self) -> &str {
        self.message.details.topic.as_ref().unwrap_or(&self.subscribed)
    }

    /// The publication's id: the same for every subscriber and every subscription that the event came for.
    pub fn publication(&self) -> PublicationId {
        self.message.publication
    }

    /// The session that published, where it is disclosed.
    pub fn publisher(&self) -> Option<SessionId> {
        self.message.details.publisher
    }

    /// The publisher's authentication id, where it is disclosed.
    pub fn publisher_authid(&self) -> Option<&str> {
        self.message.details.publisher_authid.as_deref()
    }

    /// The publisher's role, where it is disclosed.
    pub fn publisher_authrole(&self) -> Option<&str> {
        self.message.details.publisher_authrole.as_deref()
    }

    /// The details as they came, unknown ones included.
    pub fn details(&self) -> &Dict {
        self.details.get_or_init(|| self.message.details.raw().to_dict().unwrap_or_default())
    }

    /// The positional arguments as they came.
    pub fn args(&self) -> &[Value] {
        self.args.get_or_init(|| self.message.payload.to_args())
    }

    /// The keyword arguments as they came.
    pub fn kwargs(&self) -> &Dict {
        self.kwargs.get_or_init(|| self.message.payload.to_kwargs())
    }

    /// Reads the whole payload, by the rules for results.
    ///
    /// # Errors
    /// The payload is of another shape or type.
    pub fn payload<T: FromPayload>(&self) -> Result<T, CallError> {
        Ok(T::from_payload(&self.message.payload)?)
    }

    /// Reads a positional argument; one that is missing is none if `T` is an `Option`.
    ///
    /// # Errors
    /// The argument is missing or of another type.
    pub fn arg<T: DeserializeOwned>(&self, index: usize) -> Result<T, CallError> {
        self.read(self.message.payload.arg(index), || format!("no positional argument {index}"))
    }

    /// Reads a keyword argument; one that is missing is none if `T` is an `Option`.
    ///
    /// # Errors
    /// The argument is missing or of another type.
    pub fn kwarg<T: DeserializeOwned>(&self, name: &str) -> Result<T, CallError> {
        let named = self.message.payload.kwargs().find(|(key, _)| key == name);
        self.read(named.map(|(_, slot)| slot), || format!("no keyword argument `{name}`"))
    }

    fn read<T: DeserializeOwned>(&self, slot: Option<&[u8]>, absent: impl FnOnce() -> String) -> Result<T, CallError> {
        match slot {
            Some(slot) => Ok(decode(self.message.payload.codec(), slot, &Arena::default())?),
            None => missing().ok_or_else(|| CallError::Unexpected(absent())),
        }
    }
}
