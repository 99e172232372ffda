use std::collections::BTreeSet;

use config::service::{Classes, Serving, is_ours, serving};
use k8s_openapi::api::core::v1::Service;

use crate::desired_status::DesiredStatus;
use crate::writers::OtherWriters;

/// The class that Herald serves if nothing else is said.
const DEFAULT_CLASS: &str = "heraldlb.io/herald";

/// What stands for Services that name no class among what a release serves.
const WITHOUT_CLASS: &str = "Services without a class";

/// The field manager of the release that serves `heraldlb.io/herald`; those of others have their class behind it.
pub const FIELD_MANAGER: &str = "herald-controller";

/// The longest name of a field manager that the API server takes.
const LONGEST_MANAGER: usize = 128;

/// One release of Herald in a cluster: which Services it serves, and under which name it writes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Release {
    /// Which Services are its own.
    pub classes: Classes,
    /// The field manager of everything that it writes: no two releases of different classes have the same.
    pub manager: String,
}

impl Release {
    /// The release that serves these classes, of which the first is its own.
    pub fn new(classes: Classes) -> Self {
        let own = classes.classes.first().map_or(DEFAULT_CLASS, String::as_str);
        let mut manager = match own == DEFAULT_CLASS {
            true => FIELD_MANAGER.to_owned(),
            false => format!("{FIELD_MANAGER}-{own}"),
        };
        manager.truncate(LONGEST_MANAGER);
        Self { classes, manager }
    }

    /// What this release serves and no other may serve beside it: its classes, and Services that name none.
    pub fn alone(&self) -> BTreeSet<String> {
        let classless = (!self.classes.require_class).then(|| WITHOUT_CLASS.to_owned());
        self.classes.classes.iter().cloned().chain(classless).collect()
    }

    /// Whether the release serves a Service. One without a class that has an address of the release is served on when such Services
    /// are to be left to others: until it is told to another class, or another provider has written to it.
    pub fn serves(&self, object: &Service) -> bool {
        is_ours(object, &self.classes) || self.classes.require_class && self.retains(object)
    }

    /// Whether a Service is to be left as it is, whatever it shows.
    pub fn ignores(&self, object: &Service) -> bool {
        serving(object, &self.classes) == Serving::Ignored
    }

    fn retains(&self, object: &Service) -> bool {
        let of_any_class = Classes {
            require_class: false,
            ..self.classes.clone()
        };
        is_ours(object, &of_any_class)
            && DesiredStatus::any_shown_by(object, self)
            && !config::service::assigned(object).is_empty()
            && OtherWriters::of(object, &self.manager).ingress.is_none()
    }
}
