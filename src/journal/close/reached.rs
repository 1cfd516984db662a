//! What processes reached beside the programs that they ran: networks, servers, files.

use super::Closing;
use crate::event::{Bytes, Connect, Files, Peer};

/// Folders whose files do not last.
const PASSING: [&str; 3] = ["/dev/shm", "/tmp", "/var/tmp"];

/// Folders below the home folder in which builders keep what they can make or fetch anew.
const CACHES: [&str; 10] =
    [".bundle", ".cache", ".cargo", ".dotnet", ".gradle", ".m2", ".npm", ".nuget", ".rustup", "go/pkg"];

impl Closing<'_> {
    pub(super) fn connect(&mut self, connect: &Connect) {
        let command = self.segment.execs.get(&connect.exec).and_then(|(_, command)| *command);
        let command = command.and_then(|command| self.kept(command));
        match connect.to {
            Peer::Network => command.into_iter().for_each(|command| command.network = true),
            Peer::Server(server) => {
                let id = command.map(|command| command.id.clone());
                self.delegated.entry(server).or_default().extend(id);
            }
        }
    }

    pub(super) fn files(&mut self, files: &Files) {
        if self.segment.builds.has(files.exec) {
            return;
        }
        let (process, command) = self.segment.execs.get(&files.exec).copied().unzip();
        let run = process.and_then(|process| self.segment.running.get(&process));
        let program = run.map(|run| self.programs[run.program].id.clone());
        self.used.files(files, &self.place.root, program.as_ref());
        let outside = |folder: &&(Bytes, u64)| {
            let folder = folder.0.as_path();
            let below_home = self.place.home.as_ref().and_then(|home| folder.strip_prefix(home).ok());
            !folder.starts_with(&self.place.root)
                && !PASSING.iter().any(|passing| folder.starts_with(passing))
                && !below_home.is_some_and(|below| CACHES.iter().any(|cache| below.starts_with(cache)))
        };
        let writes: u64 = files.written.iter().filter(outside).map(|(_, count)| count).sum();
        if let Some(command) = command.flatten().and_then(|command| self.kept(command)) {
            command.writes += writes;
        }
    }
}
