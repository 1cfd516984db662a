//! What holds for all journals.

use proptest::prelude::*;

use super::*;

/// Paths of all kinds, and nonsense.
fn paths() -> impl Strategy<Value = String> {
    let names = proptest::sample::select(include_str!("../../../tests/data/gold.tsv").lines().collect::<Vec<_>>());
    let folders = proptest::sample::select(vec![
        "/usr/bin",
        "/usr/local/bin",
        "/usr/lib/git-core",
        "~/.local/bin",
        "~/.pyenv/shims",
        "/tmp",
        "/tmp/bin",
        ".venv/bin",
        "",
        "/",
        "/nix/store/0123456789abcdfghijklmnpqrsvwxyz-jq-1.7/bin",
        "/nix/store",
        "node_modules/.bin",
        "/usr/lib/node_modules/x/bin",
        "~/.nvm/versions/node/v20.1.0/bin",
        "~/.pyenv/versions/3.10.1/bin",
        "~/.rustup/toolchains/1.70.0-x86_64-unknown-linux-gnu/bin",
        "~/.local/share/mise/installs/java/17.0.1/bin",
        "/usr/lib/postgresql/15/bin",
        "/usr/lib/llvm-14/bin",
        "/opt/homebrew/opt/node@18/bin",
    ]);
    let known =
        (folders, names).prop_map(|(folder, row)| format!("{folder}/{}", row.split('\t').next().unwrap_or_default()));
    prop_oneof![4 => known, 1 => "[ -~]{0,30}", 1 => any::<String>()]
}

fn programs() -> impl Strategy<Value = Program> {
    let owner = proptest::option::of("[a-z][a-z0-9+-]{1,12}");
    let paths = (paths(), proptest::option::of(paths()), proptest::option::of(paths()));
    (paths, owner, 1u64..9, 0u64..9, any::<bool>()).prop_map(
        |((path, resolved, interpreter), package, runs, failed, claimed)| Program {
            resolved: resolved.map(Bytes::from),
            interpreter: interpreter.map(Bytes::from),
            owner: package.map(|package| Owner { manager: "dpkg".to_owned(), package, version: "1-1".to_owned() }),
            runs,
            failed: failed.min(runs),
            known: if claimed { Known::Claimed } else { Known::Traced },
            ..program(&path)
        },
    )
}

fn journals() -> impl Strategy<Value = Vec<Journal>> {
    let word = prop_oneof![
        Just("install".to_owned()),
        "[a-z0-9=.#@:/-]{0,16}",
        Just("nixpkgs#jq".to_owned()),
        Just("-m".to_owned())
    ];
    let tool = proptest::sample::select(vec![
        "pip",
        "apt-get",
        "nix shell",
        "nix-shell -p",
        "python3",
        "dpkg -i",
        "x",
        "apk add",
        "brew install",
        "cargo install",
        "composer global require",
        "conda create",
        "corepack prepare",
        "cpanm",
        "dnf install",
        "gem install",
        "ghcup install",
        "go install",
        "mise use",
        "npm install -g",
        "npx",
        "nvm install",
        "opam install",
        "pacman -S",
        "pipx install",
        "poetry add",
        "pyenv install",
        "rustup component add",
        "sdk install",
        "uv add",
        "uvx",
    ]);
    let line =
        (tool, proptest::collection::vec(word, 0..5)).prop_map(|(tool, words)| format!("{tool} {}", words.join(" ")));
    let one = (proptest::collection::vec(programs(), 0..8), proptest::collection::vec(line, 0..4));
    proptest::collection::vec(one, 1..4).prop_map(|all| {
        let make = |(at, (programs, lines)): (usize, (Vec<Program>, Vec<String>))| {
            let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
            with_lines(journal(&format!("s{at}"), programs), &lines)
        };
        all.into_iter().enumerate().map(make).collect()
    })
}

/// Command lines of what this module knows, with words in any order.
fn words() -> impl Strategy<Value = Vec<String>> {
    let programs = "apk apt-get asdf brew cargo cargo-binstall chruby comma composer conda corepack cpan cpanm dnf dpkg fnm gdebi gem \
        ghcup go micromamba mise n nix nix-build nix-env nix-shell nodenv npm npx nvm opam pacman pdm perl pip pipenv pipx pnpm poetry \
        pyenv python3 rbenv rpm rustup rvm sdk sh stack uv uvx volta yarn zypper fnm hatch rye bundle bunx direnv ,";
    let others = "-- - -m -c -s -p -r -e -g -y -A -E -Ur -S -i -MCPAN --with --from --run --using=20 --lts --lts=iron --python 3.11 \
        --default-toolchain --git --path . .. ./x .[a] a[b]>=1 a==1 a@1 @a/b @a/b@1 a:1 a=1 a~1 git+https://x.org/y#egg=z nixpkgs#jq \
        github:a/b#c /nix/store/0123456789abcdfghijklmnpqrsvwxyz-jq-1.7 add alias bundle create default dlx env exec global init inject \
        install module profile python query run set shell switch sync tool toolchain use version virtualenv x $X é";
    let list = |text: &'static str| proptest::sample::select(text.split_ascii_whitespace().collect::<Vec<_>>());
    let word = prop_oneof![8 => list(others).prop_map(str::to_owned), 1 => any::<String>()];
    (list(programs), proptest::collection::vec(word, 0..7)).prop_map(|(program, mut words)| {
        words.insert(0, program.to_owned());
        words
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn no_words_are_too_odd(words in words(), text in any::<String>()) {
        let index = Index::new();
        let argv: Vec<&str> = words.iter().map(String::as_str).collect();
        let journal = journal("s", Vec::new());
        let named = files(&argv);
        says(&argv, &text);
        prop_assert!(named.is_empty() || keeps(&argv), "{:?} names {:?}, which nobody reads", argv, named);
        drop((installs(&argv), verifies(&argv), starts(&argv), inner(&argv, &index, &journal), stage(&argv)));
        let argv = words.iter().map(Bytes::from).collect();
        let invocations = vec![Invocation { argv, says: vec![text], ..invocation("x") }];
        resolve(&[Journal { invocations, ..journal }], &index, &Policy::default());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_program_is_in_exactly_one_place(journals in journals(), turn in 0usize..3) {
        let index = Index::new();
        let requirements = resolve(&journals, &index, &Policy::default());
        let mut runs = 0;
        for journal in &journals {
            for program in &journal.programs {
                let is = |evidence: &crate::requirements::Evidence| evidence.session == journal.session.id && evidence.entry == program.id;
                let wanted = requirements.packages.iter().any(|package| package.evidence.iter().any(is))
                    || requirements.compiler.iter().any(is);
                let ignored = requirements.ignored.iter().filter(|ignored| is(&ignored.evidence)).map(|ignored| ignored.runs);
                let unknown = requirements.unrecognized.iter().filter(|unknown| is(&unknown.evidence)).map(|unknown| unknown.runs);
                let others: Vec<u64> = ignored.chain(unknown).collect();
                prop_assert_eq!(usize::from(wanted) + others.len(), 1, "{:?}", program);
                runs += if wanted { program.runs } else { others[0] };
            }
        }
        prop_assert_eq!(runs, journals.iter().flat_map(|journal| &journal.programs).map(|program| program.runs).sum::<u64>());
        for package in &requirements.packages {
            prop_assert!(index.attr(&package.attr).is_some());
        }
        let mut turned = journals.clone();
        let middle = turn % turned.len();
        turned.rotate_left(middle);
        turned.reverse();
        prop_assert_eq!(resolve(&turned, &index, &Policy::default()), requirements);
    }
}

#[test]
#[ignore = "measures time: cargo test --release --lib -- --ignored --nocapture"]
fn what_a_long_session_costs() {
    let gold: Vec<&str> =
        include_str!("../../../tests/data/gold.tsv").lines().filter_map(|row| row.split('\t').next()).collect();
    let folders = [
        "/usr/bin",
        "/usr/local/bin",
        "~/.local/bin",
        ".venv/bin",
        "/usr/lib/x",
        "/nix/store/0123456789abcdfghijklmnpqrsvwxyz-jq-1.7/bin",
    ];
    let all = folders
        .iter()
        .flat_map(|folder| gold.iter().map(move |name| owned(&format!("{folder}/{name}"), name, "1.0-1")));
    let programs: Vec<Program> = all.map(|program| Program { runs: 48, ..program }).collect();
    let lines: Vec<String> = (0..2000).map(|at| format!("pip install requests=={at} flask nixpkgs{at}")).collect();
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    let journal = with_lines(journal("s", programs), &lines);
    let index = Index::new();
    let start = std::time::Instant::now();
    let requirements = resolve(std::slice::from_ref(&journal), &index, &Policy::default());
    let took = start.elapsed();
    let execs: u64 = journal.programs.iter().map(|program| program.runs).sum();
    let report = format!(
        "{execs} execs of {} programs, {} command lines: {took:?}, {} packages",
        journal.programs.len(),
        lines.len(),
        requirements.packages.len()
    );
    std::io::Write::write_all(&mut std::io::stderr(), (report + "\n").as_bytes()).expect("a place to write to");
}
