//! The self check: whether the application may read keys, and no more than that.

use clavis_broker::ports::{Finding, Severity};

use super::{EntraEscrow, find};
use crate::entra::{Part, Trouble, trouble_finding};

/// Tries everything that the backend needs. No key is read: each reading is a row in the tenant's
/// own audit log, and the permissions tell as much.
pub(super) async fn check(escrow: &EntraEscrow) -> Vec<Finding> {
    let rotation = escrow.tenant.uses().rotation.then_some(Part::Rotation);
    let mut findings = escrow.tenant.check(Part::Escrow, rotation).await;
    if findings.iter().any(|it| it.severity == Severity::Failure) {
        return findings;
    }
    findings.push(match &escrow.known_device {
        Some(name) => match known_device(escrow, name).await {
            Ok(finding) => finding,
            Err(trouble) => trouble_finding("The known device cannot be looked up", &trouble),
        },
        None => Finding::warning(
            "No device that is known to have a key is set.",
            "Set `known_device`, so that it is seen when keys can no longer be listed.",
        ),
    });
    findings
}

async fn known_device(escrow: &EntraEscrow, name: &str) -> Result<Finding, Trouble> {
    let devices = find::devices(&escrow.tenant, &escrow.name, name).await?;
    let [device] = devices.as_slice() else {
        let found = match devices.len() {
            0 => "is not in Entra ID",
            _ => "is the name of several devices",
        };
        return Ok(Finding::failure(
            format!("The known device {name} {found}."),
            "Set `known_device` to a device that has a key, by a name or ID that no other has.",
        ));
    };
    let count = escrow.find_records(&device.id).await?.len();
    Ok(if count == 0 {
        Finding::failure(
            format!("No key is escrowed for the known device {name}."),
            "Set `known_device` to a device that has a key in Entra ID.",
        )
    } else {
        Finding::ok(format!(
            "The keys of the known device {name} are listed: {count}."
        ))
    })
}
