//! Load on good lines, and on lines that break.

use serverwamp_tests::proxy::Fault;

use super::world::run;
use super::{Total, seeds};

/// Records histories with a fault, and checks each.
async fn check_fault(name: &str, fault: Option<Fault>, few: u64) -> Total {
    let mut total = Total::default();
    for seed in seeds(few) {
        let (history, faults) = run(seed, fault).await;
        total.add(&format!("{name}-{seed}"), &history, faults);
    }
    total.print(name);
    let report = total.report;
    // Else there was nothing to be seen.
    assert!(
        report.results > 0 && report.errors > 0 && report.parts > 0 && report.acknowledged > 0 && report.events > 0
    );
    total
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_good_line_keeps_every_promise() {
    let total = check_fault("good", None, 4).await;
    assert!(total.report.goodbyes > 0);
}

macro_rules! faults {
    ($($name:ident $fault:ident $met:literal;)*) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $name() {
            let total = check_fault(stringify!($fault), Some(Fault::$fault), 3).await;
            assert!(total.faults.get($met).is_some_and(|count| *count > 0), "{:?}", total.faults);
        }
    )*};
}

faults! {
    a_line_that_delays_keeps_every_promise Latency "latency";
    a_line_that_slices_keeps_every_promise Slicing "slices";
    a_slow_line_keeps_every_promise Slowness "bandwidth";
    a_line_that_falls_silent_keeps_every_promise Blackhole "blackhole";
    a_line_that_is_reset_keeps_every_promise Reset "reset";
    a_line_that_ends_one_way_keeps_every_promise End "end";
    a_line_with_several_faults_keeps_every_promise Mixture "reset";
}
