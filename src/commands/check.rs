//! `clavis check`: reads the configuration, then tries each part for real.

mod approvers;
mod front_door;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clavis_backends::Supplies;
use clavis_backends::entra::Uses;
use clavis_broker::causes::with_causes;
use clavis_broker::ports::{
    Clock, Directory, EscrowBackend, Finding, GroupName, Ledger, Severity, Store,
};
use clavis_broker::roles::Role;
use clavis_broker::service::cursors_ahead;
use clavis_config::settings::SignInProxy;

use crate::assemble::Settings;
use crate::output::say;
use crate::system::SystemClock;
use crate::{Outcome, assemble};

/// How many open requests are looked through.
const MOST_OPEN: usize = 1000;

/// Prints a line for each finding, with a remedy under each that wants one. Fails where something
/// does not work; a warning alone does not. Of several files, each is tried under its name.
pub(crate) async fn run(configs: &[PathBuf]) -> Outcome {
    let loaded = match assemble::load_all(configs) {
        Ok(loaded) => loaded,
        Err(problems) => {
            say!("{problems}");
            let count = problems.iter().count();
            say!(
                "\n{count} problem{} in the configuration. Nothing was tried.",
                if count == 1 { "" } else { "s" }
            );
            return Ok(ExitCode::FAILURE);
        }
    };
    let mut worst = Severity::Ok;
    for (at, (config, settings)) in loaded.iter().enumerate() {
        if loaded.len() > 1 {
            say!("{}{}:", if at > 0 { "\n" } else { "" }, config.display());
        }
        say!("ok       configuration: {} is sound", config.display());
        worst = worst.max(check(config, settings).await);
    }
    let verdict = match worst {
        Severity::Ok => "Everything works.",
        Severity::Warning => "Everything works, and somebody should look at the warnings.",
        Severity::Failure => "Clavis cannot do its work like this.",
    };
    say!("\n{verdict}");
    Ok(if worst == Severity::Failure {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

/// Tries what one configuration names, and prints what was found; gives the worst of it.
async fn check(config: &Path, settings: &Settings) -> Severity {
    if let Some(proxy) = &settings.sign_in.proxy {
        print("sign-in proxy", &check_proxy(proxy));
    }
    let supplies = assemble::supplies(settings);
    let mailer = assemble::mailer(settings, &supplies);
    let hook = assemble::hook(settings);
    let check_hook = async {
        match &hook {
            Some(hook) => hook.check().await,
            None if settings.alarms.is_nobody() => vec![Finding::warning(
                "nobody is told of alarms",
                "Name addresses or a webhook in [alarms].",
            )],
            None => Vec::new(),
        }
    };
    let (store, people, mail, escrow, providers, alarms, feeds, told, desks) = tokio::join!(
        check_store(settings),
        check_directory(settings, &supplies),
        mailer.check(),
        check_escrow(settings, &supplies),
        check_providers(settings, &supplies),
        check_hook,
        check_feeds(settings),
        check_told(settings),
        check_desks(settings, &supplies)
    );
    let mut worst = Severity::Ok;
    let sections = [
        ("store", store),
        ("mail", mail),
        ("alarms", alarms),
        ("directory", people),
    ];
    let sections = sections.into_iter();
    let sections = sections.map(|(name, findings)| (name.to_owned(), findings));
    let door = front_door::findings(&settings.server, config, SystemClock.now());
    let door = std::iter::once(("server".to_owned(), door));
    let sections = door.chain(sections).chain(escrow);
    let sections = sections
        .chain(providers)
        .chain(desks)
        .chain(feeds)
        .chain(told);
    let sections = sections.chain([("audit".to_owned(), check_audit(settings).await)]);
    for (part, findings) in sections.chain(idle(settings)) {
        for finding in findings {
            worst = worst.max(finding.severity);
            print(&part, &finding);
        }
    }
    worst
}

/// Whether what the log says can be proved, and to whom.
async fn check_audit(settings: &Settings) -> Vec<Finding> {
    let Some(signer) = &settings.audit.signer else {
        return vec![Finding::warning(
            "nothing of the audit log is signed, so nobody can prove later that it was not changed",
            "Make a key with `clavis audit new-key`, and name its file in `signing_key_file` of [audit].",
        )];
    };
    let key = signer.verifier();
    let mut findings = vec![Finding::ok(format!(
        "checkpoints of the log are signed; whoever checks them needs this key: {key}"
    ))];
    let sinks = assemble::checkpoint_sinks(settings);
    for sink in &sinks {
        findings.extend(sink.check().await);
    }
    if sinks.is_empty() && settings.audit.mail.is_empty() {
        findings.push(Finding::warning(
            "checkpoints of the log are kept in its own database alone, where whoever changes the log can change them as well",
            "Name a folder elsewhere in `checkpoint_folder` of [audit], auditors in `checkpoint_mail`, or a program in `checkpoint_webhook`.",
        ));
    }
    findings
}

/// The applications that nothing uses, which nobody has tried.
fn idle(settings: &Settings) -> impl Iterator<Item = (String, Vec<Finding>)> {
    let names = settings.entra.iter().map(|entra| entra.name.as_str());
    let idle = names.filter(|name| assemble::uses(name, settings) == Uses::default());
    idle.map(|name| {
        let finding = Finding::warning(
            "nothing uses this application, so it was not tried",
            format!(
                "Name it in `entra` of the section that is to use it, or remove [entra.{name}]."
            ),
        );
        (format!("entra {name}"), vec![finding])
    })
}

fn print(part: &str, finding: &Finding) {
    let word = match finding.severity {
        Severity::Ok => "ok",
        Severity::Warning => "warning",
        Severity::Failure => "FAILURE",
    };
    say!("{word:<8} {part}: {}", finding.what);
    if let Some(remedy) = &finding.remedy {
        say!("         {remedy}");
    }
}

async fn check_store(settings: &Settings) -> Vec<Finding> {
    match assemble::store(settings) {
        Ok(store) => {
            let mut findings = store.check().await;
            findings.push(check_clock(&store).await);
            findings.extend(check_cursors(&store).await);
            findings
        }
        Err(error) => vec![Finding::failure(
            with_causes(&error),
            "Check `path` in [store]: its folder must exist and belong to the account that Clavis runs as.",
        )],
    }
}

/// A clock that has gone back would make links live longer than they say.
async fn check_clock(store: &dyn Store) -> Finding {
    let now = SystemClock.now();
    match store.latest().await {
        Ok(Some(latest)) if latest > now => Finding::failure(
            format!("the clock shows {now:.0}, but the audit log has a row of {latest:.0}"),
            "Set the clock and keep it with NTP (`timedatectl set-ntp true`). Where the clock is right, it was ahead when the row was written, or somebody has written the row past Clavis: run `clavis audit verify`.",
        ),
        Ok(_) => Finding::ok(format!(
            "the clock shows {now:.0}, not before the last row of the audit log"
        )),
        Err(error) => Finding::failure(with_causes(&error), "Check the database file."),
    }
}

/// Somebody whose place is beyond the end of the log passes over what comes next.
async fn check_cursors(store: &dyn Ledger) -> Vec<Finding> {
    let ahead = match cursors_ahead(store, SystemClock.now()).await {
        Ok(ahead) => ahead,
        Err(error) => {
            return vec![Finding::failure(
                with_causes(&error),
                "Check the database file.",
            )];
        }
    };
    let finding = |name: String| {
        Finding::failure(
            format!(
                "the cursor `{name}` of the audit log is beyond the end of the log, or of the time"
            ),
            "Somebody has written in the database, or the clock was ahead: run `clavis audit verify`. The daemon puts it back, and tells of it.",
        )
    };
    ahead.into_iter().map(finding).collect()
}

async fn check_directory(settings: &Settings, supplies: &Supplies) -> Vec<Finding> {
    let directory = match assemble::directory(settings, supplies) {
        Ok(directory) => directory,
        Err(problems) => return vec![Finding::failure(problems.to_string(), "Mend the file.")],
    };
    let mut findings = directory.check().await;
    if findings
        .iter()
        .any(|finding| finding.severity == Severity::Failure)
    {
        return findings;
    }
    let has_domains = settings.organisation.mail_domains.is_some();
    findings.extend(approvers::check(&*directory, &settings.policy, has_domains).await);
    if settings.alarms.is_nobody() && settings.policy.groups().next().is_some() {
        findings.push(Finding::warning(
            "nobody is told when a group of [approval] is gone or empty, and requests are refused for it",
            "Name an address in `mail` of [alarms].",
        ));
    }
    for (role, group) in settings.roles.groups() {
        findings.push(check_group(&*directory, role, group).await);
    }
    findings
}

/// A group that gives a role: one that is not there gives it to nobody.
async fn check_group(directory: &dyn Directory, role: Role, group: &GroupName) -> Finding {
    let (setting, name) = (role.setting(), &group.0);
    let remedy = format!("Change `{setting}` in [roles], or the group in the directory.");
    match directory.members(group).await {
        Ok(Some(members)) => match members.len() {
            0 => Finding::warning(
                format!(
                    "the group {name} of `{setting}` has no members, so it gives nobody the role"
                ),
                remedy,
            ),
            1 => Finding::ok(format!("the group {name} of `{setting}` has 1 member")),
            many => Finding::ok(format!(
                "the group {name} of `{setting}` has {many} members"
            )),
        },
        Ok(None) => Finding::failure(
            format!(
                "the group {name} of `{setting}` is unknown to the directory, so it gives nobody the role"
            ),
            remedy,
        ),
        Err(error) => Finding::failure(
            format!(
                "the group {name} of `{setting}` cannot be looked up: {}",
                with_causes(&error)
            ),
            remedy,
        ),
    }
}

async fn check_escrow(settings: &Settings, supplies: &Supplies) -> Vec<(String, Vec<Finding>)> {
    let mut sections = Vec::new();
    for escrow in &settings.escrow {
        let findings = match escrow.plan.backend(&escrow.name, supplies) {
            Ok(backend) => EscrowBackend::check(&*backend).await,
            Err(problems) => vec![Finding::failure(problems.to_string(), "Mend the file.")],
        };
        sections.push((format!("escrow {}", escrow.name), findings));
    }
    sections
}

/// Whether the proxy takes the header out of what clients send cannot be tried from here.
fn check_proxy(proxy: &SignInProxy) -> Finding {
    let from: Vec<_> = proxy.from.iter().map(ToString::to_string).collect();
    let what = format!(
        "whom {} names in the header {} may sign in as that person",
        from.join(" or "),
        proxy.header
    );
    if proxy
        .from
        .iter()
        .any(|from| from.to_canonical().is_loopback())
    {
        return Finding::warning(
            format!("{what}; that is whoever has an account on this machine, too"),
            "Let nobody else work on this machine, or the proxy on another one.",
        );
    }
    Finding::ok(what)
}

async fn check_providers(settings: &Settings, supplies: &Supplies) -> Vec<(String, Vec<Finding>)> {
    let site = assemble::site(settings);
    let mut sections = Vec::new();
    for provider in assemble::providers(settings, supplies, &site) {
        let name = format!("sign-in {}", provider.name());
        sections.push((name, provider.check().await));
    }
    sections
}

async fn check_desks(settings: &Settings, supplies: &Supplies) -> Vec<(String, Vec<Finding>)> {
    let mut sections = Vec::new();
    for desk in assemble::desks(settings, supplies) {
        let name = format!("desk {}", desk.system.name());
        sections.push((name, desk.system.check().await));
    }
    sections.extend(orphans(settings).await);
    sections
}

/// Desks that open requests belong to, and that the settings name no more.
async fn orphans(settings: &Settings) -> Vec<(String, Vec<Finding>)> {
    let Ok(store) = assemble::store(settings) else {
        return Vec::new();
    };
    let open = store.open_requests(MOST_OPEN).await.unwrap_or_default();
    let mut desks: BTreeMap<String, usize> = BTreeMap::new();
    for stored in open {
        if let Some(ticket) = stored.request.ticket_name() {
            let is_there = settings.desks.iter().any(|desk| desk.name == ticket.desk);
            *desks.entry(ticket.desk.0.clone()).or_default() += usize::from(!is_there);
        }
    }
    let orphans = desks.into_iter().filter(|(_, count)| *count > 0);
    let finding = |(desk, count): (String, usize)| {
        let what = format!(
            "Open requests belong to tickets of this desk ({count}), and no [[desks]] section has its name."
        );
        let remedy = "Give the section its old name back, at least until they have ended: their keys \
                      are not shown, and their tickets are not told.";
        (format!("desk {desk}"), vec![Finding::failure(what, remedy)])
    };
    orphans.map(finding).collect()
}

async fn check_feeds(settings: &Settings) -> Vec<(String, Vec<Finding>)> {
    let mut sections = Vec::new();
    for sink in assemble::sinks(settings) {
        sections.push((format!("feed {}", sink.name()), sink.check().await));
    }
    sections
}

/// Whether programs and channels elsewhere can be reached. They are told nothing.
async fn check_told(settings: &Settings) -> Vec<(String, Vec<Finding>)> {
    let mut sections = Vec::new();
    for subscriber in assemble::subscribers(settings) {
        let name = format!("webhook {}", subscriber.name);
        sections.push((name, subscriber.hook.check().await));
    }
    for notifier in assemble::notifiers(settings) {
        let name = format!("notice {}", notifier.name());
        sections.push((name, notifier.check().await));
    }
    sections
}
