//! What a daemon gives away before it hears the first octet from anybody: its user, its capabilities, most system calls, and
//! the right to write files.
//!
//! Kubernetes gives capabilities to root alone, so a daemon that needs one begins as root, opens what takes it, and then
//! enters its confinement, which it cannot leave. What the kernel or the container's runtime does not permit is a
//! [`Deviation`]: the daemon goes on without it and says so.
//!
//! To be called while the process has one thread: what follows inherits it.

use std::collections::BTreeMap;
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::{fs, io};

use caps::{CapSet, CapsHashSet};
use landlock::{ABI, AccessFs, PathBeneath, PathFd, Ruleset, RulesetAttr, RulesetCreatedAttr, RulesetStatus};
use nix::sys::prctl;
use nix::unistd::{Gid, Uid, setgroups, setresgid, setresuid};
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
    TargetArch,
};
use tracing::warn;

pub use caps::Capability;

/// The newest version of Landlock that is known here. An older kernel does what it can.
const LANDLOCK: ABI = ABI::V5;

/// System calls that no daemon makes once it runs: those that start programs, look into other processes, load code into the kernel, or
/// change what the process sees of the system.
const REFUSED: &[libc::c_long] = &[
    libc::SYS_execve,
    libc::SYS_execveat,
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_bpf,
    libc::SYS_perf_event_open,
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_kexec_load,
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_pivot_root,
    libc::SYS_chroot,
    libc::SYS_unshare,
    libc::SYS_setns,
    libc::SYS_keyctl,
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_userfaultfd,
    libc::SYS_io_uring_setup,
    libc::SYS_reboot,
];

/// The bits of a socket's type that are not flags.
const TYPE: u64 = 0xf;
/// Sockets for whole frames.
const AF_PACKET: u64 = libc::AF_PACKET.unsigned_abs() as u64;

/// What a daemon keeps.
#[derive(Debug, Clone)]
pub struct Confinement {
    /// The user and the group that it becomes; `None`: it stays what it is.
    pub user: Option<u32>,
    /// The capabilities that it goes on to need, of those that it has.
    pub capabilities: Vec<Capability>,
    /// The only folder that it writes to, if any. It and its files become the user's.
    pub writes: Option<PathBuf>,
}

/// What could not be given away. Who sees it is told that the confinement is weaker than it should be.
#[derive(Debug, thiserror::Error)]
pub enum Deviation {
    /// The folder stays somebody else's: nothing can be kept in it, or only as root.
    #[error("cannot make {folder} the user's own (it takes the capability CHOWN): {source}", folder = .folder.display())]
    Folder {
        /// The one to write to.
        folder: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// The process stays the user that it is.
    #[error("cannot become user {user} (it takes the capabilities SETUID and SETGID): {source}")]
    User {
        /// The one to become.
        user: u32,
        /// What the operating system said.
        source: io::Error,
    },
    /// Capabilities stay.
    #[error("cannot give up capabilities: {0}")]
    Capabilities(#[source] caps::errors::CapsError),
    /// Programs with more rights could be started.
    #[error("cannot rule out new privileges: {0}")]
    NewPrivileges(#[source] io::Error),
    /// Files can be written as far as their modes permit.
    #[error("cannot restrict what files are written: {0}")]
    Files(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The kernel has no Landlock.
    #[error("the kernel cannot restrict what files are written: it has no Landlock")]
    NoLandlock,
    /// All system calls stay.
    #[error("cannot restrict system calls: {0}")]
    SystemCalls(#[source] seccompiler::Error),
}

impl Confinement {
    /// Gives away everything else, for good, and logs what could not be.
    pub fn enter(&self) {
        for deviation in self.give_away() {
            warn!(reason = %deviation, "this process may do more than it needs");
        }
    }

    /// Gives away everything else, for good; what could not be.
    pub fn give_away(&self) -> Vec<Deviation> {
        let steps = [
            Self::own_folder,
            Self::become_user,
            Self::drop_capabilities,
            Self::rule_out_privileges,
            Self::restrict_files,
            Self::restrict_system_calls,
        ];
        steps.iter().filter_map(|step| step(self).err()).collect()
    }

    fn own_folder(&self) -> Result<(), Deviation> {
        let (Some(user), Some(folder)) = (self.change_of_user(), &self.writes) else {
            return Ok(());
        };
        own(folder, user).map_err(|source| Deviation::Folder {
            folder: folder.clone(),
            source,
        })
    }

    fn become_user(&self) -> Result<(), Deviation> {
        let Some(user) = self.change_of_user() else {
            return Ok(());
        };
        let (uid, gid) = (Uid::from_raw(user), Gid::from_raw(user));
        prctl::set_keepcaps(true)
            .and_then(|()| setgroups(&[gid]))
            .and_then(|()| setresgid(gid, gid, gid))
            .and_then(|()| setresuid(uid, uid, uid))
            .map_err(|errno| Deviation::User {
                user,
                source: errno.into(),
            })
    }

    fn change_of_user(&self) -> Option<u32> {
        self.user.filter(|user| Uid::effective().as_raw() != *user)
    }

    fn drop_capabilities(&self) -> Result<(), Deviation> {
        let keep = || -> Result<(), caps::errors::CapsError> {
            let has = caps::read(None, CapSet::Permitted)?;
            let kept: CapsHashSet = self
                .capabilities
                .iter()
                .copied()
                .filter(|one| has.contains(one))
                .collect();
            caps::clear(None, CapSet::Ambient)?;
            caps::set(None, CapSet::Effective, &kept)?;
            caps::set(None, CapSet::Permitted, &kept)?;
            caps::clear(None, CapSet::Inheritable)
        };
        keep().map_err(Deviation::Capabilities)
    }

    #[expect(clippy::unused_self, reason = "one step of several")]
    fn rule_out_privileges(&self) -> Result<(), Deviation> {
        prctl::set_no_new_privs().map_err(|errno| Deviation::NewPrivileges(errno.into()))
    }

    fn restrict_files(&self) -> Result<(), Deviation> {
        let written = AccessFs::from_write(LANDLOCK) | AccessFs::Execute;
        let restrict = || -> Result<_, Box<dyn std::error::Error + Send + Sync>> {
            let mut rules = Ruleset::default().handle_access(written)?.create()?;
            if let Some(folder) = &self.writes {
                let within = AccessFs::from_write(LANDLOCK);
                rules = rules.add_rule(PathBeneath::new(PathFd::new(folder)?, within))?;
            }
            Ok(rules.restrict_self()?)
        };
        let restricted = restrict().map_err(Deviation::Files)?;
        match restricted.ruleset {
            RulesetStatus::NotEnforced => Err(Deviation::NoLandlock),
            RulesetStatus::FullyEnforced | RulesetStatus::PartiallyEnforced => Ok(()),
        }
    }

    #[expect(clippy::unused_self, reason = "one step of several")]
    fn restrict_system_calls(&self) -> Result<(), Deviation> {
        filter()
            .and_then(|program| seccompiler::apply_filter(&program))
            .map_err(Deviation::SystemCalls)
    }
}

/// The folder and what lies in it directly.
fn own(folder: &Path, user: u32) -> io::Result<()> {
    chown(folder, Some(user), Some(user))?;
    for entry in fs::read_dir(folder)? {
        chown(entry?.path(), Some(user), Some(user))?;
    }
    Ok(())
}

/// Answers what is refused with `EPERM`, and lets everything else through.
fn filter() -> Result<BpfProgram, seccompiler::Error> {
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> = REFUSED.iter().map(|call| (*call, Vec::new())).collect();
    let raw = |domain: libc::c_int| -> Result<SeccompRule, seccompiler::BackendError> {
        let of_kind = |index, operator, value: libc::c_int| {
            SeccompCondition::new(
                index,
                SeccompCmpArgLen::Dword,
                operator,
                u64::from(value.unsigned_abs()),
            )
        };
        SeccompRule::new(vec![
            of_kind(0, SeccompCmpOp::Eq, domain)?,
            of_kind(1, SeccompCmpOp::MaskedEq(TYPE), libc::SOCK_RAW)?,
        ])
    };
    let frames = SeccompCondition::new(0, SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, AF_PACKET)?;
    let sockets = vec![
        raw(libc::AF_INET)?,
        raw(libc::AF_INET6)?,
        SeccompRule::new(vec![frames])?,
    ];
    rules.insert(libc::SYS_socket, sockets);
    let filter = SeccompFilter::new(
        rules,
        SeccompAction::Allow,
        SeccompAction::Errno(libc::EPERM.unsigned_abs()),
        TargetArch::try_from(std::env::consts::ARCH)?,
    )?;
    Ok(filter.try_into()?)
}
