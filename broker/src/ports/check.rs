//! What a part found out about itself when it was tried for real.

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// It works.
    Ok,
    /// It works, and somebody should look.
    Warning,
    /// It does not work.
    Failure,
}

/// One line of a self check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// What was found, as a sentence. No secret.
    pub what: String,
    /// What to do about it.
    pub remedy: Option<String>,
}

impl Finding {
    /// It works.
    pub fn ok(what: impl Into<String>) -> Self {
        Self {
            severity: Severity::Ok,
            what: what.into(),
            remedy: None,
        }
    }

    /// It works, and somebody should look.
    pub fn warning(what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            severity: Severity::Warning,
            what: what.into(),
            remedy: Some(remedy.into()),
        }
    }

    /// It does not work.
    pub fn failure(what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            severity: Severity::Failure,
            what: what.into(),
            remedy: Some(remedy.into()),
        }
    }
}
