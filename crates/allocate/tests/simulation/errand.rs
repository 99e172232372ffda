//! What a leader carries out, as its drivers do: a task of the reconciler, or an update of the status of a custom resource.

use allocate::request;
use allocate::status_updates::StatusUpdate;
use allocate::task::{Progress, Task};
use jiff::Timestamp;

use super::api::{Answer, Failure, Request};
use super::replica::release;

/// Something that takes one request or several.
#[derive(Clone, Debug)]
pub(super) enum Errand {
    Task(Task),
    Update(Box<StatusUpdate>),
}

/// How an errand goes on.
#[derive(Debug)]
pub(super) enum Step {
    Task(Progress),
    Updated(StatusUpdate, request::Answer),
}

impl Errand {
    /// What to ask now. `wall_clock` is what the process takes for the time of day.
    pub(super) fn request(&self, wall_clock: Timestamp) -> Request {
        let release = release();
        let request = match self {
            Self::Task(task) => task.request(&release, wall_clock),
            Self::Update(update) => update.request(),
        };
        Request::Leader {
            manager: release.manager,
            request,
        }
    }

    /// Whether only a leader may ask this.
    pub(super) fn changes_something(&self) -> bool {
        match self {
            Self::Task(task) => task.changes_something(),
            Self::Update(_) => true,
        }
    }

    /// Whether a leader that stops waits for it.
    pub(super) fn outlasts_the_term(&self) -> bool {
        match self {
            Self::Task(task) => task.outlasts_the_term(),
            Self::Update(_) => false,
        }
    }

    /// How it goes on after the answer to that.
    pub(super) fn answered(self, answer: Result<Answer, Failure>) -> Step {
        let answer = match answer {
            Ok(Answer::Leader { answer, .. }) => answer,
            Ok(answer) => unreachable!("a leader did not ask for {answer:?}"),
            Err(Failure::Refused(404)) => request::Answer::Absent,
            Err(Failure::Refused(code)) => request::Answer::Refused {
                code,
                retry_after: None,
            },
            Err(Failure::Unanswered) => request::Answer::Unanswered,
            Err(Failure::NotSent) => request::Answer::NotSent,
        };
        match self {
            Self::Task(task) => Step::Task(task.answered(&release(), answer)),
            Self::Update(update) => Step::Updated(*update, answer),
        }
    }
}
