#include "tests/storage/fault_file_system.h"

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/strings/match.h"
#include "rocksdb/system_clock.h"

namespace partnermetrics::storage {

using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;

namespace {

class ImpatientClock : public rocksdb::SystemClockWrapper {
 public:
  ImpatientClock() : SystemClockWrapper(rocksdb::SystemClock::Default()) {}
  const char* Name() const override { return "ImpatientClock"; }
  void SleepForMicroseconds(int micros) override { target_->SleepForMicroseconds(std::min(micros, 1000)); }
};

}  // namespace

FaultEnv::FaultEnv(const std::shared_ptr<FaultFileSystem>& files) : EnvWrapper(rocksdb::Env::Default()) {
  file_system_ = files;
  system_clock_ = std::make_shared<ImpatientClock>();
}

class FaultFile : public rocksdb::FSWritableFileOwnerWrapper {
 public:
  FaultFile(FaultFileSystem& files, std::string name, std::unique_ptr<rocksdb::FSWritableFile> file)
      : FSWritableFileOwnerWrapper(std::move(file)), files_(files), name_(std::move(name)) {}

  IOStatus Append(const rocksdb::Slice& data, const IOOptions& options, IODebugContext* context) override {
    const IOStatus fault = files_.Check(FaultFileSystem::Op::kAppend, name_);
    if (!fault.ok()) {
      if (!fault.GetDataLoss()) target()->Append({data.data(), data.size() / 2}, options, context);
      return fault;
    }
    size_ += data.size();
    return target()->Append(data, options, context);
  }
  IOStatus Append(const rocksdb::Slice& data, const IOOptions& options, const rocksdb::DataVerificationInfo& /*info*/,
                  IODebugContext* context) override {
    return Append(data, options, context);
  }
  IOStatus Sync(const IOOptions& options, IODebugContext* context) override {
    // A failing sync may have written all the same; this one always has.
    const IOStatus synced = target()->Sync(options, context);
    const IOStatus fault = files_.Check(FaultFileSystem::Op::kSync, name_);
    if (!fault.ok()) return fault;
    if (synced.ok()) files_.NoteSynced(name_, size_);
    return synced;
  }
  IOStatus Fsync(const IOOptions& options, IODebugContext* context) override { return Sync(options, context); }
  IOStatus RangeSync(uint64_t /*offset*/, uint64_t /*bytes*/, const IOOptions& /*options*/,
                     IODebugContext* /*context*/) override {
    return IOStatus::OK();  // promises nothing
  }
  IOStatus Close(const IOOptions& options, IODebugContext* context) override {
    return target()->Close(options, context);
  }

 private:
  FaultFileSystem& files_;
  const std::string name_;
  uint64_t size_ = 0;
};

class FaultSequentialFile : public rocksdb::FSSequentialFileOwnerWrapper {
 public:
  FaultSequentialFile(FaultFileSystem& files, std::string name, std::unique_ptr<rocksdb::FSSequentialFile> file)
      : FSSequentialFileOwnerWrapper(std::move(file)), files_(files), name_(std::move(name)) {}

  IOStatus Read(size_t bytes, const IOOptions& options, rocksdb::Slice* result, char* scratch,
                IODebugContext* context) override {
    const IOStatus fault = files_.Check(FaultFileSystem::Op::kRead, name_);
    return fault.ok() ? target()->Read(bytes, options, result, scratch, context) : fault;
  }

 private:
  FaultFileSystem& files_;
  const std::string name_;
};

class FaultRandomAccessFile : public rocksdb::FSRandomAccessFileOwnerWrapper {
 public:
  FaultRandomAccessFile(FaultFileSystem& files, std::string name, std::unique_ptr<rocksdb::FSRandomAccessFile> file)
      : FSRandomAccessFileOwnerWrapper(std::move(file)), files_(files), name_(std::move(name)) {}

  IOStatus Read(uint64_t offset, size_t bytes, const IOOptions& options, rocksdb::Slice* result, char* scratch,
                IODebugContext* context) const override {
    const IOStatus fault = files_.Check(FaultFileSystem::Op::kRead, name_);
    return fault.ok() ? target()->Read(offset, bytes, options, result, scratch, context) : fault;
  }
  IOStatus MultiRead(rocksdb::FSReadRequest* requests, size_t count, const IOOptions& options,
                     IODebugContext* context) override {
    for (size_t i = 0; i < count; ++i) {
      rocksdb::FSReadRequest& request = requests[i];
      request.status = Read(request.offset, request.len, options, &request.result, request.scratch, context);
    }
    return IOStatus::OK();
  }

 private:
  FaultFileSystem& files_;
  const std::string name_;
};

void FaultFileSystem::FailNext(Op op, const std::string& suffix, Error error, int64_t skip, int64_t times) {
  MutexLock lock(&mutex_);
  op_ = op;
  suffix_ = suffix;
  error_ = error;
  skip_ = skip;
  times_ = times;
  failures_ = 0;
}

int64_t FaultFileSystem::failures() const {
  MutexLock lock(&mutex_);
  return failures_;
}

int64_t FaultFileSystem::skips_left() const {
  MutexLock lock(&mutex_);
  return skip_;
}

void FaultFileSystem::set_free_bytes(uint64_t bytes) {
  MutexLock lock(&mutex_);
  free_bytes_ = bytes;
}

void FaultFileSystem::CutPower() {
  MutexLock lock(&mutex_);
  power_ = false;
}

void FaultFileSystem::DropUnsynced() {
  MutexLock lock(&mutex_);
  for (const auto& [name, bytes] : synced_) {
    std::error_code error;
    if (std::filesystem::file_size(name, error) > bytes && !error) std::filesystem::resize_file(name, bytes, error);
  }
  synced_.clear();
  power_ = true;
}

IOStatus FaultFileSystem::Check(Op op, const std::string& name) {
  MutexLock lock(&mutex_);
  if (!power_) {
    IOStatus cut = IOStatus::IOError("power cut", name);
    cut.SetDataLoss(true);
    return cut;
  }
  const bool is_meant = op_ == op || (op_ == Op::kAny && op != Op::kRead);
  if (times_ == 0 || !is_meant || !absl::EndsWith(name, suffix_)) return IOStatus::OK();
  if (skip_ > 0) {
    --skip_;
    return IOStatus::OK();
  }
  --times_;
  ++failures_;
  return error_ == Error::kNoSpace ? IOStatus::NoSpace("injected", name) : IOStatus::IOError("injected", name);
}

void FaultFileSystem::NoteSynced(const std::string& name, uint64_t bytes) {
  MutexLock lock(&mutex_);
  if (power_) synced_[name] = bytes;
}

IOStatus FaultFileSystem::NewWritableFile(const std::string& name, const rocksdb::FileOptions& options,
                                          std::unique_ptr<rocksdb::FSWritableFile>* result, IODebugContext* context) {
  const IOStatus fault = Check(Op::kOpen, name);
  if (!fault.ok()) return fault;
  std::unique_ptr<rocksdb::FSWritableFile> file;
  const IOStatus status = FileSystemWrapper::NewWritableFile(name, options, &file, context);
  if (!status.ok()) return status;
  NoteSynced(name, 0);
  *result = std::make_unique<FaultFile>(*this, name, std::move(file));
  return status;
}

IOStatus FaultFileSystem::NewSequentialFile(const std::string& name, const rocksdb::FileOptions& options,
                                            std::unique_ptr<rocksdb::FSSequentialFile>* result,
                                            IODebugContext* context) {
  const IOStatus fault = Check(Op::kRead, name);
  if (!fault.ok()) return fault;
  std::unique_ptr<rocksdb::FSSequentialFile> file;
  const IOStatus status = FileSystemWrapper::NewSequentialFile(name, options, &file, context);
  if (status.ok()) *result = std::make_unique<FaultSequentialFile>(*this, name, std::move(file));
  return status;
}

IOStatus FaultFileSystem::NewRandomAccessFile(const std::string& name, const rocksdb::FileOptions& options,
                                              std::unique_ptr<rocksdb::FSRandomAccessFile>* result,
                                              IODebugContext* context) {
  const IOStatus fault = Check(Op::kRead, name);
  if (!fault.ok()) return fault;
  std::unique_ptr<rocksdb::FSRandomAccessFile> file;
  const IOStatus status = FileSystemWrapper::NewRandomAccessFile(name, options, &file, context);
  if (status.ok()) *result = std::make_unique<FaultRandomAccessFile>(*this, name, std::move(file));
  return status;
}

IOStatus FaultFileSystem::GetChildren(const std::string& folder, const IOOptions& options,
                                      std::vector<std::string>* names, IODebugContext* context) {
  const IOStatus fault = Check(Op::kRead, folder);
  return fault.ok() ? FileSystemWrapper::GetChildren(folder, options, names, context) : fault;
}

IOStatus FaultFileSystem::GetFileSize(const std::string& name, const IOOptions& options, uint64_t* bytes,
                                      IODebugContext* context) {
  const IOStatus fault = Check(Op::kRead, name);
  return fault.ok() ? FileSystemWrapper::GetFileSize(name, options, bytes, context) : fault;
}

IOStatus FaultFileSystem::FileExists(const std::string& name, const IOOptions& options, IODebugContext* context) {
  const IOStatus fault = Check(Op::kRead, name);
  return fault.ok() ? FileSystemWrapper::FileExists(name, options, context) : fault;
}

IOStatus FaultFileSystem::RenameFile(const std::string& from, const std::string& to, const IOOptions& options,
                                     IODebugContext* context) {
  const IOStatus fault = Check(Op::kRename, to);
  if (!fault.ok()) return fault;
  const IOStatus status = FileSystemWrapper::RenameFile(from, to, options, context);
  MutexLock lock(&mutex_);
  if (const auto found = synced_.find(from); status.ok() && found != synced_.end()) {
    synced_[to] = found->second;
    synced_.erase(found);
  }
  return status;
}

IOStatus FaultFileSystem::DeleteFile(const std::string& name, const IOOptions& options, IODebugContext* context) {
  MutexLock lock(&mutex_);
  if (!power_) return IOStatus::IOError("power cut", name);
  synced_.erase(name);
  return FileSystemWrapper::DeleteFile(name, options, context);
}

IOStatus FaultFileSystem::GetFreeSpace(const std::string& /*path*/, const IOOptions& /*options*/, uint64_t* bytes,
                                       IODebugContext* /*context*/) {
  MutexLock lock(&mutex_);
  *bytes = free_bytes_;
  return IOStatus::OK();
}

}  // namespace partnermetrics::storage
