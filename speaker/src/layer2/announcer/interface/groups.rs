use std::collections::BTreeSet;
use std::io;
use std::net::Ipv6Addr;

use socket2::{Domain, Socket, Type};

/// The groups of IPv6 that an interface is a member of, for as long as this lives.
///
/// The kernel then lets their frames in, and tells the switches (MLD) without being asked, as it does when the link comes
/// back. It limits the memberships of one socket (`net.core.optmem_max`: 2340 where that is 128 KiB), so there are as many
/// sockets as it takes.
#[derive(Debug)]
pub(super) struct Groups {
    index: u32,
    shards: Vec<Shard>,
}

#[derive(Debug)]
struct Shard {
    socket: Socket,
    groups: BTreeSet<Ipv6Addr>,
}

impl Groups {
    pub(super) fn on(index: u32) -> Self {
        let shards = Vec::new();
        Self { index, shards }
    }

    /// Is a member of these groups and no others. What can be joined is joined; the first failure is returned.
    pub(super) fn become_member_of(&mut self, wanted: &BTreeSet<Ipv6Addr>) -> io::Result<()> {
        for shard in &mut self.shards {
            shard.leave_all_but(wanted, self.index);
        }
        self.shards.retain(|shard| !shard.groups.is_empty());
        let joined: BTreeSet<Ipv6Addr> = self.groups().collect();
        let mut outcome = Ok(());
        for group in wanted.difference(&joined) {
            let joined = self.join(*group);
            outcome = outcome.and(joined);
        }
        outcome
    }

    /// Leaves everything and joins it again, so that the switches hear of it once more: there may be others now (N1).
    /// Also what is left of memberships whose interface has forgotten them comes to its end.
    pub(super) fn join_anew(&mut self, wanted: &BTreeSet<Ipv6Addr>) -> io::Result<()> {
        self.shards.clear();
        self.become_member_of(wanted)
    }

    fn groups(&self) -> impl Iterator<Item = Ipv6Addr> {
        self.shards.iter().flat_map(|shard| shard.groups.iter().copied())
    }

    /// Into the emptiest shard first: only if that is full, all of them are.
    fn join(&mut self, group: Ipv6Addr) -> io::Result<()> {
        let emptiest = self.shards.iter_mut().min_by_key(|shard| shard.groups.len());
        if let Some(shard) = emptiest {
            match shard.join(group, self.index) {
                Err(error) if is_full(&error) => {}
                joined => return joined,
            }
        }
        let mut shard = Shard {
            socket: Socket::new(Domain::IPV6, Type::DGRAM.cloexec(), None)?,
            groups: BTreeSet::new(),
        };
        shard.join(group, self.index)?;
        self.shards.push(shard);
        Ok(())
    }
}

impl Shard {
    fn join(&mut self, group: Ipv6Addr, index: u32) -> io::Result<()> {
        self.socket.join_multicast_v6(&group, index)?;
        self.groups.insert(group);
        Ok(())
    }

    fn leave_all_but(&mut self, wanted: &BTreeSet<Ipv6Addr>, index: u32) {
        let socket = &self.socket;
        self.groups.retain(|group| {
            let stays = wanted.contains(group);
            if !stays {
                // It fails where the interface is gone, and the membership with it.
                let _ = socket.leave_multicast_v6(group, index);
            }
            stays
        });
    }
}

/// Whether the socket has no room for another membership.
fn is_full(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::ENOMEM | libc::ENOBUFS))
}
