use std::fs;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::Value;

use super::{Learned, folder, program};
use crate::lab::Lab;
use crate::plan::Host;
use crate::process::Process;
use crate::run::run;

const PACKAGE: &str = "frr";
const FOLDER: &str = "/usr/lib/frr";
const USER: &str = "frr";

/// How long a daemon has to come up.
const PATIENCE: Duration = Duration::from_secs(20);

/// FRR on a router: zebra, which tells the kernel the routes, bgpd and bfdd.
#[derive(Debug)]
pub struct Frr<'a> {
    lab: &'a Lab,
    host: &'a Host,
    folder: PathBuf,
    vtysh: PathBuf,
    daemons: Vec<Arc<Process>>,
}

impl<'a> Frr<'a> {
    pub(super) fn start(lab: &'a Lab, host: &'a Host, configuration: &str) -> Result<Self> {
        let vtysh = program("/usr/bin/vtysh", PACKAGE)?;
        let folder = folder(lab, host, Some(USER))?;
        // Without one, vtysh complains of that instead of what is wrong.
        fs::write(folder.join("vtysh.conf"), "")?;
        let mut frr = Self {
            lab,
            host,
            folder,
            vtysh,
            daemons: vec![],
        };
        // zebra first: the others connect to it.
        for daemon in ["zebra", "bgpd", "bfdd"] {
            frr.daemons.push(frr.spawn(daemon)?);
        }
        for daemon in &frr.daemons {
            let socket = frr.folder.join(format!("{}.vty", daemon.name));
            daemon.wait_for(
                &format!("FRR's {} on {}", daemon.name, host.name),
                PATIENCE,
                || Ok(socket.exists().then_some(())),
            )?;
        }
        // bgpd takes a link-local next hop for wrong for as long as it has not heard of the interfaces.
        frr.daemon("zebra")?.wait_for(
            &format!("zebra and bgpd on {} to meet", host.name),
            PATIENCE,
            || {
                let clients = frr.vtysh("show zebra client summary")?;
                Ok(clients.contains("bgp").then_some(()))
            },
        )?;
        frr.configure(configuration)?;
        Ok(frr)
    }

    /// Enters lines of configuration, as after `configure terminal`.
    pub fn configure(&self, lines: &str) -> Result<()> {
        let file = self.folder.join("lines.conf");
        fs::write(&file, lines).with_context(|| format!("cannot write {}", file.display()))?;
        let mut vtysh = self.command()?;
        vtysh.arg("-f").arg(file);
        run(vtysh)
            .map(drop)
            .with_context(|| format!("FRR on {} does not take {lines}", self.host.name))
    }

    /// Runs a command of vtysh and gives what it printed.
    pub fn vtysh(&self, command: &str) -> Result<String> {
        let mut vtysh = self.command()?;
        vtysh.args(["-c", command]);
        run(vtysh)
    }

    /// The same of a command that prints JSON.
    pub fn json(&self, command: &str) -> Result<Value> {
        let text = self.vtysh(command)?;
        serde_json::from_str(&text).with_context(|| format!("`{command}` printed no JSON: {text}"))
    }

    /// What it has learned of a prefix, sorted by peer; nothing if it knows none.
    pub fn routes(&self, prefix: &str) -> Result<Vec<Learned>> {
        let family = family(prefix.contains(':'));
        let shown = self.json(&format!("show bgp {family} unicast {prefix} json"))?;
        let paths = shown["paths"].as_array().into_iter().flatten();
        let mut routes: Vec<_> = paths
            .map(|path| Learned::of_frr(prefix, path))
            .collect::<Result<_>>()?;
        routes.sort_by(|a, b| a.peer.cmp(&b.peer));
        Ok(routes)
    }

    /// Every prefix that it has learned, of both families.
    pub fn prefixes(&self) -> Result<Vec<String>> {
        let mut prefixes = Vec::new();
        for v6 in [false, true] {
            let shown = self.json(&format!("show bgp {} unicast json", family(v6)))?;
            let routes = shown["routes"].as_object().into_iter().flatten();
            prefixes.extend(routes.map(|(prefix, _)| prefix.clone()));
        }
        Ok(prefixes)
    }

    /// What it says of a neighbour, by address or interface: `bgpState`, `connectionsEstablished` and much more.
    pub fn neighbour(&self, neighbour: &str) -> Result<Value> {
        let shown = self.json(&format!("show bgp neighbors {neighbour} json"))?;
        let entry = shown.get(neighbour).cloned();
        entry.with_context(|| format!("FRR on {} has no neighbour {neighbour}", self.host.name))
    }

    /// What it says of the BFD session with a peer; null: it has none.
    pub fn bfd(&self, peer: IpAddr) -> Result<Value> {
        let shown = self.json("show bfd peers json")?;
        let mut peers = shown.as_array().into_iter().flatten();
        let is_it = |entry: &&Value| entry["peer"] == peer.to_string();
        Ok(peers.find(is_it).cloned().unwrap_or_default())
    }

    /// One of its daemons: `zebra`, `bgpd` or `bfdd`.
    pub fn daemon(&self, name: &str) -> Result<&Process> {
        let found = self.daemons.iter().find(|daemon| daemon.name == name);
        found
            .map(AsRef::as_ref)
            .with_context(|| format!("FRR has no {name}"))
    }

    fn spawn(&self, daemon: &str) -> Result<Arc<Process>> {
        let folder = self.folder.display();
        let mut command = Command::new(program(&format!("{FOLDER}/{daemon}"), PACKAGE)?);
        command.args([
            format!("--vty_socket={folder}"),
            format!("--socket={folder}/zserv.api"),
            format!("--pid_file={folder}/{daemon}.pid"),
            // No configuration but what is entered.
            format!("--config_file={folder}/none.conf"),
            "--vty_port=0".into(),
            "--log=stdout".into(),
            "--log-level=debugging".into(),
        ]);
        if daemon == "bfdd" {
            command.arg(format!("--bfdctl={folder}/bfdd.sock"));
        }
        self.lab.spawn(&self.host.name, daemon, command)
    }

    fn command(&self) -> Result<Command> {
        let mut vtysh = Command::new(&self.vtysh);
        let folder: &Path = &self.folder;
        vtysh
            .arg("--vty_socket")
            .arg(folder)
            .arg("--config_dir")
            .arg(folder);
        self.lab.on(&self.host.name, &vtysh)
    }
}

fn family(v6: bool) -> &'static str {
    if v6 { "ipv6" } else { "ipv4" }
}
