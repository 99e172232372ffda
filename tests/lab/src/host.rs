//! Doing something on a host: commands, long-running processes, and sockets.

use std::fs::File;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;

use anyhow::{Context, Result};

use crate::cgroup::Cgroup;
use crate::lab::Lab;
use crate::netns;
use crate::plan::Host;
use crate::process::{Process, ProcessId};
use crate::run::{self, Output};
use crate::state::ProcessRecord;

/// Joins the control groups named before `--`, so that all that the command starts is in them too, and becomes the
/// command named after.
const JOIN: &str =
    r#"while [ "$1" != -- ]; do echo 0 >"$1/cgroup.procs" || exit 125; shift; done; shift; exec "$@""#;

impl Lab {
    /// A host by its name: `cp`, `n1`, `client`, or one that was added.
    pub fn host(&self, name: &str) -> Result<Host> {
        let state = self.state();
        let host = state.hosts.get(name).cloned();
        host.with_context(|| {
            let names: Vec<_> = state.hosts.keys().map(String::as_str).collect();
            format!("no host `{name}`; there are {}", names.join(", "))
        })
    }

    /// Runs a command on a host and gives its standard output; an unsuccessful end is an error.
    pub fn exec(&self, host: &str, words: &[&str]) -> Result<String> {
        run::run(self.command_on(host, words)?)
    }

    /// Runs a command on a host and gives all that it left, however it ended.
    pub fn try_exec(&self, host: &str, words: &[&str]) -> Result<Output> {
        run::output(self.command_on(host, words)?, b"")
    }

    /// A command that will run on a host, to be started by the caller. It ends with the lab at the latest.
    pub fn command_on(&self, host: &str, words: &[&str]) -> Result<Command> {
        let (program, arguments) = words.split_first().context("an empty command")?;
        let mut command = Command::new(program);
        command.args(arguments);
        self.on(host, &command)
    }

    /// Starts a process on a host. Its output goes to a log named after it; its standard input is empty.
    ///
    /// It belongs to the lab and not to the handle: dropping that leaves it running.
    pub fn spawn(&self, host: &str, name: &str, command: Command) -> Result<Arc<Process>> {
        let command = self.on(host, &command)?;
        self.start(host, name, command, Stdio::null())
    }

    /// What was last started on a host under this name, also by another process.
    pub fn process(&self, host: &str, name: &str) -> Result<ProcessId> {
        let state = self.state();
        let record = state.processes.get(&format!("{host}/{name}"));
        Ok(record
            .with_context(|| format!("no process `{name}` was started on {host}"))?
            .id)
    }

    /// Runs `work` on a thread that is in the host's namespace: sockets made there are the host's, also afterwards.
    pub fn inside<T: Send>(&self, host: &str, work: impl FnOnce() -> T + Send) -> Result<T> {
        netns::inside(&self.host(host)?.netns, work)
    }

    /// The log of what is started on a host under this name.
    pub fn log(&self, host: &str, name: &str) -> PathBuf {
        self.logs().join(format!("{host}-{name}.log"))
    }

    /// Puts a command into a host's namespace and control group.
    pub(crate) fn on(&self, host: &str, command: &Command) -> Result<Command> {
        self.on_with(host, &[], command)
    }

    /// As [`Self::on`], through a command that makes or enters more, and then becomes the command it is given.
    pub(crate) fn on_with(&self, host: &str, through: &[String], command: &Command) -> Result<Command> {
        self.within(&self.daemons(host), host, through, command)
    }

    /// As [`Self::on_with`], in a control group of the caller's choice.
    pub(crate) fn within(
        &self,
        group: &Cgroup,
        host: &str,
        through: &[String],
        command: &Command,
    ) -> Result<Command> {
        let netns = self.host(host)?.netns;
        group.create()?;
        let mut wrapped = Command::new("/bin/sh");
        wrapped.args(["-c", JOIN, "sh"]).args(group.folders()).arg("--");
        wrapped
            .arg("nsenter")
            .arg(format!("--net={}", netns::path(&netns).display()))
            .args(through);
        wrapped.arg(command.get_program()).args(command.get_args());
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => wrapped.env(name, value),
                None => wrapped.env_remove(name),
            };
        }
        if let Some(folder) = command.get_current_dir() {
            wrapped.current_dir(folder);
        }
        Ok(wrapped)
    }

    /// Starts a command that is prepared for its host.
    pub(crate) fn start(
        &self,
        host: &str,
        name: &str,
        mut command: Command,
        input: Stdio,
    ) -> Result<Arc<Process>> {
        let log = self.log(host, name);
        let output = File::options().create(true).append(true).open(&log);
        let output = output.with_context(|| format!("cannot open {}", log.display()))?;
        // In a process group of its own: Ctrl-C is for the lab, which ends its processes in order.
        let child = command
            .stdin(input)
            .stdout(output.try_clone()?)
            .stderr(output)
            .process_group(0)
            .spawn()
            .with_context(|| format!("cannot start {name} on {host}"))?;
        let process = Arc::new(Process::new(name, host, &log, child)?);
        self.remember(&process);
        self.update(|state| {
            state
                .processes
                .insert(format!("{host}/{name}"), ProcessRecord { id: process.id, log });
            Ok(())
        })?;
        Ok(process)
    }

    /// The group of everything on a host, pods included.
    pub(crate) fn cgroup_of(&self, host: &str) -> Cgroup {
        self.cgroup.child(host)
    }

    /// The group of what the lab starts on a host.
    pub(crate) fn daemons(&self, host: &str) -> Cgroup {
        self.cgroup_of(host).child("daemons")
    }
}
