//! Network namespaces, and being inside one.

use std::fs::{self, File};
use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;

use anyhow::{Context, Result};
use nix::sched::{CloneFlags, setns};

use crate::run::{run, run_with_input};

/// Where the namespace of this name is found.
pub(crate) fn path(netns: &str) -> PathBuf {
    Path::new("/run/netns").join(netns)
}

/// Makes namespaces. `ip netns exec` is used nowhere: it mounts a fresh /sys and hides the control groups.
pub(crate) fn add(names: &[&str]) -> Result<()> {
    batch(None, names.iter().map(|name| format!("netns add {name}")))
}

/// Removes those of the namespaces that are there.
pub(crate) fn delete(names: &[String]) -> Result<()> {
    batch(
        None,
        names
            .iter()
            .filter(|name| path(name).exists())
            .map(|name| format!("netns delete {name}")),
    )
}

/// Runs lines of `ip` commands in a namespace, or outside of all; the first that fails ends it.
pub(crate) fn batch(netns: Option<&str>, lines: impl IntoIterator<Item = String>) -> Result<()> {
    let lines: Vec<_> = lines.into_iter().collect();
    let mut command = Command::new("ip");
    if let Some(netns) = netns {
        command.args(["-n", netns]);
    }
    command.args(["-batch", "-"]);
    run_with_input(command, lines.join("\n").as_bytes()).with_context(|| lines.join("; "))?;
    Ok(())
}

/// Runs one `ip` command in a namespace and gives what it printed.
pub(crate) fn ip(netns: &str, words: &[&str]) -> Result<String> {
    let mut command = Command::new("ip");
    command.args(["-n", netns]).args(words);
    run(command)
}

/// Runs an nft script in a namespace.
pub(crate) fn nft(netns: &str, script: &str) -> Result<()> {
    let mut command = Command::new("nsenter");
    command
        .arg(format!("--net={}", path(netns).display()))
        .args(["nft", "-f", "-"]);
    run_with_input(command, script.as_bytes())?;
    Ok(())
}

/// Sets sysctls, given as paths below /proc/sys/net, inside a namespace.
pub(crate) fn set_sysctls(netns: &str, settings: &[(&str, &str)]) -> Result<()> {
    inside(netns, || {
        for (name, value) in settings {
            fs::write(Path::new("/proc/sys/net").join(name), value)
                .with_context(|| format!("cannot set net/{name} to {value}"))?;
        }
        Ok(())
    })?
}

/// Runs `work` on a thread of its own that is inside the namespace. A socket made there stays there, also when it
/// is given back.
pub(crate) fn inside<T: Send>(netns: &str, work: impl FnOnce() -> T + Send) -> Result<T> {
    let file = File::open(path(netns)).with_context(|| format!("no namespace {netns}"))?;
    thread::scope(|threads| {
        let thread = threads.spawn(move || setns(file, CloneFlags::CLONE_NEWNET).map(|()| work()));
        let done = thread.join().unwrap_or_else(|panic| resume_unwind(panic));
        done.with_context(|| format!("cannot enter {netns}; root may"))
    })
}
