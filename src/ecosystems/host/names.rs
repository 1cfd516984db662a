//! Names of programs and folders that say what a program is for.

/// Names that stand for whatever the host has chosen.
pub(super) const ALTERNATIVES: &str = "editor pager pinentry sensible-browser sensible-editor sensible-pager www-browser \
    x-terminal-emulator x-www-browser";

/// What Debian puts before the names of compilers and their tools.
pub(super) const TRIPLES: [&str; 2] = ["x86_64-linux-gnu-", "aarch64-linux-gnu-"];

/// Programs inside a compiler.
pub(super) const COMPILER: &str =
    "as cc1 cc1obj cc1plus collect2 d21 f951 g++-mapper-server gnat1 go1 ld lto-wrapper lto1";

/// Packages of the compiler in the standard environment.
pub(super) const COMPILERS: &str =
    "binutils bintools bintools-unwrapped binutils-unwrapped gcc gcc-unwrapped";

/// The other packages of the standard environment.
pub(super) const STANDARD: &str = "bash bzip2 coreutils diffutils file findutils gawk gnugrep gnumake gnupatch gnused gnutar gzip \
    patchelf xz";

/// Version managers.
pub(super) const MANAGERS: &str =
    "asdf chruby fnm goenv jenv mise n nodenv nvm pyenv rbenv rustup rvm sdk tfenv volta";

/// Folders of version managers; what they manage is below `versions`, `installs` or `toolchains`.
pub(super) const MANAGED: &str = "/shims/ /.pyenv/ /.rbenv/ /.nodenv/ /.asdf/ /.volta/ /share/mise/ /.cargo/bin/cargo \
    /.cargo/bin/clippy-driver /.cargo/bin/rls /.cargo/bin/rust";

/// Folders in which packages keep programs for themselves.
pub(super) const BUNDLES: &str = "/node_modules/ /site-packages/ /dist-packages/ /lib/rustlib/";

/// Programs that shells start when they begin, or in place of a name they do not know.
pub(super) const START: &str = "50-motd-news biff command-not-found debian-sa1 dircolors groups landscape-sysinfo lessfile lesspipe \
    lesspipe.sh locale-check mesg motd-news quota run-parts update-motd-updates-available";

/// Programs that look after the host, or another one that is installed from.
pub(super) const ADMINISTRATION: &str = "addgroup adduser apk brew chpasswd chsh cron crond deb-systemd-helper deb-systemd-invoke \
    debconf debconf-communicate debconf-set-selections debconf-show delgroup deluser depmod dnf fc-cache flatpak gpasswd \
    groupadd groupdel groupmod halt hostnamectl init insmod install-info invoke-rc.d ldconfig locale-gen localectl localedef login \
    loginctl logrotate modprobe newgrp pacman passwd policy-rc.d poweroff py3clean py3compile pycompile rc-service reboot rmmod \
    runuser service shutdown snap snapd start-stop-daemon su sudo sudoedit sysctl systemctl systemd systemd-detect-virt \
    systemd-sysusers systemd-tmpfiles timedatectl tzselect ucf ucfr udevadm ufw update-alternatives update-ca-certificates \
    update-desktop-database update-initramfs update-mime-database update-motd update-passwd update-rc.d useradd userdel \
    usermod vipw visudo yum zypper";

/// Packages that only look after the host.
pub(super) const HOUSE: &str = "debconf init-system-helpers java-common libpam-runtime sgml-base software-properties-common ssl-cert \
    systemd-sysv ucf xml-core";
