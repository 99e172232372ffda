//! What was measured, as a table for people and as a flat object of numbers for programs.

use crate::distribution::Distribution;
use crate::numbers::Numbers;
use crate::table::{aligned, rounded};

/// What was measured.
#[derive(Debug, Default)]
pub(crate) struct Figures {
    about: Vec<String>,
    rows: Vec<Row>,
    numbers: Numbers,
}

#[derive(Debug)]
struct Row {
    what: String,
    values: [String; 3],
    bound: String,
    /// p50, p99 and max of what the API server takes by itself.
    api: [String; 3],
}

impl Figures {
    /// A line above the table.
    pub(crate) fn about(&mut self, line: String) {
        self.about.push(line);
    }

    /// Something that was done many times, and what the API server takes for its part of it. The names of its numbers
    /// begin with `key`.
    pub(crate) fn latency(
        &mut self,
        key: &str,
        what: &str,
        measured: &Distribution,
        api: &Distribution,
        bound: &str,
    ) {
        for (prefix, distribution) in [("", measured), ("api_", api)] {
            for (name, value) in summary(distribution) {
                self.number(&format!("{prefix}{key}_{name}_ms"), value);
            }
        }
        self.rows.push(Row {
            what: what.to_owned(),
            values: summary(measured).map(|(_, value)| milliseconds(value)),
            bound: bound.to_owned(),
            api: summary(api).map(|(_, value)| milliseconds(value)),
        });
    }

    /// How many times as long something takes as something else, and the same for the API server's part of both.
    pub(crate) fn ratio(&mut self, key: &str, what: &str, value: f64, api: f64, bound: &str) {
        self.number(key, value);
        self.number(&format!("api_{key}"), api);
        let shown = |value| [format!("{} ×", rounded(value)), String::new(), String::new()];
        self.rows.push(Row {
            what: what.to_owned(),
            values: shown(value),
            bound: bound.to_owned(),
            api: shown(api),
        });
    }

    /// A figure that was measured once; `unit` is shown after it.
    pub(crate) fn single(&mut self, key: &str, what: &str, value: f64, unit: &str, bound: &str) {
        self.number(key, value);
        self.rows.push(Row {
            what: what.to_owned(),
            values: [
                format!("{} {unit}", rounded(value)).trim_end().to_owned(),
                String::new(),
                String::new(),
            ],
            bound: bound.to_owned(),
            api: Default::default(),
        });
    }

    /// A figure that is not in the table.
    pub(crate) fn number(&mut self, key: &str, value: f64) {
        self.numbers.add(key, value);
    }

    pub(crate) fn table(&self) -> String {
        let head = Row {
            what: String::new(),
            values: ["p50", "p99", "max"].map(str::to_owned),
            bound: "bound".to_owned(),
            api: ["API server alone: p50", "p99", "max"].map(str::to_owned),
        };
        let rows: Vec<_> = std::iter::once(&head).chain(&self.rows).map(Row::cells).collect();
        let lines = aligned(&rows, &[0, 4]);
        let about = self.about.iter().cloned();
        about
            .chain([String::new()])
            .chain(lines)
            .collect::<Vec<_>>()
            .join("\n")
            + "\n"
    }

    /// The same for programs.
    pub(crate) fn into_numbers(self) -> Numbers {
        self.numbers
    }
}

impl Row {
    fn cells(&self) -> [&str; 8] {
        let [p50, p99, max] = self.values.each_ref().map(String::as_str);
        let [api_p50, api_p99, api_max] = self.api.each_ref().map(String::as_str);
        [&self.what, p50, p99, max, &self.bound, api_p50, api_p99, api_max]
    }
}

fn summary(distribution: &Distribution) -> [(&'static str, f64); 3] {
    [
        ("p50", distribution.percentile(50)),
        ("p99", distribution.percentile(99)),
        ("max", distribution.max()),
    ]
}

fn milliseconds(value: f64) -> String {
    format!("{} ms", rounded(value))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn figures() -> Figures {
        let of = |samples: &[u64]| Distribution::of(samples.iter().copied().map(Duration::from_millis));
        let mut figures = Figures::default();
        let (measured, api) = (of(&[9, 10, 120]), of(&[6, 7, 8]));
        figures.latency("one", "one at a time", &measured, &api, "p50 ≤ 12 ms");
        figures.single("controller_idle_mb", "memory, idle", 11.26, "MB", "≤ 15 MB");
        figures.number("cores", 2.0);
        figures
    }

    #[test]
    fn every_figure_is_one_number_in_a_flat_object() {
        let numbers = figures().into_numbers();
        let expected = serde_json::json!({
            "one_p50_ms": 10.0, "one_p99_ms": 120.0, "one_max_ms": 120.0,
            "api_one_p50_ms": 7.0, "api_one_p99_ms": 8.0, "api_one_max_ms": 8.0,
            "controller_idle_mb": 11.26, "cores": 2.0,
        });
        assert_eq!(numbers.into_json(), expected);
    }

    #[test]
    fn the_table_shows_each_figure_beside_its_bound_and_the_share_of_the_api_server() {
        let table = figures().table();
        let lines: Vec<_> = table.lines().collect();
        assert_eq!(
            lines[2],
            "one at a time  10.0 ms  120 ms  120 ms  p50 ≤ 12 ms                7.00 ms  8.00 ms  8.00 ms"
        );
        assert_eq!(lines[3], "memory, idle   11.3 MB                  ≤ 15 MB");
    }
}
