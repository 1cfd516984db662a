//! Places of programs.

use super::super::tests::{alone, program};

#[test]
fn names_that_only_stand_for_another() {
    let mut editor = program("/usr/bin/editor");
    editor.resolved = Some("/usr/bin/nano".into());
    assert_eq!(alone(editor), "nano [nano] 1");
    let mut vim = program("/usr/bin/vi");
    vim.resolved = Some("/usr/bin/vim.basic".into());
    assert_eq!(alone(vim), "vim [vi] 1");
}

#[test]
fn what_another_program_brings_is_a_part_of_it() {
    for path in [
        "/usr/lib/node_modules/x/node_modules/y/bin/esbuild",
        "~/.local/lib/python3.11/site-packages/x/bin/rg",
    ] {
        assert_eq!(
            alone(program(path)),
            "p1 ignored: a part of another program",
            "{path}"
        );
    }
}
