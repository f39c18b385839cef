//! What a case says, and how it is played.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use serverwamp::AppHandle;
use serverwamp_tests::{Carrier, Heard, Peer, Serializer};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::{TcpSocket, TcpStream};
use tokio::runtime::Builder;

use crate::world::{PATIENCE, Temper, World};

/// What peers do, and what must come of it.
#[derive(Debug, Clone)]
pub(crate) struct Case {
    pub(crate) name: String,
    /// The serializers, with their transports, that it is played in.
    pub(crate) on: &'static [Serializer],
    /// Whose turn it is, and what that peer does or must see. Peers connect when they are first named.
    pub(crate) scene: Vec<(&'static str, Step)>,
    /// Instead of a scene.
    opening: Option<Opening>,
    temper: Temper,
}

impl Case {
    /// The same for another server.
    pub(crate) fn before(self, temper: Temper) -> Case {
        Case { temper, ..self }
    }
}

/// How a connection begins that need not become anything.
#[derive(Debug, Clone)]
struct Opening {
    sent: Vec<u8>,
    /// Whether the peer ends its half of the connection behind that.
    ends: bool,
    /// What the answer begins with; nothing for none.
    answer: Vec<u8>,
}

/// What a peer does, or must see.
#[derive(Debug, Clone)]
pub(crate) enum Step {
    /// Joins this realm, in all roles and with all features.
    Enter(&'static str),
    /// Sends a message.
    Say(Value),
    /// Sends messages, as one batch where there are any.
    SayAll(Vec<Value>),
    /// Sends a frame of the transport with this payload.
    Frame(Vec<u8>),
    /// Sends octets as they are, beneath all frames.
    Octets(Vec<u8>),
    /// Gets a message; `"…"` stands for anything, and a text that begins with `$` for what is called so from then on, in
    /// what is sent as well.
    Hear(Value),
    /// Gets messages like the first of these, as many as there are, and then one like the second.
    HearUntil(Value, Value),
    /// Gets these messages, in any order.
    HearAll(Vec<Value>),
    /// Gets the answer to a ping.
    Pong(Vec<u8>),
    /// Gets the end: a WebSocket with this code, a RawSocket without a word.
    Closed(u16),
    /// Gets the end of a WebSocket without a code.
    ClosedWithoutCode,
    /// Gets the end with this code, leaves it without an answer, and gets the end of the stream.
    ClosedUnanswered(u16),
    /// Gets nothing for so long, while pings are answered.
    Listen(Duration),
    /// Gets the end of the stream without a close frame.
    Lost,
    /// Makes sure that nothing else has come, by a call that is answered, in a realm with functions.
    Served,
    /// Is gone without a word.
    Vanish,
    /// Waits until the server has met this limit since the case began; nothing is read meanwhile.
    Met(&'static str),
    /// Lets time pass: there is nothing to be seen that could be waited for.
    Wait(Duration),
}

/// How octets are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pace {
    AtOnce,
    OneByOne,
}

/// Those in which cases are played octet by octet as well.
const SLOW: [Serializer; 3] = [Serializer::Json, Serializer::CborBatched, Serializer::RawSocketMessagePack];

/// A case of one peer.
pub(crate) fn case(name: impl Into<String>, on: &'static [Serializer], steps: Vec<Step>) -> Case {
    scene(name, on, steps.into_iter().map(|step| ("peer", step)).collect())
}

/// A case of several peers.
pub(crate) fn scene(name: impl Into<String>, on: &'static [Serializer], scene: Vec<(&'static str, Step)>) -> Case {
    Case { name: name.into(), on, scene, opening: None, temper: Temper::Usual }
}

/// A connection that begins with these octets and then says no more, and what it is answered before the end.
pub(crate) fn opening(name: impl Into<String>, sent: Vec<u8>, answer: Vec<u8>) -> Case {
    Case { opening: Some(Opening { sent, ends: true, answer }), ..scene(name, &[Serializer::Json], Vec::new()) }
}

/// A connection that begins with these octets and then waits for what does not come, until it is dropped.
pub(crate) fn silent_opening(name: impl Into<String>, sent: Vec<u8>) -> Case {
    let opening = Opening { sent, ends: false, answer: Vec::new() };
    Case { opening: Some(opening), ..scene(name, &[Serializer::Json], Vec::new()) }
}

pub(crate) fn say(message: Value) -> Step {
    Step::Say(message)
}

pub(crate) fn hear(message: Value) -> Step {
    Step::Hear(message)
}

/// ABORT for a violation of the protocol, and the end of the connection.
pub(crate) fn violation() -> Vec<Step> {
    vec![hear(json!([3, "…", "wamp.error.protocol_violation"])), Step::Closed(1002)]
}

/// An ERROR with a message.
pub(crate) fn error(kind: u64, request: u64, uri: &str) -> Step {
    hear(json!([8, kind, request, {}, uri, [], "…"]))
}

/// HELLO in all roles and with all features that peers have.
pub(crate) fn hello(realm: &str) -> Value {
    let features = json!({"features": {
        "progressive_call_results": true, "progressive_call_invocations": true, "call_canceling": true,
        "call_timeout": true, "registration_revocation": true, "subscription_revocation": true,
        "payload_passthru_mode": true,
    }});
    json!([1, realm, {"roles": {"caller": features, "callee": features, "publisher": features, "subscriber": features}}])
}

/// Plays all cases of a table, each in each of its serializers, and after each makes sure that it has left nothing behind.
pub(crate) fn play(table: &str, cases: &[Case]) {
    let started = Instant::now();
    let (mut runs, mut failures) = (0, 0);
    for temper in [Temper::Usual, Temper::Impatient, Temper::Unpinging] {
        let cases: Vec<&Case> = cases.iter().filter(|case| case.temper == temper).collect();
        if cases.is_empty() {
            continue;
        }
        let world = World::start(temper);
        for case in cases {
            let mut failed = false;
            for group in groups(case) {
                runs += group.len();
                let runtime = Builder::new_current_thread().enable_all().build().unwrap();
                let players = group.iter().map(|&(place, pace)| play_case(&world, case, place, pace, group.len()));
                let outcomes = runtime.block_on(futures_util::future::join_all(players));
                drop(runtime);
                for (&(place, pace), outcome) in group.iter().zip(outcomes) {
                    let Err(problem) = outcome else { continue };
                    // Of each case one failure is shown, and none is kept: memory is looked at.
                    if !failed {
                        eprintln!("{} ({}, {pace:?}): {problem}", case.name, case.on[place]);
                    }
                    (failed, failures) = (true, failures + 1);
                }
                let (place, pace) = group[0];
                world.check(case.on[place], &format!("{} ({}, {pace:?})", case.name, case.on[place]));
            }
        }
    }
    println!("{table}: {} cases, played {runs} times in {:.1} s", cases.len(), started.elapsed().as_secs_f64());
    assert!(failures == 0, "{failures} of {runs} go otherwise");
}

/// In which serializers, and at which pace, a case is played: one after the other, but together where there is nothing to do
/// but to wait.
fn groups(case: &Case) -> Vec<Vec<(usize, Pace)>> {
    let at_once = (0..case.on.len()).map(|place| (place, Pace::AtOnce));
    if case.temper != Temper::Usual {
        return vec![at_once.collect()];
    }
    let slow = (0..case.on.len()).filter(|&place| SLOW.contains(&case.on[place])).map(|place| (place, Pace::OneByOne));
    at_once.chain(slow).map(|run| vec![run]).collect()
}

/// Plays a case, one of so many that are played at this time. Fails with what went otherwise than it says.
async fn play_case(world: &World, case: &Case, place: usize, pace: Pace, together: usize) -> Result<(), String> {
    if let Some(opening) = &case.opening {
        let opened = tokio::time::timeout(PATIENCE, open(world.address, opening, pace)).await;
        return opened.unwrap_or_else(|_| Err("no end comes".to_owned()));
    }
    let mut stage = Stage {
        address: world.address,
        handle: &world.handle,
        met: world.handle.statistics().limits,
        together: together as u64,
        pace,
        peers: BTreeMap::new(),
        known: Known::default(),
    };
    for (number, (name, step)) in case.scene.iter().enumerate() {
        // Each peer has another serializer, where there are several.
        let serializer = case.on[(place + stage.peers.len()) % case.on.len()];
        if !stage.peers.contains_key(name) {
            let peer = stage.connect(name, serializer).await;
            stage.peers.insert(name, peer);
        }
        let done = tokio::time::timeout(PATIENCE, stage.step(name, step)).await;
        done.unwrap_or_else(|_| Err("nothing comes".to_owned())).map_err(|problem| {
            let step: String = format!("{step:?}").chars().take(300).collect();
            format!("step {number}, {name}: {step}\n    {problem}")
        })?;
    }
    Ok(())
}

/// Begins a connection; the server has to end it with this answer.
async fn open(address: SocketAddr, opening: &Opening, pace: Pace) -> Result<(), String> {
    let Opening { sent, ends, answer } = opening;
    let mut stream = OneByOne(TcpStream::connect(address).await.unwrap());
    stream.0.set_nodelay(true).unwrap();
    // The server may have answered, and closed, before it has read all of that.
    let _ = match pace {
        Pace::AtOnce => stream.0.write_all(sent).await,
        Pace::OneByOne => stream.write_all(sent).await,
    };
    if *ends {
        let _ = stream.shutdown().await;
    }
    let mut got = Vec::new();
    let ended = stream.read_to_end(&mut got).await;
    if ended.is_err() && got.is_empty() && !answer.is_empty()
        || !got.starts_with(answer.as_slice())
        || got.is_empty() != answer.is_empty()
    {
        return Err(format!("{ended:?}: got {:?}", String::from_utf8_lossy(&got)));
    }
    Ok(())
}

/// The peers of a case, and what they are connected to.
struct Stage<'w> {
    address: SocketAddr,
    handle: &'w AppHandle,
    /// How often limits had been met before.
    met: BTreeMap<&'static str, u64>,
    /// How many peers do the same at this time.
    together: u64,
    pace: Pace,
    peers: BTreeMap<&'static str, Peer>,
    known: Known,
}

impl Stage<'_> {
    /// A peer called `resetting` goes with a reset; of one called `dead`, the system takes little that it does not read.
    async fn connect(&self, name: &str, serializer: Serializer) -> Peer {
        let socket = TcpSocket::new_v4().unwrap();
        if name == "dead" {
            socket.set_recv_buffer_size(16 * 1024).unwrap();
        }
        let stream = socket.connect(self.address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        if name == "resetting" {
            stream.set_zero_linger().unwrap();
        }
        match self.pace {
            Pace::AtOnce => Peer::over(stream, serializer),
            Pace::OneByOne => Peer::over(OneByOne(stream), serializer),
        }
    }

    async fn step(&mut self, name: &str, step: &Step) -> Result<(), String> {
        if let Step::Vanish = step {
            self.peers.remove(name);
            return Ok(());
        }
        let (peer, known) = (self.peers.get_mut(name).expect("a peer"), &mut self.known);
        match step {
            Step::Enter(realm) => {
                peer.send(hello(realm)).await;
                hears(peer, &json!([2, "…", "…"]), known).await
            }
            Step::Say(message) => {
                peer.send(known.fill(message)).await;
                Ok(())
            }
            Step::SayAll(messages) => {
                peer.send_all(messages).await;
                Ok(())
            }
            Step::Frame(payload) => {
                peer.send_frame(payload).await;
                Ok(())
            }
            Step::Octets(octets) => {
                peer.send_octets(octets).await;
                Ok(())
            }
            Step::Hear(wanted) => hears(peer, wanted, known).await,
            Step::HearUntil(like, last) => loop {
                match peer.receive().await {
                    Some(got) if known.matches(&got, last) => return Ok(()),
                    Some(got) if known.matches(&got, like) => {}
                    got => return Err(format!("got {got:?}, expected {like}, then {last}")),
                }
            },
            Step::HearAll(wanted) => {
                let mut wanted = wanted.clone();
                while !wanted.is_empty() {
                    let got = peer.receive().await.ok_or_else(|| format!("closed, expected {wanted:?}"))?;
                    let place = wanted.iter().position(|wanted| known.matches(&got, wanted));
                    wanted.swap_remove(place.ok_or_else(|| format!("got {got}, expected {wanted:?}"))?);
                }
                Ok(())
            }
            Step::Pong(payload) => heard(&peer.hear().await, &Heard::Pong(payload.clone())),
            Step::Closed(code) => {
                if let Some(more) = peer.receive().await {
                    return Err(format!("got {more}"));
                }
                if peer.serializer().carrier() == Carrier::WebSocket {
                    if peer.close_code() != Some(*code) {
                        return Err(format!("closed with {:?}", peer.close_code()));
                    }
                    let [high, low] = code.to_be_bytes();
                    peer.send_octets(&[0x88, 0x82, 0, 0, 0, 0, high, low]).await;
                }
                heard(&peer.hear().await, &Heard::End)
            }
            Step::ClosedWithoutCode => {
                heard(&peer.hear().await, &Heard::Close(None))?;
                heard(&peer.hear().await, &Heard::End)
            }
            Step::ClosedUnanswered(code) => {
                heard(&peer.hear().await, &Heard::Close(Some(*code)))?;
                heard(&peer.hear().await, &Heard::End)
            }
            Step::Listen(time) => match peer.is_silent_for(*time).await {
                true => Ok(()),
                false => Err("something comes".to_owned()),
            },
            Step::Lost => heard(&peer.hear().await, &Heard::End),
            Step::Served => {
                peer.send(json!([48, 9_999, {}, "add", [2, 3]])).await;
                hears(peer, &json!([50, 9_999, {}, [5]]), known).await
            }
            Step::Met(limit) => {
                let before = self.met.get(limit).copied().unwrap_or_default();
                while self.handle.statistics().limits.get(limit).copied().unwrap_or_default() < before + self.together {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
                Ok(())
            }
            Step::Wait(time) => {
                tokio::time::sleep(*time).await;
                Ok(())
            }
            Step::Vanish => Ok(()),
        }
    }
}

async fn hears(peer: &mut Peer, wanted: &Value, known: &mut Known) -> Result<(), String> {
    match peer.receive().await {
        Some(got) if known.matches(&got, wanted) => Ok(()),
        Some(got) => Err(format!("got {got}, expected {wanted}")),
        None => Err(format!("closed with {:?}, expected {wanted}", peer.close_code())),
    }
}

/// What names stand for.
#[derive(Default)]
struct Known(BTreeMap<String, Value>);

impl Known {
    fn matches(&mut self, got: &Value, wanted: &Value) -> bool {
        match (got, wanted) {
            (_, Value::String(any)) if any == "…" => true,
            (_, Value::String(name)) if name.starts_with('$') => {
                self.0.entry(name.clone()).or_insert_with(|| got.clone()) == got
            }
            (Value::Array(got), Value::Array(wanted)) => {
                got.len() == wanted.len() && got.iter().zip(wanted).all(|(got, wanted)| self.matches(got, wanted))
            }
            (Value::Object(got), Value::Object(wanted)) => {
                got.len() == wanted.len()
                    && wanted.iter().all(|(key, wanted)| got.get(key).is_some_and(|got| self.matches(got, wanted)))
            }
            _ => got == wanted,
        }
    }

    fn fill(&self, message: &Value) -> Value {
        match message {
            Value::String(name) if self.0.contains_key(name) => self.0[name].clone(),
            Value::Array(elements) => elements.iter().map(|element| self.fill(element)).collect(),
            _ => message.clone(),
        }
    }
}

fn heard(got: &Heard, wanted: &Heard) -> Result<(), String> {
    if got == wanted { Ok(()) } else { Err(format!("got {got:?}, expected {wanted:?}")) }
}

/// Octets that are sent in packets of their own, of those that are sent together.
const SINGLE_OCTETS: usize = 2048;

/// A stream that sends octets in packets of their own.
struct OneByOne(TcpStream);

impl AsyncWrite for OneByOne {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, octets: &[u8]) -> Poll<io::Result<usize>> {
        let mut written = 0;
        while written < octets.len().min(SINGLE_OCTETS)
            && self.0.try_write(&octets[written..=written]).is_ok_and(|octets| octets > 0)
        {
            written += 1;
        }
        match written {
            // Whatever is the matter, this knows.
            0 => Pin::new(&mut self.0).poll_write(context, octets),
            SINGLE_OCTETS => Poll::Ready(Ok(written + self.0.try_write(&octets[written..]).unwrap_or_default())),
            written => Poll::Ready(Ok(written)),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }
}

impl AsyncRead for OneByOne {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, room: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(context, room)
    }
}
