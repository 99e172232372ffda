use std::time::Duration;

use super::Allocation;
use super::run::Measurements;
use crate::figures::Figures;
use crate::services::Measured;

/// Puts what was measured beside what is asked for.
pub(super) fn report(wanted: &Allocation, measured: &Measurements) -> Figures {
    let mut figures = Figures::default();
    machine(&mut figures, measured);
    latencies(&mut figures, wanted, measured);
    start(&mut figures, wanted, measured);
    memory(&mut figures, wanted, measured);
    figures.single(
        "writes_per_service",
        "status writes per Service",
        measured.writes_per_service,
        "",
        "= 1",
    );
    figures
}

fn machine(figures: &mut Figures, measured: &Measurements) {
    let &Measurements { cores, load, .. } = measured;
    figures.number("cores", cores);
    figures.number("load", load);
    figures.about(format!(
        "{cores} cores for API server, etcd, controller and clients; load before the run {load:.1}"
    ));
}

fn latencies(figures: &mut Figures, wanted: &Allocation, measured: &Measurements) {
    let Measurements {
        one,
        api_one,
        burst,
        api_burst,
        further,
        api_further,
        ..
    } = measured;
    let title = format!("one at a time, {}", wanted.one);
    pair(figures, "one", &title, (one, api_one), "p50 ≤ 12 ms");
    let title = format!("{} from 8 writers", wanted.burst);
    pair(
        figures,
        "burst",
        &title,
        (burst, api_burst),
        "p50 ≤ 150 ms, p99 ≤ 1 s",
    );
    let title = format!("one beside {}", wanted.standing);
    pair(figures, "further", &title, (further, api_further), "");
    let whole = |measured: &Measured| measured.whole.percentile(50);
    let seen = |measured: &Measured| measured.once_seen.percentile(50);
    figures.ratio(
        "further_ratio",
        "  times one beside none",
        whole(further) / whole(one),
        whole(api_further) / whole(api_one),
        "≤ 1.5",
    );
    figures.ratio(
        "further_seen_ratio",
        "  times that, once seen",
        seen(further) / seen(one),
        seen(api_further) / seen(api_one),
        "",
    );
}

/// Two rows: all of it, and the part that comes after the creation.
fn pair(figures: &mut Figures, key: &str, title: &str, (measured, api): (&Measured, &Measured), bound: &str) {
    figures.latency(key, title, &measured.whole, &api.whole, bound);
    let key = format!("{key}_seen");
    figures.latency(
        &key,
        "  once the Service is seen",
        &measured.once_seen,
        &api.once_seen,
        "",
    );
}

fn start(figures: &mut Figures, wanted: &Allocation, measured: &Measurements) {
    let title = format!("start to ready beside {}", wanted.standing);
    figures.single("start_ms", &title, milliseconds(measured.ready), "ms", "≤ 5 s");
    let serving = milliseconds(measured.serving);
    figures.single(
        "serving_ms",
        "  to the first address given",
        serving,
        "ms",
        "≤ 5 s",
    );
}

fn memory(figures: &mut Figures, wanted: &Allocation, measured: &Measurements) {
    let mut row = |key, title: &str, value, bound| figures.single(key, title, value, "MB", bound);
    row(
        "controller_idle_mb",
        "resident memory, no Service",
        measured.idle_mb,
        "≤ 15 MB",
    );
    let title = format!("  {} Services", wanted.standing);
    row("controller_10k_mb", &title, measured.full_mb, "≤ 40 MB");
    row(
        "controller_10k_restarted_mb",
        "  after a restart",
        measured.restarted_mb,
        "≤ 40 MB",
    );
    figures.number("controller_10k_peak_mb", measured.peak_mb);
    figures.number("controller_10k_restarted_peak_mb", measured.restarted_peak_mb);
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}
