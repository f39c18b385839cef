//! Functions may come out of a declarative macro.

use serverwamp::wamp;

macro_rules! procedure {
    ($name:ident, $uri:literal, $type:ty, $default:expr, $timeout:expr) => {
        #[wamp::rpc($uri, timeout = $timeout)]
        async fn $name(#[wamp(default = $default)] a: $type) -> $type {
            a
        }
    };
}

procedure!(echo, "echo", Option<Vec<i64>>, None, "5s");

fn main() {
    drop(echo(None));
}
