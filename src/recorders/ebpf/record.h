// What is handed over, where it is put together, and of whom it is told.

#pragma once

#include "kernel.h"

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

// A call that ended, in the words of 64 bits.
struct ended_call {
	__u32 call;
	__u32 pointer; // Bytes in a pointer of the caller.
	unsigned long args[6];
};

struct record {
	struct head head;
	__u8 data[DATA];
	// What loops and functions work on: here the verifier does not follow it, of which there would be no end.
	struct walk walk;
	struct words words;
	struct ended_call ended;
};

struct config {
	__u64 device, namespace; // of process numbers, in which they are told
	__u8 network;
	__u8 files;
};

const volatile struct config config = {};

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 8 << 20);
} events SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 32768);
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

// Returns the number of the process that runs. Not static: so Linux verifies it once, not for each way to it.
__noinline __u32 own_number(void)
{
	struct bpf_pidns_info own = {};
	// Which knows only those that are in the namespace itself, not in one below it.
	if (!bpf_get_ns_current_pid_tgid(config.device, config.namespace, &own, sizeof own))
		return own.tgid;
	return number_of((void *)bpf_get_current_task());
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
