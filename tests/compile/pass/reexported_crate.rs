//! A crate that passes the attributes on names itself in `crate`.

mod framework {
    pub(crate) mod inner {
        pub(crate) use serverwamp::*;
    }
    pub(crate) use serverwamp::{WampError, wamp};
}

use framework::{WampError, wamp};

#[wamp::rpc("math.one", crate = "crate::framework::inner")]
async fn one() -> Result<i64, Problem> {
    Ok(1)
}

#[derive(Debug, WampError)]
#[wamp(uri = "app.error", crate = "framework::inner")]
struct Problem;

struct Counter;

#[wamp::service(crate = "framework::inner")]
impl Counter {
    #[wamp::rpc]
    async fn count(&self) {}
}

fn main() {
    drop((one(), Counter.count(), Problem));
}
