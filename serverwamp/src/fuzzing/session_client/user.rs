//! What the user of a client's session wants, and what is to come of it.

use arbitrary::{Result, Unstructured};
use bytes::Bytes;

use super::Play;
use super::model::{Asked, Phase, failed, sent, told};
use crate::fuzzing::messages::{Said, answer};
use crate::session::Answer;
use crate::wire::{
    CallOptions, CancelMode, Codec, Dict, Group, MatchPolicy, Payload, PublishOptions, RegisterOptions, RegistrationId,
    RequestId, SubscribeOptions, SubscriptionId, Uri, Value, encode_into, uris,
};

impl Play {
    /// A message that answers something that was asked, or is about something that there is.
    pub(super) fn likely(&self, input: &mut Unstructured<'_>) -> Result<Bytes> {
        let id = input.int_in_range(1..=4_u64)?;
        let empty = || Value::Map(Dict::new());
        let requests: Vec<(RequestId, Asked)> = self.model.asked.iter().map(|(id, it)| (*id, it.clone())).collect();
        let elements = match input.int_in_range(0..=5)? {
            0..=3 if !requests.is_empty() => {
                let (request, asked) = input.choose(&requests)?;
                let request = Value::from(request.get());
                let (code, succeeded) = match asked {
                    Asked::Call => (48_u64, vec![50_u64.into(), request.clone(), empty()]),
                    Asked::Publish => (16, vec![17_u64.into(), request.clone(), id.into()]),
                    Asked::Subscribe((uri, policy)) => {
                        // Mostly there is one id for each pattern.
                        let id = if input.ratio(7, 8)? { uri.len() as u64 + *policy as u64 } else { id };
                        (32, vec![33_u64.into(), request.clone(), id.into()])
                    }
                    Asked::Unsubscribe(_) => (34, vec![35_u64.into(), request.clone()]),
                    Asked::Register(_) => (64, vec![65_u64.into(), request.clone(), id.into()]),
                    Asked::Unregister(_) => (66, vec![67_u64.into(), request.clone()]),
                };
                match input.ratio(3, 4)? {
                    true => succeeded,
                    false => vec![8_u64.into(), code.into(), request, empty(), "a.error".into()],
                }
            }
            0..=4 => {
                let ids: Vec<u64> = self.model.subscriptions.keys().map(|id| id.get()).collect();
                let id = if ids.is_empty() { id } else { *input.choose(&ids)? };
                vec![36_u64.into(), id.into(), 9_u64.into(), empty()]
            }
            _ => {
                let ids: Vec<u64> = self.model.registrations.keys().map(|id| id.get()).collect();
                let id = if ids.is_empty() { id } else { *input.choose(&ids)? };
                vec![68_u64.into(), input.int_in_range(1..=20_u64)?.into(), id.into(), empty()]
            }
        };
        let mut octets = Vec::new();
        encode_into(self.codec, &Value::Array(elements), &mut octets).unwrap();
        Ok(octets.into())
    }

    pub(super) fn want(&mut self, input: &mut Unstructured<'_>) -> Result<Vec<Said>> {
        match (self.model.phase, input.int_in_range(0..=15)?) {
            (Phase::Challenged, 0..=12) => {
                let answer = Answer { signature: "secret".to_owned(), extra: Dict::new() };
                self.session.authenticate(answer, None).unwrap();
                self.model.phase = Phase::Joining;
                Ok(vec![sent("AUTHENTICATE")])
            }
            (Phase::Challenged, _) => {
                self.session.cannot_authenticate("no such key");
                Ok(self.model.abort(uris::CANNOT_AUTHENTICATE))
            }
            (Phase::Established, 0..=6) => self.ask(input),
            (Phase::Established, 7) if input.ratio(1, 8)? => {
                self.session.goodbye(Uri::known(uris::CLOSE_REALM), None);
                self.model.phase = Phase::ShuttingDown;
                Ok(vec![sent("GOODBYE")])
            }
            (_, 8..=11) => self.answer_invocation(input),
            _ => self.give_up(input),
        }
    }

    fn ask(&mut self, input: &mut Unstructured<'_>) -> Result<Vec<Said>> {
        let uri = Uri::known(input.choose(&["a", "a.b"])?);
        let policy = *input.choose(&[MatchPolicy::Exact, MatchPolicy::Prefix])?;
        let payload = answer(input, self.codec, 10)?;
        let fits = self.codec != Codec::Json || payload.transcode(Codec::Json).is_ok();
        let (kind, asked, request) = match input.int_in_range(0..=4)? {
            0..=1 => {
                let request = self.session.call(uri, CallOptions::default(), payload);
                ("CALL", Some(Asked::Call), request)
            }
            2 => {
                let acknowledge = input.arbitrary()?;
                let options = PublishOptions { acknowledge: Some(acknowledge), ..PublishOptions::default() };
                let request = self.session.publish(uri, options, payload);
                ("PUBLISH", acknowledge.then_some(Asked::Publish), request)
            }
            3 => {
                let options = SubscribeOptions { match_policy: Some(policy), ..SubscribeOptions::default() };
                let request = self.session.subscribe(uri.clone(), options);
                ("SUBSCRIBE", Some(Asked::Subscribe((uri, policy))), request)
            }
            _ => {
                let options = RegisterOptions { match_policy: Some(policy), ..RegisterOptions::default() };
                let request = self.session.register(uri.clone(), options);
                ("REGISTER", Some(Asked::Register(uri)), request)
            }
        };
        if matches!(kind, "CALL" | "PUBLISH") && !fits {
            assert!(request.is_err(), "JSON holds no such payload");
            return Ok(Vec::new());
        }
        let expected = self.model.ask(asked);
        assert_eq!(request, Ok(expected));
        Ok(vec![sent(format!("{kind} {expected}"))])
    }

    /// Ends what was asked for before.
    fn give_up(&mut self, input: &mut Unstructured<'_>) -> Result<Vec<Said>> {
        let is_established = self.model.phase == Phase::Established;
        let id = input.int_in_range(1..=8_u64)?;
        match input.int_in_range(0..=3)? {
            0 => {
                let request = RequestId::new(id).unwrap();
                self.session.cancel(request, CancelMode::Kill);
                let is_open = is_established && self.model.asked.get(&request) == Some(&Asked::Call);
                let canceled = is_open && self.model.can_cancel();
                Ok(if canceled { vec![sent(format!("CANCEL {request}"))] } else { Vec::new() })
            }
            1 => {
                // Its answer may come, as before.
                self.session.abandon(RequestId::new(id).unwrap());
                Ok(Vec::new())
            }
            2 => {
                let known = SubscriptionId::new(id).unwrap();
                let request = self.session.unsubscribe(known);
                if let Some((_, subscribers)) = self.model.subscriptions.get_mut(&known) {
                    *subscribers = subscribers.saturating_sub(1);
                }
                let said = if is_established { self.model.end_if_unused(known) } else { None };
                assert_eq!(request.is_some(), said.is_some());
                Ok(said.into_iter().collect())
            }
            _ => {
                let known = RegistrationId::new(id).unwrap();
                let request = self.session.unregister(known);
                let removed = is_established.then(|| self.model.registrations.remove(&known)).flatten();
                assert_eq!(request.is_some(), removed.is_some());
                Ok(removed.map_or_else(Vec::new, |_| {
                    let request = self.model.ask(Some(Asked::Unregister(known)));
                    vec![sent(format!("UNREGISTER {request} {known}"))]
                }))
            }
        }
    }

    /// Answers an invocation, perhaps one that has been answered.
    fn answer_invocation(&mut self, input: &mut Unstructured<'_>) -> Result<Vec<Said>> {
        if self.invocations.is_empty() {
            return Ok(Vec::new());
        }
        let recent = self.invocations.len().saturating_sub(6);
        let (request, serial) = *input.choose(&self.invocations[recent..])?;
        let is_open = self.model.phase == Phase::Established && self.model.invocations.get(&request) == Some(&serial);
        let payload = answer(input, self.codec, 10)?;
        let fits = self.codec != Codec::Json || payload.transcode(Codec::Json).is_ok();
        let said = match input.int_in_range(0..=2)? {
            0 => {
                self.session.progress(request, serial, Group::default(), &payload);
                match fits {
                    true if is_open => return Ok(vec![sent(format!("YIELD {request} progress"))]),
                    true => Vec::new(),
                    // What was to come before cannot be left out.
                    false => vec![
                        told(format!("interrupt {serial} {}", CancelMode::KillNoWait.name())),
                        failed(request, uris::RUNTIME_ERROR),
                    ],
                }
            }
            1 => {
                self.session.result(request, serial, Group::default(), &payload);
                vec![if fits { sent(format!("YIELD {request}")) } else { failed(request, uris::RUNTIME_ERROR) }]
            }
            _ => {
                let payload = if fits { payload } else { Payload::empty(self.codec) };
                self.session.error(request, serial, &Uri::known("a.error"), Group::default(), &payload);
                vec![failed(request, "a.error")]
            }
        };
        if !is_open {
            return Ok(Vec::new());
        }
        self.model.invocations.remove(&request);
        Ok(said)
    }
}
