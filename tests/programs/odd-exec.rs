//! Asks for programs in ways that shells do not: `odd-exec WAY`.
#![expect(unsafe_code, reason = "no safe interface passes no arguments, a descriptor or bad pointers")]
use std::ffi::CString;
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::AsRawFd;
use std::ptr;

fn main() -> io::Result<()> {
    let way = std::env::args().nth(1).unwrap_or_default();
    let program = c"/bin/true";
    let argv = [c"odd".as_ptr(), c"argument".as_ptr(), ptr::null()];
    let nothing = [ptr::null()];
    match way.as_str() {
        "no-arguments" => {
            // SAFETY: all pointers are live and end as execve asks.
            unsafe { libc::execve(program.as_ptr(), nothing.as_ptr(), nothing.as_ptr()) };
        }
        "null-arguments" => {
            // SAFETY: Linux takes null for no arguments.
            unsafe { libc::execve(program.as_ptr(), ptr::null(), ptr::null()) };
        }
        "bad-pointer" => {
            // SAFETY: the kernel checks the address and refuses.
            unsafe { libc::execve(ptr::without_provenance(8), argv.as_ptr(), nothing.as_ptr()) };
            // SAFETY: as above.
            unsafe { libc::execve(program.as_ptr(), [ptr::without_provenance(8)].as_ptr(), nothing.as_ptr()) };
            std::process::exit(11);
        }
        "descriptor" => {
            let mut memory: File = rustix::fs::memfd_create("inside", rustix::fs::MemfdFlags::CLOEXEC)?.into();
            memory.write_all(&std::fs::read("/bin/true")?)?;
            // SAFETY: all pointers are live and end as execveat asks.
            unsafe { libc::fexecve(memory.as_raw_fd(), argv.as_ptr(), nothing.as_ptr()) };
        }
        "folder" => {
            let folder = File::open("/bin")?;
            let (fd, name) = (folder.as_raw_fd(), CString::new("true")?);
            // SAFETY: all pointers are live and end as execveat asks.
            unsafe { libc::syscall(libc::SYS_execveat, fd, name.as_ptr(), argv.as_ptr(), nothing.as_ptr(), 0) };
        }
        "only-check" => {
            const AT_EXECVE_CHECK: i32 = 0x10000;
            let (fd, flags) = (libc::AT_FDCWD, AT_EXECVE_CHECK);
            // SAFETY: all pointers are live and end as execveat asks; nothing is run.
            unsafe { libc::syscall(libc::SYS_execveat, fd, program.as_ptr(), argv.as_ptr(), nothing.as_ptr(), flags) };
            std::process::exit(12);
        }
        "own-link" => {
            let own = c"/proc/self/exe";
            let argv = [c"again".as_ptr(), c"bad-pointer".as_ptr(), ptr::null()];
            // SAFETY: all pointers are live and end as execve asks.
            unsafe { libc::execve(own.as_ptr(), argv.as_ptr(), nothing.as_ptr()) };
        }
        "unreadable" => {
            // SAFETY: takes integers only. From here on only root may read this process.
            unsafe { libc::prctl(libc::PR_SET_DUMPABLE, 0, 0, 0, 0) };
            // SAFETY: all pointers are live and end as execve asks.
            unsafe { libc::execve(program.as_ptr(), argv.as_ptr(), nothing.as_ptr()) };
        }
        #[cfg(target_arch = "x86_64")]
        "x32" => {
            const X32_EXECVE: libc::c_long = 0x4000_0000 | 520; // asm/unistd_x32.h
            let (access, flags) =
                (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_32BIT);
            // SAFETY: a new mapping, where pointers of 32 bits lead.
            let page = unsafe { libc::mmap(ptr::null_mut(), 4096, access, flags, -1, 0) };
            let at = |offset: usize| (page as usize + offset) as u32;
            let text = b"/bin/true\0odd\0argument\0\0\0\0";
            let pointers = [at(10), at(14), 0, 0].map(u32::to_ne_bytes).concat();
            let bytes = [&text[..], &[0; 6], &pointers].concat();
            // SAFETY: the page is as long and longer.
            unsafe { ptr::copy_nonoverlapping(bytes.as_ptr(), page.cast(), bytes.len()) };
            // SAFETY: all pointers are live and end as execve asks; a kernel without x32 refuses.
            unsafe { libc::syscall(X32_EXECVE, at(0), at(32), at(40)) };
            // One that ends at once may have run it, for all that can be seen.
            std::thread::sleep(std::time::Duration::from_millis(100));
            std::process::exit(13);
        }
        _ => {}
    }
    Err(io::Error::last_os_error())
}
