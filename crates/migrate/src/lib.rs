//! Moves a cluster to Herald from another provider of addresses: its objects in, a [`Plan`] out.
//!
//! [`plan()`] says which objects Herald needs, what is added to Services so that each keeps its addresses, what cannot be carried
//! over and what is to be decided ([`Remark`]), and by which steps traffic moves and moves back. It proves the plan with the crates that the
//! daemons decide with. It reads nothing and writes nothing: whoever calls it has the objects, as JSON.
//!
//! One file of `from` holds one product; what all products have in common is beside it.
#![forbid(unsafe_code)]

mod addresses;
mod draft;
mod duration;
mod from;
mod input;
mod names;
mod plan;
mod product;
mod proof;
mod remark;
mod selector;
mod services;
mod source;
mod steps;

pub use draft::plan;
pub use input::Input;
pub use plan::{
    HERALD_NAMESPACE, Options, Plan, PlannedObject, PlannedSecret, Role, SecretSource, ServicePlan, Step,
    Verdict, Workload,
};
pub use product::{Listed, Product};
pub use remark::{Code, Remark, Weight};
