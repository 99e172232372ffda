//! `kubectl herald`: why an address does not answer, what is wrong, a node out of service and back, and what a change would do.
//!
//! It reads the API server alone; [`explain`] finds out, this prints.
#![forbid(unsafe_code)]

mod args;
mod check;
mod complete;
mod drain;
mod events;
mod fetch;
mod migrate;
mod output;
mod report;
mod rows;
mod status;
mod why;

use std::process::ExitCode;

use clap::Parser;

use crate::args::{Args, Command};
use crate::fetch::Reader;

/// How a command ended that did what it was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    /// Nothing is wrong.
    Fine,
    /// It found something that is.
    Found,
    /// Something is to be decided first.
    Undecided,
    /// What was waited for did not come about in time.
    TimedOut,
}

impl From<Outcome> for ExitCode {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Fine => Self::SUCCESS,
            Outcome::Found => Self::from(3),
            Outcome::Undecided => Self::from(4),
            Outcome::TimedOut => Self::from(124),
        }
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let args = Args::parse();
    match run(args).await {
        Ok(outcome) => outcome.into(),
        Err(error) => {
            output::complain(&format!("error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

async fn run(args: Args) -> anyhow::Result<Outcome> {
    let Args { common, command } = args;
    let out = output::Output::new(&common);
    if let Command::Check(check) = &command
        && check.offline
    {
        return check::offline(check, &common, &out);
    }
    if let Command::Completion(given) = &command {
        return complete::script(given.shell);
    }
    if let Command::Man(given) = &command {
        return complete::manual(&given.folder);
    }
    if let Command::Complete(given) = &command {
        return complete::words(&common, &given.words).await;
    }
    if let Command::Migrate(given) = &command
        && !given.files.is_empty()
    {
        return migrate::of_files(given, &out);
    }
    let reader = Reader::connect(&common).await?;
    match command {
        Command::Status => status::run(&reader, &common, &out).await,
        Command::Why(why) => why::run(&reader, &common, &why, &out).await,
        Command::Addresses => rows::addresses(&reader, &common, &out).await,
        Command::Sessions => rows::sessions(&reader, &common, &out).await,
        Command::Segments => rows::segments(&reader, &common, &out).await,
        Command::Events => events::run(&reader, &out).await,
        Command::Drain(drain) => drain::drain(&reader, &common, &drain, &out).await,
        Command::Undrain(undrain) => drain::undrain(&reader, &undrain, &out).await,
        Command::Check(check) => check::run(&reader, &common, &check, &out).await,
        Command::Migrate(given) => migrate::of_cluster(&reader, &given, &out).await,
        Command::Report(given) => report::run(&reader, &given).await,
        Command::Completion(_) | Command::Man(_) | Command::Complete(_) => Ok(Outcome::Fine),
    }
}
