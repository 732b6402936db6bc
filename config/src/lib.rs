//! The configuration of Clavis: from TOML to settings that are sound as a whole.

pub mod settings;
