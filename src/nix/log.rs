//! What Nix says of its work with `--log-format internal-json`, the same in 2.8 to 2.34: lines `@nix {…}`, others in between.

use std::collections::HashMap;
use std::io::BufRead;

use serde::Deserialize;

use super::run::each_line;

/// An activity that is one build.
const BUILD: u64 = 105;

/// An activity that is the fetch of one path from a cache.
const SUBSTITUTE: u64 = 108;

/// A result that is a line of a build's log.
const LOG_LINE: u64 = 101;

/// Messages up to this level are shown by default.
const INFO: u64 = 3;

/// Something that Nix says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard<'a> {
    /// A line for people, free of colours: a message, or `name> ` and a line of that derivation's log.
    Line(&'a str),
    /// A build begins: the path of its derivation.
    Building(&'a str),
    /// A build says a line.
    Says(&'a str, &'a str),
    /// A build ended, well or not.
    Ended(&'a str),
    /// This store path comes from a cache.
    Substituting(&'a str),
}

/// Reads all that Nix says, line by line, and tells what is heard as it comes. Lines are cut as in [`each_line`].
pub fn listen(from: impl BufRead, hear: &mut dyn FnMut(Heard)) -> anyhow::Result<()> {
    let mut log = Log::default();
    each_line(from, &mut |line| log.read(line, hear))
}

/// What is known of the work so far.
#[derive(Default)]
struct Log {
    /// The derivations that are being built, by activity.
    builds: HashMap<u64, String>,
}

#[derive(Deserialize)]
struct Message {
    action: String,
    #[serde(default)]
    id: u64,
    #[serde(default, rename = "type")]
    kind: u64,
    #[serde(default)]
    level: u64,
    #[serde(default)]
    text: String,
    #[serde(default)]
    msg: String,
    #[serde(default)]
    fields: Vec<serde_json::Value>,
}

impl Log {
    /// Reads a line.
    fn read(&mut self, line: &[u8], hear: &mut dyn FnMut(Heard)) {
        let json = line.strip_prefix(b"@nix ").and_then(|json| serde_json::from_slice::<Message>(json).ok());
        let Some(message) = json else {
            plain(line).iter().for_each(|line| hear(Heard::Line(line)));
            return;
        };
        match message.action.as_str() {
            "msg" if message.level <= INFO => {
                plain(message.msg.as_bytes()).iter().for_each(|line| hear(Heard::Line(line)));
            }
            "start" => {
                match (message.kind, message.fields.first().and_then(serde_json::Value::as_str)) {
                    (BUILD, Some(drv)) => {
                        hear(Heard::Building(drv));
                        self.builds.insert(message.id, drv.to_owned());
                    }
                    (SUBSTITUTE, Some(path)) => hear(Heard::Substituting(path)),
                    _ => {}
                }
                if message.level <= INFO {
                    plain(message.text.as_bytes()).iter().for_each(|line| hear(Heard::Line(line)));
                }
            }
            "result" if message.kind == LOG_LINE => {
                let text = message.fields.first().and_then(serde_json::Value::as_str).unwrap_or_default();
                let Some(drv) = self.builds.get(&message.id) else { return };
                for line in plain(text.as_bytes()) {
                    hear(Heard::Says(drv, &line));
                    hear(Heard::Line(&format!("{}> {line}", drv_name(drv))));
                }
            }
            "stop" => {
                if let Some(drv) = self.builds.remove(&message.id) {
                    hear(Heard::Ended(&drv));
                }
            }
            _ => {}
        }
    }
}

/// Returns the name of a derivation: `pytest` of `/nix/store/…-pytest.drv`.
pub fn drv_name(drv: &str) -> &str {
    let base = drv.rsplit('/').next().unwrap_or(drv);
    let name = base.split_once('-').map_or(base, |(_, name)| name);
    name.strip_suffix(".drv").unwrap_or(name)
}

/// Returns the lines of what a program wrote, without colours and carriage returns.
pub(super) fn plain(bytes: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(bytes);
    let text = anstream::adapter::strip_str(&text).to_string();
    text.split(['\n', '\r']).map(str::trim_end).filter(|line| !line.is_empty()).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_build_is_heard() {
        let said = [
            r#"@nix {"action":"start","fields":["/nix/store/abc-make-check.drv","",1,1],"id":7,"level":3,"text":"building it","type":105}"#,
            r#"@nix {"action":"result","fields":["\u001b[31mno\u001b[0m"],"id":7,"type":101}"#,
            r#"@nix {"action":"result","fields":["of nobody"],"id":8,"type":101}"#,
            r#"@nix {"action":"result","fields":[0,1,0,0],"id":7,"type":105}"#,
            r#"@nix {"action":"stop","id":7}"#,
            r#"@nix {"action":"msg","column":null,"level":0,"msg":"\u001b[31;1merror:\u001b[0m a\n  b"}"#,
            r#"@nix {"action":"msg","level":5,"msg":"chatter"}"#,
            "@nix {",
            "plain\r",
        ];
        let (mut log, mut heard) = (Log::default(), Vec::new());
        for line in said {
            log.read(line.as_bytes(), &mut |it| heard.push(format!("{it:?}")));
        }
        let drv = "\"/nix/store/abc-make-check.drv\"";
        let expected = [
            format!("Building({drv})"),
            "Line(\"building it\")".to_owned(),
            format!("Says({drv}, \"no\")"),
            "Line(\"make-check> no\")".to_owned(),
            format!("Ended({drv})"),
            "Line(\"error: a\")".to_owned(),
            "Line(\"  b\")".to_owned(),
            "Line(\"@nix {\")".to_owned(),
            "Line(\"plain\")".to_owned(),
        ];
        assert_eq!(heard, expected);
    }

    #[test]
    fn lines_are_plain() {
        assert_eq!(plain(b"\x1b[31merror:\x1b[0m no\r\n\n  at x\n"), ["error: no", "  at x"]);
    }
}
