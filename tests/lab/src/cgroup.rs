//! The lab's control groups: what a lab started is what is in them, so that a teardown is exact.
//!
//! ```text
//! herald-lab-NAME/HOST/daemons      what the lab starts on a host
//! herald-lab-NAME/HOST/workload     what keeps its cores busy, if that is wanted
//! herald-lab-NAME/HOST/kubepods/…   what the host's kubelet starts
//! ```
//!
//! Hosts with one unified hierarchy (v2) and hosts with one mount per controller (v1) both work.

use std::collections::BTreeSet;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::clock;

mod hierarchies;
mod processor;

pub(crate) use hierarchies::Hierarchies;
use hierarchies::{copy_cpuset, hand_down, is_controller};

/// One group: a folder of the same path in every hierarchy.
#[derive(Debug, Clone)]
pub(crate) struct Cgroup {
    hierarchies: Hierarchies,
    path: String,
}

impl Cgroup {
    /// The group that everything of a lab is in.
    pub(crate) fn of_lab(hierarchies: Hierarchies, lab: &str) -> Self {
        Self {
            hierarchies,
            path: format!("herald-lab-{lab}"),
        }
    }

    /// A group inside this one.
    pub(crate) fn child(&self, name: &str) -> Self {
        Self {
            hierarchies: self.hierarchies.clone(),
            path: format!("{}/{name}", self.path),
        }
    }

    /// The path below the hierarchies' roots, with a leading slash: what a kubelet takes as its `cgroupRoot`.
    pub(crate) fn name(&self) -> String {
        format!("/{}", self.path)
    }

    /// Its folder in each hierarchy.
    pub(crate) fn folders(&self) -> Vec<PathBuf> {
        self.hierarchies
            .roots()
            .iter()
            .map(|root| root.join(&self.path))
            .collect()
    }

    /// Makes the group and those above it. Made twice is made once.
    pub(crate) fn create(&self) -> Result<()> {
        for root in self.hierarchies.roots() {
            let mut folder = root.clone();
            for part in self.path.split('/') {
                let parent = folder.clone();
                folder.push(part);
                fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
                if matches!(self.hierarchies, Hierarchies::V1(_)) {
                    copy_cpuset(&parent, &folder)?;
                }
            }
        }
        Ok(())
    }

    /// Makes the group one that a kubelet can divide further: on v2 the controllers must be handed down to it.
    pub(crate) fn create_divisible(&self) -> Result<()> {
        self.create()?;
        let Hierarchies::V2(root) = &self.hierarchies else {
            return Ok(());
        };
        let mut folder = root.clone();
        hand_down(&folder)?;
        for part in self.path.split('/') {
            folder.push(part);
            hand_down(&folder)?;
        }
        Ok(())
    }

    /// Stops every process of the group and of those inside, until [`Self::thaw`].
    pub(crate) fn freeze(&self) -> Result<()> {
        let (folder, file, frozen, _) = self.freezer()?;
        fs::write(folder.join(file), frozen).with_context(|| format!("cannot freeze {}", folder.display()))
    }

    /// Lets them go on, also those of groups inside that were frozen by themselves.
    pub(crate) fn thaw(&self) -> Result<()> {
        let (folder, file, _, thawed) = self.freezer()?;
        let mut result = Ok(());
        visit(&folder, &mut |group| {
            let written = fs::write(group.join(file), thawed);
            result = written.with_context(|| format!("cannot thaw {}", group.display()));
        });
        // The last one visited is the group itself, which decides; one inside may have gone away meanwhile.
        result
    }

    /// The group's folder, its file that freezes, and what to write there to freeze and to thaw.
    fn freezer(&self) -> Result<(PathBuf, &'static str, &'static str, &'static str)> {
        match &self.hierarchies {
            Hierarchies::V2(root) => Ok((root.join(&self.path), "cgroup.freeze", "1", "0")),
            Hierarchies::V1(roots) => {
                let root = roots.iter().find(|root| is_controller(root, "freezer"));
                let root = root.context("this machine has no freezer control group")?;
                Ok((root.join(&self.path), "freezer.state", "FROZEN", "THAWED"))
            }
        }
    }

    /// The processes in the group and in those inside it.
    pub(crate) fn processes(&self) -> BTreeSet<i32> {
        let mut found = BTreeSet::new();
        for folder in self.folders() {
            visit(&folder, &mut |group| {
                let listed = fs::read_to_string(group.join("cgroup.procs")).unwrap_or_default();
                found.extend(
                    listed
                        .lines()
                        .filter_map(|line| line.parse::<i32>().ok())
                        .filter(|pid| *pid > 0),
                );
            });
        }
        found
    }

    /// Kills every process of the group, and waits until none is left.
    pub(crate) fn kill(&self) -> Result<()> {
        // A frozen process of v1 dies only when it is let go. Without the group there is nothing to thaw.
        let _ = self.thaw();
        let end = clock::now() + Duration::from_secs(20);
        loop {
            let left = self.processes();
            if left.is_empty() {
                return Ok(());
            }
            for pid in &left {
                // Gone in the meantime is fine.
                let _ = kill(Pid::from_raw(*pid), Signal::SIGKILL);
            }
            if clock::now() > end {
                bail!("processes {left:?} of {} do not die", self.path);
            }
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// Removes the group and those inside; it must be without processes. A group that is not there is removed.
    pub(crate) fn remove(&self) -> Result<()> {
        let end = clock::now() + Duration::from_secs(5);
        loop {
            let mut busy = None;
            for folder in self.folders() {
                visit(&folder, &mut |group| {
                    if let Err(error) = fs::remove_dir(group)
                        && error.kind() != ErrorKind::NotFound
                    {
                        busy = Some((group.to_owned(), error));
                    }
                });
            }
            match busy {
                None => return Ok(()),
                Some((group, error)) if clock::now() > end => {
                    return Err(error).with_context(|| format!("cannot remove {}", group.display()));
                }
                // The kernel lets go of a group a moment after its last process.
                Some(_) => thread::sleep(Duration::from_millis(20)),
            }
        }
    }
}

/// Calls `each` for a group and all groups inside it, the innermost first.
fn visit(group: &Path, each: &mut impl FnMut(&Path)) {
    let Ok(entries) = fs::read_dir(group) else { return };
    for entry in entries.flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            visit(&entry.path(), each);
        }
    }
    each(group);
}

#[cfg(test)]
mod tests;
