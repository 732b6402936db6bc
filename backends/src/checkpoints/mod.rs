//! Where checkpoints of the log are kept outside of it.

mod folder;
mod hook;

pub use folder::CheckpointFolder;
pub use hook::CheckpointHook;
