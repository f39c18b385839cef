//! Clients that `#[wamp::client]` makes of traits.

use std::fmt;
use std::future::Future;
use std::time::Duration;

use serde::Serialize;

use super::call::{Call, RunningCall};
use super::error::CallError;
use super::handle::Client;
use super::result::FromPayload;
use crate::handler::WampError;
use crate::wire::{PayloadBuilder, Uri, Value, to_value};

/// What a client calls that [`#[wamp::client]`](crate::wamp::client) has made: a [`Client`], and the prefix of the
/// procedures.
#[derive(Debug, Clone)]
pub struct Callee {
    client: Client,
    prefix: Option<String>,
}

impl Callee {
    /// What is under no prefix.
    pub fn new(client: Client) -> Callee {
        Callee { client, prefix: None }
    }

    /// What is under this prefix, that of a set of functions ([`Routes::prefix`](crate::Routes::prefix)).
    pub fn under(prefix: impl Into<String>, client: Client) -> Callee {
        Callee { client, prefix: Some(prefix.into()) }
    }
}

/// A client that [`#[wamp::client]`](crate::wamp::client) has made of a trait; tests compare it with what is served
/// ([`check_stub`](crate::testing::check_stub)).
pub trait Stub {
    /// What the methods call, and how.
    #[doc(hidden)]
    fn methods() -> Vec<StubMethod>;
}

/// A method of a stub as it is written.
#[doc(hidden)]
#[derive(Debug)]
pub struct StubMethod {
    pub name: &'static str,
    pub uri: &'static str,
    pub output: &'static str,
    pub parameters: Vec<StubParameter>,
    pub file: &'static str,
    pub line: u32,
}

/// A parameter of a method of a stub as it is written.
#[doc(hidden)]
#[derive(Debug)]
pub struct StubParameter {
    pub name: &'static str,
    pub written: &'static str,
    pub component: Option<usize>,
    pub keyword: bool,
    pub optional: bool,
    pub progress: bool,
}

/// The error of a method of a stub: [`CallError`], or a [`WampError`] with `From<CallError>` for what else may go wrong.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the error of a method of a client",
    label = "does not hold whatever a call can fail with",
    note = "expected `CallError`, or a `WampError` that implements `From<CallError>` for what is no error of the callee's"
)]
#[doc(hidden)]
pub trait FromCallError: Sized {
    /// Errors of the callee's are those of its type, under the prefix that it has.
    fn from_call_error(error: CallError, prefix: &str) -> Self;
}

impl FromCallError for CallError {
    fn from_call_error(error: CallError, _: &str) -> CallError {
        error
    }
}

#[diagnostic::do_not_recommend]
impl<E: WampError + From<CallError>> FromCallError for E {
    fn from_call_error(error: CallError, prefix: &str) -> E {
        error.to_under(prefix).unwrap_or_else(|| error.into())
    }
}

/// What a method of a stub returns.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be returned by a method of a client",
    label = "expected a `Result`, as every call may fail",
    note = "a method returns `Result<T, E>`: `T` is `serde::de::DeserializeOwned`, `RpcResult`, `Single`, or a `RunningCall<P, T>`; `E` is `CallError`, or a `WampError` that implements `From<CallError>`"
)]
#[doc(hidden)]
pub trait StubOutcome: Sized {
    fn of(call: StubCall<'_>) -> impl Future<Output = Self> + Send;
}

impl<T: FromPayload, E: FromCallError> StubOutcome for Result<T, E> {
    async fn of(call: StubCall<'_>) -> Result<T, E> {
        let (call, prefix) = call.made::<T>();
        call.result().await.map_err(|error| E::from_call_error(error, &prefix))
    }
}

impl<P: FromPayload, T: FromPayload, E: FromCallError> StubOutcome for Result<RunningCall<P, T>, E> {
    async fn of(call: StubCall<'_>) -> Result<RunningCall<P, T>, E> {
        let (call, prefix) = call.made::<T>();
        call.progress::<P>().await.map_err(|error| E::from_call_error(error, &prefix))
    }
}

/// Makes the call, for the macros.
#[doc(hidden)]
pub async fn outcome_of_stub_call<T: StubOutcome>(call: StubCall<'_>) -> T {
    T::of(call).await
}

/// A call that a method of a stub makes, for the macros.
#[doc(hidden)]
pub struct StubCall<'s> {
    callee: &'s Callee,
    uri: String,
    /// What cannot be sent shows when the call is made.
    payload: Result<PayloadBuilder, CallError>,
    /// Optional arguments without a value, of which nothing is sent unless another one follows.
    left_out: usize,
    /// There always is one.
    call: Option<Call<()>>,
}

impl<'s> StubCall<'s> {
    /// `uri` is what comes behind the prefix.
    pub fn new(callee: &'s Callee, uri: &'static str) -> StubCall<'s> {
        let uri = callee.prefix.as_ref().map_or_else(|| uri.to_owned(), |prefix| format!("{prefix}.{uri}"));
        let payload = Ok(PayloadBuilder::new(callee.client.shared.codec()));
        let call = Call::new(callee.client.clone(), Err(CallError::Over));
        StubCall { callee, uri, payload, left_out: 0, call: Some(call) }
    }

    /// Fills a component of the URI, counted behind the prefix.
    pub fn component(&mut self, index: usize, name: &str, value: &(impl Serialize + ?Sized)) {
        let text = match to_value(value) {
            Ok(Value::String(text)) => text,
            Ok(number @ (Value::Integer(_) | Value::Bool(_))) => number.to_string(),
            _ => String::new(),
        };
        // A dot would make it a call of another procedure.
        if text.is_empty() || text.contains(['.', '{', '}']) {
            let message = format!("`{name}` is no component of a URI: a text without dots, or a whole number");
            self.payload = Err(CallError::Unsendable(message));
            return;
        }
        let before = self.callee.prefix.as_ref().map_or(0, |prefix| prefix.split('.').count());
        let place = before.saturating_add(index);
        let components = self.uri.split('.').enumerate();
        let filled = components.map(|(index, component)| if index == place { text.as_str() } else { component });
        self.uri = filled.collect::<Vec<_>>().join(".");
    }

    pub fn positional(&mut self, value: &(impl Serialize + ?Sized)) {
        for _ in 0..std::mem::take(&mut self.left_out) {
            self.add(|payload| payload.arg(&None::<()>));
        }
        self.add(|payload| payload.arg(value));
    }

    /// Leaves out what is behind the last value.
    pub fn optional(&mut self, value: &Option<impl Serialize>) {
        match value {
            Some(value) => self.positional(value),
            None => self.left_out = self.left_out.saturating_add(1),
        }
    }

    pub fn keyword(&mut self, name: &str, value: &(impl Serialize + ?Sized)) {
        self.add(|payload| payload.kwarg(name, value));
    }

    pub fn optional_keyword(&mut self, name: &str, value: &Option<impl Serialize>) {
        if let Some(value) = value {
            self.keyword(name, value);
        }
    }

    pub fn on_progress<P: FromPayload>(&mut self, take: impl FnMut(P) + Send + 'static) {
        self.change(|call| call.on_progress(take));
    }

    pub fn timeout(&mut self, timeout: Duration) {
        self.change(|call| call.timeout(timeout));
    }

    pub fn disclose_me(&mut self, disclose: bool) {
        self.change(|call| call.disclose_me(disclose));
    }

    fn add(&mut self, add: impl FnOnce(PayloadBuilder) -> Result<PayloadBuilder, crate::wire::EncodeError>) {
        let payload = std::mem::replace(&mut self.payload, Err(CallError::Over));
        self.payload = payload.and_then(|payload| Ok(add(payload)?));
    }

    fn change(&mut self, change: impl FnOnce(Call<()>) -> Call<()>) {
        self.call = self.call.take().map(change);
    }

    /// The call, and the prefix that the callee's errors are under.
    fn made<T>(self) -> (Call<T>, String) {
        let StubCall { callee, uri, payload, call, .. } = self;
        let message = payload.and_then(|payload| Ok((Uri::new(&uri)?, payload.finish()?)));
        let call = call.unwrap_or_else(|| Call::new(callee.client.clone(), Err(CallError::Over)));
        (call.with(message), callee.prefix.clone().unwrap_or_default())
    }
}

impl fmt::Debug for StubCall<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("StubCall").field("uri", &self.uri).finish_non_exhaustive()
    }
}
