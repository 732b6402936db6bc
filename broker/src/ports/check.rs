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
    /// The rights, by name, that Clavis has there and does not need.
    pub too_wide: Vec<String>,
}

impl Finding {
    /// It works.
    pub fn ok(what: impl Into<String>) -> Self {
        Self {
            severity: Severity::Ok,
            what: what.into(),
            remedy: None,
            too_wide: Vec::new(),
        }
    }

    /// It works, and somebody should look.
    pub fn warning(what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            severity: Severity::Warning,
            what: what.into(),
            remedy: Some(remedy.into()),
            too_wide: Vec::new(),
        }
    }

    /// It works, and Clavis may do more than it needs.
    pub fn excess(
        what: impl Into<String>,
        remedy: impl Into<String>,
        rights: impl IntoIterator<Item = impl Into<String>>,
    ) -> Self {
        Self {
            too_wide: rights.into_iter().map(Into::into).collect(),
            ..Self::warning(what, remedy)
        }
    }

    /// Whether it does not work.
    pub fn is_failure(&self) -> bool {
        self.severity == Severity::Failure
    }

    /// It does not work.
    pub fn failure(what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            severity: Severity::Failure,
            what: what.into(),
            remedy: Some(remedy.into()),
            too_wide: Vec::new(),
        }
    }
}
