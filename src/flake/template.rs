//! The template's environment: every value becomes Nix source, so that a template cannot forget to escape.

use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Value, ValueKind};
use minijinja::{AutoEscape, Environment, Error, ErrorKind, Output, State, UndefinedBehavior};

/// Marks text as Nix source. Only what is built from parsed types and fixed words may pass here.
pub(super) fn source(text: impl Into<String>) -> Value {
    Value::from_safe_string(text.into())
}

/// Returns the template environment: names that are missing are errors, strings become Nix strings, numbers stay, and
/// nothing else can be printed.
pub(super) fn environment() -> Environment<'static> {
    let mut environment = Environment::empty();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_auto_escape_callback(|_| AutoEscape::Custom("nix".into()));
    environment.set_formatter(format);
    let syntax = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).keep_trailing_newline(true).build();
    environment.set_syntax(syntax.expect("the default delimiters"));
    environment
}

fn format(out: &mut Output, _state: &mut State, value: &Value) -> Result<(), Error> {
    let written = match (value.kind(), value.as_str()) {
        (ValueKind::String, Some(text)) if value.is_safe() => out.write_str(text),
        (ValueKind::String, Some(text)) => match nix_string(text) {
            Some(literal) => out.write_str(&literal),
            None => return Err(Error::new(ErrorKind::BadEscape, "text with control characters cannot enter a flake")),
        },
        (ValueKind::Number, _) if value.is_integer() => out.write_str(&value.to_string()),
        (kind, _) => return Err(Error::new(ErrorKind::BadEscape, format!("a {kind} cannot be written as Nix"))),
    };
    written.map_err(Error::from)
}

/// Returns text as a Nix string literal (Nix manual, "String"; equal in 2.8, 2.26 and 2.34); none when it is not printable
/// ASCII.
pub fn nix_string(text: &str) -> Option<String> {
    if !text.bytes().all(|b| (0x20..=0x7e).contains(&b)) {
        return None;
    }
    let escaped = text.replace('\\', "\\\\").replace('"', "\\\"").replace("${", "\\${");
    Some(format!("\"{escaped}\""))
}
