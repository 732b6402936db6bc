//! `[hardening]`: what the process is kept to.

use toml::de::DeValue;

use crate::document::Section;
use crate::problems::Wrong;
use crate::settings::{Hardening, HardeningMode, Measure};
use crate::values::{port, whole_path};

/// Reads `[hardening]`.
pub(super) fn hardening(section: Option<&Section<'_>>) -> Hardening {
    section.map_or_else(Hardening::default, |section| Hardening {
        mode: section.optional("mode", mode).unwrap_or_default(),
        without: section.list("without", measure).into_iter().collect(),
        read: section.list("read", whole_path),
        connect: section.list("connect", port),
    })
}

fn mode(value: &DeValue<'_>) -> Result<HardeningMode, Wrong> {
    match value.as_str() {
        Some("try") => Ok(HardeningMode::Try),
        Some("require") => Ok(HardeningMode::Require),
        Some("off") => Ok(HardeningMode::Off),
        _ => Err(Wrong::new(
            "is none of \"try\", \"require\" and \"off\"",
            "Write \"try\" to have the log say what cannot be done, \"require\" not to start then.",
        )),
    }
}

fn measure(value: &DeValue<'_>) -> Result<Measure, Wrong> {
    match value.as_str() {
        Some("locked_memory") => Ok(Measure::LockedMemory),
        Some("files") => Ok(Measure::Files),
        Some("ports") => Ok(Measure::Ports),
        Some("system_calls") => Ok(Measure::SystemCalls),
        _ => Err(Wrong::new(
            "has an entry that can not be left out",
            "Write some of \"locked_memory\", \"files\", \"ports\" and \"system_calls\".",
        )),
    }
}
