//! What the three processes of a recording say to each other: one message, one packet, with its descriptors.

use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd, RawFd};

use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage,
    SendFlags, SocketFlags, SocketType, recvmsg, sendmsg, socketpair,
};

use crate::sys;

/// What is said.
#[derive(Debug)]
pub(in crate::recorders) enum Message {
    /// Launcher to worker: the filter is on; whether programs in it can gain no privileges.
    Filter { listener: OwnedFd, restricted: bool },
    /// Worker to front: the command may be run. Front to worker and worker to launcher: it is run. Front to a second worker: write
    /// what happened until now.
    Go,
    /// Launcher to worker to front: it cannot be recorded, one sentence.
    Failed(String),
    /// Launcher to worker to front: the command could not be run, errno.
    NotRun(i32),
    /// Worker to front, and front to a second worker: the session's slots, the command's pidfd
    /// and pid, and the filter's listener if there is one.
    Recording { slots: OwnedFd, command: OwnedFd, pid: i32, listener: Option<OwnedFd> },
    /// Worker to front: a status of the command as wait(2) gives it, and how many other processes go on.
    Status { word: i32, left: u32 },
    /// Worker to front or guardian: all is written.
    Done,
}

/// One end of a connection.
#[derive(Debug)]
pub(in crate::recorders) struct Channel(OwnedFd);

impl AsFd for Channel {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl Channel {
    /// Returns both ends of a new connection.
    pub(in crate::recorders) fn pair() -> io::Result<(Self, Self)> {
        let (a, b) = socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)?;
        Ok((Self(a), Self(b)))
    }

    /// Takes the end that our parent left open for us.
    pub(in crate::recorders) fn inherited(number: RawFd) -> io::Result<Self> {
        sys::inherited_socket(number).map(Self)
    }

    /// Passes a result on; what failed is told first.
    pub(in crate::recorders) fn told<T>(&self, result: anyhow::Result<T>) -> anyhow::Result<T> {
        if let Err(error) = &result {
            drop(self.send(&Message::Failed(format!("{error:#}"))));
        }
        result
    }

    /// Says something.
    pub(in crate::recorders) fn send(&self, message: &Message) -> io::Result<()> {
        let (kind, body, fds): (u8, Vec<u8>, Vec<BorrowedFd<'_>>) = match message {
            Message::Filter { listener, restricted } => (b'F', vec![u8::from(*restricted)], vec![listener.as_fd()]),
            Message::Go => (b'G', Vec::new(), Vec::new()),
            Message::Failed(why) => (b'E', why.as_bytes().to_vec(), Vec::new()),
            Message::NotRun(errno) => (b'N', errno.to_le_bytes().to_vec(), Vec::new()),
            Message::Recording { slots, command, pid, listener } => {
                let mut fds = vec![slots.as_fd(), command.as_fd()];
                fds.extend(listener.as_ref().map(AsFd::as_fd));
                (b'R', pid.to_le_bytes().to_vec(), fds)
            }
            Message::Status { word, left } => (b'S', [word.to_le_bytes(), left.to_le_bytes()].concat(), Vec::new()),
            Message::Done => (b'D', Vec::new(), Vec::new()),
        };
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(3))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        if !fds.is_empty() {
            control.push(SendAncillaryMessage::ScmRights(&fds));
        }
        let packet = [&[kind], body.as_slice()].concat();
        rustix::io::retry_on_intr(|| sendmsg(&self.0, &[IoSlice::new(&packet)], &mut control, SendFlags::NOSIGNAL))?;
        Ok(())
    }

    /// Waits for what the other end says; none when it is closed.
    pub(in crate::recorders) fn receive(&self) -> io::Result<Option<Message>> {
        self.receive_with(RecvFlags::empty())
    }

    /// Returns what the other end has said already; none when that is nothing.
    pub(in crate::recorders) fn received(&self) -> Option<Message> {
        self.receive_with(RecvFlags::DONTWAIT).ok().flatten()
    }

    fn receive_with(&self, flags: RecvFlags) -> io::Result<Option<Message>> {
        let mut bytes = [0; 4096];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(3))];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let flags = flags | RecvFlags::CMSG_CLOEXEC;
        let length =
            rustix::io::retry_on_intr(|| recvmsg(&self.0, &mut [IoSliceMut::new(&mut bytes)], &mut control, flags))?
                .bytes;
        let mut fds = control.drain().flat_map(|message| match message {
            RecvAncillaryMessage::ScmRights(fds) => fds.collect(),
            _ => Vec::new(),
        });
        let Some((kind, body)) = bytes[..length].split_first() else { return Ok(None) };
        let unknown = || io::Error::from(io::ErrorKind::InvalidData);
        let mut fd = || fds.next().ok_or_else(unknown);
        let number = |at: usize| match body.get(at..at + 4).map(TryInto::try_into) {
            Some(Ok(bytes)) => Ok(i32::from_le_bytes(bytes)),
            _ => Err(unknown()),
        };
        Ok(Some(match kind {
            b'F' => Message::Filter { listener: fd()?, restricted: body == [1] },
            b'G' => Message::Go,
            b'E' => Message::Failed(String::from_utf8_lossy(body).into_owned()),
            b'N' => Message::NotRun(number(0)?),
            b'R' => Message::Recording { slots: fd()?, command: fd()?, pid: number(0)?, listener: fd().ok() },
            b'S' => Message::Status { word: number(0)?, left: number(4)? as u32 },
            b'D' => Message::Done,
            _ => return Err(unknown()),
        }))
    }
}
