//! Under which name a process asks for the lease.

use std::fmt;
use std::io;

/// Where the kernel gives a random number that nobody else gets.
const RANDOM: &str = "/proc/sys/kernel/random/uuid";

/// Who a process is in the election. On the lease it stands as `NAME_PROCESS`.
///
/// The name outlives the process, as that of a pod outlives its containers; the part behind it belongs to this process
/// alone. So a process that comes back under its name does not take what its former life left on the lease for its own.
///
/// Of the processes that are alive no two may have the same name: whoever finds its name on the lease with another process
/// behind it knows that process to be over. The name of a pod is such a name, since its container runs once at a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    name: String,
    on_lease: String,
}

impl Identity {
    /// The process `process` of the name `name`. `process` has no underscore in it.
    pub fn new(name: &str, process: &str) -> Self {
        Self {
            name: name.to_owned(),
            on_lease: format!("{name}_{process}"),
        }
    }

    /// This process, under `name`. Each call makes up another process: call it once.
    ///
    /// # Errors
    /// The kernel gives no random number.
    pub fn of_this_process(name: &str) -> io::Result<Self> {
        let uuid = std::fs::read_to_string(RANDOM)?;
        Ok(Self::new(name, uuid.split('-').next().unwrap_or_default()))
    }

    /// What stands on the lease when this process holds it.
    pub fn as_str(&self) -> &str {
        &self.on_lease
    }

    /// Whether `holder` is an earlier process of the same name, which is over.
    pub fn is_former_life(&self, holder: &str) -> bool {
        holder != self.on_lease && holder.rsplit_once('_').is_some_and(|(name, _)| name == self.name)
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.on_lease)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_another_process_of_the_very_same_name_is_a_former_life() {
        let own = Identity::new("herald-1", "0a");
        assert!(own.is_former_life("herald-1_0b"));
        for other in [
            "herald-1_0a",
            "herald-1",
            "herald-10_0b",
            "herald-2_0b",
            "herald-1_0b_0c",
            "",
        ] {
            assert!(!own.is_former_life(other), "{other}");
        }
    }

    #[test]
    fn two_processes_of_one_name_differ_on_the_lease() {
        let one = Identity::of_this_process("herald-1").unwrap();
        let other = Identity::of_this_process("herald-1").unwrap();
        assert_ne!(one.as_str(), other.as_str());
        assert!(one.is_former_life(other.as_str()));
        let process = one.as_str().strip_prefix("herald-1_").unwrap();
        assert!(
            process.len() == 8 && process.bytes().all(|byte| byte.is_ascii_hexdigit()),
            "{process}"
        );
    }
}
