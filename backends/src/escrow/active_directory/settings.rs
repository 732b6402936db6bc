//! `kind = "active_directory"` in `[[escrow]]`.

use std::sync::Arc;

use clavis_broker::devices::BackendName;
use clavis_broker::ports::EscrowBackend;
use clavis_config::document::Section;
use clavis_config::escrow::{EscrowKind, Planned, Surroundings};
use clavis_config::needs::Needs;
use clavis_config::problems::Problems;
use clavis_config::settings::AdDomain;
use clavis_config::values::{dn, owner_attribute, text};

use super::ActiveDirectoryEscrow;
use crate::Supplies;
use crate::escrow::{EscrowPlan, Plan};

/// The kind.
pub(in crate::escrow) const KIND: EscrowKind<Plan> = EscrowKind {
    name: "active_directory",
    read,
};

/// Recovery keys in Active Directory.
#[derive(Debug, Clone)]
pub struct AdEscrow {
    /// How to reach the domain.
    pub domain: AdDomain,
    /// Where computers are searched: a DN. The domain's root when not set.
    pub search_base: Option<String>,
    /// The name of a computer that is known to have a key, by which the self check tells
    /// 'nothing escrowed' from 'no permission'.
    pub known_device: Option<String>,
    /// The computer's attribute that holds its owner's DN.
    pub owner_attribute: String,
}

impl EscrowPlan for AdEscrow {
    fn backend(
        &self,
        name: &BackendName,
        _: &Supplies,
    ) -> Result<Arc<dyn EscrowBackend>, Problems> {
        let backend = ActiveDirectoryEscrow::new(name.clone(), self.clone());
        Ok(Arc::new(backend))
    }

    fn needs(&self) -> Needs {
        self.domain.needs()
    }
}

fn read(section: &Section<'_>, around: &Surroundings<'_>) -> Planned<Plan> {
    let (connection, domain) = around.domain(section);
    let search_base = section.optional("search_base", dn);
    let known_device = section.optional("known_device", text);
    let owner_attribute = owner_attribute(section);
    Planned {
        connection,
        rotates: false,
        plan: domain.map(|domain| {
            Arc::new(AdEscrow {
                domain,
                search_base,
                known_device,
                owner_attribute,
            }) as Plan
        }),
    }
}
