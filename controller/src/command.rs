//! The command line: what this process is, the controller or something that is done once and ends.

use clap::{CommandFactory, FromArgMatches, Subcommand};
use process::logging;

use crate::args::Args;
use crate::configuration::ApplyArgs;
use crate::finalizers::ReleaseArgs;

/// What is asked for.
#[derive(Debug)]
pub(crate) enum CommandLine {
    /// To be the controller.
    Serve(Args),
    /// To do something once.
    Once(Task),
}

/// What is done once.
#[derive(Debug, Subcommand)]
pub(crate) enum Task {
    /// Apply the objects that a chart's values list, and delete those that they do not list any more.
    ApplyConfiguration(ApplyArgs),
    /// Stop the controller and take its finalizers off everything, so that all of it can be deleted without one.
    ReleaseFinalizers(ReleaseArgs),
}

impl CommandLine {
    /// What the arguments of this process say; wrong ones end it with words about them.
    pub(crate) fn parse() -> Self {
        Self::of(std::env::args_os()).unwrap_or_else(|error| error.exit())
    }

    /// Logs from here on, as the arguments say.
    pub(crate) fn start_logging(&self) {
        let (level, format) = match self {
            Self::Serve(args) => (&args.log_level, args.log_format),
            Self::Once(Task::ApplyConfiguration(args)) => (&args.log_level, args.log_format),
            Self::Once(Task::ReleaseFinalizers(args)) => (&args.log_level, args.log_format),
        };
        logging::init(level, format);
    }

    fn of<T>(arguments: impl IntoIterator<Item = T>) -> Result<Self, clap::Error>
    where
        T: Into<std::ffi::OsString> + Clone,
    {
        let command = Task::augment_subcommands(Args::command())
            .args_conflicts_with_subcommands(true)
            .subcommand_negates_reqs(true);
        let matches = command.try_get_matches_from(arguments)?;
        match matches.subcommand_name() {
            Some(_) => Task::from_arg_matches(&matches).map(Self::Once),
            None => Args::from_arg_matches(&matches).map(Self::Serve),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_takes_none_of_the_arguments_of_the_controller() {
        let words = [
            "herald-controller",
            "release-finalizers",
            "--namespace=herald-system",
            "--deployment=herald-controller",
        ];
        assert!(matches!(
            CommandLine::of(words),
            Ok(CommandLine::Once(Task::ReleaseFinalizers(_)))
        ));
        let words = [
            "herald-controller",
            "apply-configuration",
            "--configured-by=a.b",
            "/etc/x",
        ];
        assert!(matches!(
            CommandLine::of(words),
            Ok(CommandLine::Once(Task::ApplyConfiguration(_)))
        ));
    }

    #[test]
    fn without_a_task_the_process_is_the_controller() {
        let words = ["herald-controller", "--namespace=herald-system", "--identity=c1"];
        assert!(matches!(CommandLine::of(words), Ok(CommandLine::Serve(_))));
        assert!(CommandLine::of(["herald-controller", "serve"]).is_err());
    }
}
