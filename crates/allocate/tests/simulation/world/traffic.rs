//! What goes back and forth between the replicas and the API server.

use std::time::Duration;

use super::World;
use super::event::{End, Event};
use crate::api::{Answer, Failure, Request};
use crate::log::{Author, Seen, Stamp, Who};
use crate::network::News;
use crate::object::Kind;
use crate::oracle::Violation;
use crate::story::heard;
use crate::stream::StreamId;

/// How long a watch call lasts.
const WATCH_TIME: Duration = Duration::from_secs(45);
/// How often a watch says how far it has come.
const BOOKMARK_TIME: Duration = Duration::from_secs(20);

impl World {
    pub(super) fn on_departure(&mut self, who: Who, id: u64) {
        let Some(call) = self.with(who, |process, now| process.depart(now, id)) else {
            return;
        };
        let fate = self.network.fate(who.replica, self.now, &call);
        self.tell(|| {
            format!(
                "replica {} asks {id}: {} -> {fate:?}",
                who.replica,
                call.request.words()
            )
        });
        let written = call.request.written();
        if let Some(at) = fate.arrives {
            self.at(at, Event::Arrive(who, id, Box::new(call.request), call.seen));
        }
        self.at(fate.heard, Event::Hear(who, id, fate.news));
        if let Some(key) = written {
            self.writes.insert((who, id), key);
            let fault = self
                .faults
                .strike_after_write(who.replica)
                .filter(|_| self.now < self.calm_at);
            fault.into_iter().for_each(|fault| self.strike(fault));
        }
    }

    pub(super) fn on_arrival(
        &mut self,
        who: Who,
        id: u64,
        request: &Request,
        seen: Seen,
    ) -> Result<(), Violation> {
        let knows = self.knows(who, id, request, seen);
        let stamp = Stamp {
            at: self.now,
            author: Author::Process { who, seen },
        };
        let answer = self.store.serve(stamp, request);
        self.oracle.count(stamp, request, &answer, knows)?;
        self.answers.insert((who, id), answer);
        Ok(())
    }

    /// Whether the process that waits for the answer knows the last change of the object: it saw it, or made it.
    fn knows(&mut self, who: Who, id: u64, request: &Request, seen: Seen) -> bool {
        let awaited = self.process_mut(who).is_some_and(|process| process.awaits(id));
        let last = request.written().and_then(|key| self.store.last_change(&key));
        awaited && last.is_some_and(|(index, entry)| entry.is_by(who) || index < seen.of(entry.key.kind))
    }

    pub(super) fn on_news(&mut self, who: Who, id: u64, news: News) {
        let answer = match (news, self.answers.remove(&(who, id))) {
            (News::Answer, Some(answer)) => answer,
            (News::Refused(code), _) => Err(Failure::Refused(code)),
            (News::Nothing | News::Answer, _) => Err(Failure::Unanswered),
        };
        self.tell(|| format!("replica {} hears of {id}: {}", who.replica, heard(&answer)));
        if let Some(key) = self.writes.remove(&(who, id)) {
            self.oracle.hear(who, key, &answer);
        }
        let watching = matches!(answer, Ok(Answer::Watching));
        let since = self.with(who, |process, now| {
            let since = process.watched_since(id).filter(|_| watching);
            process.handle_answer(now, id, answer);
            since
        });
        if let Some((kind, since)) = since {
            self.open((who, id), kind, since);
        }
    }

    fn open(&mut self, stream: StreamId, kind: Kind, since: u64) {
        let Ok(waiting) = self.streams.open(&self.store, stream, kind, since) else {
            // The server has forgotten the version since it accepted the watch: the next try is told so.
            return self.with(stream.0, |process, now| {
                process.handle_stream_end(now, kind, true)
            });
        };
        for _ in 0..waiting {
            let at = self.now + self.network.lag();
            self.at(at, Event::Deliver(stream));
        }
        self.at(self.now + BOOKMARK_TIME, Event::Bookmark(stream));
        self.at(self.now + WATCH_TIME, Event::StreamEnd(stream, End::Expired));
    }

    pub(super) fn on_delivery(&mut self, stream: StreamId) {
        let Some(kind) = self.listened(stream) else { return };
        if let Some(delivery) = self.streams.next(&self.store, stream) {
            self.tell(|| format!("replica {} sees {}", stream.0.replica, delivery.words()));
            self.with(stream.0, |process, now| {
                process.handle_delivery(now, kind, delivery)
            });
        }
    }

    pub(super) fn on_bookmark(&mut self, stream: StreamId) {
        let Some(kind) = self.listened(stream) else { return };
        if let Some(delivery) = self.streams.bookmark(&self.store, stream) {
            self.with(stream.0, |process, now| {
                process.handle_delivery(now, kind, delivery)
            });
        }
        self.at(self.now + BOOKMARK_TIME, Event::Bookmark(stream));
    }

    pub(super) fn on_stream_end(&mut self, stream: StreamId, end: End) {
        let Some(kind) = self.listened(stream) else { return };
        if end == End::Expired && self.streams.is_hung(stream) {
            return;
        }
        self.streams.close(stream);
        self.with(stream.0, |process, now| {
            process.handle_stream_end(now, kind, end == End::Broken)
        });
    }

    /// The kind of a watch that somebody still listens to; any other is closed.
    fn listened(&mut self, stream: StreamId) -> Option<Kind> {
        let kind = self.streams.kind(stream)?;
        let listens = self
            .process_mut(stream.0)
            .is_some_and(|process| process.listens(kind, stream.1));
        if !listens {
            self.streams.close(stream);
        }
        listens.then_some(kind)
    }
}
