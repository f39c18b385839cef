//! The server's side of sessions, beside a model of what the protocol says of it.

mod application;
mod model;

use std::time::{Duration, Instant};

use arbitrary::{Result, Unstructured};
use bytes::Bytes;

use self::model::{Model, Phase};
use super::codec::{CODECS, LIMITS};
use super::messages::{self, Said};
use crate::session::{Action, Ending, ServerLimits, ServerSession};
use crate::wire::{CancelMode, Codec, Message, RequestId};

const CALLS: usize = 3;
const REPLY_SIZE: usize = 100;

/// What clients say in a session, as often as they may; the last few only if something was invoked.
const CODES: [u64; 24] = [48, 48, 48, 48, 48, 48, 49, 49, 49, 32, 32, 34, 16, 16, 64, 64, 66, 337, 6, 70, 70, 70, 8, 8];
const ANSWERS: usize = 5;

/// Octets as what a client sends, an application decides and a clock says.
pub fn session_server(octets: &[u8]) {
    let mut input = Unstructured::new(octets);
    let Ok(mut play) = Play::new(&mut input) else { return };
    while !input.is_empty() && play.step(&mut input).is_ok() {}
    play.lose_connection();
}

/// A session, and what is to be expected of it.
struct Play {
    codec: Codec,
    session: ServerSession,
    now: Instant,
    model: Model,
    /// Calls that were started, with what tells them apart, ended ones too.
    calls: Vec<(RequestId, u64)>,
    next_invocation: RequestId,
}

impl Play {
    fn new(input: &mut Unstructured<'_>) -> Result<Play> {
        let codec = *input.choose(&CODECS)?;
        let strict = input.ratio(1, 4)?;
        let now = tokio::time::Instant::now().into_std();
        let limits = ServerLimits {
            scan: LIMITS,
            calls_in_flight: CALLS,
            reply_size: REPLY_SIZE,
            hello_timeout: Duration::from_secs(5),
            welcome_timeout: Duration::from_secs(15),
            goodbye_timeout: Duration::from_secs(2),
            strict_request_ids: strict,
        };
        let session = ServerSession::new(codec, limits, now);
        let model = Model::new(strict, now);
        Ok(Play { codec, session, now, model, calls: Vec::new(), next_invocation: RequestId::FIRST })
    }

    fn step(&mut self, input: &mut Unstructured<'_>) -> Result<()> {
        if self.model.phase == Phase::Closed && input.ratio(1, 4)? {
            return Err(arbitrary::Error::NotEnoughData);
        }
        let said = match input.int_in_range(0..=31)? {
            0..=13 => {
                let codes: &[u64] = match self.model.phase {
                    Phase::Silent => &[1],
                    Phase::Challenged => &[5],
                    // It is for the application to go on, mostly.
                    Phase::Joining if input.ratio(15, 16)? => return Ok(()),
                    Phase::ShuttingDown => &[6, 48, 50],
                    Phase::Established if self.model.last_invocation > 0 => &CODES,
                    _ => &CODES[..CODES.len() - ANSWERS],
                };
                let message = messages::message(input, self.codec, codes)?;
                self.receive(message)
            }
            14 if input.ratio(1, 8)? => {
                let length = input.int_in_range(0..=40)?;
                let octets = input.bytes(length)?;
                self.receive(Bytes::copy_from_slice(octets))
            }
            15 => self.wait(input)?,
            16 if input.ratio(1, 8)? => {
                self.session.handle_violation("not even a message");
                self.model.violation()
            }
            _ => self.decide(input)?,
        };
        self.check(&said);
        Ok(())
    }

    fn receive(&mut self, message: Bytes) -> Vec<Said> {
        let said = self.model.receive(Message::parse(self.codec, message.clone(), LIMITS), self.now);
        self.session.handle_message(message, self.now);
        said
    }

    fn wait(&mut self, input: &mut Unstructured<'_>) -> Result<Vec<Said>> {
        let most = if input.ratio(1, 8)? { 6000 } else { 500 };
        self.now += Duration::from_millis(input.int_in_range(0..=most)?);
        self.session.handle_timeout(self.now);
        Ok(self.model.wait(self.now))
    }

    /// What the session asks for and says is what the model expects, in the same order.
    fn check(&mut self, expected: &[Said]) {
        let mut said = Vec::new();
        while let Some(action) = self.session.poll_action() {
            if let Action::Call { call, serial } = &action {
                assert!(self.calls.iter().all(|(_, other)| other < serial), "no two calls have the same number");
                self.calls.push((call.request, *serial));
            }
            if let Some(action) = in_words(&action) {
                said.push(Said::Action(action));
            }
        }
        let codec = self.codec;
        self.session.drain_output(|octets| {
            let message = Message::parse(codec, Bytes::copy_from_slice(octets), LIMITS).unwrap();
            said.push(Said::Sent(messages::in_words(&message)));
        });
        // Between the two there is no order.
        let mut expected = expected.to_vec();
        expected.sort_by_key(|said| matches!(said, Said::Sent(_)));
        assert_eq!(said, expected, "{:?}", self.model);
        assert_eq!(self.session.poll_timeout(), self.model.deadline, "{:?}", self.model);
        assert_eq!(self.session.output_size(), 0);
    }

    fn lose_connection(&mut self) {
        let said = self.model.close(Ending::Disconnected);
        self.session.handle_disconnect();
        self.check(&said);
    }
}

/// What a session asks for, but for what it only counts.
fn in_words(action: &Action) -> Option<String> {
    Some(match action {
        Action::Join(_) => "join".to_owned(),
        Action::Authenticate(_) => "authenticate".to_owned(),
        Action::Call { call, serial } => format!("call {} {serial}", call.request),
        Action::Continue { call, serial } => format!("continue {} {serial}", call.request),
        Action::Yield(result) => format!("yield {}", result.request),
        Action::Fail(failure) => format!("fail {}", failure.request),
        Action::Cancel { serial, mode } => canceled(*serial, *mode),
        Action::Subscribe(it) => format!("subscribe {}", it.request),
        Action::Unsubscribe(it) => format!("unsubscribe {}", it.request),
        Action::Publish(it) => format!("publish {}", it.request),
        Action::Register(it) => format!("register {}", it.request),
        Action::Unregister(it) => format!("unregister {}", it.request),
        Action::Leave => "leave".to_owned(),
        Action::Left(ending) => format!("left {ending:?}"),
        Action::Close(ending) => format!("close {ending:?}"),
        Action::Violated(_) => "violated".to_owned(),
        Action::LimitMet(_) => return None,
    })
}

fn canceled(serial: u64, mode: CancelMode) -> String {
    format!("cancel {serial} {}", mode.name())
}
