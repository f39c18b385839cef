//! What clients of a router ask for, and answer.

use std::collections::BTreeMap;

use arbitrary::{Result, Unstructured};

use super::model::{Call, Model, Pattern};
use super::{Ids, Play};
use crate::wire::{CancelMode, Dict, InvokePolicy, MatchPolicy, Value};

const URIS: [&str; 6] = ["a", "a.b", "ab.b", "a.b.c", "a.c.c", "b"];
const PATTERNS: [(&str, MatchPolicy); 14] = [
    ("a", MatchPolicy::Exact),
    ("a.b", MatchPolicy::Exact),
    ("a.b.c", MatchPolicy::Exact),
    ("ab.b", MatchPolicy::Exact),
    ("b", MatchPolicy::Exact),
    ("", MatchPolicy::Prefix),
    ("a", MatchPolicy::Prefix),
    ("a.", MatchPolicy::Prefix),
    ("a.b", MatchPolicy::Prefix),
    ("", MatchPolicy::Wildcard),
    (".b", MatchPolicy::Wildcard),
    ("a..c", MatchPolicy::Wildcard),
    ("..c", MatchPolicy::Wildcard),
    ("a.b.", MatchPolicy::Wildcard),
];
const INVOKES: [InvokePolicy; 5] =
    [InvokePolicy::Single, InvokePolicy::First, InvokePolicy::Last, InvokePolicy::RoundRobin, InvokePolicy::Random];
const MODES: [CancelMode; 3] = [CancelMode::Skip, CancelMode::Kill, CancelMode::KillNoWait];

impl Play {
    /// The next message of a client; none if there is nothing to say.
    pub(super) fn request(&mut self, side: usize, input: &mut Unstructured<'_>) -> Result<Option<Vec<Value>>> {
        let what = input.int_in_range(0..=15)?;
        Ok(match what {
            0..=8 => Some(self.ask(what, side, input)?),
            9..=10 => self.cancel(side, input)?,
            _ => self.answer(side, input)?,
        })
    }

    fn ask(&mut self, what: u8, side: usize, input: &mut Unstructured<'_>) -> Result<Vec<Value>> {
        self.ids.requests[side] += 1;
        let request = self.ids.requests[side];
        let model = &mut self.model;
        Ok(match what {
            0..=1 => {
                let (uri, policy) = *input.choose(&PATTERNS)?;
                model.subscribe(side, request, (uri.to_owned(), policy));
                let options = Dict::from([("match", policy.name())]);
                vec![32_u64.into(), request.into(), options.into(), uri.into()]
            }
            2 => {
                let (id, pattern) = self.ids.known(&self.ids.subscriptions[side], input)?;
                self.ids.end((side, request), id, &pattern);
                model.unsubscribe(side, request, pattern.as_ref());
                vec![34_u64.into(), request.into(), id.into()]
            }
            3..=4 => {
                let (topic, acknowledge, exclude_me) = (*input.choose(&URIS)?, input.arbitrary()?, input.arbitrary()?);
                let seq = model.publish(side, request, topic, acknowledge, exclude_me);
                let options = Dict::from([("acknowledge", acknowledge), ("exclude_me", exclude_me)]);
                vec![16_u64.into(), request.into(), options.into(), topic.into(), Value::Array(vec![seq.into()])]
            }
            5 => {
                let ((uri, policy), invoke) = (*input.choose(&PATTERNS)?, *input.choose(&INVOKES)?);
                model.register(side, request, (uri.to_owned(), policy), invoke);
                let options = Dict::from([("match", policy.name()), ("invoke", invoke.name())]);
                vec![64_u64.into(), request.into(), options.into(), uri.into()]
            }
            6 => {
                let (id, pattern) = self.ids.known(&self.ids.registrations[side], input)?;
                self.ids.end((side, request), id, &pattern);
                model.unregister(side, request, pattern.as_ref());
                vec![66_u64.into(), request.into(), id.into()]
            }
            _ => {
                let (procedure, receive_progress) = (*input.choose(&URIS)?, input.arbitrary()?);
                let seq = model.call(side, request, procedure, receive_progress);
                let options = Dict::from([("receive_progress", receive_progress)]);
                vec![48_u64.into(), request.into(), options.into(), procedure.into(), Value::Array(vec![seq.into()])]
            }
        })
    }

    fn cancel(&mut self, side: usize, input: &mut Unstructured<'_>) -> Result<Option<Vec<Value>>> {
        let mode = *input.choose(&MODES)?;
        let is_own =
            |seq, call: &Call| call.caller == side && call.invocation.is_some() && !self.model.answered.contains(&seq);
        let Some(seq) = chosen(&self.model, input, is_own)? else { return Ok(None) };
        let request = self.model.calls[&seq].request;
        self.model.cancel(seq, mode);
        Ok(Some(vec![49_u64.into(), request.into(), Dict::from([("mode", mode.name())]).into()]))
    }

    fn answer(&mut self, side: usize, input: &mut Unstructured<'_>) -> Result<Option<Vec<Value>>> {
        let is_own = |_, call: &Call| call.invocation.is_some_and(|(callee, _)| callee == side);
        let Some(seq) = chosen(&self.model, input, is_own)? else { return Ok(None) };
        let Some((_, invocation)) = self.model.calls[&seq].invocation else { return Ok(None) };
        let args = Value::Array(vec![seq.into()]);
        let answer = *input.choose(&["progress", "result", "result", "a.error"])?;
        self.model.answer(seq, answer);
        Ok(Some(match answer {
            "a.error" => vec![8_u64.into(), 68_u64.into(), invocation.into(), Dict::new().into(), answer.into()],
            _ => {
                let options = Dict::from([("progress", answer == "progress")]);
                vec![70_u64.into(), invocation.into(), options.into(), args]
            }
        }))
    }
}

impl Ids {
    /// The id of something, or one that stands for nothing.
    fn known(&self, ids: &BTreeMap<u64, Pattern>, input: &mut Unstructured<'_>) -> Result<(u64, Option<Pattern>)> {
        let lasting = ids.iter().filter(|(id, _)| !self.ending.values().any(|ending| ending == *id));
        let lasting: Vec<(u64, Pattern)> = lasting.map(|(id, pattern)| (*id, pattern.clone())).collect();
        match lasting.is_empty() || input.ratio(1, 16)? {
            true => Ok((1 << 40, None)),
            false => input.choose(&lasting).map(|(id, pattern)| (*id, Some(pattern.clone()))),
        }
    }

    fn end(&mut self, request: (usize, u64), id: u64, pattern: &Option<Pattern>) {
        if pattern.is_some() {
            self.ending.insert(request, id);
        }
    }
}

fn chosen(
    model: &Model,
    input: &mut Unstructured<'_>,
    is_eligible: impl Fn(i64, &Call) -> bool,
) -> Result<Option<i64>> {
    let eligible: Vec<i64> =
        model.calls.iter().filter(|(seq, call)| is_eligible(**seq, call)).map(|(seq, _)| *seq).collect();
    if eligible.is_empty() { Ok(None) } else { input.choose(&eligible).copied().map(Some) }
}
