//! Events that are kept when they have been handed out.

use crate::handler::{Audience, Publication};
use crate::wire::{Codec, EventDetails, Options, Payload, PublicationId, Uri};

/// What a kept event takes besides its payload, topic and audience.
const OVERHEAD: usize = 256;

/// An event that is kept, in memory of its own.
#[derive(Debug, Clone)]
pub(crate) struct KeptEvent {
    pub(crate) id: PublicationId,
    pub(crate) topic: Uri,
    pub(crate) payload: Payload,
    /// Who could have it when it was published.
    pub(crate) audience: Audience,
    pub(crate) details: EventDetails,
}

impl KeptEvent {
    pub(super) fn of(publication: &Publication<'_>) -> KeptEvent {
        KeptEvent {
            id: publication.id,
            topic: publication.topic.clone(),
            payload: publication.payload.detached(),
            audience: publication.audience.clone(),
            details: publication.details.clone(),
        }
    }
}

/// About how many octets an event takes where it is kept.
pub(super) fn octets(publication: &Publication<'_>) -> usize {
    let details = &publication.details;
    let details = if *details == EventDetails::default() { 0 } else { encoded_details(details).len() };
    let parts = [publication.payload.size(), publication.topic.len(), publication.audience.octets(), details];
    parts.into_iter().fold(OVERHEAD, usize::saturating_add)
}

/// The details in CBOR, which holds whatever they are.
pub(super) fn encoded_details(details: &EventDetails) -> Vec<u8> {
    let mut octets = Vec::new();
    // Written to memory, in a codec that holds everything, they cannot fail.
    let _ = Options::from(details.clone()).encode(Codec::Cbor, &mut octets);
    octets
}
