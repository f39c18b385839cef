use serverwamp::wamp;

#[derive(serde::Deserialize)]
struct Point {
    x: i64,
}

#[wamp::rpc("math.project")]
async fn project(#[wamp(default)] point: Point) -> i64 {
    point.x
}

fn main() {}
