//! From whatever a handler of topics or sessions returns to its end.
//!
//! Which of the allowed types it is, is found as in `reply`: by methods of several traits on references to a tag.

use std::pin::pin;

use futures_util::future::{Either, select};
use futures_util::{Stream, StreamExt};

use super::call::{Call, Reply, Turns};
use super::error::RpcError;
use super::failure::{Cause, FailureKind};
use super::result::IntoPayload;
use super::topic::subscription;
use crate::log::Shown;
use crate::wire::Payload;

/// Ends a handler that returns nothing, for the macros.
#[doc(hidden)]
#[macro_export]
macro_rules! __ended {
    ($call:expr, $value:expr) => {
        async {
            use $crate::__private::reply_kinds::*;
            let value = $value;
            let value = (&&&$crate::__private::tag(&value)).outcome(value)?;
            $crate::__private::ended(value, $call)
        }
    };
}

/// Ends a subscribe function, which may return a stream of events, for the macros.
#[doc(hidden)]
#[macro_export]
macro_rules! __subscribed {
    ($call:expr, $value:expr) => {
        async {
            use $crate::__private::{event_kinds::*, reply_kinds::*};
            let value = $value;
            let value = (&&&$crate::__private::tag(&value)).outcome(value)?;
            (&&&&$crate::__private::tag(&value)).events(value, $call).await
        }
    };
}

/// What functions may return that only end.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be returned by an event, unsubscribe, on_join or on_leave function",
    label = "nobody gets this value",
    note = "such a function returns nothing, or `Result<(), E>`"
)]
#[doc(hidden)]
pub trait Nothing {}

impl Nothing for () {}

/// The end of a handler that returns nothing.
#[doc(hidden)]
pub fn ended<T: Nothing>(_: T, call: &Call) -> Result<Reply, RpcError> {
    Ok(nothing(call))
}

fn nothing(call: &Call) -> Reply {
    Reply(Payload::empty(call.codec()))
}

/// What subscribe functions may return that is no stream.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be returned by a subscribe function",
    label = "neither nothing nor a stream of events",
    note = "a subscribe function returns nothing, a `Stream` of `serde::Serialize` values (or of `Result`s of them), or a `Result` of one of these"
)]
#[doc(hidden)]
pub trait NoEvents {}

impl NoEvents for () {}

/// Accepts the subscription, then sends it every event of the stream, waiting for room, until either ends.
///
/// Gives way once before the first event: whoever polls this accepts the subscription in between.
///
/// # Errors
/// Why the subscription is to be revoked: the stream failed, or an event cannot be sent.
async fn pump<S: Stream, T: IntoPayload>(
    stream: S,
    call: &Call,
    event: impl Fn(S::Item) -> Result<T, RpcError>,
) -> Result<Reply, RpcError> {
    let subscription = subscription(call)?;
    subscription.accept_now();
    tokio::task::yield_now().await;
    let pumped = async {
        let mut stream = pin!(stream);
        let turns = Turns::default();
        while let Some(item) = stream.next().await {
            turns.take().await;
            if let Err(error) = subscription.send(event(item)?).await
                && !subscription.is_closed()
            {
                return Err(unsendable(call, &error));
            }
        }
        Ok(())
    };
    match select(pin!(subscription.closed()), pin!(pumped)).await {
        Either::Left(((), _)) => {}
        Either::Right((result, _)) => result?,
    }
    Ok(nothing(call))
}

#[cold]
fn unsendable(call: &Call, error: &dyn std::error::Error) -> RpcError {
    tracing::error!(topic = %Shown(call.uri()), error = %Shown(error), "an event of a stream cannot be sent");
    RpcError::because(Cause::new(FailureKind::Unencodable, error))
}

/// The traits whose methods the compiler chooses from.
#[doc(hidden)]
#[allow(missing_docs)]
pub mod kinds {
    use std::error::Error;
    use std::future::{Future, Ready, ready};

    use futures_util::Stream;

    use super::super::call::{Call, Reply};
    use super::super::error::{RpcError, WampError, from_standard_error};
    use super::super::reply::Tag;
    use super::super::result::IntoPayload;
    use super::{NoEvents, nothing, pump};

    pub trait EventsOrWampErrors<S> {
        fn events(self, stream: S, call: &Call) -> impl Future<Output = Result<Reply, RpcError>> + Send;
    }

    impl<S, T, E> EventsOrWampErrors<S> for &&&&Tag<S>
    where
        S: Stream<Item = Result<T, E>> + Send,
        T: IntoPayload + Send,
        E: WampError + Send,
    {
        fn events(self, stream: S, call: &Call) -> impl Future<Output = Result<Reply, RpcError>> + Send {
            pump(stream, call, |item| item.map_err(E::into_rpc_error))
        }
    }

    pub trait EventsOrErrors<S> {
        fn events(self, stream: S, call: &Call) -> impl Future<Output = Result<Reply, RpcError>> + Send;
    }

    impl<S, T, E> EventsOrErrors<S> for &&&Tag<S>
    where
        S: Stream<Item = Result<T, E>> + Send,
        T: IntoPayload + Send,
        E: Into<Box<dyn Error + Send + Sync>> + Send,
    {
        fn events(self, stream: S, call: &Call) -> impl Future<Output = Result<Reply, RpcError>> + Send {
            pump(stream, call, |item| item.map_err(|error| from_standard_error(error.into())))
        }
    }

    pub trait Events<S> {
        fn events(self, stream: S, call: &Call) -> impl Future<Output = Result<Reply, RpcError>> + Send;
    }

    impl<S: Stream<Item: IntoPayload + Send> + Send> Events<S> for &&Tag<S> {
        fn events(self, stream: S, call: &Call) -> impl Future<Output = Result<Reply, RpcError>> + Send {
            pump(stream, call, Ok)
        }
    }

    /// Nothing, or what cannot be returned: the bound says so in our words.
    pub trait Other<T> {
        fn events(self, value: T, call: &Call) -> Ready<Result<Reply, RpcError>>
        where
            T: NoEvents;
    }

    impl<T> Other<T> for &Tag<T> {
        fn events(self, _: T, call: &Call) -> Ready<Result<Reply, RpcError>>
        where
            T: NoEvents,
        {
            ready(Ok(nothing(call)))
        }
    }
}
