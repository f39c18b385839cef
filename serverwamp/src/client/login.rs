//! One login with credentials: what HELLO offers, and the answers to the challenges that follow.

use std::future::ready;

use futures_util::TryFutureExt;
use futures_util::future::BoxFuture;

use super::credentials::{Challenge, ChallengeFunction, Credentials, Method, Password};
use super::error::CallError;
use crate::session::{
    Answer, AuthenticationError, AuthenticationMethod, ChannelBinding, CraClient, CryptosignClient, Offer, PublicKey,
    ScramClient, ScramDialect, ScramServerProof,
};
use crate::wire::{Dict, EncodeError};

/// A login, from HELLO to WELCOME.
pub(super) struct Login {
    authid: Option<String>,
    authextra: Dict,
    answerers: Vec<Answerer>,
}

/// Answers the challenges of one method.
enum Answerer {
    Anonymous,
    Ticket(Password),
    Cra(CraClient),
    Scram(ScramDialect, ScramClient),
    Cryptosign(Box<CryptosignClient>),
    Custom(String, ChallengeFunction),
}

/// An answer that is being found.
pub(super) type Answering = BoxFuture<'static, Answered>;
/// An answer, and what WELCOME has to prove after it.
pub(super) type Answered = Result<(Answer, Option<ScramServerProof>), Refusal>;

/// Why there is no answer to a challenge.
#[derive(Debug, PartialEq)]
pub(super) struct Refusal {
    /// What the router is told.
    pub(super) message: String,
    /// What it is not told.
    pub(super) cause: Option<String>,
}

impl Login {
    /// A login over a connection with these channel bindings.
    ///
    /// # Errors
    /// Credentials of several users, ones that a method does not allow, and a channel binding that there is not.
    pub(super) fn new(credentials: &Credentials, bindings: &[ChannelBinding]) -> Result<Login, CallError> {
        let unsendable = |error: AuthenticationError| CallError::Unsendable(error.to_string());
        let authid = match credentials.authids.as_slice() {
            [first, others @ ..] => match others.iter().find(|other| *other != first) {
                Some(other) => {
                    let message = format!("a client is one user, and the credentials are of `{first}` and `{other}`");
                    return Err(CallError::Unsendable(message));
                }
                None => Some(first.clone()),
            },
            [] => None,
        };
        let binding = match credentials.channel_binding {
            true => Some(ChannelBinding::exporter(bindings).map_err(unsendable)?),
            false => None,
        };
        let nonce = rand::random();
        let mut login = Login { authid, authextra: credentials.authextra.clone(), answerers: Vec::new() };
        for method in &credentials.methods {
            login.add(method, nonce, binding.as_ref(), credentials.router.as_ref()).map_err(unsendable)?;
        }
        Ok(login)
    }

    /// What HELLO says.
    pub(super) fn offer(&self) -> Offer {
        let mut authmethods = Vec::new();
        for name in self.answerers.iter().map(Answerer::name) {
            if !authmethods.iter().any(|offered| *offered == name) {
                authmethods.push(name.to_owned());
            }
        }
        Offer { authmethods, authid: self.authid.clone(), authextra: self.authextra.clone() }
    }

    /// Answers a challenge. Keys are derived from passwords on the blocking pool.
    ///
    /// Only a program's own function answers its method more than once: nonces are for one use, and a secret is not
    /// given out twice.
    pub(super) fn answer(&mut self, challenge: Challenge) -> Answering {
        let Some(index) = self.answerers.iter().position(|answerer| answerer.name() == challenge.method) else {
            let message = format!("expected CHALLENGE of `{}` once, not again", challenge.method);
            return Box::pin(ready(Err(Refusal { message, cause: None })));
        };
        let Challenge { method, extra } = &challenge;
        match self.answerers.remove(index) {
            Answerer::Anonymous => {
                let message = format!("expected no CHALLENGE of `{method}`, not one");
                Box::pin(ready(Err(Refusal { message, cause: None })))
            }
            Answerer::Ticket(ticket) => Box::pin(ready(Ok((ticket.as_str().into(), None)))),
            Answerer::Cra(client) => derive(challenge, move |extra| Ok((client.answer(extra)?, None))),
            Answerer::Scram(_, client) => {
                // The dialects have one nonce.
                self.answerers.retain(|answerer| !matches!(answerer, Answerer::Scram(..)));
                derive(challenge, move |extra| {
                    let (answer, proof) = client.answer(extra)?;
                    Ok((answer, Some(proof)))
                })
            }
            Answerer::Cryptosign(client) => {
                let answer = client.answer(extra).map_err(|error| Refusal::challenge(method, extra, &error));
                Box::pin(ready(answer.map(|answer| (answer, None))))
            }
            Answerer::Custom(name, function) => {
                let what = format!("no answer to CHALLENGE of `{method}`");
                let answering = function(challenge);
                self.answerers.insert(index, Answerer::Custom(name, function));
                let answer = answering.map_ok(|answer| (answer, None));
                Box::pin(answer.map_err(|error| Refusal { message: what, cause: Some(error.to_string()) }))
            }
        }
    }

    fn add(
        &mut self,
        method: &Method,
        nonce: [u8; 16],
        binding: Option<&ChannelBinding>,
        router: Option<&PublicKey>,
    ) -> Result<(), AuthenticationError> {
        match method {
            Method::Anonymous => self.answerers.push(Answerer::Anonymous),
            Method::Ticket(ticket) => self.answerers.push(Answerer::Ticket(ticket.clone())),
            Method::Cra(secret) => self.answerers.push(Answerer::Cra(CraClient::new(secret.as_str()))),
            Method::Scram(password) => {
                // Autobahn's dialect has no channel binding: who wants one does not want that dialect.
                let dialects = ScramDialect::ALL.into_iter();
                for dialect in dialects.filter(|dialect| binding.is_none() || *dialect == ScramDialect::Specification) {
                    let authid = self.authid.as_deref().unwrap_or_default();
                    let client = ScramClient::new(dialect, authid, password, nonce, binding.cloned())?;
                    self.authid = Some(client.authid().to_owned());
                    self.say(client.authextra());
                    self.answerers.push(Answerer::Scram(dialect, client));
                }
            }
            Method::Cryptosign(key) => {
                let mut client = CryptosignClient::new(key.clone(), binding.cloned())?;
                if let Some(router) = router {
                    client = client.expect_router(router.clone(), rand::random());
                }
                self.say(client.authextra());
                self.answerers.push(Answerer::Cryptosign(Box::new(client)));
            }
            Method::Custom(name, function) => {
                self.answerers.push(Answerer::Custom(name.clone(), ChallengeFunction::clone(function)));
            }
        }
        Ok(())
    }

    fn say(&mut self, authextra: Dict) {
        authextra.into_iter().for_each(|(name, value)| drop(self.authextra.insert(name, value)));
    }
}

/// Answers where that is slow on purpose.
fn derive(
    challenge: Challenge,
    answer: impl FnOnce(&Dict) -> Result<(Answer, Option<ScramServerProof>), AuthenticationError> + Send + 'static,
) -> Answering {
    let Challenge { method, extra } = challenge;
    Box::pin(async move {
        let failed = format!("no answer to CHALLENGE of `{method}`");
        let answering = tokio::task::spawn_blocking(move || {
            answer(&extra).map_err(|error| Refusal::challenge(&method, &extra, &error))
        });
        let answer = answering.await;
        answer.unwrap_or_else(|error| Err(Refusal { message: failed, cause: Some(error.to_string()) }))
    })
}

impl Answerer {
    fn name(&self) -> &str {
        match self {
            Answerer::Anonymous => AuthenticationMethod::Anonymous.name(),
            Answerer::Ticket(_) => AuthenticationMethod::Ticket.name(),
            Answerer::Cra(_) => AuthenticationMethod::Cra.name(),
            Answerer::Scram(dialect, _) => AuthenticationMethod::Scram(*dialect).name(),
            Answerer::Cryptosign(_) => AuthenticationMethod::Cryptosign.name(),
            Answerer::Custom(name, _) => name,
        }
    }
}

impl Refusal {
    /// What is wrong with a challenge.
    fn challenge(method: &str, extra: &Dict, error: &AuthenticationError) -> Refusal {
        let came = match error {
            AuthenticationError::Malformed { name, .. } => match extra.get(name) {
                Some(value) => format!(", not {value}"),
                None => ", and there is none".to_owned(),
            },
            AuthenticationError::Denied => {
                return Refusal {
                    message: format!("expected CHALLENGE of `{method}` with proof of the router's key, not without"),
                    cause: None,
                };
            }
            _ => String::new(),
        };
        Refusal { message: format!("CHALLENGE of `{method}`: {error}{came}"), cause: None }
    }

    /// An answer that cannot be sent.
    pub(super) fn unsendable(error: &EncodeError) -> Refusal {
        Refusal { message: "the answer to CHALLENGE cannot be sent".to_owned(), cause: Some(error.to_string()) }
    }
}
