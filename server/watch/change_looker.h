// Finds what changes about partners: looks at all of them again and again, and writes what differs into a journal.
//
//   ASSIGN_OR_RETURN(auto looker, ChangeLooker::Open(program, programs, folder, options));
//   RETURN_IF_ERROR(looker->Look());
//   looker->journal()->Read(…);
//   RETURN_IF_ERROR(looker->Close());
//
// A look evaluates tiers and scores of every partner as of a day at a position of the log, and its interventions at the
// same or a later one; what differs from the look before are the changes of that point. When the day has turned, the
// first look is as of the old day still, and one follows for each day since: a change has to do either with facts or
// with a day, never with both.
//
// Thread-compatible; the journal is thread-safe.
#ifndef PARTNERMETRICS_SERVER_WATCH_CHANGE_LOOKER_H_
#define PARTNERMETRICS_SERVER_WATCH_CHANGE_LOOKER_H_

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/ingest/programs.h"
#include "server/views/standings_table.h"
#include "server/watch/change_journal.h"
#include "server/watch/intervention_looker.h"

namespace partnermetrics {

class ChangeLooker {
 public:
  // Goes on with the journal in the folder, or begins one. After an error of a look, open anew: it knows more than it
  // wrote.
  static absl::StatusOr<std::unique_ptr<ChangeLooker>> Open(ProgramRuntime& program, const Programs& programs,
                                                            std::string folder, const ChangeJournal::Options& options);

  // Looks as of today, and before as of the days since the last look.
  absl::Status Look();

  // Notes in the journal up to where nothing changed.
  absl::Status Close();

  std::shared_ptr<const ChangeJournal> journal() const { return journal_; }

 private:
  // What is looked at of each partner.
  struct Series {
    v1::ChangeKind kind = v1::CHANGE_KIND_UNSPECIFIED;
    std::string model_id, model_name;
  };
  // A value that a partner had when it was last told.
  struct Known {
    uint32_t series = 0;
    uint32_t text = 0;  // id and display, by number
    int32_t percent = 0;
    double value = 0;
  };
  using KnownValues = std::vector<Known>;
  using Changes = std::vector<v1::PartnerChange>;
  // What a column of the table tells: a tier, or a score with its band.
  struct Column {
    const CompiledScore* score = nullptr;  // null: the tier
    std::vector<uint32_t> series;          // the kinds that are made of it
  };

  ChangeLooker(ProgramRuntime& program, const Programs& programs)
      : program_(program), programs_(programs), interventions_(program, programs) {}

  absl::Status LookAsOf(Day day, uint64_t position);
  std::vector<StandingsKey> Choose(const Catalog& catalog);
  absl::Status Take(absl::Span<const Standings> columns, const ChangePoint& point);
  Changes ChangesOf(absl::Span<const Standings> columns);
  // The values of a partner as they are in the table.
  KnownValues ValuesOf(absl::Span<const Standings> columns, uint32_t partner);
  // Adds what was told of the column last.
  void KeepKnown(const std::string& partner_id, const Column& column, KnownValues& values) const;
  std::optional<Known> ValueOf(const Standings& standings, const Column& column, uint32_t series, double value);
  // Takes the values over and adds what differs; of scores within their step the old value stays.
  void Compare(const std::string& partner_id, const std::string& name, const KnownValues& values, Changes& changes);
  bool Differs(const Known& before, const Known& after) const;
  v1::PartnerChange ChangeOf(const std::string& partner_id, const std::string& name, const Known* before,
                             const Known* after) const;
  v1::ChangeSide SideOf(const Known& known) const;
  absl::Status BeginFile(absl::Span<const Standings> columns, const ChangePoint& point);
  // Takes over what the journal says.
  void Restore(const v1::PartnerChange& change);
  uint32_t SeriesNumber(v1::ChangeKind kind, const std::string& model_id, const std::string& model_name);
  uint32_t TextNumber(const std::string& id, const std::string& display);

  ProgramRuntime& program_;
  const Programs& programs_;
  std::shared_ptr<ChangeJournal> journal_;
  std::unique_ptr<StandingsTable> table_;  // from the first look on that has something to do
  std::vector<Column> columns_;            // as they were chosen last
  std::vector<Series> series_;
  std::vector<std::pair<std::string, std::string>> texts_;  // id and display of tiers and bands
  std::map<std::pair<std::string, std::string>, uint32_t> text_numbers_;
  absl::flat_hash_map<std::string, KnownValues> known_;  // by partner; values by series
  InterventionLooker interventions_;
  std::optional<ChangePoint> looked_at_;  // the last look of this looker
};

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_SERVER_WATCH_CHANGE_LOOKER_H_
