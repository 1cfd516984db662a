// The kernel's types, declared as far as they are used; CO-RE finds their fields in the one that runs. `types.rs` names those
// that are asked for.

#pragma once

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

struct bpf_pidns_info { __u32 pid, tgid; };

#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>
