//! `postern client doctor ID`.

use anyhow::bail;

use crate::{
    base::id::ClientId,
    cli::{client::unknown, place::Place, world::World},
    flows::doctor::{Finding, Level, examine},
};

/// Fails when there is a problem, so that a script notices.
pub(super) async fn run(id: &ClientId, json: bool, place: &Place, world: &mut World) -> anyhow::Result<()> {
    let app = world.app(place).await?;
    let client = app
        .provider
        .clients
        .find(id.as_str())
        .ok_or_else(|| unknown(id))?;
    let findings = examine(&app.provider, &client);
    world.output.result(json, &findings, || shown(&findings))?;
    let problems = findings
        .iter()
        .filter(|finding| finding.level == Level::Problem)
        .count();
    if problems > 0 {
        bail!("{id} has {problems} problem(s); what to change stands above");
    }
    Ok(())
}

fn shown(findings: &[Finding]) -> String {
    let line = |finding: &Finding| {
        let mark = match finding.level {
            Level::Good => "good   ",
            Level::Advice => "advice ",
            Level::Problem => "PROBLEM",
        };
        format!("{mark}  {}: {}", finding.about, finding.says)
    };
    findings.iter().map(line).collect::<Vec<_>>().join("\n")
}
