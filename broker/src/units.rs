//! Units of a directory.

/// STUB
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unit(pub String);

impl Unit {
    /// STUB
    pub fn holds(&self, place: &str) -> bool {
        place.ends_with(&self.0)
    }
}
