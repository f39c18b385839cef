//! Small histories, each with what it breaks.

use super::super::{Event, Policy, Promise, Recorder};
use super::check;

fn subscribe(request: u64, topic: &str, policy: Policy) -> Event {
    Event::Subscribe { request, topic: topic.to_owned(), policy }
}

fn subscribed(request: u64) -> Event {
    Event::Subscribed { request, subscription: request }
}

fn publish(number: u64, topic: &str) -> Event {
    Event::Publish { request: number, topic: topic.to_owned(), number, acknowledge: true, exclude_me: true }
}

fn published(request: u64) -> Event {
    Event::Published { request }
}

fn event(subscription: u64, number: u64) -> Event {
    Event::Event { subscription, publisher: "p".to_owned(), number }
}

fn call(call: u64) -> Event {
    Event::Call { request: call, call, progress: true }
}

fn part(call: u64, part: u64) -> Event {
    Event::Progress { request: call, call, part }
}

fn result(call: u64, parts: u64) -> Event {
    Event::Result { request: call, call, parts }
}

fn goodbye() -> Event {
    Event::Goodbye { reason: "wamp.close.goodbye_and_out".to_owned() }
}

/// What a history shows to be broken. `c` calls, `p` publishes, `s` subscribes, `h` runs handlers.
#[track_caller]
fn breaks(history: Vec<(&str, Event)>, wanted: &[Promise]) {
    let recorder = Recorder::default();
    for (witness, event) in history {
        recorder.witness(witness).note(event);
    }
    let mut broken: Vec<Promise> = match check(&recorder.history()) {
        Ok(_) => Vec::new(),
        Err(violations) => violations.into_iter().map(|violation| violation.promise).collect(),
    };
    broken.sort_unstable();
    broken.dedup();
    assert_eq!(broken, wanted);
}

/// A history in which `p` has published so many events, `s` has subscribed before, and heard some of them.
fn heard(events: u64, heard: &[u64], end: Vec<Event>) -> Vec<(&'static str, Event)> {
    let mut history = vec![("s", subscribe(1, "t", Policy::Exact)), ("s", subscribed(1))];
    for number in 0..events {
        history.extend([("p", publish(number, "t")), ("p", published(number))]);
    }
    history.extend(heard.iter().map(|number| ("s", event(1, *number))));
    history.extend(end.into_iter().map(|event| ("s", event)));
    history
}

#[test]
fn events() {
    use Promise::*;
    let left = || vec![Event::Quiet, Event::Leaving, goodbye()];
    let cut = || vec![Event::Lost];
    for (seen, end, wanted) in [
        (vec![0, 1, 2, 3], left(), vec![]),
        (vec![0, 1, 2, 3], cut(), vec![]),
        (vec![0, 1], cut(), vec![]),
        (vec![], cut(), vec![]),
        (vec![0, 1], left(), vec![Acknowledged]),
        (vec![0, 1], vec![Event::Leaving, goodbye()], vec![]),
        (vec![0, 1], vec![Event::Stopping, goodbye()], vec![Acknowledged]),
        (vec![0, 1], vec![goodbye()], vec![]),
        (vec![], left(), vec![Acknowledged]),
        (vec![], vec![Event::Quiet], vec![Acknowledged]),
        (vec![0, 1, 3], left(), vec![NoGap]),
        (vec![0, 1, 3], cut(), vec![NoGap]),
        // It was subscribed before the first of them.
        (vec![1, 2, 3], left(), vec![NoGap]),
        (vec![0, 2, 1, 3], left(), vec![Order]),
        (vec![0, 1, 1, 2, 3], left(), vec![NoDuplicate]),
        (vec![0, 1, 2, 3, 9], left(), vec![Authentic]),
    ] {
        breaks(heard(4, &seen, end), &wanted);
    }
}

#[test]
fn events_without_acknowledgement_are_published_in_turn() {
    let unacknowledged = |number| {
        let Event::Publish { request, topic, number, exclude_me, .. } = publish(number, "t") else { unreachable!() };
        ("p", Event::Publish { request, topic, number, acknowledge: false, exclude_me })
    };
    let begin = || vec![("s", subscribe(1, "t", Policy::Exact)), ("s", subscribed(1))];
    let lost = || begin().into_iter().chain([unacknowledged(0), unacknowledged(1)]).collect::<Vec<_>>();
    let quiet = ("s", Event::Quiet);
    // Both may have been lost with the publisher's line, and so may the second one.
    breaks([lost(), vec![quiet.clone()]].concat(), &[]);
    breaks([lost(), vec![("s", event(1, 0)), quiet.clone()]].concat(), &[]);
    // Not the first one alone, and none of them before an answer.
    breaks([lost(), vec![("s", event(1, 1)), quiet.clone()]].concat(), &[Promise::NoGap]);
    let answered = vec![("p", publish(2, "other")), ("p", published(2)), quiet];
    breaks([lost(), answered].concat(), &[Promise::Acknowledged]);
}

#[test]
fn subscriptions() {
    use Promise::*;
    let publications = || vec![("p", publish(0, "t.a")), ("p", published(0))];
    let early = vec![("s", subscribe(1, "t.a", Policy::Exact)), ("s", event(1, 0)), ("s", subscribed(1))];
    breaks([publications(), early].concat(), &[SubscribedFirst]);
    let late = vec![
        ("s", subscribe(1, "t.a", Policy::Exact)),
        ("s", subscribed(1)),
        ("s", Event::Unsubscribe { request: 2, subscription: 1 }),
        ("s", event(1, 0)),
    ];
    breaks([publications(), late.clone()].concat(), &[Answered]);
    let over = vec![("s", Event::Unsubscribed { request: 2 }), ("s", event(1, 0))];
    breaks([publications(), late[..3].to_vec(), over].concat(), &[SubscribedFirst]);
    for (topic, policy, wanted) in [
        ("t.a", Policy::Exact, vec![]),
        ("t.b", Policy::Exact, vec![Addressed]),
        ("t.", Policy::Prefix, vec![]),
        ("t.b", Policy::Prefix, vec![Addressed]),
        (".a", Policy::Wildcard, vec![]),
        ("t..", Policy::Wildcard, vec![Addressed]),
    ] {
        let heard = vec![("s", subscribe(1, topic, policy)), ("s", subscribed(1)), ("s", event(1, 0))];
        breaks([publications(), heard].concat(), &wanted);
    }
    let refused = vec![("p", publish(0, "t")), ("p", Event::Refused { request: 0, error: "no".to_owned() })];
    let heard = vec![("s", subscribe(1, "t", Policy::Exact)), ("s", subscribed(1)), ("s", event(1, 0))];
    breaks([refused, heard].concat(), &[Addressed]);
    let own = vec![("p", subscribe(9, "t", Policy::Exact)), ("p", subscribed(9)), ("p", publish(0, "t"))];
    breaks([own, vec![("p", published(0)), ("p", event(9, 0))]].concat(), &[Addressed]);
}

#[test]
fn clients_that_reconnect() {
    use Promise::*;
    let again = |missed: &[u64], then: &[u64]| {
        let mut history = vec![
            ("s", Event::Joined),
            ("s", subscribe(1, "t", Policy::Exact)),
            ("s", subscribed(1)),
            ("p", publish(0, "t")),
            ("p", published(0)),
            ("s", event(1, 0)),
            ("p", publish(1, "t")),
            ("p", published(1)),
            ("s", Event::Interrupted),
        ];
        history.extend(missed.iter().flat_map(|number| [("p", publish(*number, "t")), ("p", published(*number))]));
        history.extend([("s", Event::Joined), ("s", Event::Restored)]);
        history.extend(then.iter().flat_map(|number| [("p", publish(*number, "t")), ("p", published(*number))]));
        history
    };
    let end = |heard: &[u64]| {
        let heard = heard.iter().map(|number| ("s", event(1, *number)));
        heard.chain([("s", Event::Quiet)]).collect::<Vec<_>>()
    };
    breaks([again(&[2, 3], &[4, 5]), end(&[4, 5])].concat(), &[]);
    // What was published before it was back may come as well.
    breaks([again(&[2, 3], &[4, 5]), end(&[3, 4, 5])].concat(), &[]);
    breaks([again(&[2, 3], &[4, 5]), end(&[2, 4, 5])].concat(), &[NoGap]);
    breaks([again(&[2, 3], &[4, 5]), end(&[5])].concat(), &[NoGap]);
    breaks([again(&[2, 3], &[4, 5]), end(&[4])].concat(), &[Acknowledged]);
    breaks([again(&[2, 3], &[4, 5]), end(&[0, 4, 5])].concat(), &[NoGap, NoDuplicate]);
}

#[test]
fn publishers_that_reconnect() {
    use Promise::*;
    let begin = || vec![("s", subscribe(1, "t", Policy::Exact)), ("s", subscribed(1)), ("p", Event::Joined)];
    let again = || vec![("p", Event::Interrupted), ("p", Event::Joined)];
    let one = |number| vec![("p", publish(number, "t")), ("p", published(number))];
    let heard = |numbers: &[u64]| numbers.iter().map(|number| ("s", event(1, *number))).collect::<Vec<_>>();
    let two = || [begin(), one(0), one(1), again(), one(2)].concat();
    breaks([two(), heard(&[0, 1, 2])].concat(), &[]);
    breaks([two(), heard(&[1, 0, 2])].concat(), &[Order]);
    // Of two sessions, the later one may be faster.
    breaks([two(), heard(&[2, 0, 1])].concat(), &[]);
    let failed = || vec![("p", publish(2, "t")), ("p", Event::Failed { request: 2 })];
    let lost = || [begin(), one(0), one(1), failed(), again(), one(3)].concat();
    for order in [[0, 1, 3, 2], [0, 2, 1, 3], [2, 0, 1, 3]] {
        breaks([lost(), heard(&order)].concat(), &[]);
    }
    breaks([lost(), heard(&[0, 1, 3])].concat(), &[]);
}

#[test]
fn calls() {
    use Promise::*;
    let run = |call| vec![("h", Event::Started { call }), ("h", Event::Ended { call })];
    let answered = |call: u64| [run(call), vec![("c", result(call, 0))]].concat();
    let made = || vec![("c", call(1)), ("c", call(2))];
    let failed = ("c", Event::Error { request: 2, error: "canceled".to_owned() });
    for (then, wanted) in [
        (vec![answered(1), answered(2)], vec![]),
        (vec![answered(1), vec![failed.clone()]], vec![]),
        (vec![answered(1)], vec![Answered]),
        (vec![answered(1), vec![("c", Event::Lost)]], vec![]),
        (vec![answered(1), vec![("c", Event::Leaving), ("c", goodbye())]], vec![]),
        // The server leaves: it has not taken the second call, but it has taken the first one.
        (vec![answered(1), vec![("c", goodbye())]], vec![]),
        (vec![answered(2), vec![("c", goodbye())]], vec![Answered]),
        (vec![answered(1), run(2), vec![("c", goodbye())]], vec![Answered]),
        (vec![answered(1), answered(2), vec![("c", result(2, 0))]], vec![OneReply]),
        (vec![answered(1), answered(2), vec![failed.clone()]], vec![OneReply]),
        (vec![answered(1), vec![("c", Event::Leaving), ("c", goodbye()), failed]], vec![NothingAfterGoodbye]),
        (vec![answered(2), answered(1)], vec![StartedInOrder]),
        (vec![answered(1), run(1), answered(2)], vec![OneRun]),
        (vec![vec![("c", result(1, 0))], answered(2)], vec![OneRun]),
        (vec![answered(1), answered(2), run(3)], vec![Authentic]),
        (vec![answered(1), answered(2), vec![("c", result(3, 0))]], vec![Authentic]),
        (vec![vec![("h", Event::Started { call: 1 })], vec![("c", result(1, 0))], answered(2)], vec![RunEnds]),
        (vec![vec![("h", Event::Started { call: 1 }), ("h", Event::Killed), ("c", Event::Lost)]], vec![]),
        (vec![run(1), vec![("c", part(1, 0)), ("c", result(1, 1))], answered(2)], vec![]),
        (vec![run(1), vec![("c", result(1, 1)), ("c", part(1, 0))], answered(2)], vec![ProgressFirst]),
        (
            vec![run(1), vec![("c", part(1, 1)), ("c", part(1, 0)), ("c", result(1, 2))], answered(2)],
            vec![ProgressFirst],
        ),
        (vec![run(1), vec![("c", part(1, 0)), ("c", result(1, 2))], answered(2)], vec![ProgressFirst]),
        (
            vec![run(1), vec![("c", part(1, 0)), ("c", part(1, 0)), ("c", result(1, 1))], answered(2)],
            vec![ProgressFirst],
        ),
    ] {
        breaks([vec![made()], then].concat().concat(), &wanted);
    }
}
