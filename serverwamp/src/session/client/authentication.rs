//! What a client offers in HELLO, and what becomes of the router's challenges.

#[cfg(test)]
mod tests;

use super::{ClientSession, Notification, State};
use crate::session::auth::{Answer, AuthenticationError, ScramServerProof};
use crate::wire::{self, Authenticate, Challenge, Codec, Dict, EncodeError, HelloDetails, Message, RawDict, uris};

/// How many challenges a router may send: more than two factors need.
const MOST_CHALLENGES: usize = 8;
/// The longest message in characters: it may repeat what a router has sent.
const LONGEST_MESSAGE: usize = 256;

/// What HELLO says of who joins.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Offer {
    /// The names of the methods, the preferred one first.
    pub(crate) authmethods: Vec<String>,
    pub(crate) authid: Option<String>,
    pub(crate) authextra: Dict,
}

impl Offer {
    /// HELLO's details: without what is not offered.
    pub(super) fn details(&self, codec: Codec) -> Result<HelloDetails, EncodeError> {
        let methods = self.authmethods.iter().map(|method| method.as_str().into()).collect();
        let authextra = match self.authextra.is_empty() {
            true => None,
            false => Some(RawDict::encode(codec, &self.authextra)?),
        };
        Ok(HelloDetails {
            authmethods: (!self.authmethods.is_empty()).then_some(methods),
            authid: self.authid.as_deref().map(Into::into),
            authextra,
            ..HelloDetails::default()
        })
    }
}

/// How far the authentication of a session is.
#[derive(Debug, Default)]
pub(super) struct Authentication {
    offered: Vec<String>,
    challenges: usize,
    /// What WELCOME has to prove.
    proof: Option<ScramServerProof>,
}

impl Authentication {
    pub(super) fn new(offer: Offer) -> Authentication {
        Authentication { offered: offer.authmethods, ..Authentication::default() }
    }

    /// Counts a challenge, and reads its extra.
    fn challenge(&mut self, challenge: &Challenge) -> Result<Dict, String> {
        let method = &challenge.method;
        if !self.offered.iter().any(|offered| **offered == *challenge.method) {
            return Err(format!("expected CHALLENGE of {}, not of `{method}`", in_words(&self.offered)));
        }
        self.challenges = self.challenges.saturating_add(1);
        if self.challenges > MOST_CHALLENGES {
            return Err(format!("expected no more than {MOST_CHALLENGES} times CHALLENGE, not one more of `{method}`"));
        }
        challenge.extra.to_dict().map_err(|error| format!("CHALLENGE of `{method}`: {error}"))
    }
}

impl ClientSession {
    /// Answers the challenge. If there is a proof to come, WELCOME must contain it.
    ///
    /// # Errors
    /// An answer that the codec cannot hold; nothing is sent then.
    pub(crate) fn authenticate(&mut self, answer: Answer, proof: Option<ScramServerProof>) -> Result<(), EncodeError> {
        if self.state == State::Challenged {
            let extra = RawDict::encode(self.codec, &answer.extra)?;
            let signature = answer.signature.into();
            let message = Message::Authenticate(Box::new(Authenticate { signature, extra }));
            self.output.write(|buffer| message.write(self.codec, buffer))?;
            self.authentication.proof = proof.or(self.authentication.proof.take());
            self.state = State::Joining;
        }
        Ok(())
    }

    /// Leaves, since the router cannot be answered or does not prove itself.
    pub(crate) fn cannot_authenticate(&mut self, message: &str) {
        let end = message.char_indices().nth(LONGEST_MESSAGE).map_or(message.len(), |(end, _)| end);
        self.abort(uris::CANNOT_AUTHENTICATE, message.get(..end).unwrap_or(message));
    }

    pub(super) fn challenged(&mut self, challenge: &Challenge) {
        match self.authentication.challenge(challenge) {
            Ok(extra) => {
                self.state = State::Challenged;
                let method = challenge.method.clone();
                self.notifications.push_back(Notification::Challenge { method, extra });
            }
            Err(message) => self.cannot_authenticate(&message),
        }
    }

    pub(super) fn welcomed(&mut self, welcome: Box<wire::Welcome>) {
        if let Some(proof) = self.authentication.proof.take() {
            let authextra = welcome.details.authextra.as_ref().map(RawDict::to_dict).transpose().unwrap_or_default();
            if let Err(error) = proof.verify(&authextra.unwrap_or_default()) {
                let wrong = match error {
                    AuthenticationError::Denied => "a wrong one came".to_owned(),
                    other => other.to_string(),
                };
                return self.cannot_authenticate(&format!(
                    "expected proof in WELCOME that the router knows the user: {wrong}"
                ));
            }
        }
        let dealer = welcome.details.roles.as_ref().and_then(|roles| roles.dealer);
        self.dealer = dealer.unwrap_or_default();
        let broker = welcome.details.roles.as_ref().and_then(|roles| roles.broker);
        self.broker = broker.unwrap_or_default();
        self.state = State::Established;
        self.notifications.push_back(Notification::Welcome(welcome));
    }
}

/// The methods as a part of a sentence.
fn in_words(methods: &[String]) -> String {
    match methods {
        [] => "no method".to_owned(),
        _ => methods.iter().map(|method| format!("`{method}`")).collect::<Vec<_>>().join(" or "),
    }
}
