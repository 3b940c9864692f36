#include "connectors/host/confine.h"

#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace partnermetrics::connectors {
namespace {

// Sanitizers need much address space and start other programs.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define PM_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define PM_SANITIZED 1
#endif
#endif
#ifdef PM_SANITIZED
constexpr bool kSanitized = true;
#else
constexpr bool kSanitized = false;
#endif

#if defined(__x86_64__)
constexpr std::uint32_t kArchitecture = AUDIT_ARCH_X86_64;
#elif defined(__aarch64__)
constexpr std::uint32_t kArchitecture = AUDIT_ARCH_AARCH64;
#endif

absl::Status Limit(int resource, std::uint64_t value, std::uint64_t hard) {
  const rlimit limit = {value, hard};
  // Lower only: the process may already run under a stricter limit.
  rlimit current = {};
  ::getrlimit(static_cast<__rlimit_resource>(resource), &current);
  if (current.rlim_max < hard) return absl::OkStatus();
  if (::setrlimit(static_cast<__rlimit_resource>(resource), &limit) != 0) {
    return absl::ErrnoToStatus(errno, "limiting the plugin's process");
  }
  return absl::OkStatus();
}

// A filter over system calls: denied ones fail with EPERM, as if the user lacked the right.
class Filter {
 public:
  Filter() {
    Load(offsetof(seccomp_data, arch));
    code_.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, kArchitecture, 1, 0));
    Return(SECCOMP_RET_KILL_PROCESS);  // system calls of another architecture would pass by the numbers below
    LoadNumber();
#if defined(__x86_64__)
    constexpr std::uint32_t kX32 = 0x40000000;  // a second set of numbers for the same calls
    code_.push_back(BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, kX32, 0, 1));
    Return(SECCOMP_RET_ERRNO | EPERM);
#endif
  }

  void Deny(long number, int error = EPERM) {
    code_.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<std::uint32_t>(number), 0, 1));
    Return(SECCOMP_RET_ERRNO | static_cast<std::uint32_t>(error));
  }

  // Denies the call when (argument & mask) != 0, or with `unless` when it is 0.
  void DenyFlags(long number, std::uint32_t argument, std::uint32_t mask, bool unless = false) {
    code_.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<std::uint32_t>(number), 0, 4));
    Load(static_cast<std::uint32_t>(offsetof(seccomp_data, args)) + argument * 8);  // little-endian: the low half
    code_.push_back(BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, mask, static_cast<std::uint8_t>(unless ? 1 : 0),
                             static_cast<std::uint8_t>(unless ? 0 : 1)));
    Return(SECCOMP_RET_ERRNO | EPERM);
    LoadNumber();
  }

  absl::Status Install() {
    Return(SECCOMP_RET_ALLOW);
    const sock_fprog program = {static_cast<unsigned short>(code_.size()), code_.data()};
    if (::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) != 0 && errno != EINVAL && errno != ENOSYS) {
      return absl::ErrnoToStatus(errno, "filtering the system calls of the plugin's process");
    }
    return absl::OkStatus();  // a kernel without filters still has the limits
  }

 private:
  void Load(std::size_t offset) {
    code_.push_back(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, static_cast<std::uint32_t>(offset)));
  }
  void LoadNumber() {
    Load(offsetof(seccomp_data, nr));
  }
  void Return(std::uint32_t action) {
    code_.push_back(BPF_STMT(BPF_RET | BPF_K, action));
  }

  std::vector<sock_filter> code_;
};

absl::Status FilterSystemCalls() {
  Filter filter;
  for (const long number : {
         SYS_socket, SYS_socketpair, SYS_connect, SYS_bind, SYS_listen, SYS_accept, SYS_accept4, SYS_execve,
             SYS_execveat, SYS_ptrace, SYS_process_vm_readv, SYS_process_vm_writev, SYS_kill, SYS_tkill,
             SYS_pidfd_send_signal, SYS_pidfd_getfd, SYS_io_uring_setup, SYS_unlinkat, SYS_renameat2, SYS_truncate,
             SYS_mkdirat, SYS_symlinkat, SYS_linkat, SYS_fchmodat, SYS_fchownat, SYS_mknodat, SYS_setsid, SYS_setpgid,
#if defined(__x86_64__)
             SYS_fork, SYS_vfork, SYS_creat, SYS_unlink, SYS_rmdir, SYS_rename, SYS_renameat, SYS_mkdir, SYS_symlink,
             SYS_link, SYS_chmod, SYS_chown, SYS_lchown, SYS_mknod,
#endif
       }) {
    filter.Deny(number);
  }
  // Their flags lie behind a pointer that a filter cannot follow; libc falls back to clone and openat.
  filter.Deny(SYS_clone3, ENOSYS);
  filter.Deny(SYS_openat2, ENOSYS);
  filter.DenyFlags(SYS_clone, 0, CLONE_THREAD, true);
  constexpr std::uint32_t kWriting = O_WRONLY | O_RDWR | O_CREAT | O_TRUNC;
  filter.DenyFlags(SYS_openat, 2, kWriting);
#if defined(__x86_64__)
  filter.DenyFlags(SYS_open, 1, kWriting);
#endif
  return filter.Install();
}

}  // namespace

absl::Status ConfineProcess(const ConnectorLimits& limits) {
  absl::Status status = Limit(RLIMIT_CORE, 0, 0);
  if (status.ok()) status = Limit(RLIMIT_FSIZE, 0, 0);
  if (status.ok() && limits.open_files != 0) status = Limit(RLIMIT_NOFILE, limits.open_files, limits.open_files);
  // A second more until SIGKILL follows SIGXCPU, by which the server knows the reason.
  if (status.ok() && limits.cpu_seconds != 0) status = Limit(RLIMIT_CPU, limits.cpu_seconds, limits.cpu_seconds + 1);
  if (status.ok() && limits.memory_bytes != 0 && !kSanitized) {
    status = Limit(RLIMIT_AS, limits.memory_bytes, limits.memory_bytes);
  }
  if (!status.ok()) return status;
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return absl::ErrnoToStatus(errno, "giving up new privileges");
  return kSanitized ? absl::OkStatus() : FilterSystemCalls();
}

}  // namespace partnermetrics::connectors
