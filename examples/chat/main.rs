//! A chat with a web page: `cargo run --example chat`, then open <http://127.0.0.1:8081/> in two windows.
//!
//! `WAMP_ADDR` is where the WAMP server listens, `CHAT_ADDR` where the page is served.

mod page;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use serde::Serialize;
use serverwamp::{Inject, RealmHandle, Session, SessionId, Single, WampError, wamp};
use tokio::net::TcpListener;

/// Who is in which room, in the order they came.
#[derive(Debug, Clone, Default)]
struct Rooms(Arc<Mutex<HashMap<String, Vec<Person>>>>);

#[derive(Debug)]
struct Person {
    session: SessionId,
    name: String,
}

/// A session's place in a room. It is kept with the session and so dropped when that ends, for whatever reason.
struct Seat {
    room: String,
    session: SessionId,
    rooms: Rooms,
    realm: RealmHandle,
}

/// What the subscribers of `people.<room>` get.
#[derive(Serialize)]
struct Present {
    people: Vec<String>,
}

/// What callers see: `chat.error.invalid_name` and so on.
#[derive(Debug, WampError)]
#[wamp(prefix = "chat.error")]
enum ChatError {
    InvalidRoom,
    InvalidName,
    AlreadyEntered,
}

/// Enters a room. Comes to the names of all who are there; `people.<room>` tells who comes and goes.
///
/// What they say goes to `chat.<room>` without any code: the topics under `chat.` are open.
#[wamp::rpc("chat.enter")]
async fn enter(
    room: String,
    name: String,
    session: Session,
    rooms: Inject<Rooms>,
    realm: RealmHandle,
) -> Result<Single<Vec<String>>, ChatError> {
    let name = name.trim();
    if room.is_empty() || room.len() > 32 || !room.chars().all(|letter| letter.is_ascii_alphanumeric()) {
        return Err(ChatError::InvalidRoom);
    }
    if name.is_empty() || name.chars().count() > 32 {
        return Err(ChatError::InvalidName);
    }
    if session.get::<Seat>().is_some() {
        return Err(ChatError::AlreadyEntered);
    }
    let people = rooms.enter(&room, session.id(), name);
    realm.publish(format!("people.{room}"), Present { people: people.clone() });
    session.set(Seat { room, session: session.id(), rooms: Rooms::clone(&rooms), realm });
    Ok(Single(people))
}

impl Drop for Seat {
    fn drop(&mut self) {
        let people = self.rooms.leave(&self.room, self.session);
        self.realm.publish(format!("people.{}", self.room), Present { people });
    }
}

impl Rooms {
    /// Adds somebody to a room. Returns who is in it now.
    fn enter(&self, room: &str, session: SessionId, name: &str) -> Vec<String> {
        let mut rooms = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let people = rooms.entry(room.to_owned()).or_default();
        people.push(Person { session, name: name.to_owned() });
        names(people)
    }

    /// Removes somebody from a room. Returns who is left.
    fn leave(&self, room: &str, session: SessionId) -> Vec<String> {
        let mut rooms = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(people) = rooms.get_mut(room) else { return Vec::new() };
        people.retain(|person| person.session != session);
        let left = names(people);
        if left.is_empty() {
            rooms.remove(room);
        }
        left
    }
}

fn names(people: &[Person]) -> Vec<String> {
    people.iter().map(|person| person.name.clone()).collect()
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    tracing_subscriber::fmt().with_writer(std::io::stderr).log_internal_errors(false).init();
    let address = std::env::var("CHAT_ADDR").unwrap_or_else(|_| "127.0.0.1:8081".to_owned());
    let pages = TcpListener::bind(address).await?;
    let app = serverwamp::serve().inject(Rooms::default()).open_topics("chat.").topics("people.");
    println!("http://{}/", pages.local_addr()?);
    tokio::spawn(page::serve(pages, app.handle()));
    app.await?;
    Ok(())
}
