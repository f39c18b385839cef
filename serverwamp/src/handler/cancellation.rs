//! How a handler learns that nobody waits for it any more.

use super::call::Call;
use super::error::RpcError;
use super::extract::{FromCall, Parameter, Requirement};
use super::route::RouteKind;

/// Tells a handler that its call was canceled, timed out, or lost its caller; for rpc and event functions.
///
/// The future of an ordinary handler is simply dropped then; the token is for what goes on: `detached` and `blocking`
/// handlers, and tasks that a handler starts.
#[derive(Debug, Clone, Default)]
pub struct CancellationToken(tokio_util::sync::CancellationToken);

impl CancellationToken {
    pub(super) fn cancel(&self) {
        self.0.cancel();
    }

    /// Whether the call has been canceled.
    pub fn is_cancelled(&self) -> bool {
        self.0.is_cancelled()
    }

    /// Waits until the call is canceled. Cancel-safe.
    pub async fn cancelled(&self) {
        self.0.cancelled().await;
    }

    /// The token for libraries that work with `tokio_util`.
    pub fn as_tokio(&self) -> &tokio_util::sync::CancellationToken {
        &self.0
    }
}

impl<'c> FromCall<'c> for CancellationToken {
    fn from_call(call: &'c Call, _: &Parameter<'_, 'c>) -> Result<CancellationToken, RpcError> {
        let state = call.state().ok_or_else(|| RpcError::internal(&"a call without its state"))?;
        Ok(state.cancellation().clone())
    }

    fn requires() -> Vec<Requirement> {
        vec![
            Requirement::call_state(),
            Requirement::function("CancellationToken", &[RouteKind::Procedure, RouteKind::Event]),
        ]
    }
}
