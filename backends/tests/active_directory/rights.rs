//! What the self check finds about each kind of account.

use clavis_backends::escrow::{ActiveDirectoryEscrow, AdEscrow};
use clavis_broker::ports::{EscrowBackend, Finding, Severity};
use clavis_config::settings::{AdDomain, Controllers};

use crate::controller::{
    address, backend, domain, domain_as, escrow, escrow_settings, expected, folder,
};

/// What is not right.
fn complaints(findings: &[Finding]) -> Vec<(Severity, &str)> {
    for finding in findings {
        assert!(finding.what.ends_with('.'), "{finding:?}");
        let remedied = finding
            .remedy
            .as_ref()
            .is_some_and(|remedy| remedy.ends_with('.'));
        assert_eq!(remedied, finding.severity != Severity::Ok, "{finding:?}");
    }
    let wrong = findings
        .iter()
        .filter(|finding| finding.severity != Severity::Ok);
    wrong
        .map(|finding| (finding.severity, finding.what.as_str()))
        .collect()
}

#[track_caller]
fn assert_complaints(findings: &[Finding], wanted: &[(Severity, &str)]) {
    let found = complaints(findings);
    assert_eq!(found.len(), wanted.len(), "{findings:#?}");
    for ((severity, what), (wanted, part)) in found.iter().zip(wanted) {
        assert_eq!(severity, wanted, "{findings:#?}");
        assert!(what.contains(part), "{findings:#?}");
    }
}

use Severity::{Failure, Warning};

#[tokio::test]
async fn the_rightly_delegated_account_is_found_in_order() {
    let findings = escrow(domain()).check().await;
    assert_complaints(&findings, &[]);
    assert!(findings.len() >= 4, "{findings:#?}");
}

#[tokio::test]
async fn too_few_and_too_many_rights_are_found() {
    for (account, wanted) in [
        ("svc-plain", vec![(Failure, "No recovery record")]),
        ("svc-blind", vec![(Failure, "may not read their passwords")]),
        (
            "svc-wide",
            vec![(Warning, "key packages"), (Warning, "may change")],
        ),
        (
            "svc-admin",
            vec![
                (Warning, "key packages"),
                (Warning, "may change"),
                (Warning, "Domain Admins"),
            ],
        ),
    ] {
        let found = escrow(domain_as(account)).check().await;
        assert_complaints(&found, &wanted);
    }
}

async fn check(change: impl FnOnce(&mut AdEscrow)) -> Vec<Finding> {
    let mut settings = escrow_settings(domain());
    change(&mut settings);
    ActiveDirectoryEscrow::new(backend(), settings)
        .check()
        .await
}

#[tokio::test]
async fn without_a_known_device_any_record_will_do_and_it_is_said() {
    let findings = check(|settings| settings.known_device = None).await;
    assert_complaints(&findings, &[(Warning, "No device that is known")]);
    let mut settings = escrow_settings(domain_as("svc-plain"));
    settings.known_device = None;
    let findings = ActiveDirectoryEscrow::new(backend(), settings)
        .check()
        .await;
    assert_complaints(
        &findings,
        &[
            (Warning, "No device that is known"),
            (Failure, "No recovery record"),
        ],
    );
}

#[tokio::test]
async fn a_known_device_must_be_one_and_have_a_key() {
    for (name, complaint) in [
        ("LT-9999", "is not found"),
        ("TWIN", "several devices"),
        ("LT-0003", "No recovery record"),
    ] {
        let findings = check(|settings| settings.known_device = Some(name.into())).await;
        assert_complaints(&findings, &[(Failure, complaint)]);
    }
}

#[tokio::test]
async fn a_search_base_must_be_there() {
    for base in ["OU=Nowhere,DC=corp,DC=example,DC=com", "nonsense"] {
        let findings = check(|settings| settings.search_base = Some(base.into())).await;
        assert_complaints(&findings, &[(Failure, "The search base")]);
    }
    let base = expected().devices_base;
    let findings = check(|settings| settings.search_base = Some(base)).await;
    assert_complaints(&findings, &[]);
}

async fn check_domain(change: impl FnOnce(&mut AdDomain)) -> Vec<Finding> {
    check(|settings| change(&mut settings.domain)).await
}

#[tokio::test]
async fn each_controller_is_tried() {
    let hosts = vec!["127.0.0.250".to_owned(), address()];
    let findings = check_domain(|domain| domain.controllers = Controllers::Named(hosts)).await;
    assert_complaints(&findings, &[(Warning, "127.0.0.250:636 cannot be used")]);

    let other = folder().join("other-ca.pem");
    let findings = check_domain(|domain| domain.ca_file = Some(other)).await;
    assert_complaints(&findings, &[(Failure, "cannot be used")]);

    let missing = folder().join("no-such-file.pem");
    let findings = check_domain(|domain| domain.ca_file = Some(missing)).await;
    assert_complaints(&findings, &[(Failure, "no-such-file.pem")]);

    // Once, and not again at the next: the account would be locked.
    let findings = check_domain(|domain| {
        domain.controllers = Controllers::Named(vec![address(), address()]);
        domain.password = "wr0ng-password".to_owned().into();
    })
    .await;
    assert_complaints(&findings, &[(Failure, "result 49")]);
    assert!(findings[0].remedy.as_ref().unwrap().contains("password"));
}
