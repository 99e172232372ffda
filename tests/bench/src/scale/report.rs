use std::time::Duration;

use super::Scale;
use super::idle::Idle;
use super::run::{Deletion, FEW, Measurements};
use crate::figures::Figures;

/// Puts what was measured beside what is asked for.
pub(super) fn report(wanted: &Scale, measured: &Measurements) -> Figures {
    let mut figures = Figures::default();
    figures.number("cores", measured.cores);
    figures.number("load", measured.load);
    figures.about(format!(
        "{} cores for API server, etcd, controller, speaker and clients; load before the run {:.1}",
        measured.cores, measured.load
    ));
    idle(&mut figures, "controller", measured.controller);
    idle(&mut figures, "speaker", measured.speaker);
    conditions(&mut figures, wanted, measured.conditions);
    controller(&mut figures, wanted, measured);
    let title = format!("one of {} that wait is deleted", wanted.standing);
    deletion(&mut figures, "deleted", &title, measured.deleted);
    if let Some(unreserved) = measured.unreserved {
        let title = format!("one of {} with a reservation is deleted", wanted.reservations);
        deletion(&mut figures, "unreserved", &title, unreserved);
    }
    figures
}

fn idle(figures: &mut Figures, who: &str, idle: Idle) {
    figures.single(
        &format!("{who}_requests_a_minute"),
        &format!("idle {who}: requests a minute"),
        idle.all_requests_a_minute(),
        "",
        "≤ 30",
    );
    figures.number(&format!("{who}_watches"), idle.watches);
    figures.single(
        &format!("{who}_bytes_a_second"),
        "  octets a second",
        idle.bytes_a_second,
        "",
        "",
    );
}

fn conditions(figures: &mut Figures, wanted: &Scale, [few, many]: [usize; 2]) {
    let title = format!("conditions of a Service, {FEW} nodes");
    figures.single("conditions_few_bytes", &title, number(few), "octets", "");
    let title = format!("  {} nodes", wanted.nodes);
    figures.single("conditions_many_bytes", &title, number(many), "octets", "");
    figures.single(
        "conditions_ratio",
        "  times as long",
        number(many) / number(few),
        "×",
        "0.95 to 1.05",
    );
}

fn controller(figures: &mut Figures, wanted: &Scale, measured: &Measurements) {
    let title = format!(
        "controller, {} beside {}: start to ready",
        wanted.standing, wanted.others
    );
    figures.single("ready_ms", &title, milliseconds(measured.ready), "ms", "≤ 10 s");
    let serving = milliseconds(measured.serving);
    figures.single(
        "serving_ms",
        "  to the first address given",
        serving,
        "ms",
        "≤ 10 s",
    );
    figures.single(
        "resident_mb",
        "  resident memory",
        measured.resident_mb,
        "MB",
        "≤ 60 MB",
    );
    figures.single("peak_mb", "  at most", measured.peak_mb, "MB", "≤ 60 MB");
}

fn deletion(figures: &mut Figures, key: &str, title: &str, deletion: Deletion) {
    let Deletion {
        decisions,
        processor_ms,
    } = deletion;
    match decisions {
        Some(decisions) => {
            let title = format!("{title}: decisions");
            figures.single(&format!("{key}_decisions"), &title, decisions, "", "≤ 2");
        }
        None => figures.about(format!("{title}: this controller does not count its decisions")),
    }
    let title = "  processor time, with 5 s of rest";
    figures.single(&format!("{key}_processor_ms"), title, processor_ms, "ms", "");
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}

#[allow(clippy::cast_precision_loss, reason = "counts of thousands")]
fn number(count: usize) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Args {
        #[command(flatten)]
        scale: Scale,
    }

    #[test]
    fn each_figure_stands_beside_its_bound_and_what_is_not_counted_is_said() {
        let wanted = Args::parse_from(["herald-bench"]).scale;
        let idle = Idle {
            requests_a_minute: 18.0,
            watches: 10.0,
            bytes_a_second: 120.0,
        };
        let deletion = |decisions| Deletion {
            decisions,
            processor_ms: 40.0,
        };
        let measured = Measurements {
            cores: 2.0,
            load: 0.1,
            controller: idle,
            speaker: idle,
            conditions: [400, 410],
            ready: Duration::from_secs(1),
            serving: Duration::from_secs(4),
            resident_mb: 50.0,
            peak_mb: 58.0,
            deleted: deletion(Some(1.0)),
            unreserved: Some(deletion(None)),
        };
        let figures = report(&wanted, &measured);
        let table = figures.table();
        assert!(
            table.contains("one of 10000 with a reservation is deleted: this controller does not count"),
            "{table}"
        );
        let has = |words: &[&str]| {
            table
                .lines()
                .any(|line| words.iter().all(|word| line.contains(word)))
        };
        assert!(
            has(&["idle controller: requests a minute", "20.0", "≤ 30"]),
            "{table}"
        );
        assert!(has(&["times as long", "1.02", "0.95 to 1.05"]), "{table}");
        let numbers = figures.into_numbers().into_json();
        assert_eq!(numbers["deleted_decisions"], 1.0);
        assert_eq!(numbers.get("unreserved_decisions"), None);
    }
}
