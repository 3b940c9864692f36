// Mutexes that clang's thread-safety analysis understands (and ThreadSanitizer, which absl::Mutex of our package
// confuses).
//
//   class Counter {
//     void Add() {
//       MutexLock lock(&mutex_);
//       ++value_;
//     }
//     Mutex mutex_;
//     int value_ PM_GUARDED_BY(mutex_) = 0;
//   };
//
// To wait: std::condition_variable_any changed_; MutexLock lock(&mutex_); while (!done_) changed_.wait(mutex_);
// The loop stands in the locking function itself: the analysis does not see through a predicate.
#ifndef PARTNERMETRICS_STORAGE_MUTEX_H_
#define PARTNERMETRICS_STORAGE_MUTEX_H_

#include <mutex>
#include <shared_mutex>

#if defined(__clang__)
#define PM_THREAD_ATTRIBUTE(x) __attribute__((x))
#else
#define PM_THREAD_ATTRIBUTE(x)
#endif

#define PM_GUARDED_BY(x) PM_THREAD_ATTRIBUTE(guarded_by(x))
#define PM_PT_GUARDED_BY(x) PM_THREAD_ATTRIBUTE(pt_guarded_by(x))
#define PM_REQUIRES(...) PM_THREAD_ATTRIBUTE(requires_capability(__VA_ARGS__))
#define PM_REQUIRES_SHARED(...) PM_THREAD_ATTRIBUTE(requires_shared_capability(__VA_ARGS__))
#define PM_EXCLUDES(...) PM_THREAD_ATTRIBUTE(locks_excluded(__VA_ARGS__))
#define PM_NO_THREAD_SAFETY_ANALYSIS PM_THREAD_ATTRIBUTE(no_thread_safety_analysis)

namespace partnermetrics {

class PM_THREAD_ATTRIBUTE(capability("mutex")) Mutex {
 public:
  void lock() PM_THREAD_ATTRIBUTE(acquire_capability()) { mutex_.lock(); }
  void unlock() PM_THREAD_ATTRIBUTE(release_capability()) { mutex_.unlock(); }

 private:
  std::mutex mutex_;
};

// Held by one writer or by any number of readers.
class PM_THREAD_ATTRIBUTE(capability("mutex")) SharedMutex {
 public:
  void lock() PM_THREAD_ATTRIBUTE(acquire_capability()) { mutex_.lock(); }
  void unlock() PM_THREAD_ATTRIBUTE(release_capability()) { mutex_.unlock(); }
  void lock_shared() PM_THREAD_ATTRIBUTE(acquire_shared_capability()) { mutex_.lock_shared(); }
  void unlock_shared() PM_THREAD_ATTRIBUTE(release_shared_capability()) { mutex_.unlock_shared(); }

 private:
  std::shared_mutex mutex_;
};

class PM_THREAD_ATTRIBUTE(scoped_lockable) MutexLock {
 public:
  explicit MutexLock(Mutex* mutex) PM_THREAD_ATTRIBUTE(acquire_capability(mutex)) : mutex_(*mutex) { mutex_.lock(); }
  ~MutexLock() PM_THREAD_ATTRIBUTE(release_capability()) { mutex_.unlock(); }
  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;

 private:
  Mutex& mutex_;
};

class PM_THREAD_ATTRIBUTE(scoped_lockable) WriterLock {
 public:
  explicit WriterLock(SharedMutex* mutex) PM_THREAD_ATTRIBUTE(acquire_capability(mutex)) : mutex_(*mutex) {
    mutex_.lock();
  }
  ~WriterLock() PM_THREAD_ATTRIBUTE(release_capability()) { mutex_.unlock(); }
  WriterLock(const WriterLock&) = delete;
  WriterLock& operator=(const WriterLock&) = delete;

 private:
  SharedMutex& mutex_;
};

class PM_THREAD_ATTRIBUTE(scoped_lockable) ReaderLock {
 public:
  explicit ReaderLock(SharedMutex* mutex) PM_THREAD_ATTRIBUTE(acquire_shared_capability(mutex)) : mutex_(*mutex) {
    mutex_.lock_shared();
  }
  ~ReaderLock() PM_THREAD_ATTRIBUTE(release_capability()) { mutex_.unlock_shared(); }
  ReaderLock(const ReaderLock&) = delete;
  ReaderLock& operator=(const ReaderLock&) = delete;

 private:
  SharedMutex& mutex_;
};

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_STORAGE_MUTEX_H_
