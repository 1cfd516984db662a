// What the kernel runs for the recorder: it follows the recorded processes and hands over what they do, one record each,
// as `record.rs` reads them. Its helpers are those of Linux 5.17.
//
// Types are declared as far as they are used; CO-RE finds their fields in the running kernel.

typedef unsigned char __u8;
typedef unsigned short __u16;
typedef unsigned int __u32;
typedef unsigned long long __u64;
typedef signed char __s8;
typedef short __s16;
typedef int __s32;
typedef long long __s64;
typedef __u32 __be32;
typedef __u16 __be16;
typedef __u32 __wsum;

enum bpf_map_type { BPF_MAP_TYPE_HASH = 1, BPF_MAP_TYPE_ARRAY = 2, BPF_MAP_TYPE_PERCPU_ARRAY = 6, BPF_MAP_TYPE_RINGBUF = 27 };
enum { BPF_ANY = 0 };

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)
struct ns_common { __u32 inum; };
struct pid_namespace { struct ns_common ns; };
struct upid { int nr; struct pid_namespace *ns; };
struct pid { __u32 level; struct upid numbers[1]; };
struct hlist_bl_node { void **pprev; };
struct qstr { const unsigned char *name; };
struct inode { unsigned long i_ino; };
struct dentry { struct hlist_bl_node d_hash; struct dentry *d_parent; struct qstr d_name; struct inode *d_inode; };
struct vfsmount { struct dentry *mnt_root; };
struct mount { struct mount *mnt_parent; struct dentry *mnt_mountpoint; struct vfsmount mnt; int mnt_id; };
struct path { struct vfsmount *mnt; struct dentry *dentry; };
struct file { struct path f_path; };
struct fdtable { __u32 max_fds; struct file **fd; };
struct files_struct { struct fdtable *fdt; };
struct fs_struct { struct path root, pwd; };
struct mm_struct { unsigned long arg_start, arg_end; };
typedef struct { int counter; } atomic_t;
struct signal_struct { atomic_t live; int group_exit_code; __u32 flags; };
struct thread_info { __u32 status; };
struct task_struct {
	struct thread_info thread_info;
	int pid, tgid, exit_code;
	struct task_struct *group_leader;
	struct pid *thread_pid;
	struct mm_struct *mm;
	struct fs_struct *fs;
	struct files_struct *files;
	struct signal_struct *signal;
};
struct linux_binprm { struct file *file; const char *filename, *interp; };
struct pt_regs { unsigned long r10, r9, r8, bp, bx, cx, dx, si, di, orig_ax; };
#pragma clang attribute pop

#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>

// The kernel lends the helpers that read memory to free programs only.
char LICENSE[] SEC("license") = "Dual MIT/GPL";

#define PATH 4096
#define NAME 256
#define WORDS 8192
#define CHUNK 16384
#define DATA 28672
#define STEPS 256
#define MOST_WORDS 128
#define MOST_ARGUMENTS (2 << 20)
#define ADDRESS 128

enum kind { FORK = 1, EXEC, WORD, EXIT, REFUSED, CONNECT, OPEN };
enum part { ASKED, INTERPRETER, FOLDER, FILE_, ARGUMENTS, PARTS };
enum flag { SCRIPT = 1, FOLDER_CUT = 2, FILE_CUT = 4, FOLDER_DELETED = 8, FILE_DELETED = 16, UNREAD = 32 };
enum count { RING_FULL, TABLE_FULL, NOT_READ, COUNTS };
enum slot { BY_EXEC, BY_WORDS, BY_CALL, SLOTS };
enum call { OTHER, EXECVE, EXECVEAT, CONNECT_, SENDTO, SOCKETCALL, OPEN_, CREAT, OPENAT, OPENAT2 };

struct head {
	__u32 kind;
	__u32 pid;
	__u64 time;
	__s64 number; // FORK: who made it; EXIT: its status; CONNECT: what was returned; WORD: from where on
	__u64 more; // EXEC: bytes of arguments; OPEN: its flags
	__u64 root_inode;
	__u32 root_mount;
	__u32 flags;
	__u32 length[PARTS];
	__u32 unused;
};

// A walk from a place to its root: its names, the last first, each ended by a null.
struct walk {
	struct dentry *dentry, *root;
	struct mount *mount, *root_mount;
	__u32 at, end, whole;
};

// Arguments in memory.
struct words {
	unsigned long from, end;
	__u32 pointer; // Bytes in one.
	__u32 at;
};

struct record {
	struct head head;
	__u8 data[DATA];
	// What loops work on: here the verifier does not follow it, of which there would be no end.
	struct walk walk;
	struct words words;
};

struct config {
	__u32 namespace; // of process numbers, in which they are told
	__u8 network;
	__u8 files;
};

const volatile struct config config = {};

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 16 << 20);
} events SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 65536);
	__type(key, __u32);
	__type(value, __u32);
} processes SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, COUNTS);
	__type(key, __u32);
	__type(value, __u64);
} lost SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, SLOTS);
	__type(key, __u32);
	__type(value, struct record);
} scratch SEC(".maps");

static __always_inline void count(__u32 what)
{
	__u64 *number = bpf_map_lookup_elem(&lost, &what);
	if (number)
		__sync_fetch_and_add(number, 1);
}

// Returns the number of a task's process in the recorder's namespace; 0 when it is not in there.
static __always_inline __u32 number_of(struct task_struct *task)
{
	struct pid *pid = BPF_CORE_READ(task, group_leader, thread_pid);
	__u32 level = BPF_CORE_READ(pid, level);
	for (__u32 at = 0; at < 32 && at <= level; at++) {
		struct upid *upid = (void *)pid + bpf_core_field_offset(struct pid, numbers) + at * bpf_core_type_size(struct upid);
		if (BPF_CORE_READ(upid, ns, ns.inum) == config.namespace)
			return BPF_CORE_READ(upid, nr);
	}
	return 0;
}

static __always_inline int is_recorded(__u32 pid)
{
	return pid && bpf_map_lookup_elem(&processes, &pid);
}

static __always_inline void begin(struct head *head, __u32 kind, __u32 pid)
{
	__builtin_memset(head, 0, sizeof *head);
	head->kind = kind;
	head->pid = pid;
	head->time = bpf_ktime_get_boot_ns();
}

static __always_inline void hand_over(void *record, __u32 length)
{
	if (bpf_ringbuf_output(&events, record, length, 0))
		count(RING_FULL);
}

static __always_inline struct record *scratch_of(__u32 slot)
{
	return bpf_map_lookup_elem(&scratch, &slot);
}

static long step(__u32 index, void *context)
{
	struct record *record = scratch_of(*(__u32 *)context);
	if (!record)
		return 1;
	struct walk *walk = &record->walk;
	struct dentry *dentry = walk->dentry;
	struct mount *mount = walk->mount;
	if (dentry == walk->root && mount == walk->root_mount) {
		walk->whole = 1;
		return 1;
	}
	if (dentry == BPF_CORE_READ(mount, mnt.mnt_root)) {
		struct mount *up = BPF_CORE_READ(mount, mnt_parent);
		if (up == mount) {
			walk->whole = 1;
			return 1;
		}
		walk->dentry = BPF_CORE_READ(mount, mnt_mountpoint);
		walk->mount = up;
		return 0;
	}
	__u32 at = walk->at;
	if (at > walk->end || at > DATA - NAME)
		return 1;
	long length = bpf_probe_read_kernel_str(&record->data[at], NAME, BPF_CORE_READ(dentry, d_name.name));
	if (length <= 0)
		return 1;
	walk->at = at + length;
	walk->dentry = BPF_CORE_READ(dentry, d_parent);
	walk->whole = walk->dentry == dentry;
	return walk->whole;
}

static __always_inline struct mount *mount_of(struct vfsmount *mnt)
{
	return (void *)mnt - bpf_core_field_offset(struct mount, mnt);
}

// Writes the path of a place at `at`; returns where it ends.
static __always_inline __u32 walk_up(struct record *record, __u32 slot, __u32 part, __u32 at, struct path *place, struct task_struct *task)
{
	struct walk *walk = &record->walk;
	struct fs_struct *fs = BPF_CORE_READ(task, fs);
	struct dentry *dentry = BPF_CORE_READ(place, dentry);
	walk->dentry = dentry;
	walk->mount = mount_of(BPF_CORE_READ(place, mnt));
	walk->root = BPF_CORE_READ(fs, root.dentry);
	walk->root_mount = mount_of(BPF_CORE_READ(fs, root.mnt));
	walk->at = at;
	walk->end = at + PATH - NAME;
	walk->whole = 0;
	int is_root = BPF_CORE_READ(dentry, d_parent) == dentry;
	if (!is_root && !BPF_CORE_READ(dentry, d_hash.pprev))
		record->head.flags |= part == FOLDER ? FOLDER_DELETED : FILE_DELETED;
	bpf_loop(STEPS, step, &slot, 0);
	if (!walk->whole)
		record->head.flags |= part == FOLDER ? FOLDER_CUT : FILE_CUT;
	record->head.length[part] = walk->at - at;
	return walk->at;
}

SEC("tp_btf/sched_process_fork")
int BPF_PROG(made, struct task_struct *parent, struct task_struct *child)
{
	if (BPF_CORE_READ(child, pid) != BPF_CORE_READ(child, tgid))
		return 0; // A thread.
	__u32 maker = number_of(parent), pid = number_of(child), value = 0;
	struct head head;
	if (!is_recorded(maker) || !pid)
		return 0;
	if (bpf_map_update_elem(&processes, &pid, &value, BPF_ANY)) {
		count(TABLE_FULL);
		return 0;
	}
	begin(&head, FORK, pid);
	head.number = maker;
	hand_over(&head, sizeof head);
	return 0;
}

SEC("tp_btf/sched_process_exit")
int BPF_PROG(ended, struct task_struct *task)
{
	struct signal_struct *signal = BPF_CORE_READ(task, signal);
	if (BPF_CORE_READ(signal, live.counter))
		return 0; // Other threads live.
	__u32 pid = number_of(task);
	struct head head;
	// Of two threads that end at a time one deletes it.
	if (!pid || bpf_map_delete_elem(&processes, &pid))
		return 0;
	begin(&head, EXIT, pid);
	// As wait(2) has it: wait_task_zombie in kernel/exit.c; the flag is SIGNAL_GROUP_EXIT.
	if (BPF_CORE_READ(signal, flags) & 4)
		head.number = BPF_CORE_READ(signal, group_exit_code);
	else
		head.number = BPF_CORE_READ(task, group_leader, exit_code);
	hand_over(&head, sizeof head);
	return 0;
}

// Hands over one piece of the arguments.
static long piece(__u32 index, void *context)
{
	struct record *record = scratch_of(BY_WORDS);
	if (!record)
		return 1;
	struct words *words = &record->words;
	if (words->from >= words->end)
		return 1;
	unsigned long left = words->end - words->from;
	__u32 length = left < CHUNK ? left : CHUNK;
	begin(&record->head, WORD, *(__u32 *)context);
	record->head.number = words->at;
	if (length > CHUNK || bpf_probe_read_user(record->data, length, (void *)words->from)) {
		count(NOT_READ);
		return 1;
	}
	record->head.length[ARGUMENTS] = length;
	hand_over(record, sizeof record->head + length);
	words->from += length;
	words->at += length;
	return 0;
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(runs, struct task_struct *task, int before, struct linux_binprm *program)
{
	__u32 pid = number_of(task), at = 0;
	if (!is_recorded(pid))
		return 0;
	struct record *record = scratch_of(BY_EXEC);
	if (!record)
		return 0;
	struct head *head = &record->head;
	begin(head, EXEC, pid);
	struct fs_struct *fs = BPF_CORE_READ(task, fs);
	head->root_inode = BPF_CORE_READ(fs, root.dentry, d_inode, i_ino);
	struct mount *root = mount_of(BPF_CORE_READ(fs, root.mnt));
	head->root_mount = BPF_CORE_READ(root, mnt_id);
	const char *asked = BPF_CORE_READ(program, filename), *interpreter = BPF_CORE_READ(program, interp);
	long length = bpf_probe_read_kernel_str(record->data, PATH, asked);
	if (length > 0)
		head->length[ASKED] = at = length;
	if (interpreter != asked) {
		head->flags |= SCRIPT;
		length = bpf_probe_read_kernel_str(&record->data[at & (PATH * 2 - 1)], PATH, interpreter);
		if (length > 0) {
			head->length[INTERPRETER] = length;
			at += length;
		}
	}
	at = walk_up(record, BY_EXEC, FOLDER, at, &fs->pwd, task);
	struct file *file = BPF_CORE_READ(program, file);
	at = walk_up(record, BY_EXEC, FILE_, at, &file->f_path, task);
	struct mm_struct *mm = BPF_CORE_READ(task, mm);
	unsigned long from = BPF_CORE_READ(mm, arg_start), all = BPF_CORE_READ(mm, arg_end) - from;
	head->more = all;
	if (all > MOST_ARGUMENTS)
		all = MOST_ARGUMENTS;
	__u32 first = all < WORDS ? all : WORDS;
	if (at > DATA - WORDS || first > WORDS)
		return 0;
	if (bpf_probe_read_user(&record->data[at], first, (void *)from)) {
		head->flags |= UNREAD;
		all = first = 0;
	}
	head->length[ARGUMENTS] = first;
	hand_over(record, sizeof *head + at + first);
	struct record *rest = scratch_of(BY_WORDS);
	if (!rest || all <= first)
		return 0;
	rest->words.from = from + first;
	rest->words.end = from + all;
	rest->words.at = first;
	bpf_loop(MOST_ARGUMENTS / CHUNK + 1, piece, &pid, 0);
	return 0;
}

// A call that ended, in the words of 64 bits.
struct ended_call {
	enum call call;
	__u32 pointer; // Bytes in a pointer of the caller.
	unsigned long args[6];
};

static __always_inline enum call call_of_64(unsigned long number)
{
	switch (number) {
	case 2: return OPEN_;
	case 42: return CONNECT_;
	case 44: return SENDTO;
	case 59: case 520: return EXECVE; // x32 has numbers of its own for these.
	case 85: return CREAT;
	case 257: return OPENAT;
	case 322: case 545: return EXECVEAT;
	case 437: return OPENAT2;
	default: return OTHER;
	}
}

static __always_inline enum call call_of_32(unsigned long number)
{
	switch (number) {
	case 5: return OPEN_;
	case 8: return CREAT;
	case 11: return EXECVE;
	case 102: return SOCKETCALL;
	case 295: return OPENAT;
	case 358: return EXECVEAT;
	case 362: return CONNECT_;
	case 369: return SENDTO;
	case 437: return OPENAT2;
	default: return OTHER;
	}
}

// Writes the path of the folder that a call starts from: of this descriptor, or where the process is.
static __always_inline __u32 folder(struct record *record, __u32 at, int descriptor)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	if (descriptor == -100) {
		struct fs_struct *fs = BPF_CORE_READ(task, fs);
		return walk_up(record, BY_CALL, FOLDER, at, &fs->pwd, task);
	}
	struct fdtable *table = BPF_CORE_READ(task, files, fdt);
	struct file **all = BPF_CORE_READ(table, fd), *file = 0;
	if ((__u32)descriptor < BPF_CORE_READ(table, max_fds))
		bpf_probe_read_kernel(&file, sizeof file, &all[(__u32)descriptor]);
	if (!file) {
		record->head.flags |= FOLDER_CUT;
		return at;
	}
	return walk_up(record, BY_CALL, FOLDER, at, &file->f_path, task);
}

// Copies one argument that a call names, as far as there is room.
static long word(__u32 index, void *context)
{
	struct record *record = scratch_of(BY_CALL);
	__u64 place = 0;
	if (!record)
		return 1;
	struct words *words = &record->words;
	long failed = words->pointer == 4 ? bpf_probe_read_user(&place, 4, (void *)words->from)
					  : bpf_probe_read_user(&place, 8, (void *)words->from);
	__u32 at = words->at;
	if ((!failed && !place) || at > DATA - PATH)
		return 1;
	long length = failed ? failed : bpf_probe_read_user_str(&record->data[at], PATH, (void *)place);
	if (length <= 0) {
		count(NOT_READ);
		return 1;
	}
	words->at = at + length;
	words->from += words->pointer;
	return 0;
}

// Reads the path that was asked for, and the folder that it is below of; returns where what comes next begins, or 0. Not
// static: so Linux verifies it once, not again for each that calls it, which takes it as long as all else.
__noinline __u32 asks(struct record *record, unsigned long path, int below)
{
	if (!record)
		return 0;
	long length = bpf_probe_read_user_str(record->data, PATH, (void *)path);
	if (length <= 0) {
		count(NOT_READ);
		return 0;
	}
	record->head.length[ASKED] = length;
	return record->data[0] == '/' ? length : folder(record, length, below);
}

static __always_inline void refused(struct record *record, struct ended_call *ended, long returned)
{
	const unsigned long check = 0x10000; // AT_EXECVE_CHECK in linux/fcntl.h
	int at_folder = ended->call == EXECVEAT;
	unsigned long path = at_folder ? ended->args[1] : ended->args[0];
	if (at_folder && ended->args[4] & check)
		return;
	// What says nothing of the program: EINTR, EAGAIN, ENOMEM, EFAULT, and the kernel's own from ERESTARTSYS on.
	if (returned == -4 || returned == -11 || returned == -12 || returned == -14 || returned <= -512)
		return;
	__u32 at = asks(record, path, at_folder ? (int)ended->args[0] : -100);
	if (!at)
		return;
	struct words *words = &record->words;
	words->from = at_folder ? ended->args[2] : ended->args[1];
	words->pointer = ended->pointer;
	words->at = at;
	bpf_loop(MOST_WORDS, word, 0, 0);
	record->head.length[ARGUMENTS] = words->at - at;
	at = words->at;
	if (at <= DATA)
		hand_over(record, sizeof record->head + at);
}

static __always_inline void connects(struct record *record, struct ended_call *ended)
{
	unsigned long at = ended->args[1], length = ended->args[2];
	__u32 words[6] = {};
	if (ended->call == SENDTO) {
		at = ended->args[4];
		length = ended->args[5];
	} else if (ended->call == SOCKETCALL) {
		// SYS_CONNECT and SYS_SENDTO in linux/net.h
		if ((ended->args[0] != 3 && ended->args[0] != 11) || bpf_probe_read_user(words, sizeof words, (void *)at))
			return;
		at = ended->args[0] == 3 ? words[1] : words[4];
		length = ended->args[0] == 3 ? words[2] : words[5];
	}
	if (!at || !length)
		return;
	__u32 size = length < ADDRESS ? length : ADDRESS;
	if (size > ADDRESS || bpf_probe_read_user(record->data, size, (void *)at))
		return; // The kernel could not read it either.
	record->head.length[ASKED] = size;
	hand_over(record, sizeof record->head + size);
}

static __always_inline void opens(struct record *record, struct ended_call *ended)
{
	int at_folder = ended->call == OPENAT || ended->call == OPENAT2;
	unsigned long path = at_folder ? ended->args[1] : ended->args[0];
	__u64 flags = at_folder ? ended->args[2] : ended->args[1];
	if (ended->call == CREAT)
		flags = 1; // O_WRONLY
	if (ended->call == OPENAT2 && bpf_probe_read_user(&flags, sizeof flags, (void *)ended->args[2]))
		return count(NOT_READ);
	record->head.more = flags;
	__u64 at = asks(record, path, at_folder ? (int)ended->args[0] : -100);
	// Linux is to see that what it is handed is what was compared.
	barrier_var(at);
	if (at && at <= DATA)
		hand_over(record, sizeof record->head + at);
}

SEC("tp_btf/sys_exit")
int BPF_PROG(call_ends, struct pt_regs *regs, long returned)
{
	struct task_struct *task = bpf_get_current_task_btf();
	const __u32 narrow = 2; // TS_COMPAT in asm/thread_info.h
	unsigned long number = regs->orig_ax;
	int is_narrow = !!(task->thread_info.status & narrow);
	struct ended_call ended = { .pointer = is_narrow || number & 0x40000000 ? 4 : 8 };
	ended.call = is_narrow ? call_of_32(number) : call_of_64(number & ~0x40000000UL);
	int execs = ended.call == EXECVE || ended.call == EXECVEAT;
	int reaches = ended.call == CONNECT_ || ended.call == SENDTO || ended.call == SOCKETCALL;
	if (ended.call == OTHER || (reaches ? !config.network : execs ? returned >= 0 : !config.files || returned < 0))
		return 0;
	__u32 pid = number_of(task);
	if (!is_recorded(pid))
		return 0;
	struct record *record = scratch_of(BY_CALL);
	if (!record)
		return 0;
	if (is_narrow) {
		ended.args[0] = (__u32)regs->bx;
		ended.args[1] = (__u32)regs->cx;
		ended.args[2] = (__u32)regs->dx;
		ended.args[3] = (__u32)regs->si;
		ended.args[4] = (__u32)regs->di;
		ended.args[5] = (__u32)regs->bp;
	} else {
		ended.args[0] = regs->di;
		ended.args[1] = regs->si;
		ended.args[2] = regs->dx;
		ended.args[3] = regs->r10;
		ended.args[4] = regs->r8;
		ended.args[5] = regs->r9;
	}
	begin(&record->head, execs ? REFUSED : reaches ? CONNECT : OPEN, pid);
	record->head.number = returned;
	if (execs)
		refused(record, &ended, returned);
	else if (reaches)
		connects(record, &ended);
	else
		opens(record, &ended);
	return 0;
}
