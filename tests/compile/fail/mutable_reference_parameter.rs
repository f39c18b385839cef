use serverwamp::wamp;

#[wamp::rpc("math.sort")]
async fn sort(numbers: &mut Vec<i64>) {
    numbers.sort();
}

fn main() {}
