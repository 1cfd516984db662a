// What the kernel runs for the recorder: it follows the recorded processes and hands over what they do, one record each,
// as `record.rs` reads them. Its helpers are those of Linux 5.17.

#include "path.h"

// The kernel lends the helpers that read memory to free programs only.
char LICENSE[] SEC("license") = "Dual MIT/GPL";

SEC("raw_tp/sched_process_fork")
int BPF_PROG(made, struct task_struct *parent, struct task_struct *child)
{
	if (BPF_CORE_READ(child, pid) != BPF_CORE_READ(child, tgid))
		return 0; // A thread.
	__u32 maker = own_number(), pid = number_of(child), value = 0;
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

SEC("raw_tp/sched_process_exit")
int BPF_PROG(ended, struct task_struct *task)
{
	struct signal_struct *signal = BPF_CORE_READ(task, signal);
	if (BPF_CORE_READ(signal, live.counter))
		return 0; // Other threads live.
	__u32 pid = own_number();
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

SEC("raw_tp/sched_process_exec")
int BPF_PROG(runs, struct task_struct *task, int before, struct linux_binprm *program)
{
	__u32 pid = own_number(), at = 0;
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
// static, as what follows: so Linux verifies each once, not again for each way to it, which takes it as long as all else.
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

__noinline __u32 refused(struct record *record)
{
	const unsigned long check = 0x10000; // AT_EXECVE_CHECK in linux/fcntl.h
	if (!record)
		return 0;
	struct ended_call *ended = &record->ended;
	long returned = record->head.number;
	int at_folder = ended->call == EXECVEAT;
	unsigned long path = at_folder ? ended->args[1] : ended->args[0];
	if (at_folder && ended->args[4] & check)
		return 0;
	// What says nothing of the program: EINTR, EAGAIN, ENOMEM, EFAULT, and the kernel's own from ERESTARTSYS on.
	if (returned == -4 || returned == -11 || returned == -12 || returned == -14 || returned <= -512)
		return 0;
	__u32 at = asks(record, path, at_folder ? (int)ended->args[0] : -100);
	if (!at)
		return 0;
	struct words *words = &record->words;
	words->from = at_folder ? ended->args[2] : ended->args[1];
	words->pointer = ended->pointer;
	words->at = at;
	bpf_loop(MOST_WORDS, word, 0, 0);
	record->head.length[ARGUMENTS] = words->at - at;
	return words->at;
}

__noinline __u32 connects(struct record *record)
{
	if (!record)
		return 0;
	struct ended_call *ended = &record->ended;
	unsigned long at = ended->args[1], length = ended->args[2];
	__u32 words[6] = {};
	if (ended->call == SENDTO) {
		at = ended->args[4];
		length = ended->args[5];
	} else if (ended->call == SOCKETCALL) {
		// SYS_CONNECT and SYS_SENDTO in linux/net.h
		if ((ended->args[0] != 3 && ended->args[0] != 11) || bpf_probe_read_user(words, sizeof words, (void *)at))
			return 0;
		at = ended->args[0] == 3 ? words[1] : words[4];
		length = ended->args[0] == 3 ? words[2] : words[5];
	}
	if (!at || !length)
		return 0;
	__u32 size = length < ADDRESS ? length : ADDRESS;
	if (size > ADDRESS || bpf_probe_read_user(record->data, size, (void *)at))
		return 0; // The kernel could not read it either.
	record->head.length[ASKED] = size;
	return size;
}

__noinline __u32 opens(struct record *record)
{
	if (!record)
		return 0;
	struct ended_call *ended = &record->ended;
	int at_folder = ended->call == OPENAT || ended->call == OPENAT2;
	unsigned long path = at_folder ? ended->args[1] : ended->args[0];
	__u64 flags = at_folder ? ended->args[2] : ended->args[1];
	if (ended->call == CREAT)
		flags = 1; // O_WRONLY
	if (ended->call == OPENAT2 && bpf_probe_read_user(&flags, sizeof flags, (void *)ended->args[2])) {
		count(NOT_READ);
		return 0;
	}
	if (flags & 0x10000) // O_DIRECTORY: a folder says nothing.
		return 0;
	record->head.more = flags;
	return asks(record, path, at_folder ? (int)ended->args[0] : -100);
}

SEC("raw_tp/sys_exit")
int BPF_PROG(call_ends, struct pt_regs *unread, long returned)
{
	// These Linux knows the types of, so that they are read as they are.
	struct task_struct *task = bpf_get_current_task_btf();
	struct pt_regs *regs = (void *)bpf_task_pt_regs(task);
	const __u32 narrow = 2; // TS_COMPAT in asm/thread_info.h
	unsigned long number = regs->orig_ax;
	int is_narrow = !!(task->thread_info.status & narrow);
	__u32 call = is_narrow ? call_of_32(number) : call_of_64(number & ~0x40000000UL);
	int execs = call == EXECVE || call == EXECVEAT;
	int reaches = call == CONNECT_ || call == SENDTO || call == SOCKETCALL;
	if (call == OTHER || (reaches ? !config.network : execs ? returned >= 0 : !config.files || returned < 0))
		return 0;
	__u32 pid = own_number();
	if (!is_recorded(pid))
		return 0;
	struct record *record = scratch_of(BY_CALL);
	if (!record)
		return 0;
	struct ended_call *ended = &record->ended;
	ended->call = call;
	ended->pointer = is_narrow || number & 0x40000000 ? 4 : 8;
	if (is_narrow) {
		ended->args[0] = (__u32)regs->bx;
		ended->args[1] = (__u32)regs->cx;
		ended->args[2] = (__u32)regs->dx;
		ended->args[3] = (__u32)regs->si;
		ended->args[4] = (__u32)regs->di;
		ended->args[5] = (__u32)regs->bp;
	} else {
		ended->args[0] = regs->di;
		ended->args[1] = regs->si;
		ended->args[2] = regs->dx;
		ended->args[3] = regs->r10;
		ended->args[4] = regs->r8;
		ended->args[5] = regs->r9;
	}
	begin(&record->head, execs ? REFUSED : reaches ? CONNECT : OPEN, pid);
	record->head.number = returned;
	__u64 length = execs ? refused(record) : reaches ? connects(record) : opens(record);
	// Linux is to see that what it is handed is what was compared.
	barrier_var(length);
	if (length && length <= DATA)
		hand_over(record, sizeof record->head + length);
	return 0;
}
