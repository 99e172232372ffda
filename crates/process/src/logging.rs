//! Structured logs on standard error.

use std::io::IsTerminal;
use std::str::FromStr;

use tracing_subscriber::filter::{ParseError, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, fmt, registry};

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
pub struct Level(Targets);

impl FromStr for Level {
    type Err = ParseError;

    fn from_str(directives: &str) -> Result<Self, ParseError> {
        let _what_the_user_got_wrong = directives.parse::<Targets>()?;
        format!("{LOGGED_BY_US},{directives}").parse().map(Self)
    }
}

/// kube's watcher logs each request that is refused, and then returns the failure to us, who log it too. A directive of the user for
/// the same module comes after this one and wins.
const LOGGED_BY_US: &str = "kube_runtime::watcher=off";

/// Starts logging. To be called once, first of all.
pub fn init(level: &Level, format: Format) {
    let lines = fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal());
    let lines = match format {
        Format::Json => lines.json().flatten_event(true).boxed(),
        Format::Text => lines.boxed(),
    };
    registry().with(lines.with_filter(level.0.clone())).init();
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
        let logs = |level: &str| {
            let Level(targets) = level.parse().unwrap();
            move |module, at| targets.would_enable(module, &at)
        };
        let info = logs("info");
        assert!(info("speaker", tracing::Level::INFO) && !info("speaker", tracing::Level::DEBUG));
        assert!(!info("kube_runtime::watcher", tracing::Level::ERROR));
        assert!(logs("info,kube_runtime::watcher=debug")(
            "kube_runtime::watcher",
            tracing::Level::DEBUG
        ));
    }
}
