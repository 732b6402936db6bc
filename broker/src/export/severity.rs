//! How much an event wants somebody's attention, on one scale for all formats.

/// How much an event wants somebody's attention.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// It goes on as it should.
    Informational,
    /// As it should be, and worth to be seen: a key was shown, somebody decided.
    Notice,
    /// Something was refused, or did not work this time.
    Warning,
    /// An operator has to do something.
    Error,
    /// Somebody has to look at once.
    Critical,
}

impl Severity {
    /// In syslog (RFC 5424, section 6.2.1): 6 to 2, the lower the worse.
    pub fn in_syslog(self) -> u8 {
        match self {
            Self::Informational => 6,
            Self::Notice => 5,
            Self::Warning => 4,
            Self::Error => 3,
            Self::Critical => 2,
        }
    }

    /// In CEF: 0 to 3 is low, 4 to 6 medium, 7 and 8 high, 9 and 10 very high.
    pub(super) fn in_cef(self) -> u8 {
        match self {
            Self::Informational => 1,
            Self::Notice => 3,
            Self::Warning => 5,
            Self::Error => 7,
            Self::Critical => 9,
        }
    }

    /// In OCSF (`severity_id`): 1 informational, 2 low, 3 medium, 4 high, 5 critical.
    pub(super) fn in_ocsf(self) -> u8 {
        match self {
            Self::Informational => 1,
            Self::Notice => 2,
            Self::Warning => 3,
            Self::Error => 4,
            Self::Critical => 5,
        }
    }
}
