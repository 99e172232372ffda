//! Prints for people and for programs.

use std::io::Write as _;

use anstyle::{AnsiColor, Style};
use anyhow::bail;
use explain::{Finding, Severity};
use jiff::Timestamp;
use serde::Serialize;
use tabwriter::TabWriter;

use crate::args::{Common, Format};

/// Where reports go.
pub(crate) struct Output {
    format: Format,
}

impl Output {
    pub(crate) fn new(common: &Common) -> Self {
        if common.no_color {
            anstream::ColorChoice::Never.write_global();
        }
        Self {
            format: common.output,
        }
    }

    /// How is printed.
    pub(crate) fn format(&self) -> Format {
        self.format
    }

    pub(crate) fn is_wide(&self) -> bool {
        self.format == Format::Wide
    }

    /// Prints `report`: `text` of it for people, all of it for programs.
    pub(crate) fn report<T: Serialize>(
        &self,
        kind: &str,
        report: &T,
        text: impl FnOnce(&T) -> String,
    ) -> anyhow::Result<()> {
        match self.format {
            Format::Table | Format::Wide => print(&text(report)),
            Format::Json => print(&serde_json::to_string_pretty(&Versioned::of(kind, report))?),
            Format::Yaml => print(&serde_saphyr::to_string(&Versioned::of(kind, report))?),
            Format::Sarif | Format::Junit => bail!("sarif and junit are forms of `check` alone: use -o json"),
        }
        Ok(())
    }

    /// Prints a table, or its rows for programs.
    pub(crate) fn table<T: Serialize>(
        &self,
        kind: &str,
        rows: &[T],
        columns: &[Column<T>],
    ) -> anyhow::Result<()> {
        #[derive(Serialize)]
        struct Items<'a, T> {
            items: &'a [T],
        }
        self.report(kind, &Items { items: rows }, |items| {
            table(items.items, columns, self.is_wide())
        })
    }
}

/// A report with a version, so that programs can rely on its form.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Versioned<'a, T> {
    api_version: &'static str,
    kind: &'a str,
    #[serde(flatten)]
    report: &'a T,
}

impl<'a, T> Versioned<'a, T> {
    fn of(kind: &'a str, report: &'a T) -> Self {
        Self {
            api_version: "report.heraldlb.io/v1",
            kind,
            report,
        }
    }
}

/// A column of a table.
pub(crate) struct Column<T> {
    pub(crate) title: &'static str,
    /// Shown on wide screens alone.
    pub(crate) wide: bool,
    pub(crate) cell: fn(&T) -> String,
}

/// Rows under titles, as kubectl prints them.
pub(crate) fn table<T>(rows: &[T], columns: &[Column<T>], wide: bool) -> String {
    if rows.is_empty() {
        return "nothing found".to_owned();
    }
    let columns: Vec<_> = columns.iter().filter(|column| wide || !column.wide).collect();
    let titles = columns
        .iter()
        .map(|column| column.title.to_owned())
        .collect::<Vec<_>>();
    let cells = rows.iter().map(|row| {
        columns
            .iter()
            .map(|column| plain(&(column.cell)(row)))
            .collect::<Vec<_>>()
    });
    let lines: Vec<_> = std::iter::once(titles)
        .chain(cells)
        .map(|cells| cells.join("\t"))
        .collect();
    aligned(&lines)
}

/// Lines whose cells, divided by tabulators, stand in columns.
pub(crate) fn aligned(lines: &[String]) -> String {
    let mut writer = TabWriter::new(Vec::new()).padding(3);
    let written = write!(writer, "{}", lines.join("\n")).and_then(|()| writer.flush());
    let aligned = written.ok().and_then(|()| writer.into_inner().ok());
    aligned
        .and_then(|octets| String::from_utf8(octets).ok())
        .unwrap_or_default()
}

/// How long ago something was, as kubectl says it.
pub(crate) fn age(since: Option<Timestamp>, now: Timestamp) -> String {
    let Some(since) = since else {
        return "<unknown>".to_owned();
    };
    let seconds = now.duration_since(since).as_secs().max(0);
    match seconds {
        0..120 => format!("{seconds}s"),
        120..7200 => format!("{}m", seconds / 60),
        7200..172_800 => format!("{}h", seconds / 3600),
        _ => format!("{}d", seconds / 86_400),
    }
}

/// A value that may not be there.
pub(crate) fn or_none(value: Option<&str>) -> String {
    value.unwrap_or("<none>").to_owned()
}

/// What is wrong, and what to do about it.
pub(crate) fn finding(finding: &Finding) -> String {
    let (word, colour) = match finding.severity {
        Severity::Error => ("error", AnsiColor::Red),
        Severity::Warning => ("warning", AnsiColor::Yellow),
        Severity::Note => ("note", AnsiColor::Cyan),
    };
    let style = Style::new().fg_color(Some(colour.into())).bold();
    let mut text = format!(
        "{style}{word}{style:#} {}: {}",
        finding.code.word(),
        plain(&finding.text)
    );
    if let Some(next) = &finding.next {
        text += &format!("\n      {}:\n      {}", plain(&next.advice), next.command);
    }
    text
}

/// A heading.
pub(crate) fn heading(text: &str) -> String {
    let style = Style::new().bold();
    format!("{style}{text}{style:#}")
}

/// Words of routers and of objects end in terminals: what could command one is taken out.
pub(crate) fn plain(text: &str) -> String {
    text.chars()
        .map(|one| if one.is_control() { ' ' } else { one })
        .collect()
}

/// Prints what a command found.
pub(crate) fn print(text: &str) {
    anstream::println!("{}", text.trim_end());
}

/// Says what could not be done.
pub(crate) fn complain(text: &str) {
    anstream::eprintln!("{text}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned_and_wide_ones_left_out() {
        let columns: [Column<(&str, &str)>; 3] = [
            Column {
                title: "NAME",
                wide: false,
                cell: |row| row.0.to_owned(),
            },
            Column {
                title: "MORE",
                wide: true,
                cell: |row| row.1.to_owned(),
            },
            Column {
                title: "AGE",
                wide: false,
                cell: |_| "5s".to_owned(),
            },
        ];
        let rows = [("web", "x"), ("a-longer-name", "y")];
        assert_eq!(
            table(&rows, &columns, false),
            "NAME            AGE\nweb             5s\na-longer-name   5s"
        );
        assert!(table(&rows, &columns, true).starts_with("NAME            MORE   AGE\n"));
        assert_eq!(table(&rows[..0], &columns, false), "nothing found");
    }

    #[test]
    fn ages_are_as_kubectl_says_them() {
        let now = Timestamp::from_second(1_000_000).unwrap();
        let ago = |seconds: i64| age(Timestamp::from_second(1_000_000 - seconds).ok(), now);
        assert_eq!(
            [ago(5), ago(300), ago(10_000), ago(200_000), ago(-3)],
            ["5s", "5m", "2h", "2d", "0s"]
        );
        assert_eq!(age(None, now), "<unknown>");
    }

    #[test]
    fn what_could_command_a_terminal_is_taken_out() {
        assert_eq!(plain("gone\u{1b}[2J\n!"), "gone [2J !");
    }
}
