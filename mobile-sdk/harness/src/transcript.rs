//! Recorded conversations between the core and a host, for every language to replay: what was asked, what was answered,
//! what it ended with. `transcripts/README.md` has the format.
//!
//! The core is a function of what the host tells it, so a conversation that was recorded once with the real server is
//! compared for ever after: other effects are another core.

mod decode;
mod encode;

use std::sync::Arc;

use postern_mobile_core::{Answer, Core, Effect, Header, HttpResponse, Input, Next, Outcome, SdkError, Step};
use serde_json::{Value, json};

use crate::device::Device;

/// A hand in what the device answers.
pub type Instead<'a> = &'a mut dyn FnMut(&Effect) -> Option<Input>;

/// Writes a conversation down while it is held.
pub struct Recorder {
    device: Arc<Device>,
    core: Core,
    process: usize,
    about: &'static str,
    turns: Vec<Value>,
}

impl Recorder {
    /// A device and what the conversation shows.
    pub fn new(device: &Arc<Device>, about: &'static str) -> Self {
        Self {
            device: Arc::clone(device),
            core: Core::new(device.config.clone()).expect("a configuration"),
            process: 1,
            about,
            turns: Vec::new(),
        }
    }

    /// The process is killed and started again.
    pub fn restart(&mut self) {
        self.process += 1;
        self.core = Core::new(self.device.config.clone()).expect("a configuration");
    }

    /// Runs an operation to its end. `call` is as the format has it.
    pub fn run(&mut self, call: &Value) -> Result<Outcome, SdkError> {
        self.run_with(call, &mut |_| None)
    }

    /// The same with other answers.
    pub fn run_with(&mut self, call: &Value, instead: Instead) -> Result<Outcome, SdkError> {
        self.hold(call, instead, &mut |_, _| false).expect("it ends")
    }

    /// Runs an operation until the first effect of this kind is done; there the process is killed, and another one started.
    pub fn kill_after(&mut self, call: &Value, last: &mut dyn FnMut(&Effect, &Input) -> bool) {
        let end = self.hold(call, &mut |_| None, last);
        assert!(end.is_none(), "there was no such effect: {end:?}");
        self.restart();
    }

    fn hold(
        &mut self,
        call: &Value,
        instead: Instead,
        last: &mut dyn FnMut(&Effect, &Input) -> bool,
    ) -> Option<Result<Outcome, SdkError>> {
        let mut operation = decode::start(&self.core, call).expect("a call");
        let mut answer = None;
        let mut steps = Vec::new();
        let end = loop {
            let now = self.device.now();
            let Step { next, events } = operation.step(answer.take(), &now);
            let mut said = encode::said(&now, &events, &next);
            match next {
                Next::Need { id, effect } => {
                    let input = instead(&effect).unwrap_or_else(|| self.device.perform(&effect));
                    said["input"] = encode::input(&input);
                    steps.push(said);
                    if last(&effect, &input) {
                        break None;
                    }
                    answer = Some(Answer { id, input });
                }
                Next::Done { outcome } => {
                    steps.push(said);
                    break Some(Ok(outcome));
                }
                Next::Failed { error } => {
                    steps.push(said);
                    break Some(Err(error));
                }
            }
        };
        self.turns
            .push(json!({ "process": self.process, "call": call, "steps": steps }));
        end
    }

    /// What the core says to an API's answer.
    pub fn seen(&mut self, url: &str, response: &HttpResponse, tries: u32) -> String {
        let call = json!({
            "type": "response_seen", "account": null, "url": url, "status": response.status,
            "headers": encode::headers(&response.headers), "tries": tries,
        });
        let now = self.device.now();
        let verdict = encode::verdict(decode::seen(&self.core, &call, &now).expect("a call"));
        self.turns.push(json!({
            "process": self.process, "call": call, "now": encode::moment(&now), "verdict": verdict,
        }));
        verdict.to_owned()
    }

    /// The whole conversation.
    pub fn transcript(&self) -> Value {
        json!({
            "format": 1, "about": self.about, "config": encode::config(&self.device.config), "turns": self.turns,
        })
    }
}

/// Holds a recorded conversation again. What is different, if anything.
pub fn replay(transcript: &Value) -> Result<(), String> {
    let config = decode::config(&transcript["config"]).ok_or("no configuration")?;
    let mut core = Core::new(config.clone()).map_err(|error| error.to_string())?;
    let mut process = 1;
    for (number, turn) in transcript["turns"]
        .as_array()
        .ok_or("no turns")?
        .iter()
        .enumerate()
    {
        let place = format!("turn {} ({})", number + 1, turn["call"]["type"]);
        if turn["process"] != json!(process) {
            process += 1;
            core = Core::new(config.clone()).map_err(|error| error.to_string())?;
        }
        if turn["call"]["type"] == "response_seen" {
            let now = decode::moment(&turn["now"]).ok_or("no moment")?;
            let verdict = decode::seen(&core, &turn["call"], &now).ok_or("no call")?;
            same(&place, &turn["verdict"], &json!(encode::verdict(verdict)))?;
            continue;
        }
        let mut operation = decode::start(&core, &turn["call"]).ok_or_else(|| format!("{place}: no call"))?;
        let mut answer = None;
        for (number, step) in turn["steps"].as_array().ok_or("no steps")?.iter().enumerate() {
            let place = format!("{place}, step {}", number + 1);
            let now = decode::moment(&step["now"]).ok_or("no moment")?;
            let Step { next, events } = operation.step(answer.take(), &now);
            let mut said = encode::said(&now, &events, &next);
            if let Next::Need { id, .. } = next {
                let input = decode::input(&step["input"]).ok_or_else(|| format!("{place}: no input"))?;
                said["input"] = step["input"].clone();
                answer = Some(Answer { id, input });
            }
            same(&place, step, &said)?;
        }
    }
    Ok(())
}

fn same(place: &str, recorded: &Value, said: &Value) -> Result<(), String> {
    if recorded == said {
        Ok(())
    } else {
        Err(format!("{place}:\nrecorded {recorded:#}\nnow {said:#}"))
    }
}

/// The headers that an API is sent.
pub fn headers_of(outcome: Outcome) -> Option<Vec<Header>> {
    match outcome {
        Outcome::Headers { headers } => Some(headers.headers),
        _ => None,
    }
}
