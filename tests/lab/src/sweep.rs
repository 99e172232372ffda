//! Removing a lab, whoever made it and however far it came: processes, namespaces, mounts, groups and files.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use nix::mount::{MntFlags, umount2};
use nix::sys::signal::Signal;

use crate::cgroup::{Cgroup, Hierarchies};
use crate::interrupt::undisturbed;
use crate::netns;
use crate::state::{Folders, State, labs, lock};

/// Removes every lab whose owner is gone and that nobody asked to keep; gives their names.
pub fn sweep_abandoned() -> Result<Vec<String>> {
    let _lock = lock()?;
    let mut swept = Vec::new();
    for name in labs() {
        // A folder without a state is of a lab that was killed in its first moment: only its owner knew of it.
        if State::load(&name).map_or(true, |state| state.abandoned()) {
            tear_down(&name)?;
            swept.push(name);
        }
    }
    Ok(swept)
}

/// Removes all of a lab. What is not there any more is no error: done twice is done once.
///
/// Only what is the lab's own is touched: processes in its control groups or recorded with their start time, and
/// namespaces that it recorded before it made them.
pub(crate) fn tear_down(name: &str) -> Result<()> {
    undisturbed(|| remove_all(name))
}

fn remove_all(name: &str) -> Result<()> {
    let state = State::load(name).ok();
    let cgroup = Cgroup::of_lab(Hierarchies::detect()?, name);
    cgroup.kill()?;
    if let Some(state) = &state {
        for process in state.processes.values() {
            // It has ended, unless it never came into its group.
            let _ = process.id.signal(Signal::SIGKILL);
        }
        netns::delete(&state.netns)?;
    }
    let folders = Folders::of(name);
    for mount in mounts_below(
        &fs::read_to_string("/proc/self/mountinfo")?,
        &[&folders.run, &folders.data],
    ) {
        umount2(&mount, MntFlags::MNT_DETACH)
            .with_context(|| format!("cannot unmount {}", mount.display()))?;
    }
    cgroup.remove()?;
    remove(&folders.data)?;
    // Last, for it holds what a second attempt needs to know.
    remove(&folders.run)
}

/// Mount points inside the folders, the innermost first.
fn mounts_below(mountinfo: &str, folders: &[&Path]) -> Vec<PathBuf> {
    let mut found: Vec<_> = mountinfo
        .lines()
        .filter_map(|line| line.split(' ').nth(4))
        .map(PathBuf::from)
        .filter(|point| folders.iter().any(|folder| point.starts_with(folder)))
        .collect();
    found.reverse();
    found
}

fn remove(folder: &Path) -> Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(error).with_context(|| format!("cannot remove {}", folder.display()))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_mounts_inside_the_labs_own_folders_are_found_and_the_innermost_comes_first() {
        let mountinfo = "\
1 0 0:1 / / rw - ext4 /dev/a rw
2 1 0:2 / /run/herald-lab/a rw - tmpfs tmpfs rw
3 2 0:3 / /run/herald-lab/a/n1/root rw - overlay overlay rw
4 1 0:4 / /run/herald-lab/ab/n1 rw - tmpfs tmpfs rw
";
        let found = mounts_below(mountinfo, &[Path::new("/run/herald-lab/a")]);
        assert_eq!(
            found,
            [
                Path::new("/run/herald-lab/a/n1/root"),
                Path::new("/run/herald-lab/a")
            ]
        );
    }
}
