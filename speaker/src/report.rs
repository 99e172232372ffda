//! What the speaker tells: conditions, its `Speaker` object, events, metrics.

mod elsewhere;
pub mod metrics;
pub mod outbox;
pub mod own_speaker;
pub mod passwords;
pub mod reporter;
pub mod scene;
pub mod standing;
pub mod status;
mod told;
