// The path of a place: a walk up to the root of the process that asks.

#pragma once

#include "record.h"

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
