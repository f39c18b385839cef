//! Options and details that the protocol knows, with values of every wrong type: violations, DESIGN section 3.

use serde_json::{Value, json};

use super::{State, THREE};
use crate::script::{Case, Step, case, hear, say, violation};

/// What the value of an option is.
#[derive(Clone, Copy)]
enum Kind {
    Bool,
    Text,
    Number,
    /// One of a closed set of names.
    Name,
    Texts,
    Ids,
    Dict,
    /// A dict whose keys are roles.
    Roles,
}

use Kind::{Bool, Dict, Ids, Name, Number, Roles, Text, Texts};

/// A message, where its options are, where it belongs, and which options it has.
type Options = (Value, usize, State, &'static [(&'static str, Kind)]);

const PASSTHRU: [(&str, Kind); 4] =
    [("ppt_scheme", Text), ("ppt_serializer", Text), ("ppt_cipher", Text), ("ppt_keyid", Text)];

fn options() -> Vec<Options> {
    vec![
        (
            json!([1, "realm1", {"roles": {"caller": {}}}]),
            2,
            State::Connected,
            &[
                ("roles", Roles),
                ("agent", Text),
                ("authmethods", Texts),
                ("authid", Text),
                ("authrole", Text),
                ("authextra", Dict),
            ],
        ),
        (
            json!([16, 1, {}, "open.news"]),
            2,
            State::Joined,
            &[
                ("acknowledge", Bool),
                ("exclude_me", Bool),
                ("disclose_me", Bool),
                ("retain", Bool),
                ("exclude", Ids),
                ("exclude_authid", Texts),
                ("exclude_authrole", Texts),
                ("eligible", Ids),
                ("eligible_authid", Texts),
                ("eligible_authrole", Texts),
            ],
        ),
        (json!([16, 1, {}, "open.news"]), 2, State::Joined, &PASSTHRU),
        (json!([32, 1, {}, "open.news"]), 2, State::Joined, &[("match", Name), ("get_retained", Bool)]),
        (
            json!([48, 1, {}, "add", [2, 3]]),
            2,
            State::Joined,
            &[
                ("timeout", Number),
                ("receive_progress", Bool),
                ("progress", Bool),
                ("disclose_me", Bool),
                ("runmode", Text),
            ],
        ),
        (json!([48, 1, {}, "add", [2, 3]]), 2, State::Joined, &PASSTHRU),
        (json!([49, 1, {}]), 2, State::Joined, &[("mode", Name)]),
        (
            json!([64, 3, {}, "my.other"]),
            2,
            State::Invoked,
            &[
                ("match", Name),
                ("invoke", Name),
                ("concurrency", Number),
                ("force_reregister", Bool),
                ("forward_timeout", Bool),
                ("disclose_caller", Bool),
            ],
        ),
        (json!([70, 1, {}]), 2, State::Invoked, &[("progress", Bool)]),
        (json!([70, 1, {}]), 2, State::Invoked, &PASSTHRU),
        (json!([8, 68, 1, {}, "my.error"]), 3, State::Invoked, &PASSTHRU),
    ]
}

fn wrong(kind: Kind) -> Vec<Value> {
    let (null, yes, one, text, binary) = (json!(null), json!(true), json!(1), json!("x"), json!("\0AAAA"));
    let (list, dict) = (json!([]), json!({}));
    match kind {
        Bool => vec![null, json!(0), one, json!("true"), list, dict, binary],
        Text => vec![null, yes, one, list, dict, binary],
        Number => vec![null, yes, json!(-1), json!(1.5), json!("1"), list, dict, json!(1e300), binary],
        Name => vec![null, yes, one, json!("unknown"), json!(""), json!("Exact"), list, dict, binary],
        Texts => vec![null, yes, one, text, dict, json!([1]), json!([["x"]]), json!(["x", null]), binary],
        Ids => vec![null, yes, one, text, dict, json!([0]), json!([-1]), json!([1.5]), json!(["1"]), json!([1, null])],
        Dict => vec![null, yes, one, text, list, json!([["a", 1]]), binary],
        Roles => vec![
            null,
            one,
            json!(["caller"]),
            json!({"caller": null}),
            json!({"caller": true}),
            json!({"caller": []}),
            json!({"caller": {"features": null}}),
            json!({"caller": {"features": ["call_canceling"]}}),
            json!({"caller": {"features": {"call_canceling": 1}}}),
            json!({"callee": {"features": {"call_canceling": "yes"}}}),
            json!({"subscriber": 1}),
            json!({"publisher": "x"}),
        ],
    }
}

pub(crate) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for (sample, place, state, known) in options() {
        for (key, kind) in known {
            for value in wrong(*kind) {
                let mut message = sample.clone();
                message[place][*key] = value;
                let steps = [state.steps(), vec![say(message.clone())], violation()].concat();
                cases.push(case(message.to_string(), THREE[cases.len() % 3], steps));
            }
        }
    }
    cases.extend(ignored());
    cases
}

/// Keys that the protocol does not know are ignored, whatever they hold.
fn ignored() -> Vec<Case> {
    let strange =
        json!({"x_mine": [{"deep": null}], "_private": "\0AAAA", "": 1, "UPPER": {}, "ü": -1.5, "call_timeout": 1});
    let mut details = strange.clone();
    details["roles"] = json!({"caller": {"x": 1, "features": {"x_mine": 1}}, "x_role": 7});
    let joined = || Step::Enter("realm1");
    let rows = vec![
        vec![say(json!([1, "realm1", details])), hear(json!([2, "…", "…"])), Step::Served],
        vec![joined(), say(json!([48, 1, strange, "add", [2, 3]])), hear(json!([50, 1, {}, [5]]))],
        vec![joined(), say(json!([16, 1, strange, "open.news"])), Step::Served],
        vec![joined(), say(json!([32, 1, strange, "open.news"])), hear(json!([33, 1, "…"])), Step::Served],
        vec![joined(), say(json!([49, 1, strange])), Step::Served],
        vec![joined(), say(json!([6, strange, "my.reason"])), hear(json!([6, {}, "wamp.close.goodbye_and_out"]))],
    ];
    rows.into_iter().map(|steps| case("unknown keys", super::ALL, steps)).collect()
}
