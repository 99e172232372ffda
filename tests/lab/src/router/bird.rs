use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use super::{Learned, folder, program};
use crate::lab::Lab;
use crate::plan::Host;
use crate::process::Process;
use crate::run::run;

const PACKAGE: &str = "bird2";

/// How long it has to come up.
const PATIENCE: Duration = Duration::from_secs(20);

/// BIRD on a router.
#[derive(Debug)]
pub struct Bird<'a> {
    lab: &'a Lab,
    host: &'a Host,
    folder: PathBuf,
    birdc: PathBuf,
    /// Its process.
    pub process: Arc<Process>,
}

impl<'a> Bird<'a> {
    pub(super) fn start(lab: &'a Lab, host: &'a Host, configuration: &str) -> Result<Self> {
        let birdc = program("/usr/sbin/birdc", PACKAGE)?;
        let folder = folder(lab, host, None)?;
        let file = folder.join("bird.conf");
        fs::write(&file, configuration).with_context(|| format!("cannot write {}", file.display()))?;
        let mut command = Command::new(program("/usr/sbin/bird", PACKAGE)?);
        command.args(["-f", "-c"]).arg(file);
        command.arg("-s").arg(folder.join("bird.ctl"));
        command.arg("-P").arg(folder.join("bird.pid"));
        let process = lab.spawn(&host.name, "bird", command)?;
        let bird = Self {
            lab,
            host,
            folder,
            birdc,
            process,
        };
        let what = format!("BIRD on {}", host.name);
        bird.process
            .wait_for(&what, PATIENCE, || bird.birdc("show status").map(Some))?;
        Ok(bird)
    }

    /// Takes another configuration in place of what it has.
    pub fn configure(&self, configuration: &str) -> Result<()> {
        fs::write(self.folder.join("bird.conf"), configuration)?;
        self.birdc("configure").map(drop)
    }

    /// Runs a command of birdc and gives what it printed.
    pub fn birdc(&self, command: &str) -> Result<String> {
        let mut birdc = Command::new(&self.birdc);
        birdc.arg("-s").arg(self.folder.join("bird.ctl"));
        birdc.args(command.split_whitespace());
        let shown = run(self.lab.on(&self.host.name, &birdc)?)?;
        // It ends well also when it has not understood.
        if shown.contains("syntax error") || shown.contains("not running") {
            bail!("`{command}`: {shown}");
        }
        Ok(shown)
    }

    /// Everything that it has learned, sorted by prefix and peer.
    pub fn learned(&self) -> Result<Vec<Learned>> {
        let mut routes = Learned::of_bird(&self.birdc("show route all where source = RTS_BGP")?)?;
        routes.sort_by(|a, b| (&a.prefix, &a.peer).cmp(&(&b.prefix, &b.peer)));
        Ok(routes)
    }

    /// What it has learned of a prefix, sorted by peer; nothing if it knows none.
    pub fn routes(&self, prefix: &str) -> Result<Vec<Learned>> {
        let all = self.learned()?;
        Ok(all.into_iter().filter(|route| route.prefix == prefix).collect())
    }

    /// Whether a protocol's session is Established.
    pub fn established(&self, protocol: &str) -> Result<bool> {
        Ok(self
            .birdc(&format!("show protocols {protocol}"))?
            .contains("Established"))
    }
}
