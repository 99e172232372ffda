//! What goes wrong, and how it ends.

use std::time::Duration;

use lease::Identity;

use super::World;
use super::event::{End, Event};
use crate::faults::Fault;
use crate::process::Process;
use crate::store::{Restore, time};
use crate::stream::StreamId;

/// How long it takes until a dead connection is noticed.
const DEAD_TIME: Duration = Duration::from_secs(50);
/// How long a leader goes on without the API server.
const RENEW_DEADLINE: Duration = Duration::from_secs(10);
/// No outage lasts longer into the life of a world.
const LATEST: Duration = Duration::from_secs(720);

impl World {
    pub(super) fn fault(&mut self) {
        let fault = self.faults.strike();
        self.strike(fault);
        if let Some(pause) = self.faults.pause() {
            self.at(self.now + pause, Event::Fault);
        }
    }

    pub(super) fn strike(&mut self, fault: Fault) {
        self.tell(|| format!("! {fault:?}"));
        let now = self.now;
        match fault {
            Fault::Crash(replica) => self.end(replica),
            Fault::Stop(replica) => {
                if now >= self.replicas[replica].paused_until {
                    self.with(self.who(replica), |process, now| process.stop(now));
                }
            }
            Fault::Pause(replica, time) => self.replicas[replica].paused_until = now + time,
            Fault::SetClock(replica, step) => self.replicas[replica].wall_clock += step,
            Fault::Outage(time) => {
                self.cut_off(0, time);
                self.cut_off(1, time);
            }
            Fault::CutOff(replica, time) => self.cut_off(replica, time),
            Fault::Refusals(code, time) => self.network.refuse(code, now + time),
            Fault::Drop => self.drop_streams(),
            Fault::Hang => self
                .streams
                .ids()
                .into_iter()
                .for_each(|stream| self.hang(stream)),
            Fault::Compact => self.store.compact(),
            Fault::Backup => self.backup = Some(self.store.backup()),
            Fault::Restore(how) => {
                // The API server is down for at least as long as a leader goes on without it: see `lease`.
                let time = RENEW_DEADLINE + self.chance.between(Duration::ZERO, Duration::from_secs(20));
                self.cut_off(0, time);
                self.cut_off(1, time);
                self.at(now + time, Event::Restore(how));
            }
        }
    }

    pub(super) fn restore(&mut self, how: Restore) {
        if let Some(backup) = self.backup.clone() {
            self.store.restore(self.now, backup, how);
            self.drop_streams();
        }
    }

    /// The people rest, and what was wrong is right again.
    pub(super) fn calm(&mut self) {
        self.tell(|| "calm".to_owned());
        self.network.calm();
        self.users.put_right(&mut self.store, self.now);
        self.queue
            .retain(|_, event| !matches!(event, Event::Edit | Event::Fault | Event::Restore(_)));
        for replica in &mut self.replicas {
            replica.paused_until = self.now;
        }
    }

    pub(super) fn start(&mut self, replica: usize) {
        let chance = self.chance.fork();
        // A container that is restarted keeps the name of its pod, a pod that is replaced does not.
        let same_pod = self.chance.percent(50);
        let usurper = self.now < self.divided_until;
        let place = &mut self.replicas[replica];
        if place.process.is_some() {
            return;
        }
        place.life += 1;
        place.wakes_at = None;
        if !same_pod || place.name.is_empty() {
            place.name = format!("controller-{replica}-{}", place.life);
        }
        let identity = Identity::new(&place.name, &place.life.to_string());
        place.process = Some(Process::new(identity, self.epoch + self.now, usurper, chance));
        self.with(self.who(replica), |process, now| process.handle_timeout(now));
    }

    /// Who led against the election leads no more. In half of the worlds another process leads then.
    pub(super) fn unite(&mut self) {
        self.tell(|| "united".to_owned());
        let anew = self.chance.percent(50);
        for replica in 0..self.replicas.len() {
            self.with(self.who(replica), |process, now| process.submit(now));
            if anew && self.replicas[replica].process.is_some() {
                self.end(replica);
            }
        }
    }

    /// The process is gone; another one starts in its place.
    pub(super) fn end(&mut self, replica: usize) {
        self.tell(|| format!("replica {replica} is gone"));
        let place = &mut self.replicas[replica];
        place.process = None;
        place.paused_until = self.now;
        let later = self
            .chance
            .between(Duration::from_millis(100), Duration::from_secs(6));
        self.at(self.now + later, Event::Start(replica));
    }

    fn cut_off(&mut self, replica: usize, time: Duration) {
        self.network.cut_off(replica, self.now + time);
        let after = self.now + time + Duration::from_secs(10);
        self.calm_at = self.calm_at.max(after.min(LATEST));
        for stream in self
            .streams
            .ids()
            .into_iter()
            .filter(|stream| stream.0.replica == replica)
        {
            match self.chance.percent(50) {
                true => self.hang(stream),
                false => self.at(self.now, Event::StreamEnd(stream, End::Broken)),
            }
        }
    }

    fn hang(&mut self, stream: StreamId) {
        self.streams.hang(stream);
        self.at(self.now + DEAD_TIME, Event::StreamEnd(stream, End::FoundDead));
    }

    fn drop_streams(&mut self) {
        for stream in self.streams.ids() {
            self.at(self.now, Event::StreamEnd(stream, End::Broken));
        }
    }

    /// The time of day, as the replica has it.
    pub(super) fn wall_clock(&self, replica: usize) -> jiff::Timestamp {
        time(self.now).0 + self.replicas[replica].wall_clock
    }
}
