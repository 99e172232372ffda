use std::collections::VecDeque;

use k8s_openapi::api::core::v1::Service;
use model::ServiceName;

use super::{Ended, Progress, Task, service};
use crate::desired_status::DesiredStatus;
use crate::reconciler::{Input, is_load_balancer};
use crate::release::Release;
use crate::request::{Answer, Request, Target};

/// The search for Services that show something of the release and are not watched: of all Services that are no LoadBalancers it reads the
/// metadata, page by page, and of the few that the release has ever written to the whole.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Search {
    pages: Pages,
    /// To be looked up.
    written: VecDeque<ServiceName>,
    found: Vec<Service>,
}

/// Which page comes next.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
enum Pages {
    #[default]
    First,
    After(String),
    Done,
}

impl Search {
    pub(super) fn request(&self) -> Request {
        match (&self.pages, self.written.front()) {
            (Pages::First, _) => Request::ListOthers { after: None },
            (Pages::After(after), _) => Request::ListOthers {
                after: Some(after.clone()),
            },
            // One that has nothing left to look up has ended.
            (Pages::Done, name) => Request::Get(Target::Service(
                name.cloned().unwrap_or_else(|| ServiceName::new("", "")),
            )),
        }
    }

    pub(super) fn answered(mut self, release: &Release, answer: Answer) -> Progress {
        match (&self.pages, answer) {
            (Pages::First | Pages::After(_), Answer::Page { found, next }) => {
                self.written.extend(found);
                self.pages = next.map_or(Pages::Done, Pages::After);
                self.go_on()
            }
            // What the pages are continued from is not kept for ever.
            (Pages::First | Pages::After(_), Answer::Refused { code: 410, .. }) => {
                Progress::Again(Task::FindFormer(Self::default()))
            }
            (Pages::Done, Answer::Absent) => self.looked_up(None),
            (Pages::Done, answer @ Answer::Object(_)) => match service(release, answer) {
                Ok(object) => self.looked_up(Some(object).filter(|object| {
                    !is_load_balancer(object) && DesiredStatus::any_shown_by(object, release)
                })),
                Err(_unusable) => Progress::Again(Task::FindFormer(self)),
            },
            (
                Pages::First | Pages::After(_) | Pages::Done,
                Answer::Object(_)
                | Answer::Page { .. }
                | Answer::Absent
                | Answer::Refused { .. }
                | Answer::Unanswered
                | Answer::NotSent,
            ) => Progress::Again(Task::FindFormer(self)),
        }
    }

    fn looked_up(mut self, object: Option<Service>) -> Progress {
        self.written.pop_front();
        self.found.extend(object);
        self.go_on()
    }

    fn go_on(self) -> Progress {
        if self.pages == Pages::Done && self.written.is_empty() {
            return Progress::Ended(Box::new(Ended {
                input: Input::Former(Some(self.found)),
                events: Vec::new(),
            }));
        }
        Progress::Next(Task::FindFormer(self))
    }
}
