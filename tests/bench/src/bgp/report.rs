use std::time::Duration;

use super::Measurements;
use super::bfd::{Cuts, Quiet};
use crate::distribution::Distribution;
use crate::numbers::Numbers;
use crate::table::{aligned, rounded};

/// What was measured, beside what is asked for.
#[derive(Debug, Default)]
pub(super) struct Table {
    about: String,
    rows: Vec<[String; 5]>,
    numbers: Numbers,
}

const HEAD: [&str; 5] = ["", "p50", "p99", "max", "bound"];

impl Table {
    pub(super) fn of(measured: &Measurements) -> Self {
        let Measurements {
            cores,
            load,
            wire,
            burst,
            full,
            cuts,
            quiet,
            realtime,
        } = measured;
        let mut table = Self {
            about: format!(
                "{cores} cores for the cluster, its routers and their clients; load before the run {load:.1}"
            ),
            ..Self::default()
        };
        for (key, value) in [("cores", *cores), ("load", *load)] {
            table.numbers.add(key, value);
        }
        if let Some(wire) = wire {
            table.times(
                "wire",
                "endpoint ready → UPDATE at 4 peers",
                &wire.ready,
                "p99 ≤ 50 ms",
            );
            table.times("withdrawal", "endpoint gone → withdrawal", &wire.gone, "");
        }
        if let Some(burst) = burst {
            let many = format!("{} at once: address → UPDATE", burst.routes.len());
            table.times("burst", &many, &burst.routes, "max ≤ 1000 ms");
            table.count("burst_churn", "  sessions lost", burst.churn, "0");
        }
        if let Some(full) = full {
            let many = format!("{} routes: session → last route", full.routes);
            table.times("table_10k", &many, &full.whole, "max ≤ 1000 ms");
            table.count("updates_10k", "  UPDATEs", full.updates, "≤ 14");
            table.memory(
                "speaker_10k_mb",
                "  speaker, 4 peers",
                full.resident_mb,
                "≤ 30 MB",
            );
            table.memory("speaker_0k_mb", "  speaker, no routes", full.empty_mb, "");
            table
                .numbers
                .add("table_10k_ms", Distribution::of(full.whole.clone()).max());
        }
        for cuts in cuts {
            table.cuts(cuts);
        }
        if let Some(quiet) = quiet {
            table.quiet("bfd_false_downs", "", quiet);
        }
        if let Some(quiet) = realtime {
            table.quiet("bfd_realtime_false_downs", ", BFD in real time", quiet);
        }
        table
    }

    pub(super) fn text(&self) -> String {
        let rows = self.rows.iter().map(|row| row.each_ref().map(String::as_str));
        let rows: Vec<_> = std::iter::once(HEAD).chain(rows).collect();
        let lines = aligned(&rows, &[0, 4]);
        format!("{}\n\n{}\n", self.about, lines.join("\n"))
    }

    pub(super) fn into_numbers(self) -> Numbers {
        self.numbers
    }

    fn cuts(&mut self, cuts: &Cuts) {
        let Cuts {
            router,
            detection,
            switched,
            silences,
        } = cuts;
        let key = format!("bfd_{}", router.to_lowercase());
        let detection = Distribution::of([*detection]).max();
        let bound = format!("p99 ≤ {} ms", rounded(detection + 20.0));
        let title = format!("cable pulled: silence of clients of {router}");
        self.times(&key, &title, silences, &bound);
        let title = "  of it until the router's kernel forwards elsewhere";
        self.times(&format!("{key}_switched"), title, switched, "");
        self.numbers.add(&format!("{key}_detection_ms"), detection);
    }

    fn quiet(&mut self, key: &str, how: &str, quiet: &Quiet) {
        let minutes = quiet.minutes;
        let title = format!("{minutes} min of busy cores{how}: false downs, of BFD and of BGP, at FRR");
        let false_downs = usize::try_from(quiet.false_downs).unwrap_or(usize::MAX);
        self.count(key, &title, false_downs, "0");
    }

    fn times(&mut self, key: &str, title: &str, times: &[Duration], bound: &str) {
        let times = Distribution::of(times.iter().copied());
        let values = [
            ("p50", times.percentile(50)),
            ("p99", times.percentile(99)),
            ("max", times.max()),
        ];
        for (name, value) in values {
            self.numbers.add(&format!("{key}_{name}_ms"), value);
        }
        let [p50, p99, max] = values.map(|(_, value)| format!("{} ms", rounded(value)));
        self.rows
            .push([title.to_owned(), p50, p99, max, bound.to_owned()]);
    }

    fn count(&mut self, key: &str, title: &str, count: usize, bound: &str) {
        #[allow(clippy::cast_precision_loss, reason = "counts of thousands")]
        self.numbers.add(key, count as f64);
        self.single(title, count.to_string(), bound);
    }

    fn memory(&mut self, key: &str, title: &str, megabytes: f64, bound: &str) {
        self.numbers.add(key, megabytes);
        self.single(title, format!("{} MB", rounded(megabytes)), bound);
    }

    fn single(&mut self, title: &str, value: String, bound: &str) {
        let nothing = String::new;
        self.rows
            .push([title.to_owned(), value, nothing(), nothing(), bound.to_owned()]);
    }
}

#[cfg(test)]
mod tests {
    use super::super::table::Full;
    use super::*;

    fn table() -> Table {
        let milliseconds = |values: &[u64]| values.iter().copied().map(Duration::from_millis).collect();
        Table::of(&Measurements {
            full: Some(Full {
                routes: 10_000,
                updates: 13,
                whole: milliseconds(&[90, 110]),
                resident_mb: 21.5,
                empty_mb: 12.0,
            }),
            cuts: vec![Cuts {
                router: "FRR",
                detection: Duration::from_millis(150),
                switched: milliseconds(&[135, 160]),
                silences: milliseconds(&[140, 165]),
            }],
            ..Measurements::default()
        })
    }

    #[test]
    fn figures_stand_beside_their_bounds() {
        let text = table().text();
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(
            lines[3],
            "10000 routes: session → last route                    90.0 ms  110 ms  110 ms  max ≤ 1000 ms"
        );
        assert_eq!(
            lines[7],
            "cable pulled: silence of clients of FRR                140 ms  165 ms  165 ms  p99 ≤ 170 ms"
        );
    }

    #[test]
    fn programs_find_each_number_by_its_name() {
        let numbers = table().into_numbers().into_json();
        for (key, value) in [
            ("updates_10k", 13.0),
            ("table_10k_ms", 110.0),
            ("speaker_10k_mb", 21.5),
            ("bfd_frr_detection_ms", 150.0),
            ("bfd_frr_p99_ms", 165.0),
        ] {
            assert_eq!(numbers[key], value, "{key}");
        }
    }
}
