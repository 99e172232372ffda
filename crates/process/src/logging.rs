//! Structured logs on standard error.

use std::io::IsTerminal;
use std::str::FromStr;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::FmtSpan;

/// How a log line is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// One JSON object a line.
    #[default]
    Json,
    /// For people.
    Text,
}

/// The name of a log format that there is none of.
#[derive(Debug, thiserror::Error)]
#[error("{0:?} is no log format: write json or text")]
pub struct UnknownFormat(String);

impl FromStr for Format {
    type Err = UnknownFormat;

    fn from_str(name: &str) -> Result<Self, UnknownFormat> {
        match name {
            "json" => Ok(Self::Json),
            "text" => Ok(Self::Text),
            other => Err(UnknownFormat(other.to_owned())),
        }
    }
}

/// Which lines are logged: a level, or a list of `module=level`. Checked when the arguments are read.
#[derive(Clone, Debug)]
pub struct Level(String);

impl FromStr for Level {
    type Err = tracing_subscriber::filter::ParseError;

    fn from_str(directives: &str) -> Result<Self, Self::Err> {
        EnvFilter::builder().parse(directives)?;
        Ok(Self(format!("{LOGGED_BY_US},{directives}")))
    }
}

/// kube's watcher logs each request that is refused, and then returns the failure to us, who log it too. A directive of the user for
/// the same module comes after this one and wins.
const LOGGED_BY_US: &str = "kube_runtime::watcher=off";

/// Starts logging. To be called once, first of all.
pub fn init(level: &Level, format: Format) {
    let builder = tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::new(&level.0))
        .with_span_events(FmtSpan::NONE)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal());
    match format {
        Format::Json => builder.json().flatten_event(true).init(),
        Format::Text => builder.init(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_or_format_that_does_not_exist_is_refused() {
        assert!("info,speaker=debug".parse::<Level>().is_ok());
        assert!("speaker=loud".parse::<Level>().is_err());
        assert_eq!(
            "xml".parse::<Format>().unwrap_err().to_string(),
            "\"xml\" is no log format: write json or text"
        );
    }

    #[test]
    fn a_failed_request_is_not_logged_twice_unless_the_user_asks_for_it() {
        let filter = |level: &str| EnvFilter::new(&level.parse::<Level>().unwrap().0).to_string();
        assert!(filter("info").contains("kube_runtime::watcher=off"));
        assert!(filter("kube_runtime::watcher=debug").contains("kube_runtime::watcher=debug"));
    }
}
