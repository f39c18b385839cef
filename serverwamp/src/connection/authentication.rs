//! Finding out who a client is, with the functions of the program.

use std::net::SocketAddr;
use std::time::SystemTime;

use super::Shared;
use super::attempts::Attempt;
use super::guarded::guarded;
use crate::handler::{Authenticators, Principal, RpcError, Session, random_authid};
use crate::log::Shown;
use crate::session::{
    Answer, AuthenticationError, AuthenticationMethod, CraChallenge, CryptosignChallenge, Kdf, ScramChallenge,
    ScramDialect,
};
use crate::wire::{Dict, Uri, uris};

/// Octets of a made up salt, as long as the realm has seen no real one.
const SALT: usize = 16;

/// Finds out who a client is, and notes it with the session.
///
/// # Errors
/// What ABORT says; nothing of the program's internals.
pub(super) async fn authenticate(
    session: &Session,
    authenticators: &Authenticators,
    shared: &Shared,
) -> Result<(), RpcError> {
    let authentication = Authentication { session, authenticators, shared };
    let mut method = "none";
    let ended = authentication.run(&mut method).await;
    // Whoever has said that the session is to end has refused the client, whatever was found out about it.
    let settled = ended.is_ok() && session.principal().is_some() && !session.outbox().is_ending();
    shared.counters.authentication(method, settled);
    let refused = |error| authenticators.in_words(without_internals(error));
    ended.map_err(refused)?;
    settled.then_some(()).ok_or_else(|| refused(denied()))
}

/// The authentication of one session.
struct Authentication<'a> {
    session: &'a Session,
    authenticators: &'a Authenticators,
    shared: &'a Shared,
}

impl Authentication<'_> {
    /// Notes the method as soon as it is known.
    async fn run(&self, named: &mut &'static str) -> Result<(), RpcError> {
        let session = self.session;
        if let Some(handler) = &self.authenticators.handler {
            *named = "handler";
            return guarded(handler, session.clone()).await.map(|_| ());
        }
        for authenticator in &self.authenticators.transport {
            if let Some(found) = guarded(authenticator, session.clone()).await? {
                *named = "transport";
                return session.settle(found, "transport", random_authid, Dict::new());
            }
        }
        let method = self.authenticators.choose(session.claims(), session.transport().is_confidential())?;
        *named = method.name();
        match method {
            AuthenticationMethod::Anonymous => {
                if let Some(authenticator) = &self.authenticators.anonymous_by {
                    let found = guarded(authenticator, session.clone()).await?.ok_or_else(denied)?;
                    return session.settle(found, method.name(), random_authid, Dict::new());
                }
                let role = self.authenticators.anonymous_role().ok_or_else(denied)?;
                session.settle_as(Principal::anonymous(role))
            }
            AuthenticationMethod::Ticket => self.ticket().await,
            AuthenticationMethod::Cra => self.cra().await,
            AuthenticationMethod::Scram(dialect) => self.scram(dialect).await,
            AuthenticationMethod::Cryptosign => self.cryptosign().await,
        }
    }

    async fn ticket(&self) -> Result<(), RpcError> {
        let authenticator = self.authenticators.ticket.as_ref().ok_or_else(denied)?;
        let answer = self.challenge(AuthenticationMethod::Ticket, Dict::new()).await?;
        let claimed = self.session.claims().authid();
        let attempt = self.attempt(claimed.unwrap_or_default()).await.ok_or_else(denied)?;
        let found = guarded(authenticator, (self.session.clone(), answer.signature)).await?;
        let found = found.ok_or_else(denied)?;
        attempt.succeed();
        let authid = || claimed.map_or_else(random_authid, str::to_owned);
        self.session.settle(found, AuthenticationMethod::Ticket.name(), authid, Dict::new())
    }

    async fn cra(&self) -> Result<(), RpcError> {
        let functions = self.authenticators.cra.as_ref().ok_or_else(denied)?;
        let authid = self.claimed_authid()?;
        let real = guarded(&functions.credential, self.session.clone()).await?;
        // What is missing in a table is no password.
        let real = real.filter(|real| !real.secret().as_bytes().is_empty());
        if let Some(real) = &real {
            functions.look.get_or_init(|| self.shared.decoys.cra("", Some(real)));
        }
        let decoy = self.shared.decoys.cra(&self.decoy_name(authid), functions.look.get());
        let credential = real.as_ref().unwrap_or(&decoy);
        let (id, nonce, now) = (self.session.id(), rand::random(), SystemTime::now());
        let challenge = CraChallenge::new(credential, authid, id, nonce, now);
        let answer = self.challenge(AuthenticationMethod::Cra, challenge.extra()).await?;
        let attempt = self.attempt(authid).await;
        let verified = challenge.verify(&answer.signature);
        self.conclude(attempt, verified.map(|()| Dict::new()), real.is_some())?;
        let found = guarded(&functions.identity, self.session.clone()).await?.ok_or_else(denied)?;
        self.session.settle(found, AuthenticationMethod::Cra.name(), || authid.to_owned(), Dict::new())
    }

    async fn scram(&self, dialect: ScramDialect) -> Result<(), RpcError> {
        let functions = self.authenticators.scram.as_ref().ok_or_else(denied)?;
        let authid = self.claimed_authid()?;
        let real = guarded(&functions.credential, self.session.clone()).await?;
        if let Some(real) = &real {
            let _ = functions.look.get_or_init(|| real.without_keys());
        }
        let look = functions.look.get();
        let (kdf, salt) = look.map_or((Kdf::default(), SALT), |look| (look.kdf(), look.salt().as_bytes().len()));
        let decoy = self.shared.decoys.scram(&self.decoy_name(authid), kdf, salt).map_err(refusal)?;
        let exists = real.as_ref().is_some_and(|real| real.keys_of(dialect).is_some());
        // A user who has no keys for the dialect must not be told from one who does not exist, who has the same salt in
        // both dialects.
        let credential = real.unwrap_or_else(|| decoy.clone()).or_keys_of(&decoy);
        let method = AuthenticationMethod::Scram(dialect);
        let authextra = self.session.claims().authextra();
        let bindings = self.session.transport().channel_bindings();
        let challenge = ScramChallenge::new(dialect, authid, authextra, &credential, rand::random(), &bindings);
        let challenge = challenge.map_err(refusal)?;
        let answer = self.challenge(method, challenge.extra().clone()).await?;
        let attempt = self.attempt(authid).await;
        let verified = challenge.verify(&answer.signature, &answer.extra);
        let proof = self.conclude(attempt, verified, exists)?;
        let found = guarded(&functions.identity, self.session.clone()).await?.ok_or_else(denied)?;
        self.session.settle(found, method.name(), || authid.to_owned(), proof)
    }

    async fn cryptosign(&self) -> Result<(), RpcError> {
        let authenticator = self.authenticators.cryptosign.as_ref().ok_or_else(denied)?;
        let claims = self.session.claims();
        let bindings = self.session.transport().channel_bindings();
        let challenge = CryptosignChallenge::new(claims.authextra(), rand::random(), &bindings, None);
        let challenge = challenge.map_err(refusal)?;
        let authid = claims.authid().map_or_else(|| challenge.key().to_hex(), str::to_owned);
        let answer = self.challenge(AuthenticationMethod::Cryptosign, challenge.extra().clone()).await?;
        let attempt = self.attempt(&authid).await.ok_or_else(denied)?;
        let key = challenge.verify(&answer.signature).map_err(refusal)?;
        let found = guarded(authenticator, (self.session.clone(), key)).await?.ok_or_else(denied)?;
        attempt.succeed();
        self.session.settle(found, AuthenticationMethod::Cryptosign.name(), || authid, Dict::new())
    }

    async fn challenge(&self, method: AuthenticationMethod, extra: Dict) -> Result<Answer, RpcError> {
        self.session.challenge(method.name(), extra).await
    }

    /// Begins an attempt, unless too many have failed.
    async fn attempt(&self, authid: &str) -> Option<Attempt<'_>> {
        let peer = self.session.transport().peer.as_ref().map(SocketAddr::ip);
        // Realms that are not configured have their users in common: a client must not have as many attempts as it can
        // think of names.
        let realm = Some(self.session.realm()).filter(|name| self.shared.realms.is_configured(name));
        let attempt = self.shared.attempts.begin(peer, realm.unwrap_or_default(), authid).await;
        if attempt.is_none() {
            // Not the authid: it is as long as the client likes, and may be a password in the wrong field.
            tracing::warn!(?peer, realm = %Shown(self.session.realm()), "too many failed attempts to log in");
            self.shared.counters.limit("authentication_attempts");
        }
        attempt
    }

    /// Goes on only if the client has proved to be a user that exists, and not too many attempts have failed. All is
    /// verified at any rate, so that neither the answer nor its time tells which of these it was.
    fn conclude(
        &self,
        attempt: Option<Attempt<'_>>,
        verified: Result<Dict, AuthenticationError>,
        exists: bool,
    ) -> Result<Dict, RpcError> {
        match (attempt, verified, exists) {
            (_, Err(error @ AuthenticationError::Malformed { .. }), _) => Err(refusal(error)),
            (Some(attempt), Ok(proof), true) => {
                attempt.succeed();
                Ok(proof)
            }
            _ => Err(denied()),
        }
    }

    /// The authid that a method needs.
    fn claimed_authid(&self) -> Result<&str, RpcError> {
        let missing = || refusal(AuthenticationError::Malformed { name: "authid", expected: "a string" });
        self.session.claims().authid().ok_or_else(missing)
    }

    /// Users of one name are not the same in all realms, so their made up credentials must not be.
    fn decoy_name(&self, authid: &str) -> String {
        format!("{} {authid}", self.session.realm())
    }
}

/// The same for whatever is wrong.
fn denied() -> RpcError {
    refusal(AuthenticationError::Denied)
}

fn refusal(error: AuthenticationError) -> RpcError {
    match error {
        // How that is put is the realm's.
        AuthenticationError::Denied => RpcError::new(error.uri()),
        error => RpcError::new(error.uri()).message(error.to_string()),
    }
}

impl Authenticators {
    /// A refusal in the realm's words, unless it has some already.
    fn in_words(&self, error: RpcError) -> RpcError {
        if error.uri() != uris::AUTHENTICATION_DENIED || error.text().is_some() {
            return error;
        }
        let usual = || AuthenticationError::Denied.to_string();
        error.message(self.refusal.clone().unwrap_or_else(usual))
    }
}

/// An error that is none of the program's own is a failure of the authentication.
fn without_internals(error: RpcError) -> RpcError {
    if error.uri() != uris::RUNTIME_ERROR && Uri::new(error.uri()).is_ok() {
        return error;
    }
    let failed = RpcError::new(uris::AUTHENTICATION_FAILED);
    match error.text() {
        Some(text) => failed.message(text),
        None => failed,
    }
}

#[cfg(test)]
mod tests;
