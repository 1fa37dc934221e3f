//! `postern audit verify|checkpoint`.

use std::{fs, path::PathBuf};

use anyhow::{Context, bail};
use clap::{Args, Subcommand};

use crate::{
    cli::{failure::Suspicious, moment::Moment, place::Place, world::World},
    flows::audit::{
        newest_checkpoint,
        verify::{Report, Verdict, verify},
    },
};

/// Verify that what happened was not changed since.
#[derive(Debug, Args)]
pub(super) struct AuditCommand {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Read the whole audit trail, compute it again, and say what is wrong with it
    Verify {
        /// Begin at the last checkpoint before this time: a date as 2026-11-22T10:00:00Z, or how long ago, as 2h
        #[arg(long, value_name = "TIME")]
        since: Option<Moment>,
        /// Compare with a checkpoint that was kept elsewhere: what `postern audit checkpoint` printed
        #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
        checkpoint: Option<PathBuf>,
        /// Print the result as JSON
        #[arg(long)]
        json: bool,
    },
    /// Print the newest checkpoint, one signed line, to be kept where nobody reaches it who reaches the database
    Checkpoint,
}

pub(super) async fn run(command: AuditCommand, place: &Place, world: &mut World) -> anyhow::Result<()> {
    match command.verb {
        Verb::Verify {
            since,
            checkpoint,
            json,
        } => {
            let elsewhere = checkpoint.map(|file| {
                fs::read_to_string(&file).with_context(|| format!("{} cannot be read", file.display()))
            });
            let elsewhere = elsewhere.transpose()?;
            let app = world.app(place).await?;
            let since = since.map(|since| since.at(app.provider.clock.now()));
            let report = verify(&app.provider, since, elsewhere.as_deref()).await?;
            world.output.result(json, &report, || shown(&report))?;
            match report.verdict {
                Verdict::Good => Ok(()),
                Verdict::Suspicious => Err(Suspicious.into()),
                Verdict::Wrong => {
                    bail!("the audit trail is not what it was; docs/audit.md says what each finding means")
                }
            }
        }
        Verb::Checkpoint => {
            let app = world.app(place).await?;
            match newest_checkpoint(&app.provider).await? {
                Some(checkpoint) => Ok(world.output.line(checkpoint)?),
                None => bail!("there is no checkpoint yet: a server that runs signs one each minute"),
            }
        }
    }
}

fn shown(report: &Report) -> String {
    let mut lines: Vec<String> = report.findings.iter().map(ToString::to_string).collect();
    if report.more_findings > 0 {
        lines.push(format!("... and {} more", report.more_findings));
    }
    lines.extend(
        report
            .notices
            .iter()
            .map(|notice| format!("Look at this: {notice}.")),
    );
    if report.more_notices > 0 {
        lines.push(format!("... and {} more to look at", report.more_notices));
    }
    if report.events == 0 {
        lines.push("There is no event in the trail.".to_owned());
    } else {
        lines.push(format!(
            "Read: events {} to {} ({}) and {} checkpoints; signed up to {}.",
            report.first, report.last, report.events, report.checkpoints, report.vouched
        ));
    }
    if report.waiting > 0 {
        lines.push(format!(
            "{} events are not in the trail yet: a server that runs takes them in within a second.",
            report.waiting
        ));
    }
    match report.verdict {
        Verdict::Good => lines.push("Nothing is wrong.".to_owned()),
        Verdict::Suspicious => lines.push("Nothing is proven to be wrong.".to_owned()),
        Verdict::Wrong => {}
    }
    lines.join("\n")
}
