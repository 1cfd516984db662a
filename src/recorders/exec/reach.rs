//! What a process is about to connect to, out of its memory.

use std::collections::{HashMap, HashSet};
use std::ffi::OsStr;
use std::fs;
use std::net::{IpAddr, Ipv6Addr};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileTypeExt;
use std::path::Path;

use crate::event::{Bytes, Connect, Event, Exec, Peer, Server};
use crate::sys::{self, Call, Stopped};

/// Bytes of the longest address: sockaddr_storage.
const LONGEST: u64 = 128;
/// The port of name servers. One on this machine (systemd-resolved, dnsmasq) asks the network for whoever asks it.
const DOMAIN: u16 = 53;
/// How much is remembered of what was told; to tell it again does no harm.
const MOST: usize = 4096;

/// What an address leads to.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::recorders) enum Reach {
    /// This.
    Peer(Peer),
    /// The socket with this path.
    Socket(Vec<u8>),
    /// This machine.
    Loopback,
}

/// Reads the address that a call names; none when it leads to nothing that is told.
pub(in crate::recorders) fn read(stopped: &Stopped<'_>) -> Option<Reach> {
    let [first, second, _, _, fifth, sixth] = stopped.args;
    let memory = |at: u64, length: usize| {
        let mut bytes = vec![0; length];
        let read = sys::read_memory(stopped.thread, &[(at, length)], &mut bytes).ok()?;
        bytes.truncate(read);
        Some(bytes)
    };
    let (at, length) = match stopped.call? {
        Call::Connect => (second, stopped.args[2]),
        Call::Sendto => (fifth, sixth),
        Call::Socketcall => {
            const SYS_CONNECT: u64 = 3; // linux/net.h
            const SYS_SENDTO: u64 = 11;
            let first = match first {
                SYS_CONNECT => 1,
                SYS_SENDTO => 4,
                _ => return None,
            };
            let words = memory(second, 24)?;
            let word = |at: usize| words.get(4 * at..4 * at + 4)?.try_into().ok().map(u32::from_le_bytes);
            (word(first)?.into(), word(first + 1)?.into())
        }
        _ => return None,
    };
    // The length is an int; a negative one is refused.
    let length = u64::from(length as u32).min(LONGEST);
    reach(&memory(at, length as usize)?)
}

/// Returns what an address (sockaddr(3type)) leads to.
pub(in crate::recorders) fn reach(address: &[u8]) -> Option<Reach> {
    let family = i32::from(u16::from_ne_bytes(address.get(..2)?.try_into().ok()?));
    let port = || Some(u16::from_be_bytes(address.get(2..4)?.try_into().ok()?));
    let ip: IpAddr = match family {
        libc::AF_UNSPEC | libc::AF_NETLINK | libc::AF_ALG => return None,
        libc::AF_UNIX => {
            // One that begins with a null has no place in the file system.
            let path = address[2..].split(|byte| *byte == 0).next().filter(|path| !path.is_empty())?;
            return Some(Reach::Socket(path.to_vec()));
        }
        libc::AF_INET => <[u8; 4]>::try_from(address.get(4..8)?).ok()?.into(),
        libc::AF_INET6 => Ipv6Addr::from(<[u8; 16]>::try_from(address.get(8..24)?).ok()?).to_canonical(),
        _ => return Some(Reach::Peer(Peer::Network)),
    };
    let inside = ip.is_loopback() || ip.is_unspecified();
    Some(if inside && port()? != DOMAIN { Reach::Loopback } else { Reach::Peer(Peer::Network) })
}

/// Returns the server at a socket, when there is one.
pub(in crate::recorders) fn server(thread: i32, path: &[u8]) -> Option<Peer> {
    let server = Server::at(path)?;
    let inside = OsStr::from_bytes(path.strip_prefix(b"/").unwrap_or(path));
    let from = if path.starts_with(b"/") { "root" } else { "cwd" };
    let place = Path::new("/proc").join(thread.to_string()).join(from).join(inside);
    fs::metadata(place).is_ok_and(|found| found.file_type().is_socket()).then_some(Peer::Server(server))
}

/// What was told already, and who asks a server by an address of this machine.
#[derive(Debug, Default)]
pub(in crate::recorders) struct Told {
    told: HashSet<(u64, Peer)>,
    clients: HashMap<u64, Server>,
}

impl Told {
    /// Takes in that programs ran.
    pub(in crate::recorders) fn ran(&mut self, events: &[Event]) {
        let execs = events.iter().filter_map(|event| if let Event::Exec(exec) = event { Some(exec) } else { None });
        for Exec { id, argv, .. } in execs {
            let asked = Server::asked_by(argv.iter().map(Bytes::as_slice));
            self.clients.extend(asked.filter(|_| self.clients.len() < MOST).map(|server| (*id, server)));
        }
    }

    /// Returns the server that a program asks by an address of this machine.
    pub(in crate::recorders) fn asks(&self, exec: u64) -> Option<Peer> {
        self.clients.get(&exec).copied().map(Peer::Server)
    }

    /// Returns what is to be written, when it was not told before.
    pub(in crate::recorders) fn tell(&mut self, exec: u64, at: i64, to: Peer) -> Option<Event> {
        if self.told.len() >= MOST {
            self.told.clear();
        }
        self.told.insert((exec, to)).then_some(Event::Connect(Connect { at, exec, to }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inet(port: u16, ip: [u8; 4]) -> Vec<u8> {
        [&2_u16.to_ne_bytes()[..], &port.to_be_bytes(), &ip, &[0; 8]].concat()
    }

    fn inet6(ip: &str) -> Vec<u8> {
        let ip: Ipv6Addr = ip.parse().expect("an address");
        [&10_u16.to_ne_bytes()[..], &80_u16.to_be_bytes(), &[0; 4], &ip.octets(), &[0; 4]].concat()
    }

    #[test]
    fn addresses() {
        let network = || Some(Reach::Peer(Peer::Network));
        for (address, expected) in [
            (inet(80, [203, 0, 113, 1]), network()),
            (inet(80, [127, 0, 0, 1]), Some(Reach::Loopback)),
            (inet(80, [127, 1, 2, 3]), Some(Reach::Loopback)),
            (inet(80, [0; 4]), Some(Reach::Loopback)),
            (inet(53, [127, 0, 0, 53]), network()),
            (inet(80, [10, 0, 0, 1]), network()),
            (inet6("::1"), Some(Reach::Loopback)),
            (inet6("::ffff:127.0.0.1"), Some(Reach::Loopback)),
            (inet6("::ffff:8.8.8.8"), network()),
            (inet6("2001:db8::1"), network()),
            (vec![16, 0, 0, 0], None),
            (b"\x01\0/run/x\0junk".to_vec(), Some(Reach::Socket(b"/run/x".to_vec()))),
            (b"\x01\0\0abstract".to_vec(), None),
            (b"\x01\0".to_vec(), None),
            (vec![17, 0, 1, 2], network()),
            (inet(80, [8, 8, 8, 8])[..5].to_vec(), None),
            (Vec::new(), None),
        ] {
            assert_eq!(reach(&address), expected, "{address:?}");
        }
    }
}
