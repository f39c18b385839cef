//! A proxy: every call and every subscription of its clients goes on to another server. `cargo run --example proxy`.
//!
//! Each client has a session of its own with the upstream server, in the client's serializer: payloads pass unchanged, and
//! a client that is slow harms only itself. What clients publish goes no further.
//!
//! The upstream server is an app in this process, and a `TestClient` speaks with it. Where it is somewhere else, `Client`
//! takes the `TestClient`'s place.

#[cfg(test)]
mod test;
mod upstream;

use std::sync::Arc;

use serverwamp::testing::{CallError, Next, TestClient, TestSubscription};
use serverwamp::{App, Call, Inject, MatchPolicy, Request, RpcError, RpcResult, Session, Subscription, routes, wamp};

/// A server that passes everything on.
fn proxy(upstream: App) -> App {
    App::new().inject(upstream).routes(routes![join]).call_handler(forward).subscription_handler(follow)
}

/// Whoever joins the proxy joins the upstream server, in the realm of the same name, or is refused as there.
#[wamp::on_join(manual)]
async fn join(session: Session, upstream: Inject<App>) -> Result<(), RpcError> {
    let serializer = session.transport().serializer.trim_end_matches(".batched");
    let client =
        TestClient::join(&upstream, session.realm(), &format!("wamp.2.{serializer}")).await.map_err(failure)?;
    session.set(client);
    let client = client_of(&session)?;
    let ending = session.clone();
    session.spawn(async move { ending.close(client.ended().await, "the upstream server ended the session") });
    Ok(())
}

/// Calls upstream. Dropped, as the client cancels or goes, it cancels the call there.
async fn forward(call: Call) -> Result<RpcResult, RpcError> {
    let request = call.request();
    let outgoing = client_of(call.session())?.call(request.uri(), arguments(&request));
    if !request.wants_progress() {
        return outgoing.await.map_err(failure);
    }
    let progress = call.progress::<RpcResult>();
    let mut running = outgoing.progress().await.map_err(failure)?;
    loop {
        match running.next().await.map_err(failure)? {
            Next::Progress(result) => progress.send(result).await.map_err(|_| RpcError::new("wamp.error.canceled"))?,
            Next::Result(result) => return Ok(result),
        }
    }
}

/// Subscribes upstream, and passes on the events for as long as the client wants them.
async fn follow(subscription: Subscription, _: Request) -> Result<(), RpcError> {
    let outgoing = client_of(subscription.session())?.subscribe(subscription.topic());
    let outgoing = match subscription.match_policy() {
        MatchPolicy::Exact => outgoing,
        MatchPolicy::Prefix => outgoing.prefix(),
        MatchPolicy::Wildcard => outgoing.wildcard(),
    };
    let events = outgoing.await.map_err(failure)?;
    subscription.session().clone().spawn(pass_on(events, subscription));
    Ok(())
}

/// Ends the subscription upstream, by dropping it, when the client's is over.
async fn pass_on(mut events: TestSubscription, subscription: Subscription) {
    let passed_on = async {
        while let Some(event) = events.next().await {
            let Ok(payload) = event.payload::<RpcResult>() else { break };
            if subscription.send_event(event.topic(), payload).await.is_err() {
                break;
            }
        }
    };
    tokio::select! {
        () = subscription.closed() => {}
        () = passed_on => {}
    }
}

/// The client's session with the upstream server.
fn client_of(session: &Session) -> Result<Arc<TestClient>, RpcError> {
    session.get().ok_or_else(|| RpcError::new("wamp.error.network_failure"))
}

/// The arguments of a request as they came.
fn arguments(request: &Request) -> RpcResult {
    let positional = request.args().iter().fold(RpcResult::new(), RpcResult::arg);
    request.kwargs().iter().fold(positional, |arguments, (name, value)| arguments.kwarg(name, value))
}

/// What the client is told: the upstream server's own error, if it gave one.
fn failure(error: CallError) -> RpcError {
    match error {
        CallError::Remote(error) => error,
        other => RpcError::new(other.uri().unwrap_or("wamp.error.network_failure")).message(other.to_string()),
    }
}

#[tokio::main]
async fn main() -> serverwamp::Result<()> {
    tracing_subscriber::fmt().with_target(false).init();
    proxy(upstream::app()).await
}
