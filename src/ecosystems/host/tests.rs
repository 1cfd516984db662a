//! Places of programs.

use super::super::tests::{alone, owned, program, resolved};

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
    for path in ["/usr/lib/node_modules/x/node_modules/y/bin/esbuild", "~/.local/lib/python3.11/site-packages/x/bin/rg"]
    {
        assert_eq!(alone(program(path)), "p1 ignored: a part of another program", "{path}");
    }
}

#[test]
fn the_owner_decides_between_packages_with_a_program_of_one_name() {
    for (path, package, attr) in [
        ("/usr/bin/ts", "moreutils", "moreutils [ts] 1"),
        ("/usr/bin/jj", "some-package", "jujutsu [jj] 1"),
        ("/usr/bin/etags", "universal-ctags", "universal-ctags [] 1"),
        ("/usr/bin/rgrep", "grep", "p1 ignored: the standard environment has it"),
        ("/usr/bin/corepack", "nodejs", "nodejs [corepack] 1"),
        ("/usr/bin/java", "openjdk-17-jre-headless", "jdk17 17 [java] 1"),
        ("/usr/bin/pdflatex", "texlive-binaries", "texliveMedium [pdflatex] 1"),
        ("/usr/bin/debconf-escape", "debconf", "p1 ignored: it administers the host"),
        ("/usr/bin/x86_64-linux-gnu-gprofng", "binutils-x86-64-linux-gnu", "compiler p1"),
        ("/usr/bin/zz-unknown", "no-such-package", "p1 unrecognized: zz-unknown"),
    ] {
        assert_eq!(alone(owned(path, package, "")), attr, "{path}");
    }
}

#[test]
fn folders_and_names_with_versions() {
    for (path, reading) in [
        ("/usr/pgsql-15/bin/psql", "postgresql_15 15 [psql] 1"),
        ("/usr/lib/llvm18/bin/opt", "llvm_18 [opt] 1"),
        ("/usr/lib/llvm-18/bin/clang", "clang_18 [clang] 1"),
        ("/opt/homebrew/opt/llvm@18/bin/clang", "clang_18 [clang] 1"),
        ("/opt/rh/gcc-toolset-13/root/usr/bin/gcc", "gcc13 13 [gcc] 1"),
        ("/opt/rh/gcc-toolset-12/root/usr/bin/make", "p1 ignored: the standard environment has it"),
        ("~/miniconda3/envs/x/bin/x86_64-conda-linux-gnu-gcc", "compiler p1"),
        ("/usr/bin/java17", "jdk17 [java] 1"),
    ] {
        assert_eq!(alone(program(path)), reading, "{path}");
    }
    assert_eq!(alone(resolved("/usr/bin/psql", "/usr/libexec/postgresql15/psql")), "postgresql_15 15 [psql] 1");
}
