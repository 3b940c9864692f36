// A folder for one test, deleted with the object unless the test failed: then it stays as evidence. In memory when
// there is no TEST_TMPDIR: what our tests lose, they lose by themselves, and a real disk would only make them wait.
#ifndef PARTNERMETRICS_TESTS_STORAGE_TEMP_DIR_H_
#define PARTNERMETRICS_TESTS_STORAGE_TEMP_DIR_H_

#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include <filesystem>
#include <iostream>
#include <string>
#include <system_error>

namespace partnermetrics::storage {

class TempDir {
 public:
  TempDir() : path_(Root() + "/pm_XXXXXX") {
    if (mkdtemp(path_.data()) == nullptr) ADD_FAILURE() << "no temporary folder at " << path_;
  }
  ~TempDir() {
    std::error_code error;
    if (!testing::Test::HasFailure()) {
      std::filesystem::remove_all(path_, error);
    } else {
      std::cerr << "the data of this test is kept in " << path_ << "\n";
    }
  }
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;

  const std::string& path() const { return path_; }

 private:
  static std::string Root() {
    if (const char* root = getenv("TEST_TMPDIR"); root != nullptr) return root;
    return access("/dev/shm", W_OK) == 0 ? "/dev/shm" : testing::TempDir();
  }

  std::string path_;
};

}  // namespace partnermetrics::storage

#endif  // PARTNERMETRICS_TESTS_STORAGE_TEMP_DIR_H_
