//! What is no part of what a session used, wherever it comes from: the agent and what runs it, this program, what shells
//! start by themselves, and what looks after the host.

use super::{Context, listed, paths};
use crate::journal::{Known, Program};

/// Reason for what looks after the host.
pub(super) const ADMINISTERS: &str = "it administers the host";

/// Programs that are agents, and no other tool has their name.
const AGENTS: &str = "aider auggie claude codex copilot crush cursor-agent droid gemini kiro-cli opencode openhands \
    qwen windsurf";

/// Folders in which agents bring programs of their own.
const FOLDERS: &[&str] = &[
    "/@anthropic-ai/claude-code/",
    "/@google/gemini-cli/",
    "/@openai/codex/",
    "/.claude/",
    "/.codex/",
    "/.cursor/",
    "/.gemini/",
    "/.local/share/claude/",
    "/.local/share/opencode/",
    "/claude-code/vendor/",
];

/// What runs agents.
const RUNTIMES: &str = "bun deno node nodejs python python3";

/// Programs that set something up and then become the agent.
const PREFIXES: &str = "env nice nohup script setsid stdbuf timeout";

/// Shells that the standard environment does not have.
const SHELLS: &str = "elvish fish ksh mksh nu tcsh xonsh zsh";

/// Programs that shells start when they begin, or in place of a name they do not know.
const START: &str = "50-motd-news biff command-not-found debian-sa1 dircolors groups landscape-sysinfo lessfile lesspipe \
    lesspipe.sh locale-check mesg motd-news quota run-parts update-motd-updates-available";

/// Programs that look after the host, or another one that is installed from.
const ADMINISTRATION: &str = "addgroup adduser apk brew choco chpasswd chsh cron crond deb-systemd-helper \
    deb-systemd-invoke debconf debconf-communicate debconf-set-selections debconf-show delgroup deluser depmod \
    dnf emerge eopkg fc-cache flatpak gpasswd groupadd groupdel groupmod halt hostnamectl init insmod \
    install-info invoke-rc.d ldconfig locale-gen localectl localedef login loginctl logrotate modprobe newgrp \
    opkg pacman passwd pkg pkgin policy-rc.d port poweroff py3clean py3compile pycompile rc-service reboot rmmod \
    rpm-ostree runuser scoop service shutdown snap snapd start-stop-daemon su sudo sudoedit sysctl systemctl \
    systemd systemd-detect-virt systemd-sysusers systemd-tmpfiles timedatectl tzselect ucf ucfr udevadm ufw \
    update-alternatives update-ca-certificates update-desktop-database update-initramfs update-mime-database \
    update-motd update-passwd update-rc.d useradd userdel usermod vipw visudo winget xbps-install xbps-query \
    xbps-remove yum zypper";

/// Programs that macOS has and no package brings. Elsewhere other programs have some of these names.
const MACOS: &str = "codesign csrutil defaults diskutil dscl hdiutil ioreg launchctl mdfind mdls networksetup \
    open osascript pbcopy pbpaste plutil say scutil security softwareupdate spctl sw_vers system_profiler \
    xcode-select xcodebuild xcrun";

/// Returns why a program is set aside, when it is.
pub(super) fn reason(program: &Program, context: &Context) -> Option<&'static str> {
    let path = program.path.as_str()?;
    let name = paths::name(path);
    if name == "agent-capture" {
        return Some("this program itself");
    }
    let session = &context.journal.session;
    let is_agent = |name: &str| listed(AGENTS, name) || session.agent.as_deref().is_some_and(|agent| agent == name);
    if is_agent(name) || is_agent(name.trim_start_matches('.').trim_end_matches("-wrapped")) {
        return Some("the agent itself");
    }
    let brought = |path: &str| FOLDERS.iter().any(|folder| path.contains(folder));
    if paths::of(program).filter(|path| !paths::is_project(path)).any(brought) {
        return Some("a part of the agent");
    }
    let outside = program.commands.is_empty();
    if outside && session.agent.is_some() && (listed(RUNTIMES, name) || listed(PREFIXES, name)) {
        return Some("it runs the agent");
    }
    if outside && listed(SHELLS, name) {
        return Some("the shell that was recorded");
    }
    if paths::is_project(path) {
        return None;
    }
    // What a program looks for among packages of its own is not the host's.
    let is_brought = program.through.as_deref().is_some_and(|through| !listed(super::nix::SHELLS, through));
    // Of which system a transcript is, it does not say.
    if !is_brought && listed(MACOS, name) && (program.known == Known::Claimed || !session.system.is_linux()) {
        return Some("a part of macOS");
    }
    if listed(START, name) {
        return Some("a shell starts it by itself");
    }
    (!is_brought && listed(ADMINISTRATION, name)).then_some(ADMINISTERS)
}
