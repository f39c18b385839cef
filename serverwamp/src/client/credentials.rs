//! Who a client is, and how it proves that.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use zeroize::Zeroizing;

use crate::session::{Answer, PublicKey, SigningKey};
use crate::wire::{Dict, Value};

/// How a client logs in: the methods that it offers, in order of preference, with what each needs.
///
/// The router chooses one of the methods, the weakest if it likes: offer a ticket only over TLS, to a router that may see
/// it. It may also welcome a client that it knows by its transport, by a cookie for
/// example, without asking for a proof. Without any credentials no method is offered.
///
/// Secrets are wiped from memory when dropped and are not shown by `Debug`. Each login has nonces of its own, so
/// credentials can be used any number of times.
///
/// ```
/// use serverwamp::testing::{CallError, TestClient};
/// use serverwamp::{App, Credentials};
///
/// # async fn joins(app: &App) -> Result<(), CallError> {
/// let credentials = Credentials::scram("joe", "secret").and(Credentials::ticket("joe", "secret"));
/// let client = TestClient::build(app).credentials(credentials).await?;
/// assert_eq!(client.authid(), "joe");
/// # Ok(())
/// # }
/// ```
///
/// WAMP: authentication, advanced profile.
#[derive(Clone, Default)]
pub struct Credentials {
    /// All that were given; a session has one.
    pub(super) authids: Vec<String>,
    pub(super) authextra: Dict,
    pub(super) methods: Vec<Method>,
    pub(super) channel_binding: bool,
    pub(super) router: Option<PublicKey>,
}

/// A method, with what it needs.
#[derive(Clone)]
pub(super) enum Method {
    Anonymous,
    Ticket(Password),
    Cra(Password),
    Scram(Password),
    Cryptosign(SigningKey),
    Custom(String, ChallengeFunction),
}

pub(super) type Password = Zeroizing<String>;
pub(super) type ChallengeFunction =
    Arc<dyn Fn(Challenge) -> BoxFuture<'static, Result<Answer, Box<dyn Error + Send + Sync>>> + Send + Sync>;

/// What a router asks for in CHALLENGE.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Challenge {
    /// `CHALLENGE.AuthMethod`.
    pub method: String,
    /// `CHALLENGE.Extra`.
    pub extra: Dict,
}

impl Credentials {
    /// None at all, for routers that let anybody in (`anonymous`).
    pub fn anonymous() -> Credentials {
        Credentials::new(Method::Anonymous)
    }

    /// A ticket or password that is sent in clear text (`ticket`): for encrypted connections.
    pub fn ticket(authid: impl Into<String>, ticket: impl Into<String>) -> Credentials {
        Credentials::new(Method::Ticket(ticket.into().into())).authid(authid)
    }

    /// A secret that is not sent (`wampcra`), salted where the router says so.
    pub fn cra(authid: impl Into<String>, secret: impl Into<String>) -> Credentials {
        Credentials::new(Method::Cra(secret.into().into())).authid(authid)
    }

    /// A password that is not sent, by which the router proves itself too: SCRAM, as the specification (`wamp-scram`) and
    /// as Autobahn and Crossbar (`scram`) have it.
    pub fn scram(authid: impl Into<String>, password: impl Into<String>) -> Credentials {
        Credentials::new(Method::Scram(password.into().into())).authid(authid)
    }

    /// A private key (`cryptosign`). Without an [`authid`](Self::authid) the router knows whose key it is.
    pub fn cryptosign(key: SigningKey) -> Credentials {
        Credentials::new(Method::Cryptosign(key))
    }

    /// A method of the program's own, or another way to answer a known one: the function answers each challenge of this
    /// method. What it fails with the router is not told.
    ///
    /// ```
    /// use serverwamp::{Answer, Challenge, Credentials};
    ///
    /// async fn code(challenge: Challenge) -> Result<Answer, std::io::Error> {
    ///     println!("The code for {}?", challenge.extra);
    ///     let mut code = String::new();
    ///     std::io::stdin().read_line(&mut code)?;
    ///     Ok(code.trim_end().into())
    /// }
    /// let credentials = Credentials::cra("joe", "secret").and(Credentials::custom("totp", code));
    /// ```
    pub fn custom<F, A, E>(method: impl Into<String>, answer: F) -> Credentials
    where
        F: Fn(Challenge) -> A + Send + Sync + 'static,
        A: Future<Output = Result<Answer, E>> + Send + 'static,
        E: Into<Box<dyn Error + Send + Sync>>,
    {
        let function: ChallengeFunction = Arc::new(move |challenge| {
            let answering = answer(challenge);
            Box::pin(async move { answering.await.map_err(Into::into) })
        });
        Credentials::new(Method::Custom(method.into(), function))
    }

    /// These, and others of the same user if the router does not take these.
    pub fn and(mut self, others: Credentials) -> Credentials {
        self.authids.extend(others.authids);
        self.methods.extend(others.methods);
        others.authextra.into_iter().for_each(|(name, value)| drop(self.authextra.insert(name, value)));
        self.channel_binding |= others.channel_binding;
        self.router = self.router.or(others.router);
        self
    }

    /// Who the client says it is.
    pub fn authid(mut self, authid: impl Into<String>) -> Credentials {
        self.authids.push(authid.into());
        self
    }

    /// Says more in HELLO's `authextra`.
    pub fn authextra(mut self, name: impl Into<String>, value: impl Into<Value>) -> Credentials {
        self.authextra.insert(name, value);
        self
    }

    /// Binds the proofs of `cryptosign` and `wamp-scram` to the TLS connection (`tls-exporter`, RFC 9266), so that nobody
    /// who sits between can pass them on. Without it nothing is bound; over a connection that has no such binding,
    /// joining fails.
    pub fn channel_binding(mut self) -> Credentials {
        self.channel_binding = true;
        self
    }

    /// Joins with `cryptosign` only if the router proves that it has the private key to this public key.
    pub fn router_key(mut self, key: PublicKey) -> Credentials {
        self.router = Some(key);
        self
    }

    fn new(method: Method) -> Credentials {
        Credentials { methods: vec![method], ..Credentials::default() }
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Credentials")
            .field("authid", &self.authids.first())
            .field("methods", &self.methods)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Method {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Method::Anonymous => "anonymous",
            Method::Ticket(_) => "ticket",
            Method::Cra(_) => "wampcra",
            Method::Scram(_) => "scram",
            Method::Cryptosign(_) => "cryptosign",
            Method::Custom(name, _) => name,
        })
    }
}
