//! `kind = "entra"` in `[[escrow]]`.

use std::sync::Arc;

use clavis_broker::devices::BackendName;
use clavis_broker::ports::EscrowBackend;
use clavis_config::document::Section;
use clavis_config::escrow::{Connection, EscrowKind, Planned, Surroundings};
use clavis_config::needs::Needs;
use clavis_config::problems::Problems;
use clavis_config::values::text;

use super::EntraEscrow;
use crate::Supplies;
use crate::escrow::{EscrowPlan, Plan};

/// The kind.
pub(in crate::escrow) const KIND: EscrowKind<Plan> = EscrowKind {
    name: "entra",
    read,
};

#[derive(Debug)]
struct EntraPlan {
    /// The name of the application's section.
    entra: String,
    known_device: Option<String>,
}

impl EscrowPlan for EntraPlan {
    fn backend(
        &self,
        name: &BackendName,
        supplies: &Supplies,
    ) -> Result<Arc<dyn EscrowBackend>, Problems> {
        let tenant = supplies.tenant(&self.entra);
        let backend = EntraEscrow::new(name.clone(), tenant, self.known_device.clone());
        Ok(Arc::new(backend))
    }

    fn needs(&self) -> Needs {
        Needs::default()
    }
}

fn read(section: &Section<'_>, around: &Surroundings<'_>) -> Planned<Plan> {
    let entra = around.tenant(section);
    let known_device = section.optional("known_device", text);
    Planned {
        connection: entra.clone().map(Connection::Entra),
        rotates: true,
        plan: entra.map(|entra| {
            Arc::new(EntraPlan {
                entra,
                known_device,
            }) as Plan
        }),
    }
}
