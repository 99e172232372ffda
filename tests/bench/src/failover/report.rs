use std::time::Duration;

use super::Measurements;
use super::busy::Busy;
use super::cases::{Case, Faults};
use super::connections::{DeadNode, Seconds};
use super::idle::Idle;
use crate::distribution::Distribution;
use crate::numbers::Numbers;
use crate::table::{aligned, rounded};

/// What was measured, beside what is asked for.
#[derive(Debug, Default)]
pub(super) struct Table {
    about: String,
    rows: Vec<[String; 7]>,
    numbers: Numbers,
}

const HEAD: [&str; 7] = ["", "p50", "p90", "p99", "max", "lost", "bound"];

impl Table {
    pub(super) fn of(runs: usize, measured: &Measurements) -> Self {
        let Measurements {
            cores,
            load,
            faults,
            busy,
            fresh,
            thousand,
            arp,
            idle,
            idle_with_thousand,
            dead_node,
        } = measured;
        let mut table = Self {
            about: format!(
                "longest silence of clients that send every 5 ms; {runs} runs each; {cores} cores for all nodes and \
                 clients; load before the run {load:.1}"
            ),
            ..Self::default()
        };
        for (key, value) in [("cores", *cores), ("load", *load)] {
            table.numbers.add(key, value);
        }
        for faults in faults {
            table.faults(faults);
        }
        if let Some(busy) = busy {
            table.busy(*busy);
        }
        if let Some(fresh) = fresh {
            table.times(
                "new",
                "new address: status → ARP",
                &fresh.announced,
                "p99 ≤ 30 ms",
            );
            table.times("new_whole", "  creation → ARP", &fresh.whole, "");
        }
        if let Some(thousand) = thousand {
            let (first, spread) = (&thousand.first, &thousand.spread);
            table.times("thousand_first", "1000 on the dead node: first", first, "");
            table.times("thousand_spread", "  from first to last", spread, "≤ 150 ms");
        }
        if let Some(arp) = arp {
            table.round_trips("arp", "ARP round trip: speaker", &arp.speaker);
            table.round_trips("kernel_arp", "  kernel", &arp.kernel);
        }
        if let Some(idle) = idle {
            table.idle("speaker_idle", "speaker idle", *idle, "≤ 12 MB, ≤ 0.5 %");
        }
        if let Some(idle) = idle_with_thousand {
            table.idle("speaker_1000", "speaker with 1000", *idle, "≤ 20 MB");
        }
        if let Some(DeadNode { marked, unmarked }) = dead_node {
            table.connections("marked", "dead node's pods marked", marked, "100 % from second 3");
            table.connections("unmarked", "  not marked", unmarked, "");
        }
        table
    }

    pub(super) fn text(&self) -> String {
        let rows = self.rows.iter().map(|row| row.each_ref().map(String::as_str));
        let rows: Vec<_> = std::iter::once(HEAD).chain(rows).collect();
        let lines = aligned(&rows, &[0, 6]);
        format!("{}\n\n{}\n", self.about, lines.join("\n"))
    }

    pub(super) fn into_numbers(self) -> Numbers {
        self.numbers
    }

    /// One row for clients that know the way, one for those that have to ask.
    fn faults(&mut self, faults: &Faults) {
        let key = faults.case.key();
        for (client, bound) in [
            ("warm", warm_bound(faults.case)),
            ("cold", cold_bound(faults.case)),
        ] {
            let silence = Distribution::of(faults.of(client).map(|seen| seen.silence));
            let lost = lost(faults, client);
            let title = format!("{}: {client}", faults.case.title());
            self.distribution(&format!("{key}_{client}"), title, &silence, "ms", bound);
            if let Some(row) = self.rows.last_mut() {
                row[5] = lost.to_string();
            }
            self.count(&format!("{key}_{client}_lost"), lost);
        }
        for client in suites::CLIENTS {
            let silence = Distribution::of(faults.of(client).map(|seen| seen.silence));
            self.summary(&format!("{key}_{client}"), &silence, "ms");
        }
        let all = Distribution::of(faults.of("").map(|seen| seen.silence));
        self.summary(&key, &all, "ms");
        self.count(&format!("{key}_lost"), lost(faults, ""));
        self.count(&format!("{key}_moved"), faults.moved);
    }

    fn times(&mut self, key: &str, title: &str, times: &[Duration], bound: &str) {
        let times = Distribution::of(times.iter().copied());
        self.distribution(key, title.to_owned(), &times, "ms", bound);
    }

    fn round_trips(&mut self, key: &str, title: &str, times: &[Duration]) {
        // A thousand times as long in milliseconds as it is in microseconds.
        let times = Distribution::of(times.iter().map(|time| *time * 1000));
        self.distribution(key, title.to_owned(), &times, "us", "");
    }

    fn busy(&mut self, busy: Busy) {
        let title = format!("{} s of busy cores: moves", busy.lasted.as_secs());
        let mut row = [const { String::new() }; 7];
        (row[0], row[1], row[6]) = (title, busy.moved.to_string(), "0".to_owned());
        self.rows.push(row);
        self.count("busy_moved", busy.moved);
    }

    fn idle(&mut self, key: &str, title: &str, idle: Idle, bound: &str) {
        let memory = format!("{} MB", rounded(idle.resident_mb));
        let processor = format!("{} %", rounded(idle.processor_percent));
        let (title, bound) = (title.to_owned(), bound.to_owned());
        let nothing = String::new;
        self.rows
            .push([title, memory, processor, nothing(), nothing(), nothing(), bound]);
        self.numbers.add(&format!("{key}_mb"), idle.resident_mb);
        self.numbers
            .add(&format!("{key}_cpu_percent"), idle.processor_percent);
    }

    /// Shares of new connections that were answered, by the second after the cable in which they began; when the last one failed.
    fn connections(&mut self, key: &str, title: &str, seconds: &Seconds, bound: &str) {
        let (begun, answered) = seconds.seconds[2..]
            .iter()
            .fold((0, 0), |sum, second| (sum.0 + second.0, sum.1 + second.1));
        let shares = [seconds.seconds[0], seconds.seconds[1], (begun, answered)];
        let shares = shares.map(|(begun, answered)| percent(answered, begun));
        let [first, second, later] = shares.map(|share| format!("{share:.1} %"));
        self.rows.push([
            format!("{title}: answered of those begun in second 1, 2, later"),
            first,
            second,
            later,
            String::new(),
            String::new(),
            bound.to_owned(),
        ]);
        for (name, share) in ["first", "second", "later"].into_iter().zip(shares) {
            self.numbers.add(&format!("{key}_answered_{name}_percent"), share);
        }
        let last = Distribution::of(seconds.last_failed.iter().copied());
        self.distribution(
            &format!("{key}_last_failed"),
            "  the last that was not answered began".to_owned(),
            &last,
            "ms",
            "",
        );
    }

    fn distribution(&mut self, key: &str, title: String, values: &Distribution, unit: &str, bound: &str) {
        let [p50, p90, p99, max] = summary(values).map(|(_, value)| format!("{} {unit}", rounded(value)));
        self.rows
            .push([title, p50, p90, p99, max, String::new(), bound.to_owned()]);
        self.summary(key, values, unit);
    }

    fn summary(&mut self, key: &str, values: &Distribution, unit: &str) {
        for (name, value) in summary(values) {
            self.numbers.add(&format!("{key}_{name}_{unit}"), value);
        }
    }

    fn count(&mut self, key: &str, count: usize) {
        #[allow(clippy::cast_precision_loss, reason = "counts of thousands")]
        self.numbers.add(key, count as f64);
    }
}

fn percent(part: usize, whole: usize) -> f64 {
    #[allow(clippy::cast_precision_loss, reason = "counts of thousands")]
    let share = part as f64 / whole.max(1) as f64;
    share * 100.0
}

fn lost(faults: &Faults, clients: &str) -> usize {
    faults.of(clients).map(|seen| seen.lost).sum()
}

fn summary(values: &Distribution) -> [(&'static str, f64); 4] {
    [
        ("p50", values.percentile(50)),
        ("p90", values.percentile(90)),
        ("p99", values.percentile(99)),
        ("max", values.max()),
    ]
}

fn warm_bound(case: Case) -> &'static str {
    match case {
        Case::Cut { .. } => "p99 ≤ 350 ms",
        Case::Planned | Case::Sigterm | Case::Replaced | Case::Rolling | Case::Kill => "0 lost",
    }
}

fn cold_bound(case: Case) -> &'static str {
    match case {
        Case::Cut { .. } => "p99 ≤ 350 ms",
        Case::Kill => "p99 ≤ 350 ms",
        Case::Planned | Case::Sigterm | Case::Replaced | Case::Rolling => "0 lost",
    }
}

#[cfg(test)]
mod tests {
    use lab::Seen;

    use super::*;

    fn table() -> Table {
        let seen = |silence, lost| Seen {
            sent: 100,
            lost,
            silence: Duration::from_millis(silence),
        };
        let faults = Faults {
            case: Case::Kill,
            runs: vec![
                vec![seen(6, 0), seen(7, 0), seen(200, 0), seen(300, 2)],
                vec![seen(8, 0), seen(9, 1), seen(210, 0), seen(310, 0)],
            ],
            moved: 0,
        };
        let measured = Measurements {
            faults: vec![faults],
            ..Measurements::default()
        };
        Table::of(2, &measured)
    }

    #[test]
    fn silence_and_loss_stand_beside_their_bounds() {
        let text = table().text();
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(
            lines[3],
            "SIGKILL, back 1 s later: warm  7.00 ms  9.00 ms  9.00 ms  9.00 ms     1  0 lost"
        );
        assert_eq!(
            lines[4],
            "SIGKILL, back 1 s later: cold   210 ms   310 ms   310 ms   310 ms     2  p99 ≤ 350 ms"
        );
    }

    #[test]
    fn programs_find_each_number_by_its_name() {
        let numbers = table().into_numbers().into_json();
        for (key, value) in [
            ("kill_warm_lost", 1.0),
            ("kill_cold_p99_ms", 310.0),
            ("kill_cold_v4_max_ms", 210.0),
            ("kill_lost", 3.0),
            ("kill_moved", 0.0),
        ] {
            assert_eq!(numbers[key], value, "{key}");
        }
    }
}
