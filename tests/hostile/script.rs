//! What a case says, and how it is played.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use serverwamp::AppHandle;
use serverwamp_tests::{Carrier, Heard, Peer, Serializer, same};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;
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
    /// Instead of a scene: what a connection begins and ends with, and what its answer begins with; nothing for none.
    opening: Option<(Vec<u8>, Vec<u8>)>,
    pub(crate) temper: Temper,
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
    /// Gets a message; `"…"` stands for anything.
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
    // What is served afterwards is JSON; at this pace and that.
    Case { opening: Some((sent, answer)), ..scene(name, &[Serializer::Json], Vec::new()) }
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
    for temper in [Temper::Usual, Temper::Impatient] {
        let cases: Vec<&Case> = cases.iter().filter(|case| case.temper == temper).collect();
        if cases.is_empty() {
            continue;
        }
        let world = World::start(temper);
        // Of each case, one failure is shown.
        let mut failed = None;
        for (number, case) in cases.into_iter().enumerate() {
            for (place, &serializer) in case.on.iter().enumerate() {
                let paces: &[Pace] = match temper {
                    Temper::Usual if SLOW.contains(&serializer) => &[Pace::AtOnce, Pace::OneByOne],
                    _ => &[Pace::AtOnce],
                };
                for &pace in paces {
                    let context = format!("{} ({serializer}, {pace:?})", case.name);
                    if let Err(problem) = play_case(&world, case, place, pace) {
                        // Not kept: memory is looked at.
                        if failed != Some(number) {
                            eprintln!("{context}: {problem}");
                        }
                        (failed, failures) = (Some(number), failures + 1);
                    }
                    world.check(serializer, &context);
                    runs += 1;
                }
            }
        }
    }
    println!("{table}: {} cases, played {runs} times in {:.1} s", cases.len(), started.elapsed().as_secs_f64());
    assert!(failures == 0, "{failures} of {runs} go otherwise");
}

/// What went otherwise than the case says, if anything did.
fn play_case(world: &World, case: &Case, place: usize, pace: Pace) -> Result<(), String> {
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let met = world.handle.statistics().limits;
    let mut stage = Stage { address: world.address, handle: &world.handle, met, pace, peers: BTreeMap::new() };
    runtime.block_on(async {
        if let Some((sent, answer)) = &case.opening {
            let opened = tokio::time::timeout(PATIENCE, open(world.address, sent, answer, pace)).await;
            opened.unwrap_or_else(|_| Err("no end comes".to_owned()))?;
        }
        for (number, (name, step)) in case.scene.iter().enumerate() {
            // Each peer has another serializer, where there are several.
            let serializer = case.on[(place + stage.peers.len()) % case.on.len()];
            if !stage.peers.contains_key(name) {
                let peer = stage.connect(name, serializer).await;
                stage.peers.insert(name, peer);
            }
            let done = tokio::time::timeout(PATIENCE, stage.step(name, step)).await;
            done.unwrap_or_else(|_| Err("nothing comes".to_owned()))
                .map_err(|problem| format!("step {number}, {name}: {step:?}\n    {problem}"))?;
        }
        Ok(())
    })
}

/// Begins a connection and ends its own half of it; the other half has to end with this answer.
async fn open(address: SocketAddr, sent: &[u8], answer: &[u8], pace: Pace) -> Result<(), String> {
    let mut stream = OneByOne(TcpStream::connect(address).await.unwrap());
    stream.0.set_nodelay(true).unwrap();
    // The server may have answered, and closed, before it has read all of that.
    let _ = match pace {
        Pace::AtOnce => stream.0.write_all(sent).await,
        Pace::OneByOne => stream.write_all(sent).await,
    };
    let _ = stream.shutdown().await;
    let mut got = Vec::new();
    let ended = stream.read_to_end(&mut got).await;
    if ended.is_err() && got.is_empty() && !answer.is_empty() || !got.starts_with(answer) || got.is_empty() != answer.is_empty() {
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
    pace: Pace,
    peers: BTreeMap<&'static str, Peer>,
}

impl Stage<'_> {
    /// One whose name begins with `resetting` goes with a reset; one that begins with `small` takes 512 octets at most over
    /// RawSocket.
    async fn connect(&self, name: &str, serializer: Serializer) -> Peer {
        let stream = TcpStream::connect(self.address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        if name.starts_with("resetting") {
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
        let peer = self.peers.get_mut(name).expect("a peer");
        match step {
            Step::Enter(realm) => {
                peer.send(hello(realm)).await;
                hears(peer, &json!([2, "…", "…"])).await
            }
            Step::Say(message) => {
                peer.send(message.clone()).await;
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
            Step::Hear(wanted) => hears(peer, wanted).await,
            Step::HearUntil(like, last) => loop {
                match peer.receive().await {
                    Some(got) if same(&got, last) => return Ok(()),
                    Some(got) if same(&got, like) => {}
                    got => return Err(format!("got {got:?}, expected {like}, then {last}")),
                }
            },
            Step::HearAll(wanted) => {
                let mut wanted = wanted.clone();
                while !wanted.is_empty() {
                    let got = peer.receive().await.ok_or_else(|| format!("closed, expected {wanted:?}"))?;
                    let place = wanted.iter().position(|wanted| same(&got, wanted));
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
            Step::Lost => heard(&peer.hear().await, &Heard::End),
            Step::Served => {
                peer.send(json!([48, 9_999, {}, "add", [2, 3]])).await;
                hears(peer, &json!([50, 9_999, {}, [5]])).await
            }
            Step::Met(limit) => {
                let before = self.met.get(limit).copied().unwrap_or_default();
                while self.handle.statistics().limits.get(limit).copied().unwrap_or_default() == before {
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

async fn hears(peer: &mut Peer, wanted: &Value) -> Result<(), String> {
    match peer.receive().await {
        Some(got) if same(&got, wanted) => Ok(()),
        Some(got) => Err(format!("got {got}, expected {wanted}")),
        None => Err(format!("closed with {:?}, expected {wanted}", peer.close_code())),
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
        while written < octets.len().min(SINGLE_OCTETS) && self.0.try_write(&octets[written..=written]).is_ok_and(|octets| octets > 0) {
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
