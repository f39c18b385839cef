//! The error hook: what of the program's functions fails, and what it ran for.

mod hosted;
mod served;

use std::time::Duration;

use serverwamp::{Failure, FailureKind};
use tokio::sync::mpsc::{Receiver, channel};

/// What a hook was told, in order.
struct Told(Receiver<Report>);

#[derive(Debug, PartialEq)]
struct Report {
    kind: FailureKind,
    function: String,
    uri: Option<String>,
    message: String,
    /// The caller's session and role.
    caller: Option<(u64, String)>,
    annotated: bool,
}

fn hook() -> (impl Fn(&Failure) + Send + Sync + 'static, Told) {
    let (tell, told) = channel(1_024);
    let hook = move |failure: &Failure| {
        assert_eq!(failure.realm(), "realm1");
        let caller = failure.caller().map(|caller| (caller.session.get(), caller.authrole.clone()));
        let report = Report {
            kind: failure.kind(),
            function: failure.function().to_owned(),
            uri: failure.uri().map(str::to_owned),
            message: failure.message().to_owned(),
            caller,
            annotated: failure.location().is_some_and(|place| place.starts_with(file!().trim_end_matches(".rs"))),
        };
        let _ = tell.try_send(report);
    };
    (hook, Told(told))
}

impl Told {
    async fn next(&mut self) -> Report {
        // The hook runs on a thread, for which paused time would not wait.
        tokio::time::timeout(Duration::from_secs(60), self.0.recv()).await.expect("a report").expect("a hook")
    }

    /// That nothing was told that the test has not seen, once the hook is gone.
    async fn ends(mut self) {
        assert_eq!(self.0.recv().await, None);
    }
}
