//! Functions that a program registers at run time, without an annotation.

use std::future::Future;
use std::sync::Arc;

use tokio::sync::Semaphore;

use super::arguments::bind;
use super::call::{Call, HandlerFuture};
use super::custom::CustomHandler;
use super::endpoint::Endpoint;
use super::error::{RpcError, WampError};
use super::extract::{FromCall, ParameterDescription, ParameterOptions, parameter};
use super::reply::encoded;
use super::result::IntoPayload;

/// A function that can be registered as a procedure: with [`Client::register`](crate::Client::register).
///
/// Its parameters are those of an annotated function, as far as they borrow nothing: up to eight of what implements
/// `serde::DeserializeOwned`, filled by positional arguments in their order, and of what is injected
/// ([`Session`](crate::Session), [`Request`](crate::Request), [`Progress`](crate::Progress) …). Or it takes the whole
/// [`Call`] alone. It returns what an annotated function returns, except for streams: a value, or a `Result` of a value
/// and a [`WampError`].
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be registered as a procedure",
    note = "expected an async function or a closure that returns a future, of up to eight parameters that implement `FromCall`, or of one `Call`; it returns a `serde::Serialize` value, or a `Result` of one and a `WampError`"
)]
pub trait Procedure<Kind>: Send + Sync + 'static {
    /// The function as a client runs it.
    #[doc(hidden)]
    fn into_endpoint(self, concurrency: Option<u32>) -> RegisteredFunction;
}

/// A function as a client runs it.
#[doc(hidden)]
#[derive(Debug)]
pub struct RegisteredFunction(pub(crate) Endpoint);

/// A function that returns a value; its parameters.
#[doc(hidden)]
#[derive(Debug)]
pub struct Returns<Parameters>(Parameters);

/// A function that may fail; its parameters.
#[doc(hidden)]
#[derive(Debug)]
pub struct MayFail<Parameters>(Parameters);

/// The one parameter of a function that takes the call whole.
#[doc(hidden)]
#[derive(Debug)]
pub struct Whole;

#[track_caller]
fn endpoint(
    run: impl Fn(Call) -> HandlerFuture + Send + Sync + 'static,
    parameters: Vec<ParameterDescription>,
    concurrency: Option<u32>,
    whole: bool,
) -> RegisteredFunction {
    let permits = concurrency.map(|permits| Arc::new(Semaphore::new(permits as usize)));
    RegisteredFunction(Endpoint::registered(CustomHandler::of_procedure(run), parameters, permits, whole))
}

macro_rules! procedures {
    ($(($($name:ident $type:ident $index:literal)*))+) => {$(
        impl<Function, Answer, Value, $($type),*> Procedure<Returns<($($type,)*)>> for Function
        where
            Function: Fn($($type),*) -> Answer + Send + Sync + 'static,
            Answer: Future<Output = Value> + Send + 'static,
            Value: IntoPayload,
            $($type: for<'c> FromCall<'c> + Send + 'static,)*
        {
            fn into_endpoint(self, concurrency: Option<u32>) -> RegisteredFunction {
                procedures!(self, concurrency, ($($name $type $index)*), |value| Ok::<_, RpcError>(value))
            }
        }

        impl<Function, Answer, Value, Error, $($type),*> Procedure<MayFail<($($type,)*)>> for Function
        where
            Function: Fn($($type),*) -> Answer + Send + Sync + 'static,
            Answer: Future<Output = Result<Value, Error>> + Send + 'static,
            Value: IntoPayload,
            Error: WampError,
            $($type: for<'c> FromCall<'c> + Send + 'static,)*
        {
            fn into_endpoint(self, concurrency: Option<u32>) -> RegisteredFunction {
                procedures!(self, concurrency, ($($name $type $index)*), |value: Result<Value, Error>| value
                    .map_err(Error::into_rpc_error))
            }
        }
    )+};
    ($function:expr, $concurrency:expr, ($($name:ident $type:ident $index:literal)*), $outcome:expr) => {{
        let function = Arc::new($function);
        let run = move |call: Call| -> HandlerFuture {
            let function = Arc::clone(&function);
            // The function is called within the future: there its panics are caught.
            Box::pin(async move {
                let answer = {
                    #[allow(unused_mut, reason = "a function may have no parameters")]
                    let mut _arguments = bind(&call)?;
                    $(let $name: $type = _arguments.take($index)?;)*
                    function($($name),*)
                };
                let value = ($outcome)(answer.await)?;
                encoded(value, call.codec(), call.uri())
            })
        };
        const OPTIONS: ParameterOptions = ParameterOptions { default: None, keyword: false, component: None, written: "" };
        let parameters = vec![$(parameter::<$type>(stringify!($index), OPTIONS)),*];
        let _ = OPTIONS;
        endpoint(run, parameters, $concurrency, false)
    }};
}

procedures! {
    ()
    (a A 0)
    (a A 0 b B 1)
    (a A 0 b B 1 c C 2)
    (a A 0 b B 1 c C 2 d D 3)
    (a A 0 b B 1 c C 2 d D 3 e E 4)
    (a A 0 b B 1 c C 2 d D 3 e E 4 f F 5)
    (a A 0 b B 1 c C 2 d D 3 e E 4 f F 5 g G 6)
    (a A 0 b B 1 c C 2 d D 3 e E 4 f F 5 g G 6 h H 7)
}

impl<Function, Answer, Value> Procedure<Returns<Whole>> for Function
where
    Function: Fn(Call) -> Answer + Send + Sync + 'static,
    Answer: Future<Output = Value> + Send + 'static,
    Value: IntoPayload,
{
    fn into_endpoint(self, concurrency: Option<u32>) -> RegisteredFunction {
        let function = Arc::new(self);
        let run = move |call: Call| -> HandlerFuture {
            let function = Arc::clone(&function);
            Box::pin(async move {
                let (codec, procedure) = (call.codec(), call.uri().clone());
                encoded(function(call).await, codec, &procedure)
            })
        };
        endpoint(run, Vec::new(), concurrency, true)
    }
}

impl<Function, Answer, Value, Error> Procedure<MayFail<Whole>> for Function
where
    Function: Fn(Call) -> Answer + Send + Sync + 'static,
    Answer: Future<Output = Result<Value, Error>> + Send + 'static,
    Value: IntoPayload,
    Error: WampError,
{
    fn into_endpoint(self, concurrency: Option<u32>) -> RegisteredFunction {
        let function = Arc::new(self);
        let run = move |call: Call| -> HandlerFuture {
            let function = Arc::clone(&function);
            Box::pin(async move {
                let (codec, procedure) = (call.codec(), call.uri().clone());
                encoded(function(call).await.map_err(Error::into_rpc_error)?, codec, &procedure)
            })
        };
        endpoint(run, Vec::new(), concurrency, true)
    }
}
