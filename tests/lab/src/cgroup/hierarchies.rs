//! How control groups are mounted, and what each version wants done before a group can be used.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

/// Controllers without which a kubelet does not start.
const NEEDED: [&str; 4] = ["cpu", "cpuset", "memory", "pids"];

/// How the machine's control groups are mounted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Hierarchies {
    /// One hierarchy for all controllers.
    V2(PathBuf),
    /// One mount per controller or set of controllers.
    V1(Vec<PathBuf>),
}

impl Hierarchies {
    /// How this machine mounts them.
    pub(crate) fn detect() -> Result<Self> {
        Self::parse(&fs::read_to_string("/proc/self/mountinfo")?)
    }

    pub(super) fn parse(mountinfo: &str) -> Result<Self> {
        let mut v1 = BTreeSet::new();
        for line in mountinfo.lines() {
            // ID PARENT MAJOR:MINOR ROOT MOUNTPOINT OPTIONS … - TYPE SOURCE SUPER_OPTIONS
            let Some((left, right)) = line.split_once(" - ") else {
                continue;
            };
            let (Some(point), Some(kind)) = (left.split(' ').nth(4), right.split(' ').next()) else {
                continue;
            };
            match kind {
                "cgroup2" if point == "/sys/fs/cgroup" => return Ok(Self::V2(point.into())),
                // A unified mount beside those of v1 has no use here, but runc puts containers into it too.
                "cgroup" | "cgroup2" if point.starts_with("/sys/fs/cgroup/") => {
                    v1.insert(PathBuf::from(point));
                }
                _ => {}
            }
        }
        if v1.is_empty() {
            bail!(
                "no control groups at /sys/fs/cgroup: `mount -t cgroup2 cgroup2 /sys/fs/cgroup` provides them"
            );
        }
        Ok(Self::V1(v1.into_iter().collect()))
    }

    pub(super) fn roots(&self) -> &[PathBuf] {
        match self {
            Self::V2(root) => std::slice::from_ref(root),
            Self::V1(roots) => roots,
        }
    }
}

/// Whether a v1 mount is, or includes, this controller: mounts are named `cpu` or `cpu,cpuacct`.
pub(super) fn is_controller(root: &Path, controller: &str) -> bool {
    let name = root
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    name.split(',').any(|part| part == controller)
}

/// A v1 cpuset group takes no process before it has CPUs and memory of its own.
pub(super) fn copy_cpuset(parent: &Path, folder: &Path) -> Result<()> {
    for file in ["cpuset.cpus", "cpuset.mems"] {
        if let Ok(value) = fs::read_to_string(parent.join(file)) {
            fs::write(folder.join(file), value)
                .with_context(|| format!("cannot set {file} of {}", folder.display()))?;
        }
    }
    Ok(())
}

/// Hands the controllers of a v2 group down to the groups inside it: all that can be, and those that a kubelet needs.
pub(super) fn hand_down(folder: &Path) -> Result<()> {
    let controllers = fs::read_to_string(folder.join("cgroup.controllers"))?;
    for needed in NEEDED {
        if !controllers.split_whitespace().any(|name| name == needed) {
            bail!(
                "{} has no controller {needed}, which a kubelet needs",
                folder.display()
            );
        }
    }
    for name in controllers.split_whitespace() {
        let written = fs::write(folder.join("cgroup.subtree_control"), format!("+{name}"));
        if let Err(error) = written
            && NEEDED.contains(&name)
        {
            let why = "a group that is not the machine's root must hold no process itself";
            return Err(error)
                .with_context(|| format!("cannot hand {name} down from {}: {why}", folder.display()));
        }
    }
    Ok(())
}
