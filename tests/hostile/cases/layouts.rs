//! Every message that a client may send, with every wrong number of elements, and a value of every wrong type in the place of
//! each. PROTOCOL 1.1.

use serde_json::{Value, json};

use super::{State, THREE};
use crate::script::{Case, case, say, violation};

/// What an element of a message is.
#[derive(Clone, Copy)]
enum Element {
    Id,
    Dict,
    Uri,
    Text,
    /// The type of the request that an ERROR is about: an INVOCATION, where a client sends it.
    RequestType,
}

use Element::{Dict, Id, RequestType, Text, Uri};

/// A message as a client may send it, what its elements are behind the type, whether Arguments and ArgumentsKw may follow,
/// and where it belongs.
type Layout = (&'static str, Value, &'static [Element], bool, State);

fn layouts() -> Vec<Layout> {
    vec![
        ("HELLO", json!([1, "realm1", {"roles": {"caller": {}}}]), &[Uri, Dict], false, State::Connected),
        ("ABORT", json!([3, {}, "my.reason"]), &[Dict, Uri], true, State::Joined),
        ("AUTHENTICATE", json!([5, "sesame", {}]), &[Text, Dict], false, State::Challenged),
        ("GOODBYE", json!([6, {}, "my.reason"]), &[Dict, Uri], false, State::Joined),
        ("ERROR", json!([8, 68, 1, {}, "my.error"]), &[RequestType, Id, Dict, Uri], true, State::Invoked),
        ("PUBLISH", json!([16, 1, {}, "open.news"]), &[Id, Dict, Uri], true, State::Joined),
        ("SUBSCRIBE", json!([32, 1, {}, "open.news"]), &[Id, Dict, Uri], false, State::Joined),
        ("UNSUBSCRIBE", json!([34, 1, 1]), &[Id, Id], false, State::Joined),
        ("EVENT_RECEIVED", json!([337, 1]), &[Id], false, State::Joined),
        ("EVENT_RECEIVED, ratified", json!([37, 1]), &[Id], false, State::Joined),
        ("CALL", json!([48, 1, {}, "add"]), &[Id, Dict, Uri], true, State::Joined),
        ("CANCEL", json!([49, 1, {}]), &[Id, Dict], false, State::Joined),
        ("REGISTER", json!([64, 3, {}, "my.other"]), &[Id, Dict, Uri], false, State::Invoked),
        ("UNREGISTER", json!([66, 3, 1]), &[Id, Id], false, State::Invoked),
        ("YIELD", json!([70, 1, {}]), &[Id, Dict], true, State::Invoked),
    ]
}

/// Values that an element cannot be.
fn wrong(element: Element) -> Vec<Value> {
    let binary = "\0AAAA";
    let numbers = [json!(0), json!(-1), json!(1.5), json!(-0.0), json!(1e300), json!(9_007_199_254_740_993_u64)];
    let huge = [json!(u64::MAX), json!(i64::MIN)];
    match element {
        Id => {
            [&[json!(null), json!(true), json!("1"), json!([]), json!({}), json!(binary)][..], &numbers, &huge].concat()
        }
        Dict => vec![json!(null), json!(false), json!(1), json!("{}"), json!([]), json!([["a", 1]]), json!(binary)],
        Uri | Text => vec![json!(null), json!(true), json!(1), json!(1.5), json!([]), json!({}), json!(binary)],
        RequestType => [0, 1, 6, 7, 8, 16, 32, 34, 48, 49, 64, 66, 67, 69, 70, 999, -1]
            .map(Value::from)
            .into_iter()
            .chain([json!("68"), json!(null), json!(68.5), json!(u64::MAX)])
            .collect(),
    }
}

/// Messages that are wrong in one way each.
fn wrong_messages((_, sample, elements, has_payload, _): &Layout) -> Vec<Value> {
    let elements_of = |message: &Value| message.as_array().expect("a list").clone();
    let mut messages = Vec::new();
    for count in 1..=elements.len() {
        messages.push(Value::from(elements_of(sample)[..count].to_vec()));
    }
    let mut long = elements_of(sample);
    let payload = [json!([1]), json!({"k": 1}), json!(1)];
    long.extend(payload[if *has_payload { 0 } else { 2 }..].iter().cloned());
    messages.push(long.into());
    for (place, element) in elements.iter().enumerate() {
        for value in wrong(*element) {
            let mut message = sample.clone();
            message[place + 1] = value;
            messages.push(message);
        }
    }
    if *has_payload {
        let no_lists = [json!(null), json!(1), json!("x"), json!({}), json!(true), json!("\0AAAA")];
        let no_dicts = [json!(null), json!(1), json!("x"), json!([]), json!(true), json!("\0AAAA")];
        for payload in
            no_lists.iter().map(|it| vec![it.clone()]).chain(no_dicts.iter().map(|it| vec![json!([]), it.clone()]))
        {
            messages.push([elements_of(sample), payload].concat().into());
        }
    }
    messages
}

pub(crate) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for layout in layouts() {
        let (name, _, _, _, state) = layout;
        for message in wrong_messages(&layout) {
            let steps = [state.steps(), vec![say(message.clone())], violation()].concat();
            cases.push(case(format!("{name} {message}"), THREE[cases.len() % 3], steps));
        }
    }
    cases
}
