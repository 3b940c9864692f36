#include "server/watch/change_feeds.h"

#include "absl/strings/str_cat.h"

namespace partnermetrics {

ChangeFeeds::ChangeFeeds(Programs& programs) {
  const storage::DatabaseOptions& database = programs.database().options();
  for (const auto& program : programs.all()) {
    ChangeFeed::Options options;
    options.folder = absl::StrCat(database.data_dir, "/changes/", program->id());
    options.journal.sync = database.sync;
    feeds_.emplace(program.get(), std::make_unique<ChangeFeed>(*program, programs, std::move(options)));
  }
}

}  // namespace partnermetrics
