//! Every single value, as tables that other programs read.

use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};

use super::Measurements;
use super::cases::Faults;

/// Writes a file for each thing that was measured.
pub(super) fn write(folder: &Path, measured: &Measurements) -> Result<()> {
    fs::create_dir_all(folder)?;
    let file = |name: &str, text: String| {
        let file = folder.join(format!("{name}.csv"));
        fs::write(&file, text).with_context(|| format!("cannot write {}", file.display()))
    };
    for faults in &measured.faults {
        file(&faults.case.key(), silences(faults))?;
    }
    if let Some(fresh) = &measured.fresh {
        let columns = [("announced_ms", &fresh.announced), ("whole_ms", &fresh.whole)];
        file("new", times(&columns, 1000.0))?;
    }
    if let Some(thousand) = &measured.thousand {
        let columns = [("first_ms", &thousand.first), ("spread_ms", &thousand.spread)];
        file("thousand", times(&columns, 1000.0))?;
    }
    if let Some(arp) = &measured.arp {
        let columns = [("speaker_us", &arp.speaker), ("kernel_us", &arp.kernel)];
        file("arp", times(&columns, 1e6))?;
    }
    Ok(())
}

fn silences(faults: &Faults) -> String {
    let mut text = "run,client,sent,lost,silence_ms\n".to_owned();
    for (number, run) in (1..).zip(&faults.runs) {
        for (client, seen) in suites::CLIENTS.iter().zip(run) {
            let silence = seen.silence.as_secs_f64() * 1000.0;
            let _ = writeln!(text, "{number},{client},{},{},{silence:.3}", seen.sent, seen.lost);
        }
    }
    text
}

/// Columns of times, in so many units to the second.
fn times(columns: &[(&str, &Vec<Duration>)], units: f64) -> String {
    let names: Vec<_> = columns.iter().map(|(name, _)| *name).collect();
    let mut text = format!("run,{}\n", names.join(","));
    for row in 0..columns.iter().map(|(_, times)| times.len()).max().unwrap_or(0) {
        let cell = |times: &Vec<Duration>| {
            let time = times.get(row);
            time.map_or_else(String::new, |time| format!("{:.3}", time.as_secs_f64() * units))
        };
        let cells: Vec<_> = columns.iter().map(|(_, times)| cell(times)).collect();
        let _ = writeln!(text, "{},{}", row + 1, cells.join(","));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_has_a_cell_for_each_column_also_where_there_is_no_value() {
        let (long, short) = (
            vec![Duration::from_micros(1500); 2],
            vec![Duration::from_millis(7)],
        );
        assert_eq!(
            times(&[("a_ms", &long), ("b_ms", &short)], 1000.0),
            "run,a_ms,b_ms\n1,1.500,7.000\n2,1.500,\n"
        );
    }
}
