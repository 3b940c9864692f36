// What a fact that changes adds to the cells: the difference of what it counted and what it counts now. Most of what a
// fact counts stays as it was when it is corrected or gets another partner, and touches no cell.
//
//   difference.Begin(same_rows);
//   difference.Take(kind, scopes, rows, entries, -1);    // what it counted, group by group
//   difference.Take(kind, scopes, rows, entries, +1);    // what it counts now
//   RETURN_IF_ERROR(difference.AddTo(cells));
//
// Thread-safety: none; it belongs to the applier.
#ifndef PARTNERMETRICS_SERVER_ENGINE_COUNTED_DIFFERENCE_H_
#define PARTNERMETRICS_SERVER_ENGINE_COUNTED_DIFFERENCE_H_

#include <cstdint>
#include <vector>

#include "absl/container/inlined_vector.h"
#include "absl/status/status.h"
#include "absl/types/span.h"
#include "server/engine/cells.h"

namespace partnermetrics {

// Contributions that were made with one view of a fact, for some scopes. Only groups of one kind are compared.
enum class CountedAs {
  kEverywhere,  // measures that are the same in all scopes: one group
  kWhole,       // as business, programme and direct part see it: one group
  kPartners,    // as the scope sees it: a group for each scope
};

class CountedDifference {
 public:
  // `same_rows`: nothing that contributions are made of changes but roles and shares.
  void Begin(bool same_rows);
  bool is_open() const { return is_open_; }
  void Take(CountedAs kind, absl::Span<const uint32_t> scopes, absl::Span<const RowContribution> rows,
            absl::Span<const EntryContribution> entries, int sign);
  // Takes for these scopes what was taken back as kEverywhere, if it is the same by what Begin was told. False: it is
  // to be made.
  bool TakeAgain(absl::Span<const uint32_t> scopes);
  // Adds the difference, and ends.
  absl::Status AddTo(CellTable& cells);
  void Forget() { is_open_ = false; }

 private:
  using Scopes = absl::InlinedVector<uint32_t, 8>;
  struct Group {
    CountedAs kind;
    Scopes scopes;
    size_t first_row, rows, first_entry, entries;  // places in rows_ and entries_
  };
  // The group of what was taken back that one of what counts now is compared with; null: none.
  Group* PartnerOf(const Group& now);
  absl::Status Add(CellTable& cells, const Scopes& scopes, const Group& group, int sign);
  // Adds the difference of two groups in scopes that both have.
  absl::Status AddBetween(CellTable& cells, const Scopes& scopes, const Group& before, const Group& now);

  bool is_open_ = false, same_rows_ = false;
  std::vector<Group> before_, now_;
  std::vector<RowContribution> rows_, changed_rows_;
  std::vector<EntryContribution> entries_, changed_entries_;
  std::vector<bool> matched_;  // reused
};

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_SERVER_ENGINE_COUNTED_DIFFERENCE_H_
