//! A server for the tests that stop a whole process; it prints its address.

use std::time::Duration;

use serverwamp::{App, Limits, wamp};

#[wamp::rpc("sleep")]
async fn sleep(milliseconds: u64) -> &'static str {
    tokio::time::sleep(Duration::from_millis(milliseconds)).await;
    "slept"
}

#[tokio::main]
async fn main() -> serverwamp::Result<()> {
    let limits = Limits { drain: Duration::from_secs(1), ..Limits::default() };
    let app = App::discover().bind("127.0.0.1:0").limits(limits);
    let handle = app.handle();
    tokio::spawn(async move {
        for address in handle.addresses().await {
            println!("{address}");
        }
    });
    app.await
}
