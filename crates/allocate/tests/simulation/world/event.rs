use super::World;
use crate::api::Request;
use crate::log::{Seen, Who};
use crate::network::News;
use crate::oracle::Violation;
use crate::store::Restore;
use crate::stream::StreamId;

/// Something that happens at a time.
#[derive(Debug)]
pub(super) enum Event {
    /// Somebody edits something.
    Edit,
    /// Something goes wrong.
    Fault,
    /// The store is set back.
    Restore(Restore),
    /// The replicas that all took themselves for the leader do as the election says again.
    Unite,
    /// A process starts in place of one that is gone.
    Start(usize),
    /// A request reaches the server, sent by one who had seen so much.
    Arrive(Who, u64, Box<Request>, Seen),
    /// A task of a process sends its call now.
    Depart(Who, u64),
    /// A process hears what became of its call.
    Hear(Who, u64, News),
    /// The next change comes through a watch.
    Deliver(StreamId),
    /// A watch says how far it has come.
    Bookmark(StreamId),
    /// A watch comes to its end.
    StreamEnd(StreamId, End),
    /// The watch of the Lease says that nobody holds it.
    Vacancy(Who),
    /// A timer of a process is due.
    Wake(Who),
}

/// How a watch ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// Its time is up, if the connection lives.
    Expired,
    /// It broke.
    Broken,
    /// The connection has been dead for a long time.
    FoundDead,
}

impl World {
    pub(super) fn happen(&mut self, event: Event) -> Result<(), Violation> {
        match event {
            Event::Edit => self.edit(),
            Event::Fault => self.fault(),
            Event::Restore(how) => self.restore(how),
            Event::Unite => self.unite(),
            Event::Start(replica) => self.start(replica),
            Event::Arrive(who, id, request, seen) => self.on_arrival(who, id, &request, seen)?,
            Event::Depart(who, id) => self.happen_to(who, event, |world| world.on_departure(who, id)),
            Event::Hear(who, id, news) => self.happen_to(who, event, |world| world.on_news(who, id, news)),
            Event::Deliver(id) => self.happen_to(id.0, event, |world| world.on_delivery(id)),
            Event::Bookmark(id) => self.happen_to(id.0, event, |world| world.on_bookmark(id)),
            Event::StreamEnd(id, end) => self.happen_to(id.0, event, |world| world.on_stream_end(id, end)),
            Event::Vacancy(who) => self.happen_to(who, event, |world| {
                world.with(who, |process, now| process.handle_vacancy(now));
            }),
            Event::Wake(who) => self.happen_to(who, event, |world| {
                world.replicas[who.replica].wakes_at = None;
                world.with(who, |process, now| process.handle_timeout(now));
            }),
        }
        Ok(())
    }

    /// What happens to a process that stands still happens when it goes on, in any order.
    fn happen_to(&mut self, who: Who, event: Event, happen: impl FnOnce(&mut Self)) {
        let paused_until = self.replicas[who.replica].paused_until;
        if self.process_mut(who).is_none() {
            return;
        }
        if self.now < paused_until {
            let at = paused_until + self.network.hesitation();
            return self.at(at, event);
        }
        happen(self);
    }
}
