//! What is wrong with a configuration: all of it at once, each with its place and a remedy.

use std::fmt;
use std::path::PathBuf;

/// One thing that is wrong with a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The file.
    pub file: PathBuf,
    /// The line, counted from 1; `None` where the whole file is meant.
    pub line: Option<usize>,
    /// What is wrong, as a sentence. No secret.
    pub what: String,
    /// What to do about it.
    pub remedy: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.file.display())?;
        if let Some(line) = self.line {
            write!(f, "{line}:")?;
        }
        write!(f, " {}\n    {}", self.what, self.remedy)
    }
}

/// Everything that is wrong with a file, or with several one after the other, in the order of its lines; never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problems(Vec<Problem>);

impl Problems {
    /// Puts problems into the order of their lines; `None` where there are none.
    pub fn of(mut problems: Vec<Problem>) -> Option<Self> {
        problems.sort_by_key(|problem| problem.line);
        (!problems.is_empty()).then_some(Self(problems))
    }

    /// The problems of several files, one file after the other; `None` where there are none.
    pub fn joined(files: impl IntoIterator<Item = Self>) -> Option<Self> {
        let all: Vec<_> = files.into_iter().flat_map(|file| file.0).collect();
        (!all.is_empty()).then_some(Self(all))
    }

    /// The problems, in the order of their lines.
    pub fn iter(&self) -> impl Iterator<Item = &Problem> {
        self.0.iter()
    }
}

impl From<Problem> for Problems {
    fn from(problem: Problem) -> Self {
        Self(vec![problem])
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, problem) in self.0.iter().enumerate() {
            if at > 0 {
                f.write_str("\n")?;
            }
            problem.fmt(f)?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}

/// Why one value cannot be taken, without saying which value it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wrong {
    /// What goes on after the key's name: `is not a mail address`.
    pub what: String,
    /// What to do about it.
    pub remedy: String,
}

impl Wrong {
    /// A value that cannot be taken: what goes on after the key's name, and what to do.
    pub fn new(what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            remedy: remedy.into(),
        }
    }
}
