//! What the recorder sees besides execs, on real processes: what they connect to and what they open.
#![cfg(target_os = "linux")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use agent_capture::event::{Bytes, Connect, Event, Exec, Peer, Server, Status};
use agent_capture::host::Owner;
use agent_capture::journal::Journal;
use tempfile::TempDir;

mod support;
use support::recording::tiny;
use support::{Project, program, skipped};

/// A folder to record in.
struct Session {
    folder: TempDir,
    depth: &'static str,
    /// The best that works when none.
    recorder: Option<&'static str>,
    /// How many threads receive, as `--receivers=N`.
    receivers: Option<&'static str>,
}

struct Recorded {
    output: Output,
    events: Vec<Event>,
}

impl Session {
    fn new(depth: &'static str) -> Self {
        Self { folder: tempfile::tempdir().expect("temporary folder"), depth, recorder: None, receivers: None }
    }

    fn by(recorder: &'static str, depth: &'static str) -> Self {
        Self { recorder: Some(recorder), ..Self::new(depth) }
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
        self.run_under(&[], argv)
    }

    /// Runs a command recorded, and the recorder under another.
    #[track_caller]
    fn run_under(&self, above: &[&str], argv: &[&str]) -> Recorded {
        let segment = self.path("segment");
        let words = [above, &[env!("CARGO_BIN_EXE_agent-capture"), "__front", "--segment"]].concat();
        let mut command = Command::new(words[0]);
        command.args(&words[1..]).arg(&segment).args(["--depth", self.depth]);
        command.args(self.recorder.map(|name| ["--recorder", name]).into_iter().flatten());
        command.args(self.receivers).arg("--").args(argv);
        command.env("PATH", support::PATH).env("XDG_CACHE_HOME", self.path("cache"));
        command.current_dir(self.folder.path()).stdin(Stdio::null());
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

    /// Returns the paths of the parts that a program opened.
    fn opened(&self, name: &str) -> Vec<&str> {
        let exec = self.exec(name);
        let files = |event: &'_ Event| matches!(event, Event::Files(files) if files.exec == exec);
        let all = self.events.iter().filter(|event| files(event));
        let all = all.filter_map(|event| if let Event::Files(files) = event { Some(&files.opened) } else { None });
        all.flatten().filter_map(Bytes::as_str).collect()
    }

    /// Returns how often a program opened files to write in a folder.
    fn written(&self, name: &str, folder: &Path) -> u64 {
        let exec = self.exec(name);
        let files = self.events.iter().filter_map(|event| if let Event::Files(it) = event { Some(it) } else { None });
        let folders = files.filter(|files| files.exec == exec).flat_map(|files| &files.written);
        folders.filter(|(path, _)| path.as_path() == folder).map(|(_, count)| count).sum()
    }

    fn disturbed(&self) -> u64 {
        self.events.iter().map(|event| if let Event::Disturbed(it) = event { it.count } else { 0 }).sum()
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

fn ends(paths: &[&str], end: &str) -> usize {
    paths.iter().filter(|path| path.ends_with(end)).count()
}

#[test]
fn libraries_that_are_in_a_process_when_it_ends() {
    let session = Session::new("maps");
    let load = "import ctypes, os; ctypes.CDLL('libutil.so.1')\n";
    let recorded = session.python(load);
    let opened = recorded.opened("python3");
    assert_eq!((ends(&opened, "/libc.so.6"), ends(&opened, "/libutil.so.1")), (1, 1), "{opened:?}");
    assert_eq!(recorded.disturbed(), 0);
    // What it becomes has others.
    drop(fs::remove_file(session.path("segment")));
    let recorded = session.python(&format!("{load}os.execv('/bin/true', ['true'])\n"));
    let (before, after) = (recorded.opened("python3"), recorded.opened("true"));
    assert_eq!((ends(&before, "/libutil.so.1"), ends(&after, "/libutil.so.1")), (1, 0), "{before:?} {after:?}");
    assert_eq!(ends(&after, "/libc.so.6"), 1, "{after:?}");
}

#[test]
fn what_is_opened() {
    let session = Session::new("full");
    for folder in ["site-packages/mine", "include/lib", "away", "pkgconfig"] {
        fs::create_dir_all(session.path(folder)).expect("folder");
    }
    session.write("site-packages/mine/__init__.py", "import single\n");
    session.write("site-packages/single.py", "import os\n");
    session.write("include/lib/one.h", "");
    session.write("include/two.h", "");
    session.write("pkgconfig/x.pc", "");
    let program = "
import sys, ctypes, os, threading
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.abspath('site-packages')); import mine
ctypes.CDLL('libutil.so.1')
for at in range(3): open(f'away/{at}', 'w').close()
os.chdir('include/lib'); open('one.h').close(); open('../two.h').close()
for missing in ['missing.h', '/usr/include/no/such.h']:
    try: open(missing)
    except FileNotFoundError: pass
os.listdir('.')
fd = os.open('../../pkgconfig', os.O_DIRECTORY); os.open('x.pc', os.O_RDONLY, dir_fd=fd)
open('/dev/null', 'w').close()
def late():
    for at in range(50): open('../../away/thread', 'a').close()
t = threading.Thread(target=late); t.start(); t.join()
if os.fork() == 0:
    for at in range(50): open('../../away/fork', 'a').close()
    os._exit(0)
os.wait()
";
    let recorded = session.python(program);
    let opened = recorded.opened("python3");
    for (end, count) in [
        ("/site-packages/mine", 1),
        ("/site-packages/single", 1),
        ("/libutil.so.1", 1),
        ("/include/lib", 1),
        ("/include/two.h", 1),
        ("missing.h", 0),
        ("/include/no", 0),
        ("/pkgconfig/x.pc", 1),
    ] {
        assert_eq!(ends(&opened, end), count, "{end} in {opened:?}");
    }
    let away = fs::canonicalize(session.path("away")).expect("folder");
    assert_eq!((recorded.written("python3", &away), recorded.written("python3", Path::new("/dev"))), (103, 0));
    assert_eq!(recorded.disturbed(), 0);
}

#[cfg(target_arch = "x86_64")]
#[test]
fn each_way_to_open() {
    let session = Session::new("full");
    // mov eax, 5; mov ebx, path; mov ecx, O_WRONLY | O_CREAT; mov edx, 0644; int 0x80; mov eax, 1; xor ebx, ebx; int 0x80
    let path = (0x0804_8000_u32 + 52 + 32 + 31).to_le_bytes();
    let open = [b"\xb8\x05\0\0\0\xbb".as_slice(), &path, b"\xb9\x41\0\0\0\xba\xa4\x01\0\0\xcd\x80"].concat();
    let code = [&open[..], b"\xb8\x01\0\0\0\x31\xdb\xcd\x80", b"ways/i386\0"].concat();
    program(&session.path("narrow"), tiny(3, false, &code));
    fs::create_dir(session.path("ways")).expect("folder");
    let text = "
import ctypes, os, subprocess
call, number = ctypes.CDLL(None).syscall, ctypes.c_long
path = lambda name: os.path.abspath('ways/' + name).encode()
write, mode, here = number(os.O_WRONLY | os.O_CREAT), number(0o644), number(-100)
how = (ctypes.c_uint64 * 3)(write.value, mode.value, 0)
assert call(number(2), path('open'), write, mode) > 0
assert call(number(85), path('creat'), mode) > 0
assert call(number(257), here, path('openat'), write, mode) > 0
assert call(number(437), here, path('openat2'), how, number(24)) > 0
subprocess.run(['./narrow'], check=True)
";
    let recorded = session.python(text);
    let folder = fs::canonicalize(session.path("ways")).expect("folder");
    let mut made: Vec<_> = fs::read_dir(&folder).expect("folder").flatten().map(|entry| entry.file_name()).collect();
    made.sort();
    assert_eq!(made, ["creat", "i386", "open", "openat", "openat2"]);
    assert_eq!((recorded.written("python3", &folder), recorded.written("narrow", &folder)), (4, 1));
}

#[test]
fn what_a_compiler_opens() {
    let session = Session::new("full");
    session.write("main.c", "#include <stdio.h>\n#include \"own.h\"\nint main(void) { return puts(OWN); }\n");
    session.write("own.h", "#define OWN \"own\"\n");
    let recorded = session.run(&["sh", "-c", "gcc main.c -o main && ./main"]);
    assert_eq!(recorded.output.stdout, b"own\n", "{:?}", recorded.output);
    let opened = recorded.opened("cc1");
    assert_eq!((ends(&opened, "/include/stdio.h"), ends(&opened, "/own.h")), (1, 1), "{opened:?}");
    assert!(recorded.opened("main").iter().all(|path| path.contains("/lib")), "{:?}", recorded.opened("main"));
    assert_eq!((ends(&recorded.opened("main"), "/libc.so.6"), recorded.disturbed()), (1, 0));
}

/// Opens a file for half a second while a timer interrupts it, and prints how many opens failed with EINTR.
const INTERRUPTED: &str = "
use POSIX qw(:signal_h EINTR); use Time::HiRes qw(setitimer ITIMER_REAL time);
my $n = 0;
my $action = POSIX::SigAction->new(sub {}, POSIX::SigSet->new, $ARGV[0] ? SA_RESTART : 0);
$action->safe(1);
sigaction(SIGALRM, $action);
setitimer(ITIMER_REAL, 0.0005, 0.0005);
my $end = time + 0.5;
while (time < $end) { open(my $f, '<', '/etc/passwd') or ($! == EINTR ? $n++ : die $!); }
setitimer(ITIMER_REAL, 0, 0);
open(my $last, '<', '/etc/passwd') or die $!; # What never came is known by what came after.
print $n;
";

/// Returns how many opens the program says failed.
#[track_caller]
fn failed(recorded: &Recorded) -> u64 {
    let text = String::from_utf8_lossy(&recorded.output.stdout).into_owned();
    text.parse().unwrap_or_else(|_| panic!("{:?}", recorded.output))
}

#[test]
fn opens_that_the_recorder_disturbs_are_counted() {
    let recorded = Session::by("seccomp", "full").run(&["perl", "-e", INTERRUPTED, "0"]);
    assert!(recorded.disturbed() >= failed(&recorded), "{} of {}", recorded.disturbed(), failed(&recorded));
    assert!(recorded.disturbed() > 0);
    let recorded = Session::by("seccomp", "full").run(&["perl", "-e", INTERRUPTED, "1"]);
    assert_eq!(failed(&recorded), 0);
    for depth in ["network", "maps"] {
        let recorded = Session::by("seccomp", depth).run(&["perl", "-e", INTERRUPTED, "0"]);
        assert_eq!((failed(&recorded), recorded.disturbed()), (0, 0), "{depth}");
    }
}

/// Nobody waits for eBPF.
#[cfg(feature = "ebpf")]
#[test]
fn opens_that_ebpf_sees_are_not_disturbed() {
    // Where less can be recorded, so can this: Linux looks at all of the program only here.
    let probe = Session::by("ebpf", "execs").run(&["true"]);
    if !probe.output.status.success() {
        return skipped(&String::from_utf8_lossy(&probe.output.stderr));
    }
    let recorded = Session::by("ebpf", "full").run(&["perl", "-e", INTERRUPTED, "0"]);
    assert_eq!((failed(&recorded), recorded.disturbed()), (0, 0));
    assert!(!recorded.opened("perl").is_empty());
}

#[test]
fn where_it_is_survived_only_what_kills_interrupts_an_open() {
    const KEPT: &str = "cache/agent-capture/wait-killable";
    let session = Session::by("seccomp", "full");
    assert!(session.run(&["true"]).output.status.success());
    let found = fs::read_to_string(session.path(KEPT)).expect("it is kept");
    let name = rustix::system::uname();
    let kernel = format!("{} {}", name.release().to_string_lossy(), name.version().to_string_lossy());
    assert!(["survives", "kills"].map(|word| format!("{kernel}\n{word}\n")).contains(&found), "{found}");
    assert!(Session::by("seccomp", "network").run(&["true"]).output.status.success());
    if !Command::new("strace").arg("true").output().is_ok_and(|output| output.status.success()) {
        return skipped("strace is not there, or may not trace");
    }
    let calls_of = |session: &Session, kept: &str| {
        session.write(KEPT, &kept.replace("KERNEL", &kernel));
        let recorded = session.run_under(&["strace", "-f", "-e", "trace=seccomp", "-o", "calls"], &["true"]);
        assert!(recorded.output.status.success(), "{:?}", recorded.output);
        let calls = fs::read_to_string(session.path("calls")).expect("calls");
        (calls.matches("NEW_LISTENER").count(), calls.matches("WAIT_KILLABLE_RECV").count())
    };
    let calls = |kept: &str| calls_of(&session, kept);
    assert_eq!(calls("KERNEL\nsurvives\n"), (1, 1));
    assert_eq!(calls("KERNEL\nkills\n"), (1, 0));
    // Of another kernel, so that it is tried anew: once for the trial, and for the session as it was found.
    assert_eq!(calls("1.0 #1\nkills\n"), (2, 1 + usize::from(found.ends_with("\nsurvives\n"))));
    assert_eq!(fs::read_to_string(session.path(KEPT)).expect("it is kept"), found);
    // Where opens are not seen what is known is used, and nothing is tried.
    let network = Session::by("seccomp", "network");
    assert_eq!((calls_of(&network, "KERNEL\nsurvives\n"), calls_of(&network, "1.0 #1\nsurvives\n")), ((1, 1), (1, 0)));
}

/// Each open counts once, however many threads of the recorder take what comes at a time.
#[test]
fn opens_of_many_at_a_time() {
    for receivers in ["--receivers=1", "--receivers=2", "--receivers=4"] {
        opens_of_many(&Session { receivers: Some(receivers), ..Session::new("full") });
    }
}

fn opens_of_many(session: &Session) {
    let script = "
for n in 1 2 3 4 5 6; do
    mkdir $n
    bash -c 'for i in {1..100}; do : >$1/$i; /bin/true; done' writes-$n $n &
done
wait";
    let recorded = session.run(&["sh", "-c", script]);
    assert!(recorded.output.status.success(), "{:?}", recorded.output);
    let lost = recorded.events.iter().filter(|event| matches!(event, Event::Lost(_))).count();
    assert_eq!((recorded.disturbed(), lost), (0, 0));
    let files = recorded.events.iter().filter_map(|event| if let Event::Files(it) = event { Some(it) } else { None });
    let mut written: Vec<_> = files.flat_map(|files| files.written.iter().map(|it| (files.exec, it.clone()))).collect();
    written.retain(|(_, (folder, _))| folder.as_path().starts_with(session.path("")));
    written.sort();
    let execs = |name: &str| {
        let is = |exec: &&Exec| exec.program.as_path().file_name().is_some_and(|file| file == name);
        let all = recorded.events.iter().filter_map(|event| if let Event::Exec(it) = event { Some(it) } else { None });
        all.filter(is).map(|exec| exec.id).collect::<Vec<_>>()
    };
    let expected = |id: &u64| written.iter().any(|(exec, (_, count))| exec == id && *count == 100);
    assert_eq!((written.len(), execs("bash").iter().filter(|id| expected(id)).count()), (6, 6), "{written:?}");
    assert_eq!(execs("true").len(), 600);
}

#[test]
fn the_journal_says_what_was_opened() {
    let project = Project::demo();
    project.write("main.c", "#include <stdio.h>\n#include \"own.h\"\nint main(void) { return 0; }\n");
    project.write("own.h", "");
    let script = "jq -n 1\ngcc main.c -o main\n./main\n";
    project.session(&["--no-verify", "--no-commit", "--files", "full"], script).success();
    let full = journal(&project);
    let header = full.headers.iter().find(|header| header.path.as_str() == Some("/usr/include/stdio.h"));
    let header = header.unwrap_or_else(|| panic!("{:?}", full.headers));
    let cc1 = full.programs.iter().find(|program| program.path.as_slice().ends_with(b"/cc1")).expect("cc1");
    assert!(header.programs.contains(&cc1.id));
    assert!(!full.headers.iter().any(|header| header.path.as_slice().ends_with(b"own.h")), "{:?}", full.headers);
    let libc = full.libraries.iter().find(|library| library.soname == "libc.so.6").expect("libc");
    let main = full.programs.iter().find(|program| program.path.as_str() == Some("main")).expect("main");
    assert!(libc.programs.contains(&main.id) && libc.programs.contains(&cc1.id));
    if Path::new("/var/lib/dpkg/status").exists() {
        let package = |owner: &Option<Owner>| owner.as_ref().map(|owner| owner.package.clone());
        assert_eq!((package(&header.owner), package(&libc.owner)), (Some("libc6-dev".into()), Some("libc6".into())));
    }
    let project = Project::demo();
    project.write("main.c", "int main(void) { return 0; }\n");
    project
        .session(&["--no-verify", "--no-commit", "--files", "maps"], "jq -n 1\ngcc main.c -o main\n./main\n")
        .success();
    let maps = journal(&project);
    let libc = maps.libraries.iter().find(|library| library.soname == "libc.so.6").expect("libc");
    let main = maps.programs.iter().find(|program| program.path.as_str() == Some("main")).expect("main");
    assert!(libc.programs.contains(&main.id) && maps.headers.is_empty());
}

#[test]
fn a_session_that_is_recorded_and_no_more() {
    let project = Project::demo();
    project.session(&["--no-render", "--exec-only", "--name", "one"], "jq -n 1; exit 4").code(4).says("wrote ");
    let status = project.git(&["status", "--porcelain", "--untracked-files=all"]);
    assert_eq!(status, "?? .agent-capture/one/journal.json\n");
    assert!(journal(&project).programs.iter().any(|program| program.path.as_slice().ends_with(b"/jq")));
    project.run(&["stop"]).code(3).says("no session is open here");
    project.run(&["render"]).success();
    assert!(project.read("flake.nix").contains("pkgs.jq # 1 run\n"));
}

/// What is left behind outside the project is known without opens: from what was there before, and what is there after.
#[test]
fn state_that_is_left_behind() {
    let project = Project::demo();
    let home = project.home();
    for old in [".tool/bin/kept", ".tool/bin/gone", ".other/data/file"] {
        fs::create_dir_all(home.join(old).parent().expect("a folder")).expect("folders");
        fs::write(home.join(old), "old").expect("a file");
    }
    // What is changed in the tick of the file system's clock in which a session begins counts as the session's.
    std::thread::sleep(std::time::Duration::from_millis(30));
    let script = "
echo 123 >~/.tool/bin/new; touch -d '2001-01-01' ~/.tool/bin/new; rm ~/.tool/bin/gone
rm -r ~/.other; echo alias >>~/.bashrc; echo 1 >~/Documents; echo 1 >here
";
    project.session(&["--no-render", "--exec-only"], script).success();
    let journal = journal(&project);
    let state: Vec<_> =
        journal.state.iter().map(|it| (it.path.as_str().expect("text"), it.files, it.bytes, it.removed)).collect();
    let ours: Vec<_> = state.into_iter().filter(|(path, ..)| path.starts_with('~')).collect();
    assert_eq!(ours, [("~/.bashrc", 1, 6, 0), ("~/.other", 0, 0, 1), ("~/.tool/bin", 1, 4, 1)]);
}
