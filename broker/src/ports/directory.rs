//! Who people are.

use async_trait::async_trait;

use super::check::Finding;
use crate::devices::Device;
use crate::people::{GroupName, Person, PersonId, PersonQuery};

/// The most people that a search finds.
pub const MOST_FOUND: usize = 50;

/// A directory of people, groups and whose device is whose.
#[async_trait]
pub trait Directory: Send + Sync {
    /// The person, enabled or not. `None` where nobody is found.
    ///
    /// # Errors
    /// [`DirectoryError::Ambiguous`] where the query fits several accounts: never a guess.
    async fn person(&self, query: &PersonQuery) -> Result<Option<Person>, DirectoryError>;

    /// The person's manager, enabled or not.
    async fn manager(&self, of: &PersonId) -> Result<Option<Person>, DirectoryError>;

    /// The devices that the directory says are the person's, sorted by name. Their IDs are those
    /// of the escrow backend that reads the same directory.
    async fn devices_of(&self, person: &PersonId) -> Result<Vec<Device>, DirectoryError>;

    /// The members of a group, through nested groups, sorted by name. `None` where there is no
    /// such group.
    async fn members(&self, group: &GroupName) -> Result<Option<Vec<Person>>, DirectoryError>;

    /// Whether somebody is in a group, through nested groups: in the same groups as
    /// [`members`](Self::members) says, without everybody else who is. `None` where there is no
    /// such group; whom the directory does not know is in none.
    async fn is_member(
        &self,
        person: &PersonId,
        group: &GroupName,
    ) -> Result<Option<bool>, DirectoryError> {
        let members = self.members(group).await?;
        Ok(members.map(|members| members.iter().any(|member| member.id == *person)))
    }

    /// People, enabled or not, whose name, mail address or sign-in name begins with the text, in
    /// any case; each word of a name counts. Sorted by name, and at most `limit` of them, never
    /// more than [`MOST_FOUND`]: where more fit, which of them is not said. Nobody is asked for
    /// by what is no [beginning](crate::beginnings::Beginning).
    async fn search(&self, text: &str, limit: usize) -> Result<Vec<Person>, DirectoryError>;

    /// Tries the directory for real.
    async fn check(&self) -> Vec<Finding>;
}

/// The directory gave no usable answer.
#[derive(Debug, thiserror::Error)]
pub enum DirectoryError {
    /// Not reached, not in time, or not for now.
    #[error("the directory cannot be reached at present")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// It refuses our account or the call.
    #[error("the directory refuses access")]
    Denied(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// It answered what makes no sense.
    #[error("the directory answered what could not be understood: {0}")]
    Nonsense(String),
    /// Several accounts fit where one was meant.
    #[error("several accounts fit")]
    Ambiguous,
}
