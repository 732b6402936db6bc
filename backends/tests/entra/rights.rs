//! The self check: whether the application gets in, what it lacks and what it has too much of.

use std::sync::Arc;

use clavis_backends::entra::{Part, Tenant, Uses};
use clavis_broker::ports::{Finding, Severity};
use clavis_broker::testing::CountingRandom;
use clavis_config::settings::EntraCredential;
use secrecy::SecretString;
use serde_json::json;

use crate::double::{MachineClock, Place, tenant};

async fn check(roles: &[&str], uses: Uses, part: Part) -> Vec<Finding> {
    let place = Place::with(json!({ "roles": roles })).await;
    let random = Arc::new(CountingRandom::default());
    let tenant = Tenant::new(place.settings(), uses, Arc::new(MachineClock), random);
    let also = uses.rotation.then_some(Part::Rotation);
    tenant.check(part, also).await
}

fn said(findings: &[Finding], severity: Severity) -> Vec<&str> {
    (findings.iter())
        .filter(|finding| finding.severity == severity)
        .map(|finding| finding.what.as_str())
        .collect()
}

#[tokio::test]
async fn the_right_permissions_are_found_right() {
    let uses = Uses {
        escrow: true,
        ..Uses::default()
    };
    let roles = [
        "BitlockerKey.Read.All",
        "Device.Read.All",
        "DeviceManagementManagedDevices.Read.All",
        "User.Read.All",
    ];
    let findings = check(&roles, uses, Part::Escrow).await;
    assert!(
        findings
            .iter()
            .all(|finding| finding.severity == Severity::Ok),
        "{findings:?}"
    );
    assert!(findings[0].what.contains("signs in to the tenant"));
    // Without Intune and people it works as well.
    let findings = check(&roles[..2], uses, Part::Escrow).await;
    assert_eq!(said(&findings, Severity::Ok).len(), 4, "{findings:?}");
    assert_eq!(findings.len(), 4);
}

#[tokio::test]
async fn what_concerns_keys_and_rotation_is_said_once() {
    let uses = Uses {
        escrow: true,
        rotation: true,
        ..Uses::default()
    };
    let roles = [
        "BitlockerKey.Read.All",
        "Device.Read.All",
        "DeviceManagementManagedDevices.Read.All",
        "DeviceManagementManagedDevices.ReadWrite.All",
        "User.Read.All",
    ];
    let findings = check(&roles, uses, Part::Escrow).await;
    assert_eq!(said(&findings, Severity::Ok).len(), 2, "{findings:?}");
    assert_eq!(findings.len(), 2);
    let findings = check(&roles[..3], uses, Part::Escrow).await;
    let failures = said(&findings, Severity::Failure);
    assert_eq!(failures.len(), 1, "{findings:?}");
    assert!(failures[0].contains("ReadWrite"));
}

#[tokio::test]
async fn members_of_groups_are_no_need() {
    let uses = Uses {
        directory: true,
        ..Uses::default()
    };
    let roles = ["User.Read.All", "Device.Read.All"];
    let findings = check(&roles, uses, Part::Directory).await;
    assert!(
        findings.iter().all(|it| it.severity == Severity::Ok),
        "{findings:?}"
    );
}

#[tokio::test]
async fn what_is_missing_and_what_is_too_much_is_named() {
    let uses = Uses {
        escrow: true,
        mail: true,
        ..Uses::default()
    };
    let roles = ["BitlockerKey.ReadBasic.All", "Directory.ReadWrite.All"];
    let findings = check(&roles, uses, Part::Escrow).await;
    let failures = said(&findings, Severity::Failure);
    assert_eq!(failures.len(), 1, "{findings:?}");
    assert!(failures[0].contains("BitlockerKey.Read.All"));
    let warnings = said(&findings, Severity::Warning);
    assert_eq!(warnings.len(), 1, "{findings:?}");
    assert!(warnings[0].contains("Directory.ReadWrite.All"));
    assert!(!warnings[0].contains("BitlockerKey"));

    let findings = check(&roles, uses, Part::Mail).await;
    let warnings = said(&findings, Severity::Warning);
    assert_eq!(
        warnings.len(),
        1,
        "the other was said already: {findings:?}"
    );
    assert!(warnings[0].contains("Mail.Send"));
}

#[tokio::test]
async fn who_does_not_get_in_is_told_why() {
    let place = Place::with(json!({})).await;
    let wrong = EntraCredential::Secret(SecretString::from("geheim"));
    let findings = tenant(place.settings_with(wrong))
        .check(Part::Mail, None)
        .await;
    let [finding] = &findings[..] else {
        panic!("one finding: {findings:?}");
    };
    assert_eq!(finding.severity, Severity::Failure);
    assert!(finding.what.contains("AADSTS7000215"), "{}", finding.what);
    let remedy = finding.remedy.as_deref().unwrap();
    assert!(remedy.contains("client_secret_file"), "{remedy}");
    assert!(!format!("{finding:?}").contains("geheim"));
}

#[tokio::test]
async fn exchange_has_permissions_of_its_own() {
    let place = Place::with(json!({
        "otherResources": { "https://outlook.office365.com": [] },
    }))
    .await;
    let findings = place.tenant().check(Part::Smtp, None).await;
    let warnings = said(&findings, Severity::Warning);
    assert_eq!(warnings.len(), 1, "{findings:?}");
    assert!(warnings[0].contains("SMTP.SendAsApp"));
}
