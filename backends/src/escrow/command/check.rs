//! The self check: whose the program is, what it says of itself, and whether it finds the device
//! that is known to have a key.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use clavis_broker::devices::Device;
use clavis_broker::ports::Finding;
use rustix::process::geteuid;

use super::requests::Call;
use super::settings::open_to_everybody;
use super::trouble::Trouble;
use super::{CommandEscrow, answers};

/// Tries everything that can be tried without a key.
pub(super) async fn check(escrow: &CommandEscrow) -> Vec<Finding> {
    let program = &escrow.program.settings.program;
    let mut findings = Vec::from_iter(file(program));
    match own(escrow).await {
        Ok(found) => findings.extend(found),
        Err(trouble) => {
            findings.push(failure(program, "`check`", &trouble));
            return findings;
        }
    }
    findings.push(match &escrow.known_device {
        Some(name) => match known_device(escrow, name).await {
            Ok(finding) => finding,
            Err((call, trouble)) => failure(program, call, &trouble),
        },
        None => Finding::warning(
            "No device that is known to have a key is set.",
            "Set `known_device`, so that a program that sees nothing can be told from one that has \
             nothing.",
        ),
    });
    findings
}

/// Whoever can write the program can read keys.
fn file(program: &Path) -> Option<Finding> {
    let shown = program.display();
    let about = match (fs::metadata(program), open_to_everybody(program)) {
        (Ok(about), Ok(None)) => about,
        (_, Ok(Some(open))) => {
            return Some(Finding::failure(
                format!("Everybody on this machine may change {}.", open.display()),
                format!(
                    "Run `chmod o-w {}`, and look at what the program is now.",
                    open.display()
                ),
            ));
        }
        (Err(error), _) | (_, Err(error)) => {
            return Some(Finding::failure(
                format!("The program {shown} cannot be looked at: {error}."),
                "Let the user that Clavis runs as reach it, or mend `program`.",
            ));
        }
    };
    let is_a_strangers = about.uid() != 0 && about.uid() != geteuid().as_raw();
    let is_a_groups = about.permissions().mode() & 0o020 != 0 && about.gid() != 0;
    (is_a_strangers || is_a_groups).then(|| {
        Finding::warning(
            format!("Another account than root may change the program {shown}, and so read keys."),
            format!("Run `chown root: {shown}` and `chmod 755 {shown}`."),
        )
    })
}

/// What the program finds.
async fn own(escrow: &CommandEscrow) -> Result<Vec<Finding>, Trouble> {
    let answer = escrow.ask(&Call::Check).await?;
    let findings = answers::findings(answer.bytes())?;
    if findings.is_empty() {
        let program = escrow.program.settings.program.display();
        return Ok(vec![Finding::ok(format!("The program {program} answers."))]);
    }
    Ok(findings)
}

/// Whether the device is found and has a record; or which call failed, and why.
async fn known_device(
    escrow: &CommandEscrow,
    name: &str,
) -> Result<Finding, (&'static str, Trouble)> {
    let devices = escrow.find(name).await.map_err(|it| ("`devices`", it))?;
    let found = match &devices[..] {
        [] => "is not found",
        [Device { id, .. }] => {
            let records = escrow.find_records(id).await;
            if !records.map_err(|it| ("`records`", it))?.is_empty() {
                let what = format!("The known device {name} is found, with its records.");
                return Ok(Finding::ok(what));
            }
            "is found, but none of its records"
        }
        _ => "is the name of several devices",
    };
    Ok(Finding::failure(
        format!("The known device {name} {found}."),
        "Set `known_device` to the name of one device that has a key, or mend what the program sees.",
    ))
}

fn failure(program: &Path, call: &str, trouble: &Trouble) -> Finding {
    let because = std::error::Error::source(trouble).map(|source| format!(": {source}"));
    let aside: Vec<_> = trouble
        .aside()
        .iter()
        .map(|line| format!("\"{line}\""))
        .collect();
    let aside = match &aside[..] {
        [] => String::new(),
        lines => format!(" It wrote to its standard error: {}.", lines.join(", ")),
    };
    Finding::failure(
        format!(
            "The call {call} failed: {trouble}{}.{aside}",
            because.unwrap_or_default()
        ),
        format!(
            "Run {} by hand as the user that Clavis runs as, with a request on its standard input.",
            program.display()
        ),
    )
}
