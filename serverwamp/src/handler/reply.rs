//! From whatever a handler returns to the end of its call.
//!
//! A handler may return a value, a stream, or a `Result` of either, under any alias. Which it is, is found where the
//! macro's code is compiled: `outcome` and `reply` are methods of several traits, implemented for ever fewer
//! references to the tag of a type, and the compiler takes the first whose bounds hold.

use std::future::Future;
use std::marker::PhantomData;
use std::pin::pin;

use futures_util::{Stream, StreamExt};
use tokio_util::task::AbortOnDropHandle;
use tracing::Span;

use super::call::{Call, HandlerFuture, Reply, Turns};
use super::error::RpcError;
use super::failure::{Cause, FailureKind};
use super::result::{IntoPayload, Step};
use crate::log::Shown;
use crate::wire::{Codec, EncodeError, Payload, Uri};

/// A type without a value of it.
#[doc(hidden)]
pub struct Tag<T>(PhantomData<fn() -> T>);

impl<T> Clone for Tag<T> {
    fn clone(&self) -> Tag<T> {
        *self
    }
}

impl<T> Copy for Tag<T> {}

/// The tag of a value's type.
#[doc(hidden)]
pub fn tag<T>(_: &T) -> Tag<T> {
    Tag(PhantomData)
}

/// The tag of a type that is written out.
#[doc(hidden)]
pub const fn tag_of<T>() -> Tag<T> {
    Tag(PhantomData)
}

/// Ends a call with what its handler returned, for the macros.
#[doc(hidden)]
#[macro_export]
macro_rules! __reply {
    ($call:expr, $value:expr) => {
        async {
            use $crate::__private::reply_kinds::*;
            let value = $value;
            let value = (&&&$crate::__private::tag(&value)).outcome(value)?;
            (&&&&&$crate::__private::tag(&value)).reply(value, $call).await
        }
    };
}

/// Runs a plain function on the blocking pool.
#[doc(hidden)]
pub fn blocking(call: Call, run: fn(&Call) -> Result<Reply, RpcError>) -> HandlerFuture {
    Box::pin(async move {
        // Dropped before its turn on the pool, it never runs.
        let span = Span::current();
        let run = AbortOnDropHandle::new(tokio::task::spawn_blocking(move || span.in_scope(|| run(&call))));
        match run.await {
            Ok(result) => result,
            Err(failure) => match failure.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                Err(failure) => Err(RpcError::internal(&failure)),
            },
        }
    })
}

/// Waits on the blocking pool.
#[doc(hidden)]
pub fn wait<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Handle::current().block_on(future)
}

fn payload(value: impl IntoPayload, call: &Call) -> Result<Reply, RpcError> {
    encoded(value, call.codec(), call.uri())
}

/// The final result of a call of this procedure.
pub(super) fn encoded(value: impl IntoPayload, codec: Codec, procedure: &Uri) -> Result<Reply, RpcError> {
    value.into_payload(codec).map(Reply).map_err(|error| unencodable(procedure, &error))
}

#[cold]
fn unencodable(procedure: &Uri, error: &EncodeError) -> RpcError {
    tracing::error!(procedure = %Shown(procedure), error = %Shown(error), "a result cannot be encoded");
    RpcError::because(Cause::new(FailureKind::Unencodable, error))
}

/// Sends every progressive result that is asked for and returns the final one.
async fn pump<S: Stream>(
    stream: S,
    call: &Call,
    ends_itself: bool,
    advance: impl Fn(S::Item, &Call) -> Result<Advance, RpcError>,
) -> Result<Reply, RpcError> {
    let sink = call.progress_sink();
    let mut stream = pin!(stream);
    let turns = Turns::default();
    while let Some(item) = stream.next().await {
        turns.take().await;
        match advance(item, call)? {
            Advance::Nothing => {}
            Advance::Progress(payload) => sink.send(payload).await.map_err(|_| RpcError::default())?,
            Advance::Done(reply) => return Ok(reply),
        }
    }
    match ends_itself {
        true => Ok(Reply(Payload::empty(call.codec()))),
        false => Err(RpcError::internal(&format_args!("{}: the stream ended without Step::Done", Shown(call.uri())))),
    }
}

/// What an item of a stream comes to.
#[doc(hidden)]
pub enum Advance {
    Nothing,
    Progress(Payload),
    Done(Reply),
}

/// What a stream of results may yield: values, or steps.
#[diagnostic::on_unimplemented(
    message = "a stream of `{Self}` cannot be a WAMP result",
    label = "items are neither results nor steps",
    note = "a stream yields `serde::Serialize` values, `Step<P, R>`, or a `Result` of one of these"
)]
#[doc(hidden)]
pub trait IntoStep {
    /// Whether the end of the stream is the end of the call.
    const ENDS_ITSELF: bool;

    fn advance(self, call: &Call) -> Result<Advance, RpcError>;
}

impl<T: IntoPayload> IntoStep for T {
    const ENDS_ITSELF: bool = true;

    fn advance(self, call: &Call) -> Result<Advance, RpcError> {
        match call.wants_progress() {
            true => payload(self, call).map(|reply| Advance::Progress(reply.0)),
            false => Ok(Advance::Nothing),
        }
    }
}

impl<P: IntoPayload, R: IntoPayload> IntoStep for Step<P, R> {
    const ENDS_ITSELF: bool = false;

    fn advance(self, call: &Call) -> Result<Advance, RpcError> {
        match self {
            Step::Progress(value) => value.advance(call),
            Step::Done(value) => payload(value, call).map(Advance::Done),
        }
    }
}

/// The traits whose methods the compiler chooses from.
/// The errors of a type that a handler returns, for the macros: `errors` is a method of two traits.
#[doc(hidden)]
#[allow(missing_docs)]
pub mod error_kinds {
    use super::super::description::ErrorDescription;
    use super::super::error::WampError;
    use super::Tag;

    pub trait Described {
        fn errors(self) -> &'static [ErrorDescription];
    }

    impl<T, E: WampError> Described for &Tag<Result<T, E>> {
        fn errors(self) -> &'static [ErrorDescription] {
            E::DESCRIPTIONS
        }
    }

    pub trait Undescribed {
        fn errors(self) -> &'static [ErrorDescription];
    }

    impl<T> Undescribed for Tag<T> {
        fn errors(self) -> &'static [ErrorDescription] {
            &[]
        }
    }
}

#[doc(hidden)]
#[allow(missing_docs)]
pub mod kinds {
    use std::error::Error;
    use std::future::Future;

    use futures_util::Stream;

    use super::super::call::{Call, Reply};
    use super::super::error::{RpcError, WampError, from_standard_error};
    use super::super::result::IntoPayload;
    use super::{IntoStep, Tag, payload, pump};

    pub trait ResultOfWampError<T, E> {
        fn outcome(self, value: Result<T, E>) -> Result<T, RpcError>;
    }

    impl<T, E: WampError> ResultOfWampError<T, E> for &&&Tag<Result<T, E>> {
        fn outcome(self, value: Result<T, E>) -> Result<T, RpcError> {
            value.map_err(E::into_rpc_error)
        }
    }

    pub trait ResultOfError<T, E> {
        fn outcome(self, value: Result<T, E>) -> Result<T, RpcError>;
    }

    impl<T, E: Into<Box<dyn Error + Send + Sync>>> ResultOfError<T, E> for &&Tag<Result<T, E>> {
        fn outcome(self, value: Result<T, E>) -> Result<T, RpcError> {
            value.map_err(|error| from_standard_error(error.into()))
        }
    }

    /// No error type that can be sent: the bound says so in our words.
    pub trait ResultOfUnknown<T, E> {
        fn outcome(self, value: Result<T, E>) -> Result<T, RpcError>
        where
            E: WampError;
    }

    impl<T, E> ResultOfUnknown<T, E> for &Tag<Result<T, E>> {
        fn outcome(self, value: Result<T, E>) -> Result<T, RpcError>
        where
            E: WampError,
        {
            value.map_err(E::into_rpc_error)
        }
    }

    pub trait NoResult<T> {
        fn outcome(self, value: T) -> Result<T, RpcError>;
    }

    impl<T> NoResult<T> for Tag<T> {
        fn outcome(self, value: T) -> Result<T, RpcError> {
            Ok(value)
        }
    }

    pub trait StreamOfWampResults<S> {
        fn reply(self, stream: S, call: &Call) -> impl Future<Output = Result<Reply, RpcError>> + Send;
    }

    impl<S, I, E> StreamOfWampResults<S> for &&&&&Tag<S>
    where
        S: Stream<Item = Result<I, E>> + Send,
        I: IntoStep + Send,
        E: WampError + Send,
    {
        fn reply(self, stream: S, call: &Call) -> impl Future<Output = Result<Reply, RpcError>> + Send {
            pump(stream, call, I::ENDS_ITSELF, |item, call| item.map_err(E::into_rpc_error)?.advance(call))
        }
    }

    pub trait StreamOfResults<S> {
        fn reply(self, stream: S, call: &Call) -> impl Future<Output = Result<Reply, RpcError>> + Send;
    }

    impl<S, I, E> StreamOfResults<S> for &&&&Tag<S>
    where
        S: Stream<Item = Result<I, E>> + Send,
        I: IntoStep + Send,
        E: Into<Box<dyn Error + Send + Sync>> + Send,
    {
        fn reply(self, stream: S, call: &Call) -> impl Future<Output = Result<Reply, RpcError>> + Send {
            pump(stream, call, I::ENDS_ITSELF, |item, call| {
                item.map_err(|error| from_standard_error(error.into()))?.advance(call)
            })
        }
    }

    pub trait StreamOfSteps<S> {
        fn reply(self, stream: S, call: &Call) -> impl Future<Output = Result<Reply, RpcError>> + Send;
    }

    impl<S: Stream<Item: IntoStep + Send> + Send> StreamOfSteps<S> for &&&Tag<S> {
        fn reply(self, stream: S, call: &Call) -> impl Future<Output = Result<Reply, RpcError>> + Send {
            pump(stream, call, S::Item::ENDS_ITSELF, IntoStep::advance)
        }
    }

    pub trait PlainValue<T> {
        fn reply(self, value: T, call: &Call) -> std::future::Ready<Result<Reply, RpcError>>;
    }

    impl<T: IntoPayload> PlainValue<T> for &&Tag<T> {
        fn reply(self, value: T, call: &Call) -> std::future::Ready<Result<Reply, RpcError>> {
            std::future::ready(payload(value, call))
        }
    }

    /// Nothing that can be a result: the bound says so in our words.
    pub trait Unknown<T> {
        fn reply(self, value: T, call: &Call) -> std::future::Ready<Result<Reply, RpcError>>
        where
            T: IntoPayload;
    }

    impl<T> Unknown<T> for &Tag<T> {
        fn reply(self, value: T, call: &Call) -> std::future::Ready<Result<Reply, RpcError>>
        where
            T: IntoPayload,
        {
            std::future::ready(payload(value, call))
        }
    }
}
