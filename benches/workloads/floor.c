/* floor CALLS COMMAND...: what it costs that Linux asks before each execve, and with "opens" before each open too, when
 * nothing is looked at and each answer is "go on": what a recorder that is asked costs before it does anything. Linux 6.6 and newer. */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef SECCOMP_IOCTL_NOTIF_SET_FLAGS
#define SECCOMP_IOCTL_NOTIF_SET_FLAGS _IOW('!', 4, __u64)
#endif

#define ASK(call) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, call, 0, 1), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF)

static int install(int opens) {
  struct sock_filter all[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
      ASK(SYS_execve), ASK(SYS_execveat), ASK(SYS_openat), ASK(SYS_openat2),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  if (!opens) all[5] = all[9];
  struct sock_fprog filter = {opens ? 10 : 6, all};
  prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
                 SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_SPEC_ALLOW, &filter);
}

static void answer(int listener) {
  struct pollfd wait = {listener, POLLIN, 0};
  while (poll(&wait, 1, -1) == 1 && wait.revents & POLLIN) {
    struct seccomp_notif asked;
    memset(&asked, 0, sizeof asked);
    if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &asked) != 0) continue;
    struct seccomp_notif_resp go_on = {asked.id, 0, 0, SECCOMP_USER_NOTIF_FLAG_CONTINUE};
    ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &go_on);
  }
}

int main(int count, char **words) {
  if (count < 3) return 2;
  int ready[2], status;
  if (pipe2(ready, 0) != 0) return 2;
  pid_t command = fork();
  if (command == 0) {
    int listener = install(strcmp(words[1], "opens") == 0);
    /* This is the last call but one that nobody need answer. */
    if (write(ready[1], &listener, sizeof listener) != sizeof listener) _exit(126);
    execvp(words[2], words + 2);
    _exit(127);
  }
  int number, pidfd = syscall(SYS_pidfd_open, command, 0);
  if (read(ready[0], &number, sizeof number) != sizeof number) return 2;
  int listener = syscall(SYS_pidfd_getfd, pidfd, number, 0);
  if (listener < 0) {
    perror("the filter");
    kill(command, 9);
    return 2;
  }
  ioctl(listener, SECCOMP_IOCTL_NOTIF_SET_FLAGS, 1UL);
  answer(listener);
  waitpid(command, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
