//! Command lines in JavaScript that an agent wrote to call its tools: `tools.exec_command({cmd: "make", workdir: "/x"})`.
//!
//! Only literals are read; a command that the script puts together is not known.

/// Something of a script.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    Name(String),
    Text(String),
    Sign(char),
}

/// Returns the fields of each object literal with which one of these functions is called, as far as they are texts.
pub(super) fn calls(script: &str, functions: &[&str]) -> Vec<Vec<(String, String)>> {
    let tokens = tokens(script);
    let begins = |at: &usize| match &tokens[*at..] {
        [Token::Name(name), Token::Sign('('), Token::Sign('{'), ..] => functions.contains(&name.as_str()),
        _ => false,
    };
    (0..tokens.len()).filter(begins).map(|at| fields(&tokens[at + 3..])).collect()
}

/// Returns the fields at the top of an object whose brace is open.
fn fields(tokens: &[Token]) -> Vec<(String, String)> {
    let mut fields = Vec::new();
    let mut depth = 0_usize;
    for (at, token) in tokens.iter().enumerate() {
        match token {
            Token::Sign('{' | '(' | '[') => depth += 1,
            Token::Sign('}' | ')' | ']') if depth == 0 => break,
            Token::Sign('}' | ')' | ']') => depth -= 1,
            _ => {}
        }
        let begins = at == 0 || tokens[at - 1] == Token::Sign(',');
        if depth > 0 || !begins {
            continue;
        }
        if let [
            Token::Name(name) | Token::Text(name),
            Token::Sign(':'),
            Token::Text(text),
            Token::Sign(',' | '}'),
            ..,
        ] = &tokens[at..]
        {
            fields.push((name.clone(), text.clone()));
        }
    }
    fields
}

fn tokens(script: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut rest = script;
    while let Some(first) = rest.chars().next() {
        if let Some(comment) = rest.strip_prefix("//") {
            rest = comment.split_once('\n').map_or("", |(_, rest)| rest);
        } else if let Some(comment) = rest.strip_prefix("/*") {
            rest = comment.split_once("*/").map_or("", |(_, rest)| rest);
        } else if matches!(first, '"' | '\'' | '`') {
            let (token, after) = text(&rest[1..], first);
            tokens.push(token);
            rest = after;
        } else if first.is_alphanumeric() || "_$".contains(first) {
            let end = rest.find(|c: char| !c.is_alphanumeric() && !"_$".contains(c)).unwrap_or(rest.len());
            tokens.push(Token::Name(rest[..end].to_owned()));
            rest = &rest[end..];
        } else {
            if !first.is_whitespace() {
                tokens.push(Token::Sign(first));
            }
            rest = &rest[first.len_utf8()..];
        }
    }
    tokens
}

/// Reads a text up to its closing quote; one with `${…}` in it is no literal.
fn text(script: &str, quote: char) -> (Token, &str) {
    let mut out = String::new();
    let mut literal = true;
    let mut chars = script.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            _ if c == quote => {
                let token = if literal { Token::Text(out) } else { Token::Sign('`') };
                return (token, &script[at + c.len_utf8()..]);
            }
            '\\' => match chars.next().map(|(_, c)| c) {
                Some('n') => out.push('\n'),
                Some('t') => out.push('\t'),
                Some('r') => out.push('\r'),
                Some('\n') | None => {}
                Some('u') => {
                    let digits: String = chars.by_ref().take(4).map(|(_, c)| c).collect();
                    let code = u32::from_str_radix(&digits, 16).ok().and_then(char::from_u32);
                    literal &= code.is_some();
                    out.extend(code);
                }
                Some('x') => {
                    let digits: String = chars.by_ref().take(2).map(|(_, c)| c).collect();
                    out.extend(u8::from_str_radix(&digits, 16).ok().map(char::from));
                }
                Some(other) => out.push(other),
            },
            '$' if quote == '`' && script[at..].starts_with("${") => {
                literal = false;
                out.push(c);
            }
            _ => out.push(c),
        }
    }
    (Token::Sign('`'), "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_of_calls() {
        let script = r#"
            // tools.exec_command({cmd: "no"})
            const a = await tools.exec_command({"cmd":"cargo test | tail -3","workdir":"/x", yield_time_ms: 1000});
            const [b, c] = await Promise.all([tools.exec_command({ cmd: 'echo \'hi\'', opts: {cmd: "inner"} }),
              tools.exec_command({cmd: `make
check`,})]);
            await tools.exec_command({cmd: `rm ${x}`}); await tools.exec_command({cmd}); text("exec_command({cmd: 1})");
        "#;
        let lines: Vec<_> = calls(script, &["exec_command"])
            .into_iter()
            .filter_map(|fields| fields.into_iter().find(|(name, _)| name == "cmd"))
            .map(|(_, line)| line)
            .collect();
        assert_eq!(lines, ["cargo test | tail -3", "echo 'hi'", "make\ncheck"]);
        for hostile in ["\"", "`${", "'\\", "exec_command({", "/*", "\"\\u12", "exec_command({cmd:"] {
            assert!(calls(hostile, &["exec_command"]).iter().all(Vec::is_empty));
        }
    }
}
