//! WAMP next to the REST routes of a plain hyper server, with what both of them know: `cargo run --example hyper`.
//!
//! `curl -d "buy tea" localhost:8080/notes` is seen by every WAMP client that is subscribed to `notes.added`.

use std::error::Error;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use std::{env, process};

use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use serverwamp::{App, AppHandle, Inject, RealmHandle, WampService, wamp};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::task::TaskTracker;

/// Octets of a note.
const LONGEST_NOTE: usize = 10_000;

/// What REST and WAMP have in common.
#[derive(Default)]
struct Notes(Mutex<Vec<String>>);

impl Notes {
    fn all(&self) -> Vec<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Adds a note, and tells everybody who is subscribed.
    fn add(&self, note: String, realm: &RealmHandle) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(note.clone());
        realm.publish("notes.added", note);
    }
}

#[wamp::rpc("notes.list")]
async fn list(notes: Inject<Arc<Notes>>) -> Vec<String> {
    notes.all()
}

#[wamp::rpc("notes.add")]
async fn add(note: String, notes: Inject<Arc<Notes>>, realm: RealmHandle) {
    notes.add(note, &realm);
}

/// Answers after a while; a shutdown lets it.
#[wamp::rpc("notes.remind")]
async fn remind(note: String, seconds: f64) -> String {
    tokio::time::sleep(Duration::from_secs_f64(seconds.clamp(0.0, 60.0))).await;
    format!("do not forget: {note}")
}

/// What answers requests.
#[derive(Clone)]
struct Routes {
    notes: Arc<Notes>,
    app: AppHandle,
    websocket: WampService,
}

impl Routes {
    async fn answer(self, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Box<dyn Error + Send + Sync>> {
        match (request.method(), request.uri().path()) {
            (_, "/ws") => Ok(self.websocket.call(request).await?),
            (&Method::GET, "/notes") => text(StatusCode::OK, serde_json::to_string(&self.notes.all())?),
            (&Method::POST, "/notes") => {
                let note = Limited::new(request.into_body(), LONGEST_NOTE).collect().await?.to_bytes();
                self.notes.add(String::from_utf8(note.into())?, &self.app.realm("realm1"));
                text(StatusCode::CREATED, String::new())
            }
            (&Method::GET, "/healthz") => text(StatusCode::OK, "ok".to_owned()),
            (&Method::GET, "/readyz") if self.app.is_ready() => text(StatusCode::OK, "ok".to_owned()),
            (&Method::GET, "/readyz") => text(StatusCode::SERVICE_UNAVAILABLE, String::new()),
            _ => text(StatusCode::NOT_FOUND, String::new()),
        }
    }
}

fn text(status: StatusCode, text: String) -> Result<Response<Full<Bytes>>, Box<dyn Error + Send + Sync>> {
    Ok(Response::builder().status(status).body(Full::from(text))?)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    tracing_subscriber::fmt().with_target(false).with_writer(std::io::stderr).log_internal_errors(false).init();
    let notes = Arc::new(Notes::default());
    let app = App::discover().inject(Arc::clone(&notes)).topics("notes.");
    let handle = app.handle();
    let websocket = app.into_service()?.peer_address(|known| known.get::<SocketAddr>().copied());
    let routes = Routes { notes, app: handle.clone(), websocket };

    let listener = TcpListener::bind(env::var("ADDR").as_deref().unwrap_or("127.0.0.1:8080")).await?;
    println!("listening on {}", listener.local_addr()?);
    tokio::spawn(shut_down_by_signals(handle.clone()));
    let connections = TaskTracker::new();
    let mut stopping = pin!(handle.stopping());
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = &mut stopping => break,
        };
        let Ok((stream, peer)) = accepted else {
            // The system has no more file descriptors, say: some will be given back.
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        let (routes, stopping) = (routes.clone(), handle.stopping());
        let answer = service_fn(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(peer);
            routes.clone().answer(request)
        });
        let mut server = http1::Builder::new();
        server.timer(TokioTimer::new());
        connections.spawn(async move {
            let mut connection = pin!(server.serve_connection(TokioIo::new(stream), answer).with_upgrades());
            tokio::select! {
                result = connection.as_mut() => return result,
                () = stopping => connection.as_mut().graceful_shutdown(),
            }
            connection.await
        });
    }
    // Nobody is accepted any more; requests that run may end, and so may sessions with their calls.
    drop(listener);
    connections.close();
    connections.wait().await;
    handle.stopped().await;
    Ok(())
}

/// The first signal shuts down what is served here, in its own time; a second one ends the process at once.
async fn shut_down_by_signals(app: AppHandle) -> std::io::Result<()> {
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let mut next = async || {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    };
    next().await;
    app.shutdown();
    next().await;
    process::exit(0);
}
