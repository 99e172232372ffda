//! All silences in one picture: a row for each case and kind of client, a dot for each run, over a logarithmic axis of time.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use super::Measurements;
use crate::distribution::Distribution;
use crate::table::rounded;

const WIDTH: f64 = 960.0;
const LABELS: f64 = 250.0;
const RIGHT: f64 = 40.0;
const ROW: f64 = 28.0;
const TOP: f64 = 40.0;
/// From 1 ms to 10 s.
const DECADES: f64 = 4.0;
/// What no client is to wait longer for.
const BOUND: f64 = 350.0;

/// Writes the picture.
pub(super) fn write(file: &Path, measured: &Measurements) -> Result<()> {
    fs::write(file, draw(&rows(measured))).with_context(|| format!("cannot write {}", file.display()))
}

fn rows(measured: &Measurements) -> Vec<(String, Distribution)> {
    let mut rows = Vec::new();
    for faults in &measured.faults {
        for client in ["warm", "cold"] {
            let silence = Distribution::of(faults.of(client).map(|seen| seen.silence));
            rows.push((format!("{}: {client}", faults.case.title()), silence));
        }
    }
    if let Some(fresh) = &measured.fresh {
        let times = fresh.announced.iter().copied();
        rows.push(("new address: status → ARP".into(), Distribution::of(times)));
    }
    if let Some(thousand) = &measured.thousand {
        let times = thousand.spread.iter().copied();
        rows.push(("1000 addresses: first to last".into(), Distribution::of(times)));
    }
    rows
}

#[allow(clippy::cast_precision_loss, reason = "a picture has few rows")]
fn draw(rows: &[(String, Distribution)]) -> String {
    let height = TOP + ROW * (rows.len() as f64 + 1.0);
    let bottom = height - ROW;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{height}\" font-family=\"sans-serif\" \
         font-size=\"12\">\n<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n"
    );
    for milliseconds in [1.0, 10.0, 100.0, 1000.0, 10_000.0] {
        line(&mut svg, milliseconds, bottom, "#ddd");
        text(
            &mut svg,
            x(milliseconds),
            TOP - 12.0,
            "middle",
            &format!("{milliseconds} ms"),
        );
    }
    line(&mut svg, BOUND, bottom, "#c33");
    text(&mut svg, x(BOUND), height - 8.0, "middle", &format!("{BOUND} ms"));
    for (number, (label, times)) in rows.iter().enumerate() {
        let middle = TOP + ROW * (number as f64 + 0.5);
        text(&mut svg, LABELS - 12.0, middle + 4.0, "end", label);
        for (place, time) in times.samples().iter().enumerate() {
            // Values that are alike would hide each other on one line.
            let y = middle + [-6.0, -2.0, 2.0, 6.0][place % 4];
            let _ = writeln!(
                svg,
                "<circle cx=\"{:.1}\" cy=\"{y:.1}\" r=\"2.5\" fill=\"#236\" fill-opacity=\"0.4\"/>",
                x(*time)
            );
        }
        let p99 = times.percentile(99);
        let _ = writeln!(
            svg,
            "<path d=\"M{0:.1} {1:.1}v{2}\" stroke=\"black\"><title>p99 {3} ms</title></path>",
            x(p99),
            middle - 11.0,
            22,
            rounded(p99)
        );
    }
    svg + "</svg>\n"
}

fn line(svg: &mut String, milliseconds: f64, bottom: f64, colour: &str) {
    let x = x(milliseconds);
    let _ = writeln!(svg, "<path d=\"M{x:.1} {TOP}V{bottom:.1}\" stroke=\"{colour}\"/>");
}

fn text(svg: &mut String, x: f64, y: f64, anchor: &str, text: &str) {
    let _ = writeln!(
        svg,
        "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\">{text}</text>"
    );
}

fn x(milliseconds: f64) -> f64 {
    let share = milliseconds.max(1.0).log10() / DECADES;
    LABELS + share.min(1.0) * (WIDTH - LABELS - RIGHT)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn every_run_is_a_dot_and_no_dot_is_outside() {
        let times = [0, 5, 350, 60_000].map(Duration::from_millis);
        let svg = draw(&[("a: warm".into(), Distribution::of(times))]);
        assert_eq!(svg.matches("<circle").count(), 4);
        assert!(x(0.0) >= LABELS && x(60_000.0) <= WIDTH - RIGHT);
        assert!(svg.contains("p99 60000 ms"));
    }
}
