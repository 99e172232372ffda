//! Processes of a lab, known by process id and start time, so that a process id used again is never signalled.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, ExitStatus};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde::{Deserialize, Serialize};

use crate::clock::wait_for;
use crate::run;

/// One process, for good: the kernel gives a process id out again, but never with the same start time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessId {
    /// The process id.
    pub pid: i32,
    /// When it started, in clock ticks since boot.
    started: u64,
}

impl ProcessId {
    /// The process that has this id now.
    pub(crate) fn of(pid: i32) -> Option<Self> {
        let (_, started) = parse_stat(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)?;
        Some(Self { pid, started })
    }

    /// The process that asks.
    pub(crate) fn own() -> Result<Self> {
        Self::of(std::process::id().try_into()?).context("cannot read /proc/self/stat")
    }

    /// Whether it still runs; one that has ended and was not waited for does not. While one of its threads is left, its
    /// sockets are open.
    pub fn alive(self) -> bool {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.pid)).unwrap_or_default();
        parse_stat(&stat).is_some_and(|(state, started)| {
            started == self.started && (!matches!(state, 'Z' | 'X') || self.threads() > 1)
        })
    }

    fn threads(self) -> usize {
        fs::read_dir(format!("/proc/{}/task", self.pid)).map_or(0, Iterator::count)
    }

    /// Sends a signal; an error if the process has ended.
    pub fn signal(self, signal: Signal) -> Result<()> {
        if !self.alive() {
            bail!("process {} has ended", self.pid);
        }
        kill(Pid::from_raw(self.pid), signal).with_context(|| format!("cannot send {signal} to {}", self.pid))
    }
}

/// State letter and start time of a line of /proc/PID/stat. The second field may hold spaces and parentheses.
fn parse_stat(stat: &str) -> Option<(char, u64)> {
    let mut fields = stat.rsplit_once(") ")?.1.split(' ');
    let state = fields.next()?.chars().next()?;
    Some((state, fields.nth(18)?.parse().ok()?))
}

/// A process that a lab started on one of its hosts. It ends with the lab at the latest.
#[derive(Debug)]
pub struct Process {
    /// What it is called in the lab, and in the name of its log.
    pub name: String,
    /// The host whose namespace it runs in.
    pub host: String,
    /// Its process id, with the time it started.
    pub id: ProcessId,
    /// Standard output and standard error.
    pub log: PathBuf,
    /// There only in the process that started it; others cannot learn the exit status.
    child: Mutex<Option<Child>>,
}

impl Process {
    pub(crate) fn new(name: &str, host: &str, log: &Path, child: Child) -> Result<Self> {
        let id = ProcessId::of(child.id().try_into()?)
            .with_context(|| format!("{name} on {host} ended at once"))?;
        let child = Mutex::new(Some(child));
        Ok(Self {
            name: name.to_owned(),
            host: host.to_owned(),
            id,
            log: log.to_owned(),
            child,
        })
    }

    /// Whether it still runs.
    pub fn alive(&self) -> bool {
        self.id.alive()
    }

    /// Sends SIGKILL, SIGTERM, SIGSTOP, SIGCONT or another.
    pub fn kill(&self, signal: Signal) -> Result<()> {
        self.id
            .signal(signal)
            .with_context(|| format!("{} on {}", self.name, self.host))
    }

    /// Waits for its end and gives its exit status.
    pub fn wait(&self, timeout: Duration) -> Result<ExitStatus> {
        wait_for(&format!("{} on {} to end", self.name, self.host), timeout, || {
            let mut child = self.child.lock().unwrap_or_else(PoisonError::into_inner);
            child
                .as_mut()
                .context("another process started it")?
                .try_wait()
                .context("cannot wait for it")
        })
    }

    /// All that it has written so far.
    pub fn output(&self) -> Result<String> {
        let bytes = fs::read(&self.log).with_context(|| format!("cannot read {}", self.log.display()))?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// An error with the end of its log, when it does not run any more.
    pub fn check(&self) -> Result<()> {
        if !self.alive() {
            let log = self.output().unwrap_or_default();
            bail!(
                "{} on {} has ended; it wrote: {}",
                self.name,
                self.host,
                run::tail(log.trim_end(), 2000)
            );
        }
        Ok(())
    }

    /// As [`wait_for`], but gives up at once when the process that is to bring `what` about has ended.
    pub fn wait_for<T>(
        &self,
        what: &str,
        timeout: Duration,
        mut condition: impl FnMut() -> Result<Option<T>>,
    ) -> Result<T> {
        wait_for(what, timeout, || match self.check() {
            Ok(()) => Ok(condition()?.map(Ok)),
            Err(ended) => Ok(Some(Err(ended))),
        })?
    }

    /// Takes the exit status of a killed process out of the kernel's table.
    pub(crate) fn reap(&self) {
        if let Some(child) = self.child.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
            // Its status was asked for by nobody; one that does not die was reported by who killed it.
            for _ in 0..100 {
                if !matches!(child.try_wait(), Ok(None)) {
                    return;
                }
                thread::sleep(Duration::from_millis(10));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn a_name_with_parentheses_does_not_shift_the_fields() {
        let rest: String = (4..=21).map(|n| format!("{n} ")).collect();
        assert_eq!(
            parse_stat(&format!("7 (a) b) S {rest}4711 23\n")),
            Some(('S', 4711))
        );
        assert_eq!(parse_stat("7 (a) S 1"), None);
    }

    #[test]
    fn a_process_id_with_another_start_time_is_not_alive_and_gets_no_signal() {
        let own = ProcessId::own().unwrap();
        assert!(own.alive());
        let other = ProcessId {
            started: own.started + 1,
            ..own
        };
        assert!(!other.alive());
        assert!(other.signal(Signal::SIGCONT).is_err());
    }

    #[test]
    fn a_process_that_ended_is_not_alive_before_it_was_waited_for() {
        let mut child = Command::new("true").spawn().unwrap();
        let id = ProcessId::of(child.id().try_into().unwrap()).unwrap();
        wait_for("its end", Duration::from_secs(5), || {
            Ok((!id.alive()).then_some(()))
        })
        .unwrap();
        child.wait().unwrap();
    }
}
