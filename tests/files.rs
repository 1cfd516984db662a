//! What the recorder sees besides execs, on real processes: what they connect to and what they open.
#![cfg(target_os = "linux")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use agent_capture::event::{Connect, Event, Exec, Peer, Server, Status};
use agent_capture::journal::Journal;
use tempfile::TempDir;

mod support;
use support::{Project, skipped};

/// A folder to record in.
struct Session {
    folder: TempDir,
    depth: &'static str,
}

struct Recorded {
    output: Output,
    events: Vec<Event>,
}

impl Session {
    fn new(depth: &'static str) -> Self {
        Self { folder: tempfile::tempdir().expect("temporary folder"), depth }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("in the folder")).expect("folder");
        fs::write(&path, text).expect("a file");
        path
    }

    /// Runs a command recorded.
    #[track_caller]
    fn run(&self, argv: &[&str]) -> Recorded {
        let segment = self.path("segment");
        let mut command = Command::new(env!("CARGO_BIN_EXE_agent-capture"));
        command.arg("__front").arg("--segment").arg(&segment).args(["--depth", self.depth, "--"]).args(argv);
        command.env("PATH", support::PATH).current_dir(self.folder.path()).stdin(Stdio::null());
        let output = command.output().expect("run");
        let text = fs::read(segment).unwrap_or_default();
        let lines = text.split_inclusive(|byte| *byte == b'\n').filter(|line| line.ends_with(b"\n"));
        let events = lines.map(|line| serde_json::from_slice(line).expect("an event")).collect();
        Recorded { output, events }
    }

    /// Runs a Python program recorded; it must end well.
    #[track_caller]
    fn python(&self, text: &str) -> Recorded {
        self.write("program.py", text);
        let recorded = self.run(&["/usr/bin/python3", "program.py"]);
        assert!(recorded.output.status.success(), "{:?}", recorded.output);
        recorded
    }
}

impl Recorded {
    fn connects(&self) -> Vec<Peer> {
        let connect = |event: &Event| if let Event::Connect(Connect { to, .. }) = event { Some(*to) } else { None };
        self.events.iter().filter_map(connect).collect()
    }

    /// Returns the id of the first exec of a program of this name.
    #[track_caller]
    fn exec(&self, name: &str) -> u64 {
        let named = |exec: &&Exec| exec.program.as_path().file_name().is_some_and(|file| file == name);
        let mut execs = self.events.iter().filter_map(|event| if let Event::Exec(e) = event { Some(e) } else { None });
        execs.find(named).unwrap_or_else(|| panic!("no {name} in {:#?}", self.events)).id
    }
}

/// Connects to a place and says how that went, as errno.
const TRY: &str = "
import errno, socket, sys
def to(address, family=socket.AF_INET, kind=socket.SOCK_STREAM):
    with socket.socket(family, kind) as s:
        s.settimeout(0.5)
        try: s.connect(address)
        except OSError as error: return error.errno or errno.ETIMEDOUT
    return 0
";

#[test]
fn this_machine_is_no_network() {
    let server = "
import threading
l = socket.create_server(('127.0.0.1', 0))
threading.Thread(target=l.accept, daemon=True).start()
assert to(l.getsockname()) == 0
to(('::1', 9), socket.AF_INET6)
u = socket.socket(socket.AF_UNIX); u.bind('plain.sock'); u.listen()
assert to('plain.sock', socket.AF_UNIX) == 0
d = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
d.sendto(b'x', ('127.0.0.1', 9))
a, b = socket.socketpair(); a.sendall(b'x')
socket.socket(socket.AF_NETLINK, socket.SOCK_RAW).close()
";
    let recorded = Session::new("network").python(&format!("{TRY}{server}"));
    assert_eq!(recorded.connects(), []);
}

/// Nothing leaves this machine: the tests run in a network of their own, in which every other address is unreachable.
#[test]
fn other_machines_are_the_network() {
    let session = Session::new("network");
    let alone = ["unshare", "-rn", "/usr/bin/python3", "program.py"];
    for way in [
        "assert to(('203.0.113.1', 9)) == errno.ENETUNREACH",
        "assert to(('2001:db8::1', 9), socket.AF_INET6) != 0",
        "to(('127.0.0.53', 53), kind=socket.SOCK_DGRAM)",
        "
try: socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('203.0.113.1', 9))
except OSError as error: assert error.errno == errno.ENETUNREACH
else: assert False",
        "
import os
if os.fork() == 0:
    for _ in range(100): to(('203.0.113.1', 9))
    os._exit(0)
os.wait()",
        "
import threading
t = threading.Thread(target=to, args=(('203.0.113.1', 9),)); t.start(); t.join()",
    ] {
        session.write("program.py", &format!("{TRY}{way}\n"));
        drop(fs::remove_file(session.path("segment")));
        if !Command::new("unshare").args(["-rn", "true"]).status().is_ok_and(|status| status.success()) {
            return skipped("there are no network namespaces here");
        }
        let recorded = session.run(&alone);
        assert!(recorded.output.status.success(), "{way}: {:?}", recorded.output);
        assert_eq!(recorded.connects(), [Peer::Network], "{way}");
        let exec = recorded.exec("python3");
        assert!(recorded.events.iter().any(|event| matches!(event, Event::Connect(it) if it.exec == exec)), "{way}");
        let shallow = Session { depth: "execs", ..Session::new("execs") };
        shallow.write("program.py", &format!("{TRY}{way}\n"));
        assert_eq!(shallow.run(&alone).connects(), [], "{way}");
    }
}

#[test]
fn work_handed_to_a_server_is_named() {
    let session = Session::new("network");
    let program = "
for name in ['run/docker.sock', 'nix/var/nix/daemon-socket/socket', 'run/systemd/private']:
    u = socket.socket(socket.AF_UNIX); u.bind(name); u.listen()
    import os
    for path in [name, os.path.abspath(name)]: assert to(path, socket.AF_UNIX) == 0
to('run/podman.sock', socket.AF_UNIX)
open('containerd.sock', 'w').close()
to('containerd.sock', socket.AF_UNIX)
";
    for name in ["run/systemd", "nix/var/nix/daemon-socket"] {
        fs::create_dir_all(session.path(name)).expect("a folder");
    }
    let recorded = session.python(&format!("{TRY}{program}"));
    let servers = [Server::Docker, Server::Nix, Server::Systemd];
    assert_eq!(recorded.connects(), servers.map(Peer::Server));
}

/// A java that is a script: what it is called and given is what counts.
#[test]
fn a_build_daemon_is_known_by_who_asks_it() {
    let session = Session::new("network");
    fs::create_dir(session.path("bin")).expect("folder");
    fs::copy(Path::new("/usr/bin/python3"), session.path("bin/java")).expect("a java");
    let program = "
l = socket.create_server(('127.0.0.1', 0)); assert to(l.getsockname()) == 0
";
    session.write("program.py", &format!("{TRY}{program}"));
    let called = |class: &str| {
        drop(fs::remove_file(session.path("segment")));
        let recorded = session.run(&["bin/java", "program.py", class, "test"]);
        assert!(recorded.output.status.success(), "{:?}", recorded.output);
        recorded.connects()
    };
    assert_eq!(called("org.gradle.launcher.GradleMain"), [Peer::Server(Server::Gradle)]);
    assert_eq!(called("org.example.Main"), []);
}

/// Returns the journal of the only session.
fn journal(project: &Project) -> Journal {
    let folder = project.root().join(".agent-capture");
    let sessions = fs::read_dir(folder).expect("sessions").flatten();
    let journal = sessions.map(|entry| entry.path().join("journal.json")).find(|path| path.exists());
    Journal::parse(&fs::read(journal.expect("a journal")).expect("readable")).expect("a journal")
}

#[test]
fn the_journal_says_which_commands_reached_the_network() {
    let project = Project::demo();
    let script = format!("make check\nunshare -rn python3 -c \"{TRY}to(('203.0.113.1', 9))\"\npython3 -c pass\n");
    project.session(&["--no-verify", "--no-commit"], &script).success();
    let journal = journal(&project);
    let reached: Vec<bool> = journal.commands.iter().map(|command| command.network).collect();
    if journal.commands[1].status.is_some_and(Status::is_success) {
        assert_eq!(reached, [false, true, false]);
    } else {
        skipped("there are no network namespaces here");
    }
    let project = Project::demo();
    project.session(&["--no-verify", "--no-commit", "--exec-only"], &script).success();
    let journal = self::journal(&project);
    assert!(journal.commands.iter().all(|command| !command.network));
    assert!(journal.session.recorder.blind.iter().any(|sentence| sentence.contains("network")));
}

#[test]
fn the_journal_says_which_libraries_the_projects_programs_need() {
    let project = Project::demo();
    project.write("ran.c", "#include <math.h>\nint main(int argc, char **argv) { return sin(argc) > 2; }\n");
    let script = "
gcc ran.c -o ran -lm; ./ran
gcc -shared -fPIC ran.c -o libown.so -Wl,--no-as-needed -lm
mkdir sub; cd sub; gcc ../ran.c -o linked -L.. -Wl,--no-as-needed -lown -lm
gcc ../ran.c -o gone -lm; rm gone
python3 -c pass
";
    project.session(&["--no-verify", "--no-commit"], script).success();
    let journal = journal(&project);
    let named = |soname: &str| journal.libraries.iter().find(|library| library.soname == soname);
    let libm = named("libm.so.6").expect("libm");
    let ran = journal.programs.iter().find(|program| program.path.as_str() == Some("ran")).expect("it ran");
    assert_eq!(libm.programs.iter().collect::<Vec<_>>(), [&ran.id]);
    let files: Vec<_> = libm.files.iter().filter_map(|file| file.as_str()).collect();
    assert_eq!(files, ["libown.so", "sub/linked"]);
    assert_eq!(named("libown.so"), None, "it is the project's own");
    if Path::new("/var/lib/dpkg/status").exists() {
        assert_eq!(libm.owner.as_ref().map(|owner| owner.package.as_str()), Some("libc6"));
    }
}
