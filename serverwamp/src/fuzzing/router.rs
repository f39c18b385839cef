//! A router with two sessions, beside a model of what the protocol says of it.

mod model;
mod requests;

use std::collections::{BTreeMap, BTreeSet};

use arbitrary::{Result, Unstructured};
use futures_util::FutureExt;

use self::model::{Model, Pattern, SIDES};
use crate::app::App;
use crate::routing::Realm;
use crate::testing::RawPeer;
use crate::wire::{Codec, Dict, MAX_ID, Value, decode_value, encode_into};

/// Octets as what two clients of a router say, one after the other.
pub fn router(octets: &[u8]) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(async {
        let mut input = Unstructured::new(octets);
        let Ok(mut play) = Play::new(&mut input) else { return };
        while !input.is_empty() && play.turn(&mut input).await.is_ok() {}
    });
}

struct Play {
    app: App,
    peers: [RawPeer; SIDES],
    codecs: [Codec; SIDES],
    model: Model,
    /// The ids that a router has chosen, by what they stand for.
    ids: Ids,
}

#[derive(Default)]
struct Ids {
    subscriptions: [BTreeMap<u64, Pattern>; SIDES],
    registrations: [BTreeMap<u64, Pattern>; SIDES],
    /// Subscriptions and registrations that are about to end, by the requests for that.
    ending: BTreeMap<(usize, u64), u64>,
    /// What each of them has ever stood for.
    ever: BTreeMap<(&'static str, u64), Pattern>,
    publications: BTreeMap<i64, u64>,
    last_invocation: [u64; SIDES],
    requests: [u64; SIDES],
}

impl Play {
    fn new(input: &mut Unstructured<'_>) -> Result<Play> {
        let codecs = [(); SIDES].map(|()| input.choose(&super::codec::CODECS).copied().unwrap_or(Codec::Json));
        let app = App::new().realm(Realm::new("realm1").router());
        let peers = codecs.map(|codec| connect(&app, codec));
        let mut model = Model::default();
        for side in 0..SIDES {
            model.can_cancel[side] = input.arbitrary()?;
        }
        Ok(Play { app, peers, codecs, model, ids: Ids::default() })
    }

    /// Lets one client say a few things, and looks at what comes of them.
    async fn turn(&mut self, input: &mut Unstructured<'_>) -> Result<()> {
        let side = input.int_in_range(0..=SIDES - 1)?;
        if !self.model.joined[side] {
            self.join(side).await;
            return Ok(());
        }
        match input.int_in_range(0..=40)? {
            0 => {
                self.model.leave(side);
                self.model.expect(side, "GOODBYE");
                self.send(side, vec![6_u64.into(), Dict::new().into(), "wamp.close.normal".into()]).await;
                self.look().await;
                self.forget(side);
            }
            1 => {
                self.model.leave(side);
                self.peers[side] = connect(&self.app, self.codecs[side]);
                self.forget(side);
                self.look().await;
            }
            _ => {
                for _ in 0..input.int_in_range(1..=3)? {
                    if let Some(message) = self.request(side, input)? {
                        self.send(side, message).await;
                    }
                }
                self.look().await;
            }
        }
        Ok(())
    }

    fn forget(&mut self, side: usize) {
        self.ids.subscriptions[side].clear();
        self.ids.registrations[side].clear();
        self.ids.last_invocation[side] = 0;
        self.ids.requests[side] = 0;
    }

    async fn join(&mut self, side: usize) {
        let features =
            |names: &[&str]| Dict::from([("features", names.iter().map(|name| (*name, true)).collect::<Dict>())]);
        let callee: &[&str] = match self.model.can_cancel[side] {
            true => &["call_canceling", "progressive_call_results"],
            false => &["progressive_call_results"],
        };
        let roles = Dict::from([
            ("publisher", features(&[])),
            ("subscriber", features(&[])),
            ("caller", features(&["progressive_call_results", "call_canceling"])),
            ("callee", features(callee)),
        ]);
        self.model.joined[side] = true;
        self.model.expect(side, "WELCOME");
        self.send(side, vec![1_u64.into(), "realm1".into(), Dict::from([("roles", roles)]).into()]).await;
        self.look().await;
    }

    async fn send(&mut self, side: usize, message: Vec<Value>) {
        let mut octets = Vec::new();
        encode_into(self.codecs[side], &Value::Array(message), &mut octets).unwrap();
        self.peers[side].send(&octets).await.unwrap();
    }

    /// Waits until nothing happens any more, and compares what has come with what was to come.
    async fn look(&mut self) {
        for _ in 0..12 {
            tokio::task::yield_now().await;
        }
        let mut came: [Vec<String>; SIDES] = Default::default();
        for (side, came) in came.iter_mut().enumerate() {
            while let Some(received) = self.peers[side].receive().now_or_never() {
                let octets = received.expect("the connection stays");
                let message = decode_value(self.codecs[side], &octets).unwrap();
                came.push(self.in_words(side, message.as_array().unwrap()));
            }
        }
        let mut expected = std::mem::take(&mut self.model.expected);
        self.model.answered.clear();
        for (call, candidates) in std::mem::take(&mut self.model.calls_to_place) {
            let word = format!("INVOCATION {call}");
            let callee = (0..SIDES).find(|side| came[*side].contains(&word));
            let callee = callee.unwrap_or_else(|| panic!("nobody got {word}: {came:?}, {:?}", self.model));
            assert!(candidates.contains(&callee), "{callee} got {word}: {:?}", self.model);
            expected[callee].push(word);
        }
        for (came, expected) in came.iter_mut().zip(&mut expected) {
            came.sort();
            expected.sort();
        }
        assert_eq!(came, expected, "{:?}", self.model);
    }

    /// What a message says, with names in the place of ids.
    fn in_words(&mut self, side: usize, message: &[Value]) -> String {
        let number = |index: usize| message[index].as_u64().unwrap();
        let detail = |index: usize, key: &str| message[index].as_map().unwrap().get(key).cloned();
        let seq = |index: usize| message[index].as_array().unwrap()[0].as_i64().unwrap();
        match number(0) {
            2 => {
                assert!((1..=MAX_ID).contains(&number(1)));
                "WELCOME".to_owned()
            }
            6 => "GOODBYE".to_owned(),
            8 => format!("ERROR {} {} {}", number(1), number(2), message[4].as_str().unwrap()),
            17 => {
                let seq = self.model.published.remove(&(side, number(1))).unwrap();
                self.check_publication(seq, number(2));
                format!("PUBLISHED {}", number(1))
            }
            33 => {
                let pattern = self.model.asked.remove(&(side, number(1))).unwrap();
                self.learn("subscription", number(2), &pattern);
                self.ids.subscriptions[side].insert(number(2), pattern);
                format!("SUBSCRIBED {}", number(1))
            }
            35 => {
                let id = self.ids.ending.remove(&(side, number(1))).unwrap();
                self.ids.subscriptions[side].remove(&id);
                format!("UNSUBSCRIBED {}", number(1))
            }
            36 => {
                let pattern = self.ids.subscriptions[side].get(&number(1)).expect("SUBSCRIBED comes first").clone();
                let seq = seq(4);
                self.check_publication(seq, number(2));
                let last = self.model.last_event[side].replace(seq);
                assert!(last.is_none_or(|last| last <= seq), "events in the order of their publication");
                let topic = detail(3, "topic").map_or_else(String::new, |topic| topic.as_str().unwrap().to_owned());
                format!("EVENT {pattern:?} {seq} {topic}")
            }
            50 => {
                let progress = detail(2, "progress") == Some(Value::Bool(true));
                format!("RESULT {} {}{}", number(1), seq(3), if progress { " progress" } else { "" })
            }
            65 => {
                let pattern = self.model.asked.remove(&(side, number(1))).unwrap();
                self.learn("registration", number(2), &pattern);
                self.ids.registrations[side].insert(number(2), pattern);
                format!("REGISTERED {}", number(1))
            }
            67 => {
                let id = self.ids.ending.remove(&(side, number(1))).unwrap();
                self.ids.registrations[side].remove(&id);
                format!("UNREGISTERED {}", number(1))
            }
            68 => {
                self.ids.last_invocation[side] += 1;
                assert_eq!(number(1), self.ids.last_invocation[side], "ids of invocations are counted");
                let pattern = self.ids.registrations[side].get(&number(2)).expect("REGISTERED comes first");
                let seq = seq(4);
                let procedure = detail(3, "procedure").map(|it| it.as_str().unwrap().to_owned());
                let wants_progress = detail(3, "receive_progress") == Some(Value::Bool(true));
                self.model.invoked(side, number(1), seq, pattern, procedure.as_deref(), wants_progress);
                format!("INVOCATION {seq}")
            }
            69 => format!("INTERRUPT {}", number(1)),
            code => panic!("{code} is nothing that a router says: {message:?}"),
        }
    }

    /// An id stands for one thing, and never for another one.
    fn learn(&mut self, kind: &'static str, id: u64, pattern: &Pattern) {
        let known = self.ids.ever.entry((kind, id)).or_insert_with(|| pattern.clone());
        assert_eq!(known, pattern, "{kind} {id}");
        let others = self.ids.subscriptions.iter().filter(|_| kind == "subscription");
        let others = others.chain(self.ids.registrations.iter().filter(|_| kind == "registration"));
        let ids: BTreeSet<u64> =
            others.flatten().filter(|(_, other)| *other == pattern).map(|(id, _)| *id).chain([id]).collect();
        assert_eq!(ids.len(), 1, "one {kind} of {pattern:?}");
    }

    fn check_publication(&mut self, seq: i64, id: u64) {
        assert!((1..=MAX_ID).contains(&id));
        let known = *self.ids.publications.entry(seq).or_insert(id);
        assert_eq!(known, id, "one publication, one id");
    }
}

fn connect(app: &App, codec: Codec) -> RawPeer {
    let subprotocol = match codec {
        Codec::Json => "wamp.2.json",
        Codec::MessagePack => "wamp.2.msgpack",
        Codec::Cbor => "wamp.2.cbor",
    };
    RawPeer::connect(app, subprotocol).unwrap()
}
