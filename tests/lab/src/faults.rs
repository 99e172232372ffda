//! What can go wrong with machines and networks, as methods.

use std::process::{Command, Stdio};
use std::sync::Arc;

use anyhow::{Result, bail};

use crate::lab::Lab;
use crate::netns;
use crate::plan::Host;
use crate::process::Process;

/// Table of the nft rules that cut a node off the API server; in the node's namespace.
const PARTITION: &str = "inet herald_lab_partition";

/// One way over a cable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// What the host sends.
    FromHost,
    /// What others send to it.
    ToHost,
}

impl Lab {
    /// Pulls a host's cable: no FIN, no RST, and the other hosts keep their carrier.
    pub fn unplug(&self, host: &str) -> Result<()> {
        self.set_port(host, "down")
    }

    /// Puts the cable back.
    pub fn plug(&self, host: &str) -> Result<()> {
        self.set_port(host, "up")
    }

    /// Drops everything between a host and the API server, both ways and for its pods too; the rest of the LAN is as
    /// before. Connections are not closed: they fall silent.
    pub fn partition_from_api(&self, host: &str) -> Result<()> {
        let cp = self.host("cp")?;
        let chain = |hook: &str| {
            format!(
                "chain {hook} {{ type filter hook {hook} priority 0;
                   ip saddr {v4} drop; ip daddr {v4} drop; ip6 saddr {v6} drop; ip6 daddr {v6} drop; }}",
                v4 = cp.v4,
                v6 = cp.v6
            )
        };
        let chains = ["input", "output", "forward"].map(chain).join("\n");
        let host = self.host(host)?;
        netns::nft(
            &host.netns,
            &format!("{}table {PARTITION} {{\n{chains}\n}}\n", forget(PARTITION)),
        )
    }

    /// Ends the partition.
    pub fn heal(&self, host: &str) -> Result<()> {
        netns::nft(&self.host(host)?.netns, &forget(PARTITION))
    }

    /// Drops a share of the frames to a host, and the same share of those from it, by chance; 0 ends it.
    pub fn drop_share(&self, host: &str, percent: u8) -> Result<()> {
        if percent > 100 {
            bail!("{percent} percent is more than everything");
        }
        let port = self.on_lan(host)?.name;
        let table = format!("bridge herald_lab_loss_{}", port.replace('-', "_"));
        let mut script = forget(&table);
        if percent > 0 {
            // nft takes only comparisons that can go either way.
            let chance = match percent {
                100 => String::new(),
                share => format!("numgen random mod 100 < {share}"),
            };
            script += &format!(
                "table {table} {{ chain forward {{ type filter hook forward priority 0;
                   iifname \"{port}\" {chance} drop;
                   oifname \"{port}\" {chance} drop;
                 }}
                 }}"
            );
        }
        netns::nft(&self.lan(), &script)
    }

    /// Drops every frame that goes one way over a host's cable; the other way it works on. Both ends keep their carrier.
    pub fn cut(&self, host: &str, direction: Direction) -> Result<()> {
        let port = self.on_lan(host)?.name;
        let end = match direction {
            Direction::FromHost => "iifname",
            Direction::ToHost => "oifname",
        };
        // What the bridge itself receives, such as questions for its own address, passes no forward hook: nobody needs it.
        let table = cut_table(&port);
        let script = format!(
            "{}table {table} {{ chain forward {{ type filter hook forward priority 0;
               {end} \"{port}\" drop;
             }}
             }}\n",
            forget(&table)
        );
        netns::nft(&self.lan(), &script)
    }

    /// Lets frames go both ways again.
    pub fn join(&self, host: &str) -> Result<()> {
        netns::nft(&self.lan(), &forget(&cut_table(&self.on_lan(host)?.name)))
    }

    /// Drops every frame between a node and the other nodes; it reaches the API server and everybody else.
    pub fn separate(&self, node: &str) -> Result<()> {
        let port = self.on_lan(node)?.name;
        let others = self.nodes().into_iter().filter(|other| other.name != node);
        let others: Result<Vec<_>> = others.map(|other| Ok(self.on_lan(&other.name)?.name)).collect();
        let rules = others?.into_iter().map(|other| {
            format!(
                "iifname \"{port}\" oifname \"{other}\" drop; iifname \"{other}\" oifname \"{port}\" drop;"
            )
        });
        let table = cut_table(&port);
        let rules = rules.collect::<Vec<_>>().join("\n");
        let script = format!(
            "{}table {table} {{ chain forward {{ type filter hook forward priority 0;\n{rules}\n}}\n}}\n",
            forget(&table)
        );
        netns::nft(&self.lan(), &script)
    }

    /// Stops every process on a host, pods included, while its kernel goes on to forward and to answer.
    pub fn freeze(&self, host: &str) -> Result<()> {
        self.cgroup_of(&self.host(host)?.name).freeze()
    }

    /// Lets them go on.
    pub fn thaw(&self, host: &str) -> Result<()> {
        self.cgroup_of(&self.host(host)?.name).thaw()
    }

    /// Starts what would keep so many cores busy, until it is killed: as pods would, in a control group of their own beside the
    /// host's daemons, and with so many times the weight of all of these.
    pub fn keep_busy(&self, host: &str, cores: usize, weight: u32) -> Result<Vec<Arc<Process>>> {
        self.cgroup_of(host).create_divisible()?;
        self.daemons(host).outweigh(weight)?;
        let mut endless = Command::new("sh");
        endless.args(["-c", "while :; do :; done"]);
        let group = self.cgroup_of(host).child("workload");
        let starts = (0..cores).map(|core| {
            let command = self.within(&group, host, &[], &endless)?;
            self.start(host, &format!("busy-{core}"), command, Stdio::null())
        });
        starts.collect()
    }

    /// Lets daemons of a host have real-time scheduling that ask for it, where the kernel divides it by control groups: a tenth
    /// of the processors' time. Half a dozen hosts can have that.
    pub fn grant_real_time(&self, host: &str) -> Result<()> {
        self.cgroup.grant_real_time(900_000)?;
        self.cgroup_of(host).grant_real_time(100_000)?;
        self.daemons(host).grant_real_time(100_000)
    }

    /// Takes a host's default route away, or any other edit that `ip` can do on it.
    pub fn ip(&self, host: &str, words: &[&str]) -> Result<String> {
        netns::ip(&self.host(host)?.netns, words)
    }

    fn set_port(&self, host: &str, state: &str) -> Result<()> {
        let port = self.on_lan(host)?.name;
        netns::ip(&self.lan(), &["link", "set", &port, state]).map(drop)
    }

    /// A host that has a port of the bridge.
    fn on_lan(&self, host: &str) -> Result<Host> {
        let host = self.host(host)?;
        if let Some(node) = &host.behind {
            bail!("{} is not on the LAN but behind {node}", host.name);
        }
        Ok(host)
    }
}

fn cut_table(port: &str) -> String {
    format!("bridge herald_lab_cut_{}", port.replace('-', "_"))
}

/// Removes a table, whether or not it is there.
fn forget(table: &str) -> String {
    format!("table {table} {{}}\ndelete table {table}\n")
}
