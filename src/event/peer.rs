//! What a process connects to that is not of the session.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What a process connected to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Peer {
    /// Another machine; a name server counts as one, wherever it is.
    Network,
    /// A server of this machine that works for others.
    Server(Server),
}

/// A server of this machine that works for whoever asks it: what it does is not seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Server {
    /// The builder of images.
    Buildkit,
    /// What runs containers for others.
    Containerd,
    /// The message bus: it starts services.
    Dbus,
    /// Docker's daemon.
    Docker,
    /// A build daemon of Gradle.
    Gradle,
    /// The daemon that builds for Nix.
    Nix,
    /// Podman's service.
    Podman,
    /// What installs snaps.
    Snapd,
    /// The service manager.
    Systemd,
    /// What watches files for build tools.
    Watchman,
}

/// How the path of a server's socket ends.
const SOCKETS: &[(&[u8], Server)] = &[
    (b"/bus", Server::Dbus), // /run/user/<uid>/bus
    (b"/buildkitd.sock", Server::Buildkit),
    (b"/containerd.sock", Server::Containerd),
    (b"/daemon-socket/socket", Server::Nix), // /nix/var/nix/daemon-socket/socket
    (b"/dbus/system_bus_socket", Server::Dbus),
    (b"/docker.sock", Server::Docker), // /run, and below the home folder of a user without rights
    (b"/podman.sock", Server::Podman),
    (b"/snapd.socket", Server::Snapd),
    (b"/snapd-snap.socket", Server::Snapd),
    (b"/systemd/private", Server::Systemd), // /run, and /run/user/<uid>
];

impl Server {
    /// Returns the server whose socket has this path.
    pub fn at(path: &[u8]) -> Option<Self> {
        let watchman = || path.ends_with(b"-state/sock") && path.windows(10).any(|part| part == b"/watchman/");
        let named = SOCKETS.iter().find(|(end, _)| path.ends_with(end)).map(|(_, server)| *server);
        named.or_else(|| watchman().then_some(Self::Watchman))
    }

    /// Returns the server that a program with these arguments asks by an address of this machine.
    pub fn asked_by<'a>(mut argv: impl Iterator<Item = &'a [u8]>) -> Option<Self> {
        // Its client, by the class or the archive that Java is given.
        const CLASSES: [&[u8]; 2] = [b"org.gradle.launcher.GradleMain", b"org.gradle.wrapper.GradleWrapperMain"];
        const ARCHIVES: [&[u8]; 3] = [b"gradle-wrapper", b"gradle-launcher", b"gradle-gradle-cli-main"];
        let program = argv.next()?;
        let base = |path: &'a [u8]| path.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
        let archive =
            |word: &'a [u8]| word.ends_with(b".jar") && ARCHIVES.iter().any(|archive| base(word).starts_with(archive));
        let gradle = base(program) == b"java" && argv.any(|word| CLASSES.contains(&word) || archive(word));
        gradle.then_some(Self::Gradle)
    }

    /// Returns whether a program with these arguments is this server.
    pub fn is_run_by<'a>(self, mut argv: impl Iterator<Item = &'a [u8]>) -> bool {
        self == Self::Gradle && argv.any(|word| word == b"org.gradle.launcher.daemon.bootstrap.GradleDaemon")
    }
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Buildkit => "BuildKit",
            Self::Containerd => "containerd",
            Self::Dbus => "D-Bus",
            Self::Docker => "Docker",
            Self::Gradle => "a Gradle daemon",
            Self::Nix => "the Nix daemon",
            Self::Podman => "Podman",
            Self::Snapd => "snapd",
            Self::Systemd => "systemd",
            Self::Watchman => "Watchman",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sockets() {
        for (path, server) in [
            ("/var/run/docker.sock", Some(Server::Docker)),
            ("/home/u/.docker/run/docker.sock", Some(Server::Docker)),
            ("/nix/var/nix/daemon-socket/socket", Some(Server::Nix)),
            ("/run/user/1000/systemd/private", Some(Server::Systemd)),
            ("/usr/local/var/run/watchman/u-state/sock", Some(Server::Watchman)),
            ("/tmp/mydocker.sock", None),
            ("/tmp/u-state/sock", None),
            ("", None),
        ] {
            assert_eq!(Server::at(path.as_bytes()), server, "{path}");
        }
    }

    #[test]
    fn gradle() {
        let words = |line: &'static str| line.split(' ').map(str::as_bytes);
        for (line, client, daemon) in [
            ("java -cp /opt/gradle/lib/x.jar org.gradle.launcher.GradleMain test", true, false),
            ("/usr/bin/java -jar ./gradle/wrapper/gradle-wrapper.jar build", true, false),
            ("java -cp x.jar org.gradle.launcher.daemon.bootstrap.GradleDaemon 8.5", false, true),
            ("java -jar app.jar", false, false),
            ("cat gradle-wrapper.jar", false, false),
        ] {
            assert_eq!(Server::asked_by(words(line)).is_some(), client, "{line}");
            assert_eq!(Server::Gradle.is_run_by(words(line)), daemon, "{line}");
        }
    }
}
