//! WAMP next to the REST routes of an axum server, with what both of them know: `cargo run --example axum`.
//!
//! `curl -d "buy tea" localhost:8080/notes` is seen by every WAMP client that is subscribed to `notes.added`.

use std::error::Error;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use std::{env, process};

use axum::extract::{ConnectInfo, State};
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use serverwamp::{App, AppHandle, Inject, RealmHandle, wamp};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

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

/// What axum's handlers know.
#[derive(Clone)]
struct Shared {
    notes: Arc<Notes>,
    app: AppHandle,
}

async fn list_over_rest(State(shared): State<Shared>) -> Json<Vec<String>> {
    Json(shared.notes.all())
}

async fn add_over_rest(State(shared): State<Shared>, note: String) -> StatusCode {
    shared.notes.add(note, &shared.app.realm("realm1"));
    StatusCode::CREATED
}

async fn readyz(State(shared): State<Shared>) -> StatusCode {
    if shared.app.is_ready() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    tracing_subscriber::fmt().with_target(false).with_writer(std::io::stderr).log_internal_errors(false).init();
    let notes = Arc::new(Notes::default());
    let app = App::discover().inject(Arc::clone(&notes)).topics("notes.");
    let handle = app.handle();
    let websocket = app.into_service()?;
    let websocket = websocket.peer_address(|known| known.get::<ConnectInfo<SocketAddr>>().map(|info| info.0));
    let router = Router::new()
        .route("/notes", get(list_over_rest).post(add_over_rest))
        .route("/healthz", get(async || "ok"))
        .route("/readyz", get(readyz))
        .route_service("/ws", websocket)
        .with_state(Shared { notes, app: handle.clone() });

    let listener = TcpListener::bind(env::var("ADDR").as_deref().unwrap_or("127.0.0.1:8080")).await?;
    println!("listening on {}", listener.local_addr()?);
    tokio::spawn(shut_down_by_signals(handle.clone()));
    // From here on the server accepts nobody; requests that run may end, and so may sessions with their calls.
    let server = axum::serve(listener, router.into_make_service_with_connect_info::<SocketAddr>());
    server.with_graceful_shutdown(handle.stopping()).await?;
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
