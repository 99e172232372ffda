//! What a process does besides taking part in the election, and how that changes.

use std::time::{Duration, Instant};

use super::{Process, Purpose};
use crate::leading::Leading;
use allocate::LAST_WRITES;
use allocate::REQUEST_TIMEOUT;

/// How long a process that stops tries to give the lease back.
const RELEASE_PATIENCE: Duration = Duration::from_secs(3);

/// The part that it plays.
#[derive(Debug)]
pub(super) enum Role {
    /// It does not lead; what it sent when it led last may take effect until then.
    Standby {
        rests_until: Option<Instant>,
    },
    Leads(Box<Leading>),
    /// It waits until then for the writes that are under way.
    Ends(Box<Leading>, Instant),
}

/// How far a process has come that was told to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stopping {
    No,
    Asked,
    /// It gives the lease back, or gives up then.
    Releases(Instant),
    Gone,
}

impl Process {
    /// Does all that can be done without news from outside.
    pub(super) fn settle(&mut self, now: Instant) {
        self.candidate.handle_timeout(now);
        if self.candidate.wants_to_ask(now) {
            self.new_call(Purpose::Election);
        }
        self.take_role(now);
        if let Role::Leads(leading) = &mut self.role {
            leading.decide(now, self.wall_clock);
            for kind in leading.watches_due(now) {
                let id = self.new_call(Purpose::Watch(kind));
                if let Role::Leads(leading) = &mut self.role {
                    leading.watch_mut(kind).ask(id);
                }
            }
        }
        while let Role::Leads(leading) | Role::Ends(leading, _) = &mut self.role
            && let Some(task) = leading.poll_task(now)
        {
            let id = self.next_call + 1;
            leading.start(id, task);
            self.new_call(Purpose::Errand);
        }
    }

    fn take_role(&mut self, now: Instant) {
        let leads = self.candidate.leads(now) && self.stopping == Stopping::No;
        self.role = match std::mem::replace(&mut self.role, Role::Standby { rests_until: None }) {
            Role::Leads(leading) if leads => Role::Leads(leading),
            Role::Leads(mut leading) => {
                leading.wind_down();
                Role::Ends(leading, now + LAST_WRITES)
            }
            role @ (Role::Standby { .. } | Role::Ends(..)) => role,
        };
        if let Role::Ends(leading, until) = &self.role
            && (leading.is_idle() || *until <= now)
        {
            let rests_until = (!leading.is_answered(now)).then(|| now + REQUEST_TIMEOUT);
            self.calls.retain(|_, purpose| *purpose == Purpose::Election);
            self.role = Role::Standby { rests_until };
        }
        let Role::Standby { rests_until } = self.role else {
            return;
        };
        let rested = rests_until.is_none_or(|until| until <= now);
        if rested {
            self.role = Role::Standby { rests_until: None };
        }
        match self.stopping {
            Stopping::No if leads && rested => self.role = Role::Leads(Box::new(Leading::new(now))),
            // Another replica may lead at once if nothing of this one's can take effect any more.
            Stopping::Asked if rested => {
                self.candidate.handle_stop(now);
                self.stopping = Stopping::Releases(now + RELEASE_PATIENCE);
            }
            Stopping::Asked => self.stopping = Stopping::Gone,
            Stopping::No | Stopping::Releases(_) | Stopping::Gone => {}
        }
    }
}
