//! Files by which later shells enter a session by themselves: BASH_ENV names the one, ZDOTDIR the folder of the other.
//!
//! They are in the git folder and know no session: which one is open, the environment says. They stay when it is closed, so
//! that shells that still have these variables find them, and then do nothing but read the user's own files.

use std::fs::DirBuilder;
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use anyhow::Context;

use super::Sessions;

/// Their folder; no session can have this name.
const FOLDER: &str = "shell.d";
const BASH: &str = "bash_env";
const ZSH: &str = ".zshenv";

/// Where they are.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The value of BASH_ENV.
    pub bash_env: Vec<u8>,
    /// The value of ZDOTDIR.
    pub zdotdir: PathBuf,
}

impl Sessions {
    /// Writes them, for this program.
    pub fn entry(&self, program: &Path) -> anyhow::Result<Entry> {
        let folder = self.dir.join(FOLDER);
        let write = || -> anyhow::Result<()> {
            DirBuilder::new().recursive(true).mode(0o700).create(&folder)?;
            for (name, text) in
                [(BASH, include_str!("../../templates/entry.bash")), (ZSH, include_str!("../../templates/entry.zsh"))]
            {
                let mut file = tempfile::NamedTempFile::new_in(&folder)?;
                file.write_all(&rendered(text, program))?;
                file.persist(folder.join(name))?;
            }
            Ok(())
        };
        write().with_context(|| format!("failed to write the files for shells into `{}`", folder.display()))?;
        Ok(Entry { bash_env: for_bash(&folder.join(BASH)), zdotdir: folder })
    }
}

/// Returns whether a value of BASH_ENV or ZDOTDIR names a file of ours, of whatever repository.
pub fn is_entry(value: &[u8]) -> bool {
    let ours = |name: &str| value.ends_with(format!("/agent-capture/{FOLDER}{name}").as_bytes());
    ours("") || ours("/bash_env")
}

/// Puts the program's path, quoted, into a file for a shell.
fn rendered(text: &str, program: &Path) -> Vec<u8> {
    let program = quoted(program.as_os_str().as_bytes());
    let mut out = Vec::new();
    for (number, part) in text.split("@program@").enumerate() {
        if number > 0 {
            out.extend_from_slice(&program);
        }
        out.extend_from_slice(part.as_bytes());
    }
    out
}

/// Quotes a word for sh, bash and zsh; it must hold no NUL.
pub fn quoted(word: &[u8]) -> Vec<u8> {
    let mut out = vec![b'\''];
    for byte in word {
        match byte {
            b'\'' => out.extend_from_slice(br"'\''"),
            byte => out.push(*byte),
        }
    }
    out.push(b'\'');
    out
}

/// Returns a path as BASH_ENV names it: bash expands its value as if it were in double quotes.
fn for_bash(path: &Path) -> Vec<u8> {
    let mut out = Vec::new();
    for byte in path.as_os_str().as_bytes() {
        if b"$`\\\"".contains(byte) {
            out.push(b'\\');
        }
        out.push(*byte);
    }
    out
}
