use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, Subcommand, ValueEnum};
use config::service::Classes;
use explain::Installation;
use migrate::Product;

/// Explains Herald: why an address does not answer, what is wrong, and what a change would do.
#[derive(Debug, Parser)]
#[command(
    name = "kubectl-herald",
    bin_name = "kubectl herald",
    version,
    after_help = "Exit codes: 0 nothing is wrong; 1 it could not be done; 2 wrong usage; 3 something is wrong, or a plan is refused; 4 a plan leaves something to decide; 124 --timeout ran out."
)]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) common: Common,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What all commands take.
#[derive(Debug, clap::Args)]
pub(crate) struct Common {
    /// A kubeconfig file; without it, KUBECONFIG and ~/.kube/config.
    #[arg(long, global = true)]
    pub(crate) kubeconfig: Option<PathBuf>,
    /// The context of it.
    #[arg(long, global = true)]
    pub(crate) context: Option<String>,
    /// The namespace of Services and pods; without it, that of the context.
    #[arg(long, short, global = true)]
    pub(crate) namespace: Option<String>,
    /// How to print.
    #[arg(long, short, global = true, value_enum, default_value_t = Format::Table)]
    pub(crate) output: Format,
    /// No colours. There are none either where NO_COLOR is set, and where the output is no terminal.
    #[arg(long, global = true)]
    pub(crate) no_color: bool,
    /// A class of Services that this Herald serves, if it is not heraldlb.io/herald.
    #[arg(long, global = true)]
    load_balancer_class: Vec<String>,
    /// This Herald serves only Services that name a class.
    #[arg(long, global = true)]
    require_class: bool,
    /// Its speakers announce from nodes that carry the exclusion label, too.
    #[arg(long, global = true)]
    ignore_exclude_label: bool,
    /// How long to wait for the API server.
    #[arg(long, global = true, default_value = "15s", value_parser = humantime::parse_duration)]
    pub(crate) request_timeout: Duration,
}

/// How to print.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people.
    Table,
    /// For people with wide screens.
    Wide,
    /// For programs.
    Json,
    /// Likewise.
    Yaml,
    /// For build servers: SARIF 2.1.0, of `check` alone.
    Sarif,
    /// Likewise: JUnit.
    Junit,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Pools, speakers, Services, and what is wrong, the gravest first.
    Status,
    /// Why a Service, an address, a pod or a node answers, or does not.
    Why(Why),
    /// Every address: whose it is, and which node answers for it.
    Addresses,
    /// Every BGP session of every node.
    Sessions,
    /// Every segment, as each node sees it.
    Segments,
    /// Herald's events of all objects, in order of time.
    Events,
    /// Have a node hand over what it answers for and announces, and wait until it has.
    Drain(Drain),
    /// Let it announce again.
    Undrain(Undrain),
    /// Judge objects before they are applied, with the daemons' own rules, and say what would become of Services.
    Check(Check),
    /// Say how the cluster is moved to Herald from another provider of addresses, and do it if asked.
    Migrate(Migrate),
    /// Put what a report of a fault needs into one archive: objects, statuses, events, logs and versions, and no Secret.
    Report(Report),
    /// Write a script that completes this command's words in a shell.
    Completion(Completion),
    /// Write the manual pages into a folder.
    Man(Man),
    /// What kubectl asks to complete words.
    #[command(name = "__complete", hide = true)]
    Complete(Complete),
}

#[derive(Debug, clap::Args)]
pub(crate) struct Report {
    /// The archive, as .tar.gz.
    #[arg(long, value_name = "FILE", default_value = "herald-report.tar.gz")]
    pub(crate) file: PathBuf,
    /// Replace the names of namespaces, Services, nodes and pods.
    #[arg(long)]
    pub(crate) anonymize: bool,
    /// Where Herald is installed.
    #[arg(long, default_value = migrate::HERALD_NAMESPACE)]
    pub(crate) herald_namespace: String,
    /// So many lines of each container's log, the last ones.
    #[arg(long, default_value_t = 5000)]
    pub(crate) log_lines: i64,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Completion {
    /// The shell; kubectl: a script that completes `kubectl herald`, to be put on the PATH as kubectl_complete-herald.
    pub(crate) shell: Script,
}

/// For what a script completes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Script {
    /// Bash.
    Bash,
    /// Zsh.
    Zsh,
    /// Fish.
    Fish,
    /// kubectl, in whatever shell.
    Kubectl,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Man {
    /// The folder.
    pub(crate) folder: PathBuf,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Complete {
    /// The words so far; the last one is not finished.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    pub(crate) words: Vec<String>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Migrate {
    /// The other provider: metallb, kube-vip, purelb, cilium, calico, openelb, loxilb or servicelb.
    #[arg(long, value_name = "PRODUCT")]
    pub(crate) from: Product,
    /// Files with objects, or folders of them, instead of the cluster; `-` is the standard input.
    #[arg(long = "filename", short, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// Decide what the plan leaves open: CODE, CODE=VALUE, and @NAMESPACE/NAME for one Service alone.
    #[arg(long, value_name = "CODE[=VALUE][@SERVICE]", value_parser = decision)]
    pub(crate) decide: Vec<Decision>,
    /// A Service, as namespace/name, that is not moved.
    #[arg(long, value_name = "SERVICE")]
    pub(crate) leave_out: Vec<String>,
    /// A pool for Services whose addresses Herald cannot have.
    #[arg(long, value_name = "POOL=RANGE", value_parser = pool)]
    pub(crate) new_addresses: Option<(String, String)>,
    /// A Service, as namespace/name, that gets a second Service beside it, with an address of that pool.
    #[arg(long, value_name = "SERVICE")]
    pub(crate) twin: Vec<String>,
    /// Routers have sessions of their own for Herald, beside those of the other provider.
    #[arg(long)]
    pub(crate) own_session: bool,
    /// Where Herald is installed.
    #[arg(long, default_value = migrate::HERALD_NAMESPACE)]
    pub(crate) herald_namespace: String,
}

/// What somebody decided: the code, a value, and what for.
pub(crate) type Decision = (String, Option<String>, Option<String>);

fn decision(text: &str) -> Result<Decision, String> {
    let (text, object) = match text.split_once('@') {
        Some((text, object)) => (text, Some(object.to_owned())),
        None => (text, None),
    };
    let (code, value) = match text.split_once('=') {
        Some((code, value)) => (code, Some(value.to_owned())),
        None => (text, None),
    };
    let decidable = |known: &&migrate::Code| known.weight() == migrate::Weight::Decide;
    let known: Vec<_> = migrate::Code::ALL
        .iter()
        .filter(decidable)
        .map(|code| code.word())
        .collect();
    match known.contains(&code) {
        true => Ok((code.to_owned(), value, object)),
        false => Err(format!("{code:?} is none of {}", known.join(", "))),
    }
}

fn pool(text: &str) -> Result<(String, String), String> {
    let (name, range) = text
        .split_once('=')
        .ok_or("write POOL=RANGE, such as lan=192.168.1.200-192.168.1.220")?;
    range
        .parse::<model::AddressRange>()
        .map_err(|error| error.to_string())?;
    Ok((name.to_owned(), range.to_owned()))
}

#[derive(Debug, clap::Args)]
pub(crate) struct Why {
    /// A Service (name or namespace/name), an address, a pod or a node.
    pub(crate) what: String,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Drain {
    /// The node.
    pub(crate) node: String,
    /// Say what would move and where to, and do nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Drain also what no other node may have.
    #[arg(long)]
    pub(crate) force: bool,
    /// How long to wait until nothing is held there.
    #[arg(long, default_value = "60s", value_parser = humantime::parse_duration)]
    pub(crate) timeout: Duration,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Undrain {
    /// The node.
    pub(crate) node: String,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Check {
    /// Files with objects, in YAML or JSON; `-` is the standard input. Without any, the objects of the cluster are judged.
    pub(crate) files: Vec<PathBuf>,
    /// Judge the files alone, without a cluster.
    #[arg(long, requires = "files")]
    pub(crate) offline: bool,
}

impl Common {
    /// How Herald is installed, as far as flags say it.
    pub(crate) fn installation(&self) -> Installation {
        let default = Installation::default();
        Installation {
            classes: Classes {
                classes: match self.load_balancer_class.is_empty() {
                    true => default.classes.classes,
                    false => self.load_balancer_class.clone(),
                },
                require_class: self.require_class,
            },
            ignore_exclude_label: self.ignore_exclude_label,
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Args::command().debug_assert();
    }

    #[test]
    fn decisions_name_a_code_that_can_be_decided() {
        let read = decision("ManyAddresses=10.0.0.1@web/a").unwrap();
        assert_eq!(
            read,
            (
                "ManyAddresses".to_owned(),
                Some("10.0.0.1".to_owned()),
                Some("web/a".to_owned())
            )
        );
        assert!(decision("Overlap").unwrap_err().contains("LocalPref"));
        assert!(pool("lan=10.0.0.9").unwrap_err().contains("10.0.0.9"));
    }
}
