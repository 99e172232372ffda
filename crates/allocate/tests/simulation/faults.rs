use std::time::Duration;

use super::chance::Chance;
use super::store::Restore;

/// Something that goes wrong at one moment. What goes wrong all the time is [`super::network::Weather`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// The process is gone at once, and another one starts later.
    Crash(usize),
    /// The process is told to stop, and another one starts when it has.
    Stop(usize),
    /// The whole process stands still.
    Pause(usize, Duration),
    /// The wall clock of the process jumps; its monotonic clock does not.
    SetClock(usize, jiff::SignedDuration),
    /// Nobody reaches the API server.
    Outage(Duration),
    /// One replica does not reach the API server.
    CutOff(usize, Duration),
    /// The API server refuses every request with this code.
    Refusals(u16, Duration),
    /// Every watch breaks.
    Drop,
    /// The connections of all watches die and nobody updates for now.
    Hang,
    /// The API server forgets its history.
    Compact,
    /// The state of the store is put aside ...
    Backup,
    /// ... and comes back.
    Restore(Restore),
}

/// What goes wrong in one world: some kinds of faults and not others, so that each is met with and without the others.
#[derive(Debug)]
pub(super) struct Faults {
    chance: Chance,
    kinds: Vec<u64>,
}

const KINDS: [u64; 13] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12];

impl Faults {
    pub(super) fn new(mut chance: Chance) -> Self {
        let mut kinds = chance.some_of(&KINDS);
        if chance.percent(70) {
            // Of one who sets a store back nobody expects much: most worlds are without.
            kinds.retain(|kind| *kind < 11);
        }
        Self { chance, kinds }
    }

    /// How long it takes until something goes wrong again; none when nothing ever does.
    pub(super) fn pause(&mut self) -> Option<Duration> {
        let (least, most) = self.chance.one_of(&[(10, 1_000), (1_000, 20_000)]);
        let pause = self
            .chance
            .between(Duration::from_millis(least), Duration::from_millis(most));
        (!self.kinds.is_empty()).then_some(pause)
    }

    /// What goes wrong right after a replica has sent a write, when it can do most harm.
    pub(super) fn strike_after_write(&mut self, replica: usize) -> Option<Fault> {
        let struck = !self.kinds.is_empty() && self.chance.percent(4);
        struck.then(|| self.draw(replica))
    }

    /// What goes wrong now.
    pub(super) fn strike(&mut self) -> Fault {
        let replica = self.chance.index(2);
        self.draw(replica)
    }

    fn draw(&mut self, replica: usize) -> Fault {
        let chance = &mut self.chance;
        let up_to = |chance: &mut Chance, seconds| {
            chance.between(Duration::from_millis(100), Duration::from_secs(seconds))
        };
        match chance.one_of(&self.kinds) {
            0 => Fault::Crash(replica),
            1 => Fault::Stop(replica),
            2 => Fault::Pause(replica, up_to(chance, 30)),
            3 => Fault::SetClock(
                replica,
                chance.one_of(&[
                    jiff::SignedDuration::from_hours(-1),
                    jiff::SignedDuration::from_hours(1),
                ]),
            ),
            4 => Fault::Outage(if chance.percent(10) {
                up_to(chance, 600)
            } else {
                up_to(chance, 30)
            }),
            5 => Fault::CutOff(replica, up_to(chance, 40)),
            6 => Fault::Refusals(chance.one_of(&[403, 429, 500]), up_to(chance, 20)),
            7 => Fault::Drop,
            8 => Fault::Hang,
            9 => Fault::Compact,
            10 => Fault::Backup,
            11 => Fault::Restore(Restore::Bumped),
            _ => Fault::Restore(Restore::Plain),
        }
    }
}
