//! `clavis audit verify`: whether the log is what it was.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clavis_broker::audit::WhyErased;
use clavis_broker::causes::with_causes;
use clavis_broker::ports::Clock;
use clavis_broker::proof::checkpoint::{Checkpoint, NotACheckpoint};
use clavis_broker::proof::examine::{Claim, Report};
use clavis_broker::proof::note::{NoteError, Verifier};
use clavis_broker::service::examine;

use super::{Error, UNJUDGED, known, read, remedy, unread};
use crate::assemble::Settings;
use crate::output::say;
use crate::system::SystemClock;
use crate::{Outcome, assemble, commands};

/// Reads the whole log, and prints what is wrong with it: ends with 1 where something is, with 2 where it
/// could not be judged, and with 0 where it is what it was.
pub(super) async fn run(config: &Path, checkpoints: &[PathBuf], keys: &[String]) -> Outcome {
    let judged = judge(config, checkpoints, keys).await;
    Ok(judged.unwrap_or_else(|error| {
        commands::complain(&with_causes(&*error));
        ExitCode::from(UNJUDGED)
    }))
}

async fn judge(config: &Path, checkpoints: &[PathBuf], keys: &[String]) -> Result<ExitCode, Error> {
    let settings = assemble::load(config)?;
    let known = known(keys, Some(&settings))?;
    let mut evidence = Evidence::default();
    for file in checkpoints {
        let note = read(file, "name the file of a checkpoint")?;
        evidence.add_given(file, &note, &known)?;
    }
    evidence.add_folder(&settings, &known).await;
    let store = assemble::store_to_read(&settings)?;
    let is_from_elsewhere = !evidence.claims.is_empty();
    let report = examine(&store, &known, evidence.claims, SystemClock.now()).await?;
    let mut unjudged = evidence.unjudged;
    unjudged.extend(report.unjudged.iter().map(|it| line(&it.name, &it.why)));
    tell(&report, &unjudged);
    for remark in evidence.remarks {
        commands::remark(&remark);
    }
    let verdict = Verdict::of(&report, &unjudged);
    say!("{}", verdict.words());
    if known.is_empty() {
        commands::remark(
            "No checkpoint was looked at, as no key is known: name one with --key, or in \
             `signing_key_file` of [audit].",
        );
    } else if verdict == Verdict::Sound && !is_from_elsewhere {
        commands::remark(
            "Whoever can change the log can take away what it has kept of its checkpoints: give \
             one from elsewhere with --checkpoint.",
        );
    }
    Ok(verdict.into())
}

/// What the log is held against beside what it has kept itself.
#[derive(Default)]
struct Evidence {
    claims: Vec<Claim>,
    /// What says nothing, and why, line by line.
    unjudged: Vec<String>,
    /// What is to be known of it.
    remarks: Vec<String>,
}

impl Evidence {
    /// A checkpoint that the operator names.
    ///
    /// # Errors
    /// Where the file is none.
    fn add_given(&mut self, file: &Path, note: &str, known: &[Verifier]) -> Result<(), Error> {
        let shown = file.display();
        if let Err(why) = Checkpoint::claimed(note) {
            return Err(format!("{shown} is no checkpoint ({why}): name the file of one").into());
        }
        self.add(shown.to_string(), note, known);
        Ok(())
    }

    /// The largest of the folder that checkpoints are brought to, where one is set.
    async fn add_folder(&mut self, settings: &Settings, known: &[Verifier]) {
        let (Some(folder), Some(sink)) = (
            &settings.audit.folder,
            assemble::checkpoint_folder(settings),
        ) else {
            return;
        };
        let shown = folder.display();
        match sink.largest_files().await {
            Ok(files) if files.is_empty() => self.remarks.push(format!(
                "The folder {shown} has no checkpoint, so the log was held against none from there."
            )),
            Ok(files) => {
                for (file, note) in files {
                    match note {
                        Ok(note) => self.add(file.display().to_string(), &note, known),
                        Err(error) => self.unjudged.push(unread(&file, &error, "take it away")),
                    }
                }
            }
            Err(error) => {
                let what = "see that `checkpoint_folder` of [audit] is mounted";
                self.unjudged.push(unread(folder, &error, what));
            }
        }
    }

    fn add(&mut self, name: String, note: &str, known: &[Verifier]) {
        match Checkpoint::open(note, known) {
            Ok(checkpoint) => self.claims.push(Claim { name, checkpoint }),
            Err(why) => self.unjudged.push(line(&name, &why)),
        }
    }
}

/// Why a checkpoint says nothing, and what to do.
fn line(name: &str, why: &NotACheckpoint) -> String {
    let remedy = match why {
        NotACheckpoint::Note(NoteError::Forged(_)) => {
            "look at it where it was brought to as well, as here somebody has changed it"
        }
        why => remedy(why),
    };
    format!("the checkpoint {name}: {why}: {remedy}")
}

/// What all of it comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    /// It is what it was, as far as checkpoints go.
    Sound,
    /// Something is not as it was written.
    Wrong,
    /// Nothing was found, and something that may speak against it could not be looked at.
    Open,
    /// Nothing was found, and nothing speaks for it but itself.
    ByItself,
}

impl Verdict {
    fn of(report: &Report, unjudged: &[String]) -> Self {
        if !report.problems.is_empty() {
            Self::Wrong
        } else if !unjudged.is_empty() {
            Self::Open
        } else if report.fitting == 0 {
            Self::ByItself
        } else {
            Self::Sound
        }
    }

    fn words(self) -> &'static str {
        match self {
            Self::Sound => "The log is what it was.",
            Self::Wrong => {
                "The log is not what it was. Keep the database as it is; the handbook says what to do \
                 (\"When verify finds something\")."
            }
            Self::Open => {
                "Nothing was found that is not as it was written, but not all was judged: see the lines \
                 above, and verify again."
            }
            Self::ByItself => {
                "The log holds together by itself. No checkpoint was held against it, so it may be \
                 another log than was written: give a checkpoint with `--checkpoint FILE`, or have them \
                 brought to a folder (`checkpoint_folder` of [audit])."
            }
        }
    }
}

impl From<Verdict> for ExitCode {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Sound => Self::SUCCESS,
            Verdict::Wrong => Self::FAILURE,
            Verdict::Open | Verdict::ByItself => Self::from(UNJUDGED),
        }
    }
}

fn tell(report: &Report, unjudged: &[String]) {
    for problem in &report.problems {
        say!("WRONG    {}", commands::shown(&problem.to_string()));
    }
    if report.untold > 0 {
        say!("WRONG    and {} more", report.untold);
    }
    for line in unjudged {
        say!("NOT JUDGED  {}", commands::shown(line));
    }
    say!("rows                    {}", report.rows);
    say!("checkpoints that fit    {}", report.fitting);
    say!(
        "personal fields erased  {}, in {} rows",
        report.erased_fields,
        report.erased_rows
    );
    for erasure in &report.erasures {
        let why = match erasure.why {
            WhyErased::Person => "of a person",
            WhyErased::Age => "for their age",
        };
        say!(
            "erasure in row {}: {}, by {}, {why}, {} fields in {} rows",
            erasure.row,
            erasure.at,
            erasure.by,
            erasure.fields,
            erasure.rows
        );
    }
}

#[cfg(test)]
mod tests {
    use clavis_broker::proof::examine::Problem;

    use super::*;

    #[test]
    fn only_a_log_that_a_checkpoint_fits_and_nothing_speaks_against_is_sound() {
        let unjudged = ["a checkpoint by somebody".to_owned()];
        for (wrong, fitting, unjudged, verdict) in [
            (false, 1, &[][..], Verdict::Sound),
            (false, 0, &[], Verdict::ByItself),
            (false, 1, &unjudged, Verdict::Open),
            (false, 0, &unjudged, Verdict::Open),
            (true, 1, &[], Verdict::Wrong),
            (true, 0, &unjudged, Verdict::Wrong),
        ] {
            let problems = wrong.then_some(Problem::Changed(7));
            let report = Report {
                fitting,
                problems: problems.into_iter().collect(),
                ..Report::default()
            };
            assert_eq!(Verdict::of(&report, unjudged), verdict);
        }
    }
}
