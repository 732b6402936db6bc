//! The self check: whether the account can read keys, and no more than that.

use clavis_broker::ports::{Finding, Severity};
use uuid::Uuid;

use super::{ActiveDirectoryEscrow, records};
use crate::active_directory::{
    Scope, Search, Trouble, and, base_finding, guid_base, present, trouble_finding, wide_membership,
};

const DELEGATE: &str = "Delegate the two rights named in the handbook on the container that holds \
                        the computers: to see recovery records, and to read their passwords.";

/// Tries everything that the backend needs.
pub(super) async fn check(escrow: &ActiveDirectoryEscrow) -> Vec<Finding> {
    let (mut findings, usable) = escrow.domain.check().await;
    if !usable {
        return findings;
    }
    let base = match escrow.base().await {
        Ok(base) => base,
        Err(trouble) => {
            findings.push(trouble_finding(
                "The domain's root cannot be read",
                &trouble,
            ));
            return findings;
        }
    };
    let base_found = base_finding(&escrow.domain, base).await;
    let there = base_found.severity == Severity::Ok;
    findings.push(base_found);
    if !there {
        return findings;
    }
    match rights(escrow, base).await {
        Ok(found) => findings.extend(found),
        Err(trouble) => findings.push(trouble_finding("The rights cannot be tried", &trouble)),
    }
    findings.extend(wide_membership(&escrow.domain).await);
    findings
}

/// Where records are looked for to try the rights on.
struct Sample {
    base: String,
    scope: Scope,
    what: String,
}

async fn rights(escrow: &ActiveDirectoryEscrow, base: &str) -> Result<Vec<Finding>, Trouble> {
    let mut findings = Vec::new();
    let sample = if let Some(name) = &escrow.known_device {
        match known_device(escrow, name).await? {
            Ok(sample) => sample,
            Err(finding) => return Ok(vec![finding]),
        }
    } else {
        findings.push(Finding::warning(
            "No device that is known to have a key is set.",
            "Set `known_device`, so that a loss of rights can be told from an empty directory.",
        ));
        Sample {
            base: base.to_owned(),
            scope: Scope::Subtree,
            what: "any device".into(),
        }
    };
    let read = reading(escrow, &sample).await?;
    let is_read = read.severity == Severity::Ok;
    findings.push(read);
    if is_read {
        findings.extend(too_much(escrow, &sample).await?);
    }
    Ok(findings)
}

/// The known device's records, or why there is no trying.
async fn known_device(
    escrow: &ActiveDirectoryEscrow,
    name: &str,
) -> Result<Result<Sample, Finding>, Trouble> {
    let devices = escrow.find(name).await?;
    let [device] = devices.as_slice() else {
        let found = match devices.len() {
            0 => "is not found under the search base",
            _ => "is the name of several devices",
        };
        return Ok(Err(Finding::failure(
            format!("The known device {name} {found}."),
            "Set `known_device` to a device under the search base that has a key, by its DNS name.",
        )));
    };
    let guid = Uuid::parse_str(&device.id.native)
        .map_err(|_| Trouble::Nonsense("a device has no objectGUID".into()))?;
    Ok(Ok(Sample {
        base: guid_base(guid),
        scope: Scope::OneLevel,
        what: format!("the known device {name}"),
    }))
}

/// Whether records are seen and their passwords may be read. Both are asked by filters, which
/// the directory answers by the same rights, so that no key leaves it.
async fn reading(escrow: &ActiveDirectoryEscrow, sample: &Sample) -> Result<Finding, Trouble> {
    let what = &sample.what;
    if !any(escrow, sample, records::CLASS.into()).await? {
        // The directory answers both alike; only a device that is known to have a key tells.
        let why = match sample.scope {
            Scope::OneLevel => {
                "though `known_device` says that it has a key: the account may not see recovery \
                 records"
            }
            _ => {
                "and without `known_device` it cannot be told whether none is escrowed or the \
                 account may not see them"
            }
        };
        return Ok(Finding::failure(
            format!("No recovery record of {what} is seen, {why}."),
            DELEGATE,
        ));
    }
    let readable = and(records::CLASS, &present(records::PASSWORD));
    let finding = if any(escrow, sample, readable).await? {
        Finding::ok(format!("The recovery key of {what} can be read."))
    } else {
        Finding::failure(
            format!("Records of {what} are seen, but the account may not read their passwords."),
            DELEGATE,
        )
    };
    Ok(finding)
}

/// Rights that a broker of keys has no use for.
async fn too_much(
    escrow: &ActiveDirectoryEscrow,
    sample: &Sample,
) -> Result<Vec<Finding>, Trouble> {
    let mut findings = Vec::new();
    let packages = and(records::CLASS, &present(records::PACKAGE));
    if any(escrow, sample, packages).await? {
        findings.push(Finding::excess(
            "The account may read key packages, which Clavis never needs.",
            "Delegate reading of the recovery password alone.",
            ["reading key packages"],
        ));
    }
    if may_write(escrow, sample).await? {
        findings.push(Finding::excess(
            "The account may change recovery records.",
            "Take its right to write from it.",
            ["changing recovery records"],
        ));
    }
    if findings.is_empty() {
        findings.push(Finding::ok(
            "The account may neither read key packages nor change recovery records.",
        ));
    }
    Ok(findings)
}

/// Whether the account may change a record, by what the directory itself says about it
/// (`allowedAttributesEffective` and `sDRightsEffective`, `[MS-ADTS]`, section 3.1.1.4.5).
async fn may_write(escrow: &ActiveDirectoryEscrow, sample: &Sample) -> Result<bool, Trouble> {
    let attributes = ["allowedAttributesEffective", "sDRightsEffective"];
    let search = Search::new(
        &sample.base,
        sample.scope,
        records::CLASS.into(),
        &attributes,
    );
    let found = escrow.domain.search(&search.at_most(1)).await?;
    let Some(record) = found.first() else {
        return Ok(false);
    };
    let writable = record.all_bytes("allowedAttributesEffective").any(|name| {
        // Samba counts these two as writable for whoever may read them.
        ![records::PASSWORD, records::PACKAGE]
            .iter()
            .any(|known| name.eq_ignore_ascii_case(known.as_bytes()))
    });
    let rights = record.text("sDRightsEffective").unwrap_or("0");
    Ok(writable || rights != "0")
}

async fn any(
    escrow: &ActiveDirectoryEscrow,
    sample: &Sample,
    filter: String,
) -> Result<bool, Trouble> {
    let search = Search::any(&sample.base, sample.scope, filter);
    Ok(!escrow.domain.search(&search).await?.is_empty())
}
