//! `commit.rs` against the git program: whatever state a repository is in, the commit holds exactly our files on top of
//! HEAD, and what the user staged, changed or left untracked is as before.
//!
//! Each test runs in a process of its own, with an empty home folder and git's variables set, because libgit2 reads them.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use agent_capture::commit::{Change, Committed, File, Head, Kind, Moved, Refused, Repository, write_files};

const ALONE: &str = "AGENT_CAPTURE_TEST_ALONE";
const OURS: [&str; 4] =
    [".agent-capture/requirements.json", ".agent-capture/s1/journal.json", "flake.lock", "flake.nix"];

const PEOPLE: [(&str, &str); 6] = [
    ("GIT_AUTHOR_NAME", "A. U. Thor"),
    ("GIT_AUTHOR_EMAIL", "author@example.com"),
    ("GIT_AUTHOR_DATE", "1700000000 +0100"),
    ("GIT_COMMITTER_NAME", "C. O. Mitter"),
    ("GIT_COMMITTER_EMAIL", "committer@example.com"),
    ("GIT_COMMITTER_DATE", "1700000001 -0230"),
];

/// Tells a person what was not tested here, loudly.
fn skip(why: &str) {
    let line = format!("\n======== NOT TESTED: {why} ========\n");
    std::io::stderr().write_all(line.as_bytes()).expect("stderr is open");
}

/// The test's own process, ready to start.
fn alone_command(program: &str, name: &str, home: &Path) -> Command {
    let mut command = Command::new(program);
    command.env_clear().envs(PEOPLE).env("PATH", std::env::var_os("PATH").expect("a PATH"));
    command.env(ALONE, home).env("HOME", home.join("home")).env("LC_ALL", "C").env("TMPDIR", home);
    command.env("GIT_CONFIG_GLOBAL", home.join("home/.gitconfig")).env("GIT_CONFIG_NOSYSTEM", "1");
    let exe = std::env::current_exe().expect("the test's path");
    if program != exe.to_str().expect("a path of text") {
        command.arg(&exe);
    }
    command.args(["--exact", name, "--nocapture", "--test-threads=1"]);
    command
}

fn home() -> tempfile::TempDir {
    let home = tempfile::tempdir().expect("a folder");
    fs::create_dir(home.path().join("home")).expect("a folder");
    fs::write(home.path().join("home/.gitconfig"), "[init]\n\tdefaultBranch = main\n").expect("a file");
    home
}

fn must(output: &Output, what: &str) {
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{what}: {}\n{out}\n{err}", output.status);
}

/// Runs the body in a process of its own; `prepare` changes its environment.
fn alone(name: &str, prepare: impl Fn(&mut Command), body: impl Fn(&Sandbox)) {
    if let Some(home) = std::env::var_os(ALONE) {
        return body(&Sandbox::new(Path::new(&home)));
    }
    let home = home();
    let exe = std::env::current_exe().expect("the test's path");
    let mut command = alone_command(exe.to_str().expect("a path of text"), name, home.path());
    prepare(&mut command);
    let output = command.output().expect("the test starts");
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    if let Some(at) = text.find("======== NOT TESTED") {
        skip(text[at + 20..].lines().next().unwrap_or_default().trim_end_matches(" ========"));
    }
    must(&output, name);
}

macro_rules! cases {
    ($($(#[$doc:meta])* fn $name:ident($sandbox:ident) $body:block)*) => {
        $($(#[$doc])* #[test] fn $name() {
            alone(stringify!($name), |_| (), |$sandbox: &Sandbox| $body);
        })*
    };
}

struct Sandbox {
    home: PathBuf,
    root: PathBuf,
}

impl Sandbox {
    fn new(home: &Path) -> Self {
        let home = home.canonicalize().expect("it is there");
        let root = home.join("project");
        fs::create_dir(&root).expect("a folder");
        Self { home, root }
    }

    fn try_git(&self, args: &[&str]) -> Output {
        Command::new("git").args(args).current_dir(&self.root).output().expect("git is installed")
    }

    fn git(&self, args: &[&str]) -> String {
        let output = self.try_git(args);
        must(&output, &format!("git {args:?}"));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.root.join(path);
        fs::create_dir_all(path.parent().expect("below the root")).expect("a folder");
        fs::write(path, text).expect("a file");
    }

    /// A repository with three files and two commits.
    fn init(&self, options: &[&str]) {
        self.git(&[&["init", "-q"], options].concat());
        self.write("readme", "one\n");
        self.write("src/main.rs", &lines(30));
        self.write("run.sh", "#!/bin/sh\n");
        self.git(&["add", "."]);
        self.git(&["update-index", "--chmod=+x", "run.sh"]);
        let script = self.root.join("run.sh");
        fs::set_permissions(script, fs::Permissions::from_mode(0o755)).expect("our file");
        self.git(&["commit", "-qm", "first"]);
        self.write("readme", "two\n");
        self.git(&["commit", "-qam", "second"]);
    }

    fn open(&self) -> Repository {
        Repository::discover(&self.root).expect("a repository")
    }

    /// Everything of the index and the work tree that is not ours, as git sees it.
    fn view(&self) -> BTreeMap<&'static str, String> {
        let exclude = [".", ":!.agent-capture", ":!flake.nix", ":!flake.lock"];
        let git = |args: &[&str]| self.git(&[args, &["--"], &exclude].concat());
        BTreeMap::from([
            ("staged", git(&["diff", "--cached", "--binary", "--no-renames", "--full-index"])),
            ("unstaged", git(&["diff", "--binary", "--full-index"])),
            ("entries", git(&["ls-files", "--stage", "-t", "-v"])),
            ("flags", git(&["ls-files", "-f", "-v"])),
            ("status", git(&["status", "--porcelain=v2", "--untracked-files=all"])),
        ])
    }

    /// Captures, and checks all that must hold afterwards.
    fn capture(&self) -> Committed {
        let (before, tip) = (self.view(), self.tip());
        let repository = self.open();
        let files = ours("1");
        let proposal = repository.propose(&files, false).expect("a proposal");
        assert!(!proposal.is_empty());
        proposal.ready().expect("ready");
        assert_eq!(self.view(), before, "a proposal shows nowhere");
        write_files(repository.root(), &files).expect("written");
        let committed = proposal.commit("Capture session s1\n\nBody.\n\n").expect("a commit");
        assert_eq!(self.view(), before, "the user's work is as before");
        self.check(&committed, tip.as_deref());
        committed
    }

    fn check(&self, committed: &Committed, parent: Option<&str>) {
        assert_eq!(self.tip().as_deref(), Some(committed.id.as_str()));
        assert_eq!(self.git(&["log", "-1", "--format=%P"]).trim(), parent.unwrap_or_default());
        let changed = self.git(&["show", "--root", "--format=", "--name-only", "HEAD"]);
        assert_eq!(changed.lines().collect::<Vec<_>>(), OURS, "the commit holds exactly our files");
        let status = self.git(&[&["status", "--porcelain", "--"][..], &OURS].concat());
        assert_eq!(status, "", "our files are clean");
        let raw = self.try_git(&[&["diff-files", "--quiet", "--"][..], &OURS].concat());
        assert!(raw.status.success(), "our entries have the times of the files");
        assert_eq!(self.git(&["log", "-1", "--format=%B"]), "Capture session s1\n\nBody.\n\n");
        assert_eq!(
            self.git(&["log", "-1", "--format=%an <%ae> %ad|%cn <%ce> %cd", "--date=raw"]).trim(),
            "A. U. Thor <author@example.com> 1700000000 +0100|C. O. Mitter <committer@example.com> 1700000001 -0230"
        );
        self.sound();
    }

    fn sound(&self) {
        let fsck = self.git(&["fsck", "--strict", "--no-dangling"]);
        assert_eq!(fsck, "", "git fsck");
        assert!(!self.root.join(".git/index.lock").exists());
        let left: Vec<_> = walk(&self.root)
            .into_keys()
            .filter(|path| path.contains("index.agent-capture") || path.ends_with(".tmp"))
            .collect();
        assert_eq!(left, Vec::<String>::new(), "nothing is left behind");
    }

    fn tip(&self) -> Option<String> {
        let output = self.try_git(&["rev-parse", "--verify", "-q", "HEAD"]);
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }

    /// What discovering says when it fails.
    fn unopened(&self) -> String {
        match Repository::discover(&self.root) {
            Ok(_) => panic!("this cannot be opened"),
            Err(error) => format!("{error:#}"),
        }
    }

    /// What proposing or committing says when it fails; nothing has changed then.
    fn refused(&self, files: &[File], include_work: bool) -> String {
        let (before, tip) = (self.view(), self.tip());
        let repository = self.open();
        let result = repository.propose(files, include_work).and_then(|proposal| {
            let early = proposal.ready().map_err(|error| format!("{error:#}"));
            let committed = proposal.commit("x");
            if let (Err(early), Err(late)) = (&early, &committed) {
                assert_eq!(early, &format!("{late:#}"), "it can be known before");
            }
            committed
        });
        assert_eq!((self.view(), self.tip()), (before, tip), "nothing has changed");
        format!("{:#}", result.expect_err("this is refused"))
    }
}

fn lines(count: usize) -> String {
    (1..=count).map(|number| format!("line {number}\n")).collect()
}

fn ours(text: &str) -> Vec<File> {
    OURS.iter().map(|path| File::new(*path, format!("{path} {text}\n"))).collect()
}

/// Each path below a folder with its kind, mode and content; `.git` is left out.
fn walk(root: &Path) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut folders = vec![root.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            let name = path.strip_prefix(root).expect("below").display().to_string();
            let stat = fs::symlink_metadata(&path).expect("there");
            let what = if stat.is_symlink() {
                format!("link {:?}", fs::read_link(&path).expect("a link"))
            } else if stat.is_dir() {
                folders.push(path);
                "folder".to_owned()
            } else {
                let executable = stat.permissions().mode() & 0o100 != 0;
                format!("file {executable} {:?}", fs::read(&path).expect("a file"))
            };
            found.insert(name, what);
        }
    }
    found
}

cases! {
    fn a_normal_repository(sandbox) {
        sandbox.init(&[]);
        let committed = sandbox.capture();
        assert_eq!((committed.on, committed.first), (Head::Branch("main".into()), false));
        let reflog = sandbox.git(&["reflog", "-2", "--format=%gs", "HEAD"]);
        assert_eq!(reflog, "commit: Capture session s1\ncommit: second\n");
        assert_eq!(sandbox.git(&["reflog", "-1", "--format=%gs", "main"]), "commit: Capture session s1\n");
        assert_eq!(sandbox.git(&["status", "--porcelain"]), "");
        let again = sandbox.open();
        assert!(again.propose(&ours("1"), false).expect("a proposal").is_empty());
        assert_eq!(again.head().expect("HEAD"), Some(committed.id));
        assert_eq!(again.committed("flake.nix").expect("HEAD"), Some(b"flake.nix 1\n".to_vec()));
        assert_eq!(again.committed("src/none").expect("HEAD"), None);
        let below = again.committed_under(".agent-capture").expect("HEAD");
        let paths: Vec<_> = below.iter().map(|(path, _)| path.as_str()).collect();
        assert_eq!(paths, &OURS[..2]);
        assert_eq!(again.committed_under("nowhere").expect("HEAD"), []);
        assert!(again.committed("src").is_err());
    }

    fn no_commit_yet(sandbox) {
        sandbox.git(&["init", "-q"]);
        sandbox.write("staged", "s\n");
        sandbox.git(&["add", "staged"]);
        let repository = sandbox.open();
        assert_eq!(repository.branch().expect("HEAD"), Head::Unborn("main".into()));
        assert_eq!(repository.head().expect("HEAD"), None);
        assert_eq!(repository.committed("x").expect("nothing"), None);
        assert_eq!(repository.committed_under("x").expect("nothing"), []);
        assert!(repository.propose(&[], false).expect("a proposal").is_empty());
        let committed = sandbox.capture();
        assert_eq!((committed.on, committed.first), (Head::Branch("main".into()), true));
        assert_eq!(sandbox.git(&["status", "--porcelain"]), "A  staged\n");
        let reflog = sandbox.git(&["reflog", "--format=%gs", "HEAD"]);
        assert_eq!(reflog, "commit (initial): Capture session s1\n");
    }

    fn an_empty_repository_without_an_index(sandbox) {
        sandbox.git(&["init", "-q"]);
        assert!(!sandbox.root.join(".git/index").exists());
        sandbox.capture();
        assert_eq!(sandbox.git(&["status", "--porcelain"]), "");
    }

    fn a_detached_head(sandbox) {
        sandbox.init(&[]);
        let main = sandbox.tip().expect("a commit");
        sandbox.git(&["checkout", "-q", "--detach"]);
        let committed = sandbox.capture();
        assert_eq!(committed.on, Head::Detached(main.clone()));
        assert_eq!(sandbox.git(&["rev-parse", "main"]).trim(), main, "no branch moves");
        assert!(!sandbox.try_git(&["symbolic-ref", "-q", "HEAD"]).status.success());
    }

    fn a_packed_branch_with_a_slash(sandbox) {
        sandbox.init(&["-b", "feature/x"]);
        sandbox.git(&["pack-refs", "--all"]);
        sandbox.git(&["gc", "-q"]);
        assert_eq!(sandbox.capture().on, Head::Branch("feature/x".into()));
    }

    fn a_bare_repository(sandbox) {
        sandbox.git(&["init", "-q", "--bare"]);
        let said = sandbox.unopened();
        assert!(said.contains("is bare") && said.contains("clone it"), "{said}");
    }

    fn no_repository(sandbox) {
        let said = sandbox.unopened();
        assert!(said.contains("is in no git repository; run `git init`"), "{said}");
    }

    fn a_start_in_a_subfolder(sandbox) {
        sandbox.init(&[]);
        let repository = Repository::discover(&sandbox.root.join("src")).expect("found above");
        assert_eq!(repository.root(), sandbox.root);
        assert_eq!(repository.git_dir(), sandbox.root.join(".git"));
    }

    fn a_linked_worktree(sandbox) {
        sandbox.init(&[]);
        let main = sandbox.tip();
        sandbox.git(&["worktree", "add", "-q", "-b", "side", "../side"]);
        let side = Sandbox { home: sandbox.home.clone(), root: sandbox.home.join("side") };
        let repository = side.open();
        assert_eq!(repository.root(), side.root);
        assert_eq!(repository.git_dir(), sandbox.root.join(".git/worktrees/side"));
        assert_eq!(side.capture().on, Head::Branch("side".into()));
        assert_eq!(sandbox.tip(), main, "the main work tree stays");
        assert_eq!(sandbox.git(&["status", "--porcelain"]), "");
        assert_eq!(side.git(&["reflog", "-1", "--format=%gs", "HEAD"]), "commit: Capture session s1\n");
        assert_eq!(sandbox.git(&["reflog", "-1", "--format=%gs", "HEAD"]), "commit: second\n");
    }

    fn hunks_that_are_staged_in_part(sandbox) {
        sandbox.init(&[]);
        let staged = lines(30).replace("line 3\n", "staged 3\n");
        sandbox.write("src/main.rs", &staged);
        sandbox.git(&["add", "src/main.rs"]);
        sandbox.write("src/main.rs", &staged.replace("line 25\n", "unstaged 25\n"));
        sandbox.write("new", "staged, then changed\n");
        sandbox.git(&["add", "new"]);
        sandbox.write("new", "another length\n");
        sandbox.write("untracked", "u\n");
        sandbox.capture();
        assert_eq!(sandbox.git(&["status", "--porcelain"]), "AM new\nMM src/main.rs\n?? untracked\n");
    }

    fn a_change_within_the_second_of_the_index(sandbox) {
        sandbox.init(&[]);
        sandbox.git(&["config", "core.trustctime", "false"]);
        sandbox.git(&["config", "core.checkStat", "minimal"]);
        let past = std::time::SystemTime::now() - std::time::Duration::from_secs(100);
        let age = |path: &str| {
            let file = fs::File::options().write(true).open(sandbox.root.join(path)).expect("ours");
            file.set_modified(past).expect("our file");
        };
        age("readme");
        sandbox.git(&["update-index", "--refresh"]);
        // As long and as old as what the index knows: only the content tells, and git looks at that
        // only because the index is not newer. (No git in between: it would note that.)
        sandbox.write("readme", "six\n");
        age("readme");
        age(".git/index");
        let repository = sandbox.open();
        let proposal = repository.propose(&ours("1"), false).expect("a proposal");
        proposal.commit("x").expect("a commit");
        assert_eq!(sandbox.git(&["diff", "--name-only", "--", "readme"]), "readme\n");
    }

    fn files_to_be_added_hidden_or_gone(sandbox) {
        sandbox.init(&[]);
        for name in ["hidden", "assumed", "gone", "moved"] {
            sandbox.write(name, &format!("{name}\n"));
        }
        sandbox.git(&["add", "."]);
        sandbox.git(&["commit", "-qm", "more"]);
        sandbox.write("intended", "i\n");
        sandbox.git(&["add", "-N", "intended"]);
        sandbox.git(&["update-index", "--skip-worktree", "hidden"]);
        sandbox.git(&["update-index", "--assume-unchanged", "assumed"]);
        sandbox.write("hidden", "local\n");
        fs::remove_file(sandbox.root.join("assumed")).expect("ours");
        sandbox.git(&["rm", "-q", "--cached", "gone"]);
        sandbox.git(&["mv", "moved", "renamed"]);
        fs::remove_file(sandbox.root.join("run.sh")).expect("ours");
        let work = sandbox.open().work(&[]).expect("work");
        assert_eq!(work.staged, ["gone", "moved", "renamed"]);
        assert_eq!(work.modified, ["intended", "run.sh"]);
        assert_eq!(work.untracked, ["gone"]);
        sandbox.capture();
        assert_eq!(
            sandbox.git(&["status", "--porcelain"]),
            "D  gone\n A intended\nR  moved -> renamed\n D run.sh\n?? gone\n"
        );
    }

    fn a_submodule(sandbox) {
        sandbox.init(&[]);
        let library = Sandbox { home: sandbox.home.clone(), root: sandbox.home.join("library") };
        fs::create_dir(&library.root).expect("a folder");
        library.init(&[]);
        let from = library.root.to_str().expect("text").to_owned();
        sandbox.git(&["-c", "protocol.file.allow=always", "submodule", "add", "-q", &from, "vendor/library"]);
        sandbox.git(&["commit", "-qm", "a submodule"]);
        sandbox.write("vendor/library/readme", "changed inside\n");
        assert_eq!(sandbox.open().work(&[]).expect("work").modified, ["vendor/library"]);
        sandbox.capture();
        let tip = sandbox.tip();
        let said = sandbox.refused(&[File::new("vendor/library/flake.nix", "x")], false);
        assert!(said.contains("`vendor/library` is a submodule at HEAD"), "{said}");
        assert_eq!(sandbox.tip(), tip);
        // The submodule's own new commit is work that can be included.
        let inner = Sandbox { home: sandbox.home.clone(), root: sandbox.root.join("vendor/library") };
        inner.git(&["commit", "-qam", "inside"]);
        let repository = sandbox.open();
        let proposal = repository.propose(&[], true).expect("a proposal");
        proposal.commit("with work").expect("a commit");
        assert_eq!(sandbox.git(&["status", "--porcelain"]), "");
        assert_eq!(sandbox.git(&["rev-parse", "HEAD:vendor/library"]), inner.git(&["rev-parse", "HEAD"]));
        let out = sandbox.home.join("out");
        fs::create_dir(&out).expect("a folder");
        repository.propose(&[], false).expect("a proposal").export(&out).expect("exported");
        assert_eq!(walk(&out)["vendor/library"], "folder");
        sandbox.sound();
    }

    fn inside_a_submodule(sandbox) {
        sandbox.init(&[]);
        let library = Sandbox { home: sandbox.home.clone(), root: sandbox.home.join("library") };
        fs::create_dir(&library.root).expect("a folder");
        library.init(&[]);
        let from = library.root.to_str().expect("text").to_owned();
        sandbox.git(&["-c", "protocol.file.allow=always", "submodule", "add", "-q", &from, "vendor/library"]);
        sandbox.git(&["commit", "-qm", "a submodule"]);
        let inner = Sandbox { home: sandbox.home.clone(), root: sandbox.root.join("vendor/library") };
        assert!(inner.root.join(".git").is_file(), "its git folder is elsewhere");
        assert_eq!(inner.open().git_dir(), sandbox.root.join(".git/modules/vendor/library"));
        let tip = sandbox.tip();
        assert_eq!(inner.capture().on, Head::Branch("main".into()));
        assert_eq!(sandbox.tip(), tip, "the repository around it stays");
        assert_eq!(sandbox.git(&["status", "--porcelain"]), " M vendor/library\n");
    }

    fn a_shallow_clone(sandbox) {
        let origin = Sandbox { home: sandbox.home.clone(), root: sandbox.home.join("origin") };
        fs::create_dir(&origin.root).expect("a folder");
        origin.init(&[]);
        let from = format!("file://{}", origin.root.display());
        sandbox.git(&["clone", "-q", "--depth", "1", &from, "."]);
        assert!(sandbox.root.join(".git/shallow").exists());
        sandbox.capture();
        assert_eq!(sandbox.git(&["rev-list", "--count", "HEAD"]).trim(), "2");
    }

    fn a_clone_with_a_filter(sandbox) {
        let origin = Sandbox { home: sandbox.home.clone(), root: sandbox.home.join("origin") };
        fs::create_dir(&origin.root).expect("a folder");
        origin.init(&[]);
        origin.git(&["config", "uploadpack.allowFilter", "true"]);
        let from = format!("file://{}", origin.root.display());
        sandbox.git(&["clone", "-q", "--filter=blob:none", &from, "."]);
        assert_eq!(sandbox.git(&["config", "remote.origin.promisor"]).trim(), "true");
        sandbox.capture();
    }

    fn settings_of_a_worktree(sandbox) {
        sandbox.init(&[]);
        sandbox.git(&["config", "extensions.worktreeConfig", "true"]);
        sandbox.git(&["worktree", "add", "-q", "-b", "side", "../side"]);
        let side = Sandbox { home: sandbox.home.clone(), root: sandbox.home.join("side") };
        side.git(&["config", "--worktree", "core.sparseCheckout", "false"]);
        assert_eq!(side.capture().on, Head::Branch("side".into()));
        assert_eq!(sandbox.capture().on, Head::Branch("main".into()));
    }

    fn a_branch_that_is_not_checked_out(sandbox) {
        sandbox.init(&[]);
        sandbox.write("readme", "staged\n");
        sandbox.git(&["add", "readme"]);
        sandbox.write("readme", "changed\n");
        sandbox.write("flake.nix", "untracked, by hand\n");
        let seen = |sandbox: &Sandbox| (sandbox.view(), sandbox.tip(), walk(&sandbox.root.join("src")), fs::read(sandbox.root.join(".git/index")).expect("an index"));
        let before = seen(sandbox);
        let on = |name: &str| sandbox.open().on_branch(name);
        let commit = |text: &str| {
            let repository = on("captures/all").expect("a branch");
            assert_eq!(repository.checkout(), None);
            let proposal = repository.propose(&ours(text), false).expect("a proposal");
            proposal.ready().expect("ready");
            proposal.commit(&format!("Capture {text}")).expect("a commit")
        };
        let first = commit("1");
        assert_eq!((first.on, first.first), (Head::Branch("captures/all".into()), false));
        assert_eq!(sandbox.git(&["log", "-2", "--format=%s", "captures/all"]), "Capture 1\nsecond\n");
        assert_eq!(sandbox.git(&["reflog", "-1", "--format=%gs", "captures/all"]), "commit: Capture 1\n");
        let changed = sandbox.git(&["show", "--format=", "--name-only", "captures/all"]);
        assert_eq!(changed.lines().collect::<Vec<_>>(), OURS);
        // What is read is what is there, not what is checked out; a merge that goes on here does not matter.
        sandbox.git(&["branch", "-q", "moved"]);
        fs::write(sandbox.root.join(".git/MERGE_HEAD"), format!("{}\n", first.id)).expect("a file");
        commit("2");
        fs::remove_file(sandbox.root.join(".git/MERGE_HEAD")).expect("ours");
        assert_eq!(sandbox.git(&["log", "-3", "--format=%s", "captures/all"]), "Capture 2\nCapture 1\nsecond\n");
        assert_eq!(on("captures/all").expect("a branch").committed("flake.nix").expect("there"), Some(b"flake.nix 2\n".to_vec()));
        assert_eq!(seen(sandbox), before, "nothing of the checkout is touched");
        // It moved in between.
        let repository = on("captures/all").expect("a branch");
        let proposal = repository.propose(&ours("3"), false).expect("a proposal");
        sandbox.git(&["branch", "-qf", "captures/all", "main"]);
        assert!(proposal.commit("x").expect_err("it moved").is::<Moved>());
        // A new one that somebody else made meanwhile.
        let repository = on("new").expect("a branch");
        let proposal = repository.propose(&ours("4"), false).expect("a proposal");
        sandbox.git(&["branch", "-q", "new", "main~1"]);
        assert!(proposal.commit("x").expect_err("it is there").is::<Moved>());
        assert_eq!(sandbox.git(&["log", "-1", "--format=%s", "new"]), "first\n");
        sandbox.git(&["worktree", "add", "-q", "-b", "side", "../side"]);
        for (name, why) in [("main", "is checked out"), ("side", "is checked out"), ("-x", "cannot name"), ("a..b", "cannot name"), ("HEAD", "cannot name"), ("", "cannot name")] {
            let said = format!("{:#}", on(name).err().expect("refused"));
            assert!(said.contains(why), "{name}: {said}");
        }
        fs::remove_file(sandbox.root.join("flake.nix")).expect("ours");
        sandbox.sound();
    }

    fn a_branch_of_a_repository_without_a_commit(sandbox) {
        sandbox.git(&["init", "-q"]);
        assert!(sandbox.open().on_branch("main").is_err(), "it is checked out");
        let repository = sandbox.open().on_branch("captures").expect("a branch");
        let proposal = repository.propose(&ours("1"), false).expect("a proposal");
        let committed = proposal.commit("First").expect("a commit");
        assert_eq!((committed.on, committed.first), (Head::Branch("captures".into()), true));
        assert_eq!(sandbox.tip(), None, "main has no commit still");
        assert_eq!(sandbox.git(&["ls-tree", "-r", "--name-only", "captures"]).lines().collect::<Vec<_>>(), OURS);
    }

    fn hooks_have_their_say(sandbox) {
        sandbox.init(&[]);
        let repository = sandbox.open();
        if repository.can_run_hooks().is_err() {
            return skip("hooks: this git has no `git hook run`");
        }
        let hook = |name: &str, script: &str| {
            sandbox.write(&format!(".git/hooks/{name}"), &format!("#!/bin/sh\n{script}\n"));
            fs::set_permissions(sandbox.root.join(".git/hooks").join(name), fs::Permissions::from_mode(0o755)).expect("ours");
        };
        sandbox.write("readme", "the user's own, staged\n");
        sandbox.git(&["add", "readme"]);
        let before = sandbox.view();
        // What git shows them is exactly the commit, from the root of the work tree.
        hook("pre-commit", "git diff --cached --name-only > ../staged; pwd > ../where; test -z \"$GIT_EDITOR\" || test \"$GIT_EDITOR\" = :");
        hook("prepare-commit-msg", "test \"$2\" = message && sed -i '1s/^/[x] /' \"$1\"");
        hook("commit-msg", "grep -q 'Capture' \"$1\" && echo 'Signed-off-by: Hook <hook@example.org>' >> \"$1\"");
        hook("post-commit", "git log -1 --format=%s > ../after; exit 1");
        let files = ours("1");
        let proposal = repository.propose(&files, false).expect("a proposal");
        let message = proposal.hooks("Capture session s1\n\nBody.\n\n").expect("they say yes");
        assert_eq!(message, "[x] Capture session s1\n\nBody.\n\nSigned-off-by: Hook <hook@example.org>\n");
        write_files(repository.root(), &files).expect("written");
        proposal.commit(&message).expect("a commit");
        repository.post_commit();
        let read = |name: &str| fs::read_to_string(sandbox.home.join(name)).expect(name);
        assert_eq!(read("staged").lines().collect::<Vec<_>>(), OURS);
        assert_eq!(read("where").trim(), sandbox.root.to_str().expect("text"));
        assert_eq!(read("after"), "[x] Capture session s1\n");
        assert_eq!(sandbox.view(), before);
        let refused = |name: &str| {
            let tip = sandbox.tip();
            let proposal = repository.propose(&ours("2"), false).expect("a proposal");
            let error = proposal.hooks("Capture").expect_err("refused");
            assert_eq!(error.downcast_ref::<Refused>().expect("it refused").hook, name, "{error:#}");
            assert_eq!(sandbox.tip(), tip);
            format!("{error:#}")
        };
        hook("commit-msg", "exit 3");
        assert!(refused("commit-msg").contains("exit status: 3"));
        hook("pre-commit", "git rm -q --cached readme");
        assert!(refused("pre-commit").contains("not what was verified"));
        hook("pre-commit", "exit 1");
        refused("pre-commit");
        assert_eq!(sandbox.view(), before);
        sandbox.git(&["config", "core.hooksPath", ".husky"]);
        let proposal = repository.propose(&ours("2"), false).expect("a proposal");
        assert_eq!(proposal.hooks("Capture").expect("there are none"), "Capture");
        sandbox.sound();
    }

    fn what_a_killed_capture_left(sandbox) {
        sandbox.init(&[]);
        let (lock, note) = (sandbox.root.join(".git/index.lock"), sandbox.root.join(".git/agent-capture/committing"));
        fs::create_dir(sandbox.root.join(".git/agent-capture")).expect("a folder");
        let id = "0123456789012345678901234567890123456789";
        let noted = |name: &str, id: &str| fs::write(&note, format!("{name}\n{id}\n")).expect("a note");
        let reference = sandbox.root.join(".git/refs/heads/main.lock");
        // Its locks: that of the index, and the reference's, which holds a part of what it was to become.
        fs::write(&lock, "agent-capture\n").expect("a lock");
        fs::write(&reference, &id[..10]).expect("a lock");
        fs::write(sandbox.root.join(".git/index.agent-capture-abc"), "half").expect("a file");
        noted("refs/heads/main", id);
        sandbox.capture();
        assert!(!note.exists());
        // A reference's lock that is another's stays.
        noted("refs/heads/main", id);
        fs::write(&reference, "another").expect("a lock");
        let repository = sandbox.open();
        let proposal = repository.propose(&ours("2"), false).expect("a proposal");
        let said = format!("{:#}", proposal.commit("x").expect_err("locked"));
        assert!(said.contains("main.lock") && reference.exists(), "{said}");
        assert!(!lock.exists() && !note.exists(), "what is ours is given back");
        fs::remove_file(&reference).expect("ours");
        // Names that lead elsewhere are no references.
        let secret = sandbox.home.join("secret.lock");
        fs::write(&secret, "").expect("a file");
        for name in ["../../secret", "refs/heads/../../../secret", "/etc/passwd", "refs/heads/x\u{1b}"] {
            noted(name, id);
            sandbox.open().propose(&ours(name), false).expect("a proposal").commit(name).expect("a commit");
            assert!(secret.exists() && !note.exists(), "{name}");
        }
        // Those that are held: whoever has the flock lives.
        for path in [&lock, &note] {
            fs::write(path, "agent-capture\n").expect("a file");
            let held = fs::File::open(path).expect("ours");
            rustix::fs::flock(&held, rustix::fs::FlockOperation::NonBlockingLockExclusive).expect("held");
            let repository = sandbox.open();
            let said = format!("{:#}", repository.propose(&ours("3"), false).expect("a proposal").commit("x").expect_err("held"));
            assert!(said.contains("another git holds") || said.contains("another agent-capture is committing"), "{said}");
            assert!(path.exists());
            drop(held);
        }
        let repository = sandbox.open();
        write_files(&sandbox.root, &ours("3")).expect("written");
        repository.propose(&ours("3"), false).expect("a proposal").commit("x").expect("a commit");
        assert_eq!(sandbox.git(&["status", "--porcelain"]), "");
        sandbox.sound();
    }

    /// The branch moved and the index does not follow: it would show what is new as deleted.
    fn an_index_that_did_not_follow(sandbox) {
        sandbox.init(&[]);
        sandbox.write("readme", "staged\n");
        sandbox.git(&["add", "readme"]);
        let index = fs::read(sandbox.root.join(".git/index")).expect("an index");
        let committed = sandbox.capture();
        let left = || {
            fs::write(sandbox.root.join(".git/index"), &index).expect("ours");
            let note = format!("refs/heads/main\n{}\n", sandbox.tip().expect("a commit"));
            fs::write(sandbox.root.join(".git/agent-capture/committing"), note).expect("a note");
        };
        left();
        assert!(sandbox.git(&["status", "--porcelain"]).contains("D  flake.nix"));
        let repository = sandbox.open();
        repository.finish_commit().expect("finished");
        assert_eq!(sandbox.git(&["status", "--porcelain"]), "M  readme\n");
        assert_eq!(sandbox.tip(), Some(committed.id));
        // What somebody staged there meanwhile stays.
        left();
        sandbox.write("flake.nix", "by hand\n");
        sandbox.git(&["add", "flake.nix"]);
        repository.finish_commit().expect("finished");
        assert_eq!(sandbox.git(&["status", "--porcelain"]), "M  flake.nix\nM  readme\n");
        // The next commit does the same before it is made.
        left();
        write_files(&sandbox.root, &[File::new("flake.nix", "2\n")]).expect("written");
        repository.propose(&[File::new("flake.nix", "2\n")], false).expect("a proposal").commit("x").expect("a commit");
        assert_eq!(sandbox.git(&["status", "--porcelain"]), "M  readme\n");
        sandbox.sound();
    }

    fn line_ends_that_git_converts(sandbox) {
        sandbox.init(&[]);
        sandbox.git(&["config", "core.autocrlf", "true"]);
        sandbox.write("windows.txt", "a\r\nb\r\n");
        sandbox.git(&["add", "windows.txt"]);
        sandbox.capture();
        assert_eq!(sandbox.open().committed("flake.nix").expect("HEAD"), Some(b"flake.nix 1\n".to_vec()));
        // Bytes are committed as given.
        let repository = sandbox.open();
        let files = [File::new("flake.nix", "a\r\nb\n")];
        write_files(repository.root(), &files).expect("written");
        repository.propose(&files, false).expect("a proposal").commit("x").expect("a commit");
        assert_eq!(repository.committed("flake.nix").expect("HEAD"), Some(b"a\r\nb\n".to_vec()));
        sandbox.sound();
    }

    fn indexes_of_all_kinds(sandbox) {
        sandbox.init(&[]);
        sandbox.write("staged", "s\n");
        sandbox.git(&["add", "staged"]);
        sandbox.git(&["update-index", "--index-version", "4"]);
        sandbox.git(&["update-index", "--force-untracked-cache"]);
        sandbox.git(&["config", "core.untrackedCache", "true"]);
        sandbox.git(&["config", "index.skipHash", "true"]);
        sandbox.write("untracked/file", "u\n");
        sandbox.git(&["status"]);
        sandbox.capture();
        assert_eq!(sandbox.git(&["update-index", "--show-index-version"]), "4\n", "the version stays");
        assert_eq!(sandbox.git(&["status", "--porcelain"]), "A  staged\n?? untracked/\n");
    }

    fn a_split_index(sandbox) {
        sandbox.init(&[]);
        sandbox.git(&["update-index", "--split-index"]);
        let said = sandbox.refused(&ours("1"), false);
        assert!(said.contains("a split index") && said.contains("git update-index --no-split-index"), "{said}");
        sandbox.git(&["config", "core.splitIndex", "false"]);
        sandbox.git(&["update-index", "--no-split-index"]);
        sandbox.capture();
    }

    fn a_sparse_checkout(sandbox) {
        sandbox.init(&[]);
        sandbox.write("other/deep/file", "far\n");
        sandbox.git(&["add", "."]);
        sandbox.git(&["commit", "-qm", "other"]);
        sandbox.git(&["sparse-checkout", "set", "--cone", "--sparse-index", "src"]);
        let said = sandbox.refused(&ours("1"), false);
        assert!(said.contains("a sparse index") && said.contains("git sparse-checkout reapply --no-sparse-index"), "{said}");
        sandbox.git(&["sparse-checkout", "reapply", "--no-sparse-index"]);
        assert!(sandbox.open().work(&[]).expect("work").is_empty(), "what is outside is not deleted");
        sandbox.capture();
        let repository = sandbox.open();
        sandbox.write("src/new", "n\n");
        repository.propose(&[], true).expect("a proposal").commit("work").expect("a commit");
        assert_eq!(repository.committed("other/deep/file").expect("HEAD"), Some(b"far\n".to_vec()));
        assert_eq!(repository.committed("src/new").expect("HEAD"), Some(b"n\n".to_vec()));
        assert_eq!(sandbox.git(&["status", "--porcelain"]), "");
        sandbox.sound();
    }

    fn formats_that_libgit2_cannot_read(sandbox) {
        for (options, word, cure) in [
            ("--object-format=sha256", "SHA-256", "a repository with SHA-1 names"),
            ("--ref-format=reftable", "reftable", "`git refs migrate --ref-format=files`"),
        ] {
            if !sandbox.try_git(&["init", "-q", options]).status.success() {
                skip(&format!("git init {options}: this git is too old"));
                continue;
            }
            let said = sandbox.unopened();
            assert!(said.contains(word) && said.contains(cure), "{said}");
            if word == "reftable" {
                // The cure is one.
                sandbox.git(&["refs", "migrate", "--ref-format=files"]);
                sandbox.capture();
            }
            fs::remove_dir_all(sandbox.root.join(".git")).expect("ours");
        }
        for path in OURS {
            drop(fs::remove_file(sandbox.root.join(path)));
        }
        let origin = Sandbox { home: sandbox.home.clone(), root: sandbox.home.join("origin") };
        fs::create_dir(&origin.root).expect("a folder");
        origin.init(&[]);
        origin.git(&["config", "uploadpack.allowFilter", "true"]);
        let clone = Sandbox { home: sandbox.home.clone(), root: sandbox.home.join("clone") };
        fs::create_dir(&clone.root).expect("a folder");
        clone.git(&["clone", "-q", "--filter=blob:none", &format!("file://{}", origin.root.display()), "."]);
        clone.git(&["config", "core.repositoryFormatVersion", "1"]);
        clone.git(&["config", "extensions.partialClone", "origin"]);
        let said = clone.unopened();
        assert!(said.contains("`git config --unset extensions.partialClone`"), "{said}");
        clone.git(&["config", "--unset", "extensions.partialClone"]);
        clone.capture();
    }

    fn a_foreign_owner(sandbox) {
        sandbox.init(&[]);
        let chown = Command::new("chown").args(["-R", "12345:12345"]).arg(&sandbox.root).output().expect("chown");
        if !chown.status.success() {
            return skip("a foreign owner: this needs root");
        }
        let said = sandbox.unopened();
        let cure = format!("`git config --global --add safe.directory {}`", sandbox.root.display());
        assert!(said.contains("belongs to another user") && said.contains(&cure), "{said}");
        sandbox.git(&["config", "--global", "--add", "safe.directory", sandbox.root.to_str().expect("text")]);
        sandbox.capture();
    }

    fn head_moves_in_between(sandbox) {
        sandbox.init(&[]);
        let repository = sandbox.open();
        let moved = |what: &dyn Fn()| {
            let proposal = repository.propose(&ours("1"), false).expect("a proposal");
            what();
            let tip = sandbox.tip();
            let error = proposal.commit("x").expect_err("HEAD moved");
            assert!(error.is::<Moved>(), "{error:#}");
            assert_eq!(sandbox.tip(), tip);
            assert!(!sandbox.root.join(".git/index.lock").exists());
        };
        moved(&|| drop(sandbox.git(&["commit", "-q", "--allow-empty", "-m", "theirs"])));
        moved(&|| drop(sandbox.git(&["checkout", "-q", "-b", "other"])));
        moved(&|| drop(sandbox.git(&["checkout", "-q", "--detach"])));
        moved(&|| drop(sandbox.git(&["checkout", "-q", "--orphan", "fresh"])));
        let proposal = repository.propose(&ours("1"), false).expect("a proposal");
        sandbox.git(&["commit", "-q", "--allow-empty", "-m", "first of fresh"]);
        assert!(proposal.commit("x").expect_err("HEAD was born").is::<Moved>());
        sandbox.git(&["checkout", "-q", "-f", "main"]);
        sandbox.capture();
    }

    fn another_git_holds_the_index(sandbox) {
        sandbox.init(&[]);
        let repository = sandbox.open();
        let proposal = repository.propose(&ours("1"), false).expect("a proposal");
        let (lock, tip) = (sandbox.root.join(".git/index.lock"), sandbox.tip());
        fs::write(&lock, "").expect("a lock");
        let said = format!("{:#}", proposal.commit("x").expect_err("locked"));
        assert!(said.contains("nothing was committed") && said.contains("index.lock"), "{said}");
        assert!(lock.exists(), "a lock of others is never removed");
        assert_eq!(sandbox.tip(), tip);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                std::thread::sleep(std::time::Duration::from_millis(500));
                fs::remove_file(&lock).expect("ours");
            });
            proposal.commit("Capture").expect("it waits");
        });
        assert_ne!(sandbox.tip(), tip);
    }

    fn others_add_and_commit_at_the_same_time(sandbox) {
        sandbox.init(&[]);
        const ROUNDS: usize = 25;
        let retry = |args: &[&str]| while !sandbox.try_git(args).status.success() {};
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for round in 0..ROUNDS {
                    let name = format!("added-{round}");
                    sandbox.write(&name, "a\n");
                    retry(&["add", &name]);
                }
            });
            // Without the index: `git commit` reads it before it locks it, and so loses what is added meanwhile by itself.
            scope.spawn(|| {
                for _ in 0..ROUNDS {
                    loop {
                        let old = sandbox.tip().expect("a commit");
                        let tree = format!("{old}^{{tree}}");
                        let new = sandbox.git(&["commit-tree", "-p", &old, "-m", "theirs", &tree]);
                        if sandbox.try_git(&["update-ref", "HEAD", new.trim(), &old]).status.success() {
                            break;
                        }
                    }
                }
            });
            let repository = sandbox.open();
            for round in 0..ROUNDS {
                let files = ours(&round.to_string());
                write_files(repository.root(), &files).expect("written");
                loop {
                    match repository.propose(&files, false).expect("a proposal").commit(&format!("ours-{round}")) {
                        Ok(_) => break,
                        Err(error) => assert!(error.is::<Moved>(), "{error:#}"),
                    }
                }
            }
        });
        let status = sandbox.git(&["status", "--porcelain"]);
        assert!(status.lines().all(|line| line.starts_with("A  added-")), "{status}");
        let added = sandbox.git(&["ls-files", "added-*"]).lines().count();
        assert_eq!(added, ROUNDS, "nothing that was staged is lost");
        assert_eq!(sandbox.git(&["rev-list", "--count", "HEAD"]).trim(), (2 + 2 * ROUNDS).to_string());
        sandbox.sound();
    }

    fn operations_in_progress(sandbox) {
        sandbox.init(&[]);
        sandbox.git(&["checkout", "-q", "-b", "side"]);
        sandbox.write("readme", "side\n");
        sandbox.git(&["commit", "-qam", "side"]);
        sandbox.git(&["checkout", "-q", "main"]);
        sandbox.write("readme", "main\n");
        sandbox.git(&["commit", "-qam", "main"]);
        for (begin, end, word) in [
            (["merge", "side"], ["merge", "--abort"], "git merge --abort"),
            (["rebase", "side"], ["rebase", "--abort"], "git rebase --abort"),
            (["cherry-pick", "side"], ["cherry-pick", "--abort"], "git cherry-pick --abort"),
            (["revert", "HEAD~2"], ["revert", "--abort"], "git revert --abort"),
            (["bisect", "start"], ["bisect", "reset"], "git bisect reset"),
        ] {
            sandbox.try_git(&begin);
            let said = sandbox.refused(&ours("1"), false);
            assert!(said.contains("is in progress") && said.contains(word), "{said}");
            sandbox.git(&end);
        }
        sandbox.write("readme", "stashed\n");
        sandbox.git(&["stash", "-q"]);
        sandbox.write("readme", "other\n");
        sandbox.git(&["commit", "-qam", "other"]);
        sandbox.try_git(&["stash", "pop"]);
        let said = sandbox.refused(&ours("1"), false);
        assert!(said.contains("`readme` has conflicts"), "{said}");
        assert!(sandbox.refused(&ours("1"), true).contains("`readme` has conflicts"));
    }

    fn other_things_at_our_places(sandbox) {
        sandbox.init(&[]);
        let file = |path: &str| [File::new(path, "x")];
        symlink("readme", sandbox.root.join("flake.nix")).expect("a link");
        let said = sandbox.refused(&ours("1"), false);
        assert!(said.contains("`flake.nix` is a symlink in the work tree"), "{said}");
        let error = write_files(&sandbox.root, &file("flake.nix")).expect_err("a link");
        assert!(format!("{error:#}").contains("is a symlink"), "{error:#}");
        sandbox.git(&["add", "flake.nix"]);
        sandbox.git(&["commit", "-qm", "a link"]);
        fs::remove_file(sandbox.root.join("flake.nix")).expect("ours");
        assert!(sandbox.refused(&ours("1"), false).contains("`flake.nix` is a symlink at HEAD"));
        assert!(sandbox.open().committed("flake.nix").is_err());
        sandbox.git(&["commit", "-qam", "gone"]);

        let outside = sandbox.home.join("outside");
        fs::create_dir(&outside).expect("a folder");
        symlink(&outside, sandbox.root.join(".agent-capture")).expect("a link");
        let said = sandbox.refused(&ours("1"), false);
        assert!(said.contains("`.agent-capture` is a symlink in the work tree"), "{said}");
        assert!(write_files(&sandbox.root, &ours("1")).is_err());
        assert!(walk(&outside).is_empty(), "nothing is written through the link");
        fs::remove_file(sandbox.root.join(".agent-capture")).expect("ours");

        fs::create_dir(sandbox.root.join("flake.lock")).expect("a folder");
        assert!(sandbox.refused(&ours("1"), false).contains("`flake.lock` is a folder in the work tree"));
        assert!(write_files(&sandbox.root, &file("flake.lock")).is_err());
        fs::remove_dir(sandbox.root.join("flake.lock")).expect("ours");

        assert!(sandbox.refused(&file("readme/x"), false).contains("`readme` is a file at HEAD"));
        assert!(sandbox.refused(&file("src"), false).contains("`src` is a folder at HEAD"));
        assert!(write_files(&sandbox.root, &file("readme/x")).is_err());
        Command::new("mkfifo").arg(sandbox.root.join("pipe")).status().expect("mkfifo");
        assert!(sandbox.refused(&file("pipe"), false).contains("no regular file"));
        assert!(write_files(&sandbox.root, &file("pipe")).is_err());
        for bad in ["../x", "/etc/x", ".git/config", "a b", ".gi\u{200c}t/x"] {
            assert!(sandbox.open().propose(&file(bad), false).is_err(), "{bad}");
            assert!(write_files(&sandbox.root, &file(bad)).is_err(), "{bad}");
        }

        // In the index alone.
        sandbox.write(".agent-capture", "a file\n");
        sandbox.git(&["add", ".agent-capture"]);
        fs::remove_file(sandbox.root.join(".agent-capture")).expect("ours");
        let said = sandbox.refused(&ours("1"), false);
        assert!(said.contains("`.agent-capture` is staged where"), "{said}");
        sandbox.git(&["rm", "-q", "--cached", ".agent-capture"]);
        sandbox.write("flake.nix/x", "below\n");
        sandbox.git(&["add", "flake.nix/x"]);
        fs::remove_dir_all(sandbox.root.join("flake.nix")).expect("ours");
        assert!(sandbox.refused(&ours("1"), false).contains("`flake.nix/x` is staged where"));
    }

    fn something_else_staged_at_our_place(sandbox) {
        sandbox.init(&[]);
        sandbox.write("flake.nix", "by hand\n");
        sandbox.git(&["add", "flake.nix"]);
        let repository = sandbox.open();
        let proposal = repository.propose(&ours("1"), false).expect("it can be verified");
        let said = format!("{:#}", proposal.commit("x").expect_err("it would be lost"));
        assert!(said.contains("`flake.nix` has staged changes") && said.contains("git restore --staged"), "{said}");
        assert_eq!(sandbox.git(&["show", ":flake.nix"]), "by hand\n");
        // The same as ours, or only meant to be added: that is no loss.
        sandbox.git(&["rm", "-q", "--cached", "flake.nix"]);
        write_files(&sandbox.root, &ours("1")).expect("written");
        sandbox.git(&["add", "-N", "flake.nix"]);
        sandbox.git(&["add", "flake.lock"]);
        sandbox.capture();
        assert_eq!(sandbox.git(&["status", "--porcelain"]), "");
    }

    fn work_that_is_included(sandbox) {
        sandbox.init(&[]);
        sandbox.write(".gitignore", "ignored\n");
        sandbox.write("old", "old\n");
        sandbox.write("file", "becomes a folder\n");
        sandbox.git(&["add", "."]);
        sandbox.git(&["commit", "-qm", "more"]);
        sandbox.write("readme", "staged\n");
        sandbox.git(&["add", "readme"]);
        sandbox.write("src/main.rs", "modified\n");
        sandbox.git(&["rm", "-q", "old"]);
        fs::remove_file(sandbox.root.join("file")).expect("ours");
        sandbox.write("file/inside", "i\n");
        sandbox.write("empty", "");
        sandbox.git(&["add", "-N", "empty"]);
        sandbox.write("ignored", "secret\n");
        sandbox.write("new/deep/one", "1\n");
        sandbox.write("new/run", "#!\n");
        fs::set_permissions(sandbox.root.join("new/run"), fs::Permissions::from_mode(0o755)).expect("ours");
        symlink("../nowhere", sandbox.root.join("new/link")).expect("a link");
        let nested = Sandbox { home: sandbox.home.clone(), root: sandbox.root.join("cloned") };
        fs::create_dir(&nested.root).expect("a folder");
        nested.init(&[]);
        let repository = sandbox.open();
        write_files(repository.root(), &ours("1")).expect("written");
        let work = repository.work(&[".agent-capture", "flake.nix", "flake.lock"]).expect("work");
        assert_eq!(work.staged, ["old", "readme"]);
        assert_eq!(work.modified, ["empty", "file", "src/main.rs"]);
        assert_eq!(work.untracked, ["file/inside", "new/deep/one", "new/link", "new/run"]);
        assert_eq!(work.nested, ["cloned"]);

        let before = sandbox.view();
        let proposal = repository.propose(&ours("1"), true).expect("a proposal");
        assert_eq!(sandbox.view(), before);
        let (out, theirs) = (sandbox.home.join("out"), sandbox.home.join("theirs"));
        fs::create_dir(&out).expect("a folder");
        proposal.export(&out).expect("exported");
        // Staged and changed while a verification ran.
        sandbox.write("late", "staged later\n");
        sandbox.write("new/deep/one", "staged later\n");
        sandbox.git(&["add", "late", "new/deep/one"]);
        proposal.commit("with work").expect("a commit");
        assert_eq!(sandbox.git(&["status", "--porcelain"]), "A  late\nM  new/deep/one\n?? cloned/\n");
        assert_eq!(sandbox.git(&["diff", "--cached", "--stat", "--format="]).lines().count(), 3);

        fs::create_dir(&theirs).expect("a folder");
        let tar = sandbox.home.join("tree.tar");
        sandbox.git(&["archive", "-o", tar.to_str().expect("text"), "HEAD"]);
        must(&Command::new("tar").arg("xf").arg(&tar).current_dir(&theirs).output().expect("tar"), "tar");
        assert_eq!(walk(&out), walk(&theirs), "exported as git does");
        assert!(proposal.export(&out).is_err(), "only into an empty folder");
        // git would have made the same tree.
        sandbox.git(&["reset", "-q", "--hard", "HEAD"]);
        sandbox.sound();
    }

    fn included_work_is_what_git_would_commit(sandbox) {
        sandbox.init(&[]);
        sandbox.git(&["config", "core.autocrlf", "input"]);
        sandbox.write(".gitattributes", "*.md text eol=crlf\n*.bin -text\n");
        sandbox.write("a.md", "x\r\ny\r\n");
        sandbox.write("b.bin", "x\r\ny\r\n");
        sandbox.write("c.txt", "x\r\ny\r\n");
        sandbox.write("readme", "changed\n");
        fs::write(sandbox.root.join("caf\u{e9}"), "latin\n").expect("a file");
        let bytes = <std::ffi::OsStr as std::os::unix::ffi::OsStrExt>::from_bytes(b"caf\xe9");
        fs::write(sandbox.root.join(bytes), "not UTF-8\n").expect("a file");
        let repository = sandbox.open();
        let tree = repository.propose(&[], true).expect("a proposal").tree();
        sandbox.git(&["add", "--all"]);
        assert_eq!(sandbox.git(&["write-tree"]).trim(), tree);
    }

    fn settings_that_change_our_files(sandbox) {
        sandbox.init(&[]);
        let says = |path: &str| sandbox.open().conversion(path).expect("attributes");
        assert_eq!(says("flake.nix"), None);
        for (attributes, config, expected) in [
            ("*.nix text", "", None),
            ("*.nix eol=crlf", "", Some("eol=crlf")),
            ("*.nix ident", "", Some("ident")),
            ("*.nix working-tree-encoding=UTF-16", "", Some("working-tree-encoding")),
            ("*.nix filter=none", "", None),
            ("*.nix filter=some", "", Some("filter=some")),
            ("", "core.autocrlf=true", Some("core.autocrlf")),
            ("*.nix -text", "core.autocrlf=true", None),
            ("*.nix eol=lf", "core.autocrlf=true", None),
            ("", "core.eol=crlf", None),
            ("*.nix text", "core.eol=crlf", Some("core.eol")),
        ] {
            sandbox.write(".gitattributes", &format!("{attributes}\n"));
            sandbox.git(&["config", "filter.some.smudge", "rev"]);
            let (name, value) = config.split_once('=').unwrap_or(("core.none", "x"));
            sandbox.git(&["config", name, value]);
            assert_eq!(says("flake.nix").as_deref(), expected, "{attributes} {config}");
            // What git itself does is no other.
            fs::write(sandbox.root.join("flake.nix"), "$Id$\na\nb\n").expect("a file");
            let checked_out = if attributes.contains("encoding") { "not read".to_owned() } else {
                let blob = sandbox.git(&["hash-object", "-w", "--no-filters", "flake.nix"]);
                sandbox.git(&["cat-file", "--filters", "--path=flake.nix", blob.trim()])
            };
            assert_eq!(checked_out != "$Id$\na\nb\n", expected.is_some(), "{attributes} {config}: {checked_out:?}");
            sandbox.git(&["config", "--unset", name]);
        }
    }

    fn filters_that_only_git_runs(sandbox) {
        sandbox.init(&[]);
        sandbox.write(".gitattributes", "*.big filter=lfs\n");
        sandbox.write("a.big", "content\n");
        let repository = sandbox.open();
        repository.propose(&[], true).expect("a filter that is not set up does nothing");
        sandbox.git(&["config", "filter.lfs.clean", "tr a-z A-Z"]);
        let said = sandbox.refused(&ours("1"), true);
        assert!(said.contains("`a.big` needs the filter `lfs`"), "{said}");
        sandbox.capture();
    }

    fn files_that_go(sandbox) {
        sandbox.init(&[]);
        sandbox.capture();
        let repository = sandbox.open();
        let files = [File::removed(OURS[1]), File::removed("flake.lock"), File::removed("never/was"), File::new("flake.nix", "2\n")];
        let proposal = repository.propose(&files, false).expect("a proposal");
        let change = |path: &str, kind, insertions, deletions| Change { path: path.into(), kind, insertions, deletions };
        assert_eq!(proposal.changes().expect("changes"), [
            change(OURS[1], Kind::Deleted, 0, 1),
            change("flake.lock", Kind::Deleted, 0, 1),
            change("flake.nix", Kind::Modified, 1, 1),
        ]);
        let patch = proposal.patch().expect("a patch");
        let theirs = sandbox.git(&["diff", "HEAD", &proposal.tree()]);
        assert_eq!(patch, theirs);
        write_files(repository.root(), &files).expect("written");
        proposal.commit("less").expect("a commit");
        assert_eq!(sandbox.git(&["status", "--porcelain"]), "");
        assert!(!sandbox.root.join(".agent-capture/s1").exists(), "an empty folder goes too");
        assert!(sandbox.root.join(".agent-capture").exists());
        sandbox.sound();
    }

    fn hooks_are_named(sandbox) {
        sandbox.init(&[]);
        assert_eq!(sandbox.open().hooks(), Vec::<String>::new());
        for name in ["pre-commit", "post-commit", "pre-push", "commit-msg"] {
            sandbox.write(&format!(".git/hooks/{name}"), "#!/bin/sh\nexit 1\n");
            let mode = if name == "commit-msg" { 0o644 } else { 0o755 };
            fs::set_permissions(sandbox.root.join(".git/hooks").join(name), fs::Permissions::from_mode(mode)).expect("ours");
        }
        assert_eq!(sandbox.open().hooks(), ["pre-commit", "post-commit"]);
        sandbox.git(&["config", "core.hooksPath", ".husky"]);
        assert_eq!(sandbox.open().hooks(), Vec::<String>::new());
        sandbox.capture();
    }

    fn commits_are_signed_with_ssh(sandbox) {
        sandbox.init(&[]);
        sandbox.git(&["config", "commit.gpgsign", "true"]);
        sandbox.git(&["config", "gpg.format", "ssh"]);
        let said = sandbox.refused(&ours("1"), false);
        assert!(said.contains("git config user.signingKey"), "{said}");
        let key = sandbox.home.join("id");
        let made = Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-C", "test", "-f"]).arg(&key).output();
        must(&made.expect("ssh-keygen"), "ssh-keygen");
        let public = fs::read_to_string(key.with_extension("pub")).expect("a key");
        fs::write(sandbox.home.join("signers"), format!("* {public}")).expect("signers");
        sandbox.git(&["config", "user.signingKey", key.to_str().expect("text")]);
        sandbox.git(&["config", "gpg.ssh.allowedSignersFile", sandbox.home.join("signers").to_str().expect("text")]);
        sandbox.capture();
        assert_eq!(sandbox.git(&["log", "-1", "--format=%G?"]).trim(), "G", "git takes the signature for good");
        sandbox.git(&["config", "gpg.ssh.program", "false"]);
        let tip = sandbox.tip();
        let said = sandbox.refused(&ours("2"), false);
        assert!(said.contains("failed to sign the commit with `false`"), "{said}");
        assert_eq!(sandbox.tip(), tip);
    }

    fn commits_are_signed_with_openpgp(sandbox) {
        if Command::new("gpg").arg("--version").output().is_err() {
            return skip("gpg is not installed");
        }
        sandbox.init(&[]);
        let home = sandbox.home.join("gnupg");
        fs::create_dir(&home).expect("a folder");
        fs::set_permissions(&home, fs::Permissions::from_mode(0o700)).expect("mode");
        // gpg is told its home by a program of its own: the environment of the test is shared.
        let program = sandbox.home.join("gpg");
        fs::write(&program, format!("#!/bin/sh\nexec gpg --homedir {} --batch \"$@\"\n", home.display())).expect("a program");
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("mode");
        let made = Command::new(&program).args(["--passphrase", "", "--quick-generate-key", "Test <test@example.org>"]).output();
        must(&made.expect("gpg"), "gpg");
        sandbox.git(&["config", "commit.gpgsign", "true"]);
        sandbox.git(&["config", "gpg.program", program.to_str().expect("text")]);
        sandbox.git(&["config", "user.signingKey", "test@example.org"]);
        sandbox.capture();
        assert_eq!(sandbox.git(&["log", "-1", "--format=%G?"]).trim(), "G", "git takes the signature for good");
        sandbox.git(&["config", "user.signingKey", "nobody@example.org"]);
        let said = sandbox.refused(&ours("2"), false);
        assert!(said.contains("failed to sign the commit"), "{said}");
        drop(Command::new("gpgconf").arg("--homedir").arg(&home).args(["--kill", "all"]).output());
    }

    fn messages(sandbox) {
        sandbox.init(&[]);
        let repository = sandbox.open();
        let proposal = repository.propose(&ours("1"), false).expect("a proposal");
        let tip = sandbox.tip();
        assert!(proposal.commit(" \n\n").is_err());
        assert!(proposal.commit("a\0b").is_err());
        assert_eq!(sandbox.tip(), tip);
    }

    /// Trees that only another program writes: whatever they name, nothing is made outside of the folder.
    fn hostile_trees(sandbox) {
        sandbox.init(&[]);
        let out = sandbox.home.join("out");
        let target = sandbox.home.join("target");
        fs::create_dir(&target).expect("a folder");
        fs::write(sandbox.home.join("link"), target.to_str().expect("text")).expect("a file");
        let hash = |kind: &str, path: &Path| {
            sandbox.git(&["hash-object", "-w", "--literally", "-t", kind, path.to_str().expect("text")]).trim().to_owned()
        };
        let blob = hash("blob", &sandbox.root.join("readme"));
        let link = hash("blob", &sandbox.home.join("link"));
        let raw = |id: &str| (0..40).step_by(2).map(|at| u8::from_str_radix(&id[at..at + 2], 16).expect("hex")).collect::<Vec<_>>();
        let tree = |entries: &[(&str, &str, &str)]| {
            let bytes: Vec<u8> = entries.iter().flat_map(|(mode, name, id)| [format!("{mode} {name}\0").into_bytes(), raw(id)].concat()).collect();
            let path = sandbox.home.join("raw-tree");
            fs::write(&path, bytes).expect("a file");
            hash("tree", &path)
        };
        let inner = tree(&[("100644", "x", &blob)]);
        for entries in [
            vec![("120000", "a", link.as_str()), ("40000", "a", &inner)],
            vec![("40000", "a", &inner), ("120000", "a", &link)],
            vec![("100644", "..", &blob)],
            vec![("40000", "..", &inner)],
            vec![("100644", "../x", &blob)],
            vec![("100644", "a/x", &blob)],
            vec![("40000", ".git", &inner)],
            vec![("40000", ".GIT", &inner)],
            vec![("40000", ".gi\u{200c}t", &inner)],
            vec![("40000", ".git.", &inner)],
            vec![("100644", ".", &blob)],
        ] {
            let hostile = tree(&entries);
            let commit = sandbox.git(&["commit-tree", "-m", "hostile", &hostile]).trim().to_owned();
            fs::write(sandbox.root.join(".git/refs/heads/main"), format!("{commit}\n")).expect("a ref");
            fs::create_dir(&out).expect("a folder");
            let repository = sandbox.open();
            let exported = repository.propose(&[], false).and_then(|proposal| proposal.export(&out));
            assert!(exported.is_err(), "{entries:?}");
            assert!(walk(&target).is_empty() && !sandbox.home.join("x").exists(), "{entries:?}");
            fs::remove_dir_all(&out).expect("ours");
        }
    }
}

#[test]
fn nobody_is_known() {
    let prepare = |command: &mut Command| {
        for (name, _) in PEOPLE {
            command.env_remove(name);
        }
    };
    alone("nobody_is_known", prepare, |sandbox| {
        let git = |args: &[&str]| sandbox.git(&[&["-c", "user.name=x", "-c", "user.email=x@y"], args].concat());
        git(&["init", "-q"]);
        sandbox.write("a", "a\n");
        git(&["add", "a"]);
        git(&["commit", "-qm", "a"]);
        let said = sandbox.refused(&ours("1"), false);
        assert!(said.contains("git config user.name") && said.contains("git config user.email"), "{said}");
        sandbox.git(&["config", "user.name", "Known"]);
        sandbox.git(&["config", "user.email", "known@example.com"]);
        sandbox.git(&["config", "committer.name", "Special"]);
        let repository = sandbox.open();
        repository.propose(&ours("1"), false).expect("a proposal").commit("x").expect("a commit");
        let people = sandbox.git(&["log", "-1", "--format=%an <%ae>|%cn <%ce>"]);
        assert_eq!(people.trim(), "Known <known@example.com>|Special <known@example.com>");
    });
}

#[test]
fn configuration_from_the_environment() {
    let prepare = |command: &mut Command| {
        for (name, _) in PEOPLE {
            command.env_remove(name);
        }
        command.env("GIT_CONFIG_COUNT", "2");
        command.env("GIT_CONFIG_KEY_0", "user.name").env("GIT_CONFIG_VALUE_0", "From env");
        command.env("GIT_CONFIG_KEY_1", "user.email").env("GIT_CONFIG_VALUE_1", "env@example.com");
    };
    alone("configuration_from_the_environment", prepare, |sandbox| {
        sandbox.init(&[]);
        let repository = sandbox.open();
        repository.propose(&ours("1"), false).expect("a proposal").commit("x").expect("a commit");
        assert_eq!(sandbox.git(&["log", "-1", "--format=%an <%ae>"]).trim(), "From env <env@example.com>");
        assert!(!fs::read_to_string(sandbox.root.join(".git/config")).expect("a file").contains("fsync"));
    });
}

/// What a power cut could take away is synced: each object, the branch, our files, the index, and the folders of all these.
#[test]
fn all_is_on_the_disk() {
    let name = "all_is_on_the_disk";
    if let Some(home) = std::env::var_os(ALONE) {
        let sandbox = Sandbox::new(Path::new(&home));
        sandbox.init(&[]);
        let count = |sandbox: &Sandbox| {
            sandbox.git(&["count-objects"]).split(' ').next().and_then(|count| count.parse::<usize>().ok())
        };
        let before = count(&sandbox).expect("a number");
        sandbox.capture();
        let new = count(&sandbox).expect("a number") - before;
        fs::write(sandbox.home.join("objects"), new.to_string()).expect("a file");
        return;
    }
    let home = home();
    let trace = home.path().join("trace");
    let mut command = alone_command("strace", name, home.path());
    let exe = command.get_args().next().expect("the test").to_owned();
    let mut traced = Command::new("strace");
    traced.args(["-f", "-y", "-e", "trace=fsync,fdatasync", "-e", "signal=none", "-o"]).arg(&trace).arg(exe);
    traced.args(command.get_args().skip(1)).env_clear();
    traced.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    command.env_clear();
    match traced.output() {
        Ok(output) if !String::from_utf8_lossy(&output.stderr).contains("ptrace") => {
            must(&output, name);
        }
        _ => return skip("fsync: strace is not installed or may not trace"),
    }
    let trace = fs::read_to_string(trace).expect("a trace");
    let synced = |part: &str| trace.lines().filter(|line| line.contains("sync(") && line.contains(part)).count();
    let objects: usize = fs::read_to_string(home.path().join("objects")).expect("a count").parse().expect("a number");
    assert_eq!(objects, 4 + 3 + 1, "blobs, trees and the commit");
    assert_eq!(synced("/objects/tmp_object"), objects, "each object\n{trace}");
    assert!(synced(".git/objects>") >= 2 && synced(".git/objects/") >= 2 * objects, "and its folder\n{trace}");
    assert_eq!(synced("/refs/heads/main.lock>"), 1, "the branch\n{trace}");
    assert!(synced("/refs/heads>") >= 1, "and its folder\n{trace}");
    assert_eq!(synced(".git/index.agent-capture"), 1, "the index\n{trace}");
    assert!(synced(".git>") >= 1, "and its folder\n{trace}");
    assert_eq!(synced(".tmp>"), OURS.len(), "our files\n{trace}");
    assert!(synced("project>") >= 2 && synced("project/.agent-capture/s1>") >= 1, "and their folders\n{trace}");
}
