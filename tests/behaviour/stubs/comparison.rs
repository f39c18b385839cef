//! A client that does not fit its service: all differences are listed.

use std::panic::{AssertUnwindSafe, catch_unwind};

use futures_util::{Stream, stream};
use serverwamp::client::{RunningCall, Stub};
use serverwamp::testing::{check_stub, check_stub_under};
use serverwamp::{App, CallError, Progress, Rest, RestKw, RpcError, Session, Step, routes, wamp};

#[wamp::rpc("a.simple", manual)]
async fn simple(one: u64, two: Option<String>, #[wamp(keyword)] three: bool, session: Session) -> Result<u8, RpcError> {
    let _ = (two, three, session);
    Ok(one as u8)
}

#[wamp::rpc("a.rest", manual)]
async fn rest(one: u64, more: Rest<u64>, named: RestKw<u64>) -> Vec<u64> {
    let _ = (more, named);
    vec![one]
}

#[wamp::rpc("a.progress", manual)]
async fn progress(progress: Progress<u32>) -> String {
    let _ = progress.send(1).await;
    String::new()
}

#[wamp::rpc("a.stream", manual)]
async fn streams() -> Result<impl Stream<Item = u32>, RpcError> {
    Ok(stream::iter([1]))
}

#[wamp::rpc("a.steps", manual)]
async fn steps() -> impl Stream<Item = Result<Step<u32, String>, RpcError>> {
    stream::iter([Ok(Step::Done(String::new()))])
}

#[wamp::rpc("a.{b}.c", manual)]
async fn component(b: u64) -> u64 {
    b
}

fn app() -> App {
    App::new().routes(routes![simple, rest, progress, streams, steps, component].prefix("set"))
}

#[allow(dead_code, reason = "only their clients are compared")]
#[wamp::client(prefix = "a")]
trait Fits {
    async fn simple(&self, one: u64, two: Option<&str>, #[wamp(keyword)] three: bool) -> Result<u8, CallError>;
    #[wamp::rpc("simple")]
    async fn shorter(&self, one: u64, #[wamp(keyword)] three: bool) -> serverwamp::Result<u8, CallError>;
    #[wamp::rpc("simple")]
    async fn by_name(
        &self,
        #[wamp(keyword)] two: String,
        #[wamp(keyword)] three: bool,
        #[wamp(keyword)] one: u64,
    ) -> Result<u8, CallError>;
    async fn rest(&self, one: u64, second: u64, #[wamp(keyword)] named: u8) -> Result<Vec<u64>, CallError>;
    async fn progress(&self, #[wamp(progress)] each: impl FnMut(u32) + Send + 'static) -> Result<String, CallError>;
    async fn stream(&self) -> Result<RunningCall<u32, ()>, CallError>;
    async fn steps(&self) -> Result<RunningCall<u32, String>, CallError>;
    #[wamp::rpc("{b}.c")]
    async fn component(&self, b: u64) -> Result<u64, CallError>;
}

#[test]
fn what_fits_is_accepted() {
    check_stub_under::<FitsClient>("set", &app());
}

#[allow(dead_code, reason = "only their clients are compared")]
#[wamp::client(prefix = "a")]
trait Differs {
    async fn absent(&self) -> Result<(), CallError>;
    async fn simple(&self, uno: u32, two: u64) -> Result<String, CallError>;
    #[wamp::rpc("simple")]
    async fn longer(
        &self,
        one: Option<u64>,
        two: String,
        three: bool,
        #[wamp(keyword)] four: u8,
    ) -> Result<u8, CallError>;
    async fn rest(&self) -> Result<Vec<u64>, CallError>;
    async fn progress(&self, #[wamp(progress)] each: impl FnMut(String) + Send + 'static) -> Result<String, CallError>;
    async fn stream(&self) -> Result<RunningCall<u32, u8>, CallError>;
    async fn steps(&self) -> Result<(), CallError>;
    #[wamp::rpc("{b}.c")]
    async fn component(&self, b: String) -> Result<RunningCall<u8, u64>, CallError>;
}

fn differences<S: Stub>(prefix: &str, app: &App) -> Vec<String> {
    let panic = catch_unwind(AssertUnwindSafe(|| check_stub_under::<S>(prefix, app))).expect_err("differences");
    let text = panic.downcast::<String>().expect("a message");
    text.lines().map(|line| line.trim().to_owned()).collect()
}

#[test]
fn all_differences_are_listed() {
    let found = differences::<DiffersClient>("set", &app());
    assert!(found[0].ends_with("DiffersClient is not a client of this app:"), "{found:?}");
    let expected = [
        "`absent`: no function is served as `set.a.absent`",
        "`simple` passes `uno` where the function takes `one`",
        "`simple` passes `uno` as `u32`, the function takes `u64`",
        "`simple` passes `two` as `u64`, the function takes `Option<String>`",
        "`simple` does not pass `three`, which the function requires",
        "`simple` returns `String`, the function `u8`",
        "`longer` may leave out `one`, which the function requires",
        "`longer` passes `three`, which the function does not take",
        "`longer` passes `four`, which the function does not take",
        "`longer` does not pass `three`, which the function requires",
        "`rest` does not pass `one`, which the function requires",
        "`progress` takes progressive results of `String`, the function gives `u32`",
        "`stream` returns `u8`, the function `()`",
        "`steps` returns `()`, the function `String`",
        "`component` passes `b` as `String`, the function takes `u64`",
        "`component` takes progressive results, the function gives none",
    ];
    assert_eq!(found.len() - 1, expected.len(), "{found:#?}");
    for (found, expected) in found.iter().skip(1).zip(expected) {
        assert!(found.contains(expected) && found.contains(file!()), "{found}\n{expected}");
    }
    assert!(found[2].ends_with(")") && found[2].contains("(procedure `set.a.simple`, "), "{}", found[2]);
}

#[test]
fn apps_that_do_not_start_are_said_to() {
    let panic = catch_unwind(|| check_stub::<FitsClient>(&App::new().routes(routes![app]))).expect_err("a problem");
    assert!(panic.downcast_ref::<String>().unwrap().contains("`app` has no #[wamp::…] attribute"));
}
