//! Command lab brings real Kubernetes clusters up in network namespaces, for people.
#![forbid(unsafe_code)]

use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::{Parser, Subcommand};
use lab::{ComponentSettings, Components, Lab, NodeKind, Spec, Steps, seconds};

/// A real Kubernetes cluster in network namespaces of this machine.
#[derive(Debug, Parser)]
#[command(name = "lab", version)]
struct Args {
    #[command(flatten)]
    components: ComponentSettings,
    #[command(subcommand)]
    command: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Build the programs that a cluster is made of, where they are missing.
    Components,
    /// Bring a lab up and leave it running.
    Up {
        #[command(flatten)]
        name: Name,
        /// How many nodes it has.
        #[arg(long, default_value_t = 3)]
        nodes: u8,
        /// What its nodes are.
        #[arg(long, value_enum, default_value_t = NodeKind::Kubelet)]
        kind: NodeKind,
        /// Archive of Herald's image, to be loaded into every node; needs --chart.
        #[arg(long, requires = "chart")]
        image: Option<PathBuf>,
        /// Folder of Herald's chart, to be installed; needs --image.
        #[arg(long, requires = "image")]
        chart: Option<PathBuf>,
    },
    /// Show Herald from nothing to an address that survives a pulled cable; leaves nothing behind.
    Demo {
        /// Archive of Herald's image, to be loaded into every node.
        #[arg(long)]
        image: PathBuf,
        /// Folder of Herald's chart, to be installed.
        #[arg(long)]
        chart: PathBuf,
    },
    /// Take a lab down and remove all of it.
    Down {
        #[command(flatten)]
        name: Name,
    },
    /// Show which labs there are.
    List,
    /// Remove what killed labs have left.
    Sweep,
    /// Run a command on a host: n1, n2, …, client, cp.
    Exec {
        #[command(flatten)]
        name: Name,
        /// The host.
        host: String,
        /// The command and its arguments.
        #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
        command: Vec<String>,
    },
    /// Run one of the programs that a cluster is made of: helm, kubectl, ctr and others.
    Tool {
        /// The program.
        program: String,
        /// Its arguments.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Load an image archive into every node.
    Load {
        #[command(flatten)]
        name: Name,
        /// docker-archive or OCI archive.
        archive: PathBuf,
    },
    /// Break something, or mend it.
    Fault {
        #[command(flatten)]
        name: Name,
        /// What happens.
        #[arg(value_enum)]
        fault: Fault,
        /// To which host.
        host: String,
        /// For `drop`: percent of the frames.
        #[arg(default_value_t = 100)]
        percent: u8,
    },
}

#[derive(Debug, Clone, clap::Args)]
struct Name {
    /// Name of the lab.
    #[arg(long, default_value = "lab")]
    name: String,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Fault {
    /// Pull the cable.
    Unplug,
    /// Put it back.
    Plug,
    /// Cut it off the API server only.
    Partition,
    /// End that.
    Heal,
    /// Lose a share of its frames; 0 ends it.
    Drop,
    /// Stop all its processes.
    Freeze,
    /// Let them go on.
    Thaw,
}

#[allow(clippy::print_stderr, reason = "the command says here why it failed")]
fn main() -> ExitCode {
    match run(Args::parse(), &Steps::printing()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("lab: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: Args, steps: &Steps) -> Result<()> {
    let Args { components, command } = args;
    match command {
        Action::Components => {
            lab::catch_signals()?;
            let components = Components::provide(&components, steps)?;
            let folders: Vec<_> = components
                .folders()
                .iter()
                .map(|folder| folder.display().to_string())
                .collect();
            steps.note(&format!("programs are in {}", folders.join(", then ")));
            Ok(())
        }
        Action::Up {
            name: Name { name },
            nodes,
            kind,
            image,
            chart,
        } => {
            lab::catch_signals()?;
            let components = Some(Components::provide(&components, steps)?);
            let lab = Lab::up(Spec {
                nodes,
                components,
                steps: *steps,
                ..Spec::new(&name, kind)
            })?;
            if let (Some(image), Some(chart)) = (image, chart) {
                steps.step("loading Herald's image into every node", || {
                    lab.load_image(&image)
                })?;
                steps.step("helm install herald", || lab.install_herald(&chart))?;
            }
            lab.keep()?;
            explain(&lab, steps)
        }
        Action::Demo { image, chart } => {
            lab::catch_signals()?;
            let components = Components::provide(&components, steps)?;
            lab::demo(&image, &chart, components, steps)
        }
        Action::Down { name: Name { name } } => {
            let lab = Lab::attach(&name)?;
            steps.step(&format!("removing lab {name}"), || lab.down())
        }
        Action::List => {
            for (name, kind, nodes, kept) in Lab::list() {
                let stays = if kept {
                    ""
                } else {
                    ", belongs to a running process"
                };
                steps.note(&format!("{name}: {nodes} {kind:?} nodes{stays}").to_lowercase());
            }
            Ok(())
        }
        Action::Sweep => {
            let swept = steps.step("removing what dead labs left", lab::sweep_abandoned)?;
            steps.note(&swept.join("\n"));
            Ok(())
        }
        Action::Tool { program, arguments } => {
            let path = Components::provide(&components, &Steps::silent())?.path(&program)?;
            let error = std::process::Command::new(path).args(arguments).exec();
            Err(error).with_context(|| format!("cannot run {program}"))
        }
        Action::Exec {
            name: Name { name },
            host,
            command,
        } => {
            let words: Vec<_> = command.iter().map(String::as_str).collect();
            let error = Lab::attach(&name)?.command_on(&host, &words)?.exec();
            Err(error).with_context(|| format!("cannot run {}", words[0]))
        }
        Action::Load {
            name: Name { name },
            archive,
        } => {
            let lab = Lab::attach(&name)?;
            steps.step(&format!("loading {}", archive.display()), || {
                lab.load_image(&archive)
            })
        }
        Action::Fault {
            name: Name { name },
            fault,
            host,
            percent,
        } => {
            let lab = Lab::attach(&name)?;
            match fault {
                Fault::Unplug => lab.unplug(&host),
                Fault::Plug => lab.plug(&host),
                Fault::Partition => lab.partition_from_api(&host),
                Fault::Heal => lab.heal(&host),
                Fault::Drop => lab.drop_share(&host, percent),
                Fault::Freeze => lab.freeze(&host),
                Fault::Thaw => lab.thaw(&host),
            }
        }
    }
}

/// Tells how to use a lab that is up.
fn explain(lab: &Lab, steps: &Steps) -> Result<()> {
    let (name, kubectl) = (lab.name(), lab.components().path("kubectl")?);
    let me = std::env::current_exe().context("this program has no path")?;
    let me = me.display();
    steps.note(&format!(
        "\nlab `{name}` is up after {}; it stays until `{me} down --name {name}`\n\
         export KUBECONFIG={}\n\
         {} get nodes\n\
         {me} exec --name {name} client ip neigh",
        seconds(steps.elapsed()),
        lab.kubeconfig().display(),
        kubectl.display(),
    ));
    Ok(())
}
