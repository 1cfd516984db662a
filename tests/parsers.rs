//! Nix and rnix read what is rendered as the same expression. What they differ on is an attack: what a reviewer's tools see is
//! then not what Nix evaluates.

mod support;

use std::fs;
use std::path::Path;

use rnix::SyntaxKind::*;
use rnix::ast::{Expr, InterpolPart, Str};
use rnix::{SyntaxElement, SyntaxNode};
use rowan::ast::AstNode;
use support::{Project, Said, VERSIONS};

#[path = "support/fuzzed.rs"]
mod fuzzed;

/// Writes an expression as rnix understands it: no comments, each part in parentheses, each string by its value.
fn as_understood(node: &SyntaxNode, out: &mut String) {
    let in_names = node.parent().is_some_and(|parent| {
        [NODE_ATTRPATH, NODE_INHERIT, NODE_IDENT_PARAM, NODE_PAT_ENTRY, NODE_PAT_BIND].contains(&parent.kind())
    });
    // The default of a parameter is an expression, its name is none.
    let default = node.parent().is_some_and(|parent| parent.kind() == NODE_PAT_ENTRY) && node.kind() != NODE_IDENT;
    let expression = Expr::can_cast(node.kind()) && (!in_names || default);
    if expression {
        out.push('(');
    }
    match Str::cast(node.clone()) {
        Some(string) => {
            out.push('"');
            for part in string.normalized_parts() {
                match part {
                    InterpolPart::Literal(text) => {
                        let text = text.replace('\\', "\\\\").replace('"', "\\\"").replace('$', "\\$");
                        out.push_str(&text.replace('\n', "\\n").replace('\r', "\\r").replace('\t', "\\t"));
                    }
                    InterpolPart::Interpolation(inside) => {
                        out.push_str("${");
                        inside.expr().iter().for_each(|inside| as_understood(inside.syntax(), out));
                        out.push('}');
                    }
                }
            }
            out.push('"');
        }
        None => {
            for child in node.children_with_tokens() {
                match child {
                    SyntaxElement::Node(child) => as_understood(&child, out),
                    SyntaxElement::Token(token) if matches!(token.kind(), TOKEN_COMMENT | TOKEN_WHITESPACE) => {
                        out.push(' ');
                    }
                    SyntaxElement::Token(token) => out.push_str(token.text()),
                }
            }
        }
    }
    if expression {
        out.push(')');
    }
}

/// Returns what Nix reads: it prints each expression anew. Strings that are written in pieces are one.
fn read_by_nix(project: &Project, texts: &[String]) -> String {
    let list: String = texts.iter().map(|text| format!("(\n{text}\n)\n")).collect();
    project.write("all.nix", &format!("[\n{list}]\n"));
    let output = project.command("nix-instantiate").args(["--parse", "all.nix"]).output().expect("nix");
    Said::from(output).success().stdout.replace("\" + \"", "")
}

fn understood(text: &str) -> String {
    let root = rnix::Root::parse(text);
    assert!(root.errors().is_empty(), "{:?}\n{text}", root.errors());
    let mut out = String::new();
    as_understood(root.tree().expr().expect("an expression").syntax(), &mut out);
    out
}

/// All flakes of the golden sessions, and those that the corpus of the renderer makes.
fn flakes() -> Vec<String> {
    let mut flakes = Vec::new();
    for folder in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures")).expect("fixtures").flatten() {
        flakes.extend(fs::read_to_string(folder.path().join("flake.nix")));
    }
    for file in fs::read_dir(fuzzed::corpus().join("render")).expect("a corpus").flatten() {
        flakes.extend(fuzzed::rendered(&fs::read(file.path()).expect("a file")));
    }
    flakes
}

#[test]
#[ignore = "needs real Nix"]
fn nix_and_rnix_read_the_same() {
    let flakes = flakes();
    assert!(flakes.len() > 30, "{}", flakes.len());
    let understood: Vec<String> = flakes.iter().map(|flake| understood(flake)).collect();
    for version in VERSIONS {
        let project = Project::bare_folder().with_nix(version);
        let (nix, rnix) = (read_by_nix(&project, &flakes), read_by_nix(&project, &understood));
        assert!(nix.contains("make check"), "{nix}");
        assert!(nix == rnix, "{version}: {}", difference(&nix, &rnix));
    }
}

/// The comparison is one: it sees what the two read differently.
#[test]
#[ignore = "needs real Nix"]
fn what_they_read_differently_is_seen() {
    let same =
        ["{ a = 1; }", "x: x + 1", "let a = ''\n  b\n   c ${d}\n''; in a", "{ a ? 1, ... }@b: [ a b.c (b.d or e) ]"];
    let different = ["# argv: foo\r{ evil = 1; } //\n{ ok = 1; }"];
    for version in VERSIONS {
        let project = Project::bare_folder().with_nix(version);
        for text in same {
            let text = text.replace("${d}", "${\"d\"}").replace("e) ]", "1) ]");
            assert_eq!(
                read_by_nix(&project, std::slice::from_ref(&text)),
                read_by_nix(&project, &[understood(&text)]),
                "{text}"
            );
        }
        for text in different {
            assert_ne!(read_by_nix(&project, &[text.to_owned()]), read_by_nix(&project, &[understood(text)]), "{text}");
        }
    }
}

fn difference(a: &str, b: &str) -> String {
    let at = a.bytes().zip(b.bytes()).take_while(|(a, b)| a == b).count();
    let around =
        |text: &str| text.get(at.saturating_sub(100)..(at + 200).min(text.len())).unwrap_or_default().to_owned();
    format!("Nix reads\n{}\nrnix reads\n{}", around(a), around(b))
}
