//! Names that say what follows is secret, and values that are not.

use super::MARK;

/// How a name of a secret ends, in small letters without `_`, `-` and `.`.
const ENDS: [&str; 24] = [
    "password",
    "passwd",
    "passphrase",
    "passin",
    "passout",
    "storepass",
    "keypass",
    "token",
    "secret",
    "apikey",
    "accesskey",
    "secretkey",
    "privatekey",
    "signingkey",
    "encryptionkey",
    "authkey",
    "accountkey",
    "sharedaccesskey",
    "masterkey",
    "credential",
    "credentials",
    "bearer",
    "sshpass",
    "mysqlpwd",
];

/// Names that are one only when they are the whole of it, or its last part.
const PARTS: [&str; 5] = ["pass", "pwd", "cookie", "auth", "pw"];

/// What stands before `token` where it is a piece of text or of a list.
const OTHER_TOKENS: [&str; 20] = [
    "max",
    "min",
    "num",
    "n",
    "per",
    "pad",
    "eos",
    "bos",
    "unk",
    "mask",
    "cls",
    "sep",
    "stop",
    "special",
    "next",
    "page",
    "continuation",
    "end",
    "start",
    "image",
];

/// Options of this kind take no value.
const SWITCHES: [&str; 16] = [
    "no", "show", "ask", "with", "prompt", "use", "print", "get", "generate", "require", "include", "skip", "hide",
    "check", "validate", "force",
];

/// Folders in which what a name points to lies.
const ROOTS: [&str; 22] = [
    "etc",
    "home",
    "root",
    "run",
    "tmp",
    "var",
    "usr",
    "opt",
    "mnt",
    "dev",
    "proc",
    "srv",
    "nix",
    "workspace",
    "workspaces",
    "app",
    "data",
    "Users",
    "secrets",
    "private",
    "work",
    "testbed",
];

/// The longest placeholder.
const LONGEST: usize = 200;

fn parts(name: &[u8]) -> Vec<String> {
    let lower = String::from_utf8_lossy(name).to_ascii_lowercase();
    lower.split(['_', '-', '.']).filter(|part| !part.is_empty()).map(str::to_owned).collect()
}

/// Returns whether a name (of a variable, an option, a field) says that its value is secret.
pub(super) fn is_secret(name: &[u8]) -> bool {
    let parts = parts(name);
    let Some((last, before)) = parts.split_last() else {
        return false;
    };
    let joined = parts.concat();
    if last == "token" && before.last().is_some_and(|part| OTHER_TOKENS.contains(&part.as_str())) {
        return false;
    }
    if PARTS.contains(&last.as_str()) {
        return match last.as_str() {
            "pwd" => !before.is_empty() && before.last().is_none_or(|part| part != "old"),
            "auth" => name.starts_with(b"_auth") || name.ends_with(b"__auth") || name.starts_with(b"--"),
            _ => true,
        };
    }
    ENDS.iter().any(|end| joined.ends_with(end))
}

/// Returns whether an option whose name says secret takes no value: `--show-token`.
pub(super) fn is_switch(option: &[u8]) -> bool {
    parts(option).first().is_some_and(|first| SWITCHES.contains(&first.as_str()))
}

/// Returns whether a value is a reference or a placeholder in some language: `$TOKEN`, `${{ … }}`, `<token>`, `{token}`, `%s`.
/// What a shell takes literally is one only when it looks very much like it.
pub(super) fn is_reference(value: &[u8], literal: bool) -> bool {
    let second = value.get(1).copied().unwrap_or_default();
    match value.first() {
        Some(b'$') => {
            b"_{(".contains(&second) || second.is_ascii_uppercase() || !literal && second.is_ascii_alphanumeric()
        }
        Some(b'`') => !literal,
        Some(b'<' | b'{') => true,
        Some(b'%') => b"s({".contains(&second),
        _ => is_empty(value),
    }
}

fn is_empty(value: &[u8]) -> bool {
    value.starts_with(MARK.as_bytes()) || !value.iter().any(|byte| byte.is_ascii_alphanumeric() || *byte >= 0x80)
}

/// Returns whether a value in the place of a secret is none.
pub(super) fn is_harmless(value: &[u8], literal: bool) -> bool {
    if value.len() > LONGEST {
        return is_reference(value, literal) || is_path(value);
    }
    let text = String::from_utf8_lossy(value).to_ascii_lowercase();
    let word = matches!(
        text.as_str(),
        "true" | "false" | "yes" | "no" | "none" | "null" | "nil" | "undefined" | "on" | "off" | "string"
    );
    let number = value.len() <= 3 && value.iter().all(u8::is_ascii_digit);
    let crossed_out = value.len() > 2 && text.trim_end_matches(['x', '.', '*']).is_empty();
    let placeholder = text.strip_prefix("your").is_some_and(|rest| rest.starts_with(['-', '_', ' ']))
        || ["...", "…"].iter().any(|end| text.ends_with(end))
        || ["redacted", "[redacted]", "(redacted)"].contains(&text.as_str());
    let elsewhere = ["env:", "file:", "op://", "id=", "type="].iter().any(|start| text.starts_with(start));
    is_reference(value, literal) || word || number || crossed_out || placeholder || elsewhere || is_path(value)
}

/// Returns whether a value is the path of a file, not something that merely begins with a slash.
fn is_path(value: &[u8]) -> bool {
    let value = value.strip_prefix(b"@").unwrap_or(value);
    let relative = ["./", "../", "~/"].iter().any(|start| value.starts_with(start.as_bytes()));
    let root = |name: &str| {
        let rest = value.strip_prefix(b"/").and_then(|rest| rest.strip_prefix(name.as_bytes()));
        rest.is_some_and(|rest| rest.starts_with(b"/"))
    };
    relative || ROOTS.iter().any(|name| root(name))
}
